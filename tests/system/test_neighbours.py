"""Neighbours over the boundaries of a box are those of all images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from herobm.system.neighbours import near_pairs, with_images, within_reach
from herobm.system.periodic import box_matrix
from herobm.types import FloatArray

CUBIC = np.array([90.0, 50.0, 60.0, 90.0, 90.0, 90.0])
DODECAHEDRON = np.array([90.0, 90.0, 90.0, 60.0, 60.0, 90.0])
#: Its lowest height is 0.6 of its edges.
SKEWED = np.array([90.0, 90.0, 90.0, 50.0, 50.0, 50.0])
BOXES = pytest.mark.parametrize(
    "box", [CUBIC, DODECAHEDRON, SKEWED], ids=["cubic", "dodec", "skew"]
)
#: Å; in the smallest boxes the reach of 2 Å is more than half the lowest height.
SIZES = pytest.mark.parametrize("size", [4.5, 6.0, 30.0, 90.0])


def scaled(box: FloatArray, size: float) -> FloatArray:
    return box * ([size / 90.0] * 3 + [1.0] * 3)


def nearest(vectors: FloatArray, box: FloatArray) -> FloatArray:
    """Å, the shortest of all images, by trying many of them."""
    matrix = box_matrix(box)
    vectors = vectors - np.rint(vectors @ np.linalg.inv(matrix)) @ matrix
    cells = np.array(list(itertools.product(range(-3, 4), repeat=3))) @ matrix
    return np.min([np.linalg.norm(vectors + cell, axis=-1) for cell in cells], axis=0)


@SIZES
@BOXES
def test_near_pairs_are_those_of_all_images(box: FloatArray, size: float) -> None:
    box = scaled(box, size)
    points = np.random.default_rng(1).uniform(-size, 2.0 * size, (120, 3))
    points[7] = np.nan
    found, distances = near_pairs(points, 2.0, box)
    gaps = nearest(points[:, None] - points, box)
    one, two = np.nonzero(np.triu(gaps <= 2.0, 1))
    assert found.tolist() == np.stack([one, two], axis=1).tolist()
    np.testing.assert_allclose(distances, gaps[one, two])
    assert len(near_pairs(points, 2.0)[0]) <= len(found)
    assert [len(part) for part in near_pairs(points[:0], 2.0, box)] == [0, 0]


@SIZES
@BOXES
def test_what_is_within_reach_is_so_in_any_image(box: FloatArray, size: float) -> None:
    box = scaled(box, size)
    rng = np.random.default_rng(2)
    points = rng.uniform(-size, 2.0 * size, (150, 3))
    points[7] = np.nan
    centres, reach = rng.uniform(-size, 2.0 * size, (20, 3)), rng.uniform(0.5, 2.0, 20)
    found = within_reach(points, centres, reach, box)
    gaps = nearest(points - centres[:, None], box)
    assert found == [np.flatnonzero(near).tolist() for near in gaps <= reach[:, None]]
    alone = within_reach(points, centres, reach)
    gaps = np.linalg.norm(points - centres[:, None], axis=2)
    near = [np.flatnonzero(near).tolist() for near in gaps <= reach[:, None]]
    assert [sorted(rows) for rows in alone] == near
    assert within_reach(points[:0], centres[:2], reach[:2], box) == [[], []]
    assert within_reach(points, centres[:0], reach[:0], box) == []


@BOXES
def test_images_begin_with_the_particles_themselves(box: FloatArray) -> None:
    points = np.random.default_rng(3).uniform(-90.0, 180.0, (30, 3))
    images, owner = with_images(points, box, 8.0)
    assert owner[:30].tolist() == list(range(30))
    assert (nearest(images - points[owner], box) < 1e-9).all()
    fractions = images[:30] @ np.linalg.inv(box_matrix(box))
    assert ((fractions >= 0.0) & (fractions < 1.0)).all()
