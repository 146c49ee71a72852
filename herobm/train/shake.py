"""Beads moved away from where atoms put them, as those of a simulation are.

Two kinds of change are put upon the structures of a training set: Gaussian noise, of another width
for each structure, and the drift that real coarse-grained frames show, whose side-chain beads sit
farther from the backbone and from each other than the atoms that they stand for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from herobm.nn.strain import N_NEAR, Strain
from herobm.plan.context import N_OWN
from herobm.train.corpus import Corpus

#: Rounds in which distances are brought to what they should be.
ROUNDS = 8
#: Beads whose neighbours are measured at once.
CHUNK = 1 << 16


@dataclass(frozen=True)
class Shaken:
    """Beads of a corpus where they are taken to be.

    Attributes
    ----------
    positions : Tensor, shape (n_beads, 3), Å.
    neighbours : Tensor, shape (n_beads, n_neighbours)
        Of `Corpus.neighbours` those within the cutoff, -1 for the others.
    strain : Tensor, shape (n_beads,), Å, see `herobm.nn.strain`.
    """

    positions: torch.Tensor
    neighbours: torch.Tensor
    strain: torch.Tensor


@dataclass(frozen=True)
class Shaking:
    """How beads are moved.

    Attributes
    ----------
    noise_share : share of the structures that get noise.
    noise : Å a coordinate, its largest width; widths are uniform between 0 and this.
    drift_share : share of the structures whose beads drift apart.
    drift : Tensor, shape (n_types, N_OWN)
        Å, by which the distance from a bead to another of its residue grows in a full drift.
    """

    noise_share: float
    noise: float
    drift_share: float
    drift: torch.Tensor


def rest(corpus: Corpus, strain: Strain, shift: torch.Tensor | float = 0.0) -> Shaken:
    """Take the beads as they are, or shifted, and measure their strain."""
    return _measured(corpus, corpus.beads + shift, strain)


def shake(corpus: Corpus, how: Shaking, strain: Strain, generator: torch.Generator) -> Shaken:
    """Move the beads of a corpus; other structures and other widths with each call.

    Parameters
    ----------
    corpus : Corpus
    how : Shaking
    strain : Strain
        Of the network that is trained.
    generator : torch.Generator
    """
    owner = corpus.bead_structure
    n_structures = int(owner.max()) + 1

    def draw(share: float) -> torch.Tensor:
        amount = torch.rand(n_structures, generator=generator)
        return amount * (torch.rand(n_structures, generator=generator) < share)

    drifted = draw(how.drift_share).to(owner.device)[owner]
    width = (draw(how.noise_share) * how.noise).to(owner.device)[owner]
    noise = torch.randn(corpus.beads.shape, generator=generator).to(owner.device)
    beads = corpus.beads
    if how.drift_share > 0.0:
        beads = drift_apart(corpus, drifted, how.drift)
    return _measured(corpus, beads + noise * width.unsqueeze(-1), strain)


def drift_apart(corpus: Corpus, amount: torch.Tensor, drift: torch.Tensor) -> torch.Tensor:
    """Lengthen the distances between the beads of a residue; its first bead stays.

    Parameters
    ----------
    corpus : Corpus
    amount : Tensor, shape (n_beads,)
        Share of the full drift.
    drift : Tensor, shape (n_types, N_OWN)
        Å.

    Returns
    -------
    Tensor, shape (n_beads, 3)
        Å.
    """
    places = corpus.places[:, :N_OWN].long()
    moves = ((places[:, 0] >= 0) & (amount > 0)).nonzero().squeeze(1)
    there = places[moves] >= 0
    weight = there / there.sum(dim=1, keepdim=True).clamp(min=1)
    beads = corpus.beads.clone()

    def gaps() -> tuple[torch.Tensor, torch.Tensor]:
        vectors = beads[places[moves]] - beads[moves].unsqueeze(1)
        return vectors, vectors.norm(dim=-1).clamp(min=0.1)

    wanted = gaps()[1] + amount[moves].unsqueeze(1) * drift[corpus.types[moves]]
    for _ in range(ROUNDS):
        vectors, length = gaps()
        pull = weight * (length - wanted) / length
        beads[moves] += (pull.unsqueeze(-1) * vectors).sum(dim=1)
    return beads


def _measured(corpus: Corpus, beads: torch.Tensor, strain: Strain) -> Shaken:
    places = corpus.places[:, :N_NEAR].long()
    vectors = beads[places] - beads.unsqueeze(1)
    neighbours = _within(corpus, beads)
    found = strain(corpus.types, vectors, places >= 0, neighbours)
    return Shaken(beads, neighbours, found)


def _within(corpus: Corpus, beads: torch.Tensor) -> torch.Tensor:
    """Leave out the neighbours of a corpus that are beyond the cutoff of the network now."""
    parts = []
    for here, near in zip(beads.split(CHUNK), corpus.neighbours.split(CHUNK), strict=True):
        away = (beads[near.long()] - here.unsqueeze(1)).square().sum(dim=-1)
        parts.append(torch.where(away <= corpus.cutoff**2, near, -1))
    return torch.cat(parts)
