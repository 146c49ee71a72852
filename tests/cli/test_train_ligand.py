"""From the mapping of a molecule to weights that rebuild it: ``herobm train --ligand``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.assembly.calibration import calibrate
from herobm.chem.conformers.langevin import Sampling, sample_ensemble
from herobm.cli.app import run
from herobm.dsl import load_set
from herobm.io import TrajectoryWriter, read_atoms, write_structure
from herobm.plan import compile_library
from herobm.plan.context import SAME
from herobm.train.snapshots import Snapshots, split
from herobm.types import Atoms, Beads, Residues
from herobm.weights.file import load_weights

PLUGIN = Path(__file__).resolve().parents[2] / "plugins/custom_ligand"
MAP = PLUGIN / "src/herobm_custom_ligand/maps/cff.map"
PDB = PLUGIN / "tests/caffeine.pdb"
TINY = ["--snapshots", "40", "--conformers", "10", "--steps", "1"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ligand") / "cff.safetensors"
    assert run(["train", "--ligand", str(MAP), "-o", str(path), *TINY]) == 0
    return path


def two_molecules(folder: Path) -> Path:
    """Beads of caffeine, and of another one beside it."""
    one = folder / "one.pdb"
    assert run(["coarsen", str(PDB), "--mapping", str(MAP), "-o", str(one)]) == 0
    beads = read_atoms(one)
    names = np.array(["CFF", "CFF"])
    residues = Residues(names, np.array([1, 2]), np.array(["", ""]), np.array(["A", "B"]))
    both = Beads(
        np.concatenate([beads.positions, beads.positions + np.array([0.0, 0.0, 4.0])]),
        np.tile(beads.names, 2),
        np.repeat([0, 1], len(beads)),
        residues,
    )
    write_structure(folder / "two.pdb", both)
    return folder / "two.pdb"


def test_weights_rebuild_the_molecule_whoever_is_beside_it(weights: Path, tmp_path: Path) -> None:
    two, one = two_molecules(tmp_path), tmp_path / "one.pdb"
    for beads in (one, two):
        arguments = ["backmap", str(beads), "--mapping", str(MAP), "--model", str(weights)]
        output = tmp_path / f"{beads.stem}_atoms.pdb"
        assert run([*arguments, "-o", str(output), "--post", "none"]) == 0
    alone, both = (read_atoms(tmp_path / f"{name}_atoms.pdb") for name in ("one", "two"))
    assert (len(alone), len(both)) == (14, 28)
    assert np.allclose(both.positions[:14], alone.positions, atol=2e-3)


def test_the_header_tells_where_weights_come_from(weights: Path) -> None:
    loaded = load_weights(weights)
    assert loaded.header.mapping == "cff"
    assert [entry.residue for entry in loaded.header.vocabulary.entries] == ["CFF"]
    ligand = loaded.header.training["ligand"]
    assert ligand["forcefield"] == "MMFF94"
    assert (ligand["temperature"], ligand["n_frames"], ligand["seed"]) == (300.0, 40, 0)
    relation = loaded.network.state_dict()["density.relation.weight"]
    assert relation[SAME].abs().sum() > 0
    assert sum(relation[i].abs().sum() for i in range(len(relation)) if i != SAME) == 0


def test_errors_are_expected_of_both_networks_together(weights: Path, tmp_path: Path) -> None:
    mappings = load_set([MAP], "cff")
    found = sample_ensemble(mappings.mappings[0], Sampling(n_frames=40, n_starts=10))
    parts = split(Snapshots(found.atoms, found.positions, found.start), (0.8, 0.1, 0.1), "sampling")
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    calibrate(copy, compile_library(mappings), parts.valid.structures())
    known, again = (load_weights(path).header.errors for path in (weights, copy))
    assert known == pytest.approx(again, abs=1e-2)


def test_weights_of_a_mapping_of_ones_own_are_calibrated(
    weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    arguments = ["models", "calibrate", str(copy), str(PDB)]
    assert run(arguments) == 1
    assert "'cff' not found" in capfd.readouterr().err
    assert run([*arguments, "--mapping", "martini3"]) == 1
    assert "knows nothing of mapping 'martini3/protein'" in capfd.readouterr().err
    assert copy.read_bytes() == weights.read_bytes()
    assert run([*arguments, "--mapping", str(MAP)]) == 0
    assert load_weights(copy).header.errors != load_weights(weights).header.errors


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """30 frames of caffeine that shakes, in a box."""
    atoms = read_atoms(PDB)
    rng = np.random.default_rng(0)
    box = np.array([40.0, 40.0, 40.0, 90.0, 90.0, 90.0])
    path = tmp_path / "frames.xtc"
    with TrajectoryWriter(path, len(atoms)) as writer:
        for time in range(30):
            writer.write(atoms.positions + rng.normal(0, 0.02, atoms.positions.shape), box, time)
    return path


def test_frames_of_a_simulation_are_learnt_and_measured(
    weights: Path, frames: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "md.safetensors"
    arguments = ["train", "--ligand", str(MAP), "-o", str(output), "--steps", "1"]
    arguments += ["--structure", str(PDB), "--trajectory", str(frames), "--split", "15,5,10"]
    assert run(arguments) == 0
    text = capfd.readouterr().out
    assert "10 structures, 10 residues (10 of them whole)" in text
    assert f"--mapping {MAP} --model {output}" in text
    figures = tmp_path / "figures.json"
    arguments = ["evaluate", str(PDB), "-f", str(frames), "--mapping", str(MAP)]
    arguments += ["--model", str(output), "--json", str(figures), "--stride", "3", "--limit", "5"]
    assert run(arguments) == 0
    found = json.loads(figures.read_text())
    assert [s["name"] for s in found["structures"]] == [f"frame {i}" for i in (0, 6, 12, 18, 24)]
    assert found["metrics"]["rmsd_all"]["mean"] < 2.0
    assert found["metrics"]["chirality_errors"]["total"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "name a configuration, or a mapping file"),
        (["train", "c.yaml", "--snapshots", "50"], "--snapshots goes with --ligand"),
        (["train", "c.yaml", "--selection", "protein"], "--selection goes with --ligand"),
        (["train", "c.yaml", "--threads", "5000"], "less than or equal to 1024"),
        (["train", "--ligand", str(MAP), "--device", "cuda"], "trained on the CPU"),
        (["train", "--ligand", str(MAP), "--selection", "all"], "--selection needs --structure"),
        (["train", "--ligand", str(MAP), "--max-time", "1"], "--max-time goes with"),
        (["train", "--ligand", str(MAP), "--trajectory", "x.xtc"], "--trajectory needs"),
        (["train", "--ligand", str(MAP), "--split", "1,2"], "three positive numbers"),
        (["train", "--ligand", str(MAP), "--split", "inf,1,1"], "three positive numbers"),
        (
            ["train", "--ligand", str(MAP), "--structure", str(PDB), "--temperature", "9"],
            "--temperature is for sampling",
        ),
        (["evaluate", str(PDB), "--model", "x", "--stride", "2"], "of a trajectory"),
        (["evaluate", str(PLUGIN), "--model", "x", "-f", "x.xtc"], "one structure file"),
    ],
)
def test_options_that_contradict_are_refused(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) != 0
    assert message in " ".join(capfd.readouterr().err.split())


def test_weights_are_not_overwritten_unasked(
    weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = weights.read_bytes()
    assert run(["train", "--ligand", str(MAP), "-o", str(weights), *TINY]) == 1
    assert "--overwrite" in capfd.readouterr().err
    assert weights.read_bytes() == before


@pytest.mark.slow
def test_a_molecule_is_learnt_from_its_mapping_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output, atoms = tmp_path / "cff.safetensors", read_atoms(PDB)
    arguments = ["train", "--ligand", str(MAP), "-o", str(output), "--steps", "1500"]
    assert run([*arguments, "--snapshots", "1000"]) == 0
    structure, figures = tmp_path / "other.pdb", tmp_path / "figures.json"
    write_structure(structure, replace(atoms, positions=atoms.positions[:, [1, 2, 0]] + 7.0))
    arguments = ["evaluate", str(structure), "--mapping", str(MAP), "--model", str(output)]
    assert run([*arguments, "--json", str(figures)]) == 0
    assert json.loads(figures.read_text())["metrics"]["rmsd_all"]["mean"] < 0.15


LACTIC_ACID = """
molecule: LIG

