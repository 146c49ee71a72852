"""Layers that both looks of the network are made of."""

from __future__ import annotations

import math

import torch
from torch import nn


class Radial(nn.Module):
    """Bessel functions of the distance times a polynomial cutoff of order 6."""

    roots: torch.Tensor

    def __init__(self, cutoff: float, n_radial: int) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.register_buffer("roots", math.pi * torch.arange(1, n_radial + 1) / cutoff, False)

    def forward(self, distance: torch.Tensor) -> torch.Tensor:
        """Return (..., n_radial) from distances (...) in Å."""
        r = distance.clamp(0.3, self.cutoff).unsqueeze(-1)
        fade = envelope(r, self.cutoff)
        return torch.sin(self.roots * r) * (math.sqrt(2.0 / self.cutoff) * fade / r)


def envelope(distance: torch.Tensor, cutoff: float) -> torch.Tensor:
    """Fall smoothly from 1 to 0 at the cutoff (Gasteiger et al., arXiv:2003.03123, equation 8).

    Parameters
    ----------
    distance : Tensor, any shape
        Å.
    cutoff : float
        Å.

    Returns
    -------
    Tensor, of the same shape
    """
    x = (distance / cutoff).clamp(max=1.0)
    return 1.0 - x.square() ** 3 * (28.0 - x * (48.0 - 21.0 * x))


class Block(nn.Module):
    """A residual layer."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        last = nn.Linear(width, width)
        nn.init.zeros_(last.weight)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x plus what the layer adds, both (n_beads, width)."""
        return x + self.layers(self.dropout(self.norm(x)))


def silent(layer: nn.Linear) -> nn.Linear:
    """Let a layer say nothing until it has learnt to."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def typed_product(
    hidden: torch.Tensor, types: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Apply to each row the matrix of its type.

    Parameters
    ----------
    hidden : Tensor, shape (n, width)
    types : Tensor, shape (n,), int64
    weight : Tensor, shape (n_types, outputs, width)
    bias : Tensor, shape (n_types, outputs)

    Returns
    -------
    Tensor, shape (n, outputs)
    """
    if hidden.is_cuda:
        return all_at_once(hidden, types, weight, bias)
    return one_by_one(hidden, types, weight, bias)


def one_by_one(
    hidden: torch.Tensor, types: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Make one matrix product a type, which is quick on a CPU; see `typed_product`."""
    if len(types) == 0:
        return bias[types]
    order = torch.argsort(types, stable=True)
    present, counts = torch.unique_consecutive(types[order], return_counts=True)
    parts = torch.split(hidden[order], counts.tolist())
    matrices = weight.unbind()  # one gradient for all, where indexing would make one for each
    read = [part @ matrices[t].T for part, t in zip(parts, present.tolist(), strict=True)]
    return torch.cat(read)[torch.argsort(order)] + bias[types]


def all_at_once(
    hidden: torch.Tensor, types: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Apply all matrices to all rows and keep what is asked for; see `typed_product`.

    A GPU does that sooner than it would be told of one product after another.
    """
    every = (hidden @ weight.flatten(0, 1).T).unflatten(1, bias.shape)
    mine = types.reshape(-1, 1, 1).expand(-1, 1, bias.shape[1])
    return every.gather(1, mine).squeeze(1) + bias[types]
