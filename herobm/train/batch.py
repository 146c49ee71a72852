"""Batches: short runs of residues cut out of a corpus, with bead noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import torch

from herobm.nn.graph import BeadGraph
from herobm.train.corpus import Corpus
from herobm.train.shake import Shaken


class Rotors(NamedTuple):
    """Bonds of a batch about which side branches turn, see `Corpus`.

    Attributes
    ----------
    atoms : Tensor, shape (n, n_names, 4)
        Of each torsion, under all names of its atoms; -1 for padding and what is not known.
    bead, slot, before : Tensor, shape (n,)
    """

    atoms: torch.Tensor
    bead: torch.Tensor
    slot: torch.Tensor
    before: torch.Tensor


@dataclass(frozen=True)
class Batch:
    """What the network reads and what it should have said.

    Attributes
    ----------
    index : Tensor, shape (n_beads,)
        Of its beads in the corpus.
    graph : BeadGraph
        Of the beads of the batch; their neighbours may lie outside it.
    beads : Tensor, shape (n_beads, 3), Å, noise included.
    path : Tensor, shape (n_rows, depth), into the flat vectors, padded with n_beads * n_slots.
    row_bead : Tensor, shape (n_rows,)
    atom_rows, atom_weights : Tensor, shape (n_atoms, n_shares)
    targets : Tensor, shape (n_atoms, 3), Å, NaN where unknown.
    bfactors : Tensor, shape (n_atoms,), Å^2, 0 where unknown.
    bonds, angles : Tensor, shape (n, 2) and (n, 3), of known atoms.
    swaps : Tensor, shape (n_swaps, n_alternatives, n_swapped), -1 for padding.
    rotors : Rotors
    torsions : Tensor, shape (n_beads, 2, 2), NaN where there is none.
    """

    index: torch.Tensor
    graph: BeadGraph
    beads: torch.Tensor
    path: torch.Tensor
    row_bead: torch.Tensor
    atom_rows: torch.Tensor
    atom_weights: torch.Tensor
    targets: torch.Tensor
    bfactors: torch.Tensor
    bonds: torch.Tensor
    angles: torch.Tensor
    swaps: torch.Tensor
    rotors: Rotors
    torsions: torch.Tensor

    def place(self, vectors: torch.Tensor) -> torch.Tensor:
        """Place the atoms (n_atoms, 3) from vectors (n_beads, n_slots, 3), both in Å.

        The same sums as `herobm.plan.reconstruct`, differentiable.
        """
        flat = torch.cat([vectors.reshape(-1, 3), vectors.new_zeros(1, 3)])
        rows = self.beads[self.row_bead] + flat[self.path].sum(dim=1)
        return (rows[self.atom_rows] * self.atom_weights.unsqueeze(-1)).sum(dim=1)


def segments(
    structure: torch.Tensor, length: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut all structures into runs of residues, at random places and in random order.

    Parameters
    ----------
    structure : Tensor, shape (n_residues,)
        Of each residue; those of one structure stand together.
    length : int
        Residues in a run.

    Returns
    -------
    first, last : Tensor, shape (n_runs,)
        Residues ``first`` to ``last - 1``.
    """
    borders = torch.unique_consecutive(structure, return_counts=True)[1].cumsum(0)
    starts = torch.cat([borders.new_zeros(1), borders[:-1]])
    offsets = torch.randint(length, (len(starts),), generator=generator).to(borders.device)
    counts = (borders - starts + offsets + length - 1) // length
    owner = torch.repeat_interleave(torch.arange(len(starts), device=borders.device), counts)
    rank = torch.arange(len(owner), device=borders.device) - (counts.cumsum(0) - counts)[owner]
    first = starts[owner] - offsets[owner] + rank * length
    last = torch.minimum(first + length, borders[owner])
    first = torch.maximum(first, starts[owner])
    order = torch.randperm(len(first), generator=generator).to(borders.device)
    return first[order], last[order]


