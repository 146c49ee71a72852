"""Trajectories in and out."""

from __future__ import annotations

import errno
import gzip
import resource
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from MDAnalysisTests import datafiles

from herobm.errors import OutputError, StructureError
from herobm.io import (
    TrajectoryWriter,
    open_trajectory,
    read_beads,
    write_structure,
    written_aside,
)
from herobm.types import Beads, Residues

N = 12
BOX = np.array([40.0, 50.0, 60.0, 90.0, 90.0, 90.0])


def beads(n: int = N) -> Beads:
    """Make n beads, each a residue."""
    residues = Residues(np.full(n, "W"), np.arange(1, n + 1), np.full(n, ""), np.full(n, "A"))
    return Beads(np.zeros((n, 3)), np.full(n, "W"), np.arange(n), residues)


def positions(frame: int, n: int = N) -> np.ndarray:
    """Make the places of one frame."""
    return np.random.default_rng(frame).uniform(0, 40, (n, 3))


@pytest.fixture
def structure(tmp_path: Path) -> Path:
    """Write the structure file."""
    path = tmp_path / "a.gro"
    write_structure(path, beads())
    return path


def write(
    path: Path,
    n_frames: int = 5,
    n: int = N,
    box: np.ndarray | None = BOX,
    overwrite: bool = False,
) -> Path:
    """Write a trajectory."""
    with TrajectoryWriter(path, n, overwrite) as writer:
        for frame in range(n_frames):
            writer.write(positions(frame, n), box, time=10.0 * frame, step=500 * frame)
    return path


@pytest.mark.parametrize("extension", ["xtc", "trr", "dcd"])
@pytest.mark.parametrize("box", [None, BOX, np.array([40.0, 40, 40, 60, 60, 90])])
def test_there_and_back(
    tmp_path: Path, structure: Path, extension: str, box: np.ndarray | None
) -> None:
    path = write(tmp_path / f"t.{extension}", box=box)
    with open_trajectory(structure, path) as trajectory:
        assert len(trajectory) == 5
        for _ in range(2):  # as often as you like
            frames = list(trajectory)
            assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    for frame in frames:
        assert frame.positions.dtype == np.float64
        np.testing.assert_allclose(frame.positions, positions(frame.index), atol=0.0051)
        if box is None:
            assert frame.box is None
        else:
            np.testing.assert_allclose(frame.box, box, atol=1e-3)
        assert frame.time == pytest.approx(10.0 * frame.index)
        if extension != "dcd":
            assert frame.step == 500 * frame.index
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.gro", path.name]


@pytest.mark.parametrize("extension", ["xtc", "trr", "dcd"])
def test_slices_and_selections(tmp_path: Path, structure: Path, extension: str) -> None:
    path = write(tmp_path / f"t.{extension}", 10)
    with open_trajectory(structure, path, "resid 3:5", start=2, stop=9, step=3) as trajectory:
        assert trajectory.topology.residues.ids.tolist() == [3, 4, 5]
        assert len(trajectory) == 3
        for frame, number in zip(trajectory, (2, 5, 8), strict=True):
            assert frame.index == number
            np.testing.assert_allclose(frame.positions, positions(number)[2:5], atol=0.0051)


def test_few_particles_are_not_packed(tmp_path: Path) -> None:
    structure = tmp_path / "few.gro"
    write_structure(structure, beads(3))
    path = write(tmp_path / "t.xtc", 4, 3)
    with open_trajectory(structure, path) as trajectory:
        assert len(list(trajectory)) == 4


def test_files_of_other_programs() -> None:
    with open_trajectory(datafiles.GRO, datafiles.XTC, "protein") as xtc:
        with open_trajectory(datafiles.GRO, datafiles.TRR, "protein") as trr:
            assert len(xtc) == len(trr) == 10
            for one, other in zip(xtc, trr, strict=True):
                np.testing.assert_allclose(one.positions, other.positions, atol=0.011)
                np.testing.assert_allclose(one.box, other.box, atol=1e-3)
                assert one.time == other.time
    with open_trajectory(datafiles.PDB_small, datafiles.DCD, start=-2) as dcd:
        assert [frame.index for frame in dcd] == [96, 97]


def test_numbers_of_particles_must_agree(tmp_path: Path, structure: Path) -> None:
    for extension in ("xtc", "trr", "dcd"):
        path = write(tmp_path / f"t.{extension}", n=11)
        with pytest.raises(StructureError, match=r"t\....*11 particles.*a\.gro has 12"):
            open_trajectory(structure, path)


