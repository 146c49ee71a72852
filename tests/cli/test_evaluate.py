"""``herobm evaluate`` on a small peptide with a network that was never trained."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from herobm.cli.app import run
from herobm.evaluation.metrics import ASKED, METRICS
from herobm.io import read_atoms, write_structure
from herobm.nn.config import ModelConfig
from herobm.nn.model import Backmapper
from herobm.plan import Library
from herobm.types import Atoms
from herobm.weights.file import Header, save_weights
from herobm.weights.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
MAPS = ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein"


@pytest.fixture
def weights(martini3: Library, tmp_path: Path) -> Path:
    config = ModelConfig(n_channels=4, hidden=8, n_blocks=1, readout=8)
    vocabulary = Vocabulary.of(martini3)
    torch.manual_seed(0)
    network = Backmapper(config, vocabulary.n_types, vocabulary.n_slots)
    header = Header(model=config, mapping="protein", mapping_digest="", vocabulary=vocabulary)
    path = tmp_path / "fresh.safetensors"
    save_weights(path, network.state_dict(), header)
    return path


@pytest.fixture
def folder(peptide: Callable[[str], Atoms], tmp_path: Path) -> Path:
    inside = tmp_path / "structures"
    inside.mkdir()
    write_structure(inside / "one.pdb", peptide("AVDKF"))
    write_structure(inside / "two.cif", peptide("CMRW"))
    (inside / "torn.pdb").write_text("no structure\n")
    return inside


def test_a_folder_is_measured_and_a_torn_file_left_out(
    folder: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "all.json", tmp_path / "all.csv"
    arguments = ["evaluate", str(folder), "--model", str(weights), "--mapping", str(MAPS)]
    arguments += ["--json", str(outputs[0]), "--csv", str(outputs[1]), "--device", "cpu"]
    assert run(arguments) == 0
    out, err = capfd.readouterr()
    assert "2 structures, 9 residues (9 of them whole), noise 0 Å" in out
    assert "1 file left out" in out
    missing = {key for key, metric in METRICS.items() if metric.words not in out}
    assert missing == {"bond_outliers", *ASKED}
    assert "warning: left out:" in err
    assert "torn.pdb" in err
    found = json.loads(outputs[0].read_text())
    assert [s["name"] for s in found["structures"]] == ["one.pdb", "two.cif"]
    assert found["metrics"]["rmsd_all"]["n"] == 2
    assert [s["name"] for s in found["set_aside"]] == ["torn.pdb"]
    assert found["structures"][0]["bond_outliers"] is None  # the weights know no bonds
    with outputs[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["name"] for r in rows] == ["one.pdb", "two.cif"]
    assert float(rows[0]["rmsd_all"]) == found["structures"][0]["rmsd_all"]

    assert run([*arguments, "--overwrite", "--clashscore"]) == 0
    assert METRICS["clashscore"].words in capfd.readouterr().out
    measured = json.loads(outputs[0].read_text())["metrics"]
    assert measured["clashscore"]["mean"] > measured["clashscore_reference"]["mean"] >= 0.0

    assert run(arguments) == 1  # nothing is written over unasked
    assert "--overwrite" in capfd.readouterr().err


def test_nothing_to_measure_is_an_error(
    folder: Path, weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    torn = str(folder / "torn.pdb")
    assert run(["evaluate", torn, "--model", str(weights), "--mapping", str(MAPS)]) == 1
    assert "none of the structures could be measured" in capfd.readouterr().err


def test_residues_that_lack_atoms_are_nothing_to_measure(
    tmp_path: Path,
    weights: Path,
    peptide: Callable[[str], Atoms],
    capfd: pytest.CaptureFixture[str],
) -> None:
    whole = peptide("AGS")
    lacking = whole.subset(~np.isin(whole.names, ["O", "OXT"]))
    write_structure(tmp_path / "lacking.pdb", lacking)
    arguments = ["evaluate", str(tmp_path / "lacking.pdb"), "--model", str(weights)]
    assert run([*arguments, "--mapping", str(MAPS)]) == 1
    assert "no residue has all the heavy atoms" in capfd.readouterr().err


def test_steps_are_measured_too(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for post in ("none", "consistency", "default"):
        path = tmp_path / f"{post}.json"
        arguments = ["evaluate", str(folder), "--model", "martini3/protein"]
        assert run([*arguments, "--post", post, "--json", str(path), "--device", "cpu"]) == 0
        found[post] = json.loads(path.read_text())
    assert [found[post]["post"] for post in found] == [
        [],
        ["consistency"],
        ["backbone", "consistency"],
    ]
    errors = [found[post]["metrics"]["remap_error"]["mean"] for post in ("none", "consistency")]
    assert errors[1] < errors[0]
    assert run([*arguments, "--post", "wonder", "--device", "cpu"]) == 1
    assert "'wonder' not found" in capfd.readouterr().err


def test_a_result_replaces_no_structure(
    folder: Path, weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = folder / "one.pdb"
    before = one.read_bytes()
    arguments = ["evaluate", str(folder), "--model", str(weights), "--mapping", str(MAPS)]
    assert run([*arguments, "--json", str(one), "--overwrite"]) == 1
    assert "one.pdb: the result would replace the file that is read" in capfd.readouterr().err
    assert one.read_bytes() == before
    both = folder / "both.json"
    assert run([*arguments, "--json", str(both), "--csv", str(both)]) == 1
    assert "two results would go there" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("model", "mapping", "message"),
    [
        ("martini3", "ca_only/ca", "rebuilds nothing of mapping 'ca_only/ca'"),
        ("custom_ligand/conformers", None, "name one (--mapping)"),
    ],
)
def test_a_model_of_another_mapping(
    folder: Path,
    model: str,
    mapping: str | None,
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    named = [] if mapping is None else ["--mapping", mapping]
    assert run(["evaluate", str(folder), "--model", model, *named]) != 0
    assert message in capfd.readouterr().err


def test_residues_under_other_names(
    folder: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A name of a force field that the mapping does not list."""
    other = tmp_path / "other.pdb"
    other.write_text((folder / "one.pdb").read_text().replace("ASP", "XAS"))
    arguments = ["evaluate", str(other), "--model", str(weights), "--mapping", str(MAPS)]
    assert run(arguments) == 0
    assert "1 structures, 4 residues" in capfd.readouterr().out
    assert run([*arguments, "--rename", "XAS=ASP"]) == 0
    assert "1 structures, 5 residues (5 of them whole)" in capfd.readouterr().out


