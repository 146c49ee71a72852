"""What a mapping file says, word by word and with positions, before any check.

Frozen dataclasses, made by `herobm.dsl.parser`. Lines and columns count from 1; the end of a
span lies behind its last character.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from herobm.dsl.diagnostics import Diagnostic

CellKind: TypeAlias = Literal["rule", "weight", "exclude", "center", "word"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a file, from (line, column) up to before (end_line, end_column)."""

    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of `other`."""
        return Span(self.line, self.column, other.end_line, other.end_column)

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Name:
    """A name or value, without its quotes; the span holds the quotes."""

    text: str
    span: Span
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One word of an atom's line, behind the colon."""

    kind: CellKind
    text: str
    span: Span
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """Cells joined by commas; None for an empty place (``!,`` has two places)."""

    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class AtomEntry:
    """A line of ``atoms:``."""

    names: tuple[Name, ...]
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """The name that is written, the first."""
        return self.names[0].text

    @property
    def span(self) -> Span:
        """From the first name to the last cell."""
        cells = [c for column in self.columns for c in column.cells if c is not None]
        return self.names[0].span.to(cells[-1].span if cells else self.names[-1].span)


@dataclass(frozen=True, slots=True)
class BeadEntry:
    """An entry of ``beads:``, e.g. ``BB: P2``."""

    bead: Name
    type: Name

    @property
    def span(self) -> Span:
        """The whole entry."""
        return self.bead.span.to(self.type.span)


@dataclass(frozen=True, slots=True)
class Ref:
    """An atom of this residue (`offset` 0), the next (+1, ``+N``) or the previous (-1, ``-C``)."""

    name: str
    offset: Literal[-1, 0, 1]
    span: Span

    def __str__(self) -> str:
        return {-1: "-", 0: "", 1: "+"}[self.offset] + self.name


@dataclass(frozen=True, slots=True)
class BondEntry:
    """An entry of ``bonds:``, e.g. ``C=O``."""

    a: Ref
    symbol: str
    b: Ref

    @property
    def span(self) -> Span:
        """The whole bond."""
        return self.a.span.to(self.b.span)


@dataclass(frozen=True, slots=True)
class ChargeEntry:
    """An entry of ``charges:``, e.g. ``NZ: +1``."""

    atom: Name
    value: Name

    @property
    def span(self) -> Span:
        """The whole entry."""
        return self.atom.span.to(self.value.span)


@dataclass(frozen=True, slots=True)
class StereoEntry:
    """An entry of ``stereo:``, ``CA: S`` or ``C9=C10: Z``."""

    atoms: tuple[Ref, ...]
    label: Name

    @property
    def span(self) -> Span:
        """The whole entry."""
        return self.atoms[0].span.to(self.label.span)


@dataclass(frozen=True, slots=True)
class AngleEntry:
    """An entry of ``angles:``, e.g. ``N-CA-C: 111.0``."""

    atoms: tuple[Ref, Ref, Ref]
    degrees: Name

    @property
    def span(self) -> Span:
        """The whole entry."""
        return self.atoms[0].span.to(self.degrees.span)


Entry: TypeAlias = AtomEntry | BeadEntry | BondEntry | ChargeEntry | StereoEntry | AngleEntry


@dataclass(frozen=True, slots=True)
class Header:
    """A line above the sections: ``molecule``, ``at`` or ``weights`` and its values."""

    keyword: Name
    values: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A section and those of its entries that could be read."""

    keyword: Name
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A mapping file as it was read.

    Attributes
    ----------
    path : as given, for messages.
    text : the whole file.
    headers, sections : in the order of the file.
    faults : what could not be parsed, and was left out.
    """

    path: str
    text: str
    headers: tuple[Header, ...] = ()
    sections: tuple[Section, ...] = ()
    faults: tuple[Diagnostic, ...] = field(default=(), compare=False)

    def header(self, keyword: str) -> Header | None:
        """Return the first header line of that keyword."""
        return next((h for h in self.headers if h.keyword.text == keyword), None)

    @property
    def molecules(self) -> tuple[str, ...]:
        """Residue names it applies to; empty where the header lacks."""
        header = self.header("molecule")
        return () if header is None else tuple(v.text for v in header.values)

    @property
    def is_patch(self) -> bool:
        """Whether its atoms are added to residues that other files describe (``at:``)."""
        return self.header("at") is not None

    def entries(self) -> Iterator[Entry]:
        """Go over the entries of all sections."""
        for section in self.sections:
            yield from section.entries

    @property
    def atoms(self) -> tuple[AtomEntry, ...]:
        """Entries of ``atoms:``."""
        return tuple(e for e in self.entries() if isinstance(e, AtomEntry))

    @property
    def beads(self) -> tuple[BeadEntry, ...]:
        """Entries of ``beads:``."""
        return tuple(e for e in self.entries() if isinstance(e, BeadEntry))

    @property
    def bonds(self) -> tuple[BondEntry, ...]:
        """Entries of ``bonds:``."""
        return tuple(e for e in self.entries() if isinstance(e, BondEntry))

    @property
    def charges(self) -> tuple[ChargeEntry, ...]:
        """Entries of ``charges:``."""
        return tuple(e for e in self.entries() if isinstance(e, ChargeEntry))

    @property
    def stereo(self) -> tuple[StereoEntry, ...]:
        """Entries of ``stereo:``."""
        return tuple(e for e in self.entries() if isinstance(e, StereoEntry))

    @property
    def angles(self) -> tuple[AngleEntry, ...]:
        """Entries of ``angles:``."""
        return tuple(e for e in self.entries() if isinstance(e, AngleEntry))
