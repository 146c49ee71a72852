"""Neighbours over periodic boundaries, against a count of all images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from herobm.nn.graph import Reach, build_context, build_graph, find_neighbours
from herobm.nn.strain import Strain
from herobm.system import Topology
from herobm.system.periodic import box_matrix
from herobm.types import FloatArray
from herobm.weights.vocabulary import Vocabulary

Found = list[tuple[int, int, tuple[float, ...]]]


def brute_force(positions: FloatArray, box: FloatArray | None, cutoff: float) -> Found:
    """Every pair of beads and images within the cutoff, as (bead, neighbour, vector)."""
    cells = [(0, 0, 0)] if box is None else list(itertools.product(range(-4, 5), repeat=3))
    matrix = np.zeros((3, 3)) if box is None else box_matrix(box)
    found = []
    for cell in cells:
        vectors = positions[None] + np.array(cell) @ matrix - positions[:, None]
        near = np.linalg.norm(vectors, axis=2) <= cutoff
        for i, j in np.argwhere(near):
            if i != j or cell != (0, 0, 0):
                found.append((int(i), int(j), tuple(np.round(vectors[i, j], 6) + 0.0)))
    return sorted(found)


def listed(index: np.ndarray, vectors: FloatArray) -> Found:
    rows, columns = np.nonzero(index >= 0)
    return sorted(
        (int(i), int(index[i, k]), tuple(np.round(vectors[i, k], 6) + 0.0))
        for i, k in zip(rows, columns, strict=True)
    )


@pytest.mark.parametrize(
    "box",
    [
        None,
        [22.0, 26.0, 31.0, 90.0, 90.0, 90.0],
        [25.0, 25.0, 25.0, 60.0, 60.0, 90.0],
        [30.0, 24.0, 21.0, 75.0, 81.0, 107.0],
        [7.0, 40.0, 40.0, 90.0, 90.0, 90.0],
    ],
    ids=["none", "orthorhombic", "dodecahedron", "triclinic", "narrower than the cutoff"],
)
def test_neighbours_are_those_of_a_count_over_all_images(box: list[float] | None) -> None:
    rng = np.random.default_rng(5)
    positions = rng.uniform(-5, 30, (60, 3))
    if box is not None:  # in the cell, as the count over a few images wants it
        fractional = positions @ np.linalg.inv(box_matrix(np.array(box)))
        positions = (fractional % 1.0) @ box_matrix(np.array(box))
    cell = None if box is None else np.array(box)
    index, vectors = find_neighbours(positions, cell, 8.0)
    expected = brute_force(positions, cell, 8.0)
    assert len(expected) > 100
    found = listed(index, vectors)
    assert [f[:2] for f in found] == [e[:2] for e in expected]
    assert np.abs(np.array([f[2] for f in found]) - np.array([e[2] for e in expected])).max() < 2e-6
    assert (np.linalg.norm(vectors[index < 0], axis=-1) > 8.0).all()


def test_beads_outside_the_box_have_the_same_neighbours() -> None:
    box = np.array([22.0, 26.0, 31.0, 80.0, 85.0, 100.0])
    rng = np.random.default_rng(6)
    inside = rng.uniform(0, 1, (30, 3)) @ box_matrix(box)
    outside = inside + rng.integers(-3, 4, (30, 3)) @ box_matrix(box)
    found = [
        {(i, j) for i, j, _ in listed(*find_neighbours(p, box, 8.0))} for p in (inside, outside)
    ]
    assert found[0] == found[1]


def test_one_bead_alone_has_no_neighbour() -> None:
    index, vectors = find_neighbours(np.zeros((1, 3)), None, 8.0)
    assert index.tolist() == [[-1]]
    assert vectors.shape == (1, 1, 3)


@pytest.mark.parametrize("counts", [(6, 4), (200, 3), (5, 200)])
def test_beads_that_are_one_atom_are_counted_by_themselves(
    ubiquitin: Topology, vocabulary: Vocabulary, counts: tuple[int, int]
) -> None:
    """The nearest of each kind, and no others."""
    single = np.arange(vocabulary.n_types) % 3 == 0
    types = vocabulary.types(ubiquitin.plan)
    context = build_context(ubiquitin, types, vocabulary.n_types)
    positions = ubiquitin.beads.positions
    reach = Reach(9.0, *counts, tuple((not one,) * vocabulary.n_slots for one in single))
    graph = build_graph(context, positions, None, reach, Strain(vocabulary.n_types))
    edges = graph.edge_index.numpy()
    vectors = graph.edge_vectors.numpy()
    assert (np.linalg.norm(vectors[edges < 0], axis=-1) > reach.cutoff).all()
    for bead in range(0, len(positions), 11):
        distance = np.linalg.norm(positions - positions[bead], axis=1)
        distance[bead] = np.inf
        expected: set[int] = set()
        for kind, count in zip((False, True), counts, strict=True):
            near = np.flatnonzero((single[types] == kind) & (distance < reach.cutoff))
            expected |= set(near[np.argsort(distance[near])][:count].tolist())
        there = edges[bead] >= 0
        assert expected
        assert set(edges[bead][there].tolist()) == expected
        away = positions[edges[bead][there]] - positions[bead]
        assert np.abs(vectors[bead][there] - away).max() < 1e-5
        asked = graph.edge_asked[bead].numpy()
        assert (asked[there] == ~single[types][edges[bead][there]]).all()
        assert not asked[~there].any()
