"""The network: beads and their surroundings to vectors.

Every bead has a frame of its own, made from the beads in its fixed places; its surroundings are
expressed in that frame, where they are plain numbers, and what a multilayer perceptron makes of
them is turned back. The vectors therefore rotate with the beads, and mirror images differ. The
surroundings are the places themselves and a density of all beads within the cutoff, expanded in
spherical harmonics (after Drautz, Phys. Rev. B 99, 014104 (2019)), whose radial functions are the
Bessel functions and the polynomial cutoff of Gasteiger et al., arXiv:2003.03123.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn

from herobm.nn.config import ModelConfig
from herobm.nn.errors import ErrorHead
from herobm.nn.graph import BeadGraph, Reach
from herobm.nn.layers import Block, silent, typed_product
from herobm.nn.look import Look, Sketch
from herobm.nn.rotors import RotorHead
from herobm.nn.rounds import Rounds
from herobm.nn.second import SecondLook
from herobm.nn.strain import N_FEATURES, Strain, expand
from herobm.nn.surroundings import Density, Frames
from herobm.plan.context import N_PLACES

#: Å, root of the sum of squares across the line that fits a bead's places best, below which they
#: tell no direction.
LOST = 0.5
#: Å, scale beyond which distances to the fixed places are compressed.
PLACE_SCALE = 8.0


class Prediction(NamedTuple):
    """What the network says of each bead.

    Attributes
    ----------
    vectors : Tensor, shape (n_beads, n_slots, 3)
        Å, from each anchor to its atom.
    torsions : Tensor, shape (n_beads, 2, 2)
        Unit vectors (cos, sin) of phi and psi; meaningful for backbone beads.
    hidden : Tensor, shape (n_beads, width)
        What the bead holds at last; `Backmapper.rotors` and `Backmapper.errors` read it.
    """

    vectors: torch.Tensor
    torsions: torch.Tensor
    hidden: torch.Tensor


class Backmapper(nn.Module):
    """The network.

    Parameters
    ----------
    config : ModelConfig
    n_types : int
        Size of the vocabulary of bead types.
    n_slots : int
        Vectors predicted for a bead.

    Attributes
    ----------
    longest : Tensor, shape (n_types, n_slots)
        Å, bound on the length of each vector (from the training structures). It is 0 where the
        bead is the atom; of beads that have no other vectors nothing is asked.
    typical : Tensor, shape (n_types, n_slots)
        Å, root mean square length of each vector; the scale of the output.
    """

    longest: torch.Tensor
    typical: torch.Tensor

    def __init__(self, config: ModelConfig, n_types: int, n_slots: int) -> None:
        super().__init__()
        self.config, self.n_types, self.n_slots = config, n_types, n_slots
        self.frames = Frames(n_types)
        self.density = Density(config, n_types)
        self.type_embedding = nn.Embedding(n_types + 1, config.type_width)
        per_place = 4 + config.type_width
        self.own = nn.Embedding(n_types, config.hidden)
        self.surroundings = nn.Linear(N_PLACES * per_place + self.density.width, config.hidden)
        self.density_norm = nn.LayerNorm(self.density.width)
        self.strain = Strain(n_types)
        self.strain_shift = silent(nn.Linear(N_FEATURES, config.hidden))
        self.strain_gate = silent(nn.Linear(N_FEATURES, config.readout))
        blocks = (Block(config.hidden, config.dropout) for _ in range(config.n_blocks))
        self.blocks = nn.Sequential(*blocks)
        self.narrow = nn.Sequential(
            nn.LayerNorm(config.hidden), nn.Linear(config.hidden, config.readout), nn.SiLU()
        )
        outputs = 3 * n_slots + 4
        scale = 1.0 / math.sqrt(config.readout)
        self.readout = nn.Parameter(torch.randn(n_types, outputs, config.readout) * scale)
        self.readout_bias = nn.Parameter(torch.zeros(n_types, outputs))
        width = config.readout
        self.second: SecondLook | None = None
        if config.second is not None:
            self.second = SecondLook(config.second, n_types, n_slots, width)
            width = config.second.readout
        self.rounds: Rounds | None = None
        if config.rounds is not None:
            self.rounds = Rounds(config, n_types, n_slots, width)
            width = config.rounds.hidden
        self.rotors: RotorHead | None = None
        if config.rotors is not None:
            self.rotors = RotorHead(config.rotors, n_types, n_slots, width)
        self.errors = ErrorHead(n_types, width).requires_grad_(False)  # fitted in the end
        self.register_buffer("longest", torch.full((n_types, n_slots), 4.0))
        self.register_buffer("typical", torch.ones(n_types, n_slots))

    def forward(self, graph: BeadGraph) -> Prediction:
        """Predict the vectors and torsions of the beads of a graph of a whole system."""
        return self.predict(self.looks(graph)[-1])

    def looks(self, graph: BeadGraph, held: int = 0) -> list[Look]:
        """Look at a whole system as often as the network does.

        Parameters
        ----------
        graph : BeadGraph
        held : int
            Looks, from the first, in which nothing is to be learnt.

        Returns
        -------
        list of Look
            All looks, the first one first.
        """
        made: list[Look] = []
        for number in range(1 + self.n_again):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number >= held):
                made.append(self._next(graph, made))
        return made

    def _next(self, graph: BeadGraph, made: list[Look]) -> Look:
        if not made:
            return self.look(graph)
        number = len(made) - 1
        sketch = self.sketch(number, graph.types, made[-1])
        return self.look_again(number, graph, made[-1], sketch)

    @property
    def n_second(self) -> int:
        """How often its second look is taken."""
        return 0 if self.config.second is None else self.config.second.times

    @property
    def n_again(self) -> int:
        """How often it looks after the first time, each time at what it made before."""
        rounds = self.config.rounds
        return self.n_second + (0 if rounds is None else rounds.count)

    @property
    def reach(self) -> Reach:
        """How far it sees."""
        config = self.config
        asked = tuple(tuple(row) for row in (self.longest > 0).tolist())
        return Reach(config.cutoff, config.n_neighbours, config.n_single, asked)

    def look(self, graph: BeadGraph) -> Look:
        """Tell what the beads alone say."""
        asked = _rows(graph.asked)
        if asked is None:
            return self._look(graph)
        return self._look(graph.take(asked)).among(asked, len(graph.types))

    def _look(self, graph: BeadGraph) -> Look:
        frames = self.frames(graph.types, graph.place_vectors)
        strain = expand(graph.strain)
        hidden = self.own(graph.types) + self.surroundings(self._features(graph, frames))
        hidden = nn.functional.silu(hidden + self.strain_shift(strain))
        hidden = self.narrow(self.blocks(hidden)) * (1.0 + self.strain_gate(strain))
        out = typed_product(hidden, graph.types, self.readout, self.readout_bias)
        local = out[:, : 3 * self.n_slots].unflatten(1, (self.n_slots, 3))
        local = local * self.typical[graph.types].unsqueeze(-1)
        vectors = self._bounded(local @ frames.transpose(1, 2), graph.types)
        torsions = out[:, 3 * self.n_slots :].unflatten(1, (2, 2))
        return Look(frames, hidden, strain, vectors, torsions)

    def sketch(self, number: int, types: torch.Tensor, look: Look) -> Sketch:
        """Tell what beads show each other before look `number` (from 0) after the first.

        Parameters
        ----------
        number : int
        types : Tensor, shape (n_beads,)
            Of all beads of a system.
        look : Look
            At all of them.
        """
        if number >= self.n_second:
            assert self.rounds is not None
            return self.rounds.sketch(
                number - self.n_second, types, self._entered(types, number, look)
            )
        assert self.second is not None
        atoms = self.second.atoms(types, look.vectors)
        return Sketch(atoms, look.frames.transpose(1, 2), look.hidden[:, :0])

    def look_again(self, number: int, graph: BeadGraph, mine: Look, sketch: Sketch) -> Look:
        """Look at what was sketched.

        Parameters
        ----------
        number : int
            Of the look, from 0 for the one after the first.
        graph : BeadGraph
        mine : Look
            At the beads of the graph.
        sketch : Sketch
            Of all beads that the graph counts as neighbours, see `sketch`.
        """
        if number >= self.n_second:
            return self._round(number, graph, self._entered(graph.types, number, mine), sketch)
        assert self.second is not None
        moved, turned, hidden = self.second(graph, mine, sketch.atoms)
        again = mine._replace(vectors=self._bounded(mine.vectors + moved, graph.types))
        if number < self.n_second - 1:  # its layers read what the first look holds, each time
            return again
        return again._replace(torsions=mine.torsions + turned, hidden=hidden)

    def _entered(self, types: torch.Tensor, number: int, look: Look) -> Look:
        """Let beads hold what the rounds begin with, before the first of them."""
        if self.rounds is None or number > self.n_second:
            return look
        return self.rounds.begin(types, look)

    def _round(self, number: int, graph: BeadGraph, mine: Look, sketch: Sketch) -> Look:
        asked = _rows(graph.asked)
        if asked is None:
            return self._round_of(number, graph, mine, sketch)
        heard = graph.take(asked).among_asked(self.n_types)  # the others have nothing to tell
        there = self._round_of(number, heard, mine.take(asked), sketch)
        # The others hold what they are, and have nothing to correct.
        return Look(*(t.index_copy(0, asked, new) for t, new in zip(mine, there, strict=True)))

    def _round_of(self, number: int, graph: BeadGraph, mine: Look, sketch: Sketch) -> Look:
        assert self.rounds is not None
        moved, turned, hidden = self.rounds(number - self.n_second, graph, mine, sketch)
        return mine._replace(
            hidden=hidden,
            vectors=self._bounded(mine.vectors + moved, graph.types),
            torsions=mine.torsions + turned,
        )

    def predict(self, look: Look) -> Prediction:
        """Say of beads what the last look at them tells."""
        hidden = look.hidden if self.rounds is None else self.rounds.leave(look.hidden)
        torsions = nn.functional.normalize(look.torsions, dim=-1)
        return Prediction(look.vectors, torsions, hidden)

    def hold_all(self) -> None:
        """Let only the shares of torsion angles learn."""
        assert self.rotors is not None
        self.eval()
        self.rotors.train()
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith("rotors."))

    def hold_looks(self) -> None:
        """Let only what comes last learn, rounds of messages or a second look."""
        last = "second." if self.rounds is None else "rounds."
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith((last, "rotors.")))
        self.blocks.eval()
        if self.rounds is not None and self.second is not None:
            self.second.eval()

    def _bounded(self, vectors: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        """Cut vectors (n_beads, n_slots, 3), Å, to their bounds.

        Bounded last: softened axes are not quite at right angles and may lengthen a vector.
        """
        length = torch.sqrt(vectors.square().sum(dim=-1) + 1e-12)
        bound = self.longest[types]
        return vectors * (bound / torch.maximum(length, bound)).unsqueeze(-1)

    @torch.no_grad()
    def orient(self, graph: BeadGraph, seed: int) -> tuple[BeadGraph, int]:
        """Give a direction to beads whose surroundings have none, such as a lone bead.

        Random vectors are put into their empty places, where only the frame sees them; the same
        ones for all beads, so that those of one residue agree.

        Parameters
        ----------
        graph : BeadGraph
        seed : int
            The same seed gives the same directions.

        Returns
        -------
        BeadGraph
        int
            Number of beads that were given a direction.
        """
        spread = graph.place_vectors.transpose(1, 2) @ graph.place_vectors
        lost = torch.linalg.eigvalsh(spread)[:, 1] < LOST**2
        if not lost.any():
            return graph, 0
        generator = torch.Generator().manual_seed(seed)
        random = torch.randn(graph.place_vectors.shape[1:], generator=generator)
        empty = (graph.place_types == self.n_types) & lost.unsqueeze(-1)
        filled = graph.place_vectors + random.to(empty.device) * empty.unsqueeze(-1)
        return replace(graph, place_vectors=filled), int(lost.sum())

    def _features(self, graph: BeadGraph, frames: torch.Tensor) -> torch.Tensor:
        local = graph.place_vectors @ frames
        length = torch.linalg.vector_norm(local, dim=-1, keepdim=True)
        there = (graph.place_types < self.n_types).unsqueeze(-1)
        bounded = local / (PLACE_SCALE + length) * 2.0
        places = torch.cat([bounded, length / (PLACE_SCALE + length) * 2.0], dim=-1) * there
        named = self.type_embedding(graph.place_types) * there
        density = self.density_norm(self.density(graph, frames))
        return torch.cat([places.flatten(1), named.flatten(1), density], dim=1)


def _rows(asked: torch.Tensor) -> torch.Tensor | None:
    """Which beads are asked for anything; None for all."""
    return None if asked.all() else torch.nonzero(asked).squeeze(1)
