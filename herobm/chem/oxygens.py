"""Two like atoms on one planar centre, such as the oxygens of a carboxylate, kept apart."""

from __future__ import annotations

import numpy as np

from herobm.chem.geometry import third_place
from herobm.chem.naming import Naming
from herobm.types import FloatArray, IntArray

#: Cosine of the angle between two like atoms at their centre, above which they lie on each other:
#: 90 degrees, where 120 to 126 are usual.
TOO_NEAR = 0.0
#: Cosine of the angle that an atom of a planar centre has to the third one.
USUAL = -0.5


def find_forks(naming: Naming, bonds: IntArray) -> IntArray:
    """Find pairs of like atoms that are bonded to one centre alone, which has a third neighbour.

    Parameters
    ----------
    naming : Naming
    bonds : IntArray, shape (n_bonds, 2)

    Returns
    -------
    IntArray, shape (n, 4)
        Third neighbour, centre, and the two like atoms: CA, C, O and OXT of a chain's end.
    """
    neighbours: dict[int, list[int]] = {}
    for a, b in bonds.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    found = []
    for orders in naming.orders:
        if orders.shape[2] != 2:
            continue
        for x, y in orders[:, 0].tolist():
            centre = neighbours.get(x, [])
            if len(centre) != 1 or neighbours.get(y) != centre:
                continue
            third = [n for n in neighbours[centre[0]] if n not in (x, y)]
            if len(third) == 1:
                found.append((third[0], centre[0], x, y))
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def part_forks(positions: FloatArray, forks: IntArray) -> FloatArray:
    """Put one of two like atoms that lie on each other where a planar centre has room for it.

    The one of the two stays that has the more usual angle to the third neighbour.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    forks : IntArray, shape (n, 4)
        See `find_forks`.

    Returns
    -------
    FloatArray, shape (n_atoms, 3)
    """
    if len(forks) == 0:
        return positions
    arms = positions[forks[:, [0, 2, 3]]] - positions[forks[:, 1]][:, None]
    length = np.maximum(np.linalg.norm(arms, axis=2), 1e-6)
    unit = arms / length[..., None]
    near = np.flatnonzero((unit[:, 1] * unit[:, 2]).sum(axis=1) > TOO_NEAR)
    off = np.abs((unit[near, :1] * unit[near, 1:]).sum(axis=2) - USUAL)
    stays = off.argmin(axis=1)
    away = third_place(unit[near, 0], unit[near, 1 + stays])
    sure = np.linalg.norm(away, axis=1) > 0.5  # not in a line
    near, stays, away = near[sure], stays[sure], away[sure]
    parted = positions.copy()
    centre = positions[forks[near, 1]]
    parted[forks[near, 3 - stays]] = centre + away * length[near, 2 - stays][:, None]
    return parted
