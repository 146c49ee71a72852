"""Bond lengths: how they are named, learnt and kept."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.chem.geometry import (
    bond_labels,
    bond_statistics,
    limit_bonds,
    reference_lengths,
)
from herobm.plan import Plan, compile_library, compile_plan
from herobm.plan.bonds import plan_bonds
from herobm.plugins.manager import load_registry
from herobm.types import FloatArray, IntArray


def chain_of_bonds(lengths: FloatArray) -> tuple[FloatArray, IntArray]:
    """Atoms on a line with the given distances, and the bonds between them."""
    x = np.concatenate([[0.0], np.cumsum(lengths)])
    positions = np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=1)
    count = np.arange(len(lengths))
    return positions, np.stack([count, count + 1], axis=1)


def test_bonds_beyond_the_tolerance_are_pulled_back() -> None:
    positions, bonds = chain_of_bonds(np.array([1.5, 3.0, 1.5, 0.4]))
    moved = limit_bonds(positions, bonds, np.full(4, 1.5), tolerance=0.05)
    lengths = np.linalg.norm(np.diff(moved, axis=0), axis=1)
    assert np.abs(lengths - 1.5).max() <= 0.051


def test_bonds_within_the_tolerance_stay_where_they_are() -> None:
    positions, bonds = chain_of_bonds(np.array([1.52, 1.48, 1.5]))
    moved = limit_bonds(positions, bonds, np.full(3, 1.5), tolerance=0.05)
    np.testing.assert_array_equal(moved, positions)


def test_bonds_of_unknown_length_are_left_alone() -> None:
    positions, bonds = chain_of_bonds(np.array([5.0, 1.5]))
    moved = limit_bonds(positions, bonds, np.array([np.nan, 1.5]), tolerance=0.05)
    np.testing.assert_array_equal(moved, positions)


@pytest.fixture(scope="module")
def dipeptide() -> tuple[Plan, IntArray]:
    """Plan and bonds of ALA-PRO, a whole chain."""
    library = compile_library(load_registry().mapping("martini3"))
    template = np.array([library.by_residue["ALA"], library.by_residue["PRO"]])
    plan = compile_plan(library, template, np.array([True, False]), np.array([False, True]))
    return plan, plan_bonds(plan, np.array([-1, 0]))


def test_bonds_are_named_by_residue_and_atoms(dipeptide: tuple[Plan, IntArray]) -> None:
    plan, bonds = dipeptide
    labels = bond_labels(plan, bonds).tolist()
    ala, pro = (plan.library.get(name).key for name in ("ALA", "PRO"))
    assert {f"{ala}:CA-CB", f"C-{pro}:N", f"{pro}:N-CD", f"{pro}:C-OXT"} <= set(labels)
    assert f"{ala}:C-OXT" not in labels
    assert len(labels) == len(set(labels)) == 4 + 1 + 8


def test_statistics_come_back_as_references(dipeptide: tuple[Plan, IntArray]) -> None:
    plan, bonds = dipeptide
    positions = np.random.default_rng(0).normal(size=(plan.n_atoms, 3))
    known = bond_statistics(plan, bonds, positions, fewest=1)
    lengths = np.linalg.norm(positions[bonds[:, 0]] - positions[bonds[:, 1]], axis=1)
    np.testing.assert_allclose(reference_lengths(plan, bonds, known)[:, 0], lengths, atol=1e-4)
    assert bond_statistics(plan, bonds, positions, fewest=2) == {}


def test_ends_that_are_no_bond_do_not_count_in_its_statistics(
    dipeptide: tuple[Plan, IntArray],
) -> None:
    plan, bonds = dipeptide
    positions = np.random.default_rng(0).normal(size=(plan.n_atoms, 3))
    copies = [positions * scale for scale in (0.99, 1.0, 1.01)]
    ends = [np.tile(end, 3) for end in ([True, False], [False, True])]
    three = compile_plan(plan.library, np.tile(plan.template, 3), *ends)
    previous = np.where(np.arange(6) % 2, np.arange(6) - 1, -1)
    whole = bond_statistics(three, plan_bonds(three, previous), np.concatenate(copies), fewest=2)
    copies[2] = copies[2] + 20.0 * (plan.atom_residue == 1)[:, None]  # cut between both residues
    found = bond_statistics(three, plan_bonds(three, previous), np.concatenate(copies), fewest=2)
    (across,) = bonds[plan.atom_residue[bonds[:, 0]] != plan.atom_residue[bonds[:, 1]]]
    length = np.linalg.norm(positions[across[0]] - positions[across[1]])
    cut = next(label for label in whole if label.startswith("C-"))
    assert whole[cut] == pytest.approx((length, 0.01 * np.sqrt(2 / 3) * length), abs=1e-4)
    assert found[cut] == pytest.approx((0.995 * length, 0.005 * length), abs=1e-4)
    assert {k: v for k, v in found.items() if k != cut} == {
        k: v for k, v in whole.items() if k != cut
    }


def test_protonation_states_share_their_bonds() -> None:
    library = compile_library(load_registry().mapping("martini3"))
    labels = []
    for name in ("HID", "HIP"):
        plan = compile_plan(library, np.array([library.by_residue[name]]))
        labels.append(bond_labels(plan, plan_bonds(plan, np.array([-1]))).tolist())
    assert labels[0] == labels[1]
