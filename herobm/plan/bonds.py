"""Bonds and angles of a system, and reference positions laid out along its plan."""

from __future__ import annotations

import numpy as np

from herobm.plan.plan import Plan
from herobm.types import FloatArray, IntArray


def plan_bonds(plan: Plan, previous: IntArray) -> IntArray:
    """List the bonds between rebuilt atoms, those along the chain included.

    Parameters
    ----------
    plan : Plan
    previous : IntArray, shape (n_residues,)
        Residue bonded before each residue, -1 for none.

    Returns
    -------
    IntArray, shape (n_bonds, 2)
        Pairs of atoms, the smaller index first, ordered by the larger one.
    """
    index = plan.atom_index()
    found = []
    for kind, template in enumerate(plan.library):
        residues = np.flatnonzero(plan.template == kind)
        for a, b in template.bonds.tolist():
            found.append(np.stack([index[residues, a], index[residues, b]], axis=1))
    found.append(_chain_bonds(plan, previous, index))
    bonds = np.sort(np.concatenate(found), axis=1) if found else np.zeros((0, 2), np.int64)
    bonds = bonds[bonds[:, 0] >= 0]
    return np.unique(bonds[:, ::-1], axis=0)[:, ::-1]


def _chain_bonds(plan: Plan, previous: IntArray, index: IntArray) -> IntArray:
    """Bonds from each residue to the one before it, where both say so by the same atoms."""
    here = np.flatnonzero(previous >= 0)
    pairs = np.full((len(here), 2), -1, dtype=np.int64)
    kinds = np.stack([plan.template[previous[here]], plan.template[here]], axis=1)
    for one, two in np.unique(kinds, axis=0).tolist():
        before, after = plan.library.templates[one], plan.library.templates[two]
        link = before.link_next
        if link is None and after.link_previous is not None:
            link = after.link_previous[::-1]
        if link is None or link[0] not in before.atoms or link[1] not in after.atoms:
            continue
        rows = (kinds == (one, two)).all(axis=1)
        pairs[rows, 0] = index[previous[here[rows]], before.atoms.index(link[0])]
        pairs[rows, 1] = index[here[rows], after.atoms.index(link[1])]
    return pairs


def pairs_across(bonds: IntArray, n_atoms: int) -> IntArray:
    """List the pairs of atoms at both ends of an angle, shape (n, 2).

    Not those that are bonded, nor across a ring of four atoms, where they may lie nearer.

    Parameters
    ----------
    bonds : IntArray, shape (n_bonds, 2)
    n_atoms : int
    """
    ends = np.sort(angles_of(bonds, n_atoms)[:, [0, 2]], axis=1)
    keys, first, count = np.unique(ends @ (n_atoms, 1), return_index=True, return_counts=True)
    bonded = np.isin(keys, np.sort(bonds, axis=1) @ (n_atoms, 1))
    found: IntArray = ends[np.sort(first[(count == 1) & ~bonded])]
    return found


def angles_of(bonds: IntArray, n_atoms: int) -> IntArray:
    """List the angles that bonds make.

    Parameters
    ----------
    bonds : IntArray, shape (n_bonds, 2)
    n_atoms : int

    Returns
    -------
    IntArray, shape (n_angles, 3)
        The middle atom in column 1.
    """
    both = np.concatenate([bonds, bonds[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    counts = np.bincount(both[:, 0], minlength=n_atoms)
    starts = np.cumsum(counts) - counts
    found = []
    for first in range(int(counts.max(initial=0))):
        for second in range(first + 1, int(counts.max(initial=0))):
            middle = np.flatnonzero(counts > second)
            found.append(
                np.stack(
                    [both[starts[middle] + first, 1], middle, both[starts[middle] + second, 1]],
                    axis=1,
                )
            )
    return np.concatenate(found) if found else np.zeros((0, 3), dtype=np.int64)


def plan_atoms(plan: Plan, residue: IntArray, local: IntArray) -> IntArray:
    """Find the atoms of a structure among those of a plan.

    Parameters
    ----------
    plan : Plan
    residue : IntArray, shape (n,)
        Residue of the plan that each atom belongs to, -1 for none.
    local : IntArray, shape (n,)
        Index of each atom among the atoms of its residue's mapping, -1 for unknown ones.

    Returns
    -------
    IntArray, shape (n,)
        Atom of the plan, -1 for none.
    """
    longest = max(len(t.mapping.atoms) for t in plan.library)
    rebuilt = np.full((len(plan.library.templates), longest), -1, dtype=np.int64)
    for row, template in zip(rebuilt, plan.library, strict=True):
        names = {name: i for i, name in enumerate(template.atoms)}
        row[: len(template.mapping.atoms)] = [names.get(a.name, -1) for a in template.mapping.atoms]
    known = np.flatnonzero((residue >= 0) & (local >= 0))
    place = rebuilt[plan.template[residue[known]], local[known]]
    found = np.full(len(residue), -1, dtype=np.int64)
    found[known] = np.where(place >= 0, plan.atom_index()[residue[known], place], -1)
    return found


def lay_out_atoms(
    plan: Plan, residue_index: IntArray, local: IntArray, positions: FloatArray
) -> FloatArray:
    """Put the atoms of a structure into the order of a plan.

    Parameters
    ----------
    plan : Plan
        Of the same residues in the same order.
    residue_index : IntArray, shape (n,)
        Residue of each atom of the structure.
    local : IntArray, shape (n,)
        Index of each atom among the atoms of its residue's mapping, -1 for unknown ones.
    positions : FloatArray, shape (n, 3)
        Å.

    Returns
    -------
    FloatArray, shape (plan.n_atoms, 3)
        Å; NaN where the structure lacks an atom.
    """
    target = plan_atoms(plan, residue_index, local)
    laid_out = np.full((plan.n_atoms, 3), np.nan)
    laid_out[target[target >= 0]] = positions[target >= 0]
    return laid_out
