"""Which template each residue of a structure is, and which atom of it each atom is."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import numpy as np

from herobm.dsl.model import Mapping
from herobm.errors import UnmappedResidueError
from herobm.plan.template import Library
from herobm.types import Atoms, BoolArray, IntArray, Particles, Residues

log = logging.getLogger(__name__)
P = TypeVar("P", bound=Particles)
#: Atoms that are others where a residue is read as another kind: what each becomes, with element.
EXCHANGED = {("MSE", "MET"): {"SE": ("SD", "S")}}
#: Names, or faults, that a message lists.
LISTED = 8


@dataclass(frozen=True, eq=False)
class AtomMatch:
    """What the mapping makes of the atoms of a structure.

    Attributes
    ----------
    template : IntArray, shape (n_residues,)
        Index into the library, -1 where the residue name is not mapped.
    atom : IntArray, shape (n_atoms,)
        Index into the atoms of the residue's mapping, -1 where the mapping lacks the atom.
    """

    template: IntArray
    atom: IntArray


def rename_residues(particles: P, rename: Dict[str, str], source: str) -> P:
    """Give residues the names that a mapping knows (``--rename OLD=NEW``).

    Parameters
    ----------
    particles : Atoms or Beads
    rename : dict of str to str
    source : str
        What to call them in messages.
    """
    if not rename:
        return particles
    names = particles.residues.names
    idle = sorted(rename.keys() - set(names.tolist()))
    if idle:
        what = ", ".join(idle)
        log.info("%s: no residue is called %s, so none is renamed from that", source, what)
    renamed = np.array([rename.get(str(n), str(n)) for n in names], dtype=np.str_)
    if isinstance(particles, Atoms):
        particles = cast(P, _exchange(particles, rename, source))
    return replace(particles, residues=replace(particles.residues, names=renamed))


def _exchange(atoms: Atoms, rename: Dict[str, str], source: str) -> Atoms:
    """Make atoms those that residues have as what they are read as (see `EXCHANGED`)."""
    kind = atoms.residues.names[atoms.residue_index]
    for (old, new), others in EXCHANGED.items():
        for name, (other, element) in others.items() if rename.get(old) == new else ():
            rows = (kind == old) & (atoms.names == name)
            if not rows.any():
                continue
            log.info(
                "%s: %s of %d %s counts as %s of %s", source, name, rows.sum(), old, other, new
            )
            symbols = np.where(rows, element, atoms.symbols)
            atoms = replace(atoms, names=np.where(rows, other, atoms.names), elements=symbols)
    return atoms


def find_templates(residues: Residues, library: Library) -> IntArray:
    """Index of each residue's template, -1 where the library has none."""
    names, inverse = np.unique(residues.names, return_inverse=True)
    known = np.array([library.by_residue.get(str(n), -1) for n in names], dtype=np.int64)
    return known[inverse] if len(residues) else np.zeros(0, dtype=np.int64)


def find_residues(before: Residues, after: Residues) -> IntArray:
    """Find residues in a structure that others were put between, or that lacks some of them.

    The order tells them apart, since their labels may not: copies of a molecule can share a chain
    id, and GRO files count to 99999. Where as many are left, they are the same.

    Parameters
    ----------
    before, after : Residues

    Returns
    -------
    IntArray, shape (len(before),)
        Index into `after`, -1 for those that are not there any more.
    """
    if len(before) == len(after):
        return np.arange(len(before))
    found = np.full(len(before), -1, dtype=np.int64)
    more = len(after) - len(before)
    if more < 0:
        back = find_residues(after, before)
        found[back[back >= 0]] = np.flatnonzero(back >= 0)
        return found
    labels = _labels(after)
    here = 0
    for i, label in enumerate(_labels(before)):
        try:  # no residue is farther on than by the number of new ones
            found[i] = labels.index(label, here, i + more + 1)
        except ValueError:
            continue
        here = int(found[i]) + 1
    return found


