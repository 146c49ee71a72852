"""The beads around a bead as a density, expanded in radial functions and spherical harmonics.

After Drautz, Phys. Rev. B 99, 014104 (2019); the radial functions are the Bessel functions and the
polynomial cutoff of Gasteiger et al., arXiv:2003.03123.
"""

from __future__ import annotations

import torch
from torch import nn

from herobm.nn.config import ModelConfig
from herobm.nn.graph import BeadGraph
from herobm.nn.harmonics import o3
from herobm.nn.layers import Radial
from herobm.plan.context import N_RELATIONS


class Density(nn.Module):
    """Neighbours within the cutoff, in channels that what is known of them opens.

    Parameters
    ----------
    config : ModelConfig
        How far a bead sees, and how finely.
    n_channels : int

    Attributes
    ----------
    width : int
        ``n_channels * (l_max + 1)^2``.
    """

    def __init__(self, config: ModelConfig, n_channels: int) -> None:
        super().__init__()
        self.radial = Radial(config.cutoff, config.n_radial)
        self.harmonics = o3.Irreps.spherical_harmonics(config.l_max)
        self.mix = nn.Linear(config.n_radial, n_channels, bias=False)
        self.relation = nn.Embedding(N_RELATIONS, n_channels)
        nn.init.ones_(self.relation.weight)
        self.width = n_channels * self.harmonics.dim

    def expand(self, graph: BeadGraph, frames: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Expand what is known of the neighbours of each bead.

        Parameters
        ----------
        graph : BeadGraph
        frames : Tensor, shape (n_beads, 3, 3)
        known : Tensor, shape (n_beads, n_neighbours, n_channels)
            Of each neighbour; anything for padding, which lies beyond the cutoff.

        Returns
        -------
        Tensor, shape (n_beads, width)
            Invariant, as it is seen from the frames.
        """
        distance = torch.linalg.vector_norm(graph.edge_vectors, dim=-1)
        local = graph.edge_vectors @ frames
        angular = o3.spherical_harmonics(self.harmonics, local, True, "norm")
        weights = self.mix(self.radial(distance)) * known * self.relation(graph.edge_relations)
        return torch.bmm(weights.transpose(1, 2), angular).flatten(1)


class BeadDensity(Density):
    """What kinds of beads there are around a bead."""

    def __init__(self, config: ModelConfig, n_types: int) -> None:
        super().__init__(config, config.n_channels)
        self.neighbour = nn.Embedding(n_types + 1, config.n_channels)

    def forward(self, graph: BeadGraph, frames: torch.Tensor) -> torch.Tensor:
        """Return (n_beads, width), invariant; `frames` are (n_beads, 3, 3)."""
        return self.expand(graph, frames, self.neighbour(graph.edge_types))


class Messages(Density):
    """What the beads around a bead made of their own surroundings, farther than it sees itself.

    Parameters
    ----------
    config : ModelConfig
    n_channels : int
    """

    def __init__(self, config: ModelConfig, n_channels: int) -> None:
        super().__init__(config, n_channels)
        self.tell = nn.Linear(config.readout, n_channels)

    def forward(self, graph: BeadGraph, frames: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return (n_beads, width), invariant.

        Parameters
        ----------
        graph : BeadGraph
        frames : Tensor, shape (n_beads, 3, 3)
        hidden : Tensor, shape (n_sketched, readout)
            Of all beads; `BeadGraph.edge_index` counts in these.
        """
        return self.expand(graph, frames, self.tell(hidden[graph.edge_index.clamp(min=0)]))
