"""Frames of a trajectory that are not of the structure beside it are refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from herobm.errors import StructureError
from herobm.plan import Library
from herobm.system import Topology, build_topology
from herobm.types import Beads, FloatArray

MakeBeads = Callable[..., Beads]
EDGE = 30.0


@pytest.fixture
def chain(martini3: Library, make_beads: MakeBeads) -> Topology:
    """Twenty residues in a row."""
    return build_topology(make_beads(["ALA", "ARG", "GLY", "ARG"] * 5, box=90.0), martini3)


def shaken(positions: FloatArray, width: float = 0.3) -> FloatArray:
    noise: FloatArray = np.random.default_rng(3).normal(0.0, width, positions.shape)
    return positions + noise


def cut(positions: FloatArray, edge: float) -> FloatArray:
    """Move a sheet of the particles through the boundaries of a box, here and there."""
    moved = positions.copy()
    rng = np.random.default_rng(4)
    moved[rng.random(len(moved)) < 0.4, 1] += edge
    return moved


def test_a_frame_that_fluctuates_is_the_same(chain: Topology) -> None:
    moved = shaken(chain.beads.positions, 0.5)
    for box in (chain.beads.box, None):
        np.testing.assert_allclose(chain.place(moved, box).positions, moved)


@pytest.mark.parametrize("boxed", [True, False])
def test_particles_in_another_order_are_refused(chain: Topology, boxed: bool) -> None:
    box = chain.beads.box if boxed else None
    mixed = np.random.default_rng(5).permutation(chain.beads.positions)
    with pytest.raises(StructureError, match=r"^x.xtc: frame 2: beads that lie together"):
        chain.place(shaken(mixed), box, "x.xtc: frame 2")


def test_a_frame_cut_by_the_box_of_the_structure_is_whole(chain: Topology) -> None:
    moved = shaken(chain.beads.positions)
    found = chain.place(cut(moved, 90.0), None)
    shift = found.positions - moved
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-9)
    assert found.box is not None


@pytest.mark.parametrize("share", [0.97, 1.03])
def test_a_frame_cut_by_another_box_is_refused(chain: Topology, share: float) -> None:
    moved = cut(shaken(chain.beads.positions), 90.0 * share)
    with pytest.raises(StructureError, match="cut by another one than the 90 x 90 x 90 Å") as told:
        chain.place(moved, None, "x.dcd: frame 0")
    assert "of chain A" in told.value.message


def test_too_small_boxes_of_frames_are_told(
    chain: Topology, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="herobm")
    small = np.array([12.0, 12.0, 12.0, 90.0, 90.0, 90.0])
    assert chain.place(chain.beads.positions, small).box is None
    assert "boxes of frames that are too small" in caplog.text


def test_residues_without_links_tell_nothing(martini3: Library, make_beads: MakeBeads) -> None:
    """One bead has no distance to another one."""
    glycine = build_topology(make_beads(["GLY"]), martini3)
    found = glycine.place(glycine.beads.positions + 100.0, None)
    assert len(found) == len(glycine.beads)
