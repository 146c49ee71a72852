"""Names of like atoms, and chi angles: what a comparison must agree on before it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from herobm.chem.backbone import backbone_atoms
from herobm.chem.geometry import dihedrals
from herobm.chem.symmetry import Interchange, interchangeable
from herobm.plan.plan import Plan
from herobm.plan.template import Template
from herobm.types import BoolArray, FloatArray, IntArray

#: Third and fourth atom of chi1 and chi2 in amino acids; of several, the first one counts.
_GAMMA = ("CG", "CG1", "OG", "OG1", "SG")
_DELTA = ("CD", "CD1", "OD1", "ND1", "SD")

#: The search for automorphisms takes longer than all the rest, and templates live on.
_like_atoms = lru_cache(maxsize=4096)(interchangeable)


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


def find_naming(plan: Plan) -> Naming:
    """Find all atoms of a system that may swap names.

    Parameters
    ----------
    plan : Plan
    """
    index = plan.atom_index()
    orders, torsions = [], []
    for residues, swap in _swaps(plan):
        table = index[residues][:, np.array([swap.atoms, *swap.alternatives])]
        whole = table.min(axis=(1, 2)) >= 0
        orders.append(table[whole])
        decided = swap.torsion is not None and len(swap.alternatives) == 1
        torsions.append(index[residues][whole][:, swap.torsion] if decided else None)
    return Naming(tuple(orders), tuple(torsions))


def _swaps(plan: Plan) -> Iterator[tuple[IntArray, Interchange]]:
    for kind in np.unique(plan.template).tolist():
        residues = np.flatnonzero(plan.template == kind)
        for swap in _like_atoms(plan.library.templates[kind]):
            yield residues, swap


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


@dataclass(frozen=True, eq=False)
class Chi:
    """Angles chi1 or chi2 of a system.

    Attributes
    ----------
    atoms : IntArray, shape (n_residues, 4)
        -1 where a residue has no such angle.
    symmetric : BoolArray, shape (n_residues,)
        Whether half a turn makes no difference.
    """

    atoms: IntArray
    symmetric: BoolArray

    def within(self, reference: FloatArray, predicted: FloatArray, limit: float) -> FloatArray:
        """1 where the angle is within `limit` degrees of the reference, 0 where not, else NaN."""
        there = np.flatnonzero(self.atoms.min(axis=1) >= 0)
        quads = self.atoms[there]
        turned = dihedrals(predicted, quads) - dihedrals(reference, quads)
        period = np.where(self.symmetric[there], 180.0, 360.0)
        off = np.abs(turned - period * np.rint(turned / period))
        result = np.full(len(self.atoms), np.nan)
        result[there] = np.where(np.isfinite(off), off <= limit, np.nan)
        return result


def find_chi(plan: Plan) -> tuple[Chi, Chi]:
    """Find chi1 and chi2 of the amino acids of a system (proline's among them).

    Parameters
    ----------
    plan : Plan
    """
    index = plan.atom_index()
    found = tuple(
        Chi(np.full((plan.n_residues, 4), -1, np.int64), np.zeros(plan.n_residues, bool))
        for _ in range(2)
    )
    for kind in np.unique(plan.template).tolist():
        template = plan.library.templates[kind]
        residues = np.flatnonzero(plan.template == kind)
        like = {a for swap in _like_atoms(template) if swap.torsion for a in swap.atoms}
        for chi, names in zip(found, _chi_names(template), strict=False):
            local = [template.atoms.index(name) for name in names]
            chi.atoms[residues] = index[residues][:, local]
            chi.symmetric[residues] = local[3] in like and local[2] not in like
    return found[0], found[1]


def _chi_names(template: Template) -> list[tuple[str, str, str, str]]:
    """Atoms of chi1 and, if there is one, of chi2."""
    backbone = backbone_atoms(template)
    bonded = {frozenset((template.atoms[a], template.atoms[b])) for a, b in template.bonds.tolist()}
    if backbone is None or frozenset((backbone[1], "CB")) not in bonded:
        return []
    way = [backbone[0], backbone[1], "CB"]
    for choice in (_GAMMA, _DELTA):
        step = next((name for name in choice if frozenset((way[-1], name)) in bonded), None)
        if step is None:
            break
        way.append(step)
    return [(way[i], way[i + 1], way[i + 2], way[i + 3]) for i in range(len(way) - 3)]
