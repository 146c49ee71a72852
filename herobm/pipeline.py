"""Beads to atoms: the only place that knows all stages."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from herobm.chem.geometry import limit_bonds, reference_lengths
from herobm.chem.naming import canonical_names, find_naming
from herobm.chem.quality import Summary, summarise
from herobm.chem.stereo import mend_chirality
from herobm.errors import ModelError, UnmappedResidueError, WeightsNotFoundError
from herobm.plan import compile_library, reconstruct
from herobm.plan.bonds import plan_bonds
from herobm.plugins.manager import load_registry
from herobm.system import Topology, build_topology, count_fitting, rename_residues
from herobm.system.chains import report_breaks
from herobm.system.disulfides import find_disulfides
from herobm.types import Atoms, Beads, FloatArray

if TYPE_CHECKING:
    from herobm.nn.graph import BeadGraph
    from herobm.plugins.registry import Registry
    from herobm.weights.file import Weights

log = logging.getLogger(__name__)

#: Å, how far a bond may be from the mean length of its kind before it is pulled back. Crystal
#: structures scatter by 0.01 to 0.02 Å about that mean.
BOND_TOLERANCE = 0.02

#: The pack that is taken where the beads fit several.
PREFERRED = "martini3"


@dataclass(frozen=True, eq=False)
class Result:
    """Rebuilt atoms.

    Attributes
    ----------
    atoms : Atoms
    beads : Beads
        Those that were rebuilt, whole and in order.
    disulfides : tuple of (int, int)
        Pairs of sulfur atoms that are bonded.
    summary : Summary
    """

    atoms: Atoms
    beads: Beads
    disulfides: tuple[tuple[int, int], ...]
    summary: Summary

    def write(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the atoms as PDB, GRO or mmCIF, by the ending of `path`.

        Raises
        ------
        OutputError
        """
        from herobm.io import write_structure

        write_structure(path, self.atoms, overwrite=overwrite, bonds=self.disulfides or None)


class Rebuilder:
    """A topology made ready: everything that serves all of its frames.

    Parameters
    ----------
    topology : Topology
    weights : Weights
    device : str
        ``cpu`` or ``cuda``.
    seed : int
        Of the directions that are given to beads whose surroundings have none.

    Raises
    ------
    MappingMismatchError
        If the weights do not know a residue kind of the topology.
    """

    #: Beads that pass through the network at once; bounds the memory, changes no result.
    CHUNK = 16384

    def __init__(
        self, topology: Topology, weights: Weights, device: str = "cpu", seed: int = 0
    ) -> None:
        from herobm.nn.graph import build_context

        self.topology, self.weights, self.device, self.seed = topology, weights, device, seed
        self._told = False
        vocabulary = weights.header.vocabulary
        types = vocabulary.types(topology.plan, f"the weights {weights.path}")
        self.context = build_context(topology, types, vocabulary.n_types)
        self.disulfides = find_disulfides(topology.plan, topology.beads)
        self.naming = find_naming(topology.plan, within_beads=True)
        self.bonds = plan_bonds(topology.plan, topology.links.previous)
        reference = weights.header.bonds
        self.lengths = reference_lengths(topology.plan, self.bonds, reference)[:, 0]

    def rebuild(self, beads: Beads) -> FloatArray:
        """Place the atoms of one frame, shape (n_atoms, 3), Å, in the order of the plan."""
        import torch

        from herobm.nn.graph import build_graph

        plan, network = self.topology.plan, self.weights.network
        graph = build_graph(self.context, beads.positions, beads.box, network.config.cutoff)
        graph = self._oriented(graph.to(self.device))
        vectors = np.zeros((plan.n_beads, plan.n_slots, 3))
        n_slots = min(plan.n_slots, network.n_slots)
        with torch.inference_mode():
            for begin in range(0, plan.n_beads, self.CHUNK):
                part = slice(begin, min(begin + self.CHUNK, plan.n_beads))
                predicted, _ = network(graph.take(part))
                vectors[part, :n_slots] = predicted[:, :n_slots].cpu().numpy()
        placed = reconstruct(plan, beads.positions, vectors)
        return canonical_names(self.naming, self._mended(placed))

    def _mended(self, placed: FloatArray) -> FloatArray:
        """Bonds and hands set right where the network left them wrong."""
        placed = limit_bonds(placed, self.bonds, self.lengths, BOND_TOLERANCE)
        for _ in range(3):
            turned = mend_chirality(self.topology.plan, placed)
            if turned is placed:
                break
            placed = limit_bonds(turned, self.bonds, self.lengths, BOND_TOLERANCE)
        return placed

    def _oriented(self, graph: BeadGraph) -> BeadGraph:
        graph, n_lost = self.weights.network.orient(graph, self.seed)
        if n_lost and not self._told:
            self._told = True
            log.info(
                "%d bead(s) have no others near them, or only in a line: how their atoms are "
                "turned cannot be told from the beads and is drawn at random (seed %d)",
                n_lost,
                self.seed,
            )
        return graph

    def check_fits(self, path: Path | str) -> None:
        """See to it that a file can hold the result, before the network runs.

        Raises
        ------
        OutputError
            If the format of `path` is not known, or has no room for the names, chains or numbers.
        """
        from herobm.io import check_fits

        plan, beads = self.topology.plan, self.topology.beads
        near = beads.positions[plan.bead_start[plan.atom_residue]]
        check_fits(path, self.as_atoms(near, beads))

    def as_atoms(self, positions: FloatArray, beads: Beads) -> Atoms:
        """Name atoms at positions (n_atoms, 3) in Å."""
        plan = self.topology.plan
        return Atoms(
            positions=positions,
            names=plan.atom_names,
            residue_index=plan.atom_residue,
            residues=beads.residues,
            box=beads.box,
            elements=plan.elements,
        )

    def result(self, beads: Beads) -> Result:
        """Rebuild one frame and judge it."""
        positions = self.rebuild(beads)
        disulfides = self.disulfides.bonded(positions)
        summary = summarise(
            self.topology,
            beads,
            positions,
            self.weights.header.bonds,
            disulfides,
        )
        return Result(self.as_atoms(positions, beads), beads, disulfides, summary)


