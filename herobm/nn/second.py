"""The second look: what a bead makes of the atoms that a first look has sketched around it.

Beads alone do not tell which way an amide is turned; the atoms near it mostly do, by whom they can
bond to or would bump into. So the network looks twice. The first look sketches all atoms from the
beads. The second one sees what lies around each sketched atom, and corrects the first: it begins
as no correction at all.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from herobm.nn.config import SecondConfig
from herobm.nn.contacts import OWN_SCALE, Contacts
from herobm.nn.graph import BeadGraph
from herobm.nn.layers import Block, silent, typed_product
from herobm.nn.look import Look, Sketcher
from herobm.nn.strain import N_FEATURES


class SecondLook(Sketcher):
    """Corrections to what the first look says.

    Parameters
    ----------
    config : SecondConfig
    n_types, n_slots : int
        Of the vocabulary.
    first : int
        Width of `Look.hidden`.
    """

    def __init__(self, config: SecondConfig, n_types: int, n_slots: int, first: int) -> None:
        super().__init__(n_types, n_slots)
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

    def forward(
        self, graph: BeadGraph, first: Look, atoms: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Look at the sketch.

        Parameters
        ----------
        graph : BeadGraph
        first : Look
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
        own = self.atoms(graph.types, first.vectors)
        seen = self.contacts(graph, first.frames, own, atoms, self.used)
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
