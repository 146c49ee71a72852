"""New starting places for peptides that are neither cis nor trans.

A network that cannot tell which way a peptide plane faces puts it between the two, twisted. Least
squares from there end in the nearest valley, which may be a bad one. Here such planes are laid flat
between their CA, turned about the line that joins these in steps, and left where the residues
beside them look best.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from herobm.post.peptide import ANGLES, LENGTHS
from herobm.types import BoolArray, FloatArray, IntArray

#: Turns about the line from CA to CA that are tried.
N_TURNS = 24
#: Å, a distance from CA to CA below which a peptide may be cis (2.9 Å; 3.8 Å where it is trans).
CIS_DISTANCE = 3.3


def trans_peptide() -> FloatArray:
    """Lay a flat trans peptide out: CA, C, O, N and the next CA, shape (5, 3), Å.

    The first CA is at the origin, the second one on the x axis, all in the plane of x and y.
    """
    ca_c, c_o, c_n, n_ca = (
        LENGTHS[pair][0] for pair in (("CA", "C"), ("C", "O"), ("<C", "N"), ("N", "CA"))
    )
    bend = {
        atoms: np.radians(ANGLES[atoms][0])
        for atoms in (("CA", "C", ">N"), ("CA", "C", "O"), ("<C", "N", "CA"))
    }
    direction = np.pi - bend["CA", "C", ">N"]
    c = np.array([ca_c, 0.0])
    n = c + c_n * _unit(direction)
    o = c + c_o * _unit(-(np.pi - bend["CA", "C", "O"]))
    after = n + n_ca * _unit(direction - (np.pi - bend["<C", "N", "CA"]))
    flat = np.stack([np.zeros(2), c, o, n, after])
    x = after / np.linalg.norm(after)
    turned = flat @ np.array([[x[0], -x[1]], [x[1], x[0]]])
    return np.concatenate([turned, np.zeros((5, 1))], axis=1)


def untwist(
    positions: FloatArray,
    planes: IntArray,
    twisted: BoolArray,
    residues: IntArray,
    score: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Lay twisted peptides flat, each turned to where it looks best.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    planes : IntArray, shape (n_peptides, 5)
        CA, C and O of a residue, N and CA of the next.
    twisted : BoolArray, shape (n_peptides,)
        Those to lay flat.
    residues : IntArray, shape (n_peptides, 2)
        Both residues of each.
    score : callable
        Positions -> how bad each residue is, shape (n_residues,).

    Returns
    -------
    FloatArray, shape (n_atoms, 3)
        C, O and N of the twisted peptides moved.
    """
    mine, beside = planes[twisted], residues[twisted]
    if len(mine) == 0:
        return positions
    model = trans_peptide()
    start, end = positions[mine[:, 0]], positions[mine[:, 4]]
    length = np.linalg.norm(end - start, axis=1)
    x = (end - start) / length[:, None]
    y = _across(positions[mine[:, 2]] - start, x)
    z = np.cross(x, y)
    # Where CA are nearer or farther than they should be, what lies between stays in the middle.
    along = model[1:4, 0] + 0.5 * (length[:, None] - model[4, 0])
    best = np.full(len(mine), np.inf)
    chosen = positions[mine[:, 1:4]]
    for turn in np.linspace(0.0, 2.0 * np.pi, N_TURNS, endpoint=False):
        side = np.cos(turn) * y + np.sin(turn) * z
        laid = (
            start[:, None]
            + along[..., None] * x[:, None]
            - model[None, 1:4, 1, None] * side[:, None]
        )
        tried = positions.copy()
        tried[mine[:, 1:4]] = laid
        found = score(tried)[beside].sum(axis=1)
        better = found < best
        best[better], chosen[better] = found[better], laid[better]
    moved = positions.copy()
    moved[mine[:, 1:4]] = chosen
    return moved


def _unit(angle: float) -> FloatArray:
    return np.array([np.cos(angle), np.sin(angle)])


def _across(vectors: FloatArray, axis: FloatArray) -> FloatArray:
    """Directions of vectors (n, 3) at right angles to axes (n, 3); any where they lie along."""
    rest = vectors - (vectors * axis).sum(axis=1, keepdims=True) * axis
    spare = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis), axis=1)])
    lost = np.linalg.norm(rest, axis=1) < 1e-3
    rest[lost] = spare[lost]
    unit: FloatArray = rest / np.linalg.norm(rest, axis=1, keepdims=True)
    return unit