atoms:
  C1: B1 P2AA
  C2: B1 P1A
  O3: B1 P2AB
  C4: B2 P1A
  O5: B2 P2AA
  O6: B2 P2AB

bonds:
  C1-C2, C2-O3, C2-C4, C4=O5, C4-O6

stereo:
  C2: S
"""
ONE_HAND = """
   1.404  0.044 -0.537    0.252 -0.595  0.294    0.442 -0.120  1.626
  -1.019 -0.112 -0.260   -1.395 -0.424 -1.397   -1.823  0.778  0.523
"""


@pytest.mark.parametrize(("hand", "wrong"), [(1.0, True), (-1.0, False)])
def test_snapshots_of_the_other_hand_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], hand: float, wrong: bool
) -> None:
    mapping = tmp_path / "lac.map"
    mapping.write_text(LACTIC_ACID)
    places = np.array(ONE_HAND.split(), float).reshape(-1, 3) * [1.0, 1.0, hand]
    names = np.array("C1 C2 O3 C4 O5 O6".split())
    residues = Residues(np.array(["LIG"]), np.array([1]), np.array([""]), np.array(["A"]))
    one = Atoms(places, names, np.zeros(6, np.int64), residues)
    write_structure(tmp_path / "lac.pdb", one)
    rng = np.random.default_rng(0)
    with TrajectoryWriter(tmp_path / "lac.xtc", 6) as writer:
        for time in range(24):
            writer.write(places + rng.normal(0, 0.02, places.shape), None, time)
    arguments = ["train", "--ligand", str(mapping), "-o", str(tmp_path / "lac.safetensors")]
    arguments += ["--structure", str(tmp_path / "lac.pdb"), "--steps", "1"]
    arguments += ["--trajectory", str(tmp_path / "lac.xtc")]
    assert run(arguments) == (1 if wrong else 0)
    told = "snapshots C2 have the other hand (or side)" in capfd.readouterr().err
    assert told == wrong
