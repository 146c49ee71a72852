"""Periodic boxes: minimum image, whole residues and whole chains."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist, pdist

from herobm.errors import StructureError
from herobm.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Images are too near at this share of the distance of bonded residues (of the nearest few of
#: them), and at no more than so many Å; strands of a sheet are 4.8 Å apart.
TOO_NEAR, FEW, AT_MOST = 0.8, 0.01, 3.0
#: A residue is in one piece if its longest gap is this many times that of its images, or less, or
#: no longer than a bond, Å.
SAME_GAP, BONDED = 1.25, 2.1
#: Particles of a residue up to which all pairs of them are looked at.
MOST_IN_ONE = 300
#: Degrees, an angle this near to a right one is one; files keep single precision, and the cosine of
#: 90 degrees is not quite zero.
RIGHT = 1e-3
#: Pairs of chains, and share of the particles, up to which that may be so in a box that is large
#: enough.
STRAY, STRAY_SHARE = 2, 0.01


def box_matrix(box: FloatArray) -> FloatArray:
    """Box vectors as rows, in the lower triangular form that GROMACS uses.

    Parameters
    ----------
    box : FloatArray, shape (6,)
        Edge lengths in Å, angles in degrees.

    Returns
    -------
    FloatArray, shape (3, 3)
        Å.

    Raises
    ------
    StructureError
        If no box has such angles.
    """
    a, b, c = box[:3]
    right = np.abs(box[3:] - 90.0) < RIGHT
    cos_alpha, cos_beta, cos_gamma = np.where(right, 0.0, np.cos(np.radians(box[3:])))
    squared = 1 + 2 * cos_alpha * cos_beta * cos_gamma - cos_alpha**2 - cos_beta**2 - cos_gamma**2
    if squared < 1e-6 or (box[3:] >= 180.0).any():  # of the volume over that of a right box
        angles = ", ".join(f"{angle:g}" for angle in box[3:])
        raise StructureError(
            f"there is no periodic box with angles of {angles} degrees",
            "Correct the box in the file (CRYST1 in PDB, the last line in GRO, _cell in mmCIF).",
        )
    sin_gamma = np.sqrt(1.0 - cos_gamma**2)
    c_y = c * (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    c_x = c * cos_beta
    c_z = np.sqrt(max(c**2 - c_x**2 - c_y**2, 0.0))
    return np.array([[a, 0.0, 0.0], [b * cos_gamma, b * sin_gamma, 0.0], [c_x, c_y, c_z]])


def minimum_image(vectors: FloatArray, box: FloatArray | None) -> FloatArray:
    """Shortest periodic images of difference vectors, shape (..., 3), Å.

    Exact for vectors shorter than half the smallest height of the box, which holds for anything
    bonded.
    """
    if box is None:
        return vectors
    matrix = box_matrix(box)
    whole: FloatArray = vectors - np.rint(vectors @ np.linalg.inv(matrix)) @ matrix
    return whole


def images_overlap(
    positions: FloatArray, residue_index: IntArray, previous: IntArray, box: FloatArray
) -> bool:
    """Tell whether molecules lie on images of what is in a box, so that it cannot be their box.

    Images are too near if they are nearer than bonded residues come to each other (the particles
    of one residue, where none are bonded), or 3 Å.

    Parameters
    ----------
    positions : FloatArray, shape (n, 3)
        Å, chains in one piece.
    residue_index : IntArray, shape (n,)
        Ascending.
    previous : IntArray, shape (n_residues,)
        Residue bonded before each residue, -1 for none.
    box : FloatArray, shape (6,)
    """
    starts = np.searchsorted(residue_index, np.arange(len(previous) + 1))
    nearest = [
        cdist(
            positions[starts[one] : starts[one + 1]], positions[starts[here] : starts[here + 1]]
        ).min()
        for here, one in enumerate(previous.tolist())
        if one >= 0
    ]
    nearest = [gap for gap in nearest if np.isfinite(gap)]
    stray = STRAY if nearest else 0
    nearest = nearest or _own_gaps(positions, starts)
    if not nearest:
        return False
    reach = min(TOO_NEAR * float(np.quantile(nearest, FEW)), AT_MOST)
    known = _known(positions)
    tree = cKDTree(known)
    half = [s for s in itertools.product((-1, 0, 1), repeat=3) if s > (0, 0, 0)]
    pairs = sum(
        int(tree.query_ball_point(known + shift, reach, return_length=True).sum())
        for shift in half @ box_matrix(box)
    )
    return pairs > max(stray, STRAY_SHARE * len(known))


def _own_gaps(positions: FloatArray, starts: IntArray) -> list[float]:
    """Å, between the two nearest particles of each residue that has several."""
    found = [
        float(pdist(places).min())
        for begin, end in itertools.pairwise(starts.tolist())
        if len(places := _known(positions[begin:end])) > 1
    ]
    return found


def _known(positions: FloatArray) -> FloatArray:
    """Those of positions (n, 3) that are somewhere."""
    found: FloatArray = positions[np.isfinite(positions).all(axis=1)]
    return found


def whole_residues(
    positions: FloatArray, residue_index: IntArray, box: FloatArray | None
) -> FloatArray:
    """Move particles of a residue to images that lie together.

    The first particle of a residue stays, and each goes to the image nearest to the one before it.
    Where a residue is half as long as the box or longer this may tear it. Then it stays as it is if
    its longest gap is shorter so; and where both ways leave a gap that images do not have,
    particles go along the shortest links over the boundaries.

    Parameters
    ----------
    positions : FloatArray, shape (n, 3)
        Å.
    residue_index : IntArray, shape (n,)
    box : FloatArray or None, shape (6,)

    Returns
    -------
    FloatArray, shape (n, 3)
    """
    if box is None or len(positions) == 0:
        return positions
    matrix = box_matrix(box)
    inverse = np.linalg.inv(matrix)
    order = np.argsort(residue_index, kind="stable")
    begins = np.append(True, np.diff(residue_index[order]) != 0)
    jumps = np.zeros((len(order), 3))
    steps = np.rint(np.diff(positions[order], axis=0) @ inverse)
    jumps[1:] = -np.nan_to_num(steps)  # what is nowhere must not take along what follows
    total = np.cumsum(jumps, axis=0)
    start = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    moved = total - total[start]
    whole = positions.copy()
    whole[order] += moved @ matrix
    for rows in _long_and_moved(whole[order] @ inverse, moved, begins):
        here = order[rows]
        whole[here] = _best_together(positions[here], whole[here], box)
    return whole


def _long_and_moved(places: FloatArray, moved: FloatArray, begins: BoolArray) -> list[IntArray]:
    """Find runs, moved in part, that are half as long as the box, or longer.

    Parameters
    ----------
    places : FloatArray, shape (n, 3)
        In edges of the box.
    moved : FloatArray, shape (n, 3)
        By so many edges.
    begins : BoolArray, shape (n,)
        Where runs begin.
    """
    first = np.flatnonzero(begins)
    ends = np.append(first[1:], len(places))
    low = np.fmin.reduceat(places, first)
    long = ((np.fmax.reduceat(places, first) - low) >= 0.5).any(axis=1)
    partly = np.maximum.reduceat(np.abs(moved), first).any(axis=1)
    chosen = np.flatnonzero(long & partly & (ends - first <= MOST_IN_ONE))
    return [np.arange(first[run], ends[run]) for run in chosen.tolist()]


def _best_together(given: FloatArray, walked: FloatArray, box: FloatArray) -> FloatArray:
    """Choose of two ways to place the particles of a long residue, or find a third.

    Parameters
    ----------
    given : FloatArray, shape (n, 3)
        Å, as the file has them.
    walked : FloatArray, shape (n, 3)
        Å, each in the image nearest to the one before it.
    box : FloatArray, shape (6,)
    """
    known = np.flatnonzero(np.isfinite(given).all(axis=1))
    if len(known) < 2:
        return walked
    gaps = [widest_gap(places[known]) for places in (walked, given)]
    best, gap = (walked, gaps[0]) if gaps[0] <= gaps[1] + 1e-6 else (given, gaps[1])
    if gap <= BONDED:
        return best
    places = given[known]
    vectors = minimum_image(places[None] - places[:, None], box)
    near = _shortest_links(np.linalg.norm(vectors, axis=2))
    if gap <= SAME_GAP * near.data.max():
        return best
    from scipy.sparse.csgraph import breadth_first_order

    order, before = breadth_first_order(near, 0, directed=False)
    whole = given.copy()
    for row in order[1:].tolist():
        whole[known[row]] = whole[known[before[row]]] + vectors[before[row], row]
    return whole


def _shortest_links(distances: FloatArray) -> csr_matrix:
    """Links of the minimum spanning tree of points, with the distances (n, n) as their lengths."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    return minimum_spanning_tree(distances + 1e-6)  # 0 would be no link


