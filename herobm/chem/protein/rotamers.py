"""Which side-chain conformations are usual: densities of chi1 to chi4 over crystal structures.

The table beside this module is made by ``python benchmarks/protein_references.py FOLDER``. As in
the work of Hintze et al. (Proteins 84, 1177 (2016)), the region of the chi angles of a residue
kind that holds 98 % of its residues is called favoured, and what is outside the region of 99.7 %
is an outlier. Ours is a region of cells of 5 degrees (kinds with one angle), 10 (two) or 20
degrees (three and four), ordered by a smoothed density.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from herobm.chem.protein.chi import Chi, find_chi
from herobm.chem.protein.hands import hands
from herobm.chem.protein.ramachandran import ALLOWED, FAVOURED, OUTLIER
from herobm.chem.protein.skeleton import skeletons
from herobm.plan.plan import Plan
from herobm.types import FloatArray, IntArray

#: Favoured and allowed residues' share of all.
SHARES = (0.98, 0.997)
#: Degrees, width of a cell, by the number of angles.
CELLS = {1: 5, 2: 10, 3: 20, 4: 20}
#: Cells, width of the Gaussian that smooths the counts.
SMOOTH = 1.0

_TABLE = Path(__file__).with_name("rotamers.npz")


def fold(angles: FloatArray, symmetric: bool) -> IntArray:
    """Make the table of one residue kind.

    Parameters
    ----------
    angles : FloatArray, shape (n, n_chi)
        Degrees.
    symmetric : bool
        Whether half a turn of the last angle makes no difference.

    Returns
    -------
    IntArray, shape (n_cells, ..., n_cells)
        `FAVOURED`, `ALLOWED` or `OUTLIER`, by each angle from -180 degrees on (a symmetric one
        from 0 to 180).
    """
    from scipy.ndimage import gaussian_filter

    shape = _shape(angles.shape[1], symmetric)
    counts = np.zeros(shape)
    np.add.at(counts, _cells(angles, shape), 1.0)
    smooth = gaussian_filter(counts, sigma=SMOOTH, mode="wrap")
    order = np.argsort(-smooth, axis=None, kind="stable")
    share = np.cumsum(counts.ravel()[order]) / counts.sum()
    limits = [smooth.ravel()[order[np.searchsorted(share, s)]] for s in SHARES]
    verdict: IntArray = np.where(smooth >= limits[0], FAVOURED, ALLOWED)
    return np.where(smooth >= limits[1], verdict, OUTLIER).astype(np.uint8)


def _shape(n_chi: int, symmetric: bool) -> tuple[int, ...]:
    n_cells = 360 // CELLS[n_chi]
    return (n_cells,) * (n_chi - 1) + (n_cells // 2 if symmetric else n_cells,)


def _cells(angles: FloatArray, shape: tuple[int, ...]) -> tuple[IntArray, ...]:
    """Cell of each angle; one that is symmetric lies between 0 and 180."""
    width = CELLS[len(shape)]
    offset = np.where(np.array(shape) * width < 360, 0.0, 180.0)
    cells = np.floor((angles + offset) / width).astype(np.int64) % np.array(shape)
    return tuple(cells.T)


@cache
def _load() -> dict[str, IntArray]:
    with np.load(_TABLE, allow_pickle=False) as table:
        return {kind: table[f"table{i}"] for i, kind in enumerate(table["kinds"].tolist())}


def save(path: Path, tables: dict[str, IntArray]) -> None:
    """Write the tables of all residue kinds, by skeleton."""
    columns = {f"table{i}": table for i, table in enumerate(tables.values())}
    np.savez_compressed(path, kinds=np.array(list(tables)), **columns)  # type: ignore[arg-type]


def angles_by_kind(
    plan: Plan, positions: FloatArray, chi: Sequence[Chi]
) -> dict[str, tuple[IntArray, FloatArray, bool]]:
    """Chi angles of the residues of each kind.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
    chi : sequence of Chi
        See `herobm.chem.protein.chi.find_chi`.

    Returns
    -------
    dict
        Skeleton -> residues (n,), angles (n, n_chi) in degrees (NaN where an atom is missing),
        and whether the last one is symmetric. Those of D residues have the other sign.
    """
    angles = np.stack([c.angles(positions) for c in chi], axis=1) * hands(plan)[:, None]
    there = np.stack([c.atoms.min(axis=1) >= 0 for c in chi], axis=1)
    symmetric = np.stack([c.symmetric for c in chi], axis=1)
    angles = np.where(symmetric, angles % 180.0, angles)
    kinds = skeletons(plan)
    found: dict[str, tuple[IntArray, FloatArray, bool]] = {}
    for kind in np.unique(kinds[there[:, 0]]).tolist():
        residues = np.flatnonzero((kinds == kind) & there[:, 0])
        n_chi = int(there[residues].sum(axis=1).max())
        half = bool(symmetric[residues[0], n_chi - 1])
        found[kind] = residues, angles[residues, :n_chi], half
    return found


def judge(plan: Plan, positions: FloatArray, chi: Sequence[Chi] | None = None) -> IntArray:
    """`FAVOURED`, `ALLOWED` or `OUTLIER` for each residue.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
    chi : sequence of Chi, optional
        See `herobm.chem.protein.chi.find_chi`, which is called without it.

    Returns
    -------
    IntArray, shape (n_residues,)
        -1 for residues without chi angles, with missing atoms, or of a kind that is not known.
    """
    verdict = np.full(plan.n_residues, -1, dtype=np.int64)
    by_kind = angles_by_kind(plan, positions, chi or find_chi(plan))
    for kind, (residues, angles, _) in by_kind.items():
        table = _load().get(kind)
        whole = np.isfinite(angles).all(axis=1)
        if table is not None and whole.any():
            verdict[residues[whole]] = table[_cells(angles[whole], table.shape)]
    return verdict
