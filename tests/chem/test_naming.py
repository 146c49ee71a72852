"""Names of like atoms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from herobm.chem.geometry import dihedrals, turn_about
from herobm.chem.naming import canonical_names, find_naming, turn_to_names
from herobm.plan import Library
from herobm.system.atomistic import AtomLayout
from herobm.types import Atoms, FloatArray, IntArray

#: Degrees.
MOST = 3.0


class Ring:
    """TYR within a peptide, whose ring can be turned."""

    def __init__(self, atoms: Atoms, library: Library) -> None:
        layout = AtomLayout.of(atoms, library)
        self.plan = layout.topology.plan
        self.positions = layout.place(atoms.positions, None)
        self.naming = find_naming(self.plan, told_apart=True)
        (self.ring,) = (o[:, 0] for o in self.naming.orders)
        (torsion,) = self.naming.torsions
        assert torsion is not None
        self.torsion: IntArray = torsion

    def at(self, chi2: float) -> FloatArray:
        """Positions with the ring at an angle."""
        by = np.radians(chi2 - dihedrals(self.positions, self.torsion))
        base = self.positions[self.torsion[:, 2]]
        axes = base - self.positions[self.torsion[:, 1]]
        placed = self.positions.copy()
        arms = self.positions[self.ring] - base[:, None]
        placed[self.ring] = base[:, None] + turn_about(axes, arms, by[:, None])[:, 0]
        return placed

    def chi2(self, positions: FloatArray) -> float:
        return float(dihedrals(positions, self.torsion)[0])


@pytest.fixture
def ring(peptide: Callable[[str], Atoms], martini3: Library) -> Ring:
    return Ring(peptide("AYA"), martini3)


def test_beads_tell_the_sides_of_a_ring_apart_but_no_carboxylate(
    peptide: Callable[[str], Atoms], martini3: Library
) -> None:
    plan = AtomLayout.of(peptide("AYDA"), martini3).topology.plan
    every, apart, alike = (find_naming(plan, told_apart=t) for t in (None, True, False))

    def names(orders: tuple[IntArray, ...]) -> set[str]:
        return {str(n) for o in orders for n in plan.atom_names[o].ravel()}

    assert names(apart.orders) == {"CD1", "CD2", "CE1", "CE2"}
    assert {"OD1", "OD2"} <= names(alike.orders)
    assert names(every.orders) == names(apart.orders) | names(alike.orders)


@pytest.mark.parametrize("chi2", [91.0, -92.5, 92.9])
def test_a_ring_hardly_beyond_is_turned_back(ring: Ring, chi2: float) -> None:
    before = ring.at(chi2)
    after = turn_to_names(ring.naming, before, MOST)
    assert 89.5 < abs(ring.chi2(after)) < 90.0
    assert np.sign(ring.chi2(after)) == np.sign(chi2)
    moved = np.flatnonzero((after != before).any(axis=1))
    assert set(moved) == set(ring.ring.ravel())
    assert canonical_names(ring.naming, after) == pytest.approx(after)
    gaps = [
        np.linalg.norm(p[ring.ring[0]] - p[ring.torsion[0, 2]], axis=1) for p in (before, after)
    ]
    assert gaps[0] == pytest.approx(gaps[1])


@pytest.mark.parametrize("chi2", [80.0, -89.9, 94.0, -150.0])
def test_other_rings_stay(ring: Ring, chi2: float) -> None:
    before = ring.at(chi2)
    assert turn_to_names(ring.naming, before, MOST) == pytest.approx(before)
