"""Rounds of messages: beads tell each other what they hold, and correct their atoms by it.

How a side chain lies depends on those that it is packed against, which depend on it. After the
first look, in each round, a bead is told something by every neighbour: what that one holds, where
it is, how it is turned and where it has its atoms, all in the frame of the bead that is told. What
it makes of them moves its own atoms, and the next round sees them where they are then. Messages of
this kind, between residues with frames, are those of Dauparas et al., Science 378, 49 (2022), and
Randolph and Kuhlman, PMC11511640.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from herobm.nn.config import ModelConfig, RoundsConfig
from herobm.nn.contacts import OWN_SCALE, Contacts
from herobm.nn.graph import BeadGraph
from herobm.nn.layers import Radial, envelope, silent, typed_product
from herobm.nn.look import Look, Sketch, Sketcher
from herobm.nn.strain import N_FEATURES
from herobm.plan.context import N_RELATIONS

#: Å, scale of the atoms of a neighbour where they enter as numbers.
AROUND_SCALE = 4.0
#: Messages are summed up and divided by this, so that the sum is of the size of one.
USUAL_COUNT = 16.0


class Message(nn.Module):
    """What a bead is told by its neighbours, summed up.

    Parameters
    ----------
    config : RoundsConfig
    cutoff : float
        Å, where messages fade.
    n_slots : int
    """

    def __init__(self, config: RoundsConfig, cutoff: float, n_slots: int) -> None:
        super().__init__()
        self.radial = Radial(cutoff, config.n_radial)
        self.cutoff, self.n_slots = cutoff, n_slots
        self.geometry = nn.Linear(config.n_radial + 15 + 3 * n_slots, config.message, bias=False)
        self.relation = nn.Embedding(N_RELATIONS, config.message)
        self.asked = nn.Linear(config.hidden, config.message)
        self.passed = nn.Linear(config.message, config.message)
        self.heard = nn.Linear(config.message, config.hidden)

    def forward(
        self,
        graph: BeadGraph,
        frames: torch.Tensor,
        hidden: torch.Tensor,
        sketch: Sketch,
        used: torch.Tensor,
    ) -> torch.Tensor:
        """Return (n_beads, hidden), invariant.

        Parameters
        ----------
        graph : BeadGraph
        frames : Tensor, shape (n_beads, 3, 3)
        hidden : Tensor, shape (n_beads, hidden)
        sketch : Sketch
            Of all beads; `BeadGraph.edge_index` counts in these.
        used : Tensor, shape (n_types + 1, n_slots), bool
            Which vectors place an atom.
        """
        n_beads, count = graph.edge_index.shape
        index = graph.edge_index.clamp(min=0).flatten()

        def of_neighbours(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.index_select(0, index).unflatten(0, (n_beads, count))

        vectors = graph.edge_vectors
        distance = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        away = vectors / distance.clamp(min=0.3)
        axes = of_neighbours(sketch.frames)
        atoms = of_neighbours(sketch.atoms) + vectors.unsqueeze(2)
        atoms = atoms * (used[graph.edge_types] / AROUND_SCALE).unsqueeze(-1)
        around = torch.cat([away.unsqueeze(2), axes, atoms], dim=2)  # (n, count, 4 + slots, 3)
        around = (around.flatten(1, 2) @ frames).unflatten(1, (count, -1)).flatten(2)
        back = (axes * away.unsqueeze(2)).sum(dim=-1)
        seen = torch.cat([self.radial(distance.squeeze(-1)), back, around], dim=-1)
        alone = not torch.is_grad_enabled()  # in place where nothing is kept: pages take time
        told = self.geometry(seen)
        told += self.relation(graph.edge_relations)
        told += of_neighbours(sketch.told)
        told += self.asked(hidden).unsqueeze(1)
        told = self.passed(nn.functional.silu(told, inplace=alone))
        told = nn.functional.silu(told, inplace=alone)
        fade = envelope(distance, self.cutoff) * (graph.edge_index >= 0).unsqueeze(-1)
        heard: torch.Tensor = self.heard((fade.transpose(1, 2) @ told).squeeze(1) / USUAL_COUNT)
        return heard


class Round(nn.Module):
    """One round: messages, then a layer that each bead passes by itself."""

    def __init__(
        self, config: RoundsConfig, cutoff: float, n_types: int, n_slots: int, sees: bool
    ) -> None:
        super().__init__()
        self.tell = nn.Linear(config.hidden, config.message, bias=False)
        self.norm = nn.LayerNorm(config.hidden)
        self.message = Message(config, cutoff, n_slots)
        self.contacts = Contacts(config, n_types, n_slots) if sees else None
        width = 0 if self.contacts is None else self.contacts.width
        self.contacts_norm = nn.LayerNorm(width) if width else None
        self.think_norm = nn.LayerNorm(config.hidden)
        last = nn.Linear(2 * config.hidden, config.hidden)
        nn.init.zeros_(last.weight)
        self.think = nn.Sequential(
            nn.Linear(config.hidden + 3 * n_slots + width, 2 * config.hidden), nn.SiLU(), last
        )
        self.dropout = nn.Dropout(config.dropout)

    def told(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return what beads tell, (n_beads, message), from what they hold, (n_beads, hidden)."""
        told: torch.Tensor = self.tell(self.norm(hidden))
        return told

    def forward(
        self,
        graph: BeadGraph,
        mine: Look,
        own: torch.Tensor,
        sketch: Sketch,
        used: torch.Tensor,
    ) -> torch.Tensor:
        """Return what beads hold after the round, (n_beads, hidden); `own` are their atoms."""
        hidden = mine.hidden
        asked = self.norm(hidden)
        hidden = hidden + self.dropout(self.message(graph, mine.frames, asked, sketch, used))
        seen = [self.think_norm(hidden), (own @ mine.frames).flatten(1) / OWN_SCALE]
        if self.contacts is not None and self.contacts_norm is not None:
            found = self.contacts(graph, mine.frames, own, sketch.atoms, used)
            seen.append(self.contacts_norm(found))
        thought: torch.Tensor = self.think(torch.cat(seen, dim=1))
        return hidden + self.dropout(thought)


