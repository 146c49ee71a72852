"""``herobm backmap --samples``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from herobm.errors import MinimisationError
from herobm.io import open_trajectory, read_atoms
from herobm.plugins.step_context import StepContext
from herobm.types import Atoms


@pytest.fixture
def short(lines, put) -> Path:
    """Ten residues of ubiquitin."""
    return put("short.pdb", [line for line in lines if int(line[22:26]) <= 10])


def test_models_and_frames_hold_the_same(herobm, short: Path, tmp_path: Path) -> None:
    flags = ("--samples", 3, "--seed", 4, "--post", "none")
    code, out, _ = herobm("backmap", short, "-o", tmp_path / "a.pdb", *flags)
    assert code == 0
    assert out.startswith("3 samples of 22 beads of 10 residues in 1 chain(s) -> ")
    assert "\nvalid samples     3 of 3 (" in out
    assert "\ndiversity         0." in out
    text = (tmp_path / "a.pdb").read_text()
    models = text.split("MODEL ")[1:]
    assert [model.split()[0] for model in models] == ["1", "2", "3"]
    assert text.count("\nENDMDL") == 3
    assert len(set(models)) == 3
    assert herobm("backmap", short, "-o", tmp_path / "b.xtc", *flags).code == 0
    with open_trajectory(tmp_path / "b.pdb", tmp_path / "b.xtc") as frames:
        last = [frame.positions for frame in frames][2]
    lines = [line for line in models[2].splitlines() if line.startswith("ATOM")]
    written = [[float(line[i : i + 8]) for i in (30, 38, 46)] for line in lines]
    assert np.abs(last - np.array(written)).max() < 0.01
    first, beside = read_atoms(tmp_path / "a.pdb"), read_atoms(tmp_path / "b.pdb")
    assert np.array_equal(first.positions, beside.positions)


def test_one_sample_has_no_diversity(herobm, short: Path, tmp_path: Path) -> None:
    flags = ("--samples", 1, "--post", "none")
    code, out, _ = herobm("backmap", short, "-o", tmp_path / "a.pdb.gz", *flags)
    assert code == 0
    assert out.startswith("1 sample of ")
    assert "diversity" not in out


def test_samples_that_pdb_cannot_hold(herobm, lines, put) -> None:
    named = [f"{line[:21]} {line[22:72]:50}PROA" for line in lines if int(line[22:26]) <= 10]
    path = put("proa.pdb", named)
    flags = ("--samples", 2, "--post", "none")
    refused = herobm("backmap", path, "-o", path.with_name("a.pdb"), *flags)
    assert refused.code == 1
    assert "the chain id 'PROA' is longer than one character" in refused.err
    assert ".xtc" in refused.err.partition("hint:")[2]
    out, beside = path.with_name("a.xtc"), path.with_name("a.cif")
    result = herobm("backmap", path, "-o", out, *flags)
    assert result.code == 0, result.err
    assert f"the first sample goes to {beside}" in result.err
    assert f"first sample to {beside}\n" in result.out
    with open_trajectory(beside, out) as frames:
        assert len(frames) == 2


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("-o", "a.gro"), "several structures go into no file of this format"),
        (("-o", "a.xtc", "-f", "t.xtc"), "not of a trajectory"),
        (("-o", "a.xtc", "-j", "2"), "nothing else is shared here, samples neither"),
    ],
)
def test_what_samples_cannot_be(herobm, short: Path, flags, said: str) -> None:
    flags = [short.with_name(f) if f.startswith("a.") else f for f in flags]
    code, _, err = herobm("backmap", short, "--samples", 2, *flags)
    assert code in (1, 2)
    assert said in " ".join(err.split())


@pytest.mark.parametrize("extension", ["pdb", "xtc"])
def test_samples_drawn_before_one_fails_are_kept(
    herobm, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    calls: list[int] = []

    def fails_third(atoms: Atoms, context: StepContext) -> Atoms:
        calls.append(len(atoms))
        if len(calls) == 3:
            raise MinimisationError("it exploded", "Leave it out.")
        return atoms

    monkeypatch.setattr("herobm.post.backbone.run", fails_third)
    out = tmp_path / f"a.{extension}"
    code, said, err = herobm("backmap", short, "-o", out, "--samples", 5, "--post", "backbone")
    assert code == 1
    assert "sample 3 of 5: it exploded" in err
    assert "hint: Leave it out." in err
    assert "2 of 2 (" in said
    assert f"atoms written to {out}" in said
    if extension == "pdb":
        assert out.read_text().count("\nENDMDL") == 2
    else:
        with open_trajectory(out.with_suffix(".pdb"), out) as frames:
            assert len(frames) == 2
