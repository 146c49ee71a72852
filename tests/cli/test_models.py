"""``herobm models join``: several weights files to one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from herobm.cli.app import run
from herobm.errors import PluginError
from herobm.io import write_structure
from herobm.plugins import load_registry
from herobm.plugins.registry import FailedPlugin, PluginSource, Registry
from herobm.types import Atoms
from herobm.weights.expected import ErrorFit
from herobm.weights.file import load_weights, rewrite_errors, save_weights

Peptide = Callable[[str], Atoms]


@pytest.fixture
def shipped() -> Path:
    path = load_registry().model("martini3/protein").weights
    assert path is not None
    return path


@pytest.fixture
def another(shipped: Path, tmp_path: Path) -> Path:
    """Weights of the same mapping that differ a little."""
    weights = load_weights(shipped)
    tensors = {
        name: 1.01 * t if t.is_floating_point() else t
        for name, t in weights.network.state_dict().items()
    }
    save_weights(tmp_path / "another.safetensors", tensors, weights.header)
    return tmp_path / "another.safetensors"


def test_a_committee(
    shipped: Path, another: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joined = tmp_path / "joined.safetensors"
    assert run(["models", "join", str(shipped), str(another), "-o", str(joined)]) == 0
    assert "a committee of" in capsys.readouterr().out
    facts = []
    for path in (shipped, joined):
        assert run(["models", "info", str(path), "--json"]) == 0
        facts.append(json.loads(capsys.readouterr().out))
    assert facts[1]["networks"] == 2 * facts[0]["networks"]
    assert facts[1]["parameters"] == 2 * facts[0]["parameters"]
    before = joined.read_bytes()
    assert run(["models", "join", str(shipped), str(another), "-o", str(joined)]) != 0
    assert "--overwrite" in capsys.readouterr().err
    assert joined.read_bytes() == before


def test_a_committee_is_taken_apart(
    shipped: Path, another: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And put together again."""
    joined, again = tmp_path / "joined.safetensors", tmp_path / "again.safetensors"
    assert run(["models", "join", str(shipped), str(another), "-o", str(joined)]) == 0
    parts = tmp_path / "parts"
    split = ["models", "split", str(joined), "-o", str(parts)]
    assert run(split) == 0
    files = sorted(parts.iterdir())
    assert [path.name for path in files] == ["joined_1.safetensors", "joined_2.safetensors"]
    for path, whole in zip(files, (shipped, another), strict=True):
        alone, known = load_weights(path), load_weights(whole)
        assert alone.header.training == known.header.training
        wanted = known.network.state_dict()
        assert all(torch.equal(t, wanted[n]) for n, t in alone.network.state_dict().items())
    assert run(["models", "join", *map(str, files), "-o", str(again)]) == 0
    assert load_weights(again).header.training == load_weights(joined).header.training
    assert run(split) == 1
    assert "--overwrite" in capsys.readouterr().err
    mixed, apart = tmp_path / "mixed.safetensors", tmp_path / "apart"
    assert run(["models", "join", str(shipped), str(again), "-o", str(mixed)]) == 0
    assert run(["models", "split", str(mixed), "-o", str(apart)]) == 0
    for path in apart.iterdir():
        assert load_weights(path).header.training == load_weights(shipped).header.training
    assert run(["models", "split", str(mixed), "-o", str(files[0])]) == 1
    assert "this is a file" in capsys.readouterr().err
    assert run(["models", "split", str(shipped), "-o", str(parts)]) == 1
    assert "is no committee" in capsys.readouterr().err


