"""Some residues of a system as a system of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.plan.plan import compile_plan
from herobm.system.chains import Links
from herobm.system.topology import Topology
from herobm.types import Beads, BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class Part:
    """Some residues of a topology.

    Attributes
    ----------
    topology : Topology
        Of these residues alone.
    beads, atoms : IntArray
        Which beads and atoms of the whole these are, in the order of the part.
    """

    topology: Topology
    beads: IntArray
    atoms: IntArray


def part_of(topology: Topology, residues: BoolArray) -> Part:
    """Take residues out of a topology.

    Parameters
    ----------
    topology : Topology
    residues : BoolArray, shape (n_residues,)

    Returns
    -------
    Part
        Chains begin and end where they do in the whole; a bond to a residue that is left out is a
        break.
    """
    plan, links = topology.plan, topology.links
    in_part = residues[plan.bead_residue]
    beads, atoms = np.flatnonzero(in_part), np.flatnonzero(residues[plan.atom_residue])
    to_residue = np.append(np.where(residues, np.cumsum(residues) - 1, -1), -1)
    to_bead = np.append(np.where(in_part, np.cumsum(in_part) - 1, -1), -1)
    cut = Links(
        previous=to_residue[links.previous[residues]],
        following=to_residue[links.following[residues]],
        chain_start=links.chain_start[residues],
        chain_end=links.chain_end[residues],
        chain=np.unique(links.chain[residues], return_inverse=True)[1],
        stretched=links.stretched[residues],
    )
    own = compile_plan(plan.library, plan.template[residues], cut.chain_start, cut.chain_end)
    whole = topology.beads
    taken = Beads(
        positions=whole.positions[beads],
        names=whole.names[beads],
        residue_index=own.bead_residue,
        residues=whole.residues.take(residues),
        box=whole.box,
    )
    link_beads = to_bead[topology.link_beads[residues]]
    box, periodic = topology.box, topology.periodic
    here = Topology(taken, topology.source_index[beads], own, cut, link_beads, box, periodic)
    return Part(here, beads, atoms)
