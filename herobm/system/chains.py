"""Which residues are bonded in sequence, and where chains begin, end or are broken."""

from __future__ import annotations

import logging
import string
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice, product

import numpy as np

from herobm.system.periodic import minimum_image
from herobm.types import BoolArray, FloatArray, IntArray, Residues

log = logging.getLogger(__name__)

#: Å, longest distance between linking beads that lie on backbones: BB-BB in Martini 3 is 3.5 Å on
#: average, CA-CA 3.8 Å. Other beads are those whose atoms allow more than `ON_BACKBONE`.
LINK_CUTOFF, ON_BACKBONE = 4.5, 5.0
#: Å, where the atoms of such beads allow less than `ON_ATOMS`, they are bonded up to so much more
#: than what these allow. In 250 crystal structures bonded C and N lie up to 1.7 Å apart, and C is
#: 2.6 Å or more from N behind a missing residue; the middle of C and O, bonded, up to 2.2 Å.
ON_ATOMS, ROOM = 3.0, 0.5
#: Å, how much farther apart they may be where each number is that before and one more: models of
#: C-alpha with soft bonds stretch them to 5.1 Å, and residues with one between them are 5.3 Å apart
#: in helices.
NEXT_ROOM = 0.7
#: Å, the same where numbers were skipped. Of 2350 places in crystal structures where they are 91
#: are bonded: those of C-alpha up to 4.0 Å apart, of BB (centre of N CA C O) up to 3.85 Å. Of the
#: others, next to which residues are missing, 2 lie within that by C-alpha and 14 by BB.
SKIP_CUTOFF = 4.0
#: Å, length of a bond between residues, and by how much beads may be farther apart than the atoms
#: of their residues can take them.
LINK_LENGTH, LINK_SLACK = 1.33, 0.1

#: Å, distance of the beads at both ends of a chain, of so many residues at least, up to which it
#: may be a ring.
RING_CUTOFF, RING_SIZE = 4.2, 4

#: Share of the residues of a chain whose number is lower than that before, above which it is told.
DISORDER = 0.25

#: Share of the links of a chain, and number of them, above which breaks are no missing loops.
TORN, TORN_LINKS = 0.25, 5

#: Å between residues whose numbers go on, from where more than their chain is torn.
BOX_CUT = 15.0

#: Last residue numbers that fit into the columns of PDB and GRO; after them comes 0, or 1.
LAST_NUMBERS = (9999, 99999)

#: Chain ids that are made up where a file has none, used again from the start when they run out.
CHAIN_IDS = string.ascii_uppercase + string.ascii_lowercase + string.digits


@dataclass(frozen=True, eq=False)
class Links:
    """Bonds along the sequence.

    Attributes
    ----------
    previous, following : IntArray, shape (n_residues,)
        The residue bonded before and after, -1 for none.
    chain_start, chain_end : BoolArray, shape (n_residues,)
        First and last residue of a molecule. A residue beside a break is neither.
    chain : IntArray, shape (n_residues,)
        Number of the molecule; a break does not begin a new one.
    stretched : BoolArray, shape (n_residues,)
        Where the bond to the residue before is longer than `LINK_CUTOFF`, of beads on the backbone.
    """

    previous: IntArray
    following: IntArray
    chain_start: BoolArray
    chain_end: BoolArray
    chain: IntArray
    stretched: BoolArray


