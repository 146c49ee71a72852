"""Beads to tensors: neighbours within the cutoff, across periodic boundaries too."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from scipy.spatial import cKDTree

from herobm.nn.strain import Strain
from herobm.plan.context import context_places, relations, sequence_steps
from herobm.system.neighbours import with_images
from herobm.system.topology import Topology
from herobm.types import BoolArray, FloatArray, IntArray

#: Å a coordinate, where neighbours are put that are left out: beyond any cutoff.
FAR = 1e3


@dataclass(frozen=True)
class BeadGraph:
    """What the network sees of a system (or of part of one).

    Attributes
    ----------
    types : Tensor, shape (n_beads,), int64
        Index into the vocabulary of bead types.
    place_types : Tensor, shape (n_beads, n_places), int64
        Types of the beads in the fixed places, ``n_types`` where there is none.
    place_vectors : Tensor, shape (n_beads, n_places, 3)
        Å, from the bead to the place; 0 where there is none.
    edge_index : Tensor, shape (n_beads, n_neighbours), int64
        Neighbours, counted in the whole system, -1 for padding.
    edge_types : Tensor, shape (n_beads, n_neighbours), int64
        Types of the neighbours, ``n_types`` for padding.
    edge_relations : Tensor, shape (n_beads, n_neighbours), int64
    edge_vectors : Tensor, shape (n_beads, n_neighbours, 3)
        Å, from the bead to its neighbour; longer than the cutoff for padding.
    strain : Tensor, shape (n_beads,)
        Å, see `herobm.nn.strain`.
    asked : Tensor, shape (n_beads,), bool
        Whether there is anything to ask of a bead: not of one that has nothing to place.
    edge_asked : Tensor, shape (n_beads, n_neighbours), bool
        The same of its neighbours; not of padding.
    """

    types: torch.Tensor
    place_types: torch.Tensor
    place_vectors: torch.Tensor
    edge_index: torch.Tensor
    edge_types: torch.Tensor
    edge_relations: torch.Tensor
    edge_vectors: torch.Tensor
    strain: torch.Tensor
    asked: torch.Tensor
    edge_asked: torch.Tensor

    def to(self, device: torch.device | str) -> BeadGraph:
        """Return the graph on another device."""
        return BeadGraph(*(getattr(self, f.name).to(device) for f in fields(self)))

    def take(self, index: slice | torch.Tensor) -> BeadGraph:
        """Return the part of the graph that belongs to some beads."""
        return BeadGraph(*(getattr(self, f.name)[index] for f in fields(self)))

    def among_asked(self, n_types: int) -> BeadGraph:
        """Return the graph without the neighbours of which there is nothing to ask.

        Parameters
        ----------
        n_types : int
            Size of the vocabulary, the type of padding.
        """
        kept = self.edge_asked
        count = max(int(kept.sum(dim=1).max()), 1) if len(kept) else 1
        column = torch.argsort(~kept, dim=1, stable=True)[:, :count]
        there = kept.gather(1, column)
        vectors = self.edge_vectors.gather(1, column.unsqueeze(-1).expand(-1, -1, 3))
        return replace(
            self,
            edge_index=torch.where(there, self.edge_index.gather(1, column), -1),
            edge_types=torch.where(there, self.edge_types.gather(1, column), n_types),
            edge_relations=self.edge_relations.gather(1, column),
            edge_vectors=torch.where(there.unsqueeze(-1), vectors, FAR),
            edge_asked=there,
        )


@dataclass(frozen=True)
class Reach:
    """How far a network sees, see `herobm.nn.config.ModelConfig`.

    Attributes
    ----------
    cutoff : float
        Å.
    n_neighbours : int
    n_single : int or None
    asked : tuple of tuple of bool, shape (n_types, n_slots)
        Which vectors are asked for; empty for all.
    """

    cutoff: float
    n_neighbours: int
    n_single: int | None = None
    asked: tuple[tuple[bool, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Context:
    """What of a graph does not change from frame to frame.

    Attributes
    ----------
    types : IntArray, shape (n_beads,)
    places : IntArray, shape (n_beads, n_places)
    steps : IntArray, shape (n_residues, n_steps)
    bead_residue : IntArray, shape (n_beads,)
    used : BoolArray, shape (n_beads, n_slots)
        Vectors that place an atom here; atoms at the ends of a chain are not there within it.
    n_types : int
    """

    types: IntArray
    places: IntArray
    steps: IntArray
    bead_residue: IntArray
    used: BoolArray
    n_types: int


def build_context(topology: Topology, types: IntArray, n_types: int) -> Context:
    """Gather what of the graph stays the same for all frames of a topology."""
    steps = sequence_steps(topology.links.previous, topology.links.following)
    places = context_places(topology.plan, topology.link_beads, steps)
    plan = topology.plan
    return Context(types, places, steps, plan.bead_residue, plan.used, n_types)


def asked_beads(types: IntArray, used: BoolArray, vectors: BoolArray) -> BoolArray:
    """Tell of which beads there is anything to ask.

    Parameters
    ----------
    types : IntArray, shape (n_beads,)
    used : BoolArray, shape (n_beads, n_slots)
        Vectors that place an atom.
    vectors : BoolArray, shape (n_types, n_slots)
        Which of them are asked for; the slots of either may be more than those of the other.

    Returns
    -------
    BoolArray, shape (n_beads,)
    """
    width = min(vectors.shape[1], used.shape[1])
    found: BoolArray = np.asarray(np.logical_and(vectors[types, :width], used[:, :width]).any(1))
    return found


def restrict(context: Context, kept: BoolArray) -> Context:
    """Leave beads out, as if the others were alone along the same chains.

    Parameters
    ----------
    context : Context
    kept : BoolArray, shape (n_beads,)

    Returns
    -------
    Context
        Of the beads that are kept; places where others were are empty.
    """
    if kept.all():
        return context
    renumbered = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
    return Context(
        types=context.types[kept],
        places=renumbered[context.places[kept]],
        steps=context.steps,
        bead_residue=context.bead_residue[kept],
        used=context.used[kept],
        n_types=context.n_types,
    )


def build_graph(
    context: Context,
    positions: FloatArray,
    box: FloatArray | None,
    reach: Reach,
    strain: Strain,
) -> BeadGraph:
    """Build the graph of one frame.

    Parameters
    ----------
    context : Context
    positions : FloatArray, shape (n_beads, 3)
        Å, residues and chains whole.
    box : FloatArray or None, shape (6,)
    reach : Reach
    strain : Strain
        Of the network that reads the graph.

    Returns
    -------
    BeadGraph
        float32, on the CPU.
    """
    found = find_neighbours(positions, box, reach.cutoff)
    asked = np.ones(len(positions), dtype=bool)
    if reach.asked:
        asked = asked_beads(context.types, context.used, np.array(reach.asked))
    neighbours, vectors = _seen(*found, asked, reach)
    padded = np.append(context.types, context.n_types)
    there = np.where(neighbours < 0, 0, neighbours)
    related = relations(context.bead_residue, context.steps, there)
    here = positions[:, None]
    to_place = positions[context.places] - here
    to_place[context.places < 0] = 0.0
    graph = BeadGraph(
        types=torch.as_tensor(context.types),
        place_types=torch.as_tensor(padded[context.places]),
        place_vectors=torch.as_tensor(to_place, dtype=torch.float32),
        edge_index=torch.as_tensor(neighbours),
        edge_types=torch.as_tensor(padded[neighbours]),
        edge_relations=torch.as_tensor(related, dtype=torch.int64),
        edge_vectors=torch.as_tensor(vectors, dtype=torch.float32),
        strain=torch.zeros(len(positions)),
        asked=torch.as_tensor(asked),
        edge_asked=torch.as_tensor(np.append(asked, False)[neighbours]),
    )
    return with_strain(graph, context.n_types, strain)


def with_strain(graph: BeadGraph, n_types: int, strain: Strain) -> BeadGraph:
    """Return the graph of a whole system as another network reads it.

    Parameters
    ----------
    graph : BeadGraph
    n_types : int
        Size of the vocabulary.
    strain : Strain
        Of the network.
    """
    there = graph.place_types < n_types
    told = (graph.types, graph.place_vectors, there, graph.edge_index)
    found = strain(*(t.to(strain.usual.device) for t in told))
    return replace(graph, strain=found.to(graph.types.device))


def find_neighbours(
    positions: FloatArray, box: FloatArray | None, cutoff: float
) -> tuple[IntArray, FloatArray]:
    """Find all beads within the cutoff of each bead, over the periodic images.

    Parameters
    ----------
    positions : FloatArray, shape (n_beads, 3)
        Å.
    box : FloatArray or None, shape (6,)
    cutoff : float
        Å.

    Returns
    -------
    index : IntArray, shape (n_beads, n_neighbours)
        Padded with -1 to the largest number of neighbours.
    vectors : FloatArray, shape (n_beads, n_neighbours, 3)
        Å; twice the cutoff along x for padding.
    """
    n_beads = len(positions)
    points: FloatArray = positions
    owner: IntArray = np.arange(n_beads)
    if box is not None:
        points, owner = with_images(positions, box, cutoff)
    tree = cKDTree(points)
    pairs = tree.query_pairs(cutoff, output_type="ndarray")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[both[:, 0] < n_beads]
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    counts = np.bincount(both[:, 0], minlength=n_beads)
    column = np.arange(len(both)) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.full((n_beads, max(int(counts.max(initial=0)), 1)), -1, dtype=np.int64)
    vectors = np.zeros((*index.shape, 3))
    vectors[..., 0] = 2.0 * cutoff
    index[both[:, 0], column] = owner[both[:, 1]]
    vectors[both[:, 0], column] = points[both[:, 1]] - points[both[:, 0]]
    return index, vectors


def _seen(
    index: IntArray, vectors: FloatArray, asked: BoolArray, reach: Reach
) -> tuple[IntArray, FloatArray]:
    """Keep of the neighbours those that the network sees."""
    if reach.n_single is None:
        return _nearest(index, vectors, reach.n_neighbours)
    many = asked[index]
    parts = []
    for kept, count in ((many, reach.n_neighbours), (~many, reach.n_single)):
        there = kept & (index >= 0)
        away = np.where(there[..., None], vectors, FAR)
        parts.append(_nearest(np.where(there, index, -1), away, count))
    indices, found = zip(*parts, strict=True)
    return np.concatenate(indices, axis=1), np.concatenate(found, axis=1)


def _nearest(index: IntArray, vectors: FloatArray, count: int) -> tuple[IntArray, FloatArray]:
    """Keep the nearest neighbours, in the order in which they are."""
    if index.shape[1] <= count:
        return index, vectors
    squares = (vectors**2).sum(axis=2)
    squares[index < 0] = np.inf
    kept = np.sort(np.argpartition(squares, count - 1, axis=1)[:, :count], axis=1)
    chosen = np.take_along_axis(index, kept, axis=1)
    return chosen, np.take_along_axis(vectors, kept[..., None], axis=1)
