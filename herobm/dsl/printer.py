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
    sources = without_value_quotes(file.text).split("\n")
    shown, ends = _print_items(file)
    first = min((s.keyword.span.line for s in file.sections), default=len(sources) + 1)
    lines: list[_Line] = []
    for number, source in enumerate(sources, 1):
        code, rest = shown.get(number, ""), source[ends.get(number, 0) :]
        comment = _COMMENT.search(source, ends.get(number, 0))
        text = comment[0].rstrip() if comment else ""
        if not code and text and number > first and not source.startswith("#"):
            text = _INDENT + text
        if code and not code.endswith(",") and rest.lstrip().startswith(","):
            code += ","  # the list of bonds goes on in the next line
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
        for number, texts, end in _print_entries(section.entries):
            shown[number] = (shown[line] + " " if number == line else _INDENT) + ", ".join(texts)
            ends[number] = end
    return shown, ends


def _header(header: Header) -> str:
    return f"{header.keyword.text}: {', '.join(_name(v) for v in header.values)}"


def _print_entries(entries: Sequence[Entry]) -> list[tuple[int, list[str], int]]:
    """Return number, entries and end of each line of a section."""
    atoms = [e for e in entries if isinstance(e, AtomEntry)]
    texts = _align(_fields(atoms)) if atoms else [_entry(e) for e in entries]
    lines: dict[int, list[str]] = {}
    ends: dict[int, int] = {}
    for entry, text in zip(entries, texts, strict=True):
        lines.setdefault(entry.span.line, []).append(text)
        ends[entry.span.line] = entry.span.end_column - 1
    return [(number, lines[number], ends[number]) for number in lines]


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


def _fields(atoms: Sequence[AtomEntry]) -> list[list[str]]:
    """Return names, beads, rules and weights (or weights and rules) of each line."""
    kinds = [[_kind(column) for column in atom.columns] for atom in atoms]
    both = next((k for k in kinds if "rule" in k and "weight" in k), ["rule", "weight"])
    order = sorted(("rule", "weight"), key=both.index)
    rows = []
    for atom, own in zip(atoms, kinds, strict=True):
        row = [", ".join(_name(n) for n in atom.names) + ":", "", "", ""]
        at = 1
        for kind, column in zip(own, atom.columns, strict=True):
            if kind in order:
                at = max(at, 2 + order.index(kind))
            elif kind == "flag":
                at = max(at, 2)
            row[at] = f"{row[at]} {_column(column)}".lstrip()
        rows.append(row)
    return rows


def _kind(column: Column) -> str:
    kinds = {cell.kind for cell in column.cells if cell is not None}
    for kind in ("rule", "weight"):
        if kind in kinds:
            return kind
    return "word" if kinds == {"word"} else "flag"


def _column(column: Column) -> str:
    """Print cells; an empty place at an end touches its comma, as the grammar wants it."""
    text = ",".join("" if c is None else f" {_name(c)}" for c in column.cells)
    return text.strip().replace(", ", ",", 1) if text.startswith(",") else text.strip()


def _align(rows: Iterable[Sequence[str]]) -> list[str]:
    """Pad the fields of each row to those of the others."""
    rows = list(rows)
    widths = [_widest(column, _WIDEST) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        line = ""
        start = 0
        for field, width in zip(row, widths, strict=True):
            if field:
                line = (line + " " * _GAP if line else "").ljust(start) + field
            start += width + _GAP if width else 0
        lines.append(line)
    return lines


def _widest(texts: Iterable[str], limit: int) -> int:
    """Return the length of the longest text up to `limit`."""
    return max((len(t) for t in texts if len(t) <= limit), default=0)


def _align_comments(lines: Sequence[_Line]) -> list[str]:
    """Put the comments of neighbouring lines one below the other."""
    out: list[str] = []
    block: list[_Line] = []
    for line in [*lines, _Line("", "")]:
        if line.code.strip():
            block.append(line)
            continue
        start = _widest((b.code for b in block if b.comment), _WIDEST_LINE) + _GAP
        for b in block:
            gap = " " * max(_GAP, start - len(b.code))
            out.append(b.code + gap + b.comment if b.comment else b.code)
        block = []
        out.append(line.comment)
    return out
