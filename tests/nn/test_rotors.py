"""Shares of torsion angles add up, do not turn with the beads, and teach the network nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from herobm.assembly.draft import Draft
from herobm.assembly.network import NetworkShare
from herobm.chem.rotor_shares import RotorShares
from herobm.chem.rotors import find_rotors
from herobm.nn.config import ModelConfig, RotorsConfig
from herobm.nn.model import Backmapper
from herobm.nn.rotors import BINS
from herobm.system import Topology
from herobm.types import FloatArray
from herobm.weights.file import Header, Weights
from herobm.weights.vocabulary import Vocabulary


def telling(vocabulary: Vocabulary, seed: int) -> Backmapper:
    """A network with random weights, of a size at which all of them matter."""
    torch.manual_seed(seed)
    config = ModelConfig(n_channels=6, hidden=32, readout=16, rotors=RotorsConfig(hidden=24))
    network = Backmapper(config, vocabulary.n_types, vocabulary.n_slots)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network.eval()


def told(topology: Topology, vocabulary: Vocabulary, *networks: Backmapper) -> list[RotorShares]:
    header = Header(model=networks[0].config, mapping="", mapping_digest="", vocabulary=vocabulary)
    weights = Weights(networks[0], header, Path("random"), networks[1:])
    draft = Draft.of(topology)
    owned = np.ones(topology.plan.n_residues, bool)
    NetworkShare(weights, topology, owned).fill(topology.beads, draft)
    return draft.rotors


def table(topology: Topology, vocabulary: Vocabulary, *networks: Backmapper) -> FloatArray:
    (shares,) = told(topology, vocabulary, *networks)
    return shares.log_shares


def test_shares_of_each_rotor_add_up(ubiquitin: Topology, vocabulary: Vocabulary) -> None:
    (shares,) = told(ubiquitin, vocabulary, telling(vocabulary, 3))
    rotors = find_rotors(ubiquitin.plan)
    np.testing.assert_array_equal(shares.quads, rotors.quads)
    np.testing.assert_array_equal(shares.before, rotors.before)
    found = np.exp(shares.log_shares)
    assert found.shape == (len(rotors), BINS, BINS)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, atol=1e-4)
    apart = np.abs(found - found[:, :1]).max(axis=(1, 2))
    assert (apart[rotors.before < 0] == 0).all()
    assert (apart[rotors.before >= 0] > 1e-4).all()


def test_shares_stay_when_the_beads_turn(ubiquitin: Topology, vocabulary: Vocabulary) -> None:
    network = telling(vocabulary, 3)
    turn = Rotation.random(random_state=np.random.default_rng(2)).as_matrix()
    beads = ubiquitin.beads
    moved, mirrored = (
        replace(ubiquitin, beads=replace(beads, positions=beads.positions @ how + 7.0))
        for how in (turn, np.diag([-1.0, 1.0, 1.0]))
    )
    here = table(ubiquitin, vocabulary, network)
    assert np.abs(table(moved, vocabulary, network) - here).max() < 1e-3
    assert np.abs(table(mirrored, vocabulary, network) - here).max() > 0.1


def test_a_committee_takes_the_mean_of_the_shares(
    ubiquitin: Topology, vocabulary: Vocabulary
) -> None:
    """Of those that tell any."""
    one, two = telling(vocabulary, 3), telling(vocabulary, 4)
    silent = Backmapper(ModelConfig(n_channels=6), vocabulary.n_types, vocabulary.n_slots).eval()
    shares = [np.exp(table(ubiquitin, vocabulary, network)) for network in (one, two)]
    both = np.exp(table(ubiquitin, vocabulary, one, silent, two))
    np.testing.assert_allclose(both, (shares[0] + shares[1]) / 2, atol=1e-5)
    assert told(ubiquitin, vocabulary, silent) == []


def test_where_all_is_held_the_shares_alone_learn(vocabulary: Vocabulary) -> None:
    network = telling(vocabulary, 3)
    network.hold_all()
    assert network.rotors is not None
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert learning == {n for n, _ in network.named_parameters() if n.startswith("rotors.")}
    assert not network.training
    assert network.rotors.training
