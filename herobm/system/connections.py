"""Bonds of molecules that are no chain, which readers of PDB know from no residue name."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from herobm.types import Atoms, BoolArray, IntArray

#: Å, longest bond to a hydrogen (S-H 1.34 Å), with room for what strain does to it.
TO_HYDROGEN = 1.6


def own_bonds(atoms: Atoms, bonds: IntArray) -> tuple[tuple[int, int], ...]:
    """Choose the bonds of ligands, lipids and the like, and add those of their hydrogens.

    Parameters
    ----------
    atoms : Atoms
        Which residues these are, `Residues.hetero` tells.
    bonds : IntArray, shape (n_bonds, 2)
        Bonds of all that is mapped, rows of `atoms`; -1 for an atom that is not there.

    Returns
    -------
    tuple of (int, int)
        A hydrogen that no bond names is bonded to the nearest heavy atom of its residue.
    """
    hetero = atoms.residues.hetero
    if hetero is None or not hetero.any():
        return ()
    mine: BoolArray = hetero[atoms.residue_index]
    kept = bonds[(bonds >= 0).all(axis=1)]
    kept = kept[mine[kept].all(axis=1)]
    found = np.concatenate([kept, _of_hydrogens(atoms, mine, kept)])
    return tuple((int(one), int(other)) for one, other in found)


def _of_hydrogens(atoms: Atoms, mine: BoolArray, bonds: IntArray) -> IntArray:
    """Bonds of the hydrogens that `bonds` leaves out, shape (n, 2)."""
    heavy = np.flatnonzero(mine & atoms.heavy)
    bonded = np.zeros(len(atoms), dtype=bool)
    bonded[bonds] = True
    light = np.flatnonzero(mine & ~atoms.heavy & ~bonded)
    if not len(heavy) or not len(light):
        return np.zeros((0, 2), dtype=np.int64)
    # A residue number as a fourth coordinate keeps residues apart.
    apart = 10.0 * TO_HYDROGEN * atoms.residue_index[:, None]
    points = np.concatenate([atoms.positions, apart], axis=1)
    distance, nearest = cKDTree(points[heavy]).query(points[light])
    near = distance <= TO_HYDROGEN
    return np.stack([heavy[nearest[near]], light[near]], axis=1)
