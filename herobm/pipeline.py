"""Beads to atoms: the only place that knows all stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from herobm.assembly.choice import as_names, better_mapping, open_library
from herobm.assembly.draft import Model
from herobm.assembly.likeness import likeliest_mappings
from herobm.assembly.models import open_models
from herobm.assembly.outcome import Result
from herobm.assembly.rebuilder import Rebuilder
from herobm.assembly.routing import drop_unserved, find_models
from herobm.errors import MissingBeadError, UnmappedResidueError
from herobm.plan import Library
from herobm.plugins.manager import load_registry
from herobm.post.chain import resolve
from herobm.system import Topology, build_topology, rename_residues
from herobm.system.chains import (
    report_breaks,
    report_cuts,
    report_disorder,
    report_mixed,
    report_rings,
)
from herobm.system.left_out import break_at_left_out
from herobm.system.topology import report_box
from herobm.system.vet import report_twins
from herobm.types import Beads

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

__all__ = ["Rebuilder", "Result", "backmap", "prepare"]


def backmap(
    beads: Beads,
    *,
    mapping: str | Path | Iterable[str | Path] | None = None,
    model: str | Path | Iterable[str | Path] | None = None,
    post: str | None = None,
    options: Mapping[str, Any] | None = None,
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
    mapping : str, Path or several of them, optional
        Names of mapping sets, mapping files or folders of them; the last one that has a residue
        name is taken for it. The packs whose beads fit if none is named.
    model : str, Path or several of them, optional
        Names of models or paths of weights files; the last one that knows a residue kind rebuilds
        it. What they leave goes to the models that come with the mappings.
    post : str, optional
        Names of post-processors separated by commas, ``none`` for none; backbone and consistency
        by default.
    options : mapping, optional
        What the post-processors are asked for, e.g. ``{"ph": 7.0}``.
    rename : dict, optional
        Residue names to be read as others.
    skip_unmapped : bool
        Leave out residues that the mappings or the models lack instead of raising.
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
        post=post,
        options=options,
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
    mapping: str | Path | Iterable[str | Path] | None = None,
    model: str | Path | Iterable[str | Path] | None = None,
    post: str | None = None,
    options: Mapping[str, Any] | None = None,
    rename: dict[str, str] | None = None,
    skip_unmapped: bool = False,
    device: str = "cpu",
    seed: int = 0,
    source: str = "structure",
    registry: Registry | None = None,
) -> Rebuilder:
    """Do all that serves every frame of a topology; parameters as for `backmap`."""
    registry = registry or load_registry()
    steps = resolve(post, registry)
    beads = rename_residues(beads, rename or {}, source)
    named = open_models(as_names(model), registry, device)
    mappings = as_names(mapping)
    if not mappings:
        known = [m.mapping for m in named if m.mapping in registry.mappings()]
        mappings = likeliest_mappings(beads, registry, source, tuple(dict.fromkeys(known)))
    library = open_library(mappings, registry, beads.residues.names.tolist())
    models = find_models(named, beads.residues, library, registry, device)
    topology = _topology(beads, library, models, skip_unmapped, source, registry)
    found = topology.beads
    report_disorder(beads.residues)
    report_box(topology)
    report_twins(found)
    named_so = np.isin(found.residues.chains, beads.residues.chains)
    as_given = replace(found.residues, chains=np.where(named_so, found.residues.chains, ""))
    report_mixed(as_given, topology.links)
    if topology.box is None:
        report_cuts(as_given, topology.links, found.positions, topology.link_beads)
    report_breaks(as_given, topology.links, topology.link_beads, library.name)
    report_rings(found.residues, topology.links, found.positions, topology.link_beads, found.box)
    return Rebuilder(topology, models, device, seed, steps, options)


def _topology(
    beads: Beads,
    library: Library,
    models: Sequence[Model],
    skip_unmapped: bool,
    source: str,
    registry: Registry,
) -> Topology:
    """Recognise the beads that are rebuilt; say who would know those that are not."""
    known = registry.models()

    def served_of(beads: Beads) -> Beads:
        return drop_unserved(
            beads, library, models, skip_unmapped=skip_unmapped, source=source, known=known
        )

    served = served_of(beads) if skip_unmapped else beads
    try:
        topology = build_topology(served, library, skip_unmapped=skip_unmapped, source=source)
    except UnmappedResidueError as error:
        names = set(beads.residues.names.tolist()) - library.by_residue.keys()
        packs = registry.missing_packs(names, beads.names.tolist())
        raise UnmappedResidueError(error.message, "\n".join([error.hint or "", *packs])) from None
    except MissingBeadError as error:
        better = better_mapping(beads, registry, library.name)
        hint = "\n".join(filter(None, (error.hint, better)))
        raise MissingBeadError(error.message, hint) from None
    served_of(topology.beads)
    if served is not beads:
        is_served = np.isin(beads.residues.names, served.residues.names)
        kept = np.flatnonzero(is_served[beads.residue_index])
        topology = replace(topology, source_index=kept[topology.source_index])
    return break_at_left_out(topology, beads) if skip_unmapped else topology
