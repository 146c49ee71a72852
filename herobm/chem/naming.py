"""Names of like atoms: which may be swapped, and which order is the canonical one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from herobm.chem.geometry import dihedrals
from herobm.chem.symmetry import Interchange, interchangeable
from herobm.plan.plan import Plan
from herobm.plan.template import Template
from herobm.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Naming:
    """Atoms of a system that may swap names.

    Attributes
    ----------
    orders : tuple of IntArray, each of shape (n, n_orders, n_swapped)
        For every kind of swap, the atoms as they are named (order 0) and as they may be.
    torsions : tuple of (IntArray or None), each of shape (n, 4)
        The angle that decides about the names, within 90 degrees; None where none does.
    """

    orders: tuple[IntArray, ...]
    torsions: tuple[IntArray | None, ...]


def find_naming(plan: Plan, *, within_beads: bool = False) -> Naming:
    """Find all atoms of a system that may swap names.

    Parameters
    ----------
    plan : Plan
    within_beads : bool
        Only those that no bead tells apart. The ring of PHE is left out by it in Martini 3, whose
        beads SC2 and SC3 hold one of its two sides each.
    """
    index = plan.atom_index()
    orders, torsions = [], []
    for residues, swap in _swaps(plan, within_beads):
        table = index[residues][:, np.array([swap.atoms, *swap.alternatives])]
        whole = table.min(axis=(1, 2)) >= 0
        orders.append(table[whole])
        decided = swap.torsion is not None and len(swap.alternatives) == 1
        torsions.append(index[residues][whole][:, swap.torsion] if decided else None)
    return Naming(tuple(orders), tuple(torsions))


def _swaps(plan: Plan, within_beads: bool) -> Iterator[tuple[IntArray, Interchange]]:
    for kind in np.unique(plan.template).tolist():
        residues = np.flatnonzero(plan.template == kind)
        template = plan.library.templates[kind]
        for swap in interchangeable(template):
            if not within_beads or _within_beads(template, swap):
                yield residues, swap


def _within_beads(template: Template, swap: Interchange) -> bool:
    """Whether every alternative leaves each atom in its beads."""
    beads = [set(template.rows.bead[template.rows.atom == a].tolist()) for a in swap.atoms]
    own = dict(zip(swap.atoms, beads, strict=True))
    return all(
        own[a] == own[b]
        for order in swap.alternatives
        for a, b in zip(swap.atoms, order, strict=True)
    )


def best_names(
    naming: Naming, reference: FloatArray, predicted: FloatArray, *, decided: bool = True
) -> FloatArray:
    """Swap like atoms of the reference where that makes the error smaller.

    Parameters
    ----------
    naming : Naming
    reference, predicted : FloatArray, shape (n_atoms, 3)
        Å.
    decided : bool
        Whether to swap atoms, too, whose names an angle decides about.

    Returns
    -------
    FloatArray, shape (n_atoms, 3)
        The reference in the names of the prediction.
    """
    named = reference.copy()
    for orders, torsion in zip(naming.orders, naming.torsions, strict=True):
        if torsion is not None and not decided:
            continue
        errors = ((reference[orders] - predicted[orders[:, :1]]) ** 2).sum(axis=(2, 3))
        best = np.nan_to_num(errors, nan=np.inf).argmin(axis=1)
        named[orders[:, 0]] = reference[orders[np.arange(len(orders)), best]]
    return named


def canonical_names(naming: Naming, positions: FloatArray) -> FloatArray:
    """Name like atoms by the angles that decide about it.

    Parameters
    ----------
    naming : Naming
    positions : FloatArray, shape (n_atoms, 3)
        Å.

    Returns
    -------
    FloatArray, shape (n_atoms, 3)
        ASP chi2, GLU chi3, PHE and TYR chi2 within ±90 degrees, ARG NH1 the nearer to CD.
    """
    named = positions.copy()
    for orders, torsion in zip(naming.orders, naming.torsions, strict=True):
        if torsion is not None:
            swap = np.abs(dihedrals(positions, torsion)) > 90.0
            named[orders[swap, 0]] = positions[orders[swap, 1]]
    return named
