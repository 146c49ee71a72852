"""A real topology, and a small network with random weights: the laws hold for any weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from herobm.io import read_beads
from herobm.nn.config import ModelConfig
from herobm.nn.graph import BeadGraph, build_context, build_graph
from herobm.nn.model import Backmapper
from herobm.plan import Library
from herobm.system import Topology, build_topology
from herobm.types import FloatArray
from herobm.weights.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def vocabulary(martini3: Library) -> Vocabulary:
    return Vocabulary.of(martini3)


LOOKS: dict[str, dict[str, object]] = {
    "once": {},
    "twice": {"second": {"times": 1, "n_channels": 4, "hidden": 32, "readout": 16, "n_blocks": 1}},
    "thrice": {"second": {"times": 2, "n_channels": 4, "hidden": 32, "readout": 16, "n_blocks": 1}},
    "one round": {"rounds": {"count": 1, "contacts": 0, "hidden": 16, "message": 12}},
    "second look and a round": {
        "second": {"times": 1, "n_channels": 4, "hidden": 32, "readout": 24, "n_blocks": 1},
        "rounds": {"count": 1, "contacts": 1, "hidden": 16, "message": 12, "n_channels": 4},
    },
    "a round, few of those that are one atom": {
        "n_neighbours": 16,
        "n_single": 5,
        "rounds": {"count": 1, "contacts": 1, "hidden": 16, "message": 12, "n_channels": 4},
    },
    "three rounds": {
        "rounds": {"count": 3, "contacts": 2, "hidden": 16, "message": 12, "n_channels": 4}
    },
}


@pytest.fixture(scope="session", params=LOOKS)
def network(
    request: pytest.FixtureRequest, vocabulary: Vocabulary, martini3: Library
) -> Backmapper:
    """Random weights, of a size at which all of them matter; how often it looks."""
    torch.manual_seed(7)
    config = ModelConfig.model_validate(
        {"n_channels": 6, "hidden": 32, "readout": 16, "n_blocks": 1} | LOOKS[request.param]
    )
    made = Backmapper(config, vocabulary.n_types, vocabulary.n_slots)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    if config.n_single is not None:
        made.longest[1::3] = 0.0
    made.strain.usual.fill_(4.0)
    made.strain.spread.uniform_(0.1, 0.4)
    for again in (made.second, made.rounds):
        if again is not None:
            again.ancestry.copy_(torch.as_tensor(vocabulary.ancestry(martini3)))
    return made.eval()


@pytest.fixture(scope="session")
def ubiquitin(martini3: Library) -> Topology:
    return build_topology(read_beads(ROOT / "examples" / "1ubq" / "cg.pdb"), martini3)


@pytest.fixture(scope="session")
def graph_of(
    network: Backmapper, vocabulary: Vocabulary
) -> Callable[[Topology, FloatArray], BeadGraph]:
    def build(topology: Topology, positions: FloatArray) -> BeadGraph:
        types = vocabulary.types(topology.plan)
        context = build_context(topology, types, vocabulary.n_types)
        box = topology.beads.box
        return build_graph(context, positions, box, network.reach, network.strain)

    return build


@pytest.fixture(scope="session")
def predict(
    network: Backmapper, graph_of: Callable[[Topology, FloatArray], BeadGraph]
) -> Callable[[Topology, FloatArray], FloatArray]:
    """Vectors (n_beads, n_slots, 3) in Å that the network predicts for beads elsewhere."""

    def run(topology: Topology, positions: FloatArray) -> FloatArray:
        with torch.inference_mode():
            return np.asarray(network(graph_of(topology, positions))[0])

    return run
