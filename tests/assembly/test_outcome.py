"""What is known about rebuilt atoms stays with them where a step adds residues."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import herobm
from herobm.types import Beads, Residues

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def twice() -> Beads:
    """The first residues of ubiquitin without two in the middle, twice under one chain id."""
    beads = herobm.read_beads(ROOT / "examples" / "1ubq" / "cg.pdb")
    one = beads.subset(np.isin(beads.residue_index, (0, 1, 2, 5, 6, 7)))
    columns = (one.residues.names, one.residues.ids, one.residues.icodes, one.residues.chains)
    return replace(
        one,
        positions=np.concatenate([one.positions, one.positions + 40.0]),
        names=np.tile(one.names, 2),
        residue_index=np.concatenate([one.residue_index, one.residue_index + 6]),
        residues=Residues(*(np.tile(column, 2) for column in columns)),
        box=None,
    )


def test_two_molecules_under_one_chain_id_are_told_apart(twice: Beads) -> None:
    options = {"ends": "capped"}
    result = herobm.backmap(twice, post="backbone,consistency,hydrogens", options=options)
    assert (result.atoms.residues.names == "NME").sum() == 2
    assert result.summary.verdict.remap_max < 0.1
    assert result.atoms.bfactors is not None
    own = ~np.isin(result.atoms.residues.names, ("ACE", "NME"))[result.atoms.residue_index]
    place = np.unique(result.atoms.residue_index[own], return_inverse=True)[1]
    assert np.allclose(result.atoms.bfactors[own], result.confidence.error[place])
