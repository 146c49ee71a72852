"""Models that share a system: each sees the residues that it knows and fills those it is given."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch

from herobm.chem.naming import Naming, best_names, find_naming
from herobm.errors import HerobmError, PluginContractError, PluginError, WeightsNotFoundError
from herobm.nn.graph import BeadGraph, build_context, build_graph, restrict, with_strain
from herobm.nn.model import Backmapper
from herobm.nn.second import FirstLook
from herobm.plan import Library, Template, compile_library, project, reconstruct
from herobm.plugins.protocols import Reconstructor, UniversalReconstructor
from herobm.plugins.records import ANY_MAPPING, ModelSpec
from herobm.system import Topology
from herobm.system.part import part_of
from herobm.types import Beads, BoolArray, FloatArray
from herobm.weights.file import Weights, load_weights

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Draft:
    """One frame being rebuilt; models write what is theirs.

    Attributes
    ----------
    vectors : FloatArray, shape (n_beads, n_slots, 3)
        Å, for `herobm.plan.reconstruct`.
    torsions : FloatArray, shape (n_beads, 2, 2)
        (cos, sin) of phi and psi; NaN where no model tells.
    placed : FloatArray, shape (n_atoms, 3)
        Å; atoms that a model places itself, NaN for all others.
    squared_error : FloatArray, shape (n_beads,)
        Å^2, expected of the atoms of each bead; NaN where no model tells.
    strain : FloatArray, shape (n_beads,)
        Å, how far the beads around each stray; NaN where no model tells.
    """

    vectors: FloatArray
    torsions: FloatArray
    placed: FloatArray
    squared_error: FloatArray
    strain: FloatArray

    @classmethod
    def of(cls, topology: Topology) -> Draft:
        """Return a draft in which nothing stands yet."""
        plan = topology.plan
        return cls(
            np.zeros((plan.n_beads, plan.n_slots, 3)),
            np.full((plan.n_beads, 2, 2), np.nan),
            np.full((plan.n_atoms, 3), np.nan),
            np.full(plan.n_beads, np.nan),
            np.full(plan.n_beads, np.nan),
        )


class Share(Protocol):
    """A model at work on its residues of a topology."""

    def fill(self, beads: Beads, draft: Draft) -> None:
        """Write what the model makes of a frame."""


class Model(Protocol):
    """Something that rebuilds certain residue kinds."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def mapping(self) -> str:
        """The mapping set that it was made for, "" if it does not say."""

    @property
    def trained(self) -> bool:
        """Whether it learnt from structures, as far as is known."""

    @property
    def bonds(self) -> Mapping[str, tuple[float, float]]:
        """Kind of bond -> mean and standard deviation in Å."""

    def knows(self, template: Template) -> bool:
        """Tell whether it rebuilds a residue kind."""

    def share(self, topology: Topology, owned: BoolArray, seed: int) -> Share:
        """Make ready for the residues `owned`, shape (n_residues,), of a topology."""


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
    CHUNK = 16384

    def __init__(
        self, weights: Weights, topology: Topology, owned: BoolArray, seed: int = 0
    ) -> None:
        vocabulary = weights.header.vocabulary
        types = vocabulary.known_types(topology.plan)
        known = types >= 0
        self.networks, self.seed, self._told = weights.networks, seed, False
        self.error_scale = weights.header.error_scale
        self.context = restrict(build_context(topology, types, vocabulary.n_types), known)
        self.plan = topology.plan
        self.naming = find_naming(topology.plan) if weights.others else None
        self.seen = np.flatnonzero(known)
        self.rows = np.flatnonzero(owned[topology.plan.bead_residue] & known)
        self._own = torch.as_tensor(np.searchsorted(self.seen, self.rows))

    def fill(self, beads: Beads, draft: Draft) -> None:
        """Write the vectors and torsions of one frame."""
        rows = self.rows
        graphs: dict[tuple[float, int], BeadGraph] = {}
        said = [self._ask(network, beads, draft, graphs) for network in self.networks]
        draft.vectors[rows] = said[0].vectors
        if self.naming is not None:
            draft.vectors[rows] = self._mean_of_atoms(self.naming, said, beads, draft)
        draft.torsions[rows] = np.mean([s.torsions for s in said], axis=0)
        logs = np.log([s.squared_error for s in said])
        draft.squared_error[rows] = np.exp(logs.mean(axis=0))  # one that is lost counts less
        draft.strain[rows] = said[0].strain

    def _ask(
        self,
        network: Backmapper,
        beads: Beads,
        draft: Draft,
        graphs: dict[tuple[float, int], BeadGraph],
    ) -> _Said:
        """Ask one network; `graphs` holds what others, who see as far, have seen of the frame."""
        reach = (network.config.cutoff, network.config.n_neighbours)
        if reach in graphs:
            graph = with_strain(graphs[reach], network.n_types, network.strain)
        else:
            positions = beads.positions[self.seen]
            graph = build_graph(self.context, positions, beads.box, network.config, network.strain)
            graphs[reach] = graph = graph.to(next(network.parameters()).device)
        if network.second is None and len(self.rows) < len(self.seen):
            graph = graph.take(self._own)
        graph, n_lost = network.orient(graph, self.seed)
        self._tell(n_lost)
        first = self._first_look(network, graph)
        atoms = network.atoms(graph.types, first)
        for _ in range(network.n_sketches - 1):
            first = self._look_again(network, graph, first, atoms)
            atoms = network.atoms(graph.types, first)
        if len(self.rows) < len(graph.types):
            graph, first = graph.take(self._own), first.take(self._own)
        vectors = np.zeros((len(self.rows), *draft.vectors.shape[1:]))
        n_slots = min(draft.vectors.shape[1], network.n_slots)
        torsions, squared_error = np.zeros((len(self.rows), 2, 2)), np.zeros(len(self.rows))
        with torch.inference_mode():
            for begin in range(0, len(self.rows), self.CHUNK):
                part = slice(begin, begin + self.CHUNK)
                said = network.finish(graph.take(part), first.take(part), atoms)
                vectors[part, :n_slots] = said.vectors[:, :n_slots].cpu().numpy()
                torsions[part] = said.torsions.cpu().numpy()
                squared_error[part] = self.error_scale * said.log_error.exp().cpu().numpy()
        return _Said(vectors, torsions, squared_error, graph.strain.cpu().numpy())

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
    def _first_look(self, network: Backmapper, graph: BeadGraph) -> FirstLook:
        chunks = range(0, max(len(graph.types), 1), self.CHUNK)
        looks = [network.look(graph.take(slice(b, b + self.CHUNK))) for b in chunks]
        return FirstLook(*(torch.cat(parts) for parts in zip(*looks, strict=True)))

    @torch.inference_mode()
    def _look_again(
        self, network: Backmapper, graph: BeadGraph, first: FirstLook, atoms: torch.Tensor | None
    ) -> FirstLook:
        parts = [slice(b, b + self.CHUNK) for b in range(0, len(graph.types), self.CHUNK)]
        looks = [network.look_again(graph.take(p), first.take(p), atoms) for p in parts]
        return FirstLook(*(torch.cat(found) for found in zip(*looks, strict=True)))

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
    """What a network says of its beads; see `Draft`."""

    vectors: FloatArray
    torsions: FloatArray
    squared_error: FloatArray
    strain: FloatArray


