"""Frames of two trajectories that belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from herobm.errors import StructureError
from herobm.io import TrajectoryWriter, open_trajectory, write_structure
from herobm.io.pairing import pair_frames
from herobm.types import Beads

Written = Callable[..., tuple[Path, Path]]


@pytest.fixture
def written(tmp_path: Path, peptide: Callable[..., Beads]) -> Written:
    """Write a structure and a trajectory of it whose frames have these times."""

    def write(name: str, times: Sequence[float]) -> tuple[Path, Path]:
        beads = peptide()
        structure = tmp_path / f"{Path(name).stem}.gro"
        write_structure(structure, beads)
        with TrajectoryWriter(tmp_path / name, len(beads)) as writer:
            for time in times:
                writer.write(beads.positions, beads.box, time=time)
        return structure, tmp_path / name

    return write


def found(files: tuple[Path, Path], others: tuple[Path, Path], step: int = 1) -> list[int]:
    """Pair every `step`-th frame; return the numbers of the others."""
    with open_trajectory(*files, step=step) as opened:
        return [other.index for _, other in pair_frames(opened, files, others)]


def test_the_nearest_time_is_found(written: Written) -> None:
    atoms = written("atoms.xtc", [0.0, 100.0, 200.0])
    beads = written("beads.xtc", [0.0, 50.0, 100.003, 150.0, 200.0, 250.0])
    assert found(atoms, beads) == [0, 2, 4]
    assert found(atoms, beads, step=2) == [0, 4]


def test_dcd_and_xtc_of_a_long_run(written: Written) -> None:
    """The time between frames of a DCD is held in single precision, and adds up."""
    times = (np.arange(400) * 333.3).tolist()
    atoms, beads = written("atoms.dcd", times), written("beads.xtc", times)
    with open_trajectory(*atoms) as one, open_trajectory(*beads) as two:
        off = [abs(a.time - b.time) for a, b in zip(one, two, strict=True)]
    assert max(off) > 1e-3  # or nothing is asked of the pairing
    assert found(atoms, beads) == list(range(400))


def test_what_lies_between_belongs_to_none(written: Written) -> None:
    atoms, beads = written("atoms.xtc", [0.0, 75.0]), written("beads.xtc", [0.0, 50.0, 100.0])
    with pytest.raises(StructureError, match=r"beads\.xtc: has no frame of 75\.000 ps"):
        found(atoms, beads)


def test_without_times_numbers_tell(written: Written, caplog: pytest.LogCaptureFixture) -> None:
    atoms, beads = written("atoms.xtc", [0.0] * 3), written("beads.xtc", [0.0, 10.0, 20.0])
    with caplog.at_level("INFO", "herobm"):
        assert found(atoms, beads) == [0, 1, 2]
    assert "frames of" in caplog.text
    assert "found by their numbers" in caplog.text
    with pytest.raises(StructureError, match="nothing tells which belong together"):
        found(atoms, written("fewer.xtc", [0.0, 0.0]))


def test_a_structure_takes_the_first_frame(written: Written) -> None:
    beads = written("beads.xtc", [0.0, 10.0])
    with open_trajectory(*beads, stop=1) as opened:
        pairs = [(frame.index, other.index) for frame, other in pair_frames(opened, None, beads)]
    assert pairs == [(0, 0)]
