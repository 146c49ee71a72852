"""Mapping files from disk: read, check, build; every fault of all files in one error."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from herobm.dsl.checks import check
from herobm.dsl.diagnostics import Diagnostic, render
from herobm.dsl.parser import YAML_SUFFIXES, parse
from herobm.dsl.scene import Scene, lifted_beads
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import File, Name
from herobm.errors import DslCheckError, DslError, DslSyntaxError

if TYPE_CHECKING:
    from herobm.dsl.model import Mapping, MappingSet

_MAX_BYTES = 1_000_000
_TOO_LARGE = b" " * (_MAX_BYTES + 1)
_OTHER_FILE = "name a mapping file: text that begins with 'molecule: NAME'"


def read_file(path: Path | str) -> File:
    """Read and parse one file.

    Returns
    -------
    File
        A file that is missing, binary or not UTF-8 has one fault, M105, and nothing else.
    """
    path = Path(path)
    try:
        data = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else _TOO_LARGE
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return _unreadable(str(path), reason, "check the path")
    return as_text(data, str(path))


def as_text(data: bytes, path: str) -> File:
    """Decode and parse what was read; see `read_file`.

    Parameters
    ----------
    data : bytes
    path : str
        For messages.
    """
    if len(data) > _MAX_BYTES:
        return _unreadable(path, "it is larger than 1 MB, as no mapping is", _OTHER_FILE)
    if b"\0" in data:
        return _unreadable(path, "it is a binary file, not text", _OTHER_FILE)
    try:
        return parse(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        help = "save it as UTF-8, or take the odd character out"
        return _unreadable(path, f"it is not UTF-8 text (line {line})", help)


def _unreadable(path: str, reason: str, help: str) -> File:
    fault = Diagnostic("M105", f"cannot be read: {reason}", None, path, help)
    return File(path, "", faults=(fault,))


def mapping_files(path: Path) -> list[Path]:
    """Return the mapping files at `path`: itself, or those in a folder and its subfolders.

    In a folder these are ``*.map`` and those YAML files that speak of a molecule.
    """
    if not path.is_dir():
        return [path]
    found = [
        p for p in sorted(path.rglob("*")) if p.suffix in (".map", *YAML_SUFFIXES) and p.is_file()
    ]
    return [p for p in found if p.suffix == ".map" or _is_mapping(p)]


def _is_mapping(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(10_000)
    except OSError:
        return True  # read_file says why
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith(b"#")]
    return any(line.startswith((b"molecule", b"atoms:")) for line in lines[:3])


def check_files(files: Sequence[File], one_set: bool = True) -> list[Diagnostic]:
    """Check files, patches (``at: chain-end``) with each residue they name.

    Parameters
    ----------
    files : Sequence[File]
    one_set : bool
        True if the files are used together, as in a MappingSet. Otherwise each folder counts as
        a set, and a patch meets the residues of its own folder first.

    Returns
    -------
    list[Diagnostic]
        File by file, in the order given.
    """
    out: list[Diagnostic] = []
    told: dict[tuple[str, str], tuple[File, Name]] = {}
    for file in files:
        if file.is_patch:
            out += _check_patch(file, _bases(files, file, one_set))
        else:
            out += [*check(file), *_clashes(file, "" if one_set else _folder(file), told)]
    return out


def _folder(file: File) -> str:
    return os.path.dirname(file.path)


def _clashes(
    file: File, group: str, told: dict[tuple[str, str], tuple[File, Name]]
) -> Iterator[Diagnostic]:
    """W102: residues that an earlier file of the set maps in another way.

    Parameters
    ----------
    file : File
    group : str
        What the files of one set share.
    told : dict
        (group, residue) -> last file for it and its name there; `file` is added.
    """
    header = file.header("molecule")
    for value in header.values if header else ():
        other, first = told.get((group, value.text), (file, value))
        told[group, value.text] = file, value
        if other.path != file.path and _said(other) != _said(file):
            message = f"residue '{value.text}' is mapped differently by {other.path}, too; "
            message += "where both are in one set, the later one wins"
            note = f"it is named there at {other.path}:{first.span}"
            help = f"take {value.text} out of one of the two files, or keep them in two folders"
            yield Diagnostic("W102", message, value.span, file.path, help, note)


def _said(file: File) -> list[tuple[list[str], list[list[str | None]]]]:
    """Return the atoms of a file without their places."""
    return [
        (
            [n.text for n in a.names],
            [[c.text if c else None for c in column.cells] for column in a.columns],
        )
        for a in file.atoms
    ]


def _bases(files: Sequence[File], patch: File, one_set: bool = True) -> list[File]:
    """Return the files of the residues that `patch` is added to.

    In one set these are all that bear one of its names. Otherwise those of its own folder come
    first, and for names that they lack the last file of another one.
    """
    names = set(patch.molecules)
    whole = [f for f in files if not f.is_patch and names.intersection(f.molecules)]
    if one_set:
        return whole
    near = [f for f in whole if _folder(f) == _folder(patch)]
    lacking = names.difference(*(f.molecules for f in near))
    far = {name: f for f in whole for name in f.molecules if name in lacking}
    return near + list({f.path: f for f in far.values()}.values())


def _check_patch(file: File, bases: Sequence[File]) -> list[Diagnostic]:
    if not bases:
        return check(file)
    found: dict[tuple[str, object], Diagnostic] = {}
    for base in bases:
        for d in check(file, base):
            found.setdefault((d.code, d.span), d)
    known = [name for base in bases for name in base.molecules]
    for name in _without_base(file, known):
        message = f"no mapping of this set is for '{name.text}', so that nothing is added to it"
        guess = nearest(name.text, known)
        help = f"did you mean {guess}?" if guess else "leave the name out, or add its mapping"
        d = Diagnostic("W101", message, name.span, file.path, help)
        found[d.code, d.span] = d
    found |= {(d.code, d.span): d for d in _lifts(file, bases)}
    return sorted([*found.values(), *_lifted_by_some(file, bases)], key=lambda d: not d.is_error)


def _without_base(file: File, known: Collection[str]) -> list[Name]:
    header = file.header("molecule")
    return [v for v in header.values if v.text not in known] if header else []


def _lifted_by_some(file: File, bases: Sequence[File]) -> Iterator[Diagnostic]:
    """M306: a patch on a bead whose level 0 is read as level 1 in some residues only."""
    lifted = [lifted_beads(Scene.of(file, base)) for base in bases]
    some = frozenset().union(*lifted).difference(frozenset.intersection(*lifted))
    for atom in Scene.of(file).atoms if some else ():
        place = next((p for p in atom.places if p.bead in some and p.rule), None)
        if place is not None and place.rule is not None:
            odd = next(b for b, beads in zip(bases, lifted, strict=True) if place.bead in beads)
            message = f"level 0 of bead {place.bead} is read as level 1 in {odd.path} (W201), but "
            message += "not in all residues that this is added to"
            help = f"write P1... in place of P0... in {odd.path}, and one level more below it"
            yield Diagnostic("M306", message, place.rule.span, file.path, help)


def _lifts(file: File, bases: Sequence[File]) -> Iterator[Diagnostic]:
    """M306: a patch that has level 0 of a bead read otherwise than in the residue alone."""
    for base in bases:
        both = Scene.of(file, base)
        alone, now = lifted_beads(Scene.of(base)), lifted_beads(both)
        for atom in both.atoms:
            place = next((p for p in atom.places if p.bead in alone ^ now), None)
            if atom.own and place is not None and place.counts:
                level = "level 1, with a vector from the bead" if place.bead in now else "level 0"
                message = f"with '{atom.entry.name}' the atom at level 0 of bead {place.bead} is "
                message += f"read as {level}, but not in {base.path} alone"
                help = "write '!' behind it, so that it does not count, or CM behind the atom at "
                help += f"level 0 in {base.path}"
                yield Diagnostic("M306", message, place.span, file.path, help)


def load_mapping(path: Path | str) -> Mapping:
    """Read one mapping.

    Raises
    ------
    DslError
        With the rendered diagnostics of the whole file.
    """
    from herobm.dsl.build import build_mapping

    file = read_file(path)
    _raise_errors(check(file), [file])
    return build_mapping(file)


def load_set(paths: Iterable[Path | str], name: str, description: str = "") -> MappingSet:
    """Read the mappings that belong together.

    Parameters
    ----------
    paths : Iterable[Path | str]
        ``.map`` or YAML files; where two claim a residue the later one wins.
    name, description : str

    Raises
    ------
    DslError
        With the rendered diagnostics of all files.
    """
    return build_set([read_file(path) for path in paths], name, description)


def build_set(files: Sequence[File], name: str, description: str = "") -> MappingSet:
    """Check files that were read already, and make a set of them; see `load_set`."""
    from herobm.dsl.build import build_mapping
    from herobm.dsl.model import MappingSet

    _raise_errors(check_files(files), files)
    mappings = []
    for file in files:
        bases = _bases(files, file) if file.is_patch else []
        mappings.append(build_mapping(file, bases[0] if bases else None))
    return MappingSet(name=name, mappings=tuple(mappings), description=description)


def _raise_errors(diagnostics: list[Diagnostic], files: Sequence[File]) -> None:
    errors = [d for d in diagnostics if d.is_error]
    if not errors:
        return
    kind: type[DslError] = DslCheckError
    if any(d.code.startswith("M1") for d in errors):
        kind = DslSyntaxError
    raise kind(render(errors, {f.path: f.text for f in files}))
