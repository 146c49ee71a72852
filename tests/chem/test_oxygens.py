"""Oxygens of carboxylates do not lie on each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from herobm.chem.naming import find_naming
from herobm.chem.oxygens import find_forks, part_forks
from herobm.plan import Library
from herobm.plan.bonds import plan_bonds
from herobm.plan.plan import Plan
from herobm.system import Topology
from herobm.system.atomistic import AtomLayout
from herobm.types import Atoms, FloatArray, IntArray


def forks_of(topology: Topology) -> IntArray:
    plan: Plan = topology.plan
    return find_forks(
        find_naming(plan, within_beads=True), plan_bonds(plan, topology.links.previous)
    )


def angle(positions: FloatArray, a: int, b: int, c: int) -> float:
    one, two = positions[a] - positions[b], positions[c] - positions[b]
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    return float(np.degrees(np.arccos(cosine)))


@pytest.fixture
def layout(peptide: Callable[[str], Atoms], martini3: Library) -> AtomLayout:
    return AtomLayout.of(peptide("ADERG"), martini3)


def test_forks_are_found(layout: AtomLayout) -> None:
    names = layout.topology.plan.atom_names[forks_of(layout.topology)].tolist()
    assert ["CB", "CG", "OD1", "OD2"] in names
    assert ["CG", "CD", "OE1", "OE2"] in names
    assert ["NE", "CZ", "NH1", "NH2"] in names


def test_atoms_that_lie_on_each_other_are_parted(
    layout: AtomLayout, peptide: Callable[[str], Atoms]
) -> None:
    positions = layout.place(peptide("ADERG").positions, None)
    forks = forks_of(layout.topology)
    names = layout.topology.plan.atom_names[forks].tolist()
    third, centre, one, other = forks[names.index(["CB", "CG", "OD1", "OD2"])].tolist()
    folded = positions.copy()
    axis = positions[one] - positions[centre]
    folded[other] = positions[centre] + 1.01 * axis + [0.05, 0.3, 0.0]
    length = np.linalg.norm(folded[other] - folded[centre])
    parted = part_forks(folded, forks)
    moved = np.flatnonzero((parted != folded).any(axis=1))
    assert len(moved) == 1
    assert moved[0] in (one, other)
    assert angle(parted, one, centre, other) > 110.0
    assert angle(parted, third, centre, other) > 100.0
    assert np.linalg.norm(parted[other] - parted[centre]) == pytest.approx(length, abs=0.1)


def test_others_stay(layout: AtomLayout, peptide: Callable[[str], Atoms]) -> None:
    positions = layout.place(peptide("ADERG").positions, None)
    assert part_forks(positions, forks_of(layout.topology)) == pytest.approx(positions, nan_ok=True)
    assert part_forks(positions, np.zeros((0, 4), dtype=np.int64)) is positions
