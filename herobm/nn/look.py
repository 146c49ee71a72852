"""What passes from one look of the network to the next."""

from __future__ import annotations

from typing import NamedTuple

import torch


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


def join_looks(looks: list[Look]) -> Look:
    """Return the looks at several parts of a system as one."""
    return Look(*(torch.cat(parts) for parts in zip(*looks, strict=True)))
