"""The molecule that RDKit gets from a mapping."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from herobm.chem.molecule import molecule
from herobm.dsl import build_mapping, load_mapping, parse
from herobm.dsl.model import Mapping
from herobm.errors import DslCheckError

ROOT = Path(__file__).resolve().parents[2]
PROTEIN = ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein"
LIGANDS = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps"


def mapping_of(text: str) -> Mapping:
    return build_mapping(parse(text))


def test_caffeine_is_caffeine() -> None:
    built = molecule(load_mapping(LIGANDS / "cff.map"))
    expected = Chem.CanonSmiles("CN1C=NC2=C1C(=O)N(C)C(=O)N2C")
    assert Chem.MolToSmiles(Chem.RemoveHs(built.mol)) == expected
    assert built.mol.GetAtomWithIdx(built.index["O11"]).GetSymbol() == "O"
    assert built.name_of(built.index["O11"]) == "O11"
    assert built.beyond == {}


@pytest.mark.parametrize(("name", "center"), [("ala", "CA"), ("ile", "CB"), ("thr", "CB")])
def test_residues_have_the_hand_of_their_labels(name: str, center: str) -> None:
    mapping = load_mapping(PROTEIN / f"{name}.map")
    wanted = {s.atoms[0]: s.label for s in mapping.stereo}
    built = molecule(mapping)
    Chem.rdCIPLabeler.AssignCIPLabels(built.mol)
    assert built.mol.GetAtomWithIdx(built.index[center]).GetProp("_CIPCode") == wanted[center]
    assert sorted(map(str, built.beyond.values())) == ["+N", "-C"]


def test_charges_and_sides_are_those_of_the_mapping() -> None:
    built = molecule(
        mapping_of(
            "molecule: LIG\natoms:\n  C1: B P1A\n  C2: B P1B\n  C3: B P1C\n  C4: B P1D\n"
            "  O1: B P1E\nbonds:\n  C1-C2, C3=C2, C3-C4, C4-O1\ncharges:\n  O1: -1\n"
            "stereo:\n  C2=C3: Z\n"
        )
    )
    assert Chem.MolToSmiles(built.mol) == Chem.CanonSmiles("C/C=C\\C[O-]")


def test_an_impossible_molecule_is_refused_with_a_hint() -> None:
    names = "ABCDEF"
    text = "molecule: LIG\natoms:\n" + "".join(f"  C{i}: B P1{n}\n" for i, n in enumerate(names))
    text += "bonds:\n  " + ", ".join(f"C0-C{i}" for i in range(1, 6)) + "\n"
    with pytest.raises(DslCheckError, match="RDKit does not accept") as raised:
        molecule(mapping_of(text))
    assert raised.value.hint is not None
    assert "--chemistry" in raised.value.hint
