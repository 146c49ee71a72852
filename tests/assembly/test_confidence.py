"""What the network expects of its own error reaches the atoms and the summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import herobm
from herobm.assembly.confidence import Confidence
from herobm.assembly.outcome import Result
from herobm.types import Beads

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


def test_no_model_no_error(result: Result) -> None:
    silent = Confidence(np.full(3, np.nan), np.full(3, np.nan))
    assert not silent.told
    assert silent.lines(result.atoms.residues) == ()
