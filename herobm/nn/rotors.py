"""Shares of torsion angles: how often a side branch lies where, given the beads.

The vectors of a bead are one answer, near to all that may be. Where beads leave a choice, what
there is to choose from is told here: for each bond about which a side branch turns (a rotor, see
`herobm.chem.rotors`) the share of each of 36 angles, given that of the rotor before it, so that
the shares of a whole branch are their product. A rotor is known by the atom that it turns first,
which one bead places with one of its vectors.

It reads what the beads hold at last. Whether these learn from it, too, is a matter of training
(`shares` of `herobm.train.config.TrainConfig`).
"""

from __future__ import annotations

import torch
from torch import nn

from herobm.nn.config import RotorsConfig
from herobm.nn.layers import Block

#: Angles that are told apart, from 0 to 360 degrees.
BINS = 36


class RotorHead(nn.Module):
    """The readout of the shares.

    Parameters
    ----------
    config : RotorsConfig
    n_types, n_slots : int
        Of the vocabulary.
    before : int
        Width of what beads hold.
    """

    def __init__(self, config: RotorsConfig, n_types: int, n_slots: int, before: int) -> None:
        super().__init__()
        width = config.hidden
        self.n_slots = n_slots
        self.enter = nn.Sequential(nn.LayerNorm(before), nn.Linear(before, width))
        self.kind = nn.Embedding(n_types * n_slots, width)
        self.usual = nn.Embedding(n_types * n_slots, BINS)
        nn.init.zeros_(self.usual.weight)
        self.think = Block(width, config.dropout)
        self.turned = nn.Embedding(BINS + 1, width)
        self.leave = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, BINS),
        )

    def begin(
        self, hidden: torch.Tensor, types: torch.Tensor, slots: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tell what is to be said of rotors whatever those before them do.

        Parameters
        ----------
        hidden : Tensor, shape (n_rotors, before)
            What the bead of each rotor holds.
        types, slots : Tensor, shape (n_rotors,)
            Type of the bead, and which of its vectors places the first atom that turns.

        Returns
        -------
        Tensor, shape (n_rotors, hidden)
        Tensor, shape (n_rotors,)
            Kind of each rotor.
        """
        kind = types * self.n_slots + slots
        begun: torch.Tensor = self.think(self.enter(hidden) + self.kind(kind))
        return begun, kind

    def log_shares(
        self, begun: torch.Tensor, kind: torch.Tensor, previous: torch.Tensor
    ) -> torch.Tensor:
        """Return the logarithms of the shares, (n_rotors, BINS).

        Parameters
        ----------
        begun, kind : Tensor
            As `begin` tells them.
        previous : Tensor, shape (n_rotors,)
            Bin of the angle of the rotor before each; BINS where there is none.
        """
        said = self.leave(begun + self.turned(previous)) + self.usual(kind)
        shares: torch.Tensor = torch.log_softmax(said, dim=1)
        return shares
