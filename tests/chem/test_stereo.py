"""Hands and sides: right in real molecules, wrong in their mirror image."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem, rdCIPLabeler

from herobm.chem.stereo import (
    chirality_errors,
    double_bond_errors,
    mend_chirality,
    prochiral_errors,
    stereo_centers,
)
from herobm.dsl.build import build_mapping
from herobm.dsl.model import MappingSet
from herobm.dsl.parser import parse
from herobm.plan import Library, Plan, compile_library, compile_plan
from herobm.plan.bonds import plan_bonds
from herobm.system.atomistic import coarse_grain
from herobm.types import Atoms, FloatArray

SEQUENCES = ("AVLIT", "CDEFG", "HIKLM", "NPQRS", "TVWYA")


def named(plan: Plan, atoms: np.ndarray) -> list[str]:
    residue = plan.atom_residue[atoms]
    return [
        f"{plan.library.templates[plan.template[r]].name} {n}"
        for r, n in zip(residue, plan.atom_names[atoms], strict=True)
    ]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_amino_acids_have_the_right_hand_and_their_mirror_images_the_wrong_one(
    sequence: str, martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    topology, positions = coarse_grain(peptide(sequence), martini3)
    plan = topology.plan
    assert named(plan, chirality_errors(plan, positions)) == []
    assert named(plan, prochiral_errors(plan, positions)) == []
    expected = [f"{t} CA" for t in topology.beads.residues.names if t != "GLY"]
    expected += [f"{t} CB" for t in topology.beads.residues.names if t in ("ILE", "THR")]
    assert sorted(named(plan, chirality_errors(plan, -positions))) == sorted(expected)
    branched = [
        f"{t} {'CB' if t == 'VAL' else 'CG'}"
        for t in topology.beads.residues.names
        if t in ("VAL", "LEU")
    ]
    assert sorted(named(plan, prochiral_errors(plan, -positions))) == sorted(branched)


def test_two_exchanged_neighbours_turn_one_centre_only(
    martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    topology, positions = coarse_grain(peptide("ATA"), martini3)
    plan = topology.plan
    one, two = (int(np.flatnonzero(plan.atom_names == n)[0]) for n in ("OG1", "CG2"))
    positions[[one, two]] = positions[[two, one]]
    assert named(plan, chirality_errors(plan, positions)) == ["THR CB"]


def test_a_flat_centre_is_wrong_and_an_unknown_one_is_not_judged(
    martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    topology, positions = coarse_grain(peptide("AAA"), martini3)
    plan = topology.plan
    flat = positions.copy()
    flat[plan.atom_residue == 1] *= [1.0, 1.0, 0.0]
    assert named(plan, chirality_errors(plan, flat)) == ["ALA CA"]
    flat[(plan.atom_residue == 1) & (plan.atom_names == "CB")] = np.nan
    assert named(plan, chirality_errors(plan, flat)) == []


def test_a_lone_amino_acid_is_judged_as_within_a_chain(
    martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    topology, positions = coarse_grain(peptide("C"), martini3)
    assert topology.plan.n_atoms == 7  # OXT is one of them
    assert len(chirality_errors(topology.plan, positions)) == 0
    assert named(topology.plan, chirality_errors(topology.plan, -positions)) == ["CYS CA"]


SMILES = (
    "C/C=C\\[C@H](O)CF",
    "C/C=C/[C@@H](O)[C@H](C)CF",
    "C[C@@H]1CC[C@@]2(C)CCCC[C@H]2O1",
    "OC[C@@H](F)COP(=O)(O)O",
)


def as_mapping(smiles: str) -> tuple[str, FloatArray]:
    """Mapping text of a molecule with the labels that RDKit gives it, and heavy positions."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=3) == 0
    mol = Chem.RemoveHs(mol)
    rdCIPLabeler.AssignCIPLabels(mol)
    names = [f"{a.GetSymbol()}{a.GetIdx() + 1}" for a in mol.GetAtoms()]
    atoms = [f"  {n}: B1 P1{chr(65 + i)}" for i, n in enumerate(names)]
    bonds, stereo = [], []
    for b in mol.GetBonds():
        one, two = names[b.GetBeginAtomIdx()], names[b.GetEndAtomIdx()]
        bonds.append(f"{one}{'=' if b.GetBondTypeAsDouble() == 2 else '-'}{two}")
        if b.HasProp("_CIPCode"):
            stereo.append(f"  {one}={two}: {b.GetProp('_CIPCode')}")
    for a in mol.GetAtoms():
        if a.HasProp("_CIPCode"):
            stereo.append(f"  {names[a.GetIdx()]}: {a.GetProp('_CIPCode').upper()}")
    text = [
        "molecule: LIG",
        "atoms:",
        *atoms,
        "bonds:",
        "  " + ", ".join(bonds),
        "stereo:",
        *stereo,
    ]
    return "\n".join(text) + "\n", mol.GetConformer().GetPositions()


