"""From structure files to weights that rebuild: ``data build``, ``train``, ``backmap``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from herobm.cli.app import run
from herobm.io import read_atoms, write_structure
from herobm.types import Atoms

CONFIG = """\
train: peptides.safetensors
valid: valid.safetensors
output: run
model: {n_channels: 4, l_max: 1, n_radial: 4, hidden: 16, readout: 8, n_blocks: 1}
epochs: 2
segment: 4
batch: 2
"""


@pytest.fixture
def config(
    peptide: Callable[[str], Atoms], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Path:
    folder = tmp_path / "structures"
    folder.mkdir()
    for name, sequence in {"one": "ACDEFGHI", "two": "RQPNMDRE"}.items():
        write_structure(folder / f"{name}.pdb", peptide(sequence))
    dataset = tmp_path / "peptides.safetensors"
    assert run(["data", "build", str(folder), "--mapping", "martini3", "-o", str(dataset)]) == 0
    assert "2 structures, 16 residues" in capfd.readouterr().out
    apart = tmp_path / "apart"
    apart.mkdir()
    write_structure(apart / "three.pdb", peptide("KLSTVWYG"))
    valid = tmp_path / "valid.safetensors"
    assert run(["data", "build", str(apart), "--mapping", "martini3", "-o", str(valid)]) == 0
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG)
    return path


def test_structures_become_weights_that_rebuild(
    config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(config), "--device", "cpu"]) == 0
    weights = tmp_path / "run" / "weights.safetensors"
    assert str(weights) in capfd.readouterr().out
    beads, atoms = tmp_path / "beads.pdb", tmp_path / "atoms.pdb"
    one = tmp_path / "structures" / "one.pdb"
    assert run(["coarsen", str(one), "--mapping", "martini3", "-o", str(beads)]) == 0
    assert run(["backmap", str(beads), "-o", str(atoms), "--model", str(weights)]) == 0
    rebuilt, original = read_atoms(atoms), read_atoms(one)
    assert sorted(rebuilt.names.tolist()) == sorted(original.names.tolist())


def test_a_run_stops_at_its_time_and_goes_on(
    config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(config), "--device", "cpu", "--max-time", "0"]) == 0
    assert "time is up; go on with" in capfd.readouterr().out
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    assert run(["train", str(config), "--device", "cpu"]) == 0
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_a_dataset_is_not_overwritten_unasked(
    config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = tmp_path / "peptides.safetensors"
    before = dataset.read_bytes()
    folder = str(tmp_path / "structures")
    assert run(["data", "build", folder, "--mapping", "martini3", "-o", str(dataset)]) == 1
    assert "--overwrite" in capfd.readouterr().err
    assert dataset.read_bytes() == before


def test_a_coarse_grained_file_is_left_out_by_name(
    config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one, beads = tmp_path / "structures" / "one.pdb", tmp_path / "structures" / "beads.pdb"
    assert run(["coarsen", str(one), "--mapping", "martini3", "-o", str(beads)]) == 0
    output = tmp_path / "again.safetensors"
    assert run(["data", "build", str(beads.parent), "-o", str(output)]) == 0
    captured = capfd.readouterr()
    assert "2 structures, 16 residues" in captured.out
    assert "1 files left out" in captured.out
    assert f"left out: {beads}: none of its residues has the atoms" in captured.err


def test_a_folder_without_structures_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.safetensors"
    assert run(["data", "build", str(tmp_path), "-o", str(output)]) == 1
    assert str(tmp_path) in capfd.readouterr().err
    assert not output.exists()


def test_beads_of_a_simulation_against_those_trained_on(
    config: Path, ubiquitin: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset, output = tmp_path / "peptides.safetensors", tmp_path / "statistics.json"
    command = ["data", "statistics", str(ubiquitin), "-o", str(output)]
    assert run([*command, "--against", str(dataset)]) == 0
    assert "all bead types together" in capfd.readouterr().out
    found = json.loads(output.read_text())
    assert (found["mapping"], found["frames"]) == ("martini3/protein", 1)
    (alanine,) = [k for k in found["kinds"] if (k["residue"], k["place"]) == ("ALA", "SC1")]
    assert alanine["n"] == 2
    assert alanine["training"]["n"] == 1
    assert run([*command, "--overwrite"]) == 0
    assert all("shift" not in kind for kind in json.loads(output.read_text())["kinds"])


def test_a_trajectory_needs_its_structure(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "statistics", "frames.xtc", "-o", str(tmp_path / "statistics.json")]
    assert run(command) == 1
    assert "stands behind the structure that names its particles" in capfd.readouterr().err


def test_frames_are_not_chosen_where_there_are_none(
    ubiquitin: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "statistics.json"
    assert run(["data", "statistics", str(ubiquitin), "-o", str(output), "--stride", "7"]) == 2
    assert "--stride chooses frames of a trajectory" in capfd.readouterr().err
    assert not output.exists()