def test_frames_that_are_not_there(tmp_path: Path, structure: Path) -> None:
    path = write(tmp_path / "t.xtc")
    with pytest.raises(StructureError, match="none of its 5 frames"):
        open_trajectory(structure, path, start=7)
    with open_trajectory(structure, path, start=-3, stop=4) as late:
        assert [frame.index for frame in late] == [2, 3]
    with pytest.raises(StructureError, match="none of its 5 frames"):
        open_trajectory(structure, path, start=2, stop=2)
    with open_trajectory(structure, path, start=1, limit=2) as some:
        assert [frame.index for frame in some] == [1, 3]
    with pytest.raises(StructureError, match=r"t\.xtc: 0 frames are asked for"):
        open_trajectory(structure, path, limit=0)
    with open_trajectory(structure, path, limit=9) as whole:
        assert len(whole) == 5
    with pytest.raises(StructureError, match=r"t\.xtc: every n-th frame .* of 1 or more, not 0"):
        open_trajectory(structure, path, step=0)


@pytest.mark.parametrize("extension", ["xtc", "trr", "dcd"])
@pytest.mark.parametrize("lost", [1, 5, 60])
def test_cut_trajectory_names_the_frame(
    tmp_path: Path, structure: Path, extension: str, lost: int
) -> None:
    path = write(tmp_path / f"t.{extension}")
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(StructureError, match="frame 4") as caught:
        list(open_trajectory(structure, path))
    assert "t." in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("extension", ["xtc", "trr", "dcd"])
def test_rubbish_for_a_trajectory(tmp_path: Path, structure: Path, extension: str) -> None:
    path = tmp_path / f"t.{extension}"
    for data in (b"\0", b"rubbish " * 99, bytes(500)):
        path.write_bytes(data)
        with pytest.raises(StructureError, match=r"t\."):
            list(open_trajectory(structure, path))
    path.write_bytes(b"")
    with pytest.raises(StructureError, match="empty"):
        open_trajectory(structure, path)
    path.unlink()
    with pytest.raises(StructureError, match="no such file"):
        open_trajectory(structure, path)


def test_damaged_xtc_header_is_found_before_decoding(tmp_path: Path, structure: Path) -> None:
    path = write(tmp_path / "t.xtc")
    data = bytearray(path.read_bytes())
    second = data.index(struct.pack(">ii", 1995, N), 4)
    for at, value in ((second, 7), (second + 4, N + 1), (second + 52, -1), (second + 84, 99)):
        broken = bytearray(data)
        broken[at : at + 4] = struct.pack(">i", value)
        path.write_bytes(broken)
        with pytest.raises(StructureError, match="frame 1 "):
            open_trajectory(structure, path)


def test_coordinates_that_are_no_numbers(tmp_path: Path, structure: Path) -> None:
    path = write(tmp_path / "t.trr")
    data = bytearray(path.read_bytes())
    data[-8:-4] = struct.pack(">f", np.nan)
    path.write_bytes(data)
    with pytest.raises(StructureError, match=r"in frame 4, 1 particles.*W of W 12"):
        list(open_trajectory(structure, path))


def test_a_box_with_angles_that_cannot_be_names_the_frame(tmp_path: Path, structure: Path) -> None:
    path = tmp_path / "t.dcd"
    with TrajectoryWriter(path, N) as writer:
        for frame, angle in enumerate((90.0, 90.0, 170.0)):
            writer.write(positions(frame), np.array([40.0, 40, 40, 60, 60, angle]), time=frame)
    trajectory = open_trajectory(structure, path)
    with pytest.raises(StructureError, match=r"t\.dcd, frame 2: .* angles of 60, 60, 170 degrees"):
        list(trajectory)
    with open_trajectory(structure, path, stop=2) as sound:
        assert len(list(sound)) == 2


def xplor(n_frames: int) -> bytes:
    """Make a DCD file as X-PLOR does: without a version of CHARMM, its time step 8 bytes long."""

    def record(data: bytes) -> bytes:
        return struct.pack("<i", len(data)) + data + struct.pack("<i", len(data))

    control = bytearray(80)
    struct.pack_into("<3i", control, 0, n_frames, 0, 1)
    struct.pack_into("<d", control, 36, 0.02)
    head = [b"CORD" + control, struct.pack("<i", 1) + b"x" * 80, struct.pack("<i", N)]
    axes = [axis.astype("<f4").tobytes() for i in range(n_frames) for axis in positions(i).T]
    return b"".join(record(part) for part in (*head, *axes))


