"""Plans: reconstruct and project are inverse to each other, and atoms stand where they belong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herobm.dsl.build import build_mapping
from herobm.dsl.model import MappingSet
from herobm.dsl.parser import parse
from herobm.plan import Library, compile_library, compile_plan, project, reconstruct
from herobm.plan.bonds import angles_of, pairs_across, plan_bonds
from herobm.system.atomistic import coarse_grain
from herobm.types import Atoms

SHARED = """\
molecule: SHR
atoms:
  C1: B1, B2  P1A, P1A
  C2: B1      P1B
  C3: B2      P1B
  C4: B1, B2  P2BA, P2BA  3/4, 1/4
  C5: B2      P0A  CM
bonds:
  C1-C2, C1-C3, C2-C4, C3-C4, C4-C5
"""

residues = st.lists(st.integers(0, 10_000), min_size=1, max_size=30)


def check_law(library: Library, kinds: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    template = np.array(kinds) % len(library.templates)
    first, last = rng.random((2, len(template))) < 0.3
    plan = compile_plan(library, template, first, last)
    beads = rng.normal(0.0, 20.0, (plan.n_beads, 3))
    atoms = rng.normal(0.0, 20.0, (plan.n_atoms, 3))
    back = reconstruct(plan, beads, project(plan, beads, atoms))
    np.testing.assert_allclose(back, atoms, rtol=0, atol=1e-9)


@given(kinds=residues, seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_martini_atoms_come_back_from_their_vectors(
    martini3: Library, kinds: list[int], seed: int
) -> None:
    check_law(martini3, kinds, seed)


@given(kinds=residues, seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_shared_atoms_come_back_from_their_vectors(kinds: list[int], seed: int) -> None:
    check_law(shared_library(), kinds, seed)


def shared_library() -> Library:
    mapping = build_mapping(parse(SHARED))
    return compile_library(MappingSet(name="shared", mappings=(mapping,)))


def test_a_shared_atom_is_the_weighted_mean_of_what_its_beads_say() -> None:
    plan = compile_plan(shared_library(), np.zeros(1, dtype=np.int64))
    beads = np.array([[0.0, 0.0, 0.0], [8.0, 0.0, 0.0]])
    placed = reconstruct(plan, beads, np.zeros((2, plan.n_slots, 3)))
    where = dict(zip(plan.atom_names.tolist(), placed[:, 0].tolist(), strict=True))
    assert where == pytest.approx({"C1": 4.0, "C2": 0.0, "C3": 8.0, "C4": 2.0, "C5": 8.0})


def test_an_atom_moves_with_the_atom_it_hangs_on(martini3: Library) -> None:
    plan = compile_plan(martini3, np.array([martini3.by_residue["ASP"]]))
    vectors = np.zeros((plan.n_beads, plan.n_slots, 3))
    row = int(np.flatnonzero(plan.atom_names[plan.row_atom] == "CG")[0])
    vectors[plan.bead[row], plan.slot[row]] = [1.0, 2.0, 3.0]
    moved = reconstruct(plan, np.zeros((plan.n_beads, 3)), vectors)
    names = set(plan.atom_names[np.abs(moved).sum(axis=1) > 0].tolist())
    assert names == {"CG", "CB", "OD1", "OD2"}  # the three others hang on CG


def test_missing_atoms_leave_holes_and_nothing_else(martini3: Library) -> None:
    rng = np.random.default_rng(0)
    plan = compile_plan(martini3, np.array([martini3.by_residue["ASP"]]))
    beads, atoms = rng.normal(size=(plan.n_beads, 3)), rng.normal(size=(plan.n_atoms, 3))
    atoms[plan.atom_names == "CG"] = np.nan
    back = reconstruct(plan, beads, project(plan, beads, atoms))
    lost = set(plan.atom_names[np.isnan(back).any(axis=1)].tolist())
    assert lost == {"CG", "CB", "OD1", "OD2"}


def test_atoms_of_chain_ends_exist_there_only(martini3: Library) -> None:
    kind = np.full(3, martini3.by_residue["ALA"])
    end = np.array([False, False, True])
    plan = compile_plan(martini3, kind, chain_end=end)
    assert plan.atom_residue[plan.atom_names == "OXT"].tolist() == [2]
    assert np.diff(plan.atom_start).tolist() == [5, 5, 6]
    assert "OXT" not in compile_plan(martini3, kind).atom_names


def test_no_vector_is_longer_than_a_few_bonds(
    martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    """The hierarchy hangs each atom on something near."""
    topology, positions = coarse_grain(peptide("WRKFM"), martini3)
    vectors = project(topology.plan, topology.beads.positions, positions)
    assert np.linalg.norm(vectors, axis=2).max() < 4.0


def test_bonds_run_along_the_chain_but_not_over_a_break(martini3: Library) -> None:
    kind = np.full(3, martini3.by_residue["GLY"])
    plan = compile_plan(martini3, kind, chain_end=np.array([False, False, True]))
    bonds = plan_bonds(plan, np.array([-1, 0, -1]))
    names = [
        f"{plan.atom_residue[a]}{plan.atom_names[a]}-{plan.atom_residue[b]}{plan.atom_names[b]}"
        for a, b in bonds
    ]
    within = ["N-CA", "CA-C", "C-O"]
    expected = {f"{r}{x}-{r}{y}" for r in range(3) for x, y in (w.split("-") for w in within)}
    assert set(names) == expected | {"0C-1N", "2C-2OXT"}
    assert len(names) == len(set(names))


def test_angles_are_all_pairs_of_bonds_at_an_atom() -> None:
    star = np.array([[0, 1], [0, 2], [0, 3]])
    angles = angles_of(star, 5)
    assert {(frozenset((a, c)), b) for a, b, c in angles.tolist()} == {
        (frozenset((1, 2)), 0),
        (frozenset((1, 3)), 0),
        (frozenset((2, 3)), 0),
    }
    assert angles_of(np.zeros((0, 2), np.int64), 3).shape == (0, 3)


def test_pairs_across_angles_are_not_bonded_and_not_across_rings_of_four() -> None:
    square = [[0, 1], [1, 2], [2, 3], [3, 0]]
    assert pairs_across(np.array(square), 4).tolist() == []
    tail = pairs_across(np.array([*square, [0, 4], [4, 5]]), 6)
    assert sorted(map(tuple, tail.tolist())) == [(0, 5), (1, 4), (3, 4)]
    triangle = np.array([[0, 1], [1, 2], [2, 0]])
    assert pairs_across(triangle, 3).tolist() == []
