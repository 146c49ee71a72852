"""What passes from one look of the network to the next."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn


class Look(NamedTuple):
    """What the network makes of beads at one look; arrays over the beads.

    Attributes
    ----------
    frames : Tensor, shape (n_beads, 3, 3)
        Axes as columns.
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

    def take(self, index: slice | torch.Tensor) -> Look:
        """Return what belongs to some beads."""
        return Look(*(t[index] for t in self))

    def among(self, index: torch.Tensor, n_beads: int) -> Look:
        """Return the same of more beads, 0 for all but those that `index` (n,) names."""
        return Look(*(t.new_zeros(n_beads, *t.shape[1:]).index_copy(0, index, t) for t in self))


class Sketch(NamedTuple):
    """What beads show each other before they look again; arrays over all beads of a system.

    Attributes
    ----------
    atoms : Tensor, shape (n_beads, n_slots, 3)
        Å, from each bead to its atoms.
    frames : Tensor, shape (n_beads, 3, 3)
        Axes as rows, the transpose of those in `Look`.
    told : Tensor, shape (n_beads, width)
        What each bead says to those around it; of width 0 where they only see its atoms.
    """

    atoms: torch.Tensor
    frames: torch.Tensor
    told: torch.Tensor


class Sketcher(nn.Module):
    """What looks at sketched atoms; it knows how vectors add up to them.

    Parameters
    ----------
    n_types, n_slots : int
        Of the vocabulary.

    Attributes
    ----------
    ancestry : Tensor, shape (n_types, n_slots, n_slots)
        1 where a vector is part of the way from the bead to an atom, so that the atoms are sums
        of vectors (see `Vocabulary.ancestry`).
    """

    ancestry: torch.Tensor

    def __init__(self, n_types: int, n_slots: int) -> None:
        super().__init__()
        self.register_buffer("ancestry", torch.zeros(n_types, n_slots, n_slots))

    def atoms(self, types: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Add vectors up to atoms, both (n_beads, n_slots, 3) in Å; 0 where there is none."""
        return self.ancestry[types] @ vectors

    @property
    def used(self) -> torch.Tensor:
        """Which vectors place an atom, shape (n_types + 1, n_slots); none of a bead not there."""
        there = torch.diagonal(self.ancestry, dim1=1, dim2=2) > 0
        return torch.cat([there, there.new_zeros(1, there.shape[1])])


def join_looks(looks: list[Look]) -> Look:
    """Return the looks at several parts of a system as one."""
    return Look(*(torch.cat(parts) for parts in zip(*looks, strict=True)))
