"""Suggested mappings: partition, names, determinism, stereo, and beads of a model of one's own."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from herobm.chem.checks.mapping import check_chemistry_files
from herobm.chem.molecule import molecule
from herobm.chem.suggest import suggest
from herobm.chem.suggest.cg import beads_of
from herobm.chem.suggest.graph import canonical
from herobm.chem.suggest.ligand import Ligand
from herobm.chem.suggest.partition import partition
from herobm.chem.suggest.read import read_ligand, read_smiles
from herobm.chem.suggest.structure import Placed, place
from herobm.dsl import check, parse
from herobm.dsl.convert import write_map
from herobm.dsl.model import Mapping
from herobm.errors import StructureError
from herobm.types import Atoms, Beads, Residues

DRUGS = [
    line.split()
    for line in (Path(__file__).parents[1] / "data" / "drugs.smi").read_text().splitlines()
    if not line.startswith("#")
]
SLOW = {"cyclosporin", "erythromycin", "cholesterol", "paclitaxel"}


def beads_in(mapping: Mapping) -> set[frozenset[str]]:
    """Heavy atoms of each bead."""
    found: dict[str, set[str]] = {}
    for atom in mapping.atoms:
        if atom.element != "H":
            for home in atom.placements:
                found.setdefault(home.bead, set()).add(atom.name)
    return {frozenset(names) for names in found.values()}


def smarts_of(smiles: str) -> list[str]:
    """Beads of a molecule as sorted element strings, an atom in small letters if shared."""
    heavy, _ = canonical(Chem.MolFromSmiles(smiles))
    kinds = []
    for group in partition(heavy):
        symbols = [(heavy.GetAtomWithIdx(i).GetSymbol(), share) for i, share in group]
        kinds.append("".join(sorted(s.lower() if w < 1 else s for s, w in symbols)))
    return sorted(kinds)


@pytest.mark.parametrize(
    ("smiles", "name"),
    [pytest.param(s, n, id=n, marks=[pytest.mark.slow] if n in SLOW else []) for s, n in DRUGS],
)
def test_every_drug_is_valid_whole_and_the_same_again(smiles: str, name: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    mapping = suggest(mol)
    file = parse(write_map(mapping), f"{name}.map")
    assert [*check(file), *check_chemistry_files([file])] == []
    sizes = [len(bead) for bead in beads_in(mapping)]
    assert min(sizes) >= 2
    assert max(sizes) <= 5
    heavy = [a for a in mapping.atoms if a.element != "H"]
    assert len(heavy) == mol.GetNumAtoms()
    assert all(a.rebuilt and sum(p.weight for p in a.placements) == 1 for a in heavy)
    built = Chem.RemoveHs(molecule(mapping).mol)
    assert Chem.MolToSmiles(built, isomericSmiles=False) == Chem.MolToSmiles(
        mol, isomericSmiles=False
    )
    if mol.GetNumAtoms() < 25:
        assert suggest(mol) == mapping


@pytest.mark.parametrize(("smiles", "name"), DRUGS, ids=[n for _, n in DRUGS])
def test_the_order_of_the_atoms_does_not_matter(smiles: str, name: str) -> None:
    """Up to atoms that are alike by symmetry: their classes in each bead are compared."""
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.Random(5).shuffle(order)
    assert classes_of(Chem.RenumberAtoms(mol, order)) == classes_of(mol)


def classes_of(mol: Any) -> list[list[tuple[int, Any]]]:
    heavy, _ = canonical(mol)
    ranks = list(Chem.CanonicalRankAtoms(heavy, breakTies=False, includeChirality=False))
    return sorted(sorted((ranks[i], share) for i, share in group) for group in partition(heavy))


@pytest.mark.parametrize(
    ("smiles", "beads"),
    [
        ("c1ccccc1", ["CC", "CC", "CC"]),
        ("Cc1ccccc1", ["CCcc", "Ccc", "Ccc"]),
        ("Oc1ccccc1", ["COcc", "Ccc", "Ccc"]),
        ("c1ccc2ccccc2c1", ["CC"] * 5),
        ("Cc1ccc(O)cc1", ["CC", "CC", "CC", "CO"]),
        ("CCCCCCCC", ["CCCC", "CCCC"]),
        ("CCCCCC", ["CCC", "CCC"]),
        ("C1CCCCC1", ["CCC", "CCC"]),
        ("CC(C)(C)C", ["CCCCC"]),
        ("CCOP(=O)([O-])OCC", ["CC", "CC", "OOOOP"]),
        ("NS(=O)(=O)CCCC", ["CCCC", "NOOS"]),
        ("C", ["C"]),
    ],
)
def test_known_molecules(smiles: str, beads: list[str]) -> None:
    assert smarts_of(smiles) == beads


def test_groups_stay_whole() -> None:
    mapping = suggest(Chem.MolFromSmiles("CC(=O)Nc1ccc(cc1)C(=O)O"))
    homes = {a.name: {p.bead for p in a.placements} for a in mapping.atoms}
    assert homes["C2"] & homes["O1"] & homes["N1"]  # amide
    assert homes["C9"] & homes["O2"] & homes["O3"]  # carboxyl


def test_atoms_and_beads_are_named_by_element_and_number() -> None:
    mapping = suggest(Chem.MolFromSmiles("NCCl"), "ABC")
    assert [a.name for a in mapping.atoms] == ["N1", "C1", "CL1", "H1", "H2", "H3", "H4"]
    assert mapping.molecules == ("ABC",)
    assert list(mapping.beads) == ["B1"]


def test_hydrogens_can_be_left_out() -> None:
    mapping = suggest(Chem.MolFromSmiles("c1cc[nH]c1CO"), hydrogens=False)
    assert {a.element for a in mapping.atoms} == {"C", "N", "O"}
    file = parse(write_map(mapping), "x.map")
    assert [*check(file), *check_chemistry_files([file])] == []


def test_the_first_atom_of_a_bead_lies_nearest_to_it() -> None:
    mapping = suggest(Chem.MolFromSmiles("CC(C)(C)O"))
    first = [a.name for a in mapping.atoms for p in a.placements if p.rule and p.rule.level == 1]
    assert first == ["C2"]


def test_stereo_is_written_with_cip_labels() -> None:
    mapping = suggest(Chem.MolFromSmiles("C/C=C\\[C@H](N)CO"))
    assert {"=".join(s.atoms): s.label for s in mapping.stereo} == {"C2=C3": "Z", "C4": "S"}


def test_a_missing_label_is_not_guessed() -> None:
    assert suggest(Chem.MolFromSmiles("CC(N)C(=O)O")).stereo == ()


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "empty.sdf", "there is no molecule in it"),
        ("CCO", "x.docx", "a file of this kind is not read"),
        ("broken\n\n\n nonsense\n", "b.sdf", "RDKit cannot read the molecule"),
        ("C1CC", "x.smi", "RDKit cannot read the molecule"),
        ("[Na+].CC(=O)[O-]", "x.smi", "2 molecules in it that no bond joins"),
        ("C[Zn]C", "x.smi", "atom 2 (Zn) is of an element that is not mapped"),
        ("[CH2]C", "x.smi", "atom 1 (C) is a radical"),
        ("[H][H]", "x.smi", "has hydrogens alone"),
        ("C*", "x.smi", "stands for several elements"),
        ("C(C)(C)(C)(C)C", "x.smi", "RDKit does not accept the bonds"),
        ("N->B", "x.smi", "none of single, double, triple"),
    ],
)
def test_what_cannot_be_mapped_is_told(text: str, name: str, message: str) -> None:
    with pytest.raises(StructureError, match=re.escape(name)) as caught:
        read_ligand(text, name)
    assert message in caught.value.message
    assert name in caught.value.message


def test_query_atoms_of_an_sdf_are_told() -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")).replace(" O  ", " A  ")
    with pytest.raises(StructureError) as caught:
        read_ligand(block, "q.sdf")
    assert "atom 3" in caught.value.message


def test_the_first_of_several_is_taken_and_told() -> None:
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(s)) for s in ("CCO", "CCCN")]
    text = "$$$$\n".join(blocks) + "$$$$\n"
    first, second = read_ligand(text, "two.sdf"), read_ligand(text, "two.sdf", record=2)
    assert any("molecule 1 of 2" in note for note in first.notes)
    assert Chem.MolToSmiles(Chem.RemoveHs(second.mol)) == "CCCN"
    with pytest.raises(StructureError, match="no molecule 3"):
        read_ligand(text, "two.sdf", record=3)


def test_names_of_mol2_atoms_are_kept() -> None:
    names = ["CA", "CB", "OG", "H1", "H2", "H3", "H4", "H5", "HG"]
    kinds = ["C.3", "C.3", "O.3"] + ["H"] * 6
    atoms = [
        f"{i} {name} {i}.0 0.0 0.0 {kind} 1 ETH 0.0"
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True), 1)
    ]
    ends = [(1, 2), (2, 3), (1, 4), (1, 5), (1, 6), (2, 7), (2, 8), (3, 9)]
    bonds = [f"{i} {a} {b} 1" for i, (a, b) in enumerate(ends, 1)]
    head = ["@<TRIPOS>MOLECULE", "ETH", "9 8 1 0 0", "SMALL", "NO_CHARGES", ""]
    text = "\n".join([*head, "@<TRIPOS>ATOM", *atoms, "@<TRIPOS>BOND", *bonds, ""])
    ligand = read_ligand(text, "eth.mol2")
    assert ligand.names[:3] == ("CA", "CB", "OG")
    assert ligand.residue == "ETH"
    bare = text.replace("9 8 1 0 0", "3 2 1 0 0")
    bare = "\n".join(line for line in bare.splitlines() if " H " not in line)
    bare = "\n".join(line for line in bare.splitlines() if line not in bonds[2:])
    with pytest.raises(StructureError, match="is a radical"):  # RDKit guesses charges otherwise
        read_ligand(bare + "\n", "eth.mol2")


def test_names_that_repeat_or_mislead_are_replaced_and_told() -> None:
    mol = Chem.MolFromSmiles("CCO")
    repeated = Ligand.of(mol, names=["C", "C", "O"])
    assert repeated.names[:3] == ("C1", "C2", "O1")
    assert any("not unique" in note for note in repeated.notes)
    odd = Ligand.of(mol, names=["C1", "XX", "O1"])
    assert odd.names[1] == "C2"
    assert odd.aliases == {"C2": "XX"}


def structure(smiles: str, name: str = "LIG") -> tuple[Any, Atoms]:
    """A conformer as a structure with names of its own, and the molecule."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=3) == 0
    order = list(range(mol.GetNumAtoms()))
    random.Random(1).shuffle(order)
    mol = Chem.RenumberAtoms(mol, order)
    residues = Residues(
        names=np.array([name]), ids=np.array([1]), icodes=np.array([""]), chains=np.array(["A"])
    )
    symbols = [a.GetSymbol() for a in mol.GetAtoms()]
    return mol, Atoms(
        positions=mol.GetConformer().GetPositions(),
        names=np.array([f"{s}{i + 10}" for i, s in enumerate(symbols)]),
        residue_index=np.zeros(len(symbols), dtype=np.int64),
        residues=residues,
        elements=np.array(symbols),
    )


