"""Particles near each other, over the boundaries of a periodic box, too."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial import cKDTree

from herobm.system.periodic import box_matrix
from herobm.types import FloatArray, IntArray


def with_images(
    positions: FloatArray, box: FloatArray, reach: float
) -> tuple[FloatArray, IntArray]:
    """Wrap particles into the box, and add those images of them that lie near it.

    Parameters
    ----------
    positions : FloatArray, shape (n, 3)
        Å.
    box : FloatArray, shape (6,)
    reach : float
        Å, how far around the box images are wanted.

    Returns
    -------
    points : FloatArray, shape (n + n_images, 3)
        Å; first the particles, in their order.
    owner : IntArray, shape (n + n_images,)
        Which particle each is an image of.
    """
    matrix = box_matrix(box)
    inverse = np.linalg.inv(matrix)
    margin = reach * np.linalg.norm(inverse, axis=0)  # in edges of the box
    inside = positions @ inverse
    inside -= np.floor(inside)
    row = np.arange(len(positions))
    points, owners = [inside], [row]
    cells = (range(-n, n + 1) for n in np.ceil(margin).astype(int).tolist())
    for cell in itertools.product(*cells):
        if any(cell):
            moved = inside + cell
            near = ((moved >= -margin) & (moved <= 1.0 + margin)).all(axis=1)
            points.append(moved[near])
            owners.append(row[near])
    return np.concatenate(points) @ matrix, np.concatenate(owners)


def pair_distances(positions: FloatArray, pairs: IntArray) -> FloatArray:
    """How far the two particles of each pair are apart, as they lie; NaN where one is nowhere.

    Parameters
    ----------
    positions : FloatArray, shape (n, 3)
        Å.
    pairs : IntArray, shape (n_pairs, 2)

    Returns
    -------
    FloatArray, shape (n_pairs,)
        Å.
    """
    vectors = positions[pairs[:, 0]] - positions[pairs[:, 1]]
    lengths: FloatArray = np.linalg.norm(vectors, axis=1)
    return lengths


def near_pairs(
    positions: FloatArray, reach: float, box: FloatArray | None = None
) -> tuple[IntArray, FloatArray]:
    """Find pairs of particles that lie near each other.

    Parameters
    ----------
    positions : FloatArray, shape (n, 3)
        Å; particles that are nowhere (NaN) are near nothing.
    reach : float
        Å, the distance up to which they are near.
    box : FloatArray or None, shape (6,)
        Over whose boundaries pairs are found, too.

    Returns
    -------
    IntArray, shape (n_pairs, 2)
        The lower number first, each pair once, ascending.
    FloatArray, shape (n_pairs,)
        Å, between their nearest images.
    """
    known = np.flatnonzero(np.isfinite(positions).all(axis=1))
    points: FloatArray = positions[known]
    owner: IntArray = np.arange(len(known))
    if box is not None:
        points, owner = with_images(points, box, reach)
    found = cKDTree(points).query_pairs(reach, output_type="ndarray").astype(np.int64)
    found = found[(found < len(known)).any(axis=1)]  # images of both are found elsewhere
    gaps = pair_distances(points, found)
    pairs = np.sort(known[owner[found]], axis=1)
    order = np.lexsort((gaps, pairs[:, 1], pairs[:, 0]))
    order = order[pairs[order, 0] != pairs[order, 1]]
    pairs, gaps = pairs[order], gaps[order]
    first = np.append(True, (np.diff(pairs, axis=0) != 0).any(axis=1))[: len(pairs)]
    return pairs[first], gaps[first]


def within_reach(
    positions: FloatArray, centres: FloatArray, reach: FloatArray, box: FloatArray | None = None
) -> list[list[int]]:
    """Find the particles around each of several points.

    Parameters
    ----------
    positions : FloatArray, shape (n, 3)
        Å; particles that are nowhere (NaN) are near nothing.
    centres : FloatArray, shape (n_centres, 3)
        Å.
    reach : FloatArray, shape (n_centres,)
        Å, how far each of them reaches.
    box : FloatArray or None, shape (6,)
        Over whose boundaries they reach, too.

    Returns
    -------
    list of list of int
        Particles with an image within reach, each once.
    """
    known = np.flatnonzero(np.isfinite(positions).all(axis=1))
    if not len(known) or not len(centres):
        return [[] for _ in centres]
    if box is None:
        found = cKDTree(positions[known]).query_ball_point(centres, reach)
        return [known[rows].tolist() for rows in found]
    points, owner = with_images(positions[known], box, float(np.max(reach)))
    wrapped, _ = with_images(centres, box, 0.0)
    found = cKDTree(points).query_ball_point(wrapped[: len(centres)], reach)
    return [np.unique(known[owner[rows]]).tolist() for rows in found]
