"""Beads of a file, told apart, put in order and joined to chains."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np

from herobm.errors import MissingBeadError, StructureError
from herobm.plan.plan import Plan, compile_plan
from herobm.plan.template import Library
from herobm.system.chains import Links, find_links, name_chains
from herobm.system.matching import LISTED, find_templates, require_mapped
from herobm.system.periodic import (
    images_overlap,
    minimum_image,
    whole_chains,
    whole_residues,
    widest_gap,
)
from herobm.types import Beads, BoolArray, FloatArray, IntArray, Residues

log = logging.getLogger(__name__)

#: A site this close to a bead of the same residue (Å) carries no position of its own.
COINCIDENT = 0.05
#: Å, median distance to the next bead of a chain below which coordinates are in another unit; atoms
#: that are bonded lie 0.96 Å apart at least, beads of several atoms much farther. Of fewer
#: distances than ENOUGH nothing is said. And that from a residue to the next one of its chain above
#: which they are; the longest residues are half as long.
TOO_NEAR, TOO_FAR, ENOUGH = 0.6, 20.0, 10
#: Å, gap between the beads of one residue above which it is in pieces, and Å that it may be wider
#: for each atom of its largest bead.
IN_PIECES, OF_ATOM = 15.0, 1.5
#: Share by which edges and angles of boxes may differ that are judged alike, as those of the frames
#: of a simulation at constant pressure.
ALIKE = 0.05
#: Share of the residues, with other beads than those of the mapping, from which on the file may be
#: of another one.
NEARLY_ALL = 0.9
#: Names by which position-restraint dummies are known.
DUMMY_NAMES = frozenset({"DUM", "DUMMY", "POSRE", "PR", "VS", "MW"})


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
            If there is no box, and one cuts residues all the same.
        """
        placed = positions[self.source_index]
        if box is None and self.box is not None and self.periodic:
            whole = self._whole(placed, self.box)
            if not np.allclose(whole, placed, equal_nan=True):
                log.info(
                    "frames without a box that are cut are made whole by that of the structure"
                )
                return self.beads.with_frame(whole, self.box)
        if box is None:
            beads = self.beads.with_frame(placed, None)
            _check_pieces(beads, self.plan.template, self.plan.library, source)
            return beads
        box = self.usable(placed, box)
        return self.beads.with_frame(self._whole(placed, box), box)

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
    _refuse_atoms(beads, library, source)
    mapped = _rows_mapped(beads, library)
    kept = require_mapped(beads, library, skip_unmapped=skip_unmapped, source=source)
    if len(kept) != len(beads):
        order = order[mapped]
    template = find_templates(kept.residues, library)
    local = _local_beads(kept, template, library, source)
    starts = np.concatenate(
        [[0], np.cumsum(np.array([len(t.beads) for t in library], dtype=np.int64)[template])]
    )
    placed = np.argsort(starts[kept.residue_index] + local, kind="stable")
    order = order[placed]
    ordered = replace(
        kept, positions=kept.positions[placed], names=kept.names[placed]
    )  # residue_index is the same: beads move only within their residue
    _check_scale(ordered, template, library, source)
    if ordered.box is None:
        _check_pieces(ordered, template, library, source)
    joined = _joined(ordered, order, template, library)
    if ordered.box is None:
        return joined
    beads, previous = joined.beads, joined.links.previous
    if images_overlap(beads.positions, beads.residue_index, previous, ordered.box):
        ordered_alone = replace(ordered, box=None)
        _check_scale(ordered_alone, template, library, source)
        alone = _joined(ordered_alone, order, template, library)
        return replace(alone, box=ordered.box, periodic=False)
    return replace(joined, box=ordered.box)


def _check_scale(beads: Beads, template: IntArray, library: Library, source: str) -> None:
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


def _check_pieces(beads: Beads, template: IntArray, library: Library, source: str) -> None:
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