def _labels(residues: Residues) -> list[tuple[object, ...]]:
    columns = (residues.chains, residues.ids, residues.icodes, residues.names)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def match_atoms(atoms: Atoms, library: Library) -> AtomMatch:
    """Find each atom in the mapping of its residue, by the naming column with most hits.

    Parameters
    ----------
    atoms : Atoms
    library : Library

    Returns
    -------
    AtomMatch
    """
    template = find_templates(atoms.residues, library)
    found = np.full(len(atoms), -1, dtype=np.int64)
    starts = np.searchsorted(atoms.residue_index, np.arange(len(atoms.residues) + 1))
    seen: dict[tuple[int, tuple[str, ...]], tuple[IntArray, bool]] = {}
    mixed: list[str] = []
    names = atoms.names.tolist()
    for residue, kind in enumerate(template.tolist()):
        begin, end = int(starts[residue]), int(starts[residue + 1])
        if kind < 0:
            continue
        key = (kind, tuple(names[begin:end]))
        if key not in seen:
            seen[key] = _match_names(key[1], library.templates[kind].mapping)
        found[begin:end], is_mixed = seen[key]
        if is_mixed:
            mixed.append(atoms.residues.label(residue))
    if mixed:
        log.info(
            "%d residue(s) mix atom names of several conventions and were read by all of them "
            "(first: %s)",
            len(mixed),
            mixed[0],
        )
    return AtomMatch(template, found)


def _match_names(names: tuple[str, ...], mapping: Mapping) -> tuple[IntArray, bool]:
    """Find atom names in a mapping; tell whether more than one column was needed for them."""
    n_columns = max(len(a.names) for a in mapping.atoms)
    columns = [
        {a.names[c] if c < len(a.names) else a.names[0]: i for i, a in enumerate(mapping.atoms)}
        for c in range(n_columns)
    ]
    present = set(names)
    best = max(columns, key=lambda column: len(present & column.keys()))
    index = np.array([best.get(name, -1) for name in names], dtype=np.int64)
    taken = set(index.tolist())
    mixed = False
    for place in np.flatnonzero(index < 0):
        meanings = {column[names[place]]: None for column in columns if names[place] in column}
        free = [atom for atom in meanings if atom not in taken]
        if free:
            index[place] = free[0]
            taken.add(free[0])
            mixed |= len(meanings) > 1
    return index, mixed


def describe_residues(residues: Residues, where: BoolArray) -> str:
    """List residues by name, with how many there are and where the first one is."""
    counts = Counter(residues.names[where].tolist())
    lines = []
    for name, count in counts.most_common(LISTED):
        first = int(np.flatnonzero(where & (residues.names == name))[0])
        lines.append(f"{name}: {count} (first: {residues.label(first)})")
    if len(counts) > LISTED:
        lines.append(f"and {len(counts) - LISTED} other names")
    return "; ".join(lines)


def require_mapped(particles: P, library: Library, *, skip_unmapped: bool, source: str) -> P:
    """Stop at residues whose name the library lacks, or leave them out if told so.

    Raises
    ------
    UnmappedResidueError
        Naming them, how many there are, where the first one is, and how to go on.
    """
    unknown = find_templates(particles.residues, library) < 0
    if not unknown.any():
        return particles
    listed = describe_residues(particles.residues, unknown)
    if skip_unmapped and not unknown.all():
        log.info("left out, not in mapping '%s': %s", library.name, listed)
        return particles.subset(~unknown[particles.residue_index])
    others = (
        "Name a residue as the mapping does (--rename OLD=NEW), or bring a mapping for it "
        "(--mapping my.map)."
    )
    some = (
        "Leave out what is not mapped (--skip-unmapped), or select what is (--selection 'not "
        "resname W').\n"
    )
    none = "No residue is mapped, so nothing would be left to work on.\n"
    raise UnmappedResidueError(
        f"{source}: mapping '{library.name}' has no residue {listed}",
        f"{none if unknown.all() else some}{others}\n"
        f"It has: {', '.join(sorted(library.by_residue))}.",
    )


def count_known(atoms: Atoms, library: Library) -> int:
    """Count the residues of a structure whose heavy atoms a mapping all knows."""
    match = match_atoms(atoms, library)
    strange = np.bincount(
        atoms.residue_index[atoms.heavy & (match.atom < 0)], minlength=len(atoms.residues)
    )
    return int(((match.template >= 0) & (strange == 0)).sum())
