"""Lays a mapping file out in one manner; comments and blank lines stay at their lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from herobm.dsl.diagnostics import render
from herobm.dsl.parser import YAML_SUFFIXES, parse, without_value_quotes
from herobm.dsl.syntax import (
    AngleEntry,
    AtomEntry,
    BeadEntry,
    BondEntry,
    Cell,
    ChargeEntry,
    Column,
    Entry,
    File,
    Header,
    Name,
    Ref,
    Section,
)
from herobm.errors import DslError, DslSyntaxError

_COMMENT = re.compile(r"(?<!\S)#.*")
_PLAIN_REF = re.compile(r"[^\s,:=#$+\-\"'][^\s,:=#$+-]*")
_INDENT = "  "
_GAP = 2  # blanks between the columns of `atoms:`, and in front of a comment
_WIDEST = 40  # a field that is longer juts out, instead of pushing all others to the right
_WIDEST_LINE = 80  # the same for comments behind lines


def format(source: str | File) -> str:
    """Lay a mapping out: one blank after colons and commas, columns of ``atoms:`` aligned.

    What the file says does not change: ``parse(format(x)) == parse(x)``, positions aside.
    Comments and blank lines keep their lines, the order of everything is kept, and so is the
    kind of line end.

    Parameters
    ----------
    source : str or File
        Text of a ``.map`` file, or what `herobm.dsl.parse` made of it.

    Returns
    -------
    str
        Ends in one line end; "" for a file without anything. ``format(format(x)) == format(x)``.

    Raises
    ------
    DslSyntaxError
        If a line cannot be read, with the rendered diagnostics.
    DslError
        If the file is in the YAML dialect, which is for ``herobm mapping convert`` to rewrite.
    """
    file = parse(source) if isinstance(source, str) else source
    if PurePath(file.path).suffix in YAML_SUFFIXES:
        message = f"{file.path}: this is YAML, which is not laid out"
        raise DslError(message, "make a .map file of it first: herobm mapping convert")
    if file.faults:
        raise DslSyntaxError(render(file.faults, {file.path: file.text}))
    lines = _align_comments(_print_lines(file))
    newline = "\r\n" if file.text.partition("\n")[0].endswith("\r") else "\n"
    while lines and not lines[-1]:
        lines.pop()
    return "".join(line + newline for line in lines)


@dataclass(frozen=True)
class _Line:
    code: str
    comment: str


def _print_lines(file: File) -> list[_Line]:
    """Print each line of the file anew."""
    shown, ends = _print_items(file)
    inside = False
    lines: list[_Line] = []
    for number, source in enumerate(without_value_quotes(file.text).split("\n"), 1):
        inside = inside or number in {s.keyword.span.line for s in file.sections}
        comment = _COMMENT.search(source, ends.get(number, 0))
        text = comment[0].rstrip() if comment else ""
        code = shown.get(number, "")
        if text and not code and inside and not source.startswith("#"):
            lines.append(_Line("", _INDENT + text))
        else:
            lines.append(_Line(code, text))
    return lines


def _print_items(file: File) -> tuple[dict[int, str], dict[int, int]]:
    """Return line -> its code, and line -> index behind the last name in it."""
    shown: dict[int, str] = {}
    ends: dict[int, int] = {}
    for header in file.headers:
        line = header.keyword.span.line
        shown[line] = _header(header)
        ends[line] = header.values[-1].span.end_column - 1
    for section in file.sections:
        line = section.keyword.span.line
        shown[line] = section.keyword.text + ":"
        ends[line] = section.keyword.span.end_column - 1
        for number, entries in _by_line(section).items():
            text = _entries(entries, section)
            shown[number] = f"{shown[line]} {text}" if number == line else _INDENT + text
            ends[number] = _end(entries[-1])
    return shown, ends


def _header(header: Header) -> str:
    return f"{header.keyword.text}: {', '.join(_name(v) for v in header.values)}"


def _by_line(section: Section) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for entry in section.entries:
        found.setdefault(entry.span.line, []).append(entry)
    return found


def _end(entry: Entry) -> int:
    return entry.span.end_column - 1


def _entries(entries: Sequence[Entry], section: Section) -> str:
    first = entries[0]
    if isinstance(first, AtomEntry):
        return _atom_line(first, section)
    return ", ".join(_entry(e) for e in entries)


def _entry(entry: Entry) -> str:
    if isinstance(entry, BeadEntry):
        return f"{_name(entry.bead)}: {_name(entry.type)}"
    if isinstance(entry, BondEntry):
        return _ref(entry.a) + entry.symbol + _ref(entry.b)
    if isinstance(entry, ChargeEntry):
        return f"{_name(entry.atom)}: {_name(entry.value)}"
    if isinstance(entry, AngleEntry):
        return f"{'-'.join(map(_ref, entry.atoms))}: {_name(entry.degrees)}"
    assert not isinstance(entry, AtomEntry)
    return f"{'='.join(map(_ref, entry.atoms))}: {_name(entry.label)}"


def _name(name: Name | Cell) -> str:
    return _quoted(name.text) if name.quoted else name.text


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _ref(ref: Ref) -> str:
    name = ref.name if _PLAIN_REF.fullmatch(ref.name) else _quoted(ref.name)
    return {-1: "-", 0: "", 1: "+"}[ref.offset] + name


def _atom_line(entry: AtomEntry, section: Section) -> str:
    rows = {id(e): r for e, r in _table(section)}
    return _join(rows[id(entry)], [_width(column) for column in zip(*rows.values(), strict=True)])
