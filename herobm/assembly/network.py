"""Networks of herobm at work on their residues of a topology."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from herobm.assembly.draft import Draft
from herobm.chem.naming import Naming, best_names, find_naming
from herobm.chem.rotor_shares import RotorShares
from herobm.chem.rotors import find_rotors
from herobm.nn.graph import BeadGraph, Reach, build_context, build_graph, restrict, with_strain
from herobm.nn.look import Look, join_looks
from herobm.nn.model import Backmapper
from herobm.nn.rotors import BINS, RotorHead
from herobm.plan import Plan, Template, project, reconstruct
from herobm.system import Topology
from herobm.types import Beads, BoolArray, FloatArray, IntArray
from herobm.weights.expected import Held
from herobm.weights.file import Weights

log = logging.getLogger(__name__)

#: Least share of a torsion angle that is told.
RAREST = 1e-6


class Network:
    """A network of herobm.

    Parameters
    ----------
    weights : Weights
    name : str, optional
        What to call it; the path of the weights by default.
    mapping : str, optional
        Set that it serves; the one that its weights name by default. Some serve several.
    """

    trained = True

    def __init__(
        self, weights: Weights, name: str | None = None, mapping: str | None = None
    ) -> None:
        self.weights = weights
        self.name = name or str(weights.path)
        self.mapping = mapping or weights.header.mapping
        self.bonds = weights.header.bonds

    def knows(self, template: Template) -> bool:
        """Tell whether it rebuilds a residue kind."""
        return self.weights.header.vocabulary.knows(template)

    def share(self, topology: Topology, owned: BoolArray, seed: int) -> NetworkShare:
        """Make ready for the residues `owned`, shape (n_residues,), of a topology."""
        return NetworkShare(self.weights, topology, owned, seed)


class NetworkShare:
    """The networks of a weights file at work; beads that they do not know are not there for them.

    Where there are several, the atoms that they place are averaged, under the names (of atoms
    that chemistry cannot tell apart) that bring them nearest to those of the first.
    """

    #: Beads that pass through the network at once; bounds the memory, changes no result.
    CHUNK = 4096

    def __init__(
        self, weights: Weights, topology: Topology, owned: BoolArray, seed: int = 0
    ) -> None:
        vocabulary = weights.header.vocabulary
        types = vocabulary.known_types(topology.plan)
        known = types >= 0
        self.networks, self.seed, self._told = weights.networks, seed, False
        self.errors, self.path, self._untold = weights.header.errors, weights.path, False
        self.context = restrict(build_context(topology, types, vocabulary.n_types), known)
        self.plan = topology.plan
        self.naming = find_naming(topology.plan) if weights.others else None
        self.seen = np.flatnonzero(known)
        self.rows = np.flatnonzero(owned[topology.plan.bead_residue] & known)
        self._own = torch.as_tensor(np.searchsorted(self.seen, self.rows))

    @cached_property
    def rotors(self) -> _Rotors:
        """Bonds whose torsion angles the networks tell shares of."""
        return _Rotors.of(self.plan, self.rows)

    @property
    def tells_rotors(self) -> bool:
        """Whether a network tells shares of torsion angles."""
        return any(network.rotors is not None for network in self.networks)

    def fill(self, beads: Beads, draft: Draft) -> None:
        """Write the vectors and torsions of one frame, and what errors to expect of them."""
        held, asked = self.rebuild(beads, draft)
        if self.errors is None:
            self._tell_untold()
        else:
            squares = self.errors.squares(self.networks, held)
            draft.squared_error[self.rows] = np.where(asked, squares, 0.0)

    def rebuild(self, beads: Beads, draft: Draft) -> tuple[tuple[Held, ...], BoolArray]:
        """Write the vectors and torsions of one frame.

        Parameters
        ----------
        beads : Beads
        draft : Draft
            Changed in place.

        Returns
        -------
        tuple of Held
            Of the beads `rows`, from which each network tells what errors to expect.
        BoolArray, shape (n_rows,)
            Which of them are asked for anything; the others are where their atom is.
        """
        rows = self.rows
        graphs: dict[Reach, BeadGraph] = {}
        said = [self._ask(network, beads, draft, graphs) for network in self.networks]
        draft.vectors[rows] = said[0].vectors
        if self.naming is not None:
            draft.vectors[rows] = self._mean_of_atoms(self.naming, said, beads, draft)
        draft.torsions[rows] = np.mean([s.torsions for s in said], axis=0)
        draft.strain[rows] = said[0].held.strain.cpu().numpy()
        draft.farthest[rows] = said[0].farthest
        if self.tells_rotors:
            draft.rotors.append(
                RotorShares(
                    lambda: (self.rotors.quads, self.rotors.before),
                    lambda: self.rotors.shares(self.networks, said),
                )
            )
        return tuple(s.held for s in said), said[0].asked

    def strain(self, beads: Beads) -> FloatArray:
        """Tell how far the beads of a frame stray, shape (n_rows,), Å, without a look at them."""
        network = self.networks[0]
        seen = beads.positions[self.seen]
        graph = build_graph(self.context, seen, beads.box, network.reach, network.strain)
        found: FloatArray = graph.strain[self._own].cpu().numpy()
        return found

    def _ask(
        self,
        network: Backmapper,
        beads: Beads,
        draft: Draft,
        graphs: dict[Reach, BeadGraph],
    ) -> _Said:
        """Ask one network; `graphs` holds what others, who see as far, have seen of the frame."""
        reach = network.reach
        if reach in graphs:
            graph = with_strain(graphs[reach], network.n_types, network.strain)
        else:
            positions = beads.positions[self.seen]
            graph = build_graph(self.context, positions, beads.box, reach, network.strain)
            graphs[reach] = graph = graph.to(next(network.parameters()).device)
        if network.n_again == 0 and len(self.rows) < len(self.seen):
            graph = graph.take(self._own)
        graph, n_lost = network.orient(graph, self.seed)
        self._tell(n_lost)
        look = self._look(network, graph)
        if len(self.rows) < len(graph.types):
            graph, look = graph.take(self._own), look.take(self._own)
        vectors = np.zeros((len(self.rows), *draft.vectors.shape[1:]))
        n_slots = min(draft.vectors.shape[1], network.n_slots)
        torsions, hidden = np.zeros((len(self.rows), 2, 2)), []
        with torch.inference_mode():
            for begin in range(0, max(len(self.rows), 1), self.CHUNK):
                part = slice(begin, begin + self.CHUNK)
                said = network.predict(look.take(part))
                vectors[part, :n_slots] = said.vectors[:, :n_slots].cpu().numpy()
                torsions[part] = said.torsions.cpu().numpy()
                hidden.append(said.hidden)
        there = graph.place_types < network.n_types
        farthest = network.strain.farthest(graph.types, graph.place_vectors, there).cpu().numpy()
        held = Held(torch.cat(hidden), graph.types, graph.strain)
        return _Said(vectors, torsions, held, farthest, graph.asked.cpu().numpy())

    def _mean_of_atoms(
        self, naming: Naming, said: list[_Said], beads: Beads, draft: Draft
    ) -> FloatArray:
        """Vectors (n_rows, n_slots, 3) to the mean of where the networks put the atoms."""
        placed = []
        for one in said:
            vectors = np.zeros_like(draft.vectors)
            vectors[self.rows] = one.vectors
            placed.append(reconstruct(self.plan, beads.positions, vectors))
        named = [placed[0], *(best_names(naming, p, placed[0]) for p in placed[1:])]
        found: FloatArray = project(self.plan, beads.positions, np.mean(named, axis=0))[self.rows]
        return found

    @torch.inference_mode()
    def _look(self, network: Backmapper, graph: BeadGraph) -> Look:
        """Look at all beads as often as the network does, at some of them at once."""
        parts = [slice(b, b + self.CHUNK) for b in range(0, max(len(graph.types), 1), self.CHUNK)]
        look = join_looks([network.look(graph.take(part)) for part in parts])
        for number in range(network.n_again):
            sketch = network.sketch(number, graph.types, look)
            look = join_looks(
                [
                    network.look_again(number, graph.take(part), look.take(part), sketch)
                    for part in parts
                ]
            )
        return look

    def _tell_untold(self) -> None:
        if not self._untold:
            self._untold = True
            log.info(
                "%s: does not tell what errors to expect; 'herobm models calibrate' judges it",
                self.path,
            )

    def _tell(self, n_lost: int) -> None:
        if n_lost and not self._told:
            self._told = True
            log.info(
                "%d bead(s) have no others near them, or only in a line: how their atoms are "
                "turned cannot be told from the beads and is drawn at random (seed %d)",
                n_lost,
                self.seed,
            )


class _Said(NamedTuple):
    """What a network says of its beads; see `Draft`. Those not `asked` are where their atom is.

    What the beads hold is for what else may be asked.
    """

    vectors: FloatArray
    torsions: FloatArray
    held: Held
    farthest: FloatArray
    asked: BoolArray


class _Rotors(NamedTuple):
    """Bonds about which the side branches of some beads turn (see `herobm.nn.rotors`).

    Attributes
    ----------
    quads : IntArray, shape (n, 4)
        Atoms of the plan.
    before : IntArray, shape (n,)
        Rotor at whose outer atom each begins, -1 for none.
    bead, slot : IntArray, shape (n,)
        Bead, among the `rows` that are asked, and vector that place the first atom that turns.
    """

    quads: IntArray
    before: IntArray
    bead: IntArray
    slot: IntArray

    @classmethod
    def of(cls, plan: Plan, rows: IntArray) -> _Rotors:
        """Find those of the beads `rows` (n_rows,) of a plan."""
        every = find_rotors(plan)
        place = plan.atom_rows[every.quads[:, 3], 0]
        mine = np.flatnonzero(np.isin(plan.bead[place], rows))
        found, place = every.take(mine), place[mine]
        bead = np.searchsorted(rows, plan.bead[place])
        return cls(found.quads, found.before, bead, plan.slot[place])

    def shares(self, networks: Sequence[Backmapper], said: Sequence[_Said]) -> FloatArray:
        """Return the logarithms of the shares that networks tell of a frame, of their mean.

        Shape (n, BINS, BINS), see `RotorShares.log_shares`.
        """
        if not len(self.quads):
            return np.zeros((0, BINS, BINS))
        told = [(n.rotors, s) for n, s in zip(networks, said, strict=True) if n.rotors is not None]
        mean = np.mean([np.exp(self._table(*one)) for one in told], axis=0)
        logs: FloatArray = np.log(np.maximum(mean, RAREST))
        return logs

    @torch.inference_mode()
    def _table(self, head: RotorHead, said: _Said) -> FloatArray:
        """Return the logarithms of the shares, shape (n, BINS, BINS), see `RotorShares`."""
        held = said.held
        bead, slot = (torch.as_tensor(i, device=held.types.device) for i in (self.bead, self.slot))
        begun, kind = head.begin(held.hidden[bead], held.types[bead], slot)
        table = np.empty((len(kind), BINS, BINS), np.float32)
        free = self.before < 0
        for rows, previous in ((free, [BINS]), (~free, range(BINS))):
            which = torch.as_tensor(rows, device=kind.device)
            for number in previous:
                at = torch.full_like(kind[which], number)
                found = head.log_shares(begun[which], kind[which], at).cpu().numpy()
                where = slice(None) if number == BINS else slice(number, number + 1)
                table[rows, where] = found[:, None]
        return table