def plan_of(text: str) -> Plan:
    library = compile_library(MappingSet(name="lig", mappings=(build_mapping(parse(text)),)))
    return compile_plan(library, np.zeros(1, dtype=np.int64))


@pytest.mark.parametrize("smiles", SMILES)
def test_any_labelled_molecule_is_judged_as_rdkit_labels_it(smiles: str) -> None:
    text, positions = as_mapping(smiles)
    plan = plan_of(text)
    n_centers = text.count(": R") + text.count(": S")
    assert len(stereo_centers(plan.library.templates[0]).sign) == n_centers > 0
    assert len(chirality_errors(plan, positions)) == 0
    assert len(chirality_errors(plan, -positions)) == n_centers
    assert len(double_bond_errors(plan, positions)) == 0
    assert len(double_bond_errors(plan, -positions)) == 0  # a mirror leaves sides alone


def test_a_double_bond_on_the_wrong_side_is_found() -> None:
    text, positions = as_mapping("C/C=C\\[C@H](O)CF")
    plan = plan_of(text.replace(": Z", ": E"))
    (found,) = double_bond_errors(plan, positions)
    assert set(plan.atom_names[found]) == {"C2", "C3"}


def test_a_label_where_there_is_no_stereocentre_is_left_out_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = (
        "molecule: PRP\natoms:\n  C1: B P1A\n  C2: B P1B\n  C3: B P1C\n  O1: B P1D\n"
        "bonds:\n  C1-C2, C2-C3, C2-O1\nstereo:\n  C2: R\n"
    )
    plan = plan_of(text)
    with caplog.at_level(logging.WARNING, logger="herobm"):
        found = chirality_errors(plan, np.eye(4)[:, :3])
    assert len(found) == 0
    assert "PRP: C2 is no stereocentre" in caplog.text


@pytest.mark.shared_data
def test_crystal_structures_have_no_wrong_hand(martini3: Library, shared_data: Path) -> None:
    from herobm.io import read_atoms

    for path in sorted((shared_data / "proteins/test").glob("*.pdb.gz"))[::40]:
        topology, positions = coarse_grain(read_atoms(path), martini3)
        plan = topology.plan
        assert named(plan, chirality_errors(plan, positions)) == [], path.name
        assert named(plan, prochiral_errors(plan, positions)) == [], path.name
        centers = np.array([len(stereo_centers(t).sign) for t in plan.library])
        assert len(chirality_errors(plan, -positions)) > 0.99 * centers[plan.template].sum()


def test_wrong_hands_are_turned_and_bonds_kept(
    martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    topology, reference = coarse_grain(peptide("ALCF"), martini3)
    plan = topology.plan
    mirrored = reference * np.array([-1.0, 1.0, 1.0])
    assert len(chirality_errors(plan, mirrored)) == 4
    mended = mend_chirality(plan, mirrored)
    assert len(chirality_errors(plan, mended)) == 0
    bonds = plan_bonds(plan, topology.links.previous)
    before, after = (
        np.linalg.norm(x[bonds[:, 0]] - x[bonds[:, 1]], axis=1) for x in (mirrored, mended)
    )
    assert np.abs(after - before).max() < 0.1
    assert mend_chirality(plan, reference) is reference


def test_a_like_branch_that_is_a_little_on_the_wrong_side_is_turned(
    martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    """As networks place CD1 and CD2 of LEU where they waver between two rotamers."""
    topology, positions = coarse_grain(peptide("ALVA"), martini3)
    plan = topology.plan
    wrong = positions.copy()
    for residue, name, around in ((1, "CG", ("CB", "CD1", "CD2")), (2, "CB", ("CA", "CG1", "CG2"))):
        center, *near = (
            int(np.flatnonzero((plan.atom_residue == residue) & (plan.atom_names == n))[0])
            for n in (name, *around)
        )
        one, two, three = positions[near]
        normal = np.cross(two - one, three - one)
        normal /= np.linalg.norm(normal)
        height = (positions[center] - one) @ normal
        wrong[center] -= (height + 0.1 * np.sign(height)) * normal
    assert named(plan, prochiral_errors(plan, wrong)) == ["LEU CG", "VAL CB"]
    mended = mend_chirality(plan, wrong)
    assert len(prochiral_errors(plan, mended)) == 0
    assert len(chirality_errors(plan, mended)) == 0
    moved = np.linalg.norm(mended - wrong, axis=1)
    assert (moved > 0).sum() == 2
    assert moved.max() < 0.6
