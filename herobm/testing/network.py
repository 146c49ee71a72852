"""A weights file as a `Reconstructor`, so that one suite serves all models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from herobm.assembly.draft import Draft
from herobm.assembly.network import NetworkShare
from herobm.plan import reconstruct
from herobm.system import Topology
from herobm.types import Beads, FloatArray
from herobm.weights.file import load_weights


class NetworkReconstructor:
    """The networks of a weights file alone: what they predict, before anything is set right.

    Parameters
    ----------
    path : Path
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        self.weights = load_weights(path, device)

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        """Place the atoms, shape (n_atoms, 3), Å."""
        plan = topology.plan
        if plan.n_beads == 0:
            return np.zeros((0, 3))
        self.weights.header.vocabulary.types(plan)  # refuses what it does not know
        draft = Draft.of(topology)
        NetworkShare(self.weights, topology, np.ones(plan.n_residues, bool)).fill(beads, draft)
        return reconstruct(plan, beads.positions, draft.vectors)
