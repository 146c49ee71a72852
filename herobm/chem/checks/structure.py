"""Whether a mapping and a structure of the same molecule agree: names, counts, bonds, hands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from herobm.chem.checks.geometry import check_bonds, check_hands
from herobm.chem.checks.mapped_residues import MappedResidues
from herobm.chem.checks.subject import Subject, listed
from herobm.dsl.diagnostics import Diagnostic, ordered
from herobm.dsl.model import Mapping, MappingSet
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import File
from herobm.plan.template import ANYWHERE, compile_library
from herobm.system.matching import match_atoms
from herobm.types import Atoms, BoolArray


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
            mapped = MappedResidues(subject, view, match_atoms(view, library).atom, source)
            for one in (_check_names, _check_repeats, _check_elements, check_bonds, check_hands):
                found += one(mapped)
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


def _check_names(mapped: MappedResidues) -> Iterator[Diagnostic]:
    """M501: atoms that only one of the two has; W502: residues and hydrogens that lack some."""
    has = mapped.rows >= 0
    wanted = np.array([mapped.template.place[n] == ANYWHERE for n in mapped.names])
    strangers = Counter(mapped.atoms.names[mapped.matched < 0].tolist())
    heavy_strangers = [n for n in strangers if not _is_light(mapped, n)]
    lost = wanted & ~has.any(axis=0)
    n_residues, kind = len(has), mapped.subject.mapping.name
    for i in np.flatnonzero(lost & ~mapped.light).tolist():
        message = f"'{mapped.names[i]}' is in none of the {n_residues} {kind} of {mapped.source}"
        guess = nearest(mapped.names[i], heavy_strangers)
        if guess:
            hint: str | None = f"the structure has {guess}: write {mapped.names[i]}, {guess}"
        else:
            hint = f"the structure has {listed(heavy_strangers)}" if heavy_strangers else None
        yield Diagnostic("M501", message, mapped.span(mapped.names[i]), help=hint)
    for name in heavy_strangers:
        yield _stranger(
            mapped, name, strangers[name], [mapped.names[i] for i in np.flatnonzero(lost)]
        )
    yield from _check_hydrogens(mapped, lost, [n for n in strangers if n not in heavy_strangers])
    partly = wanted & ~mapped.light & has.any(axis=0)
    short = np.flatnonzero(~has[:, partly].all(axis=1))
    if len(short):
        first = int(short[0])
        missing = [
            n for n, w, h in zip(mapped.names, partly, has[first], strict=True) if w and not h
        ]
        message = f"{len(short)} of {n_residues} {kind} of {mapped.source} lack atoms (first: "
        message += f"{mapped.residue(first)} lacks {listed(missing)})"
        help = "they are taken to be missing there; complete the structure, if they should not be"
        yield Diagnostic("W502", message, mapped.subject.head, help=help)


def _is_light(mapped: MappedResidues, name: str) -> bool:
    row = int(np.flatnonzero((mapped.atoms.names == name) & (mapped.matched < 0))[0])
    return str(mapped.atoms.symbols[row]) in ("H", "D")


def _stranger(mapped: MappedResidues, name: str, count: int, lost: list[str]) -> Diagnostic:
    row = int(np.flatnonzero((mapped.atoms.names == name) & (mapped.matched < 0))[0])
    where = mapped.residue(int(mapped.atoms.residue_index[row]))
    message = f"{mapped.source} has '{name}' in {count} of {len(mapped.rows)} "
    message += f"{mapped.subject.mapping.name} (first: {where}), which the mapping lacks"
    guess = nearest(name, lost)
    hint = f"is it {guess}? write {guess}, {name}" if guess else f"add a line for {name}"
    return Diagnostic("M501", message, mapped.subject.head, help=hint)


def _check_hydrogens(
    mapped: MappedResidues, lost: BoolArray, strangers: list[str]
) -> Iterator[Diagnostic]:
    """W502: hydrogens, where the structure has some."""
    known = bool((mapped.rows[:, mapped.light] >= 0).any())
    names = [mapped.names[i] for i in np.flatnonzero(lost & mapped.light)]
    if names and (known or strangers):
        message = f"hydrogens {listed(names)} are in none of the {len(mapped.rows)} "
        message += f"{mapped.subject.mapping.name} of {mapped.source}"
        hint = f"the structure has {listed(strangers)}" if strangers else None
        yield Diagnostic("W502", message, mapped.span(names[0]), help=hint)
    elif strangers and known:
        message = f"{mapped.source} has hydrogens {listed(strangers)}, which the mapping lacks"
        yield Diagnostic(
            "W502", message, mapped.subject.head, help="they are left out of the beads"
        )


def _check_repeats(mapped: MappedResidues) -> Iterator[Diagnostic]:
    """M501: two atoms of a residue with one name."""
    pairs = Counter(
        zip(mapped.atoms.residue_index.tolist(), mapped.atoms.names.tolist(), strict=True)
    )
    twice: dict[str, int] = {}
    for (residue, name), count in pairs.items():
        if count > 1:
            twice.setdefault(name, residue)
    for name, residue in twice.items():
        message = f"{mapped.residue(residue)} of {mapped.source} has {pairs[residue, name]} atoms "
        message += f"called '{name}'"
        yield Diagnostic("M501", message, mapped.span(name), help="atoms are told by their names")


def _check_elements(mapped: MappedResidues) -> Iterator[Diagnostic]:
    """W503: an element that the structure knows better than the name tells."""
    if mapped.atoms.elements is None:
        return
    for i, atom in enumerate(mapped.template.mapping.atoms):
        rows = mapped.rows[:, i]
        seen = Counter(mapped.atoms.elements[rows[rows >= 0]].tolist())
        element = seen.most_common(1)[0][0] if seen else ""
        if element and atom.element and element != atom.element:
            message = f"'{atom.name}' is read as {atom.element}, but {mapped.source} says {element}"
            help = f"put a name in front that begins with {element}, or mend the structure"
            yield Diagnostic("W503", message, mapped.span(atom.name), help=help)
