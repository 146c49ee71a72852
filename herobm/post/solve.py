"""Least squares over distances, torsions and centres of mass, by Gauss-Newton steps.

Atoms that share a term are near each other in the order of a plan, so the normal equations are
banded, and a step costs time in proportion to the number of atoms. The few terms that join
atoms far apart in that order (disulfide bridges) keep to the diagonal of the matrix, made large
enough that the steps converge all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from herobm.types import BoolArray, FloatArray, IntArray

#: Atoms, the widest band of the matrix.
WIDEST = 80
#: Å, the farthest that an atom moves in a step.
LONGEST_STEP = 0.3


@dataclass(eq=False)
class Distances:
    """Pairs of atoms (n, 2), the lengths they should have (Å), and weights (1 / Å)."""

    atoms: IntArray
    lengths: FloatArray
    weights: FloatArray


@dataclass(eq=False)
class Torsions:
    """Four atoms each (n, 4), the angles they should have (radians), and weights."""

    atoms: IntArray
    angles: FloatArray
    weights: FloatArray


@dataclass(eq=False)
class Centres:
    """Weighted means of atoms, and where they should be.

    Attributes
    ----------
    atoms : IntArray, shape (n, widest)
    shares : FloatArray, shape (n, widest)
        They add up to 1; 0 for padding.
    targets : FloatArray, shape (n, 3)
        Å.
    weights : FloatArray, shape (n,)
        1 / Å.
    """

    atoms: IntArray
    shares: FloatArray
    targets: FloatArray
    weights: FloatArray

    def off(self, positions: FloatArray) -> FloatArray:
        """From the targets to where the means are, shape (n, 3), Å."""
        means: FloatArray = np.einsum("nk,nkx->nx", self.shares, positions[self.atoms])
        return means - self.targets


@dataclass(eq=False)
class Problem:
    """What the atoms should satisfy.

    Attributes
    ----------
    distances : Distances
    torsions : Torsions
    centres : Centres
    anchors : FloatArray, shape (n_atoms, 3)
        Å, where each atom should rather be.
    anchor_weights : FloatArray, shape (n_atoms,)
        1 / Å; above 0, so that every atom is held by something.
    free : BoolArray, shape (n_atoms,)
        Atoms that move.
    """

    distances: Distances
    torsions: Torsions
    centres: Centres
    anchors: FloatArray
    anchor_weights: FloatArray
    free: BoolArray

    def __post_init__(self) -> None:
        self._rank = np.where(self.free, np.cumsum(self.free) - 1, -1)
        groups = [self.distances.atoms, self.torsions.atoms, self.centres.atoms]
        self._blocks = [_Block(self._rank, atoms) for atoms in groups]
        self._width = max((block.width for block in self._blocks), default=0)

    def step(self, positions: FloatArray) -> FloatArray:
        """Take one step from positions (n_atoms, 3) in Å."""
        n_free = int(self.free.sum())
        band = np.zeros((3 * self._width + 3) * 3 * n_free)
        force = np.zeros((len(positions), 3))
        pull = self.anchor_weights[:, None] ** 2
        force += pull * (self.anchors - positions)
        band[: 3 * n_free] += np.repeat(pull[self.free, 0], 3)
        distances, torsions, centres = self._blocks
        error, slope = _distance_slopes(self.distances, positions)
        distances.add(band, force, error, slope)
        error, slope = _torsion_slopes(self.torsions, positions)
        torsions.add(band, force, error, slope)
        away = self.centres.off(positions)
        for axis in range(3):
            slope = np.zeros((*self.centres.atoms.shape, 3))
            slope[:, :, axis] = self.centres.shares * self.centres.weights[:, None]
            centres.add(band, force, away[:, axis] * self.centres.weights, slope)
        matrix = band.reshape(-1, 3 * n_free)
        moves = solveh_banded(
            matrix, force[self.free].ravel(), lower=True, overwrite_ab=True, check_finite=False
        ).reshape(-1, 3)
        far = np.maximum(np.linalg.norm(moves, axis=1, keepdims=True) / LONGEST_STEP, 1.0)
        moved = positions.copy()
        moved[self.free] += moves / far
        return moved

    def solve(self, positions: FloatArray, n_steps: int) -> FloatArray:
        """Take several steps."""
        if not self.free.any():
            return positions
        for _ in range(n_steps):
            positions = self.step(positions)
        return positions


class _Block:
    """Where the terms over some atoms (n, k) go in the matrix; the pairs of each term."""

    def __init__(self, rank: IntArray, atoms: IntArray) -> None:
        self.atoms = atoms
        self.n_free = int((rank >= 0).sum())
        place = rank[atoms]  # (n, k)
        one, two = np.broadcast_arrays(place[:, :, None], place[:, None, :])
        gap = one - two
        known = (one >= 0) & (two >= 0)
        self.near = known & (gap >= 0) & (gap < WIDEST)
        distant = (known & (np.abs(gap) >= WIDEST)).any(axis=(1, 2))
        self.width = int(gap[self.near].max(initial=0))
        # Off the band only the diagonal is kept, times the number of atoms of the term.
        self.scale = np.where(distant, atoms.shape[1], 1).astype(float)
        term, a, b = np.nonzero(self.near)
        self.term, self.a, self.b = term, a, b
        axes = np.arange(3)
        row = 3 * place[term, a][:, None, None] + axes[:, None]
        column = 3 * place[term, b][:, None, None] + axes
        lower = row - column
        self.keep = lower >= 0
        self.index = (lower * (3 * self.n_free) + column)[self.keep]

    def add(
        self, band: FloatArray, force: FloatArray, error: FloatArray, slope: FloatArray
    ) -> None:
        """Add terms with errors (n,) and their slopes (n, k, 3) to matrix and force."""
        if len(error) == 0:
            return
        scaled = slope[self.term, self.a] * self.scale[self.term, None]
        products = scaled[:, :, None] * slope[self.term, self.b][:, None, :]
        band += np.bincount(self.index, products[self.keep], minlength=len(band))
        pull = slope * error[:, None, None]
        flat = self.atoms.ravel()
        for axis in range(3):
            force[:, axis] -= np.bincount(flat, pull[:, :, axis].ravel(), minlength=len(force))


def _distance_slopes(terms: Distances, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    along = positions[terms.atoms[:, 1]] - positions[terms.atoms[:, 0]]
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
    slope = along * (terms.weights / length)[:, None]
    return terms.weights * (length - terms.lengths), np.stack([-slope, slope], axis=1)


def _torsion_slopes(terms: Torsions, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Errors and slopes of torsion angles (Blondel and Karplus, J. Comput. Chem. 17, 1132)."""
    a, b, c, d = np.moveaxis(positions[terms.atoms], 1, 0)
    f, g, h = a - b, b - c, d - c
    one, two = np.cross(f, g), np.cross(h, g)
    length = np.maximum(np.linalg.norm(g, axis=1), 1e-6)[:, None]
    # Three atoms in a line have no torsion: keep the slopes finite.
    norm_one = np.maximum((one * one).sum(axis=1), 0.25)[:, None]
    norm_two = np.maximum((two * two).sum(axis=1), 0.25)[:, None]
    sine = (np.cross(two, one) * g).sum(axis=1) / length[:, 0]
    angle = np.arctan2(sine, (one * two).sum(axis=1))
    first = -length / norm_one * one
    last = length / norm_two * two
    fg = (f * g).sum(axis=1, keepdims=True) / (norm_one * length)
    hg = (h * g).sum(axis=1, keepdims=True) / (norm_two * length)
    middle = fg * one - hg * two
    slope = np.stack([first, -first + middle, -last - middle, last], axis=1)
    error = np.remainder(angle - terms.angles + np.pi, 2 * np.pi) - np.pi
    return terms.weights * error, slope * terms.weights[:, None, None]
