"""Mapping sets that beads fit by their names: where they lie as they should.

Martini 3 and Elnedyn call their beads alike and put them in different places. How far beads stray
from the distances that they have in the structures a network has learnt from tells such sets apart.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from herobm.assembly.choice import by_preference, choose_mappings
from herobm.assembly.models import open_model
from herobm.assembly.network import Network
from herobm.assembly.routing import models_of, route
from herobm.errors import HerobmError, StructureError
from herobm.plan import Library, compile_library
from herobm.plugins.registry import Registry
from herobm.system import Topology, build_topology, count_fitting, fitting_residues
from herobm.system.coarsen import bead_shares
from herobm.types import Beads

log = logging.getLogger(__name__)

#: Å, median strain up to which beads are where they should be, and no other set is looked at. That
#: of simulations of Martini 3 is 0.44, of Elnedyn beads of crystals read as Martini 3 0.2.
IN_PLACE = 0.1
#: A set is given up for one by which the beads stray less than this share.
LESS = 0.95
#: Residues that are looked at.
MOST = 300
#: Å, distance of C-alpha next to each other, by how much the median of beads on them may differ,
#: and how far from it half of them may be at most.
ALPHAS, ALIKE, SCATTER = 3.8, 0.08, 0.1
#: Distances that it takes to tell.
ENOUGH = 10


def likeliest_mappings(
    beads: Beads, registry: Registry, source: str = "structure", given: Sequence[str] = ()
) -> tuple[str, ...]:
    """Find the packs whose beads are those of the residues, by names and by where they lie.

    The parameters, what is returned and the errors are those of `choose_mappings`; of several sets
    whose beads have the same names, the main one is that by which they stray least, unless it was
    `given`.
    """
    found = choose_mappings(beads, registry, source, given)
    if given:
        return found
    return (*found[:-1], likeliest(beads, found[-1], registry))


def likeliest(beads: Beads, chosen: str, registry: Registry) -> str:
    """Find the set by which beads stray least, of those that they fit as well as the chosen one.

    Says so in the log where it is another one.

    Parameters
    ----------
    beads : Beads
    chosen : str
        A mapping set.
    registry : Registry
    """
    own = _strain(beads, chosen, registry)
    if own is None or own <= IN_PLACE:
        return chosen
    fitting = count_fitting(beads, compile_library(registry.mapping(chosen)))
    best, least = chosen, LESS * own
    for name in by_preference(registry):
        try:
            library = compile_library(registry.mapping(name))
            strain = (
                _strain(beads, name, registry)
                if name != chosen and count_fitting(beads, library) == fitting
                else None
            )
        except HerobmError:
            continue  # of a pack that nobody asked for
        if strain is not None and strain < least:
            best, least = name, strain
    if best != chosen:
        log.info(
            "mapping: %s instead of %s, whose beads have the same names: they stray by %.2f Å from "
            "the places of the one, by %.2f Å from those of the other",
            best, chosen, least, own,
        )  # fmt: skip
    apart = _as_alphas(beads, compile_library(registry.mapping(best)))
    if apart is not None:
        log.info(
            "mapping: %s puts backbone beads between several atoms, and those of this file are "
            "%.2f Å apart, as C-alpha are: if they were put there (Elnedyn), no installed mapping "
            "set describes them, and atoms come out 1 Å off",
            best, apart,
        )  # fmt: skip
    return best


def _as_alphas(beads: Beads, library: Library) -> float | None:
    """Median distance, Å, of backbone beads on C-alpha, where a library has them elsewhere.

    None where it has them there, too, or where they do not.
    """
    topology = _some(beads, library)
    if topology is None:
        return None
    bead, weight, _ = bead_shares(topology.plan)
    n_atoms = np.bincount(bead[weight > 0.0], minlength=topology.plan.n_beads)
    first = topology.link_beads[:, 0]
    linked = np.flatnonzero(topology.links.previous >= 0)
    ends = first[linked], topology.link_beads[topology.links.previous[linked], 1]
    if not len(linked) or np.median(n_atoms[ends[0]]) < 2:
        return None
    gaps = np.linalg.norm(np.subtract(*topology.beads.positions[np.stack(ends)]), axis=1)
    middle = float(np.median(gaps)) if len(gaps) >= ENOUGH else 0.0
    if abs(middle - ALPHAS) > ALIKE or np.median(np.abs(gaps - middle)) > SCATTER:
        return None
    return middle


def _strain(beads: Beads, mapping: str, registry: Registry) -> float | None:
    """Median strain, Å, by the network of a mapping set; None where it has none."""
    names = models_of(mapping, registry)
    model = open_model(names[0], registry) if len(names) == 1 else None
    if not isinstance(model, Network):
        return None
    library = compile_library(registry.mapping(mapping))
    topology = _some(beads, library)
    if topology is None:
        return None
    owned = route(library, (model,))[topology.plan.template] >= 0
    strain = model.share(topology, owned, 0).strain(topology.beads)
    return float(np.median(strain)) if len(strain) else None


def _some(beads: Beads, library: Library) -> Topology | None:
    """Lay out the first residues whose beads are those of a library; None if that fails."""
    some = fitting_residues(beads, library, MOST)
    try:
        return build_topology(some, library) if len(some) else None
    except StructureError:
        return None  # told of when the whole is read
