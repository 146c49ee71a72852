"""Beads that lie where those of a molecule cannot lie: refused, or told in the log."""

from __future__ import annotations

import logging

import numpy as np

from herobm.errors import StructureError
from herobm.plan.template import Library
from herobm.system.periodic import minimum_image, widest_gap
from herobm.types import Beads, IntArray

log = logging.getLogger(__name__)

#: Å, between beads that lie on each other.
COINCIDENT = 0.05
#: Å, median distance to the next bead of a chain below which coordinates are in another unit; atoms
#: that are bonded lie 0.96 Å apart at least, beads of several atoms much farther. Of fewer
#: distances than ENOUGH nothing is said. And that from a residue to the next one of its chain above
#: which they are; the longest residues are half as long.
TOO_NEAR, TOO_FAR, ENOUGH = 0.6, 20.0, 10
#: Å, gap between the beads of one residue above which it is in pieces, and Å that it may be wider
#: for each atom of its largest bead.
IN_PIECES, OF_ATOM = 15.0, 1.5


def check_scale(beads: Beads, template: IntArray, library: Library, source: str) -> None:
    """Stop at beads that lie on each other, or far apart, as those do that are in another unit."""
    residues = beads.residues
    chain = np.unique(residues.chains, return_inverse=True)[1]
    gaps = np.linalg.norm(minimum_image(np.diff(beads.positions, axis=0), beads.box), axis=1)
    near = gaps[np.diff(chain[beads.residue_index]) == 0]
    what = ""
    if len(near) >= ENOUGH and np.median(near) < TOO_NEAR:
        what = f"beads lie {np.median(near):.2f} Å from the next one (median), nearer than atoms do"
    links = np.array([max(t.link_beads) >= 0 for t in library], dtype=bool)[template]
    next_in_chain = links[1:] & links[:-1] & (np.diff(chain) == 0) & (np.diff(residues.ids) == 1)
    far = gaps[np.flatnonzero(np.diff(beads.residue_index))][next_in_chain]
    if len(far) >= ENOUGH and np.median(far) > TOO_FAR:
        what = (
            f"residues lie {np.median(far):.0f} Å from the next one (median), too far for a chain"
        )
    if what:
        raise StructureError(
            f"{source}: {what}",
            "Coordinates of PDB and mmCIF files are in Å, those of GRO files in nm; write the file "
            "again in its own unit.",
        )


def check_pieces(beads: Beads, template: IntArray, library: Library, source: str) -> None:
    """Stop at residues in pieces, as molecules are that a box cuts which the file does not tell."""
    starts = np.searchsorted(beads.residue_index, np.arange(len(template) + 1))
    kinds = [np.bincount(kind.rows.bead).max(initial=1) for kind in library]
    limit = (IN_PIECES + OF_ATOM * np.array(kinds))[template]
    low = np.minimum.reduceat(beads.positions, starts[:-1], axis=0)
    wide = np.linalg.norm(np.maximum.reduceat(beads.positions, starts[:-1], axis=0) - low, axis=1)
    torn = []
    for residue in np.flatnonzero(wide > limit).tolist():
        places = beads.positions[starts[residue] : starts[residue + 1]]
        if (gap := widest_gap(places)) > limit[residue]:
            torn.append((residue, gap))
    if torn:
        residue, gap = torn[0]
        which = beads.residues.label(residue)
        more = f", and {len(torn) - 1} more residues are so" if len(torn) > 1 else ""
        raise StructureError(
            f"{source}: beads of {which} lie {gap:.0f} Å from its others{more}: a periodic box "
            "cuts them, which the file does not tell",
            "Add the box (CRYST1 of PDB files, the last line of GRO files), or make molecules "
            "whole first (gmx trjconv -pbc whole).",
        )


def report_twins(beads: Beads) -> None:
    """Say in the log that residues lie on others, as those of a file do that holds a part twice.

    Parameters
    ----------
    beads : Beads
        Those that are rebuilt; virtual sites lie on others by right.
    """
    from scipy.spatial import cKDTree

    finite = np.flatnonzero(np.isfinite(beads.positions).all(axis=1))
    tree = cKDTree(beads.positions[finite])
    pairs = finite[tree.query_pairs(COINCIDENT, output_type="ndarray")]
    both = np.sort(beads.residue_index[pairs], axis=1)
    both = np.unique(both[both[:, 0] != both[:, 1]], axis=0)
    if len(both):
        one, other = both[0].tolist()
        log.info(
            "%d residue(s) have a bead where another residue has one (first: %s and %s), and their "
            "atoms will lie on each other; if the file holds a part twice, take one out",
            np.unique(both).size,
            beads.residues.label(one),
            beads.residues.label(other),
        )
