"""Which phi and psi are usual: densities over protein crystal structures.

The table beside this module is made by ``python benchmarks/ramachandran.py FOLDER``. As is the
custom since Lovell et al. (Proteins 50, 437 (2003)), the region that holds 98 % of the residues
is called favoured; what is outside the region of 99.9 % is an outlier.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from herobm.types import FloatArray, IntArray, StrArray

#: Kinds of residues that are told apart.
CLASSES = ("general", "glycine", "proline", "before proline")
#: Degrees, width of a cell of the table.
CELL = 5
#: Favoured and allowed residues' share of all.
SHARES = (0.98, 0.999)
FAVOURED, ALLOWED, OUTLIER = 0, 1, 2
#: Units of the table in one natural logarithm.
SCALE = 16.0

_TABLE = Path(__file__).with_name("ramachandran.npz")


def classes_of(names: StrArray, following: IntArray) -> IntArray:
    """Index into `CLASSES` of each residue.

    Parameters
    ----------
    names : StrArray, shape (n_residues,)
    following : IntArray, shape (n_residues,)
        Residue bonded after each one, -1 for none.
    """
    before_proline = (following >= 0) & (names[following] == "PRO")
    kind: IntArray = np.where(before_proline, 3, 0)
    kind = np.where(names == "PRO", 2, kind)
    return np.where(names == "GLY", 1, kind)


def fold(pairs: list[FloatArray]) -> tuple[IntArray, IntArray]:
    """Make the table from angles.

    Parameters
    ----------
    pairs : list of FloatArray, each of shape (n, 2)
        Phi and psi in degrees of the residues of each class.

    Returns
    -------
    density : IntArray, shape (n_classes, n_cells, n_cells)
        How far the logarithm of the density is below its peak, in units of 1 / `SCALE`; by phi
        and psi from -180 degrees on.
    limits : IntArray, shape (n_classes, 2)
        Greatest such value that is favoured, and that is allowed.
    """
    from scipy.ndimage import gaussian_filter

    tables, limits = [], []
    edges = np.arange(-180, 181, CELL)
    for angles in pairs:
        counts = np.histogram2d(angles[:, 0], angles[:, 1], bins=[edges, edges])[0]
        smooth = gaussian_filter(counts, sigma=1.2, mode="wrap")
        below = SCALE * np.log(smooth.max() / np.maximum(smooth, smooth.max() * 1e-9))
        table = np.minimum(np.round(below), 255).astype(np.uint8)
        order = np.argsort(table, axis=None, kind="stable")
        share = np.cumsum(counts.ravel()[order]) / counts.sum()
        cells = np.searchsorted(share, SHARES)
        tables.append(table)
        limits.append(table.ravel()[order[cells]])
    return np.array(tables), np.array(limits)


@cache
def _load() -> tuple[IntArray, IntArray]:
    with np.load(_TABLE, allow_pickle=False) as table:
        return table["density"].astype(np.int64), table["limits"].astype(np.int64)


def surprise(phi: FloatArray, psi: FloatArray, kind: IntArray) -> FloatArray:
    """How far the logarithm of the density is below its peak, shape (n,).

    Parameters
    ----------
    phi, psi : FloatArray, shape (n,)
        Degrees; the result is NaN where one of them is.
    kind : IntArray, shape (n,)
        Index into `CLASSES`.
    """
    density, _ = _load()
    known = np.isfinite(phi) & np.isfinite(psi)
    levels = density[kind, _cell(phi), _cell(psi)] / SCALE
    return np.where(known, levels, np.nan)


def judge(phi: FloatArray, psi: FloatArray, kind: IntArray) -> IntArray:
    """`FAVOURED`, `ALLOWED` or `OUTLIER` for each residue, -1 where an angle is not known.

    Parameters
    ----------
    phi, psi : FloatArray, shape (n,)
        Degrees.
    kind : IntArray, shape (n,)
        Index into `CLASSES`.
    """
    density, limits = _load()
    known = np.isfinite(phi) & np.isfinite(psi)
    level = density[kind, _cell(phi), _cell(psi)]
    verdict = (level[:, None] > limits[kind]).sum(axis=1)
    return np.where(known, verdict, -1)


def regions() -> IntArray:
    """`FAVOURED`, `ALLOWED` or `OUTLIER`, shape (n_classes, n_cells, n_cells), by phi and psi."""
    density, limits = _load()
    verdict: IntArray = (density[..., None] > limits[:, None, None]).sum(axis=-1)
    return verdict


def towards_favoured(
    phi: FloatArray, psi: FloatArray, kind: IntArray, reach: float
) -> tuple[FloatArray, FloatArray]:
    """Move what is not favoured to the nearest favoured cell, if that is near.

    Parameters
    ----------
    phi, psi : FloatArray, shape (n,)
        Degrees.
    kind : IntArray, shape (n,)
        Index into `CLASSES`.
    reach : float
        Degrees, root of the sum of both squares, beyond which angles stay what they are.

    Returns
    -------
    phi, psi : FloatArray, shape (n,)
        Degrees: the middle of a cell where they were moved.
    """
    moved = np.stack([phi, psi], axis=1)
    favoured = regions() == FAVOURED
    rare = judge(phi, psi, kind) > FAVOURED
    for one in np.unique(kind[rare]):
        rows = np.flatnonzero(rare & (kind == one))
        middles = (np.argwhere(favoured[one]) + 0.5) * CELL - 180.0
        gaps = (middles - moved[rows, None] + 180.0) % 360.0 - 180.0
        distance = np.linalg.norm(gaps, axis=2)
        nearest = distance.argmin(axis=1)
        near = distance.min(axis=1) <= reach
        moved[rows[near]] = middles[nearest[near]]
    return moved[:, 0], moved[:, 1]


def histograms(phi: FloatArray, psi: FloatArray, kind: IntArray) -> IntArray:
    """Count residues by class and cell, shape (n_classes, n_cells, n_cells).

    Parameters are those of `judge`; residues without one of the angles do not count.
    """
    n_cells = 360 // CELL
    found = np.zeros((len(CLASSES), n_cells, n_cells), dtype=np.int64)
    known = np.isfinite(phi) & np.isfinite(psi)
    np.add.at(found, (kind[known], _cell(phi[known]), _cell(psi[known])), 1)
    return found


def _cell(angle: FloatArray) -> IntArray:
    turned = np.floor((np.nan_to_num(angle) + 180.0) / CELL).astype(np.int64)
    cell: IntArray = turned % (360 // CELL)
    return cell
