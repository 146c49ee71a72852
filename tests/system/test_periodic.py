"""Periodic boxes: a molecule cut by the box is the same molecule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herobm.errors import StructureError
from herobm.plan import Library
from herobm.system import build_topology
from herobm.system.periodic import box_matrix, minimum_image, whole_residues
from herobm.types import Beads, FloatArray

MakeBeads = Callable[..., Beads]

CUBIC = np.array([90.0, 50.0, 60.0, 90.0, 90.0, 90.0])
DODECAHEDRON = np.array([90.0, 90.0, 90.0, 60.0, 60.0, 90.0])
BOXES = pytest.mark.parametrize("box", [CUBIC, DODECAHEDRON], ids=["cubic", "dodecahedron"])


def wrapped(positions: FloatArray, box: FloatArray) -> FloatArray:
    matrix = box_matrix(box)
    fractions = positions @ np.linalg.inv(matrix)
    return (fractions - np.floor(fractions)) @ matrix


@BOXES
def test_box_vectors_have_the_lengths_and_angles_asked_for(box: FloatArray) -> None:
    matrix = box_matrix(box)
    lengths = np.linalg.norm(matrix, axis=1)
    np.testing.assert_allclose(lengths, box[:3])
    for angle, (one, two) in zip(box[3:], ((1, 2), (0, 2), (0, 1)), strict=True):
        cosine = matrix[one] @ matrix[two] / lengths[one] / lengths[two]
        assert np.degrees(np.arccos(cosine)) == pytest.approx(angle)


def test_right_angles_in_single_precision_are_right() -> None:
    box = np.array([90.0, 50.0, 60.0, 90.0000076, 89.9999924, 90.0])
    np.testing.assert_array_equal(box_matrix(box), np.diag(CUBIC[:3]))


@BOXES
@given(
    vector=st.tuples(*[st.floats(-8.0, 8.0)] * 3),
    images=st.tuples(*[st.integers(-3, 3)] * 3),
)
def test_short_vectors_come_back_from_any_image(
    box: FloatArray, vector: tuple[float, ...], images: tuple[int, ...]
) -> None:
    moved = np.array(vector) + np.array(images) @ box_matrix(box)
    np.testing.assert_allclose(minimum_image(moved, box), vector, atol=1e-9)


def test_without_a_box_nothing_moves() -> None:
    points = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    assert minimum_image(points, None) is points
    assert whole_residues(points, np.zeros(2, np.int64), None) is points


@BOXES
@pytest.mark.parametrize("offset", [0.0, 13.0, 29.0, -71.0])
def test_a_wrapped_molecule_is_the_same_molecule(
    box: FloatArray, offset: float, martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(["ARG"] * 5 + ["GLY"] + ["ALA"] * 14, chains="")
    there = beads.positions + offset
    cut = replace(beads, positions=wrapped(there, box), box=box)
    topology = build_topology(cut, martini3)
    assert topology.links.previous.tolist() == [-1, *range(19)]
    found = topology.beads.positions
    np.testing.assert_allclose(found - found[0], beads.positions - beads.positions[0], atol=1e-9)
    np.testing.assert_allclose(found[0], cut.positions[0])  # the first bead stays


def test_a_box_too_small_for_its_molecule_does_not_count(
    martini3: Library, make_beads: MakeBeads
) -> None:
    """A chain of 76 Å lies on its images in a box of 40 Å; beside them it may lie."""
    beads = make_beads(["ALA"] * 20, chains="")
    small, skew = (np.array([40.0, 50.0, 60.0, 90.0, 90.0, gamma]) for gamma in (90.0, 75.0))
    topology = build_topology(replace(beads, box=small), martini3)
    assert not topology.periodic
    assert topology.beads.box is None
    np.testing.assert_allclose(topology.beads.positions, beads.positions)
    np.testing.assert_allclose(topology.place(beads.positions, small).positions, beads.positions)
    large = np.array([100.0, 50.0, 60.0, 90.0, 90.0, 90.0])
    cut = wrapped(beads.positions + 30.0, large)
    placed = topology.place(cut, large)  # every box is judged by itself
    assert placed.box is large
    np.testing.assert_allclose(
        placed.positions - placed.positions[0], beads.positions - beads.positions[0], atol=1e-9
    )
    turned = beads.positions @ np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    assert build_topology(replace(beads, positions=turned, box=skew), martini3).periodic


@pytest.mark.parametrize(("height", "periodic"), [(19.2, True), (15.4, False)])
def test_a_sheet_may_go_on_over_the_boundary(
    martini3: Library, make_beads: MakeBeads, height: float, periodic: bool
) -> None:
    """Four strands, 4.8 Å apart; in the lower box the last one lies 1 Å from the first."""
    beads = make_beads(["ALA"] * 32, chains="".join(c * 8 for c in "ABCD"))
    strand, row = np.divmod(np.arange(len(beads)), len(beads) // 4)
    positions = beads.positions[row] + np.outer(strand, [0.0, 0.0, 4.8])
    box = np.array([200.0, 200.0, height, 90.0, 90.0, 90.0])
    topology = build_topology(replace(beads, positions=positions, box=box), martini3)
    assert topology.periodic is periodic


def test_every_chain_is_made_whole_on_its_own(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(
        ["ALA"] * 6, chains=[*"AAABBB"], places=[48.0, 51.5, 55.0, 98.0, 101.5, 105.0], box=50.0
    )
    cut = replace(beads, positions=wrapped(beads.positions, beads.box))
    topology = build_topology(cut, martini3)
    backbone = topology.beads.positions[topology.beads.names == "BB", 0]
    np.testing.assert_allclose(backbone, [48.0, 51.5, 55.0, 48.0, 51.5, 55.0])


def test_other_frames_are_made_whole_the_same_way(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(["ALA"] * 4, box=50.0)
    topology = build_topology(beads, martini3)
    moved = wrapped(beads.positions + np.array([42.0, 1.0, 2.0]), beads.box)
    assert np.ptp(moved[:, 0]) > 40.0
    frame = topology.place(moved, beads.box)
    np.testing.assert_allclose(frame.positions, beads.positions + np.array([42.0, 1.0, 2.0]))


def test_a_residue_longer_than_half_the_box_stays_in_one_piece() -> None:
    rod = np.stack([np.full(50, 5.0), np.full(50, 5.0), 5.0 + 1.5 * np.arange(50.0)], axis=1)
    box = np.array([100.0, 100.0, 100.0, 90.0, 90.0, 90.0])
    index = np.zeros(50, dtype=np.int64)
    np.testing.assert_allclose(whole_residues(rod, index, box), rod)
    cut = np.mod(rod + np.array([0.0, 0.0, 60.0]), 100.0)
    np.testing.assert_allclose(
        np.diff(whole_residues(cut, index, box), axis=0), np.diff(rod, axis=0)
    )


def branched() -> FloatArray:
    """A chain of 14 atoms, and a branch at its third one that the file tells last, Å."""
    chain = np.stack([1.4 * np.arange(14.0), np.zeros(14), np.zeros(14)], axis=1)
    branch = chain[2] + np.outer(1.4 * np.arange(1.0, 4.0), [0.0, 1.0, 0.0])
    return np.concatenate([chain, branch])


@pytest.mark.parametrize("edge", [21.0, 24.0, 30.0])
@pytest.mark.parametrize("shift", [0.0, 7.0, 15.0])
def test_a_branch_told_last_stays_with_its_molecule(edge: float, shift: float) -> None:
    """From the end of the chain to the branch it is more than half a box."""
    atoms, box = branched(), np.array([edge, 40.0, 40.0, 90.0, 90.0, 90.0])
    index = np.zeros(len(atoms), dtype=np.int64)
    np.testing.assert_allclose(whole_residues(atoms + shift, index, box), atoms + shift)
    found = whole_residues(wrapped(atoms + shift, box), index, box)
    np.testing.assert_allclose(found - found[0], atoms - atoms[0], atol=1e-9)


@pytest.mark.parametrize(("n", "gap", "edge"), [(3, 4.0, 10.0), (3, 4.0, 13.0), (14, 4.7, 63.0)])
def test_beads_in_a_row_are_put_together_along_it(n: int, gap: float, edge: float) -> None:
    """Their ends come as near to each other over the boundary as neighbours are, or nearer."""
    row = 5.0 + np.outer(gap * np.arange(n), [1.0, 0.0, 0.0])
    box = np.array([edge, 60.0, 60.0, 90.0, 90.0, 90.0])
    index = np.zeros(n, dtype=np.int64)
    np.testing.assert_allclose(whole_residues(wrapped(row, box), index, box), row)


def test_what_is_longer_than_its_box_stays_as_it_is_if_it_is_whole() -> None:
    """Two residues, the other one cut; of the longer one an atom is nowhere."""
    atoms, box = branched(), np.array([12.0, 12.0, 12.0, 90.0, 90.0, 90.0])
    lost = atoms.copy()
    lost[13] = np.nan
    short = np.array([[11.5, 1.0, 1.0], [0.5, 1.0, 1.0]])
    index = np.repeat([0, 1], [len(lost), 2])
    found = whole_residues(np.concatenate([lost, short]), index, box)
    np.testing.assert_allclose(found[:-2], lost)
    np.testing.assert_allclose(found[-2:, 0], [11.5, 12.5])


def test_a_molecule_on_its_own_images_has_no_box(martini3: Library, make_beads: MakeBeads) -> None:
    """The file says an edge that is shorter than the molecule: its ends would meet."""
    beads = make_beads(["ARG"], box=60.0)
    places = beads.positions[0] + np.outer(np.arange(len(beads)) * 6.0, [1.0, 0.0, 0.0])
    small = replace(beads, positions=places, box=np.array([11.0, 40.0, 40.0, 90.0, 90.0, 90.0]))
    topology = build_topology(small, martini3)
    assert not topology.periodic
    np.testing.assert_allclose(topology.beads.positions, places)
    assert build_topology(replace(small, box=beads.box), martini3).periodic


def test_a_frame_without_a_box_that_is_cut_is_refused(
    martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(["ALA", "ARG"])
    topology = build_topology(beads, martini3)
    assert topology.place(beads.positions, None).box is None
    cut = beads.positions.copy()
    cut[-1] += 80.0
    with pytest.raises(StructureError, match=r"^t.dcd: frame 3: beads of ARG 2 of chain A lie"):
        topology.place(cut, None, "t.dcd: frame 3")


def test_a_frame_without_a_box_that_is_cut_has_that_of_the_structure(
    martini3: Library, make_beads: MakeBeads, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="herobm")
    beads = make_beads(["ALA", "ARG"], box=50.0)
    topology = build_topology(beads, martini3)
    assert topology.place(beads.positions + 7.0, None).box is None  # it is whole
    assert not caplog.text
    placed = topology.place(wrapped(beads.positions - 1.0, beads.box), None)
    assert "made whole by that of the structure" in caplog.text
    np.testing.assert_allclose(placed.box, beads.box)
    np.testing.assert_allclose(
        placed.positions - placed.positions[0], beads.positions - beads.positions[0], atol=1e-9
    )


def test_a_small_box_hides_no_other_unit(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(["ALA"] * 30, chains="")
    box = np.array([30.0, 30.0, 30.0, 90.0, 90.0, 90.0])
    with pytest.raises(StructureError, match="too far for a chain"):
        build_topology(replace(beads, positions=beads.positions * 10.0, box=box), martini3)


def test_a_chain_cut_at_most_of_its_links_is_no_other_unit(
    martini3: Library, make_beads: MakeBeads
) -> None:
    """A strand along the edge of a box, which every second residue lies across."""
    beads = make_beads(["ALA"] * 14, chains="")
    zigzag = beads.positions + np.outer(np.arange(len(beads)) // 2 % 2, [0.0, -1.5, 0.0])
    box = np.array([90.0, 60.0, 60.0, 90.0, 90.0, 90.0])
    cut = replace(beads, positions=wrapped(zigzag - 1.0, box), box=box)
    found = build_topology(cut, martini3).beads.positions
    np.testing.assert_allclose(found - found[0], zigzag - zigzag[0], atol=1e-9)


@BOXES
def test_a_particle_that_is_nowhere_takes_no_residue_along(box: FloatArray) -> None:
    positions = np.array([[1.0, 2.0, 3.0], [89.0, 2.0, 3.0], [5.0, 5.0, 5.0], [6.0, 5.0, 5.0]])
    lost = positions.copy()
    lost[1] = np.nan
    residue = np.array([0, 0, 1, 1])
    np.testing.assert_allclose(
        whole_residues(lost, residue, box)[2:], whole_residues(positions, residue, box)[2:]
    )
