"""Bonds, charges, hydrogens and stereo, held against RDKit and a crystal structure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula
from rdkit.Geometry import Point3D

from herobm.dsl.model import Mapping, MappingSet
from herobm.io import read_atoms
from herobm.plan import compile_library
from herobm.types import Atoms

ORDERS = {
    "-": Chem.BondType.SINGLE,
    "=": Chem.BondType.DOUBLE,
    "#": Chem.BondType.TRIPLE,
    ":": Chem.BondType.AROMATIC,
}
#: Atoms bonded to another residue in a way that `bonds` cannot say.
CROSSLINKED = {"CYX": "SG"}
FORMULAS = {  # of the zwitterion
    "GLY": "C2H5NO2", "ALA": "C3H7NO2", "ARG": "C6H15N4O2+", "ASN": "C4H8N2O3", "ASP": "C4H6NO4-",
    "CYS": "C3H7NO2S", "GLN": "C5H10N2O3", "GLU": "C5H8NO4-", "HIS": "C6H9N3O2",
    "ILE": "C6H13NO2", "LEU": "C6H13NO2", "LYS": "C6H15N2O2+", "MET": "C5H11NO2S",
    "PHE": "C9H11NO2", "PRO": "C5H9NO2", "SER": "C3H7NO3", "THR": "C4H9NO3",
    "TRP": "C11H12N2O2", "TYR": "C9H11NO3", "VAL": "C5H11NO2", "HID": "C6H9N3O2",
    "HIP": "C6H10N3O2+", "ASH": "C4H7NO4", "GLH": "C5H9NO4", "LYN": "C6H14N2O2",
    "CYM": "C3H6NO2S-",
}  # fmt: skip


def molecule(mapping: Mapping, hydrogens: bool = True) -> tuple[Chem.RWMol, dict[str, int]]:
    """Build what the file says; without hydrogens RDKit fills them in."""
    built = Chem.RWMol()
    index: dict[str, int] = {}
    for atom in mapping.atoms:
        if hydrogens or atom.element != "H":
            made = Chem.Atom(atom.element)
            made.SetFormalCharge(mapping.charges.get(atom.name, 0))
            made.SetNoImplicit(hydrogens)
            index[atom.name] = built.AddAtom(made)
    for bond in mapping.bonds:
        a, b = bond.a, bond.b
        if a.offset == b.offset == 0 and a.name in index and b.name in index:
            built.AddBond(index[a.name], index[b.name], ORDERS[bond.symbol])
            for end in (a, b):
                if bond.symbol == ":":
                    built.GetAtomWithIdx(index[end.name]).SetIsAromatic(True)
    return built, index


def link(built: Chem.RWMol, index: dict[str, int], mapping: Mapping) -> None:
    """Bond the molecule to the residues around it, each as one atom that fills itself up."""
    ends = {b.a.name: b.b.name for b in mapping.bonds if b.b.offset}
    if "C" in ends and "N" in index:
        ends["N"] = "C"  # the bond C-+N of the residue before
    if atom := CROSSLINKED.get(mapping.name):
        ends[atom] = atom
    for here, there in ends.items():
        index[f"beyond {here}"] = built.AddAtom(Chem.Atom(there[0]))
        built.AddBond(index[here], index[f"beyond {here}"], Chem.BondType.SINGLE)


def whole_residues(protein: MappingSet) -> list[Mapping]:
    return [mapping for mapping in protein if mapping.at is None]


def test_each_residue_is_a_molecule_without_a_free_valence(protein: MappingSet) -> None:
    for mapping in whole_residues(protein):
        built, index = molecule(mapping)
        link(built, index, mapping)
        Chem.SanitizeMol(built)
        assert len(Chem.GetMolFrags(built)) == 1, mapping.name
        radicals = [n for n, i in index.items() if built.GetAtomWithIdx(i).GetNumRadicalElectrons()]
        assert not radicals, f"{mapping.name}: {radicals}"


@pytest.mark.parametrize("residue", FORMULAS)
def test_a_residue_with_both_chain_ends_is_the_amino_acid(
    residue: str, protein: MappingSet
) -> None:
    template = compile_library(protein).get(residue)
    assert template is not None
    built, _ = molecule(template.mapping)
    Chem.SanitizeMol(built)
    assert CalcMolFormula(built) == FORMULAS[residue]
    assert not any(atom.GetNumRadicalElectrons() for atom in built.GetAtoms())


@pytest.fixture(scope="module")
def lysozyme(pairs: Path) -> Atoms:
    """Hen egg-white lysozyme, which has all 20 amino acids."""
    return read_atoms(pairs / "tier-1" / "lysozyme_GO" / "aa.pdb", "protein")


def place_of(atoms: Atoms, residue: int) -> dict[str, np.ndarray]:
    mine = np.flatnonzero(atoms.residue_index == residue)
    found = {str(atoms.names[i]): atoms.positions[i] for i in mine}
    after = np.flatnonzero((atoms.residue_index == residue + 1) & (atoms.names == "N"))
    return found | {"beyond C": atoms.positions[after[0]]}


def labels_in_space(mapping: Mapping, places: dict[str, np.ndarray]) -> dict[str, str]:
    """CIP labels of the heavy atoms where a crystal has them."""
    built, index = molecule(mapping, hydrogens=False)
    index["beyond C"] = built.AddAtom(Chem.Atom("N"))
    built.AddBond(index["C"], index["beyond C"], Chem.BondType.SINGLE)
    for name, here in index.items():
        if name in ("ND1", "NE1", "NE2") and built.GetAtomWithIdx(here).GetIsAromatic():
            held = any(b.a.name == name and b.b.name.startswith("H") for b in mapping.bonds)
            built.GetAtomWithIdx(here).SetNumExplicitHs(int(held))
    conformer = Chem.Conformer(built.GetNumAtoms())
    for name, here in index.items():
        conformer.SetAtomPosition(here, Point3D(*map(float, places[name])))
    built.AddConformer(conformer)
    Chem.SanitizeMol(built)
    Chem.AssignStereochemistryFrom3D(built)
    names = {here: name for name, here in index.items()}
    return {
        names[atom.GetIdx()]: atom.GetProp("_CIPCode")
        for atom in built.GetAtoms()
        if atom.HasProp("_CIPCode")
    }


def test_stereo_is_that_of_a_natural_protein(protein: MappingSet, lysozyme: Atoms) -> None:
    names = lysozyme.residues.names.tolist()
    parents = {"CYX": "CYS", "CYM": "CYS", "HID": "HIS", "HIP": "HIS", "ASH": "ASP"}
    parents |= {"GLH": "GLU", "LYN": "LYS"}
    for mapping in whole_residues(protein):
        if mapping.name in ("ACE", "NME"):
            assert not mapping.stereo
            continue
        residue = names.index(parents.get(mapping.name, mapping.name))
        found = labels_in_space(mapping, place_of(lysozyme, residue))
        assert {s.atoms[0]: s.label for s in mapping.stereo} == found, mapping.name
