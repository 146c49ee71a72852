"""Least squares over distances, torsions and centres of mass, by Gauss-Newton steps.

Atoms that share a term are near each other in the order of a plan, so the normal equations are
banded, and a step costs time in proportion to the number of atoms. The few terms that join
atoms far apart in that order (disulfide bridges) keep to the diagonal of the matrix, made large
enough that the steps converge all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.linalg import solveh_banded
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee
from threadpoolctl import ThreadpoolController

from herobm.types import BoolArray, FloatArray, IntArray

#: Atoms of one term that are farther from each other than this in the order of the plan are not
#: solved for together.
WIDEST = 60
#: Å, the farthest that an atom moves in a step.
LONGEST_STEP = 0.3


@cache
def _blas() -> ThreadpoolController:
    """Find the linear algebra in use.

    A narrow band is solved faster by one thread than by several, and far faster where other
    programs keep these waiting for each other.
    """
    return ThreadpoolController()


@dataclass(eq=False)
class Distances:
    """Pairs of atoms (n, 2), the lengths they should have (Å), and weights (1 / Å)."""

    atoms: IntArray
    lengths: FloatArray
    weights: FloatArray


@dataclass(eq=False)
class Repulsions:
    """Pairs of atoms (n, 2) that are pushed apart while nearer than `lengths` (Å).

    `shifts` (n, 3), Å, bring the second atom of each to its image that is nearest to the first.
    """

    atoms: IntArray
    lengths: FloatArray
    weight: float
    shifts: FloatArray

    def slopes(self, positions: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return atoms that are pushed (m,), slopes (3, m) of their terms, and errors (m,)."""
        gap = positions[self.atoms[:, 1]] + self.shifts - positions[self.atoms[:, 0]]
        near = np.flatnonzero(np.linalg.norm(gap, axis=1) < self.lengths)
        weights = np.full(len(near), self.weight)
        error, slope = _slopes_along(gap[near], self.lengths[near], weights)
        return self.atoms[near].T.ravel(), slope.reshape(3, -1), np.tile(error, 2)


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
    apart : Repulsions or None
        May be replaced between steps. Only the diagonal of the matrix hears of them.
    """

    distances: Distances
    torsions: Torsions
    centres: Centres
    anchors: FloatArray
    anchor_weights: FloatArray
    free: BoolArray
    apart: Repulsions | None = None

    def __post_init__(self) -> None:
        groups = [self.distances.atoms, self.torsions.atoms, self.centres.atoms]
        n_atoms = len(self.free)
        self._order, rank = _narrow_order(groups, self.free)
        self._rank = rank
        self._blocks = [_Block(rank, atoms) for atoms in groups]
        self._height = 3 * max(block.width for block in self._blocks) + 3
        self._index = np.concatenate([block.index(self._height) for block in self._blocks])
        axes = np.arange(3)[:, None]
        self._flat = np.concatenate(
            [(3 * block.atoms.T.ravel() + axes).ravel() for block in self._blocks]
        )
        self._size = 3 * n_atoms

    def step(self, positions: FloatArray) -> FloatArray:
        """Take one step from positions (n_atoms, 3) in Å; none where no atom is free."""
        n_free = len(self._order)
        if not n_free:
            return positions
        distances, torsions, centres = self._blocks
        entries, pulls = zip(
            distances.terms(*_distance_slopes(self.distances, positions)),
            torsions.terms(*_torsion_slopes(self.torsions, positions)),
            centres.means(self.centres, positions),
            strict=True,
        )
        n_entries = self._height * 3 * n_free
        band = _summed(self._index, np.concatenate(entries), n_entries + 1)[1:]
        slope = _summed(self._flat, np.concatenate(pulls), self._size)
        if self.apart is not None:
            self._push(self.apart, positions, band, slope)
        pull = self.anchor_weights[:, None] ** 2
        force = pull * (self.anchors - positions) - slope.reshape(-1, 3)
        band[:: self._height] += np.repeat(pull[self._order, 0], 3)
        with _blas().limit(limits=1, user_api="blas"):
            moves = solveh_banded(
                band.reshape(-1, self._height).T,
                force[self._order].ravel(),
                lower=True,
                overwrite_ab=True,
                check_finite=False,
            ).reshape(-1, 3)
        far = np.maximum(np.linalg.norm(moves, axis=1, keepdims=True) / LONGEST_STEP, 1.0)
        moved = positions.copy()
        moved[self._order] += moves / far
        return moved

    def _push(self, apart: Repulsions, positions: FloatArray, band: Any, slope: Any) -> None:
        """Add what pairs that are too near add to the matrix and to the slopes of the squares."""
        atoms, slopes, errors = apart.slopes(positions)
        place = self._rank[atoms]
        row, column = np.tril_indices(3)
        own = 2.0 * slopes[row] * slopes[column]
        index = (3 * place + column[:, None]) * self._height + (row - column)[:, None]
        known = place >= 0
        np.add.at(band, index[:, known], own[:, known])
        np.add.at(slope, 3 * atoms + np.arange(3)[:, None], slopes * errors)

    def solve(self, positions: FloatArray, n_steps: int) -> FloatArray:
        """Take several steps."""
        if not self.free.any():
            return positions
        for _ in range(n_steps):
            positions = self.step(positions)
        return positions


def _narrow_order(groups: list[IntArray], free: BoolArray) -> tuple[IntArray, IntArray]:
    """Order free atoms so that those of a term are near each other; the place of each, or -1."""
    pairs = [atoms[:, [0, k]] for atoms in groups for k in range(1, atoms.shape[1])]
    ends = np.concatenate([np.zeros((0, 2), np.int64), *pairs])
    rank = np.where(free, np.cumsum(free) - 1, -1)
    near = free[ends].all(axis=1) & (np.abs(ends[:, 0] - ends[:, 1]) < WIDEST)
    one, two = rank[ends[near]].T
    n_free = int(free.sum())
    if len(one) == 0:
        return np.flatnonzero(free), rank
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(n_free, n_free)).tocsr()
    order = np.flatnonzero(free)[reverse_cuthill_mckee(graph + graph.T, symmetric_mode=True)]
    rank[order] = np.arange(n_free)
    return order, rank


class _Block:
    """Where the terms over some atoms (n, k) go in the matrix; the pairs of each term.

    Slopes have the shape (3, k, n), since long runs of numbers are multiplied faster.
    """

    def __init__(self, rank: IntArray, atoms: IntArray) -> None:
        self.atoms = atoms
        place = rank[atoms]  # (n, k)
        one, two = np.broadcast_arrays(place[:, :, None], place[:, None, :])
        gap = one - two
        known = (one >= 0) & (two >= 0)
        apart = np.abs(atoms[:, :, None] - atoms[:, None, :]) >= WIDEST
        near = known & (gap >= 0) & ~apart
        distant = (known & apart).any(axis=(1, 2))
        self.width = int(gap[near].max(initial=0))
        # Off the band only the diagonal is kept, times the number of atoms of the term.
        self._scale = np.where(distant, atoms.shape[1], 1).astype(float)
        term, a, b = np.nonzero(near)
        self._row, self._column = (k * len(atoms) + term for k in (a, b))
        axes = np.arange(3)
        self._below = 3 * (place[term, a] - place[term, b]) + axes[:, None, None] - axes[:, None]
        self._place = 3 * place[term, b] + axes[:, None]

    def index(self, height: int) -> IntArray:
        """Where each entry goes in the columns of the band, one after another, counted from 1.

        What is above the diagonal goes to 0, and is not used.
        """
        found: IntArray = np.where(self._below >= 0, self._place * height + self._below + 1, 0)
        return found.ravel()

    def terms(self, error: FloatArray, slope: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Entries of the matrix, and slopes of the squares, of errors (n,) and slopes (3, k, n)."""
        scaled, plain = ((slope * by).reshape(3, -1) for by in (self._scale, 1.0))
        products = scaled.take(self._row, 1)[:, None] * plain.take(self._column, 1)
        return products.ravel(), (slope * error).ravel()

    def means(self, centres: Centres, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the same of weighted means of atoms."""
        slope = centres.shares.T * centres.weights
        scaled = slope * self._scale
        products = scaled.take(self._row) * slope.take(self._column) * np.eye(3)[:, :, None]
        away = centres.off(positions).T * centres.weights
        return products.ravel(), (slope * away[:, None]).ravel()


def _summed(index: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Add values up by index, also where there are none (numpy counts in integers then)."""
    return np.bincount(index, values, minlength=size).astype(np.float64, copy=False)


def _distance_slopes(terms: Distances, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    along = positions[terms.atoms[:, 1]] - positions[terms.atoms[:, 0]]
    return _slopes_along(along, terms.lengths, terms.weights)


def _slopes_along(
    along: FloatArray, lengths: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Errors (n,) and slopes (3, 2, n) of pairs of atoms that lie `along` (n, 3), Å, apart."""
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
    slope = along.T * (weights / length)
    return weights * (length - lengths), np.stack([-slope, slope], axis=1)


def _torsion_slopes(terms: Torsions, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Errors and slopes of torsion angles (Blondel and Karplus, J. Comput. Chem. 17, 1132)."""
    a, b, c, d = np.moveaxis(positions.T[:, terms.atoms.T], 1, 0)  # (3, n) each
    f, g, h = a - b, b - c, d - c
    one, two = np.cross(f, g, axis=0), np.cross(h, g, axis=0)
    length = np.maximum(np.linalg.norm(g, axis=0), 1e-6)
    # Three atoms in a line have no torsion: keep the slopes finite.
    norm_one, norm_two = (np.maximum((x * x).sum(axis=0), 0.25) for x in (one, two))
    sine = (np.cross(two, one, axis=0) * g).sum(axis=0) / length
    angle = np.arctan2(sine, (one * two).sum(axis=0))
    first = -length / norm_one * one
    last = length / norm_two * two
    fg = (f * g).sum(axis=0) / (norm_one * length)
    hg = (h * g).sum(axis=0) / (norm_two * length)
    middle = fg * one - hg * two
    slope = np.stack([first, -first + middle, -last - middle, last], axis=1)
    error = np.remainder(angle - terms.angles + np.pi, 2 * np.pi) - np.pi
    return terms.weights * error, slope * terms.weights
