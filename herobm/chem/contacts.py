"""Atoms that come too close to each other."""

from __future__ import annotations

import numpy as np

from herobm.elements import VDW_RADII
from herobm.system.neighbours import near_pairs
from herobm.types import BoolArray, FloatArray, IntArray, StrArray

#: Share of the sum of two radii below which two atoms clash.
CLOSEST = 0.8
#: Bonds between two atoms from which on they can clash.
APART = 4


def clashes(
    positions: FloatArray,
    elements: StrArray,
    atoms: IntArray,
    bonds: IntArray,
    room: float = 0.0,
    box: FloatArray | None = None,
) -> IntArray:
    """Find pairs of atoms closer than 0.8 of the sum of their radii, at least four bonds apart.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    elements : StrArray, shape (n_atoms,)
    atoms : IntArray, shape (n,)
        Those to look at.
    bonds : IntArray, shape (n_bonds, 2)
        Of all atoms.
    room : float
        Å; pairs that are this much farther apart are found too.
    box : FloatArray or None, shape (6,)
        Over whose boundaries atoms can clash.

    Returns
    -------
    IntArray, shape (n_clashes, 2)
    """
    if len(atoms) == 0:
        return np.zeros((0, 2), dtype=np.int64)
    radius = radii_of(elements)
    reach = CLOSEST * 2.0 * radius[atoms].max() + room
    near, distance = near_pairs(positions[atoms], reach, box)
    pairs = atoms[near]
    pairs = pairs[distance < CLOSEST * radius[pairs].sum(axis=1) + room]
    found: IntArray = pairs[~near_by_bonds(pairs, bonds, len(positions), APART - 1)]
    return found


def least_distances(elements: StrArray, pairs: IntArray) -> FloatArray:
    """Distances (n,) in Å below which pairs of atoms (n, 2) clash."""
    least: FloatArray = CLOSEST * radii_of(elements)[pairs].sum(axis=1)
    return least


def radii_of(elements: StrArray) -> FloatArray:
    """Van der Waals radii (n,) in Å; 1.70 for elements that `VDW_RADII` lacks."""
    kinds, kind = np.unique(elements, return_inverse=True)
    radii: FloatArray = np.array([VDW_RADII.get(str(k), 1.70) for k in kinds])[kind]
    return radii


def near_by_bonds(pairs: IntArray, bonds: IntArray, n_atoms: int, most: int) -> BoolArray:
    """Whether the atoms of each pair are one to `most` bonds apart, shape (n,).

    Parameters
    ----------
    pairs : IntArray, shape (n, 2)
    bonds : IntArray, shape (n_bonds, 2)
    n_atoms : int
    most : int
        At least 1.
    """
    from scipy.sparse import csr_array, eye_array

    both = np.concatenate([bonds, bonds[:, ::-1]])
    ones = np.ones(len(both), dtype=np.int32)
    bonded = csr_array((ones, (both[:, 0], both[:, 1])), shape=(n_atoms, n_atoms))
    step = bonded + eye_array(n_atoms, dtype=np.int32, format="csr")
    within = step
    for _ in range(most - 1):
        within = within @ step
    near = within.tocoo()
    keys = near.row.astype(np.int64) * n_atoms + near.col
    found: BoolArray = np.isin(pairs[:, 0] * n_atoms + pairs[:, 1], keys)
    return found
