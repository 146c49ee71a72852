"""The second look: what a bead makes of the atoms that a first look has sketched around it.

Beads alone do not tell which way an amide is turned; the atoms near it mostly do, by whom they can
bond to or would bump into. So the network looks twice. The first look sketches all atoms from the
beads. The second one sees what lies around each sketched atom, and corrects the first: it begins
as no correction at all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from herobm.nn.config import SecondConfig
from herobm.nn.graph import BeadGraph
from herobm.nn.layers import Block, Radial, silent, typed_product
from herobm.nn.strain import N_FEATURES
from herobm.plan.context import N_RELATIONS

#: Å, scale of the sketched atoms of a bead where they enter as numbers.
OWN_SCALE = 2.0


class FirstLook(NamedTuple):
    """What beads alone tell; arrays over the beads.

    Attributes
    ----------
    frames : Tensor, shape (n_beads, 3, 3)
    hidden : Tensor, shape (n_beads, width)
    strain : Tensor, shape (n_beads, n_features)
        Functions of the strain, see `herobm.nn.strain`.
    vectors : Tensor, shape (n_beads, n_slots, 3)
        Å, from each anchor to its atom.
    torsions : Tensor, shape (n_beads, 2, 2)
        (cos, sin) of phi and psi, not yet of length 1.
    """

    frames: torch.Tensor
    hidden: torch.Tensor
    strain: torch.Tensor
    vectors: torch.Tensor
    torsions: torch.Tensor

    def take(self, index: slice | torch.Tensor) -> FirstLook:
        """Return what belongs to some beads."""
        return FirstLook(*(t[index] for t in self))

    def among(self, index: torch.Tensor, n_beads: int) -> FirstLook:
        """Return the same of more beads, 0 for all but those that `index` (n,) names."""
        return FirstLook(
            *(t.new_zeros(n_beads, *t.shape[1:]).index_copy(0, index, t) for t in self)
        )


class Contacts(nn.Module):
    """What lies around each sketched atom of a bead: how much of what, how near, and where."""

    def __init__(self, config: SecondConfig, n_types: int, n_slots: int) -> None:
        super().__init__()
        self.n_nearest, self.n_slots = config.n_nearest, n_slots
        self.far = 1e3
        self.radial = Radial(config.radius, config.n_radial)
        self.mix = nn.Linear(config.n_radial, config.n_channels, bias=False)
        self.atom = nn.Embedding((n_types + 1) * n_slots, config.n_channels)
        self.relation = nn.Embedding(N_RELATIONS, config.n_channels)
        nn.init.ones_(self.relation.weight)
        self.width = 4 * config.n_channels * n_slots

    def forward(
        self,
        graph: BeadGraph,
        frames: torch.Tensor,
        own: torch.Tensor,
        atoms: torch.Tensor,
        used: torch.Tensor,
    ) -> torch.Tensor:
        """Return (n_beads, width), invariant.

        Parameters
        ----------
        graph : BeadGraph
        frames : Tensor, shape (n_beads, 3, 3)
        own : Tensor, shape (n_beads, n_slots, 3)
            Å, from each bead to its atoms.
        atoms : Tensor, shape (n_sketched, n_slots, 3)
            Å, the same of all beads; `BeadGraph.edge_index` counts in these.
        used : Tensor, shape (n_types + 1, n_slots), bool
            Which vectors place an atom.
        """
        mine = used[graph.types]
        middle = own.sum(dim=1) / mine.sum(dim=1, keepdim=True).clamp(min=1)
        around = atoms[graph.edge_index.clamp(min=0)] + graph.edge_vectors.unsqueeze(2)
        distance = (around - middle[:, None, None]).square().sum(dim=-1)
        distance = torch.where(used[graph.edge_types], distance, self.far).flatten(1)
        count = min(self.n_nearest, distance.shape[1])
        squared, nearest = torch.topk(distance, count, dim=1, largest=False)
        edge = torch.div(nearest, self.n_slots, rounding_mode="floor")
        kind = torch.gather(graph.edge_types, 1, edge) * self.n_slots + nearest % self.n_slots
        nature = self.atom(kind) * self.relation(torch.gather(graph.edge_relations, 1, edge))
        nature = nature * (squared < self.far).unsqueeze(-1)
        places = torch.gather(around.flatten(1, 2), 1, nearest.unsqueeze(-1).expand(-1, -1, 3))
        gap = places.unsqueeze(1) - own.unsqueeze(2)  # (n, slots, nearest, 3)
        length = torch.sqrt(gap.square().sum(dim=-1) + 1e-6)
        near = self.radial(length.masked_fill(~mine.unsqueeze(-1), self.radial.cutoff))
        turned = (gap.flatten(1, 2) @ frames).unflatten(1, gap.shape[1:3])
        degrees = [torch.ones_like(length).unsqueeze(-1), turned / length.unsqueeze(-1)]
        angular = torch.cat(degrees, dim=-1).transpose(2, 3)  # (n, slots, 4, nearest)
        seen = angular @ (self.mix(near) * nature.unsqueeze(1))
        return torch.cat([seen[:, :, 0].flatten(1), seen[:, :, 1:].flatten(1)], dim=1)


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
        self.n_slots = n_slots
        self.contacts = Contacts(config, n_types, n_slots)
        self.contacts_norm = nn.LayerNorm(self.contacts.width)
        self.own = nn.Embedding(n_types, config.hidden)
        self.surroundings = nn.Linear(first + 3 * n_slots + self.contacts.width, config.hidden)
        self.strain_shift = silent(nn.Linear(N_FEATURES, config.hidden))
        blocks = (Block(config.hidden, config.dropout) for _ in range(config.n_blocks))
        self.blocks = nn.Sequential(*blocks)
        self.narrow = nn.Sequential(
            nn.LayerNorm(config.hidden), nn.Linear(config.hidden, config.readout), nn.SiLU()
        )
        self.sizes = (3 * n_slots, n_slots * n_slots, 4)
        self.readout = nn.Parameter(torch.zeros(n_types, sum(self.sizes), config.readout))
        self.readout_bias = nn.Parameter(torch.zeros(n_types, sum(self.sizes)))
        self.register_buffer("ancestry", torch.zeros(n_types, n_slots, n_slots))

    def atoms(self, types: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Add vectors up to atoms, both (n_beads, n_slots, 3) in Å; 0 where there is none."""
        return self.ancestry[types] @ vectors

    def forward(
        self, graph: BeadGraph, first: FirstLook, atoms: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Look at the sketch.

        Parameters
        ----------
        graph : BeadGraph
        first : FirstLook
            At the same beads.
        atoms : Tensor, shape (n_sketched, n_slots, 3)
            Å, atoms relative to their beads, of all beads that the graph counts as neighbours.

        Returns
        -------
        Tensor, shape (n_beads, n_slots, 3)
            Å, to add to the vectors: a mixture of these, by which atoms change places, and what
            is left.
        Tensor, shape (n_beads, 2, 2)
            To add to the torsions.
        Tensor, shape (n_beads, readout)
            Hidden values from which the error is judged.
        """
        there = torch.diagonal(self.ancestry, dim1=1, dim2=2) > 0
        used = torch.cat([there, there.new_zeros(1, there.shape[1])])
        own = self.atoms(graph.types, first.vectors)
        seen = self.contacts(graph, first.frames, own, atoms, used)
        local = (own @ first.frames).flatten(1) / OWN_SCALE
        seen = torch.cat([first.hidden, local, self.contacts_norm(seen)], dim=1)
        hidden = self.own(graph.types) + self.surroundings(seen)
        hidden = nn.functional.silu(hidden + self.strain_shift(first.strain))
        hidden = self.narrow(self.blocks(hidden))
        out = typed_product(hidden, graph.types, self.readout, self.readout_bias)
        shift, mixing, torsions = out.split(self.sizes, dim=1)
        mixed = mixing.unflatten(1, (self.n_slots, self.n_slots)) @ first.vectors
        moved = mixed + shift.unflatten(1, (self.n_slots, 3)) @ first.frames.transpose(1, 2)
        scale = 1.0 / math.sqrt(hidden.shape[1])
        return scale * moved, scale * torsions.unflatten(1, (2, 2)), hidden
