"""Whether a mapping and a structure of the same molecule agree: names, counts, bonds, hands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from herobm.chem.bonds import COVALENT_RADII
from herobm.chem.stereo import stereo_centers
from herobm.chem.subject import Subject, listed
from herobm.dsl.diagnostics import Diagnostic, ordered
from herobm.dsl.model import Mapping, MappingSet
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import File
from herobm.plan.template import ANYWHERE, Template, compile_library
from herobm.system.matching import match_atoms
from herobm.system.periodic import minimum_image
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

#: Lengths of bonds, in sums of covalent radii, beyond which they are no bonds.
SHORTEST, LONGEST = 0.7, 1.3
#: Heavy atoms nearer than this, in the same unit, are bonded.
_BONDED = 1.15
#: Residues that are measured.
_MOST_RESIDUES = 200


def check_structure(
    file: File,
    mapping: Mapping,
    atoms: Atoms,
    source: str,
    patches: Sequence[Mapping] = (),
) -> list[Diagnostic]:
    """Hold a mapping against a structure.

    Parameters
    ----------
    file : File
        As parsed, without errors; the places of the diagnostics lie in it.
    mapping : Mapping
        What `build_mapping` makes of it: a residue, not a patch.
    atoms : Atoms
        Atoms, or beads: what the names say. Residues of other names are passed over.
    source : str
        What to call the structure in messages.
    patches : Sequence[Mapping]
        What else the residue may have at the ends of a chain.

    Returns
    -------
    list[Diagnostic]
        M501 to M503, W501 to W503, errors first. Hydrogens that a structure lacks altogether are
        no fault.
    """
    if mapping.at is not None:
        return []
    library = compile_library(MappingSet(name=mapping.name, mappings=(mapping, *patches)))
    subject = Subject(file, library.templates[0], ANYWHERE)
    of_kind = np.isin(atoms.residues.names, mapping.molecules)[atoms.residue_index]
    found: list[Diagnostic] = []
    if not of_kind.any():
        found.append(_no_residue(subject, atoms, source))
    else:
        view = atoms.subset(of_kind)
        if _are_beads(subject, view):
            found += _check_beads(subject, view, source)
        else:
            sight = _Sight(subject, view, match_atoms(view, library).atom, source)
            for one in (_check_names, _check_repeats, _check_elements, _check_bonds, _check_hands):
                found += one(sight)
    return ordered(replace(d, path=file.path) for d in found)


def _no_residue(subject: Subject, atoms: Atoms, source: str) -> Diagnostic:
    names = subject.mapping.molecules
    message = f"{source} has no residue called {' or '.join(names)}"
    counts = Counter(atoms.residues.names.tolist())
    guess = next((g for n in names if (g := nearest(n, counts))), None)
    hint = f"did you mean {guess}?" if guess else "add the name that the structure has"
    note = "it has " + listed(f"{name} ({n})" for name, n in counts.most_common())
    return Diagnostic("M501", message, subject.head, help=hint, note=note)


def _are_beads(subject: Subject, view: Atoms) -> bool:
    names = set(view.names.tolist())
    known = {n for a in subject.mapping.atoms for n in a.names}
    return len(names & subject.mapping.beads.keys()) > len(names & known)


def _check_beads(subject: Subject, view: Atoms, source: str) -> Iterator[Diagnostic]:
    """M501 for a coarse-grained structure."""
    there = Counter(view.names.tolist())
    beads = subject.mapping.beads
    molecule = subject.mapping.name
    strangers = [n for n in there if n not in beads]
    for bead in beads:
        if bead not in there and bead in subject.bead_words:
            message = f"bead '{bead}' is in none of the {molecule} of {source}"
            guess = nearest(bead, strangers)
            hint = f"the structure has {guess}" if guess else f"it has {listed(there)}"
            yield Diagnostic("M501", message, subject.bead_words[bead], help=hint)
    for name in strangers:
        message = f"{source} has bead '{name}' in {there[name]} {molecule}, which the mapping lacks"
        guess = nearest(name, beads)
        hint = f"did you mean {guess}?" if guess else f"the mapping has {listed(beads)}"
        yield Diagnostic("M501", message, subject.head, help=hint)


@dataclass(frozen=True)
class _Sight:
    """The residues of a structure that a mapping describes.

    Attributes
    ----------
    subject : Subject
    atoms : Atoms
        Of those residues only.
    matched : IntArray, shape (n_atoms,)
        Atom of the mapping, -1 for strangers.
    source : str
    """

    subject: Subject
    atoms: Atoms
    matched: IntArray
    source: str

    @property
    def template(self) -> Template:
        """The mapping, with its patches."""
        return self.subject.template

    @cached_property
    def names(self) -> list[str]:
        """Atoms of the mapping, in order."""
        return [a.name for a in self.template.mapping.atoms]

    @cached_property
    def rows(self) -> IntArray:
        """Atom of the structure for each residue and atom of the mapping, -1 where it lacks."""
        rows = np.full((len(self.atoms.residues), len(self.names)), -1, dtype=np.int64)
        known = np.flatnonzero(self.matched >= 0)
        rows[self.atoms.residue_index[known], self.matched[known]] = known
        return rows

    @cached_property
    def places(self) -> FloatArray:
        """Positions (n_residues, n_atoms, 3) of at most `_MOST_RESIDUES`, NaN where one lacks."""
        rows = self.rows[:_MOST_RESIDUES]
        places = np.where((rows >= 0)[..., None], self.atoms.positions[rows], np.nan)
        return np.asarray(places, dtype=float)

    @cached_property
    def light(self) -> BoolArray:
        """Which atoms of the mapping are hydrogens."""
        elements = [a.element in ("H", "D") for a in self.template.mapping.atoms]
        return np.array(elements, dtype=bool)

    def residue(self, index: int) -> str:
        """Name a residue."""
        return self.atoms.residues.label(index)


def _check_names(sight: _Sight) -> Iterator[Diagnostic]:
    """M501: atoms that only one of the two has; W502: residues and hydrogens that lack some."""
    has = sight.rows >= 0
    wanted = np.array([sight.template.place[n] == ANYWHERE for n in sight.names])
    strangers = Counter(sight.atoms.names[sight.matched < 0].tolist())
    heavy_strangers = [n for n in strangers if not _is_light(sight, n)]
    lost = wanted & ~has.any(axis=0)
    n_residues, kind = len(has), sight.subject.mapping.name
    for i in np.flatnonzero(lost & ~sight.light).tolist():
        message = f"'{sight.names[i]}' is in none of the {n_residues} {kind} of {sight.source}"
        guess = nearest(sight.names[i], heavy_strangers)
        if guess:
            hint: str | None = f"the structure has {guess}: write {sight.names[i]}, {guess}"
        else:
            hint = f"the structure has {listed(heavy_strangers)}" if heavy_strangers else None
        yield Diagnostic("M501", message, _span(sight, sight.names[i]), help=hint)
    for name in heavy_strangers:
        yield _stranger(
            sight, name, strangers[name], [sight.names[i] for i in np.flatnonzero(lost)]
        )
    yield from _check_hydrogens(sight, lost, [n for n in strangers if n not in heavy_strangers])
    partly = wanted & ~sight.light & has.any(axis=0)
    short = np.flatnonzero(~has[:, partly].all(axis=1))
    if len(short):
        first = int(short[0])
        missing = [
            n for n, w, h in zip(sight.names, partly, has[first], strict=True) if w and not h
        ]
        message = f"{len(short)} of {n_residues} {kind} of {sight.source} lack atoms (first: "
        message += f"{sight.residue(first)} lacks {listed(missing)})"
        yield Diagnostic("W502", message, sight.subject.head)


def _span(sight: _Sight, name: str) -> Any:
    return sight.subject.names.get(name, sight.subject.head)


def _is_light(sight: _Sight, name: str) -> bool:
    row = int(np.flatnonzero((sight.atoms.names == name) & (sight.matched < 0))[0])
    elements = sight.atoms.elements
    return elements is not None and str(elements[row]) in ("H", "D")


def _stranger(sight: _Sight, name: str, count: int, lost: list[str]) -> Diagnostic:
    row = int(np.flatnonzero((sight.atoms.names == name) & (sight.matched < 0))[0])
    where = sight.residue(int(sight.atoms.residue_index[row]))
    message = f"{sight.source} has '{name}' in {count} of {len(sight.rows)} "
    message += f"{sight.subject.mapping.name} (first: {where}), which the mapping lacks"
    guess = nearest(name, lost)
    hint = f"is it {guess}? write {guess}, {name}" if guess else f"add a line for {name}"
    return Diagnostic("M501", message, sight.subject.head, help=hint)


def _check_hydrogens(sight: _Sight, lost: BoolArray, strangers: list[str]) -> Iterator[Diagnostic]:
    """W502: hydrogens, where the structure has some."""
    known = bool((sight.rows[:, sight.light] >= 0).any())
    names = [sight.names[i] for i in np.flatnonzero(lost & sight.light)]
    if names and (known or strangers):
        message = f"hydrogens {listed(names)} are in none of the {len(sight.rows)} "
        message += f"{sight.subject.mapping.name} of {sight.source}"
        hint = f"the structure has {listed(strangers)}" if strangers else None
        yield Diagnostic("W502", message, _span(sight, names[0]), help=hint)
    elif strangers and known:
        message = f"{sight.source} has hydrogens {listed(strangers)}, which the mapping lacks"
        yield Diagnostic("W502", message, sight.subject.head, help="they are left out of the beads")


def _check_repeats(sight: _Sight) -> Iterator[Diagnostic]:
    """M501: two atoms of a residue with one name."""
    pairs = Counter(
        zip(sight.atoms.residue_index.tolist(), sight.atoms.names.tolist(), strict=True)
    )
    twice: dict[str, int] = {}
    for (residue, name), count in pairs.items():
        if count > 1:
            twice.setdefault(name, residue)
    for name, residue in twice.items():
        message = f"{sight.residue(residue)} of {sight.source} has {pairs[residue, name]} atoms "
        message += f"called '{name}'"
        yield Diagnostic("M501", message, _span(sight, name), help="atoms are told by their names")


def _check_elements(sight: _Sight) -> Iterator[Diagnostic]:
    """W503: an element that the structure knows better than the name tells."""
    if sight.atoms.elements is None:
        return
    for i, atom in enumerate(sight.template.mapping.atoms):
        rows = sight.rows[:, i]
        seen = Counter(sight.atoms.elements[rows[rows >= 0]].tolist())
        element = seen.most_common(1)[0][0] if seen else ""
        if element and atom.element and element != atom.element:
            message = f"'{atom.name}' is read as {atom.element}, but {sight.source} says {element}"
            yield Diagnostic("W503", message, _span(sight, atom.name))


def _check_bonds(sight: _Sight) -> Iterator[Diagnostic]:
    """M502: bonds that one of the two lacks; W501: single bonds of unlikely length."""
    number = {n: i for i, n in enumerate(sight.names)}
    elements = [a.element for a in sight.template.mapping.atoms]
    radius = np.array([COVALENT_RADII.get(e, np.nan) for e in elements])
    entries = [
        (e, number[e.a.name], number[e.b.name])
        for e in sight.subject.file.bonds
        if e.a.offset == e.b.offset == 0 and {e.a.name, e.b.name} <= number.keys()
    ]
    for entry, a, b in entries:
        vectors = minimum_image(sight.places[:, a] - sight.places[:, b], sight.atoms.box)
        length = np.linalg.norm(vectors, axis=1)
        usual = radius[a] + radius[b]
        off = (length < SHORTEST * usual) | (length > LONGEST * usual)
        if not off.any():
            continue
        worst = int(np.flatnonzero(off)[np.argmax(np.abs(length[off] - usual))])
        n_seen = int(np.isfinite(length).sum())
        bond = f"{entry.a}{entry.symbol}{entry.b}"
        message = f"bond {bond} is {length[worst]:.2f} Å long in {sight.residue(worst)} of "
        message += f"{sight.source}, {usual:.2f} Å is usual ({int(off.sum())} of {n_seen} are so)"
        if 2 * off.sum() > n_seen:
            hint = "is the bond between other atoms, or are names exchanged?"
            yield Diagnostic("M502", message, entry.span, help=hint)
        else:
            yield Diagnostic("W501", message, entry.span, help="look at the structure there")
    if entries:
        yield from _check_contacts(sight, radius, {(min(a, b), max(a, b)) for _, a, b in entries})


def _check_contacts(
    sight: _Sight, radius: FloatArray, bonded: set[tuple[int, int]]
) -> Iterator[Diagnostic]:
    """M502: heavy atoms as near as bonds in most residues, but not bonded in the mapping."""
    counts: Counter[tuple[int, int]] = Counter()
    whole = _whole_places(sight, radius, np.array(sorted(bonded)))
    for places in whole:
        there = np.flatnonzero(np.isfinite(places).all(axis=1) & ~sight.light & (radius > 0))
        if len(there) < 2:
            continue
        tree = cKDTree(places[there])
        reach = 2 * _BONDED * float(radius[there].max())
        close = there[tree.query_pairs(reach, output_type="ndarray")]
        length = np.linalg.norm(places[close[:, 0]] - places[close[:, 1]], axis=1)
        near = close[length < _BONDED * radius[close].sum(axis=1)]
        counts.update((min(p), max(p)) for p in near.tolist())
    for (a, b), count in sorted(counts.items()):
        if (a, b) not in bonded and 2 * count > len(whole):
            one, two = sight.names[a], sight.names[b]
            lengths = np.linalg.norm(whole[:, a] - whole[:, b], axis=1)
            message = f"{one} and {two} are {np.nanmedian(lengths):.2f} Å apart in {sight.source}, "
            message += "which is a bond, but the mapping has none"
            hint = f"add {one}-{two} to 'bonds:'"
            yield Diagnostic("M502", message, _span(sight, two), help=hint)


def _whole_places(sight: _Sight, radius: FloatArray, bonds: IntArray) -> FloatArray:
    """Positions as `places`; where a bond spans the box, each atom nearest to the one before."""
    box = sight.atoms.box
    if box is None:
        return sight.places
    positions = sight.atoms.positions
    steps = minimum_image(np.diff(positions, axis=0), box)
    whole = positions[0] + np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    rows = sight.rows[:_MOST_RESIDUES]
    joined = np.where((rows >= 0)[..., None], whole[rows], np.nan)
    length = np.linalg.norm(sight.places[:, bonds[:, 0]] - sight.places[:, bonds[:, 1]], axis=2)
    broken = (length > LONGEST * radius[bonds].sum(axis=1)).any(axis=1)
    return np.asarray(np.where(broken[:, None, None], joined, sight.places), dtype=float)


def _check_hands(sight: _Sight) -> Iterator[Diagnostic]:
    """M503: labels of stereocentres that have the other hand in most residues."""
    if not sight.subject.mapping.stereo:
        return
    number = {n: i for i, n in enumerate(sight.names)}
    order = np.array([number[n] for n in sight.template.atoms], dtype=np.int64)
    centers = stereo_centers(sight.template)
    for atoms, sign in zip(centers.atoms, centers.sign, strict=True):
        corners = sight.places[:, order[atoms]]
        vectors = minimum_image(corners[:, 1:] - corners[:, :1], sight.atoms.box)
        volume = np.linalg.det(vectors) * sign
        seen = np.isfinite(volume)
        if 2 * (volume[seen] < 0).sum() <= seen.sum():
            continue
        name = sight.template.atoms[int(atoms[0])]
        entry = next((s for s in sight.subject.file.stereo if s.atoms[0].name == name), None)
        if entry is not None and len(entry.atoms) == 1:
            other = {"R": "S", "S": "R"}[entry.label.text]
            message = f"'{name}' is labelled {entry.label.text}, but is {other} in {sight.source}"
            span = entry.atoms[0].span.to(entry.label.span)
            yield Diagnostic("M503", message, span, help=f"write '{name}: {other}'")