class Foreign:
    """A reconstructor that a plug-in brings, for the residue kinds of its mapping set.

    Parameters
    ----------
    name, mapping : str
    reconstructor : Reconstructor
    library : Library
        Of the mapping set.
    """

    trained = True

    def __init__(
        self, name: str, mapping: str, reconstructor: Reconstructor, library: Library
    ) -> None:
        self.name, self.mapping, self.reconstructor = name, mapping, reconstructor
        self.bonds: dict[str, tuple[float, float]] = {}
        self._keys = {template.key for template in library}

    def knows(self, template: Template) -> bool:
        """Tell whether it rebuilds a residue kind."""
        return template.key in self._keys

    def share(self, topology: Topology, owned: BoolArray, seed: int) -> ForeignShare:
        """Make ready for the residues `owned`, shape (n_residues,), of a topology."""
        known = np.array([self.knows(t) for t in topology.plan.library])[topology.plan.template]
        return ForeignShare(self, topology, known, owned)


class Universal:
    """A reconstructor that a plug-in brings, for residue kinds of any mapping set.

    Parameters
    ----------
    name : str
    reconstructor : UniversalReconstructor
    """

    mapping = ANY_MAPPING
    trained = False

    def __init__(self, name: str, reconstructor: UniversalReconstructor) -> None:
        self.name, self.reconstructor = name, reconstructor
        self.bonds: dict[str, tuple[float, float]] = {}

    def refuses(self, template: Template) -> str:
        """Say why it cannot rebuild a residue kind, "" if it can.

        Raises
        ------
        PluginError
            If the reconstructor fails.
        """
        try:
            return self.reconstructor.refuses(template)
        except HerobmError:
            raise
        except Exception as error:  # the code of others may raise anything
            raise _failed(self.name, error) from error

    def knows(self, template: Template) -> bool:
        """Tell whether it rebuilds a residue kind."""
        return not self.refuses(template)

    def share(self, topology: Topology, owned: BoolArray, seed: int) -> ForeignShare:
        """Make ready for the residues `owned`, shape (n_residues,), of a topology."""
        return ForeignShare(self, topology, owned, owned)


