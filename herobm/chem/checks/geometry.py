"""Whether the bonds and stereo labels of a mapping are those of a structure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from herobm.chem.bonds import COVALENT_RADII
from herobm.chem.checks.mapped_residues import MOST_RESIDUES, MappedResidues
from herobm.chem.stereo import stereo_centers
from herobm.dsl.diagnostics import Diagnostic
from herobm.system.neighbours import pair_distances
from herobm.system.periodic import minimum_image, whole_residues
from herobm.types import FloatArray, IntArray

#: Lengths of bonds, in sums of covalent radii, beyond which they are no bonds.
SHORTEST, LONGEST = 0.7, 1.3
#: Heavy atoms nearer than this, in the same unit, are bonded.
_BONDED = 1.15


def check_bonds(mapped: MappedResidues) -> Iterator[Diagnostic]:
    """M502: bonds that one of the two lacks; W501: single bonds of unlikely length."""
    number = {n: i for i, n in enumerate(mapped.names)}
    elements = [a.element for a in mapped.template.mapping.atoms]
    radius = np.array([COVALENT_RADII.get(e, np.nan) for e in elements])
    entries = [
        (e, number[e.a.name], number[e.b.name])
        for e in mapped.subject.file.bonds
        if e.a.offset == e.b.offset == 0 and {e.a.name, e.b.name} <= number.keys()
    ]
    for entry, a, b in entries:
        vectors = minimum_image(mapped.places[:, a] - mapped.places[:, b], mapped.atoms.box)
        length = np.linalg.norm(vectors, axis=1)
        usual = radius[a] + radius[b]
        off = (length < SHORTEST * usual) | (length > LONGEST * usual)
        if not off.any():
            continue
        worst = int(np.flatnonzero(off)[np.argmax(np.abs(length[off] - usual))])
        n_seen = int(np.isfinite(length).sum())
        bond = f"{entry.a}{entry.symbol}{entry.b}"
        message = f"bond {bond} is {length[worst]:.2f} Å long in {mapped.residue(worst)} of "
        message += f"{mapped.source}, {usual:.2f} Å is usual ({int(off.sum())} of {n_seen} are so)"
        if 2 * off.sum() > n_seen:
            hint = "is the bond between other atoms, or are names exchanged?"
            yield Diagnostic("M502", message, entry.span, help=hint)
        else:
            yield Diagnostic("W501", message, entry.span, help="look at the structure there")
    if entries:
        yield from _check_contacts(mapped, radius, {(min(a, b), max(a, b)) for _, a, b in entries})


def _check_contacts(
    mapped: MappedResidues, radius: FloatArray, bonded: set[tuple[int, int]]
) -> Iterator[Diagnostic]:
    """M502: heavy atoms as near as bonds in most residues, but not bonded in the mapping."""
    counts: Counter[tuple[int, int]] = Counter()
    whole = _whole_places(mapped, radius, np.array(sorted(bonded)))
    for places in whole:
        there = np.flatnonzero(np.isfinite(places).all(axis=1) & ~mapped.light & (radius > 0))
        if len(there) < 2:
            continue
        tree = cKDTree(places[there])
        reach = 2 * _BONDED * float(radius[there].max())
        close = there[tree.query_pairs(reach, output_type="ndarray")]
        length = pair_distances(places, close)
        near = close[length < _BONDED * radius[close].sum(axis=1)]
        counts.update((min(p), max(p)) for p in near.tolist())
    for (a, b), count in sorted(counts.items()):
        if (a, b) not in bonded and 2 * count > len(whole):
            one, two = mapped.names[a], mapped.names[b]
            lengths = np.linalg.norm(whole[:, a] - whole[:, b], axis=1)
            message = f"{one} and {two} are {np.nanmedian(lengths):.2f} Å apart in "
            message += f"{mapped.source}, which is a bond, but the mapping has none"
            hint = f"add {one}-{two} to 'bonds:'"
            yield Diagnostic("M502", message, mapped.span(two), help=hint)


def _whole_places(mapped: MappedResidues, radius: FloatArray, bonds: IntArray) -> FloatArray:
    """Positions as `places`; where a bond spans the box, each atom nearest to the one before."""
    box = mapped.atoms.box
    if box is None:
        return mapped.places
    positions = mapped.atoms.positions
    whole = whole_residues(positions, np.zeros(len(positions), np.int64), box)
    rows = mapped.rows[:MOST_RESIDUES]
    joined = np.where((rows >= 0)[..., None], whole[rows], np.nan)
    length = np.linalg.norm(mapped.places[:, bonds[:, 0]] - mapped.places[:, bonds[:, 1]], axis=2)
    broken = (length > LONGEST * radius[bonds].sum(axis=1)).any(axis=1)
    return np.asarray(np.where(broken[:, None, None], joined, mapped.places), dtype=float)


def check_hands(mapped: MappedResidues) -> Iterator[Diagnostic]:
    """M503: labels of stereocentres that have the other hand in most residues."""
    if not mapped.subject.mapping.stereo:
        return
    number = {n: i for i, n in enumerate(mapped.names)}
    order = np.array([number[n] for n in mapped.template.atoms], dtype=np.int64)
    centers = stereo_centers(mapped.template)
    for atoms, sign in zip(centers.atoms, centers.sign, strict=True):
        corners = mapped.places[:, order[atoms]]
        vectors = minimum_image(corners[:, 1:] - corners[:, :1], mapped.atoms.box)
        volume = np.linalg.det(vectors) * sign
        seen = np.isfinite(volume)
        if 2 * (volume[seen] < 0).sum() <= seen.sum():
            continue
        name = mapped.template.atoms[int(atoms[0])]
        entry = next((s for s in mapped.subject.file.stereo if s.atoms[0].name == name), None)
        if entry is not None and len(entry.atoms) == 1:
            other = {"R": "S", "S": "R"}[entry.label.text]
            message = f"'{name}' is labelled {entry.label.text}, but is {other} in {mapped.source}"
            span = entry.atoms[0].span.to(entry.label.span)
            yield Diagnostic("M503", message, span, help=f"write '{name}: {other}'")