def find_links(
    residues: Residues,
    positions: FloatArray,
    link_beads: IntArray,
    reach: FloatArray,
    box: FloatArray | None = None,
) -> Links:
    """Find bonded neighbours, chain ends and breaks.

    Two residues in a row are bonded when both can be, their chain id is the same and no TER
    stands between them, the second number is the next (or the same with another insertion code,
    or with another name in files without chain ids, which lose these codes, or the first one after
    the largest that a PDB or GRO file has room for), and the linking beads are not farther apart
    than `LINK_CUTOFF`, or than their atoms allow for beads off the backbone and for those on the
    atoms that are bonded (and `NEXT_ROOM` on the backbone, where the second number is the next).
    Numbers may be skipped, as the numbering of chymotrypsin does, between beads on the backbone
    that are not farther apart than that and than `SKIP_CUTOFF`.
    Elsewhere a new chain begins if the chain id changes, at TER, or if the numbers start again, or,
    in files without chain ids, if only the distance tells; what remains (a gap in the numbers and
    in space, a jump within a named chain) is a break.

    Parameters
    ----------
    residues : Residues
    positions : FloatArray, shape (n_beads, 3)
        Å.
    link_beads : IntArray, shape (n_residues, 2)
        Beads that carry the bond to the previous and to the next residue, -1 for none.
    reach : FloatArray, shape (n_residues, 2)
        Å, how far these can be from the atoms of the bonds (`Template.link_reach`).
    box : FloatArray or None, shape (6,)

    Returns
    -------
    Links
    """
    n = len(residues)
    none = np.full(n, -1, dtype=np.int64)
    if n == 0:
        empty = np.zeros(0, bool)
        return Links(none, none, empty, empty, none, empty)
    new_molecule, linked, stretched = _borders(residues, positions, link_beads, reach, box)
    previous, following = none.copy(), none.copy()
    index = np.arange(n)
    previous[1:][linked] = index[:-1][linked]
    following[:-1][linked] = index[1:][linked]
    polymer = (link_beads >= 0).any(axis=1)
    start = np.concatenate([[True], new_molecule])
    end = np.concatenate([new_molecule, [True]])
    ends = start & polymer, end & polymer
    long = np.concatenate([[False], stretched])
    return Links(previous, following, *ends, np.cumsum(start) - 1, long)


def link_limit(reach: FloatArray) -> FloatArray:
    """Longest distance of the beads of bonded residues, Å, by how far they are from the atoms.

    Parameters
    ----------
    reach : FloatArray, shape (n,)
        Å, of both beads together (`Template.link_reach`).
    """
    allowed = reach + LINK_LENGTH + LINK_SLACK
    near = np.where(allowed < ON_ATOMS, allowed + ROOM, LINK_CUTOFF)
    return np.where(allowed > ON_BACKBONE, allowed, near)