class Rounds(Sketcher):
    """All rounds, and the readout that they share.

    Parameters
    ----------
    config : ModelConfig
        With `rounds`.
    n_types, n_slots : int
        Of the vocabulary.
    before : int
        Width of `Look.hidden` before the first round.
    """

    def __init__(self, config: ModelConfig, n_types: int, n_slots: int, before: int) -> None:
        super().__init__(n_types, n_slots)
        rounds = config.rounds
        assert rounds is not None
        self.n_slots, self.hidden = n_slots, rounds.hidden
        self.own = nn.Embedding(n_types, rounds.hidden)
        self.enter = nn.Linear(before, rounds.hidden)
        self.strain_shift = silent(nn.Linear(N_FEATURES, rounds.hidden))
        self.rounds = nn.ModuleList(
            Round(rounds, config.cutoff, n_types, n_slots, number >= rounds.count - rounds.contacts)
            for number in range(rounds.count)
        )
        self.leave = nn.Sequential(
            nn.LayerNorm(rounds.hidden), nn.Linear(rounds.hidden, rounds.hidden), nn.SiLU()
        )
        self.readout = nn.Parameter(torch.zeros(n_types, 3 * n_slots + 4, rounds.hidden))
        self.readout_bias = nn.Parameter(torch.zeros(n_types, 3 * n_slots + 4))

    def begin(self, types: torch.Tensor, look: Look) -> Look:
        """Let beads hold what the first round begins with, after a look at them."""
        begun = self.own(types) + self.enter(look.hidden) + self.strain_shift(look.strain)
        return look._replace(hidden=begun)

    def sketch(self, number: int, types: torch.Tensor, look: Look) -> Sketch:
        """Tell what all beads show each other before a round.

        Atoms are shown as they are: what could be gained by moving them for the sake of others is
        not learnt.
        """
        atoms = self.atoms(types, look.vectors.detach())
        told = self._round(number).told(look.hidden)
        return Sketch(atoms, look.frames.transpose(1, 2).contiguous(), told)

    def forward(
        self, number: int, graph: BeadGraph, mine: Look, sketch: Sketch
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pass one round.

        Parameters
        ----------
        number : int
            Of the round, from 0.
        graph : BeadGraph
        mine : Look
            At the beads of the graph.
        sketch : Sketch
            Of all beads that the graph counts as neighbours.

        Returns
        -------
        Tensor, shape (n_beads, n_slots, 3)
            Å, to add to the vectors.
        Tensor, shape (n_beads, 2, 2)
            To add to the torsions.
        Tensor, shape (n_beads, hidden)
            What the beads hold now.
        """
        own = self.atoms(graph.types, mine.vectors.detach())
        hidden = self._round(number)(graph, mine, own, sketch, self.used)
        out = typed_product(self.leave(hidden), graph.types, self.readout, self.readout_bias)
        out = out / math.sqrt(self.hidden)
        shift = out[:, : 3 * self.n_slots].unflatten(1, (self.n_slots, 3))
        torsions = out[:, 3 * self.n_slots :].unflatten(1, (2, 2))
        return shift @ mine.frames.transpose(1, 2), torsions, hidden

    def _round(self, number: int) -> Round:
        found = self.rounds[number]
        assert isinstance(found, Round)
        return found
