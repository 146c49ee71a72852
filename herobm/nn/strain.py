"""How far beads stray from where atoms put them, told from the distances between relatives.

Beads of a crystal sit where its atoms are; those of a simulation scatter, and sit farther apart.
How much of the detail in their positions is worth believing depends on that: the network is told.
"""

from __future__ import annotations

import torch
from torch import nn

from herobm.plan.context import N_OWN

#: Fixed places whose distance from a bead counts: its own residue's and the next along the chain.
N_NEAR = N_OWN + 2
#: Å, spread below which a distance counts no more than this.
SOFTNESS = 0.1
#: Å, largest deviation of one distance, and largest strain.
LARGEST = 2.0
#: Standard deviations up to which a distance is like those of training.
UNLIKE = 4.0
#: Å, widths of the functions that the strain is expanded in.
WIDTHS = (0.1, 0.25)
#: Functions of the strain.
N_FEATURES = 2 + len(WIDTHS)
CHUNK = 1 << 17


class Strain(nn.Module):
    """Estimates the width of the noise on the beads around each bead.

    A distance between beads that both scatter by s a coordinate has twice the variance of s on top
    of its own. That excess, pooled over a bead and its neighbours with the weights that are best
    for small s, gives s.

    Parameters
    ----------
    n_types : int
        Size of the vocabulary of bead types.

    Attributes
    ----------
    usual, spread : Tensor, shape (n_types, N_NEAR)
        Å, mean and standard deviation of the distance from a bead to a place in the training
        structures; a spread of 0 where none is known.
    """

    usual: torch.Tensor
    spread: torch.Tensor

    def __init__(self, n_types: int) -> None:
        super().__init__()
        self.register_buffer("usual", torch.zeros(n_types, N_NEAR))
        self.register_buffer("spread", torch.zeros(n_types, N_NEAR))

    def forward(
        self,
        types: torch.Tensor,
        place_vectors: torch.Tensor,
        present: torch.Tensor,
        neighbours: torch.Tensor,
    ) -> torch.Tensor:
        """Estimate the strain around each bead.

        Parameters
        ----------
        types : Tensor, shape (n_beads,)
        place_vectors : Tensor, shape (n_beads, N_NEAR or more, 3)
            Å, from each bead to its fixed places.
        present : Tensor, shape (n_beads, N_NEAR or more), bool
            Whether there is a bead in the place.
        neighbours : Tensor, shape (n_beads, n_neighbours)
            -1 for padding.

        Returns
        -------
        Tensor, shape (n_beads,)
            Å a coordinate; 0 where nothing tells.
        """
        excess = self._excess(types, place_vectors, present)
        padded = torch.cat([excess, excess.new_zeros(1, 2)])
        pooled = torch.cat([padded[part].sum(dim=1) for part in neighbours.long().split(CHUNK)])
        excess, weight = (excess + pooled).unbind(dim=1)
        variance = excess / (2.0 * weight).clamp(min=1e-6)
        return variance.clamp(0.0, LARGEST**2).sqrt()

    def farthest(
        self, types: torch.Tensor, place_vectors: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """Tell how far off that distance of each bead is which is most unlike training, Å.

        The arguments are those of `forward`; shape (n_beads,), 0 where all are within `UNLIKE`
        standard deviations. A single bead that lies elsewhere shows here, where the strain, which
        is of all beads around, hardly changes.
        """
        off, spread, told = self._off(types, place_vectors, present)
        return torch.where(told & (off > UNLIKE * spread), off, 0.0).max(dim=1).values

    def _excess(
        self, types: torch.Tensor, place_vectors: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """Excess of the variances of the distances of each bead, and its weight, (n_beads, 2)."""
        off, spread, told = self._off(types, place_vectors, present)
        squared = off.square().clamp(max=LARGEST**2)
        weight = (spread.square() + SOFTNESS**2) ** -2 * told
        return torch.stack([(weight * (squared - spread.square())).sum(1), weight.sum(1)], dim=1)

    def _off(
        self, types: torch.Tensor, place_vectors: torch.Tensor, present: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """How far each distance is from its usual one, its spread, and whether both are known."""
        usual, spread = self.usual[types], self.spread[types]
        length = torch.linalg.vector_norm(place_vectors[:, :N_NEAR], dim=-1)
        return (length - usual).abs(), spread, present[:, :N_NEAR] & (spread > 0)


def expand(strain: torch.Tensor) -> torch.Tensor:
    """Functions of the strain that the network reads, shape (n_beads, N_FEATURES)."""
    return torch.stack(
        [strain, strain.square(), *(torch.exp(-(strain / w).square()) for w in WIDTHS)], dim=1
    )
