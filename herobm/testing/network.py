"""A weights file as a `Reconstructor`, so that one suite serves all models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from herobm.nn.graph import build_context, build_graph
from herobm.plan import reconstruct
from herobm.system import Topology
from herobm.types import Beads, FloatArray
from herobm.weights.file import load_weights


class NetworkReconstructor:
    """The network of a weights file alone: what it predicts, before anything is set right.

    Parameters
    ----------
    path : Path
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        self.weights, self.device = load_weights(path, device), device

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        """Place the atoms, shape (n_atoms, 3), Å."""
        import torch

        plan, network = topology.plan, self.weights.network
        if plan.n_beads == 0:
            return np.zeros((0, 3))
        vocabulary = self.weights.header.vocabulary
        context = build_context(topology, vocabulary.types(plan), vocabulary.n_types)
        graph = build_graph(context, beads.positions, beads.box, network.config, network.strain)
        graph, _ = network.orient(graph.to(self.device), 0)
        with torch.inference_mode():
            predicted = network(graph).vectors.cpu().numpy()
        vectors = np.zeros((plan.n_beads, plan.n_slots, 3))
        n_slots = min(plan.n_slots, network.n_slots)
        vectors[:, :n_slots] = predicted[:, :n_slots]
        return reconstruct(plan, beads.positions, vectors)