def test_dcd_of_xplor(tmp_path: Path, structure: Path) -> None:
    path = tmp_path / "t.dcd"
    path.write_bytes(xplor(3))
    with open_trajectory(structure, path) as trajectory:
        for frame in trajectory:
            np.testing.assert_allclose(frame.positions, positions(frame.index), atol=1e-4)
        assert len(trajectory) == 3
    path.write_bytes(xplor(3)[:-5])
    with pytest.raises(StructureError, match="cut short within frame 2"):
        open_trajectory(structure, path)


def test_a_failure_leaves_no_half_trajectory(tmp_path: Path) -> None:
    path = tmp_path / "t.xtc"

    def stop_halfway() -> None:
        with TrajectoryWriter(path, N) as writer:
            writer.write(positions(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    with pytest.raises(OutputError, match="no numbers"), TrajectoryWriter(path, N) as writer:
        writer.write(np.full((N, 3), np.nan))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("times", "steps"),
    [
        ([250.0, 350.0, 450.0], [12500, 17500, 22500]),
        ([250.0, 350.0, 450.0], [0, 1, 2]),
        ([7.0], [3]),
        ([0.0], [0]),
        ([2e7, 2e7 + 1000, 2e7 + 2000], [10**9, 10**9 + 50000, 10**9 + 100000]),
    ],
)
def test_dcd_keeps_times_that_are_evenly_spaced(
    tmp_path: Path, structure: Path, times: list[float], steps: list[int]
) -> None:
    path = tmp_path / "t.dcd"
    with TrajectoryWriter(path, N) as writer:
        for number, (time, step) in enumerate(zip(times, steps, strict=True)):
            writer.write(positions(number), BOX, time=time, step=step)
    with open_trajectory(structure, path) as trajectory:
        assert [frame.time for frame in trajectory] == pytest.approx(times, rel=1e-6)


@pytest.mark.parametrize(
    ("extension", "times", "told"),
    [
        ("dcd", [0.0, 10.0, 30.0, 40.0], ["frame 2, at 30 ps, is given 20 ps"]),
        ("dcd", [5.0, 5.0], ["frame 1, at 5 ps, is given 10 ps"]),
        ("dcd", [float(np.float32(0.1 * number)) for number in range(50)], []),
        ("dcd", [float(np.float32(1000.0 + 0.1 * number)) for number in range(300)], []),
        ("dcd", [float(np.float32(1e6 + 10.1 * number)) for number in range(300)], []),
        ("xtc", [0.0, 10.0, 30.0], []),
    ],
)
def test_times_that_dcd_has_no_room_for_are_told(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    extension: str,
    times: list[float],
    told: list[str],
) -> None:
    with (
        caplog.at_level("INFO", logger="herobm.io"),
        TrajectoryWriter(tmp_path / f"t.{extension}", N) as writer,
    ):
        for number, time in enumerate(times):
            writer.write(positions(number), BOX, time=time, step=number)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(told)
    assert all(part in message for part, message in zip(told, messages, strict=True))


@pytest.mark.parametrize("extension", ["xtc", "trr", "dcd"])
@pytest.mark.parametrize("missing", [1, 4000])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, extension: str, missing: int) -> None:
    path = write(tmp_path / f"t.{extension}", 20, n=300)
    before = path.read_bytes()
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) - missing, room[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            write(path, 20, n=300, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_for_text_too(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OutputError, match=r"page\.html.*No space"), written_aside(path):
        raise full
    other = OSError(errno.ENOENT, "No such file or directory")
    with pytest.raises(FileNotFoundError), written_aside(path):
        raise other
    assert list(tmp_path.iterdir()) == []


def test_trajectories_are_replaced_only_when_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "t.xtc", 2)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        write(path, 3)
    assert path.read_bytes() == before
    with TrajectoryWriter(path, N, overwrite=True) as writer:
        writer.write(positions(0))
    assert path.read_bytes() != before
    with pytest.raises(OutputError, match=r"\.xtc, \.trr or \.dcd"):
        write(tmp_path / "t.pdb")


@pytest.mark.shared_data
def test_a_hundred_real_frames(shared_data: Path) -> None:
    folder = shared_data / "cg" / "m3_6zh9_elastic"
    structure = folder / "npt_dry.pdb"
    n_beads = len(read_beads(structure))
    with open_trajectory(structure, folder / "traj_100.xtc") as trajectory:
        assert len(trajectory) == 100
        shapes = {frame.positions.shape for frame in trajectory}
    assert shapes == {(n_beads, 3)}


def gro_frames(path: Path, sizes: tuple[int, ...] = (N, N, N)) -> Path:
    """Write frames one behind the other, as Gromacs does."""
    text = ""
    for frame, n in enumerate(sizes):
        part = path.with_name(f"{path.stem}{frame}.gro")
        write_structure(part, replace(beads(n), positions=positions(frame, n), box=BOX))
        lines = part.read_text().splitlines()
        text += "\n".join([f"beads t= {10.0 * frame:.5f} step= {500 * frame}", *lines[1:], ""])
    path.write_text(text)
    return path


@pytest.mark.parametrize("extension", ["xtc", "trr", "dcd"])
def test_steps_that_files_have_no_room_for_become_numbers(
    tmp_path: Path, structure: Path, extension: str
) -> None:
    path = tmp_path / f"t.{extension}"
    with TrajectoryWriter(path, N) as writer:
        for frame in range(3):
            writer.write(positions(frame), BOX, time=100.0 * frame, step=5_000_000_000 * frame)
    with open_trajectory(structure, path) as frames:
        found = list(frames)
    assert [frame.time for frame in found] == pytest.approx([0.0, 100.0, 200.0])
    if extension != "dcd":
        assert [frame.step for frame in found] == [0, 1, 2]


def test_the_box_before_the_models_of_a_pdb_file_is_that_of_all(tmp_path: Path) -> None:
    path = models(tmp_path / "m.pdb", beads(), beads())
    write_structure(tmp_path / "a.gro", beads())
    write_structure(tmp_path / "box.pdb", replace(beads(), box=BOX))
    head = (tmp_path / "box.pdb").read_text().splitlines()[0]
    assert head.startswith("CRYST1")
    text = path.read_text()
    path.write_text(f"{head}\n{text}")
    with open_trajectory(tmp_path / "a.gro", path) as frames:
        for frame in frames:
            np.testing.assert_allclose(frame.box, BOX, atol=1e-3)
    first, second = text.split("MODEL        2")
    path.write_text(f"{head}\n{first}{head.replace('40.000', ' 1.000')}\nMODEL        2{second}")
    with open_trajectory(tmp_path / "a.gro", path) as frames:
        assert [frame.box is None for frame in frames] == [False, True]
    path.write_text(f"{first}MODEL        2\n{head}{second}")
    with open_trajectory(tmp_path / "a.gro", path) as frames:
        assert [frame.box is None for frame in frames] == [True, False]


@pytest.mark.parametrize("packed", [False, True])
def test_frames_of_a_gro_file(tmp_path: Path, structure: Path, packed: bool) -> None:
    path = gro_frames(tmp_path / "t.gro")
    if packed:
        path = tmp_path / "t.gro.gz"
        path.write_bytes(gzip.compress((tmp_path / "t.gro").read_bytes()))
    with open_trajectory(structure, path) as frames:
        found = list(frames)
    assert [(f.index, f.time, f.step) for f in found] == [
        (0, 0.0, 0),
        (1, 10.0, 500),
        (2, 20.0, 1000),
    ]
    for frame in found:
        np.testing.assert_allclose(frame.positions, positions(frame.index), atol=0.006)
        np.testing.assert_allclose(frame.box, BOX, atol=1e-3)


@pytest.mark.parametrize("title", ["box, t=300K", "equilibrated at t=0.5ns", "T= 5 t= x"])
def test_what_is_no_time_in_the_title_of_a_frame_is_none(
    tmp_path: Path, structure: Path, title: str
) -> None:
    path = gro_frames(tmp_path / "t.gro")
    lines = path.read_text().splitlines()
    lines[N + 3] = title
    path.write_text("\n".join([*lines, ""]))
    with open_trajectory(structure, path) as frames:
        assert [frame.time for frame in frames] == [0.0, 1.0, 20.0]


def test_faults_of_later_frames_of_a_gro_file_are_named(tmp_path: Path, structure: Path) -> None:
    path = gro_frames(tmp_path / "t.gro")
    lines = path.read_text().splitlines()
    third = 2 * (N + 3)
    lines[third + 4] = lines[third + 4][:30]
    path.write_text("\n".join(lines) + "\n")
    with (
        open_trajectory(structure, path) as frames,
        pytest.raises(StructureError, match=rf"t\.gro, line {third + 5}: no three coordinates"),
    ):
        list(frames)
    other = gro_frames(tmp_path / "o.gro", (N, N - 1))
    with (
        open_trajectory(structure, other) as frames,
        pytest.raises(StructureError, match="11 particles, the first one 12"),
    ):
        list(frames)


def test_a_blank_line_between_frames_of_a_gro_file_is_told(tmp_path: Path, structure: Path) -> None:
    path = gro_frames(tmp_path / "t.gro")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[: N + 3], "", *lines[N + 3 :], ""]))
    told = rf"line {N + 5}: the number .*\nTake blank lines"
    with pytest.raises(StructureError, match=told), open_trajectory(structure, path):
        pass


