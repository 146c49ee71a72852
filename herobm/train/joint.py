"""Several corpora as one: the same structures as seen by several mapping sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch

from herobm.train.corpus import Corpus, Statistics

#: Fields that count in the beads, atoms or rows of their own corpus.
_COUNT_IN = {
    "bead_start": "beads",
    "atom_start": "targets",
    "row_start": "row_bead",
    "bond_start": "bonds",
    "angle_start": "angles",
    "swap_start": "swaps",
    "rotor_start": "rotors",
    "places": "beads",
    "neighbours": "beads",
    "row_bead": "beads",
    "atom_rows": "row_bead",
    "bonds": "targets",
    "angles": "targets",
    "swaps": "targets",
    "rotors": "targets",
    "rotor_bead": "beads",
    "rotor_before": "rotors",
}
#: What fills rows that are shorter in one corpus than in another, by field; -1 for all others.
_FILL = {"atom_rows": 0, "atom_weights": 0}


def join_corpora(corpora: Sequence[Corpus], n_slots: int) -> Corpus:
    """Lay corpora one after another; what lies in one sees nothing of the others.

    Parameters
    ----------
    corpora : sequence of Corpus
        Made with one vocabulary.
    n_slots : int
        Of the vocabulary.
    """
    if len(corpora) == 1:
        return corpora[0]
    joined: dict[str, Any] = {"n_types": corpora[0].n_types, "cutoff": corpora[0].cutoff}
    for field in fields(Corpus):
        parts = [getattr(corpus, field.name) for corpus in corpora]
        if field.name == "structure":
            joined[field.name] = _one_after_another(parts)
        elif isinstance(parts[0], torch.Tensor):
            joined[field.name] = torch.cat(
                _same_width(_shifted(field.name, parts, corpora, n_slots), field.name)
            )
    return Corpus(**joined)


def join_statistics(corpora: Sequence[Corpus], statistics: Sequence[Statistics]) -> Statistics:
    """Take what is said of each type from the corpus that has most beads of it."""
    n_types = corpora[0].n_types
    counts = torch.stack([torch.bincount(c.types, minlength=n_types) for c in corpora])
    best = counts.argmax(dim=0)
    every = torch.arange(n_types)
    names = ("typical", "longest", "usual", "spread")
    chosen = {n: torch.stack([getattr(s, n) for s in statistics])[best, every] for n in names}
    bonds = {kind: values for s in reversed(statistics) for kind, values in s.bonds.items()}
    return Statistics(**chosen, bonds=bonds)


def _one_after_another(parts: list[torch.Tensor]) -> torch.Tensor:
    """Give the structures of each corpus numbers after those of the ones before it."""
    numbered: list[torch.Tensor] = []
    begin = 0
    for part in parts:
        numbered.append(part + begin)
        begin = int(numbered[-1].max()) + 1
    return torch.cat(numbered)


def _shifted(
    name: str, parts: list[torch.Tensor], corpora: Sequence[Corpus], n_slots: int
) -> list[torch.Tensor]:
    """Let indices count in the joined corpus; starts lose the first entry of all but the first."""
    counted = "beads" if name == "path" else _COUNT_IN.get(name)
    if counted is None:
        return parts
    shifted: list[torch.Tensor] = []
    begin = 0
    for part, corpus in zip(parts, corpora, strict=True):
        by = begin * (n_slots if name == "path" else 1)
        moved = torch.where(part >= 0, part + by, part)
        shifted.append(moved[1:] if name.endswith("_start") and shifted else moved)
        begin += len(getattr(corpus, counted))
    return shifted


def _same_width(parts: list[torch.Tensor], name: str) -> list[torch.Tensor]:
    """Fill up what is narrower, on all axes but the first."""
    if parts[0].ndim == 1:
        return parts
    shape = [max(part.shape[axis] for part in parts) for axis in range(1, parts[0].ndim)]
    filled = []
    for part in parts:
        wide = part.new_full((len(part), *shape), _FILL.get(name, -1))
        wide[(slice(None), *(slice(n) for n in part.shape[1:]))] = part
        if name == "swaps":  # orders that are not there are the given one
            wide[:, part.shape[1] :] = wide[:, :1]
        filled.append(wide)
    return filled
