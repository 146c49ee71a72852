"""What the network expects of its own error reaches the atoms and the summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import herobm
from herobm.assembly.confidence import Confidence
from herobm.assembly.outcome import Result
from herobm.chem.naming import best_names, find_naming
from herobm.pipeline import prepare
from herobm.plugins import load_registry
from herobm.types import Beads
from herobm.weights.file import load_weights, save_weights

UBIQUITIN = Path(__file__).resolve().parents[2] / "examples" / "1ubq" / "cg.pdb"


@pytest.fixture(scope="module")
def beads() -> Beads:
    return herobm.read_beads(UBIQUITIN)


@pytest.fixture(scope="module")
def result(beads: Beads) -> Result:
    return herobm.backmap(beads, post="none")


def test_the_error_is_in_the_b_factors(result: Result, tmp_path: Path) -> None:
    error = result.confidence.error
    assert error.shape == (76,)
    assert 0.0 < error.min() < error.max() < 2.0
    assert result.atoms.bfactors is not None
    assert np.allclose(result.atoms.bfactors, error[result.atoms.residue_index])
    result.write(tmp_path / "atoms.pdb")
    back = herobm.read_atoms(tmp_path / "atoms.pdb")
    assert back.bfactors is not None
    assert np.abs(back.bfactors - result.atoms.bfactors).max() < 0.006


def test_the_summary_says_it(result: Result) -> None:
    assert "expected error" in str(result.summary)
    assert "unlike training" not in str(result.summary)


def test_stray_beads_are_seen(beads: Beads, result: Result) -> None:
    noise = np.random.default_rng(0).normal(0.0, 1.0, beads.positions.shape)
    shaken = herobm.backmap(replace(beads, positions=beads.positions + noise), post="none")
    assert "unlike training" in str(shaken.summary)
    assert np.median(shaken.confidence.strain) > 0.5 > np.median(result.confidence.strain)
    assert np.median(shaken.confidence.error) > np.median(result.confidence.error)


def test_one_bead_that_lies_elsewhere_is_named(beads: Beads) -> None:
    """Its neighbours are where they should be, and so the strain around it is hardly more."""
    moved = beads.positions.copy()
    index = int(np.flatnonzero((beads.names == "BB") & (beads.residue_index == 40))[0])
    moved[index] += [2.0, 0.0, 0.0]
    found = herobm.backmap(replace(beads, positions=moved), post="none")
    assert found.confidence.strain.max() < 0.5
    assert set(np.flatnonzero(found.confidence.unlike)) <= {38, 39, 40, 41, 42}
    assert found.confidence.unlike[40]
    assert f"unlike training   {found.confidence.n_strained} of 76 residues" in str(found.summary)
    assert "GLN 41 of chain A" in str(found.summary).split("unlike training")[1]


def test_many_that_stray_are_counted(result: Result) -> None:
    n = 76
    strain = np.linspace(0.0, 1.0, n)
    told = Confidence(np.ones(n), strain, np.zeros(n)).lines(result.atoms.residues)
    assert told[-1].strip() == (
        "GLY 76 of chain A, GLY 75 of chain A, ARG 74 of chain A, LEU 73 of chain A, "
        "ARG 72 of chain A and 33 more"
    )


def test_residues_that_no_model_knows_are_not_unlike(result: Result) -> None:
    error, strain = np.array([0.5, np.nan, 0.2]), np.array([0.1, np.nan, 0.6])
    found = Confidence(error, strain, np.array([1.2, np.nan, 0.0]))
    assert found.unlike.tolist() == [True, False, True]
    assert found.lines(result.atoms.residues)[-1].strip() == ("MET 1 of chain A, ILE 3 of chain A")


def test_samples_are_farther_off_than_the_own_answer(beads: Beads) -> None:
    prepared = prepare(beads, post="none")
    placed = prepared.topology.beads
    own, (sample,) = prepared.result(placed), prepared.samples(placed, 1)
    naming = find_naming(prepared.topology.plan, within_beads=True)
    near = best_names(naming, own.atoms.positions, sample.atoms.positions)
    moved = ((sample.atoms.positions - near) ** 2).sum(axis=1)
    mean = np.bincount(own.atoms.residue_index, moved) / np.bincount(own.atoms.residue_index)
    expected = np.sqrt(own.confidence.error**2 + mean)
    assert np.allclose(sample.confidence.error, expected)
    assert (expected > own.confidence.error + 0.1).any()
    assert sample.atoms.bfactors is not None
    assert np.allclose(sample.atoms.bfactors, expected[sample.atoms.residue_index], atol=1e-6)


def test_no_model_no_error(result: Result) -> None:
    silent = Confidence(*(np.full(3, np.nan) for _ in range(3)))
    assert not silent.told
    assert silent.lines(result.atoms.residues) == ()


def test_weights_that_were_never_judged_are_told_of(
    beads: Beads, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Their atoms are what they are; what is unlike training is told all the same."""
    shipped = load_registry().model("martini3/protein").weights
    assert shipped is not None
    known, path = load_weights(shipped), tmp_path / "untold.safetensors"
    header = known.header.model_copy(update={"errors": None})
    save_weights(path, known.network.state_dict(), header)
    noise = np.random.default_rng(0).normal(0.0, 1.0, beads.positions.shape)
    shaken = replace(beads, positions=beads.positions + noise)
    with caplog.at_level("INFO"):
        untold = herobm.backmap(shaken, model=str(path), post="none")
    assert f"{path}: does not tell what errors to expect" in caplog.text
    assert np.isnan(untold.confidence.error).all()
    assert "expected error" not in str(untold.summary)
    assert "unlike training" in str(untold.summary)
    told = herobm.backmap(shaken, post="none")
    assert np.allclose(untold.atoms.positions, told.atoms.positions)
