"""The context of a step that runs on a structure file by itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from herobm.errors import StructureError
from herobm.plan.bonds import plan_bonds
from herobm.plan.plan import compile_plan
from herobm.plan.template import Library
from herobm.plugins.step_context import StepContext
from herobm.post.alike import first_other
from herobm.post.layout import Layout, lay_out
from herobm.post.whole import whole
from herobm.system.atomistic import AtomLayout, require_atoms
from herobm.system.coarsen import coarsen_plan
from herobm.system.disulfides import find_disulfides
from herobm.system.matching import find_templates
from herobm.system.topology import Topology, build_topology, report_box
from herobm.types import Atoms, Beads, IntArray, StrArray

log = logging.getLogger(__name__)

#: Å, median distance of beads from the means of their atoms above which they lie elsewhere; rebuilt
#: atoms meet them within 0.5 Å on average.
ELSEWHERE = 2.0


def context_of(
    atoms: Atoms,
    library: Library | None,
    beads: Beads | None = None,
    *,
    source: str = "structure",
    beads_source: str = "the beads",
    options: Mapping[str, Any] | None = None,
) -> StepContext:
    """Find out about a structure what steps want to know.

    Parameters
    ----------
    atoms : Atoms
    library : Library or None
        The mapping; without one the context has no topology.
    beads : Beads, optional
        That the atoms were rebuilt from; by default no step is told any.
    source, beads_source : str
        What to call the structure and the beads in messages.
    options : mapping, optional
        For the steps.

    Raises
    ------
    StructureError
        If the structure holds beads, the mapping fits none of the residues, or the beads are those
        of others or lie elsewhere.
    """
    known = StepContext(options=options or {})
    if library is None:
        return known
    require_atoms(atoms, library, source)
    topology, residue_of = (
        _by_beads(atoms, beads, library, source, beads_source)
        if beads is not None
        else _by_atoms(atoms, library, source)
    )
    report_box(topology)
    bonds = plan_bonds(topology.plan, topology.links.previous)
    known = replace(
        known,
        topology=topology,
        bonds=bonds,
        beads=topology.beads if beads is not None else None,
        residue_of=residue_of,
        residues=atoms.residues,
    )
    if beads is not None:
        _require_in_place(lay_out(whole(atoms, known), known, source), source, beads_source)
    return replace(known, disulfides=_disulfides(lay_out(atoms, known, source), topology))


def _by_beads(
    atoms: Atoms, beads: Beads, library: Library, source: str, beads_source: str
) -> tuple[Topology, IntArray]:
    """Topology of the beads; their residues are those of the atoms that the mapping knows.

    Where names tell of other protonation states, those of the atoms count.
    """
    topology = build_topology(beads, library, skip_unmapped=True, source=beads_source)
    mapped = np.flatnonzero(find_templates(atoms.residues, library) >= 0)
    ours, theirs = atoms.residues.take(mapped), topology.beads.residues
    other = first_other(theirs, ours, library)
    if other is not None:
        raise StructureError(
            f"{source}: its {len(ours)} mapped residues are not those of {beads_source}, "
            f"which are {len(theirs)}: {other}",
            "Give the coarse-grained file (--cg) that the atoms were rebuilt from.",
        )
    return _called(topology, ours.names), mapped


def _called(topology: Topology, names: StrArray) -> Topology:
    """Lay out residues by other names of the same ones (n_residues,), whose beads are the same."""
    library, links = topology.plan.library, topology.links
    residues = replace(topology.beads.residues, names=names)
    kinds = find_templates(residues, library)
    plan = compile_plan(library, kinds, links.chain_start, links.chain_end)
    return replace(topology, beads=replace(topology.beads, residues=residues), plan=plan)


def _require_in_place(layout: Layout, source: str, beads_source: str) -> None:
    """Stop at beads that lie elsewhere than the atoms, which steps would draw after them."""
    gaps = coarsen_plan(layout.plan, layout.positions) - layout.topology.beads.positions
    far = np.linalg.norm(gaps[np.isfinite(gaps).all(axis=1)], axis=1)
    if len(far) and np.median(far) > ELSEWHERE:
        raise StructureError(
            f"beads of {beads_source} lie {np.median(far):.0f} Å (median) from where the atoms of "
            f"{source} have them: not in the same place",
            "Give the beads that the atoms were rebuilt from (--cg), or superpose the one on the "
            "other first.",
        )


def _by_atoms(atoms: Atoms, library: Library, source: str) -> tuple[Topology, IntArray]:
    """Topology of the beads that the atoms make."""
    layout = AtomLayout.of(atoms, library, source)
    left = len(atoms.residues) - len(layout.residues)
    if left:
        log.info("%d residue(s) are not mapped, or lack atoms: no step moves them", left)
    return layout.topology, layout.residues


def _disulfides(layout: Layout, topology: Topology) -> tuple[tuple[int, int], ...]:
    positions = np.nan_to_num(layout.positions, nan=1e6)
    found = find_disulfides(topology.plan, topology.beads).bonded(positions)
    return tuple(pair for pair in found if min(layout.rows[list(pair)]) >= 0)
