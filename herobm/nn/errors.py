"""Expected errors: how far off the atoms of a bead probably are.

It reads what the beads hold at last and how strained they are, and teaches them nothing: the
readout is fitted when the network has learnt all, on structures that it has not learnt from (see
`herobm.weights.expected`).
"""

from __future__ import annotations

import torch
from torch import nn

from herobm.nn.layers import silent
from herobm.nn.strain import N_FEATURES, expand

#: Å, strain beyond which more of it tells nothing more, for none was seen.
LARGEST = 0.5
WIDTH = 64
#: Share of what is thought that is left out at each step of the fit.
DROPOUT = 0.5


class ErrorHead(nn.Module):
    """The readout of the expected errors.

    Parameters
    ----------
    n_types : int
        Size of the vocabulary of bead types.
    before : int
        Width of what beads hold.
    """

    def __init__(self, n_types: int, before: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(before)
        self.enter = nn.Linear(before + N_FEATURES, WIDTH)
        self.kind = nn.Embedding(n_types, WIDTH)
        nn.init.zeros_(self.kind.weight)  # of a type that no structure shows, as of all
        self.dropout = nn.Dropout(DROPOUT)
        self.leave = silent(nn.Linear(WIDTH, 1))
        self.usual = nn.Embedding(n_types, 1)
        nn.init.zeros_(self.usual.weight)

    def forward(
        self, hidden: torch.Tensor, types: torch.Tensor, strain: torch.Tensor
    ) -> torch.Tensor:
        """Return the logarithms of the mean squared errors (Å^2) to expect, shape (n_beads,).

        Parameters
        ----------
        hidden : Tensor, shape (n_beads, before)
            What the beads hold, see `herobm.nn.model.Prediction`.
        types : Tensor, shape (n_beads,)
        strain : Tensor, shape (n_beads,)
            Å.
        """
        seen = torch.cat([self.norm(hidden), expand(strain.clamp(max=LARGEST))], dim=1)
        thought = self.dropout(nn.functional.silu(self.enter(seen) + self.kind(types)))
        said: torch.Tensor = self.leave(thought) + self.usual(types)
        return said.squeeze(1)