def test_a_network_is_joined_once(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, joined = tmp_path / "copy.safetensors", tmp_path / "joined.safetensors"
    shutil.copy(shipped, copy)
    for second, told in ((shipped, "is named twice"), (copy, f"holds the same as {shipped}")):
        for verb in ("join", "average"):
            assert run(["models", verb, str(shipped), str(second), "-o", str(joined)]) == 1
            assert f"{second}: {told}" in capsys.readouterr().err
            assert not joined.exists()


def test_the_mean_of_a_network_and_one_that_is_calibrated_otherwise(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mean, other = tmp_path / "mean.safetensors", tmp_path / "other.safetensors"
    known = load_weights(shipped)
    rewrite_errors(other, known, ErrorFit())
    assert run(["models", "average", str(shipped), str(other), "-o", str(mean)]) == 0
    assert "the mean of 2 networks; what errors to expect is not told" in capsys.readouterr().out
    assert load_weights(mean).header.errors is None
    before, after = (load_weights(path).network.state_dict() for path in (shipped, mean))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert run(["models", "average", str(mean), "-o", str(tmp_path / "one.safetensors")]) != 0
    assert "two weights files" in capsys.readouterr().err


def test_weights_are_shrunk(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small.safetensors"
    assert run(["models", "shrink", str(shipped), "-o", str(small)]) == 0
    assert f"{small}: " in capsys.readouterr().out
    assert small.stat().st_size < 0.6 * shipped.stat().st_size
    one, other = load_weights(shipped), load_weights(small)
    assert other.header == one.header.model_copy(update={"bits": 8})
    before, after = (w.network.state_dict() for w in (one, other))
    for name, tensor in before.items():
        largest = tensor.abs().amax().item() if tensor.numel() else 0.0
        assert (after[name] - tensor).abs().amax().item() <= 0.005 * largest + 1e-6
    assert run(["models", "shrink", str(shipped), "-o", str(small)]) == 1
    assert "such a file already" in capsys.readouterr().err


def test_one_file_is_no_committee(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "join", str(shipped), "-o", str(tmp_path / "x.safetensors")]) != 0
    assert "two weights files" in capsys.readouterr().err


def test_expected_errors_are_made_those_found(
    shipped: Path, tmp_path: Path, peptide: Peptide, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, structure = tmp_path / "copy.safetensors", tmp_path / "peptide.pdb"
    shutil.copy(shipped, weights)
    write_structure(structure, peptide("AELKQF"))
    before = load_weights(weights).header
    assert run(["models", "calibrate", str(weights), str(structure)]) == 0
    assert "bead noise of 0 to 0.45 Å" in capsys.readouterr().out
    after = load_weights(weights).header
    assert after.errors != before.errors
    assert after.training == before.training
    assert after.vocabulary == before.vocabulary
    assert run(["models", "calibrate", str(weights), str(structure)]) == 0
    again = load_weights(weights).header.errors  # whatever stood there before plays no part
    assert again == after.errors


def test_calibration_without_atoms(
    shipped: Path,
    peptide: Callable[[str], Atoms],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights, water = tmp_path / "copy.safetensors", tmp_path / "water.pdb"
    shutil.copy(shipped, weights)
    water.write_text("HETATM    1  O   HOH A   1       0.000   0.000   0.000\n")
    known = weights.read_bytes()
    assert run(["models", "calibrate", str(weights), str(water)]) == 1
    assert "water.pdb" in capsys.readouterr().err
    assert weights.read_bytes() == known
    structure = tmp_path / "peptide.pdb"
    write_structure(structure, peptide("MAGPSHFWVD"))
    assert run(["models", "calibrate", str(weights), str(water), str(structure)]) == 0
    assert "left out" in capsys.readouterr().err
    assert weights.read_bytes() != known


@pytest.mark.parametrize("verb", ["join", "average"])
def test_weights_are_not_made_in_place_of_their_parts(
    verb: str, shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.safetensors"
    shutil.copy(shipped, mine)
    before = mine.read_bytes()
    assert run(["models", verb, str(mine), str(shipped), "-o", str(mine), "--overwrite"]) == 1
    assert "would replace the file that is read" in capsys.readouterr().err
    assert mine.read_bytes() == before
    assert run(["models", verb, str(mine), str(shipped), "-o", str(tmp_path / "a.txt")]) == 1
    assert "end in .safetensors" in capsys.readouterr().err


def test_committees_are_not_averaged(
    shipped: Path, another: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two, mean = tmp_path / "two.safetensors", tmp_path / "mean.safetensors"
    assert run(["models", "join", str(shipped), str(another), "-o", str(two)]) == 0
    assert run(["models", "average", str(two), str(shipped), "-o", str(mean)]) == 1
    assert "two.safetensors: is a committee of 2 networks" in capsys.readouterr().err
    assert not mean.exists()


def test_all_residues_that_weights_know_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "info", "martini3/protein", "--json"]) == 0
    assert {"ASP", "ASH", "HIS", "HID"} <= set(json.loads(capsys.readouterr().out)["residues"])


def test_a_plug_in_that_is_set_aside_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = FailedPlugin(PluginSource("broken", "broken"), PluginError("it is broken"))
    registry = Registry(load_registry().plugins, [failed])
    monkeypatch.setattr("herobm.plugins.manager.load_registry", lambda **_: registry)
    assert run(["models", "info", "martini3/protein"]) == 0
    assert capsys.readouterr().err.count("'broken' is set aside") == 1


def test_calibration_that_cannot_be_written(
    shipped: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found before the work is done, and nothing beside the weights is touched."""
    mine = tmp_path / "mine.safetensors"
    shutil.copy(shipped, mine)
    beside = tmp_path / "mine.safetensors.part"
    beside.write_text("precious")
    monkeypatch.setattr(os, "access", lambda _path, mode, **_more: mode != os.W_OK)
    assert run(["models", "calibrate", str(mine), str(tmp_path)]) == 1
    assert "read-only" in capsys.readouterr().err
    assert beside.read_text() == "precious"
