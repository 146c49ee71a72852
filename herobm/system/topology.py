"""Beads of a file, told apart, put in order and joined to chains."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from herobm.plan.plan import Plan, compile_plan
from herobm.plan.template import Library
from herobm.system.chains import Links, find_links, name_chains
from herobm.system.frame_gauge import FrameGauge
from herobm.system.matching import find_templates, require_mapped
from herobm.system.periodic import images_overlap, whole_chains, whole_residues
from herobm.system.recognise import local_beads, refuse_atoms, virtual_sites
from herobm.system.vet import check_pieces, check_scale
from herobm.types import Beads, BoolArray, FloatArray, IntArray

log = logging.getLogger(__name__)

#: Share by which edges and angles of boxes may differ that are judged alike, as those of the frames
#: of a simulation at constant pressure.
ALIKE = 0.05


@dataclass(frozen=True, eq=False)
class Topology:
    """What does not change from frame to frame.

    Attributes
    ----------
    beads : Beads
        In the order of the mapping, whole, with chain ids (made up if the file had none).
    source_index : IntArray, shape (n_beads,)
        Row of each bead in the file that was read.
    plan : Plan
    links : Links
    link_beads : IntArray, shape (n_residues, 2)
    box : FloatArray or None, shape (6,)
        Of the file, Å and degrees.
    periodic : bool
        Whether that box counts: not if it is too small for its molecules.
    """

    beads: Beads
    source_index: IntArray
    plan: Plan
    links: Links
    link_beads: IntArray
    box: FloatArray | None = None
    periodic: bool = True

    def place(
        self, positions: FloatArray, box: FloatArray | None, source: str = "this frame"
    ) -> Beads:
        """Beads of another frame, made whole.

        Parameters
        ----------
        positions : FloatArray, shape (n, 3)
            Of all particles of the file, Å.
        box : FloatArray or None, shape (6,)
            Where there is none, that of the structure counts if it cuts molecules.
        source : str
            What to call the frame in messages.

        Raises
        ------
        StructureError
            If beads lie as those of other molecules do, or of the same in another order; or if
            there is no box, and one cuts residues all the same.
        """
        placed = positions[self.source_index]
        if box is None:
            return self._placed_without(placed, source)
        usable = self.usable(placed, box)
        whole = self._whole(placed, usable)
        self._gauge.check(placed, whole, None, source)
        if usable is None and self.periodic:
            log.info(
                "boxes of frames that are too small for the molecules, which would lie on their "
                "own images, do not count"
            )
        return self.beads.with_frame(whole, usable)

    def _placed_without(self, placed: FloatArray, source: str) -> Beads:
        """Place a frame that tells no box."""
        box = self.box if self.periodic else None
        whole = self._whole(placed, box)
        self._gauge.check(placed, whole, box, source)
        if box is not None and not np.allclose(whole, placed, equal_nan=True):
            log.info(
                "frames without a box that are cut are made whole by that of the structure, %s Å",
                _edges(box),
            )
            return self.beads.with_frame(whole, box)
        beads = self.beads.with_frame(placed, None)
        check_pieces(beads, self.plan.template, self.plan.library, source)
        return beads

    @cached_property
    def _gauge(self) -> FrameGauge:
        return FrameGauge.of(self.beads, self.links, self.link_beads)

    def whole(self, positions: FloatArray, box: FloatArray | None) -> FloatArray:
        """Positions (n_beads, 3) in Å with residues and chains in one piece."""
        return self._whole(positions, self.usable(positions, box))

    def usable(self, positions: FloatArray, box: FloatArray | None) -> FloatArray | None:
        """Return the box of beads (n_beads, 3), or None if molecules would overlap in it."""
        if box is None:
            return None
        if self.box is not None and np.allclose(box, self.box, rtol=ALIKE):
            return box if self.periodic else None
        index, previous = self.beads.residue_index, self.links.previous
        whole = self._whole(positions, box)
        return None if images_overlap(whole, index, previous, box) else box

    def _whole(self, positions: FloatArray, box: FloatArray | None) -> FloatArray:
        index = self.beads.residue_index
        return whole_chains(
            whole_residues(positions, index, box), index, self.links.previous, self.link_beads, box
        )


def build_topology(
    beads: Beads, library: Library, *, skip_unmapped: bool = False, source: str = "structure"
) -> Topology:
    """Recognise the beads of a file.

    Virtual sites and dummies that lie on a bead are left out, with one line in the log.

    Parameters
    ----------
    beads : Beads
        As read from the file.
    library : Library
    skip_unmapped : bool
        Leave out residues that the mapping lacks instead of raising.
    source : str
        What to call the file in messages.

    Raises
    ------
    UnmappedResidueError, MissingBeadError, StructureError
    """
    order = np.arange(len(beads))
    sites = virtual_sites(beads, library)
    if sites.any():
        names = ", ".join(sorted(set(beads.names[sites].tolist())))
        log.info("left out: %d virtual sites or dummies (%s)", int(sites.sum()), names)
        beads, order = beads.subset(~sites), order[~sites]
    refuse_atoms(beads, library, source)
    mapped = _rows_mapped(beads, library)
    kept = require_mapped(beads, library, skip_unmapped=skip_unmapped, source=source)
    if len(kept) != len(beads):
        order = order[mapped]
    template = find_templates(kept.residues, library)
    local = local_beads(kept, template, library, source)
    starts = np.concatenate(
        [[0], np.cumsum(np.array([len(t.beads) for t in library], dtype=np.int64)[template])]
    )
    placed = np.argsort(starts[kept.residue_index] + local, kind="stable")
    order = order[placed]
    ordered = replace(
        kept, positions=kept.positions[placed], names=kept.names[placed]
    )  # residue_index is the same: beads move only within their residue
    check_scale(ordered, template, library, source)
    if ordered.box is None:
        check_pieces(ordered, template, library, source)
    joined = _joined(ordered, order, template, library)
    if ordered.box is None:
        return joined
    beads, previous = joined.beads, joined.links.previous
    if images_overlap(beads.positions, beads.residue_index, previous, ordered.box):
        ordered_alone = replace(ordered, box=None)
        check_scale(ordered_alone, template, library, source)
        alone = _joined(ordered_alone, order, template, library)
        return replace(alone, box=ordered.box, periodic=False)
    return replace(joined, box=ordered.box)


def report_box(topology: Topology) -> None:
    """Say in the log that the box of a file does not count, since its molecules do not fit in."""
    if topology.box is not None and not topology.periodic:
        log.info(
            "the box of %s Å is too small for the molecules, which would lie on their own images: "
            "it does not count, and nothing is periodic",
            _edges(topology.box),
        )


def _edges(box: FloatArray) -> str:
    return " x ".join(f"{edge:g}" for edge in box[:3])


def _joined(beads: Beads, order: IntArray, template: IntArray, library: Library) -> Topology:
    starts = np.searchsorted(beads.residue_index, np.arange(len(template)))
    local = np.array([t.link_beads for t in library], dtype=np.int64).reshape(-1, 2)[template]
    link_beads = np.where(local >= 0, starts[:, None] + local, -1)
    positions = whole_residues(beads.positions, beads.residue_index, beads.box)
    reach = np.array([t.link_reach for t in library]).reshape(-1, 2)[template]
    links = find_links(beads.residues, positions, link_beads, reach, beads.box)
    plan = compile_plan(library, template, links.chain_start, links.chain_end)
    residues = replace(name_chains(beads.residues, links), hetero=library.by_itself[template])
    named = replace(beads, residues=residues)
    topology = Topology(named, order, plan, links, link_beads)
    whole = topology._whole(beads.positions, beads.box)
    return replace(topology, beads=replace(named, positions=whole))


def _rows_mapped(beads: Beads, library: Library) -> BoolArray:
    known: BoolArray = find_templates(beads.residues, library)[beads.residue_index] >= 0
    return known