def test_models_of_mmcif_are_no_trajectory(tmp_path: Path, structure: Path) -> None:
    path = tmp_path / "t.cif"
    write_structure(path, beads())
    with pytest.raises(StructureError, match=r"t\.cif: no frames are read from mmCIF"):
        open_trajectory(structure, path)


def test_frames_of_a_gro_file_with_particles_in_another_order_are_refused(
    tmp_path: Path, structure: Path
) -> None:
    path = gro_frames(tmp_path / "t.gro")
    lines = path.read_text().splitlines()
    row = N + 3 + 2
    lines[row], lines[row + 1] = lines[row + 1], lines[row]
    path.write_text("\n".join([*lines, ""]))
    told = r"t\.gro, frame 1: particle 1 is '2W W', and '1W W' in the first frame"
    with open_trajectory(structure, path) as frames, pytest.raises(StructureError, match=told):
        list(frames)


def models(path: Path, *frames: Beads) -> Path:
    """Write PDB models."""
    text = []
    for number, frame in enumerate(frames, start=1):
        one = path.with_name("one.pdb")
        write_structure(one, frame, overwrite=True)
        atoms = [line for line in one.read_text().splitlines() if line.startswith("ATOM")]
        text += [f"MODEL     {number:4d}", *atoms, "ENDMDL"]
    path.write_text("\n".join([*text, "END", ""]))
    return path


