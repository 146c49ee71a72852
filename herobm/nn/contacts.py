"""What lies around sketched atoms."""

from __future__ import annotations

import torch
from torch import nn

from herobm.nn.config import ContactsConfig
from herobm.nn.graph import BeadGraph
from herobm.nn.layers import Radial
from herobm.plan.context import N_RELATIONS

#: Å, scale of the sketched atoms of a bead where they enter as numbers.
OWN_SCALE = 2.0


class Contacts(nn.Module):
    """What lies around each sketched atom of a bead: how much of what, how near, and where."""

    def __init__(self, config: ContactsConfig, n_types: int, n_slots: int) -> None:
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
        bead, slot = torch.nonzero(mine, as_tuple=True)  # of the atoms, about half of all slots
        gap = places.index_select(0, bead) - own[bead, slot].unsqueeze(1)  # (atoms, nearest, 3)
        length = torch.sqrt(gap.square().sum(dim=-1, keepdim=True) + 1e-6)
        turned = gap @ frames.index_select(0, bead) / length
        angular = torch.cat([torch.ones_like(length), turned], dim=-1).transpose(1, 2)
        near = self.mix(self.radial(length.squeeze(-1))) * nature.index_select(0, bead)
        found = torch.bmm(angular, near)  # (atoms, 4, channels)
        seen = found.new_zeros(len(mine) * self.n_slots, *found.shape[1:])
        seen = seen.index_copy(0, bead * self.n_slots + slot, found).unflatten(0, mine.shape)
        return torch.cat([seen[:, :, 0].flatten(1), seen[:, :, 1:].flatten(1)], dim=1)
