"""``herobm backmap -f``: trajectories, frame by frame."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from herobm.errors import MinimisationError
from herobm.io import TrajectoryWriter, open_trajectory, read_atoms, read_beads
from herobm.types import Atoms, Beads

Put = Callable[[str, list[str]], Path]
N_ATOMS = 602  # heavy atoms of ubiquitin, OXT included


@pytest.fixture
def swim(ubiquitin: Path, tmp_path: Path) -> tuple[Path, Beads]:
    """Five frames of ubiquitin in a box, pushed 4 Å further each."""
    beads = replace(read_beads(ubiquitin), box=np.array([60.0, 60.0, 60.0, 90.0, 90.0, 90.0]))
    with TrajectoryWriter(tmp_path / "cg.xtc", len(beads)) as writer:
        for i in range(5):
            wrapped = (beads.positions + 4.0 * i) % 60.0
            writer.write(wrapped, beads.box, time=10.0 * i, step=i)
    return tmp_path / "cg.xtc", beads


def test_a_trajectory_frame_by_frame(herobm, ubiquitin: Path, swim) -> None:
    trajectory, _ = swim
    out = trajectory.with_name("aa.xtc")
    result = herobm("backmap", ubiquitin, "-f", trajectory, "-o", out)
    assert result.code == 0
    assert result.out.startswith("5 frames of 166 beads of 76 residues in 1 chain(s)")
    assert f"atoms written to {out}, first frame to {out.with_suffix('.pdb')}" in result.out
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        frames = list(read)
    assert [frame.time for frame in frames] == [0.0, 10.0, 20.0, 30.0, 40.0]
    first = read_atoms(out.with_suffix(".pdb"))
    for frame in frames:
        away = frame.positions - first.positions
        # XTC has 0.01 Å on either side, and what beads hardly tell moves by more than they do.
        assert np.ptp(away, axis=0).max() < 0.4


def test_processes_that_share_the_frames_make_the_same(herobm, ubiquitin: Path, swim) -> None:
    trajectory, _ = swim
    one, two = (trajectory.with_name(name) for name in ("one.xtc", "two.xtc"))
    alone = herobm("backmap", ubiquitin, "-f", trajectory, "-o", one)
    shared = herobm("backmap", ubiquitin, "-f", trajectory, "-o", two, "--jobs", 2)
    assert shared.code == 0, shared.err
    assert two.read_bytes() == one.read_bytes()
    assert two.with_suffix(".pdb").read_text() == one.with_suffix(".pdb").read_text()

    def told(text: str) -> list[str]:
        lines = re.sub(r"\([\d.]+ s\)", "", text).splitlines()
        return [line for line in lines if not line.startswith("atoms written")]

    assert told(shared.out) == told(alone.out)


def test_a_frame_that_fails_leaves_those_before_it(
    herobm, ubiquitin: Path, swim, monkeypatch: pytest.MonkeyPatch
) -> None:
    from herobm.post.minimise import minimise

    trajectory, _ = swim
    out = trajectory.with_name("aa.xtc")
    calls: list[int] = []

    def fails_at_last(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise MinimisationError("the energy is not finite", "Look at it.")
        return minimise(*given)

    monkeypatch.setattr("herobm.post.minimise.minimise", fails_at_last)
    flags = ("--post", "hydrogens,minimise", "--platform", "CPU", "-b", 1)
    result = herobm("backmap", ubiquitin, "-f", trajectory, "-o", out, *flags)
    assert result.code == 1
    assert result.out.startswith("2 frames of 166 beads")
    assert "error: frame 3: the energy is not finite\nhint: Look at it.\n" in result.err
    assert "The 2 frame(s) before it are written; --begin goes on" in result.err
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        assert [frame.time for frame in read] == [10.0, 20.0]


@pytest.mark.parametrize("replaces", [False, True])
def test_a_run_told_to_end_leaves_the_frames_that_are_done(
    herobm, ubiquitin: Path, swim, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    """But not in place of a file that was whole."""
    from herobm.assembly.rebuilder import run_chain

    trajectory, _ = swim
    out = trajectory.with_name("aa.xtc")
    if replaces:
        out.write_text("mine")
    calls: list[int] = []

    def told_to_end_at_last(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_chain(*given)

    monkeypatch.setattr("herobm.assembly.rebuilder.run_chain", told_to_end_at_last)
    flags = ("-b", 1, "--overwrite")
    result = herobm("backmap", ubiquitin, "-f", trajectory, "-o", out, *flags)
    assert result.code == 130
    assert not list(trajectory.parent.glob(".*"))
    if replaces:
        assert (out.read_text(), out.with_suffix(".pdb").exists()) == ("mine", False)
        return
    assert result.out.startswith("2 frames of 166 beads")
    assert "stopped at frame 3. The 2 frame(s) before it are written; --begin 3" in result.err
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        assert [frame.time for frame in read] == [10.0, 20.0]


def test_a_frame_with_other_atoms_ends_the_run(
    herobm, ubiquitin: Path, swim, monkeypatch: pytest.MonkeyPatch
) -> None:
    trajectory, _ = swim
    out = trajectory.with_name("aa.xtc")
    calls: list[int] = []

    def lose_one(atoms: Atoms, *_: object) -> tuple[Atoms, tuple[str, ...]]:
        calls.append(1)
        return atoms.subset(np.arange(len(atoms)) >= (len(calls) > 1)), ()

    monkeypatch.setattr("herobm.assembly.rebuilder.run_chain", lambda _, *a: lose_one(*a))
    result = herobm("backmap", ubiquitin, "-f", trajectory, "-o", out, "-j", 1)
    assert result.code == 1
    n_less = N_ATOMS - 1
    assert f"error: frame 1: it has {n_less} atoms, the first frame has {N_ATOMS}" in result.err
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        assert len(read) == 1


def test_nothing_is_written_where_the_first_frame_fails(
    herobm, ubiquitin: Path, swim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> NoReturn:
        raise MinimisationError("the energy is not finite")

    trajectory, _ = swim
    monkeypatch.setattr("herobm.post.minimise.minimise", fails)
    out = trajectory.with_name("aa.xtc")
    flags = ("--post", "hydrogens,minimise", "--platform", "CPU")
    result = herobm("backmap", ubiquitin, "-f", trajectory, "-o", out, *flags)
    assert (result.code, out.exists(), out.with_suffix(".pdb").exists()) == (1, False, False)
    assert "error: the energy is not finite" in result.err


def test_processes_have_nothing_to_share_without_frames(herobm, ubiquitin: Path) -> None:
    out = ubiquitin.with_name("out.pdb")
    result = herobm("backmap", ubiquitin, "-o", out, "-j", 2)
    assert result.code == 2
    assert "--jobs shares the frames of a trajectory" in result.err
    assert not out.exists()


def test_a_first_frame_that_pdb_cannot_hold_is_written_as_mmcif(
    herobm, segments: Path, swim
) -> None:
    trajectory, _ = swim
    out, beside = trajectory.with_name("aa.xtc"), trajectory.with_name("aa.cif")
    flags = ("-f", trajectory, "-o", out, "-e", 2, "--post", "none")
    beside.write_text("mine")
    refused = herobm("backmap", segments, *flags)
    assert refused.code == 1
    assert f"{beside}: there is such a file already" in refused.err
    assert (beside.read_text(), out.exists()) == ("mine", False)
    result = herobm("backmap", segments, *flags, "--overwrite")
    assert result.code == 0, result.err
    said = "the chain id 'PROA' is longer than one character; the first frame goes to"
    assert f"note: {beside.with_suffix('.pdb')}: {said} {beside}\n" in result.err
    assert f"atoms written to {out}, first frame to {beside}\n" in result.out
    assert not beside.with_suffix(".pdb").exists()
    assert set(read_atoms(beside).residues.chains) == {"PROA"}
    with open_trajectory(beside, out) as read:
        assert [len(frame.positions) for frame in read] == [N_ATOMS] * 2


def test_hydrogens_in_a_trajectory(herobm, ubiquitin: Path, swim) -> None:
    trajectory, _ = swim
    out = trajectory.with_name("aa.xtc")
    flags = ("-e", 2, "--post", "hydrogens")
    result = herobm("backmap", ubiquitin, "-f", trajectory, "-o", out, *flags)
    assert result.code == 0
    assert result.out.startswith("2 frames of 166 beads of 76 residues in 1 chain(s) -> 602 heavy")
    assert "\nfirst frame: hydrogens" in result.out
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        assert [len(frame.positions) > 2 * N_ATOMS for frame in read] == [True, True]


def test_some_frames(herobm, ubiquitin: Path, swim) -> None:
    trajectory, _ = swim
    out = trajectory.with_name("aa.dcd")
    chosen = ("-b", 1, "-e", 5, "--stride", 2)
    assert herobm("backmap", ubiquitin, "-f", trajectory, "-o", out, *chosen).code == 0
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        assert len(read) == 2
    none = herobm(
        "backmap", ubiquitin, "-f", trajectory, "-o", trajectory.with_name("o.xtc"), "-b", 5
    )
    assert none.code == 1
    assert "none of its 5 frames is chosen" in none.err


def test_a_damaged_frame_is_told_before_any_is_rebuilt(herobm, ubiquitin: Path, swim) -> None:
    trajectory, beads = swim
    bad = trajectory.with_name("bad.trr")
    with TrajectoryWriter(bad, len(beads)) as writer:
        for _ in range(3):
            writer.write(beads.positions, beads.box)
    bad.write_bytes(bad.read_bytes()[:-1000])
    before = sorted(trajectory.parent.iterdir())
    result = herobm("backmap", ubiquitin, "-f", bad, "-o", trajectory.with_name("out.xtc"))
    assert result.code == 1
    assert "frame 2 is cut short" in result.err
    assert "frames\n" not in result.err
    assert sorted(trajectory.parent.iterdir()) == before


@pytest.mark.parametrize("suffix", [".xtc", ".dcd"])
def test_frames_before_a_cut_are_rebuilt_by_end(herobm, ubiquitin: Path, swim, suffix: str) -> None:
    """As of a simulation that is still at work, or that ran out of disk."""
    trajectory, beads = swim
    cut, out = trajectory.with_name(f"cut{suffix}"), trajectory.with_name("out.xtc")
    with TrajectoryWriter(cut, len(beads)) as writer:
        for _ in range(3):
            writer.write(beads.positions, beads.box)
    cut.write_bytes(cut.read_bytes()[:-200])
    told = herobm("backmap", ubiquitin, "-f", cut, "-o", out)
    assert (told.code, out.exists()) == (1, False)
    assert "the file is cut short within frame 2" in told.err
    assert "--end 2 takes them alone" in told.err
    assert herobm("backmap", ubiquitin, "-f", cut, "-o", out, "--end", 2).code == 0
    with open_trajectory(out.with_suffix(".pdb"), out) as opened:
        assert len(opened) == 2


def test_neither_output_of_a_trajectory_replaces_a_file(herobm, ubiquitin: Path, swim) -> None:
    trajectory, _ = swim
    first, out = trajectory.with_name("aa.pdb"), trajectory.with_name("aa.xtc")
    first.write_text("mine")
    result = herobm("backmap", ubiquitin, "-f", trajectory, "-o", out)
    assert result.code == 1
    assert f"{first}: there is such a file already" in result.err
    assert (first.read_text(), out.exists()) == ("mine", False)


def test_the_result_never_replaces_the_structure(herobm, lines, put: Put, swim) -> None:
    path, (trajectory, _) = put("cg.pdb", lines), swim
    text = path.read_text()
    result = herobm(
        "backmap", path, "-f", trajectory, "-o", path.with_name("cg.dcd"), "--overwrite"
    )
    assert result.code == 1
    assert "would replace the file that is read" in result.err
    assert path.read_text() == text


@pytest.mark.parametrize(("signal_name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_signals_end_a_run_and_leave_what_is_done(
    ubiquitin: Path, tmp_path: Path, signal_name: str, code: int, jobs: str
) -> None:
    beads = read_beads(ubiquitin)
    with TrajectoryWriter(tmp_path / "cg.xtc", len(beads)) as writer:
        for _ in range(5000):
            writer.write(beads.positions)
    command = [sys.executable, "-m", "herobm", "backmap", str(ubiquitin), "-f", "cg.xtc"]
    with subprocess.Popen(
        [*command, "-o", "out.xtc", "--jobs", jobs],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # jobs ignore it
    ) as process:
        while process.poll() is None and not any(
            path.stat().st_size for path in tmp_path.glob(".herobm-*")
        ):
            time.sleep(0.05)  # until the first is written
        time.sleep(0.3)  # and the second one is at work
        process.send_signal(getattr(signal, signal_name))
    assert process.returncode == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cg.xtc", "out.pdb", "out.xtc"]
    with open_trajectory(tmp_path / "out.pdb", tmp_path / "out.xtc") as opened:
        assert 0 < len(opened) < 5000


def test_files_that_are_no_trajectories_here(herobm, ubiquitin: Path, swim) -> None:
    trajectory, _ = swim
    packed = trajectory.with_name("cg.xtc.gz")
    packed.write_bytes(gzip.compress(trajectory.read_bytes()))
    out = trajectory.with_name("aa.xtc")
    assert "Unpack it first" in herobm("backmap", ubiquitin, "-f", packed, "-o", out).err
    alone = herobm("backmap", trajectory, "-o", trajectory.with_name("aa.pdb"))
    assert f"error: {trajectory}: this is a trajectory" in alone.err
    assert f"-f {trajectory.name}" in alone.err
    assert not list(trajectory.parent.glob(".*"))  # which MDAnalysis leaves behind


def test_frames_of_another_order_are_refused(herobm, ubiquitin: Path, swim) -> None:
    trajectory, beads = swim
    other = trajectory.with_name("other.xtc")
    with TrajectoryWriter(other, len(beads)) as writer:
        writer.write(beads.positions[::-1], beads.box)
    code, _, err = herobm("backmap", ubiquitin, "-f", other, "-o", trajectory.with_name("aa.xtc"))
    assert code == 1
    assert f"error: {other}: frame 0: beads that lie together in the structure" in err


def test_frames_are_chosen_of_a_trajectory_only(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    outcome = herobm("backmap", ubiquitin, "-o", tmp_path / "atoms.pdb", "--begin", "5")
    assert outcome.code == 2
    assert "frames of a trajectory (-f)" in " ".join(outcome.err.split())
    assert not list(tmp_path.iterdir())