def _borders(
    residues: Residues,
    positions: FloatArray,
    link_beads: IntArray,
    reach: FloatArray,
    box: FloatArray | None,
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """For each pair of residues in a row: a new molecule begins; they are bonded; and far apart."""
    both = (link_beads[:-1, 1] >= 0) & (link_beads[1:, 0] >= 0)
    same_chain = residues.same_chain()
    step = residues.ids[1:] - residues.ids[:-1]
    inserted = (step == 0) & (residues.icodes[1:] != residues.icodes[:-1])
    near = np.zeros(len(both), bool)
    gap = positions[link_beads[1:, 0][both]] - positions[link_beads[:-1, 1][both]]
    limit = link_limit(reach[:-1, 1] + reach[1:, 0])
    far = np.linalg.norm(minimum_image(gap, box), axis=1)
    on_backbone = limit <= LINK_CUTOFF
    stretch = np.where((step == 1) & on_backbone, limit + NEXT_ROOM, limit)
    near[both] = far <= stretch[both]
    skips = (step > 1) & on_backbone
    skips[both] &= far <= np.minimum(SKIP_CUTOFF, limit[both])
    wraps = near & np.isin(residues.ids[:-1], LAST_NUMBERS) & np.isin(residues.ids[1:], (0, 1))
    unnamed = residues.chains[1:] == ""
    lost = near & unnamed & (step == 0) & (residues.names[1:] != residues.names[:-1])
    in_turn = (step == 1) | inserted | wraps | lost
    linked = both & same_chain & (in_turn | skips) & near
    restarts = (step < 0) | ((step == 0) & ~inserted)
    new_molecule = ~same_chain | restarts | ~both | (unnamed & in_turn & ~near)
    stretched = linked & on_backbone
    stretched[both] &= far > limit[both]
    return new_molecule & ~linked, linked, stretched


def report_breaks(residues: Residues, links: Links, link_beads: IntArray, mapping: str) -> None:
    """Say in the log where chains are broken: there, no atoms of a chain end are added.

    And where distance alone has ended chains without names, which get such atoms, or where it might
    have, the next bead being just near enough. Chains that are broken, ended or stretched so all
    over may have beads of another kind, of which that is told.

    Parameters
    ----------
    residues : Residues
        As in the file, without chain ids that were made up.
    links, link_beads
        See `find_links`.
    mapping : str
        Name of the mapping.
    """
    broken = 1 + np.flatnonzero(links.previous[1:] < 0)
    broken = broken[links.chain[broken] == links.chain[broken - 1]]
    if len(broken):
        first = int(broken[0])
        log.info(
            "%d break(s) within chains, where no ends are added (first: between %s and %s)",
            len(broken),
            residues.label(first - 1),
            residues.label(first),
        )
    both = (link_beads[:-1, 1] >= 0) & (link_beads[1:, 0] >= 0) & (np.diff(residues.ids) == 1)
    both &= residues.same_chain()
    torn = both & (links.previous[1:] < 0)
    ended = 1 + np.flatnonzero(torn & (links.chain[1:] != links.chain[:-1]))
    if len(ended):
        first = int(ended[0])
        log.info(
            "%d chain(s) without names end where residue numbers go on, since the next bead is too "
            "far away, and get the atoms of ends there (first: between %s and %s)",
            len(ended),
            residues.label(first - 1),
            residues.label(first),
        )
    long = links.stretched[1:] & (residues.chains[1:] == "")
    if long.any():
        first = 1 + int(np.flatnonzero(long)[0])
        log.info(
            "%d bond(s) within chains without names are longer than usual (first: between %s and "
            "%s); if another molecule begins there, name the chains",
            int(long.sum()),
            residues.label(first - 1),
            residues.label(first),
        )
    torn |= both & links.stretched[1:]
    for name in np.unique(residues.chains[1:][torn]).tolist():
        mine = residues.chains[1:] == name
        n_torn, n_links = int(torn[mine].sum()), int(both[mine].sum())
        if n_torn >= TORN_LINKS and n_torn > TORN * n_links:
            log.info(
                "%s broken or stretched at %d of %d places where residue numbers go on: beads may "
                "lie elsewhere than those of mapping '%s' (at centres of mass rather than on "
                "an atom, say); if so, take the mapping that they were made by (--mapping; herobm "
                "mapping list), and name the beads as it does",
                f"chain {name} is" if name else "chains without names are",
                n_torn,
                n_links,
                mapping,
            )


def report_disorder(residues: Residues) -> None:
    """Say of chains whose residues stand in another order than that of their numbers."""
    falls = (np.diff(residues.ids) < 0) & residues.same_chain() & (residues.chains[1:] != "")
    for name in np.unique(residues.chains[1:][falls]).tolist():
        mine = residues.chains[1:] == name
        if falls[mine].sum() > DISORDER * mine.sum():
            log.info(
                "chain %s does not stand in the order of its residue numbers; where these fall "
                "a new chain begins, with the atoms of ends, so sort it first",
                name,
            )
    down = (np.diff(residues.ids) == -1) & residues.same_chain() & (residues.chains[1:] == "")
    if (down[1:] & down[:-1]).sum() > DISORDER * (residues.chains == "").sum():
        log.info(
            "residue numbers fall from each residue to the next (first: %s), so each is taken for "
            "a chain by itself, with the atoms of ends; write the residues in the order of the "
            "chain",
            residues.label(1 + int(np.flatnonzero(down)[0])),
        )


def report_mixed(residues: Residues, links: Links) -> None:
    """Say of chains that go on after residues of others that they are taken for several.

    Parameters
    ----------
    residues : Residues
        As in the file, without chain ids that were made up.
    links : Links
    """
    begins = np.flatnonzero(np.append(True, residues.chains[1:] != residues.chains[:-1]))
    ends = np.append(begins[1:], len(residues)) - 1
    last_of: dict[str, int] = {}
    places: dict[str, list[tuple[int, int]]] = {}
    for first, last in zip(begins.tolist(), ends.tolist(), strict=True):
        name = str(residues.chains[first])
        before = last_of.get(name, -1)
        goes_on = before >= 0 and residues.ids[first] == residues.ids[before] + 1
        if name and goes_on and links.chain_end[before] and links.chain_start[first]:
            places.setdefault(name, []).append((before, first))
        last_of[name] = last
    if places:
        before, first = next(iter(places.values()))[0]
        names = ", ".join(places)
        log.info(
            "%s on after residues of other chains, at %d place(s) (first: from %s to %s), and "
            "begins anew there, with the atoms of ends; put the residues of each chain together",
            f"chain {names} goes" if len(places) == 1 else f"each of the chains {names} goes",
            sum(len(found) for found in places.values()),
            residues.label(before),
            residues.label(first),
        )


def report_cuts(
    residues: Residues, links: Links, positions: FloatArray, link_beads: IntArray
) -> None:
    """Say of chains in no box that they are torn as a box tears them.

    Parameters
    ----------
    residues, links, positions, link_beads
        See `find_links`.
    """
    goes_on = residues.same_chain() & (np.diff(residues.ids) == 1) & (links.previous[1:] < 0)
    goes_on &= (link_beads[:-1, 1] >= 0) & (link_beads[1:, 0] >= 0)
    gap = positions[link_beads[1:, 0][goes_on]] - positions[link_beads[:-1, 1][goes_on]]
    far = np.linalg.norm(gap, axis=1)
    torn = np.flatnonzero(goes_on)[far > BOX_CUT]
    if len(torn):
        log.info(
            "residues whose numbers go on lie up to %.0f Å apart at %d place(s) (first: %s and "
            "%s): if a periodic box cuts the molecules, which the file does not tell, add it "
            "(CRYST1 of PDB files, the last line of GRO files), or make molecules whole first (gmx "
            "trjconv -pbc whole)",
            far.max(),
            len(torn),
            residues.label(int(torn[0])),
            residues.label(int(torn[0]) + 1),
        )


def report_rings(
    residues: Residues,
    links: Links,
    positions: FloatArray,
    link_beads: IntArray,
    box: FloatArray | None = None,
) -> None:
    """Say in the log where the ends of a chain lie as near as if they were bonded.

    No file of beads tells a cyclic peptide from a chain whose ends meet, so it is taken for one.

    Parameters
    ----------
    residues, links, positions, link_beads, box
        See `find_links`.
    """
    last_of = {int(links.chain[i]): int(i) for i in np.flatnonzero(links.chain_end)}
    for first in np.flatnonzero(links.chain_start).tolist():
        last = last_of.get(int(links.chain[first]), first)
        ends = int(link_beads[last, 1]), int(link_beads[first, 0])
        if last - first < RING_SIZE - 1 or min(ends) < 0:
            continue
        gap = minimum_image(positions[ends[0]] - positions[ends[1]], box)
        distance = float(np.linalg.norm(gap))
        if distance <= RING_CUTOFF:
            log.info(
                "%s and %s, the ends of a chain, lie %.1f Å apart as bonded residues do; if they "
                "are, in a cyclic peptide: it is rebuilt as an open chain",
                residues.label(first),
                residues.label(last),
                distance,
            )


def name_chains(residues: Residues, links: Links) -> Residues:
    """Make up chain ids where the file has none (GRO): A, B, ... in order of the molecules.

    Residues that already have a chain id keep it, and none is made up that the file has. After 62
    molecules the letters begin again, as they do in large PDB files; the TER records still tell
    the molecules apart. `Residues.long_chains` go on with AA, AB, ... instead.
    """
    unnamed = residues.chains == ""
    if not unnamed.any():
        return residues
    taken = set(residues.chains[~unnamed].tolist())
    free = [letter for letter in CHAIN_IDS if letter not in taken]
    molecule = np.zeros(len(residues), dtype=np.int64)
    molecule[unnamed] = np.unique(links.chain[unnamed], return_inverse=True)[1]
    longer = [*islice(_longer_ids(taken), max(0, int(molecule.max()) + 1 - len(free)))]
    letters, unique = np.array(free or [*CHAIN_IDS]), np.array([*free, *longer])
    chains = np.where(unnamed, letters[molecule % len(letters)], residues.chains)
    if not longer:
        return replace(residues, chains=chains)
    long_chains = np.where(unnamed, unique[molecule], residues.chains)
    return replace(residues, chains=chains, long_chains=long_chains)


def _longer_ids(taken: Collection[str]) -> Iterator[str]:
    """Make up chain ids of two letters, then three and so on, without those that are taken."""
    for length in count(2):
        for letters in product(CHAIN_IDS, repeat=length):
            if "".join(letters) not in taken:
                yield "".join(letters)
