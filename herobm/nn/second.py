"""The second look: what a bead makes of the atoms that a first look has sketched around it.

Beads alone do not tell which way an amide is turned; the atoms near it mostly do, by whom they can
bond to or would bump into. So the network looks twice. The first look sketches all atoms from the
beads. The second one sees, around each bead, the nearest of these atoms, and corrects the first:
it begins as no correction at all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from herobm.nn.config import SecondConfig
from herobm.nn.graph import BeadGraph
from herobm.nn.harmonics import o3
from herobm.nn.layers import Block, Radial, silent, typed_product
from herobm.nn.strain import N_FEATURES
from herobm.plan.context import N_RELATIONS

#: Å, scale of the sketched atoms of a bead where they enter as numbers.
OWN_SCALE = 2.0


class FirstLook(NamedTuple):
    """What the first look leaves to the second.

    Attributes
    ----------
    frames : Tensor, shape (n_beads, 3, 3)
    hidden : Tensor, shape (n_beads, width)
    strain : Tensor, shape (n_beads, n_features)
        Functions of the strain, see `herobm.nn.strain`.
    vectors : Tensor, shape (n_beads, n_slots, 3)
        Å, from each anchor to its atom.
    """

    frames: torch.Tensor
    hidden: torch.Tensor
    strain: torch.Tensor
    vectors: torch.Tensor


class AtomDensity(nn.Module):
    """The nearest sketched atoms, expanded in radial functions and spherical harmonics."""

    def __init__(self, config: SecondConfig, n_types: int, n_slots: int) -> None:
        super().__init__()
        self.n_nearest, self.radius, self.n_slots = config.n_nearest, config.radius, n_slots
        self.radial = Radial(config.radius, config.n_radial)
        self.harmonics = o3.Irreps.spherical_harmonics(config.l_max)
        self.mix = nn.Linear(config.n_radial, config.n_channels, bias=False)
        self.atom = nn.Embedding((n_types + 1) * n_slots, config.n_channels)
        self.relation = nn.Embedding(N_RELATIONS, config.n_channels)
        nn.init.ones_(self.relation.weight)
        self.width = config.n_channels * self.harmonics.dim

    def forward(
        self,
        graph: BeadGraph,
        frames: torch.Tensor,
        centres: torch.Tensor,
        sketch: torch.Tensor,
        used: torch.Tensor,
    ) -> torch.Tensor:
        """Return (n_beads, n_channels * (l_max + 1)^2), invariant.

        Parameters
        ----------
        graph : BeadGraph
        frames : Tensor, shape (n_beads, 3, 3)
        centres : Tensor, shape (n_beads, 3)
            Å, from each bead to the place around which it looks.
        sketch : Tensor, shape (n_sketched, n_slots, 3)
            Å, from beads to their atoms; `BeadGraph.edge_index` counts in these.
        used : Tensor, shape (n_types + 1, n_slots), bool
            Which vectors place an atom.
        """
        around = sketch[graph.edge_index.clamp(min=0)]
        around = around + (graph.edge_vectors - centres.unsqueeze(1)).unsqueeze(2)
        distance = torch.linalg.vector_norm(around, dim=-1)
        distance = torch.where(used[graph.edge_types], distance, 2.0 * self.radius).flatten(1)
        count = min(self.n_nearest, distance.shape[1])
        distance, nearest = torch.topk(distance, count, dim=1, largest=False)
        vectors = torch.gather(around.flatten(1, 2), 1, nearest.unsqueeze(-1).expand(-1, -1, 3))
        edge = torch.div(nearest, self.n_slots, rounding_mode="floor")
        kind = torch.gather(graph.edge_types, 1, edge) * self.n_slots + nearest % self.n_slots
        angular = o3.spherical_harmonics(self.harmonics, vectors @ frames, True, "norm")
        weights = (
            self.mix(self.radial(distance))
            * self.atom(kind)
            * self.relation(torch.gather(graph.edge_relations, 1, edge))
        )
        return torch.bmm(weights.transpose(1, 2), angular).flatten(1)


class SecondLook(nn.Module):
    """Corrections to what the first look says.

    Parameters
    ----------
    config : SecondConfig
    n_types, n_slots : int
        Of the vocabulary.
    first : int
        Width of `FirstLook.hidden`.

    Attributes
    ----------
    ancestry : Tensor, shape (n_types, n_slots, n_slots)
        1 where a vector is part of the way from the bead to an atom, so that the atoms are sums
        of vectors (see `Vocabulary.ancestry`).
    """

    ancestry: torch.Tensor

    def __init__(self, config: SecondConfig, n_types: int, n_slots: int, first: int) -> None:
        super().__init__()
        self.density = AtomDensity(config, n_types, n_slots)
        self.density_norm = nn.LayerNorm(self.density.width)
        self.own = nn.Embedding(n_types, config.hidden)
        self.surroundings = nn.Linear(first + 3 * n_slots + self.density.width, config.hidden)
        self.strain_shift = silent(nn.Linear(N_FEATURES, config.hidden))
        blocks = (Block(config.hidden, config.dropout) for _ in range(config.n_blocks))
        self.blocks = nn.Sequential(*blocks)
        self.narrow = nn.Sequential(
            nn.LayerNorm(config.hidden), nn.Linear(config.hidden, config.readout), nn.SiLU()
        )
        outputs = 3 * n_slots + 4
        self.readout = nn.Parameter(torch.zeros(n_types, outputs, config.readout))
        self.readout_bias = nn.Parameter(torch.zeros(n_types, outputs))
        self.scale = 1.0 / math.sqrt(config.readout)
        self.register_buffer("ancestry", torch.zeros(n_types, n_slots, n_slots))

    def atoms(self, types: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Add vectors up to atoms, both (n_beads, n_slots, 3) in Å; 0 where there is none."""
        return self.ancestry[types] @ vectors

    def forward(
        self, graph: BeadGraph, first: FirstLook, sketch: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look at the sketch.

        Parameters
        ----------
        graph : BeadGraph
        first : FirstLook
            At the same beads.
        sketch : Tensor, shape (n_sketched, n_slots, 3)
            Å, atoms relative to their beads, of all beads that the graph counts as neighbours.

        Returns
        -------
        Tensor, shape (n_beads, 3 * n_slots + 4)
            To add to what the first look read out.
        Tensor, shape (n_beads, readout)
            Hidden values from which the error is judged.
        """
        there = torch.diagonal(self.ancestry, dim1=1, dim2=2) > 0
        used = torch.cat([there, there.new_zeros(1, there.shape[1])])
        own = self.atoms(graph.types, first.vectors)
        count = there[graph.types].sum(dim=1, keepdim=True).clamp(min=1)
        centres = own.sum(dim=1) / count
        density = self.density(graph, first.frames, centres, sketch, used)
        seen = torch.cat(
            [
                first.hidden,
                (own @ first.frames).flatten(1) / OWN_SCALE,
                self.density_norm(density),
            ],
            dim=1,
        )
        hidden = self.own(graph.types) + self.surroundings(seen)
        hidden = nn.functional.silu(hidden + self.strain_shift(first.strain))
        hidden = self.narrow(self.blocks(hidden))
        return self.scale * typed_product(
            hidden, graph.types, self.readout, self.readout_bias
        ), hidden
