"""The dialects that are read, and which one a file is in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from herobm.dsl.convert import backward, own, vermouth
from herobm.dsl.convert.sketch import Reading
from herobm.dsl.diagnostics import Diagnostic

Reader: TypeAlias = Callable[[str, str, Sequence[str]], Reading]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect.

    Attributes
    ----------
    name : for ``--from``.
    title : what it is called in messages and in the documentation.
    suffixes : of its files, for those in a folder.
    looks_like : (path, text) -> whether a file is in it.
    read : (text, path, molecules) -> what it says.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    looks_like: Callable[[Path, str], bool]
    read: Reader


#: Asked in this order.
DIALECTS: tuple[Dialect, ...] = (
    Dialect("cgmap", "HEroBM and CGmap YAML", (".yaml", ".yml"), own.looks_like_yaml, own.read),
    Dialect("map", "herobm mapping", (".map",), own.looks_like_map, own.read),
    Dialect("mapping", "vermouth .mapping", (".mapping",), vermouth.looks_like, vermouth.read),
    Dialect("backward", "Backward .map", (".map",), backward.looks_like, backward.read),
)

#: Formats that are recognised but not read yet: title -> a pattern of their text. A reader for
#: one of them takes its line from here to `DIALECTS`, above those it could be taken for.
UNREAD: dict[str, re.Pattern[str]] = {
    "GROMACS topology": re.compile(r"^\s*\[\s*moleculetype\s*\]", re.M),
    "VOTCA XML": re.compile(r"<cg_molecule|<cg_beads"),
    "mstool mapping": re.compile(r"^RESI\s+\S+", re.M),
    "CG2AT fragment": re.compile(r"^\[\s*\w+\s*\]\s*\n(ATOM|HETATM)", re.M),
    "CGsmiles string": re.compile(r"\{\[[#$<>]"),
    "PyCGTOOL mapping": re.compile(r"^\[\s*\w+\s*\]\s*\n(?:\s*;.*\n)*\s*\w+\s+\w+", re.M),
}


def sniff(path: Path | str, text: str) -> Dialect | None:
    """Tell the dialect of a file from its content and suffix; None for one that is not read."""
    return next((d for d in DIALECTS if d.looks_like(Path(path), text)), None)


def by_name(name: str) -> Dialect:
    """Return a dialect by its name.

    Raises
    ------
    KeyError
    """
    return {d.name: d for d in DIALECTS}[name]


def read(
    text: str, path: str, dialect: str | None = None, molecules: Sequence[str] = ()
) -> Reading:
    """Read a mapping file in any dialect.

    Parameters
    ----------
    text : str
    path : str
        Its suffix helps to tell the dialect; named in messages.
    dialect : str, optional
        A name out of `DIALECTS`; found from the content if it is not given.
    molecules : Sequence[str]
        Residue names that replace those of the file.

    Returns
    -------
    Reading
        With M601 if no dialect fits.
    """
    found = by_name(dialect) if dialect else sniff(path, text)
    if found is not None:
        return found.read(text, path, molecules)
    known = next((title for title, pattern in UNREAD.items() if pattern.search(text)), None)
    if known:
        message = f"this looks like a {known}, which is not read"
    else:
        message = "this is no mapping file of a known dialect"
    hint = f"read are {', '.join(f'{d.title} ({d.name})' for d in DIALECTS)}"
    return Reading((), (Diagnostic("M601", message, None, path, hint),))
