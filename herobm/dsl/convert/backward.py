"""The ``.map`` of Backward, which vermouth (martinize2) and CGbuilder write as well.

An atom's line names beads, some of them more than once: how often is its share. vermouth puts
``!`` before a bead that the atom lies in without counting towards its position.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

from herobm.dsl.convert.sections import Line, SectionOf, cut_sections, read_sections
from herobm.dsl.convert.sketch import Mark, MarkKind, Reading, Sketch
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.model import MappedAtom, Mapping, Placement
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import Name, Span
from herobm.elements import element_of

_MARKS = ("chiral", "cis", "trans", "out")
_IGNORED = ("molecule", "martini", "atoms", "mapping", "from", "to", *_MARKS)
_SECTION = re.compile(r"^[ \t]*\[[ \t]*(\w+)", re.MULTILINE)


def looks_like(path: Path, text: str) -> bool:
    """Whether it has the sections of Backward."""
    found = {m[1].lower() for m in _SECTION.finditer(text)}
    return "atoms" in found and not found & {"block", "modification", "moleculetype"}


def read(text: str, path: str, molecules: Sequence[str] = ()) -> Reading:
    """Read a ``.map`` of Backward, vermouth or CGbuilder.

    Parameters
    ----------
    text : str
    path : str
        For messages; a file without ``[ molecule ]`` takes its name from there.
    molecules : Sequence[str]
        Residue names that replace those of the file.

    Returns
    -------
    Reading
        One sketch for each ``[ molecule ]``, without rules and bonds.
    """
    sections, faults = read_sections(text, path)
    sketches = []
    for part in cut_sections(sections, ("molecule",), apart=False):
        reader = _Molecule(path, part, tuple(molecules))
        sketch = reader.read()
        faults += reader.faults
        if sketch is not None:
            sketches.append(sketch)
    if not sketches and not any(d.is_error for d in faults):
        help = "list the atoms below [ atoms ], a line 'NUMBER ATOM BEAD' for each"
        message = "expected a section [ atoms ], found none"
        faults.append(Diagnostic("M602", message, None, path, help))
    return Reading(tuple(sketches), tuple(faults))


@dataclass
class _Molecule:
    path: str
    sections: list[SectionOf]
    names: tuple[str, ...]
    faults: list[Diagnostic] = field(default_factory=list)

    def read(self) -> Sketch | None:
        beads = {w.text: w.span for w in self._words("martini")} or None
        lines = [line for line in self._lines("atoms") if self._is_atom(line)]
        spans = self._spans(lines)
        atoms = [a for line in lines if (a := self._atom(line, beads)) is not None]
        if beads is not None:
            self._unused(beads, atoms)
        for section in self.sections:
            if section.title.text not in _IGNORED:
                self._not_carried(section)
        if not atoms:
            self._no_beads()
            return None
        names = self.names or self._names()
        used = {p.bead: "" for a in atoms for p in a.placements}
        order = {b: "" for b in beads or () if b in used} | used
        mapping = Mapping(molecules=names, atoms=tuple(atoms), beads=order, source=self.path)
        span = self.sections[0].title.span
        return Sketch(
            self.path, mapping, False, tuple(spans), spans, self._marks(), span, title=names[0]
        )

    def _lines(self, title: str) -> list[Line]:
        return [line for s in self.sections if s.title.text == title for line in s.lines]

    def _words(self, title: str) -> list[Name]:
        return [word for line in self._lines(title) for word in line.words]

    def _fault(self, code: str, message: str, span: Span | None, help: str | None = None) -> None:
        self.faults.append(Diagnostic(code, message, span, self.path, help))

    def _names(self) -> tuple[str, ...]:
        words = self._words("molecule")
        if words:
            return tuple(dict.fromkeys(w.text for w in words))
        name = re.split(r"[._]", Path(self.path).name)[0].upper() or "UNK"
        message = f"there is no [ molecule ]: the name '{name}' is taken from that of the file"
        span = self.sections[0].title.span
        self._fault("W602", message, span, "give the residue name with --molecule")
        return (name,)

    def _is_atom(self, line: Line) -> bool:
        if len(line.words) >= 2 and line.texts[0].isdigit():
            return True
        message = f"expected 'NUMBER ATOM BEAD ...', found '{' '.join(line.texts)}'"
        hint = "a number stands in front of each atom"
        if line.texts[0].isdigit():
            hint = "write NUMBER ATOM BEAD; an atom needs no bead"
        self._fault("M602", message, line.span, hint)
        return False

    def _spans(self, lines: list[Line]) -> dict[str, Span]:
        spans: dict[str, Span] = {}
        for line in lines:
            name = line.words[1]
            if name.text in spans:
                message = f"atom '{name.text}' is listed already, at {spans[name.text]}"
                self._fault("M604", message, name.span, "leave one of the two lines out")
            spans.setdefault(name.text, name.span)
        return spans

    def _atom(self, line: Line, beads: dict[str, Span] | None) -> MappedAtom | None:
        """Understand one line; None for an atom without a bead."""
        name = line.texts[1]
        counted: Counter[str] = Counter()
        idle: dict[str, Span] = {}
        for word in line.words[2:]:
            bead = word.text.lstrip("!")
            if not bead:
                self._fault("M602", "expected a bead after '!'", word.span, "write !BEAD")
            elif beads is not None and bead not in beads:
                self._undeclared(bead, word.span, beads)
            elif word.text.startswith("!"):
                idle[bead] = word.span
            else:
                counted[bead] += 1
        for bead in idle.keys() & counted.keys():
            message = f"atom '{name}' lies in bead {bead} with '!' and without"
            self._fault("M604", message, idle[bead], "leave one of the two out")
        if not counted and not idle:
            return None
        return MappedAtom(
            names=(name,), element=element_of(name), placements=_placements(counted, list(idle))
        )

    def _undeclared(self, bead: str, span: Span, beads: dict[str, Span]) -> None:
        guess = nearest(bead, beads)
        hint = f"did you mean {guess}?" if guess else f"the beads are {', '.join(beads)}"
        self._fault("M603", f"bead '{bead}' is not listed in [ martini ]", span, hint)

    def _unused(self, beads: dict[str, Span], atoms: list[MappedAtom]) -> None:
        used = {p.bead for a in atoms for p in a.placements}
        for bead in [b for b in beads if b not in used]:
            message = f"bead '{bead}' of [ martini ] has no atom and is left out"
            self._fault("W603", message, beads[bead], "name it behind an atom, if it has any")

    def _not_carried(self, section: SectionOf) -> None:
        words = ", ".join(w.text for w in section.words) or "nothing"
        message = f"[ {section.title.text} ] ({words}) is not carried over"
        help = "write what it says into the result, if it is needed"
        self._fault("W601", message, section.title.span, help)

    def _no_beads(self) -> None:
        if not any(d.is_error for d in self.faults):
            span = self.sections[0].title.span
            help = "name the beads behind each atom: NUMBER ATOM BEAD"
            self._fault("M602", "no atom of this molecule has a bead", span, help)

    def _marks(self) -> tuple[Mark, ...]:
        return tuple(
            Mark(cast(MarkKind, s.title.text), line.texts, line.span)
            for s in self.sections
            if s.title.text in _MARKS
            for line in s.lines
        )


def _placements(counted: Counter[str], idle: list[str]) -> tuple[Placement, ...]:
    total = counted.total()
    places = [Placement(bead=b, weight=Fraction(n, total)) for b, n in counted.items()]
    share = Fraction(0) if counted else Fraction(1, len(idle))
    places += [Placement(bead=b, weight=share, counts=False) for b in idle if b not in counted]
    return tuple(places)
