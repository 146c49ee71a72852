"""Disulfide bridges: looked for between beads, decided between sulfur atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from herobm.plan.plan import Plan
from herobm.system.neighbours import near_pairs, pair_distances
from herobm.system.periodic import minimum_image
from herobm.types import Beads, FloatArray, IntArray

#: Å, largest distance between the beads of two bridged sulfur atoms (2.4 Å in Martini 3), where
#: their atoms do not allow more.
BEAD_CUTOFF = 4.5
#: Å, length of a bridge, and distance of one sulfur atom to the carbon atom of the other.
BRIDGE, ACROSS_BRIDGE = 2.05, 3.05
#: Å, beyond which bridged sulfur atoms lie in different images.
FARTHEST = 10.0
#: Å, how much farther apart beads of a bridge may be than their atoms can take them.
SLACK = 0.1
#: Å, largest distance between two bridged sulfur atoms: of a structure with atoms, and as a network
#: places them. Of 125 bridges of crystals it places those of Martini 3 beads 1.9 to 2.2 Å apart, of
#: C-alpha alone a quarter farther than 3.3 Å.
SULFUR_CUTOFF, PLACED_CUTOFF = 2.7, 3.3


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

    def bonded(
        self, positions: FloatArray, cutoff: float = SULFUR_CUTOFF
    ) -> tuple[tuple[int, int], ...]:
        """Pairs that are bridged, nearest first; no sulfur atom is in two.

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms, 3)
            Å.
        cutoff : float
            Å, largest distance of two of them.
        """
        gaps = minimum_image(positions[self.pairs[:, 0]] - positions[self.pairs[:, 1]], self.box)
        return _nearest_first(self.pairs, np.linalg.norm(gaps, axis=1), cutoff)


def near_sulfurs(
    sulfurs: IntArray, positions: FloatArray, box: FloatArray | None = None
) -> IntArray:
    """Pairs of sulfur atoms that are bridged where no beads tell; the nearest, each atom once.

    Parameters
    ----------
    sulfurs : IntArray, shape (n,)
        Atoms that may be bridged.
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    box : FloatArray or None, shape (6,)
        Over whose boundaries they may be bridged.

    Returns
    -------
    IntArray, shape (n_bridges, 2)
        Atoms at most `SULFUR_CUTOFF` apart.
    """
    near, distances = near_pairs(positions[sulfurs], SULFUR_CUTOFF, box)
    pairs = np.sort(sulfurs[near], axis=1)
    found = _nearest_first(pairs, distances, SULFUR_CUTOFF)
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _nearest_first(
    pairs: IntArray, distances: FloatArray, cutoff: float
) -> tuple[tuple[int, int], ...]:
    """Pairs up to a distance in Å, nearest first; no atom is in two."""
    taken: set[int] = set()
    found: list[tuple[int, int]] = []
    for row in np.argsort(distances, kind="stable").tolist():
        one, two = pairs[row].tolist()
        if distances[row] <= cutoff and not taken & {one, two}:
            taken |= {one, two}
            found.append((one, two))
    return tuple(sorted(found))


def within_image(bridges: Sequence[tuple[int, int]], positions: FloatArray) -> IntArray:
    """Bridges (n, 2) between atoms that lie in one periodic image: those can be held by distance.

    Parameters
    ----------
    bridges : sequence of (int, int)
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    """
    pairs = np.array(bridges, dtype=np.int64).reshape(-1, 2)
    gaps = pair_distances(positions, pairs)
    near: IntArray = pairs[gaps <= FARTHEST]
    return near


def find_disulfides(plan: Plan, beads: Beads) -> Candidates:
    """Find sulfur atoms with one heavy partner whose beads are near each other.

    Parameters
    ----------
    plan : Plan
    beads : Beads
    """
    atoms, owners, reach = [], [], []
    index = plan.atom_index()
    for kind, template in enumerate(plan.library):
        residues = np.flatnonzero(plan.template == kind)
        for local, element in enumerate(template.elements):
            if element != "S" or (template.bonds == local).sum() != 1:
                continue
            name = template.atoms[local]
            atoms.append(index[residues, local])
            owners.append(plan.bead_start[residues] + template.bead_of(name))
            reach.append(np.full(len(residues), template.reach_of(name)))
    atom = np.concatenate(atoms) if atoms else np.zeros(0, dtype=np.int64)
    if len(atom) < 2:
        return Candidates(np.zeros((0, 2), dtype=np.int64), beads.box)
    points = beads.positions[np.concatenate(owners)]
    pairs = _near(points, np.concatenate(reach), beads.box)
    return Candidates(np.sort(atom[pairs], axis=1), beads.box)


def _near(points: FloatArray, reach: FloatArray, box: FloatArray | None) -> IntArray:
    """Pairs of beads (n, 3) that a bridge can join, over periodic boundaries too.

    Parameters
    ----------
    points : FloatArray, shape (n, 3)
        Å.
    reach : FloatArray, shape (n,)
        Å, how far the sulfur atom of each can be from it.
    box : FloatArray or None, shape (6,)
    """
    farthest = max(BEAD_CUTOFF, 2.0 * float(reach.max()) + BRIDGE + SLACK)
    pairs, distances = near_pairs(points, farthest, box)
    allowed = np.maximum(BEAD_CUTOFF, reach[pairs].sum(axis=1) + BRIDGE + SLACK)
    near: IntArray = pairs[distances <= allowed]
    return near