class ForeignShare:
    """A reconstructor at work; residues that it does not know are not there for it."""

    def __init__(
        self, model: Foreign | Universal, topology: Topology, known: BoolArray, owned: BoolArray
    ) -> None:
        self.model = model
        self.part = part_of(topology, known)
        self.own = owned[topology.plan.atom_residue[self.part.atoms]]

    def fill(self, beads: Beads, draft: Draft) -> None:
        """Write the atoms of one frame.

        Raises
        ------
        PluginError
            If the reconstructor fails, or places atoms nowhere.
        """
        alone = self.part.topology.beads
        seen = alone.with_positions(beads.positions[self.part.beads], beads.box)
        positions = self._rebuilt(seen)
        draft.placed[self.part.atoms[self.own]] = positions[self.own]

    def _rebuilt(self, beads: Beads) -> FloatArray:
        try:
            given = self.model.reconstructor.rebuild(self.part.topology, beads)
        except HerobmError:
            raise
        except Exception as error:  # the code of others may raise anything
            raise _failed(self.model.name, error) from error
        positions = np.asarray(given)
        if positions.shape != (len(self.part.atoms), 3):
            raise PluginContractError(
                f"model '{self.model.name}' returns an array of shape {positions.shape} for "
                f"{len(self.part.atoms)} atoms",
                f"It should return positions of shape ({len(self.part.atoms)}, 3) in Å.",
            )
        if not np.isfinite(positions).all():
            raise PluginContractError(
                f"model '{self.model.name}' returns positions that are no finite numbers"
            )
        return positions.astype(np.float64)


def open_model(name: str | Path, registry: Registry, device: str = "cpu") -> Model:
    """Load a model.

    Parameters
    ----------
    name : str or Path
        Of a model, or the path of a weights file.
    registry : Registry
    device : str
        ``cpu`` or ``cuda``.

    Raises
    ------
    UnknownNameError, AmbiguousNameError
    WeightsNotFoundError, WeightsFormatError
    PluginError
        If a plug-in's own model cannot be loaded.
    """
    spec = registry.model(name)
    if spec.mapping == ANY_MAPPING:
        made = _reconstructor(spec, device)
        if not isinstance(made, UniversalReconstructor):
            raise PluginContractError(
                f"model '{spec.name}' is for any mapping, and has no method refuses"
            )
        return Universal(spec.name, made)
    if spec.load is not None:
        library = compile_library(registry.mapping(spec.mapping))
        return Foreign(spec.name, library.name, _reconstructor(spec, device), library)
    if spec.weights is None:
        raise WeightsNotFoundError(
            f"model '{spec.name}' comes without weights",
            "Name a weights file (--model NAME.safetensors).",
        )
    return Network(load_weights(spec.weights, device), spec.name, spec.mapping)


def _reconstructor(spec: ModelSpec, device: str) -> Reconstructor:
    try:
        made = spec.load(device) if spec.load is not None else None
    except HerobmError:
        raise
    except Exception as error:  # the code of others may raise anything
        raise _failed(spec.name, error) from error
    if not isinstance(made, Reconstructor):
        raise PluginContractError(
            f"model '{spec.name}' loads a {type(made).__name__}, which has no method rebuild"
        )
    return made


def _failed(name: str, error: Exception) -> PluginError:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return PluginError(f"model '{name}' fails: {words}", "--debug shows the traceback")