def widest_gap(places: FloatArray) -> float:
    """Å, the longest of the shortest links by which points (n, 3) hang together."""
    return float(_shortest_links(cdist(places, places)).data.max(initial=0.0))


def whole_chains(
    positions: FloatArray,
    residue_index: IntArray,
    previous: IntArray,
    link_beads: IntArray,
    box: FloatArray | None,
) -> FloatArray:
    """Move whole residues so that bonded neighbours lie in the same image.

    Parameters
    ----------
    positions : FloatArray, shape (n, 3)
        Of whole residues, Å.
    residue_index : IntArray, shape (n,)
    previous : IntArray, shape (n_residues,)
        Residue bonded before each residue (the one above it in the list), -1 for none.
    link_beads : IntArray, shape (n_residues, 2)
        Beads that carry the bond to the previous and to the next residue, -1 for none.
    box : FloatArray or None, shape (6,)
    """
    if box is None or len(positions) == 0:
        return positions
    matrix = box_matrix(box)
    linked = previous >= 0
    shift = np.zeros((len(previous), 3))
    here = positions[link_beads[linked, 0]]
    before = positions[link_beads[previous[linked], 1]]
    shift[linked] = -np.nan_to_num(np.rint((here - before) @ np.linalg.inv(matrix)))
    total = np.cumsum(shift, axis=0)
    start = np.maximum.accumulate(np.where(linked, 0, np.arange(len(previous))))
    return positions + ((total - total[start]) @ matrix)[residue_index]
