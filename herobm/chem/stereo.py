"""Hands of chiral and prochiral centres and sides of double bonds, from the labels of a mapping.

RDKit turns a CIP label into an order of neighbours once for each residue kind; after that a
structure is checked by the sign of triple products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from herobm.chem.labelled import Labelled, label_prochiral, label_template
from herobm.plan.plan import Plan
from herobm.plan.template import Template
from herobm.types import BoolArray, FloatArray, IntArray

#: Å, height of a tetrahedral carbon above the plane of three neighbours is 0.5.
HEIGHT = 0.4


@dataclass(frozen=True, eq=False)
class Centers:
    """Tetrahedral centres of a template.

    Attributes
    ----------
    atoms : IntArray, shape (n, 4)
        Rebuilt atoms of the template: the centre and three of its neighbours.
    sign : IntArray, shape (n,)
        Sign (+1, -1) of the triple product of the vectors from the centre to the three, in order.
    """

    atoms: IntArray
    sign: IntArray


@dataclass(frozen=True, eq=False)
class DoubleBonds:
    """Labelled double bonds of a template.

    Attributes
    ----------
    atoms : IntArray, shape (n, 4)
        Rebuilt atoms x-a=b-y of the template.
    cis : BoolArray, shape (n,)
        Whether x and y lie on the same side.
    """

    atoms: IntArray
    cis: BoolArray


CentersOf: TypeAlias = Callable[[Template], Centers]
BondsOf: TypeAlias = Callable[[Template], DoubleBonds]


@lru_cache(maxsize=4096)
def stereo_centers(template: Template) -> Centers:
    """Find the centres that a mapping labels R or S.

    Parameters
    ----------
    template : Template

    Returns
    -------
    Centers
        Those with at least three rebuilt neighbours in the residue.
    """
    return _as_centers(label_template(template).centers)


@lru_cache(maxsize=4096)
def prochiral_centers(template: Template) -> Centers:
    """Find the carbon atoms whose two like branches are told apart by their names alone.

    By the rules for amino acids (IUPAC-IUB 1969, section 2) the branch of the lower number is
    pro-R: CG1 of VAL and CD1 of LEU. Branches whose names do not end in 1 and 2 do not count.

    Parameters
    ----------
    template : Template

    Returns
    -------
    Centers
    """
    return _as_centers(label_prochiral(template))


@lru_cache(maxsize=4096)
def stereo_bonds(template: Template) -> DoubleBonds:
    """Find the double bonds that a mapping labels E or Z.

    Parameters
    ----------
    template : Template

    Returns
    -------
    DoubleBonds
        Those with a rebuilt neighbour on both sides.
    """
    found = label_template(template).bonds
    atoms = np.array([row[:4] for row in found], dtype=np.int64).reshape(-1, 4)
    return DoubleBonds(atoms, np.array([row[4] for row in found], dtype=bool))


def _as_centers(found: Labelled) -> Centers:
    table = np.array(found, dtype=np.int64).reshape(-1, 5)
    return Centers(table[:, :4], table[:, 4])


def volumes(positions: FloatArray, centres: IntArray) -> FloatArray:
    """Triple products of the vectors from centres to three of their neighbours.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    centres : IntArray, shape (n, 4)
        The centre first.

    Returns
    -------
    FloatArray, shape (n,)
        Å^3; its sign is the hand.
    """
    found: FloatArray = np.linalg.det(positions[centres[:, 1:]] - positions[centres[:, :1]])
    return found


def chirality_errors(plan: Plan, positions: FloatArray, least: float = 0.0) -> IntArray:
    """Find the labelled centres that have the wrong hand.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
        Å; NaN where an atom is missing.
    least : float
        Å^3, triple product of three bonds up to which a centre counts as wrong; that of a carbon
        with four bonds to carbon is 2.8.

    Returns
    -------
    IntArray, shape (n_errors,)
        Centres, as atoms of the plan, ascending. A flat centre (volume 0) is wrong.
    """
    return _wrong_hands(plan, positions, stereo_centers, least)


def mend_chirality(plan: Plan, positions: FloatArray) -> FloatArray:
    """Turn labelled centres that have the wrong hand, and those whose like branches are swapped.

    Networks make them flat where they waver between two conformers, and now and then a little more
    than flat. The centre moves through the plane of its three neighbours to the same height on the
    other side (at least `HEIGHT`), which changes none of its three bonds by much.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
        Å.

    Returns
    -------
    FloatArray, shape (n_atoms, 3)
        The same array where no centre is wrong.
    """
    for centers_of in (stereo_centers, prochiral_centers):
        positions = _mended(plan, positions, centers_of)
    return positions


def _mended(plan: Plan, positions: FloatArray, centers_of: CentersOf) -> FloatArray:
    atoms, volume, sign = _volumes(plan, positions, centers_of)
    wrong = volume <= 0
    if not wrong.any():
        return positions
    center, one, two, three = np.moveaxis(positions[atoms[wrong]], 1, 0)
    normal = np.cross(two - one, three - one)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    height = ((center - one) * normal).sum(axis=1)
    # det(one - center, ...) = -height * |(two - one) x (three - one)|
    new = -sign[wrong] * np.maximum(np.abs(height), HEIGHT)
    mended = positions.copy()
    mended[atoms[wrong, 0]] = center + (new - height)[:, None] * normal
    return mended


def prochiral_errors(plan: Plan, positions: FloatArray, least: float = 0.0) -> IntArray:
    """Find the centres whose like branches have each other's name (see `prochiral_centers`).

    Parameters and result are those of `chirality_errors`.
    """
    return _wrong_hands(plan, positions, prochiral_centers, least)


def double_bond_errors(plan: Plan, positions: FloatArray) -> IntArray:
    """Find the labelled double bonds that have the wrong side.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
        Å; NaN where an atom is missing.

    Returns
    -------
    IntArray, shape (n_errors, 2)
        The two atoms of each, as atoms of the plan.
    """
    atoms, cis = _sides(plan, positions)
    x, a, b, y = np.moveaxis(positions[atoms], 1, 0)
    cosine = (np.cross(a - x, b - a) * np.cross(b - a, y - b)).sum(axis=1)
    wrong = np.where(cis, cosine <= 0, cosine >= 0)
    found: IntArray = atoms[wrong][:, 1:3]
    return found


def count_double_bonds(plan: Plan, positions: FloatArray) -> int:
    """Count the labelled double bonds that `double_bond_errors` looks at."""
    return len(_sides(plan, positions)[0])


def _sides(plan: Plan, positions: FloatArray) -> tuple[IntArray, BoolArray]:
    """Atoms x-a=b-y (n, 4) of labelled double bonds, and whether x and y are to be cis."""
    atoms, cis = _lay_out(plan, stereo_bonds)
    there = _there(atoms, positions)
    return atoms[there], cis[there] > 0


def _wrong_hands(
    plan: Plan, positions: FloatArray, centers_of: CentersOf, least: float
) -> IntArray:
    atoms, volume, _ = _volumes(plan, positions, centers_of)
    found: IntArray = np.sort(atoms[volume <= least, 0])
    return found


def _volumes(
    plan: Plan, positions: FloatArray, centers_of: CentersOf
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Atoms (n, 4) of the centres; volume (positive for the right hand); sign of the label."""
    atoms, sign = _lay_out(plan, centers_of)
    there = _there(atoms, positions)
    atoms, sign = atoms[there], sign[there]
    return atoms, volumes(positions, atoms) * sign, sign


@lru_cache(maxsize=8)  # steps after rebuilding ask for those of one plan some hundred times a frame
def _lay_out(plan: Plan, kinds_of: CentersOf | BondsOf) -> tuple[IntArray, FloatArray]:
    """Atoms of the plan (n, 4) for all lines of all tables, and the label of each."""
    index, templates = plan.atom_index(), list(plan.library)
    atoms: list[IntArray] = [np.zeros((0, 4), np.int64)]
    labels: list[FloatArray] = [np.zeros(0)]
    for kind in np.unique(plan.template).tolist():
        table = kinds_of(templates[kind])
        label = table.cis if isinstance(table, DoubleBonds) else table.sign
        residues = np.flatnonzero(plan.template == kind)
        atoms.append(index[residues][:, table.atoms].reshape(-1, 4))
        labels.append(np.tile(label, len(residues)))
    return np.concatenate(atoms), np.concatenate(labels)


def _there(atoms: IntArray, positions: FloatArray) -> BoolArray:
    """Whether all atoms (n, 4) exist and are placed."""
    finite = np.isfinite(positions[atoms])
    return np.asarray((atoms >= 0).all(axis=1) & finite.all(axis=(1, 2)))