def report_box(topology: Topology) -> None:
    """Say in the log that the box of a file does not count, since its molecules do not fit in."""
    if topology.box is not None and not topology.periodic:
        log.info(
            "the box of %s Å is too small for the molecules, which would lie on their own images: "
            "it does not count, and nothing is periodic",
            " x ".join(f"{edge:g}" for edge in topology.box[:3]),
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


def count_fitting(beads: Beads, library: Library) -> tuple[int, int]:
    """Count the residues whose beads are just those that a library has for them.

    Parameters
    ----------
    beads : Beads
        As read from the file.
    library : Library

    Returns
    -------
    tuple of int
        Residues that fit, and all residues; virtual sites are not looked at.
    """
    kept = beads.subset(~virtual_sites(beads, library))
    fitting = _fitting(kept, library)
    return int(fitting.sum()), len(fitting)


def fitting_residues(beads: Beads, library: Library, most: int) -> Beads:
    """Return the first residues, `most` of them at most, whose beads are those of a library."""
    kept = beads.subset(~virtual_sites(beads, library))
    fitting = _fitting(kept, library)
    fitting &= np.cumsum(fitting) <= most
    return kept.subset(fitting[kept.residue_index])


def _fitting(beads: Beads, library: Library) -> BoolArray:
    """Residues whose beads are those that a library has for them, shape (n_residues,)."""
    template = find_templates(beads.residues, library)
    starts = np.searchsorted(beads.residue_index, np.arange(len(template) + 1))
    names = beads.names.tolist()
    wanted = [sorted(t.beads) for t in library]
    return np.array(
        [
            kind >= 0 and sorted(names[starts[i] : starts[i + 1]]) == wanted[kind]
            for i, kind in enumerate(template.tolist())
        ],
        dtype=bool,
    )


def virtual_sites(beads: Beads, library: Library) -> BoolArray:
    """Tell which beads are virtual sites or dummies rather than beads of a mapping.

    They have a name that the mapping of their residue lacks, and either lie on one of its beads
    (Gō sites) or bear a name by which dummies are known.
    """
    strangers = _strangers(beads, library)
    sites: BoolArray = strangers & _is_site(beads, strangers)
    return sites


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


def _strangers(beads: Beads, library: Library) -> BoolArray:
    """Beads whose name the mapping of their residue lacks."""
    template = find_templates(beads.residues, library)[beads.residue_index]
    pairs = {
        (t, name): name in library.templates[t].beads
        for t, name in set(zip(template.tolist(), beads.names.tolist(), strict=True))
        if t >= 0
    }
    return np.array(
        [
            t < 0 or not pairs[t, name]
            for t, name in zip(template.tolist(), beads.names.tolist(), strict=True)
        ],
        dtype=bool,
    )


def _is_site(beads: Beads, strangers: BoolArray) -> BoolArray:
    """Strangers that lie on a known bead of a residue with the same number and chain."""
    dummy = np.isin(beads.names, list(DUMMY_NAMES))
    if not strangers.any():
        return dummy
    index = beads.residue_index
    keys = list(
        zip(
            beads.residues.chains[index].tolist(),
            beads.residues.ids[index].tolist(),
            beads.residues.icodes[index].tolist(),
            beads.residues.names[index].tolist(),
            strict=True,
        )
    )
    known: dict[tuple[str, int, str, str], list[int]] = {}
    for row in np.flatnonzero(~strangers).tolist():
        known.setdefault(keys[row], []).append(row)
    on_bead = dummy
    for row in np.flatnonzero(strangers).tolist():
        partners = known.get(keys[row])
        if partners is not None:  # water has none, and there may be much of it
            gaps = np.linalg.norm(beads.positions[partners] - beads.positions[row], axis=1)
            on_bead[row] |= bool((gaps < COINCIDENT).any())
    return on_bead


def _refuse_atoms(beads: Beads, library: Library, source: str) -> None:
    """Raise if the file holds atoms rather than beads."""
    if len(beads) == 0:
        raise StructureError(f"{source}: holds no bead that could be rebuilt")
    atoms = ["N", "CA", "C", "O"]
    if any("C" in t.beads for t in library):  # backbone atoms are beads; side chains are not
        atoms.append("CB")
    index = beads.residue_index
    owners = [set(index[beads.names == name].tolist()) for name in atoms]
    complete = set.intersection(*owners)
    if complete:
        raise StructureError(
            f"{source}: this is an all-atom structure ({len(complete)} residues have atoms N, CA, "
            "C and O), not a coarse-grained one",
            "Coarse-grain it first: herobm coarsen atoms.pdb --mapping martini3 -o cg.pdb",
        )


def _local_beads(beads: Beads, template: IntArray, library: Library, source: str) -> IntArray:
    """Index of each bead in its template; raises where one is missing, unknown or twice there."""
    starts = np.searchsorted(beads.residue_index, np.arange(len(template) + 1))
    names = beads.names.tolist()
    local = np.zeros(len(beads), dtype=np.int64)
    seen: dict[tuple[int, tuple[str, ...]], IntArray | None] = {}
    faults: dict[str, list[int]] = {}
    for residue, kind in enumerate(template.tolist()):
        begin, end = int(starts[residue]), int(starts[residue + 1])
        key = (kind, tuple(names[begin:end]))
        if key not in seen:
            wanted = library.templates[kind].beads
            fits = sorted(key[1]) == sorted(wanted)
            seen[key] = np.array([wanted.index(n) for n in key[1]], int) if fits else None
        found = seen[key]
        if found is None:
            fault = _bead_fault(key[1], library.templates[kind].beads)
            faults.setdefault(f"{beads.residues.names[residue]} {fault}", []).append(residue)
        else:
            local[begin:end] = found
    if faults:
        raise _misfit(beads.residues, library.name, source, faults)
    return local


def _misfit(
    residues: Residues, mapping: str, source: str, faults: dict[str, list[int]]
) -> MissingBeadError:
    """Say which residues have other beads than their mapping; each fault with its first residue."""
    lines = []
    for fault, members in sorted(faults.items(), key=lambda item: -len(item[1]))[:LISTED]:
        first = residues.label(members[0])
        rest = f"{len(members)} residues, first: " if len(members) > 1 else ""
        lines.append(f"  {fault} ({rest}{first})")
    if len(faults) > LISTED:
        lines.append(f"  and {len(faults) - LISTED} other faults")
    wrong = [residue for members in faults.values() for residue in members]
    others = "other versions of a force field have other beads (Martini 2 is not Martini 3)"
    if len(wrong) >= NEARLY_ALL * len(residues):
        hint = (
            "The file may be of another mapping: choose the one that it was made with (--mapping); "
            f"{others}. Or complete the file."
        )
    else:
        row = wrong[0]
        choice = f"resid {residues.ids[row]}{residues.icodes[row]}"
        choice += f" and chainID {residues.chains[row]}" if residues.chains[row] else ""
        hint = (
            f"Complete the file, leave the residues out (--selection 'not ({choice})'), or choose "
            f"the mapping that the file was made with (--mapping); {others}."
        )
    if _scattered(residues, wrong):
        hint = f"The beads of a residue must follow one another in the file.\n{hint}"
    n_wrong = f"{len(wrong)} residue" + ("s" if len(wrong) > 1 else "")
    return MissingBeadError(
        f"{source}: the beads of {n_wrong} are not those of mapping '{mapping}':\n"
        + "\n".join(lines),
        hint,
    )


def _scattered(residues: Residues, wrong: list[int]) -> bool:
    """Tell whether any of these residues occurs in several pieces."""
    columns = (residues.chains, residues.ids, residues.icodes, residues.names)
    keys = [tuple(column[residue] for column in columns) for residue in wrong]
    return len(set(keys)) < len(keys)


def _bead_fault(found: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    missing = [b for b in wanted if b not in found]
    extra = sorted({b for b in found if b not in wanted})
    twice = sorted({b for b in found if found.count(b) > 1})
    parts = [
        f"lacks {', '.join(missing)}" if missing else "",
        f"has {', '.join(extra)} that the mapping does not know" if extra else "",
        f"has {', '.join(twice)} more than once" if twice else "",
    ]
    return "; ".join(part for part in parts if part)