def test_models_of_a_pdb_file_have_the_same_particles(tmp_path: Path, structure: Path) -> None:
    other = beads().subset(np.arange(N) < N - 1)
    turned = replace(beads(), residues=beads().residues.take(np.arange(N)[::-1]))
    with open_trajectory(structure, models(tmp_path / "m.pdb", beads(), beads())) as frames:
        assert len(list(frames)) == 2
    for second, told in (
        (other, "11 particles, the first one 12"),
        (turned, "frame 1: particle 1 is 'W W A 12', and 'W W A 1' in the first frame"),
    ):
        path = models(tmp_path / "m.pdb", beads(), second)
        with open_trajectory(structure, path) as frames, pytest.raises(StructureError, match=told):
            list(frames)
    path = models(tmp_path / "m.pdb", other, other)
    with pytest.raises(StructureError, match=r"has 11 particles a frame, and .* has 12"):
        open_trajectory(structure, path)


@pytest.mark.parametrize("end", ["END\n", "ENDMDL\n"])
def test_frames_of_a_pdb_file_may_be_parted_by_their_ends_alone(tmp_path: Path, end: str) -> None:
    """As VMD writes them, without MODEL records."""
    atom = "ATOM  {0:5d}  CA  ALA A{0:4d}    {1:8.3f}   0.000   0.000  1.00  0.00           C\n"
    box = "CRYST1{0:9.3f}   50.000   50.000  90.00  90.00  90.00 P 1           1\n"
    path = tmp_path / "vmd.pdb"
    path.write_text(
        "".join(
            box.format(50.0 + k) + "".join(atom.format(i + 1, 3.8 * i + k) for i in range(5)) + end
            for k in range(3)
        )
    )
    with open_trajectory(path, path) as read:
        frames = list(read)
    assert [frame.positions[1, 0] for frame in frames] == pytest.approx([3.8, 4.8, 5.8], abs=1e-5)
    boxes = [frame.box for frame in frames]
    assert [None if b is None else b[0] for b in boxes] == pytest.approx([50.0, 51.0, 52.0])
