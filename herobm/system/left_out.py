"""Chains that go on to residues that were left out: broken there, and not at their end."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from herobm.plan.plan import compile_plan
from herobm.system.chains import link_limit
from herobm.system.periodic import minimum_image
from herobm.system.topology import Topology
from herobm.types import Beads, BoolArray

log = logging.getLogger(__name__)


def break_at_left_out(topology: Topology, given: Beads) -> Topology:
    """Take from chains the ends beyond which the file goes on with a residue that was left out.

    That residue stands beside the end in the file, has the next number of the same chain, and has a
    bead of the name of one that carries a chain on, no farther off than in a chain.

    Parameters
    ----------
    topology : Topology
    given : Beads
        All of the file; `Topology.source_index` counts in these.

    Returns
    -------
    Topology
        The same one where there is no such end; breaks are told of in the log.
    """
    starts, place = topology.plan.bead_start[:-1], topology.source_index
    rows = given.residue_index[place[starts]]
    left_out = np.ones(len(given.residues), dtype=bool)
    left_out[rows] = False
    links = topology.links
    goes_on = np.zeros((len(rows), 2), dtype=bool)
    for side, (step, ends) in enumerate(((-1, links.chain_start), (1, links.chain_end))):
        for end in np.flatnonzero(ends).tolist():
            beyond = int(rows[end]) + step
            if 0 <= beyond < len(left_out) and left_out[beyond]:
                goes_on[end, side] = _goes_on(topology, given, end, side, beyond)
    if not goes_on.any():
        return topology
    _report(given, rows.tolist(), goes_on)
    cut = replace(
        links,
        chain_start=links.chain_start & ~goes_on[:, 0],
        chain_end=links.chain_end & ~goes_on[:, 1],
    )
    plan = topology.plan
    plan = compile_plan(plan.library, plan.template, cut.chain_start, cut.chain_end)
    return replace(topology, plan=plan, links=cut)


def _goes_on(topology: Topology, given: Beads, end: int, side: int, beyond: int) -> bool:
    """Tell whether residue `end` is bonded to `beyond` of the file, before (0) or after it (1)."""
    bead = int(topology.link_beads[end, side])
    row = int(topology.source_index[bead])
    residues, here = given.residues, int(given.residue_index[row])
    first, second = min(here, beyond), max(here, beyond)
    step = int(residues.ids[second] - residues.ids[first])
    inserted = step == 0 and residues.icodes[second] != residues.icodes[first]
    same_chain = residues.take(np.array([first, second])).same_chain().all()
    if not same_chain or not (step == 1 or inserted):
        return False
    library = topology.plan.library
    reach = library.templates[topology.plan.template[end]].link_reach[side]
    unknown = max(template.link_reach[1 - side] for template in library)
    carriers = {t.beads[t.link_beads[1 - side]] for t in library if t.link_beads[1 - side] >= 0}
    alike = (given.residue_index == beyond) & np.isin(given.names, sorted(carriers))
    gaps = minimum_image(given.positions[alike] - given.positions[row], topology.beads.box)
    return bool((np.linalg.norm(gaps, axis=1) <= link_limit(np.array(reach + unknown))).any())


def _report(given: Beads, rows: list[int], goes_on: BoolArray) -> None:
    """Say in the log where chains go on to residues that were left out."""
    end, side = (int(index[0]) for index in np.nonzero(goes_on))
    here = rows[end]
    first, second = (here, here + 1) if side else (here - 1, here)
    log.info(
        "%d break(s) before or after residues that were left out, where no ends are added (first: "
        "between %s and %s)",
        int(goes_on.sum()),
        given.residues.label(first),
        given.residues.label(second),
    )
