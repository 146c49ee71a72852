"""What the parser makes of each rule of the grammar, while it runs."""

# ruff: noqa: D102 (each method bears the name of the rule it is called for)

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

from lark import Token, Transformer, v_args

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.syntax import (
    AngleEntry,
    AtomEntry,
    BeadEntry,
    BondEntry,
    Cell,
    CellKind,
    ChargeEntry,
    Column,
    Header,
    Name,
    Ref,
    Section,
    Span,
    StereoEntry,
)

_CELLS: dict[str, CellKind] = {
    "RULE": "rule",
    "WEIGHT": "weight",
    "EXCLUDE": "exclude",
    "CENTER": "center",
    "WORD": "word",
    "QUOTED": "word",
}


class Names(NamedTuple):
    """The names in front of the colon, until their line is read."""

    items: tuple[Name, ...]


def _span(token: Token) -> Span:
    return Span(token.line or 1, token.column or 1, token.end_line or 1, token.end_column or 1)


def _unquote(token: Token) -> tuple[str, bool]:
    quoted = token.type == "QUOTED"
    return (str(token)[1:-1], True) if quoted else (str(token), False)


def _offset(sign: str) -> Literal[-1, 0, 1]:
    return 1 if sign == "+" else -1 if sign == "-" else 0


def _goes_on(column: Column, following: Column) -> bool:
    """Whether `following` began with a comma (``SC2 ,SC3``) and is more of the same."""
    kinds = {c.kind for c in (*column.cells, *following.cells[1:]) if c is not None}
    alike = len(kinds) == 1 and kinds <= {"word", "rule", "weight"}
    return alike and following.cells[0] is None and column.cells[-1] is not None


@v_args(inline=True)
class ToSyntax(Transformer[Token, Any]):
    """Turns each rule of the grammar into its dataclass while the parser runs."""

    def name(self, token: Token) -> Name:
        text, quoted = _unquote(token)
        return Name(text, _span(token), quoted)

    def names(self, *names: Name) -> Names:
        return Names(names)

    def cell(self, token: Token) -> Cell:
        text, quoted = _unquote(token)
        return Cell(_CELLS[token.type], text, _span(token), quoted)

    def column(self, *parts: Cell | Token) -> Column:
        cells: list[Cell | None] = [None]
        for part in parts:
            if isinstance(part, Cell):
                cells[-1] = part
            else:
                cells.append(None)
        return Column(tuple(cells))

    def atom(self, names: Names, *columns: Column) -> AtomEntry:
        joined: list[Column] = []
        for column in columns:
            if joined and _goes_on(joined[-1], column):
                column = Column(joined.pop().cells + column.cells[1:])
            joined.append(column)
        return AtomEntry(names.items, tuple(joined))

    def bead(self, bead: Name, kind: Name) -> BeadEntry:
        return BeadEntry(bead, kind)

    def ref(self, *tokens: Token) -> Ref:
        text, quoted = _unquote(tokens[-1])
        span = _span(tokens[0]).to(_span(tokens[-1]))
        if len(tokens) == 2:
            return Ref(text, _offset(str(tokens[0])), span)
        offset = 0 if quoted else _offset(text[:1])
        return Ref(text[abs(offset) :], offset, span)

    def symbol(self, token: Token) -> str:
        return str(token)

    def bond(self, a: Ref, symbol: str, b: Ref) -> BondEntry:
        return BondEntry(a, symbol, b)

    def charge(self, atom: Name, value: Name) -> ChargeEntry:
        return ChargeEntry(atom, value)

    def centre(self, *parts: Ref | Name) -> StereoEntry:
        refs = tuple(p for p in parts if isinstance(p, Ref))
        return StereoEntry(refs, cast(Name, parts[-1]))

    def angle(self, a: Ref, b: Ref, c: Ref, degrees: Name) -> AngleEntry:
        return AngleEntry((a, b, c), degrees)

    def molecule(self, keyword: Token, *values: Name) -> Header:
        return Header(Name(str(keyword), _span(keyword)), values)

    at = weights = molecule

    def misplaced(self, keyword: Token, *values: Name) -> Diagnostic:
        message = f"'{keyword}' belongs above the sections"
        return Diagnostic("M102", message, _span(keyword), help="move it to the top of the file")

    def atoms(self, keyword: Token, *entries: Any) -> list[Any]:
        kept = tuple(e for e in entries if not isinstance(e, Diagnostic))
        strays = [e for e in entries if isinstance(e, Diagnostic)]
        return [Section(Name(str(keyword), _span(keyword)), kept), *strays]

    beads = bonds = charges = stereo = angles = atoms

    def start(self, *items: Any) -> list[Any]:
        flat: list[Any] = []
        for item in items:
            flat.extend(item if isinstance(item, list) else [item])
        return flat
