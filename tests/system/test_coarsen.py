"""Atoms to beads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from herobm.elements import MASSES
from herobm.errors import StructureError, UnmappedResidueError
from herobm.plan import Library
from herobm.system import build_topology, coarsen
from herobm.system.atomistic import coarse_grain
from herobm.system.coarsen import coarsen_plan, drop_incomplete, partial_residues
from herobm.types import Atoms

Peptide = Callable[[str], Atoms]


def center(atoms: Atoms, residue: int, *names: str) -> np.ndarray:
    rows = np.flatnonzero((atoms.residue_index == residue) & np.isin(atoms.names, names))
    assert len(rows) == len(names)
    assert atoms.elements is not None
    mass = np.array([MASSES[e] for e in atoms.elements[rows]])
    return (atoms.positions[rows] * mass[:, None]).sum(axis=0) / mass.sum()


def renamed(atoms: Atoms, old: str, new: str, residue: int | None = None) -> Atoms:
    here = atoms.names == old
    if residue is not None:
        here &= atoms.residue_index == residue
    return replace(atoms, names=np.where(here, new, atoms.names).astype(np.str_))


def test_beads_are_centres_of_mass(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AK")
    beads = coarsen(atoms, martini3)
    assert beads.names.tolist() == ["BB", "SC1", "BB", "SC1", "SC2"]
    assert beads.residue_index.tolist() == [0, 0, 1, 1, 1]
    expected = [
        center(atoms, 0, "N", "CA", "C", "O"),
        center(atoms, 0, "CB"),
        center(atoms, 1, "N", "CA", "C", "O", "OXT"),
        center(atoms, 1, "CB", "CG", "CD"),
        center(atoms, 1, "CE", "NZ"),
    ]
    np.testing.assert_allclose(beads.positions, expected, atol=1e-9)


def test_missing_atoms_are_not_guessed(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AK")
    cut = atoms.subset(~((atoms.residue_index == 1) & (atoms.names == "CG")))
    beads = coarsen(cut, martini3)
    np.testing.assert_allclose(beads.positions[3], center(atoms, 1, "CB", "CD"), atol=1e-9)


def test_a_bead_without_atoms_is_left_out(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AK")
    cut = atoms.subset(~np.isin(atoms.names, ["CE", "NZ"]))
    assert coarsen(cut, martini3).names.tolist() == ["BB", "SC1", "BB", "SC1"]
    kept = drop_incomplete(cut, martini3)
    assert kept.residues.names.tolist() == ["ALA"]
    assert drop_incomplete(atoms, martini3).names.tolist() == atoms.names.tolist()


def test_the_order_of_atoms_and_their_other_names_make_no_difference(
    martini3: Library, peptide: Peptide
) -> None:
    atoms = peptide("AKI")
    beads = coarsen(atoms, martini3)
    order = np.lexsort((np.random.default_rng(0).random(len(atoms)), atoms.residue_index))
    shuffled = replace(
        atoms,
        positions=atoms.positions[order],
        names=atoms.names[order],
        elements=None if atoms.elements is None else atoms.elements[order],
    )
    gromacs = renamed(renamed(renamed(shuffled, "CD1", "CD", 2), "O", "O1", 2), "OXT", "O2", 2)
    for other in (shuffled, gromacs):
        found = coarsen(other, martini3)
        np.testing.assert_allclose(found.positions, beads.positions, atol=1e-9)


def test_hydrogens_count_where_the_mapping_says_so(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("GA")
    nitrogen = int(np.flatnonzero((atoms.names == "N") & (atoms.residue_index == 1))[0])

    def with_hydrogen(name: str) -> np.ndarray:
        more = replace(
            atoms,
            positions=np.insert(atoms.positions, nitrogen, [50.0, 0.0, 0.0], axis=0),
            names=np.insert(atoms.names, nitrogen, name),
            residue_index=np.insert(atoms.residue_index, nitrogen, 1),
            elements=np.insert(atoms.elements, nitrogen, "H"),
        )
        return coarsen(more, martini3).positions

    plain = coarsen(atoms, martini3).positions
    assert np.abs(with_hydrogen("H") - plain).max() > 0.1
    np.testing.assert_allclose(with_hydrogen("HA"), plain)


def test_residues_and_atoms_that_the_mapping_lacks(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AKA")
    strange = replace(
        atoms, residues=replace(atoms.residues, names=np.array(["ALA", "MSE", "ALA"]))
    )
    with pytest.raises(UnmappedResidueError, match=r"MSE: 1 \(first: MSE 2 of chain A\)"):
        coarsen(strange, martini3)
    assert coarsen(strange, martini3, skip_unmapped=True).residues.ids.tolist() == [1, 3]
    odd = renamed(atoms, "NZ", "XX")
    with pytest.raises(StructureError) as caught:
        coarsen(odd, martini3, source="protein.pdb")
    assert "protein.pdb" in caught.value.message
    assert "XX of LYS 2 of chain A" in caught.value.message
    assert len(coarsen(odd, martini3, skip_unmapped=True)) == 7


def test_selenium_of_selenomethionine_is_read_as_sulfur(
    martini3: Library, peptide: Peptide
) -> None:
    """As MSE comes with --rename MSE=MET."""
    atoms = peptide("AMA")
    found = coarsen(renamed(atoms, "SD", "SE"), martini3)
    np.testing.assert_allclose(found.positions, coarsen(atoms, martini3).positions)


def test_a_residue_cut_by_the_box_is_made_whole_first(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AKA")
    box = np.array([40.0, 40.0, 40.0, 90.0, 90.0, 90.0])
    wrapped = replace(atoms, positions=np.mod(atoms.positions, 40.0), box=box)
    plain = build_topology(coarsen(atoms, martini3), martini3).beads.positions
    found = build_topology(coarsen(wrapped, martini3), martini3).beads.positions
    np.testing.assert_allclose(found - found[0], plain - plain[0], atol=1e-9)


def test_beads_of_a_plan_are_those_of_its_atoms(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AVDKFCMRW")
    topology, positions = coarse_grain(atoms, martini3)
    found = coarsen_plan(topology.plan, positions)
    np.testing.assert_allclose(found, topology.beads.positions, atol=1e-9)


def test_residues_that_lack_some_atoms_of_a_bead_are_found(
    martini3: Library, peptide: Peptide
) -> None:
    atoms = peptide("AKFA")
    assert not len(partial_residues(atoms, martini3))
    lysine = atoms.residue_index == 1
    cut = atoms.subset(~(lysine & (atoms.names == "CG")))
    assert partial_residues(cut, martini3).tolist() == [1]
    bare = atoms.subset(~(lysine & np.isin(atoms.names, ["CB", "CG", "CD"])))
    assert not len(partial_residues(bare, martini3))