ALANYL = "C[C@H](N)C(=O)NCc1ccccc1"


def test_a_structure_keeps_its_names_and_order() -> None:
    _, atoms = structure(ALANYL)
    placed = place(Chem.MolFromSmiles(ALANYL), atoms, "lig.pdb")
    assert list(placed.ligand.names) == atoms.names.tolist()
    assert np.allclose(placed.positions, atoms.positions)
    assert [s.label for s in suggest(placed.ligand).stereo] == ["S"]


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        (ALANYL.replace("@", "@@"), "is S there, not R"),
        ("C[C@H](N)C(=O)OCc1ccccc1", "has the heavy atoms"),
        ("CC(N)C(=O)NCC1CCCCC1", "hydrogens"),
    ],
)
def test_another_molecule_than_in_the_structure_is_told(smiles: str, message: str) -> None:
    _, atoms = structure(ALANYL)
    with pytest.raises(StructureError) as caught:
        place(Chem.MolFromSmiles(smiles), atoms, "lig.pdb")
    assert message in caught.value.message


@pytest.mark.parametrize("weights", ["mass", "equal"])
def test_beads_of_a_model_are_found_again(weights: str) -> None:
    """Beads put at the centres of a known partition lead back to that partition."""
    mol, atoms = structure("CC(=O)Nc1ccc(O)cc1")
    placed = place(Chem.RemoveHs(mol), atoms, "lig.pdb")
    known = suggest(placed.ligand)
    centers = []
    for bead in known.beads:
        share = np.array(
            [
                sum(float(p.weight) for p in a.placements if p.bead == bead)
                * (Chem.GetPeriodicTable().GetAtomicWeight(a.element) if weights == "mass" else 1)
                for a in known.atoms
            ]
        )
        centers.append(share @ placed.positions / share.sum())
    found = beads_of(placed, model(np.array(centers)), "lig.gro")
    assert found.gaps.max() < 0.02
    assert found.beads.weights == weights
    assert beads_in(suggest(placed.ligand, beads=found.beads)) == beads_in(known)


def model(positions: Any) -> Beads:
    residues = Residues(
        names=np.array(["LIG"]), ids=np.array([1]), icodes=np.array([""]), chains=np.array(["A"])
    )
    return Beads(
        positions=positions,
        names=np.array([f"R{k}" for k in range(len(positions))]),
        residue_index=np.zeros(len(positions), dtype=np.int64),
        residues=residues,
    )


def test_beads_elsewhere_are_told() -> None:
    mol, atoms = structure("CCCCO")
    placed: Placed = place(Chem.RemoveHs(mol), atoms, "lig.pdb")
    with pytest.raises(StructureError, match="same frame"):
        beads_of(placed, model(np.array([[50.0, 0, 0], [60.0, 0, 0]])), "lig.gro")


def test_a_residue_name_must_be_one() -> None:
    with pytest.raises(StructureError, match="no residue name"):
        read_smiles("CCO", "too long a name")