@pytest.mark.parametrize("noise", ["inf", "1e308", "nan", "-1"])
def test_noise_is_a_number_that_makes_sense(
    folder: Path, weights: Path, noise: str, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(folder), "--model", str(weights), "--noise", noise]
    assert run(arguments) == 2
    assert "Invalid value for '--noise'" in capfd.readouterr().err


def test_processes_that_share_the_structures_find_the_same(
    folder: Path,
    weights: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("herobm"), "handlers", [])  # of commands before
    given = read_atoms(folder / "one.pdb")
    write_structure(folder / "torn_off.pdb", given.subset(np.arange(len(given)) < 1))
    found = []
    for jobs in ("1", "2"):
        path = tmp_path / f"{jobs}.json"
        arguments = ["evaluate", str(folder), "--model", str(weights), "--mapping", str(MAPS)]
        arguments += ["--noise", "0.1", "--jobs", jobs, "--json", str(path), "--device", "cpu"]
        assert run(arguments) == 0
        figures = json.loads(path.read_text())
        assert figures.pop("jobs") == int(jobs)
        for part in (figures, *figures["structures"]):
            part.pop("seconds")
        told = capfd.readouterr()
        assert ("in each of 2 processes)" in told.out) == (jobs == "2")
        found.append((figures, told.err))
    assert found[0] == found[1]
    assert [s["name"] for s in found[0][0]["structures"]] == ["one.pdb", "two.cif"]
    assert {s["name"] for s in found[0][0]["set_aside"]} == {"torn.pdb", "torn_off.pdb"}
