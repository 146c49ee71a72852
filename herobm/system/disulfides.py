"""Disulfide bridges: looked for between beads, decided between sulfur atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from herobm.plan.plan import Plan
from herobm.system.periodic import minimum_image
from herobm.types import Beads, FloatArray, IntArray

#: Largest distance in Å between the beads of two bridged sulfur atoms (2.4 Å in Martini 3).
BEAD_CUTOFF = 4.5
#: Largest distance in Å between two bridged sulfur atoms (2.05 Å in crystals).
SULFUR_CUTOFF = 2.7


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of sulfur atoms whose beads are near each other.

    Attributes
    ----------
    pairs : IntArray, shape (n_pairs, 2)
        Atoms.
    box : FloatArray or None, shape (6,)
    """

    pairs: IntArray
    box: FloatArray | None

    def bonded(self, positions: FloatArray) -> tuple[tuple[int, int], ...]:
        """Pairs that are bridged, nearest first; no sulfur atom is in two.

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms, 3)
            Å.
        """
        gaps = minimum_image(positions[self.pairs[:, 0]] - positions[self.pairs[:, 1]], self.box)
        distances = np.linalg.norm(gaps, axis=1)
        taken: set[int] = set()
        found: list[tuple[int, int]] = []
        for row in np.argsort(distances, kind="stable").tolist():
            one, two = self.pairs[row].tolist()
            if distances[row] <= SULFUR_CUTOFF and not taken & {one, two}:
                taken |= {one, two}
                found.append((one, two))
        return tuple(sorted(found))


def find_disulfides(plan: Plan, beads: Beads) -> Candidates:
    """Find sulfur atoms with one heavy partner whose beads are near each other.

    Parameters
    ----------
    plan : Plan
    beads : Beads
    """
    atoms, owners = [], []
    index = plan.atom_index()
    for kind, template in enumerate(plan.library):
        residues = np.flatnonzero(plan.template == kind)
        for local, element in enumerate(template.elements):
            if element != "S" or (template.bonds == local).sum() != 1:
                continue
            atoms.append(index[residues, local])
            owners.append(plan.bead_start[residues] + template.bead_of(template.atoms[local]))
    atom = np.concatenate(atoms) if atoms else np.zeros(0, dtype=np.int64)
    if len(atom) < 2:
        return Candidates(np.zeros((0, 2), dtype=np.int64), beads.box)
    points = beads.positions[np.concatenate(owners)]
    return Candidates(np.sort(atom[_near(points, beads.box)], axis=1), beads.box)


def _near(points: FloatArray, box: FloatArray | None) -> IntArray:
    """Pairs of points (n, 3) closer than `BEAD_CUTOFF`, over periodic boundaries too."""
    if box is None:
        pairs: IntArray = cKDTree(points).query_pairs(BEAD_CUTOFF, output_type="ndarray")
        return pairs.reshape(-1, 2)
    found = [np.zeros((0, 2), dtype=np.int64)]
    for one in range(len(points) - 1):  # sulfur atoms are few; any cell, wrapped or not
        gaps = minimum_image(points[one + 1 :] - points[one], box)
        two = one + 1 + np.flatnonzero(np.linalg.norm(gaps, axis=1) <= BEAD_CUTOFF)
        found.append(np.stack([np.full(len(two), one), two], axis=1))
    return np.concatenate(found)
