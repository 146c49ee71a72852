"""Overlaps of atoms with hydrogens."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.chem.judging.overlaps import bad_overlaps


def count(elements: str, bonds: list[tuple[int, int]], *positions: tuple[float, float]) -> int:
    """Count overlaps of atoms in a plane."""
    places = np.array([(x, y, 0.0) for x, y in positions])
    pairs = np.array(bonds, dtype=np.int64).reshape(-1, 2)
    return len(bad_overlaps(places, np.array(list(elements)), pairs))


@pytest.mark.parametrize(("apart", "found"), [(2.95, 1), (3.05, 0)])
def test_carbons_clash_where_they_overlap_by_0_4_angstrom(apart: float, found: int) -> None:
    assert count("CC", [], (0.0, 0.0), (apart, 0.0)) == found


@pytest.mark.parametrize(
    ("donor", "apart", "found"), [("N", 1.9, 0), ("N", 1.35, 2), ("C", 1.9, 1), ("C", 2.2, 0)]
)
def test_a_hydrogen_bond_may_come_nearer(donor: str, apart: float, found: int) -> None:
    bonds = [(0, 1), (2, 3), (0, 4), (0, 5), (0, 6)]  # at 1.35 Å the donor's atom overlaps, too
    far = [(-3.0, 4.0), (-3.0, -4.0), (-6.0, 0.0)]
    assert count(f"{donor}HOCCCC", bonds, (0, 0), (1, 0), (1 + apart, 0), (9, 0), *far) == found


def test_neighbours_do_not_clash_up_to_three_bonds_or_four_with_hydrogen() -> None:
    chain = [(i, i + 1) for i in range(4)]
    places = [(0.0, 0.0), (0.0, 9.0), (9.0, 9.0), (9.0, 0.0), (1.0, 0.0)]
    assert count("CCCCC", chain, *places) == 1
    assert count("HCCCC", chain, *places) == 0
    assert count("CCCC", chain[:3], *places[:3], (1.0, 0.0)) == 0


def test_hydrogens_of_rings_and_carbons_of_carbonyls_are_smaller() -> None:
    ring = [(0, 1), (0, 2), (0, 3)]
    far = [(-9.0, 5.0), (-9.0, -5.0)]
    apart = 1.09 + 1.17 + 1.70 - 0.45
    assert count("CHCCC", ring, (0, 0), (1.09, 0), *far, (apart, 0)) == 0
    assert count("CHCCCC", [*ring, (0, 4)], (0, 0), (1.09, 0), *far, (-9, 0), (apart, 0)) == 1
    apart = 1.70 + 1.70 - 0.42
    assert count("COC", [(0, 1)], (0, 0), (-1.23, 9), (apart, 0)) == 0
    assert count("COC", [], (0, 0), (-1.23, 9), (apart, 0)) == 1