def backmap(
    beads: Beads,
    *,
    mapping: str | None = None,
    model: str | None = None,
    rename: dict[str, str] | None = None,
    skip_unmapped: bool = False,
    device: str = "cpu",
    seed: int = 0,
    source: str = "structure",
    registry: Registry | None = None,
) -> Result:
    """Turn beads back into atoms.

    Parameters
    ----------
    beads : Beads
        As `herobm.read_beads` reads them.
    mapping : str, optional
        Name of a mapping set, a mapping file or a folder of them; the pack whose beads fit if
        none is named.
    model : str, optional
        Name of a model or path of a weights file; the one of the mapping's plug-in if none is
        named.
    rename : dict, optional
        Residue names to be read as others.
    skip_unmapped : bool
        Leave out residues that the mapping lacks instead of raising.
    device : str
        ``cpu`` or ``cuda``.
    seed : int
        Of the directions that are given to beads whose surroundings have none.
    source : str
        What to call the beads in messages.
    registry : Registry, optional
        The plug-ins; those installed by default.

    Returns
    -------
    Result

    Raises
    ------
    HerobmError
        See `herobm.errors`.
    """
    prepared = prepare(
        beads,
        mapping=mapping,
        model=model,
        rename=rename,
        skip_unmapped=skip_unmapped,
        device=device,
        seed=seed,
        source=source,
        registry=registry,
    )
    return prepared.result(prepared.topology.beads)


def prepare(
    beads: Beads,
    *,
    mapping: str | None = None,
    model: str | None = None,
    rename: dict[str, str] | None = None,
    skip_unmapped: bool = False,
    device: str = "cpu",
    seed: int = 0,
    source: str = "structure",
    registry: Registry | None = None,
) -> Rebuilder:
    """Do all that serves every frame of a topology; parameters as for `backmap`."""
    from herobm.weights.file import load_weights

    registry = registry or load_registry()
    beads = rename_residues(beads, rename or {})
    if mapping is None and model is not None:
        mapping = registry.model(model).mapping or None
    if mapping is None:
        mapping = choose_mapping(beads, registry, source)
    mappings = registry.mapping(mapping)
    topology = build_topology(
        beads, compile_library(mappings), skip_unmapped=skip_unmapped, source=source
    )
    report_breaks(topology.beads.residues, topology.links)
    spec = registry.model(model or model_for(mappings.name, registry))
    if spec.weights is None:
        raise WeightsNotFoundError(f"model '{spec.name}' comes without weights")
    return Rebuilder(topology, load_weights(spec.weights, device), device, seed)


def choose_mapping(beads: Beads, registry: Registry, source: str = "structure") -> str:
    """Find the pack whose beads are those of most residues, and say so in the log.

    What a pack that does not fit all of them lacks is told by `build_topology`. Between packs
    that fit equally well, the preferred one is taken.

    Parameters
    ----------
    beads : Beads
    registry : Registry
    source : str
        What to call the beads in messages.

    Raises
    ------
    UnmappedResidueError
        If there is no mapping at all.
    """
    counts: dict[str, tuple[int, int]] = {}
    for name in sorted(registry.mappings(), key=lambda n: (not n.startswith(PREFERRED), n)):
        counts[name] = count_fitting(beads, compile_library(registry.mapping(name)))
        if counts[name][0] == counts[name][1]:
            break  # none fits better, so the others need not be read
    if not counts:
        raise UnmappedResidueError(
            f"{source}: there is no mapping: no plug-in that is loaded has one",
            f"Name a mapping file (--mapping my.map), or load a plug-in that has one.\n"
            f"{registry.absence(PREFERRED)}",
        )
    best = max(counts, key=lambda name: counts[name][0] / max(counts[name][1], 1))
    log.info("mapping: %s (its beads fit %d of %d residues)", best, *counts[best])
    if counts[best][0] < counts[best][1] and PREFERRED not in {p.name for p in registry.plugins}:
        log.info(registry.absence(PREFERRED))
    return best


def model_for(mapping: str, registry: Registry) -> str:
    """Find the model that was trained for a mapping set.

    Raises
    ------
    ModelError
        If there is none, or several.
    """
    names = [n for n in registry.models() if registry.model(n).mapping == mapping]
    if len(names) == 1:
        return names[0]
    known = ", ".join(names or registry.models()) or "none"
    many = "are several models" if names else "is no model"
    raise ModelError(
        f"there {many} for mapping '{mapping}' (models: {known})",
        "Name one (--model NAME or --model weights.safetensors), or train one (herobm train).",
    )
