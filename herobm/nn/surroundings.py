"""What a bead sees around it: a frame of its own, and the density of beads in it."""

from __future__ import annotations

import torch
from torch import nn

from herobm.nn.config import ModelConfig
from herobm.nn.graph import BeadGraph
from herobm.nn.harmonics import o3
from herobm.nn.layers import Radial
from herobm.plan.context import N_OWN, N_PLACES, N_RELATIONS, REACH

#: Å, softening of the frames: shorter vectors count as less than a direction.
FRAME_SOFTNESS = 0.2


class Frames(nn.Module):
    """Right-handed frames from type-dependent sums over the fixed places.

    Two sums of the vectors to the places are orthogonalised (Gram-Schmidt), the third axis is
    their cross product. Where the sums vanish or are parallel (a single bead, two beads) axes
    shrink to zero rather than to an arbitrary direction, so equivariance holds there too.
    """

    def __init__(self, n_types: int) -> None:
        super().__init__()
        first = torch.zeros(n_types, N_PLACES)
        second = torch.zeros(n_types, N_PLACES)
        along = slice(N_OWN, N_OWN + 2 * REACH)
        sign = torch.tensor([-1.0, 1.0]).repeat(REACH)
        fade = torch.tensor([1.0, 1.0, 0.2, 0.2, 0.0, 0.0, 0.0, 0.0])[: 2 * REACH]
        first[:, along] = sign * fade
        first[:, :N_OWN] = torch.linspace(0.1, -0.1, N_OWN)
        second[:, :N_OWN] = 1.0
        second[:, along] = -0.5 * fade
        self.first = nn.Parameter(first)
        self.second = nn.Parameter(second)

    def forward(self, types: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Return frames (n_beads, 3, 3), axes as columns, from places (n_beads, n_places, 3)."""
        one = torch.einsum("np,npx->nx", self.first[types], places)
        two = torch.einsum("np,npx->nx", self.second[types], places)
        x = one / torch.sqrt(one.square().sum(-1, keepdim=True) + FRAME_SOFTNESS**2)
        two = two - (two * x).sum(-1, keepdim=True) * x
        y = two / torch.sqrt(two.square().sum(-1, keepdim=True) + FRAME_SOFTNESS**2)
        z = torch.linalg.cross(x, y)
        return torch.stack([x, y, z], dim=-1)


class Density(nn.Module):
    """Neighbours within the cutoff, expanded in radial functions and spherical harmonics."""

    def __init__(self, config: ModelConfig, n_types: int) -> None:
        super().__init__()
        self.radial = Radial(config.cutoff, config.n_radial)
        self.harmonics = o3.Irreps.spherical_harmonics(config.l_max)
        self.mix = nn.Linear(config.n_radial, config.n_channels, bias=False)
        self.neighbour = nn.Embedding(n_types + 1, config.n_channels)
        self.relation = nn.Embedding(N_RELATIONS, config.n_channels)
        nn.init.ones_(self.relation.weight)
        self.width = config.n_channels * self.harmonics.dim

    def forward(self, graph: BeadGraph, frames: torch.Tensor) -> torch.Tensor:
        """Return (n_beads, n_channels * (l_max + 1)^2), invariant."""
        distance = torch.linalg.vector_norm(graph.edge_vectors, dim=-1)
        local = graph.edge_vectors @ frames
        angular = o3.spherical_harmonics(self.harmonics, local, True, "norm")
        weights = (
            self.mix(self.radial(distance))
            * self.neighbour(graph.edge_types)
            * self.relation(graph.edge_relations)
        )
        return torch.bmm(weights.transpose(1, 2), angular).flatten(1)