def whole_structures(
    structure: torch.Tensor, residues: int, generator: torch.Generator
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Gather structures in random order into groups of about so many residues.

    Parameters
    ----------
    structure : Tensor, shape (n_residues,)
        Of each residue; those of one structure stand together.
    residues : int
        At least those of the largest structure.
    generator : torch.Generator

    Returns
    -------
    list of (first, last)
        For each group; residues ``first`` to ``last - 1`` of its structures. The last group may
        be smaller than the others.
    """
    counts = torch.unique_consecutive(structure, return_counts=True)[1].cpu()
    order = torch.randperm(len(counts), generator=generator)
    ends = counts.cumsum(0)
    begun = counts[order].cumsum(0) - counts[order]
    group = torch.div(begun, residues, rounding_mode="floor")
    borders = torch.searchsorted(group, torch.arange(int(group[-1]) + 2)).tolist()
    last = ends[order].to(structure.device)
    first = last - counts[order].to(structure.device)
    return [(first[a:b], last[a:b]) for a, b in pairwise(borders)]


def enclosed(batch: Batch, n_beads: int) -> Batch:
    """Let the graph of a batch of whole structures count neighbours in the batch.

    Parameters
    ----------
    batch : Batch
    n_beads : int
        Of the corpus that it was cut from.
    """
    edges = batch.graph.edge_index
    local = edges.new_full((n_beads + 1,), -1)
    local[batch.index] = torch.arange(len(batch.index), device=edges.device)
    return replace(batch, graph=replace(batch.graph, edge_index=local[edges]))


def cut_batch(
    corpus: Corpus,
    beads: Shaken,
    first: torch.Tensor,
    last: torch.Tensor,
    n_slots: int,
) -> Batch:
    """Cut runs of residues out of a corpus.

    Parameters
    ----------
    corpus : Corpus
    beads : Shaken
        All beads of the corpus, where they are taken to be.
    first, last : Tensor, shape (n_runs,)
    n_slots : int
    """
    bead, _, bead_shift = _ranges(corpus.bead_start, first, last)
    atom, _, atom_shift = _ranges(corpus.atom_start, first, last)
    row, row_run, row_shift = _ranges(corpus.row_start, first, last)
    path = corpus.path[row]
    local_path = path - (bead_shift[row_run] * n_slots).unsqueeze(-1)
    targets = corpus.targets[atom]
    known = torch.isfinite(targets).all(dim=1)
    share_rows = corpus.atom_rows[atom]
    atom_run = torch.repeat_interleave(
        torch.arange(len(first), device=atom.device),
        corpus.atom_start[last] - corpus.atom_start[first],
    )
    local_rows = torch.where(
        corpus.atom_weights[atom] > 0, share_rows - row_shift[atom_run].unsqueeze(-1), 0
    )
    return Batch(
        index=bead,
        graph=graph_of(corpus, beads, bead),
        beads=beads.positions[bead],
        path=torch.where(path < 0, len(bead) * n_slots, local_path),
        row_bead=corpus.row_bead[row] - bead_shift[row_run],
        atom_rows=local_rows,
        atom_weights=corpus.atom_weights[atom],
        targets=targets,
        bfactors=corpus.bfactors[atom],
        bonds=_local(corpus.bonds, corpus.bond_start, first, last, corpus.atom_start, known),
        angles=_local(corpus.angles, corpus.angle_start, first, last, corpus.atom_start, known),
        swaps=_local_swaps(corpus, first, last, atom_shift, known),
        rotors=_local_rotors(corpus, first, last, (bead_shift, atom_shift), known),
        torsions=corpus.torsions[bead],
    )


def _ranges(
    start: torch.Tensor, first: torch.Tensor, last: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Entries of runs of residues, the run of each, and what to subtract for local indices."""
    begin, end = start[first], start[last]
    counts = end - begin
    offsets = counts.cumsum(0) - counts
    run = torch.repeat_interleave(torch.arange(len(first), device=first.device), counts)
    shift = begin - offsets
    return torch.arange(len(run), device=first.device) + shift[run], run, shift


def graph_of(corpus: Corpus, shaken: Shaken, bead: torch.Tensor) -> BeadGraph:
    """Make the graph of some beads of a corpus; `edge_index` counts in the whole corpus.

    Parameters
    ----------
    corpus : Corpus
    shaken : Shaken
        All beads of the corpus, where they are taken to be.
    bead : Tensor, shape (n,)
    """
    beads = shaken.positions
    n_types = corpus.n_types
    neighbours = shaken.neighbours[bead].long()
    places = corpus.places[bead].long()
    here = beads[bead].unsqueeze(1)
    padded = torch.cat([corpus.types, corpus.types.new_full((1,), n_types)])
    away = beads.new_tensor([2.0 * corpus.cutoff, 0.0, 0.0])
    to_neighbour = torch.where((neighbours >= 0).unsqueeze(-1), beads[neighbours] - here, away)
    to_place = torch.where((places >= 0).unsqueeze(-1), beads[places] - here, 0.0)
    return BeadGraph(
        types=corpus.types[bead],
        place_types=padded[places],
        place_vectors=to_place,
        edge_index=neighbours,
        edge_types=padded[neighbours],
        edge_relations=corpus.relations[bead].long(),
        edge_vectors=to_neighbour,
        strain=shaken.strain[bead],
        asked=corpus.asked[bead],
        edge_asked=(neighbours >= 0) & corpus.asked[neighbours],
    )


def _local(
    tuples: torch.Tensor,
    start: torch.Tensor,
    first: torch.Tensor,
    last: torch.Tensor,
    atom_start: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    """Bonds or angles whose atoms all lie in one run and are known, in local indices."""
    entry, run, _ = _ranges(start, first, last)
    begin, end = atom_start[first], atom_start[last]
    counts = end - begin
    shift = begin - (counts.cumsum(0) - counts)
    chosen = tuples[entry]
    inside = chosen.min(dim=1).values >= begin[run]
    local = (chosen - shift[run].unsqueeze(-1))[inside]
    return local[known[local].all(dim=1)]


def _local_swaps(
    corpus: Corpus,
    first: torch.Tensor,
    last: torch.Tensor,
    atom_shift: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    entry, run, _ = _ranges(corpus.swap_start, first, last)
    swaps = corpus.swaps[entry]
    local = torch.where(swaps >= 0, swaps - atom_shift[run].reshape(-1, 1, 1), -1)
    usable = (known[local.clamp(min=0)] | (local < 0)).all(dim=2).all(dim=1)
    return local[usable]


def _local_rotors(
    corpus: Corpus,
    first: torch.Tensor,
    last: torch.Tensor,
    shifts: tuple[torch.Tensor, torch.Tensor],
    known: torch.Tensor,
) -> Rotors:
    """Rotors of runs of residues; `shifts` are those of beads and atoms, for local indices."""
    entry, run, shift = _ranges(corpus.rotor_start, first, last)
    bead_shift, atom_shift = (of_run[run] for of_run in shifts)
    atoms = corpus.rotors[entry]
    local = (atoms - atom_shift.reshape(-1, 1, 1)).clamp(min=0)
    there = ((atoms >= 0) & known[local]).all(dim=2, keepdim=True)
    before = corpus.rotor_before[entry]
    return Rotors(
        torch.where(there, local, -1),
        corpus.rotor_bead[entry] - bead_shift,
        corpus.rotor_slot[entry],
        torch.where(before >= 0, before - shift[run], -1),
    )
