"""The ``.mapping`` of vermouth (martinize2): blocks, and modifications of chain ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from herobm.dsl.convert.sections import Line, SectionOf, cut_sections, read_sections
from herobm.dsl.convert.sketch import Reading, Sketch
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.model import AtomRef, Bond, MappedAtom, Mapping, Place, Placement, Rule
from herobm.dsl.syntax import Name, Span
from herobm.elements import element_of

_STARTS = ("block", "modification")
_READ = ("from", "to", "from blocks", "to blocks", "from nodes", "from edges", "mapping", *_STARTS)
_SECTION = re.compile(r"^[ \t]*\[[ \t]*(block|modification)[ \t]*\]", re.MULTILINE | re.IGNORECASE)
_LINES = "write 'ATOM BEAD', and a number behind them if it weighs more than others"
_WEIGHT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
#: Modifications that add atoms to a residue where a chain begins or ends.
_ENDS: dict[str, Place] = {
    "C-ter": "end", "COOH-ter": "end", "N-ter": "start", "NH2-ter": "start",
}  # fmt: skip
#: Atoms that every residue has of itself.
_BACKBONE = frozenset({"N", "H", "HN", "CA", "HA", "HA1", "HA2", "HA3", "C", "O"})
_RESIDUES = (
    "ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE", "LEU", "LYS", "MET",
    "PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL",
)  # fmt: skip


def looks_like(path: Path, text: str) -> bool:
    """Whether it has blocks or modifications."""
    return _SECTION.search(text) is not None


def read(text: str, path: str, molecules: Sequence[str] = ()) -> Reading:
    """Read a ``.mapping``.

    A block becomes a mapping, a modification of a chain end a patch (``at: chain-end``); other
    modifications change atoms within a residue and are left out with a warning.

    Parameters
    ----------
    text : str
    path : str
        For messages.
    molecules : Sequence[str]
        Residue names that replace those of the file; for a patch, the residues it is for.

    Returns
    -------
    Reading
        Without rules and bonds, but for the heavy atoms of patches.
    """
    sections, faults = read_sections(text, path)
    sketches: list[Sketch] = []
    for part in cut_sections(sections, _STARTS, apart=True):
        reader = _Part(path, part, tuple(molecules))
        sketch = reader.read()
        faults += reader.faults
        sketches += [sketch] if sketch is not None else []
    if not sketches and not any(d.is_error for d in faults):
        message = "nothing in it can be converted"
        if not sections:
            message = "expected a section [ block ] or [ modification ], found none"
        help = "blocks, and modifications of chain ends, can be converted"
        faults.append(Diagnostic("M607", message, None, path, help))
    return Reading(tuple(sketches), tuple(faults))


@dataclass
class _Part:
    path: str
    sections: list[SectionOf]
    names: tuple[str, ...]
    faults: list[Diagnostic] = field(default_factory=list)

    def read(self) -> Sketch | None:
        start = self.sections[0].title
        if start.text not in _STARTS:  # macros above the first block
            self._not_carried(self.sections[0])
            return None
        blocks = self._words("from blocks")
        source = self._source(blocks, start)
        if source is None:
            return None
        place = None if start.text == "block" else _ENDS.get(source)
        if start.text == "modification" and place is None:
            message = f"modification '{source}' changes atoms within a residue and is left out"
            hint = "write a mapping for the changed residue as a whole"
            self._fault("W601", message, blocks[0].span, hint)
            return None
        for section in self.sections[1:]:
            if section.title.text not in _READ:
                self._not_carried(section)
        return self._sketch(source, place, start.span)

    def _sketch(self, source: str, place: Place | None, span: Span) -> Sketch | None:
        spans, atoms = self._atoms(place)
        if not atoms:
            self._fault(
                "M602", "expected lines 'ATOM BEAD' in [ mapping ], found none", span, _LINES
            )
            return None
        names = self.names or (_RESIDUES if place else (source,))
        bonds = self._bonds({a.name for a in atoms})
        mapping = Mapping(
            molecules=names, at=place, atoms=tuple(atoms), beads={}, bonds=bonds, source=self.path
        )
        return Sketch(
            self.path, mapping, place is not None, tuple(spans), spans, (), span, title=source
        )

    def _words(self, title: str) -> list[Name]:
        return [w for s in self.sections if s.title.text == title for w in s.words]

    def _lines(self, title: str) -> list[Line]:
        return [line for s in self.sections if s.title.text == title for line in s.lines]

    def _fault(self, code: str, message: str, span: Span | None, help: str | None = None) -> None:
        self.faults.append(Diagnostic(code, message, span, self.path, help))

    def _not_carried(self, section: SectionOf) -> None:
        message = f"[ {section.title.text} ] is not carried over"
        help = "write what it says into the result, if it is needed"
        self._fault("W601", message, section.title.span, help)

    def _source(self, blocks: list[Name], start: Name) -> str | None:
        """Name the residue or modification; None with a fault where there are several."""
        if not blocks:
            message = "expected a name in [ from blocks ], found none"
            self._fault("M602", message, start.span, "write the name of the residue there")
        elif len(blocks) > 1:
            message = "a bead that is made of several residues cannot be expressed"
            hint = "give each residue a mapping of its own"
            self._fault("M607", message, blocks[0].span.to(blocks[-1].span), hint)
        return blocks[0].text if len(blocks) == 1 else None

    def _atoms(self, place: Place | None) -> tuple[dict[str, Span], list[MappedAtom]]:
        weights: dict[str, dict[str, Fraction]] = {}
        spans: dict[str, Span] = {}
        for line in self._lines("mapping"):
            weight = self._weight(line)
            if weight is None:
                continue
            atom, bead = (text.split(":")[-1] for text in line.texts[:2])
            if place and atom in _BACKBONE:
                continue
            spans.setdefault(atom, line.words[0].span)
            beads = weights.setdefault(atom, {})
            beads[bead] = beads.get(bead, Fraction()) + weight
        letters = iter("ZYXWVU")
        return spans, [
            self._atom(name, beads, spans[name], next(letters, "T") if place else "")
            for name, beads in weights.items()
        ]

    def _weight(self, line: Line) -> Fraction | None:
        if 2 <= len(line.words) <= 3:
            text = line.texts[2] if len(line.words) == 3 else "1"
            if _WEIGHT.fullmatch(text):
                return Fraction(text)
        message = f"expected 'ATOM BEAD [WEIGHT]', found '{' '.join(line.texts)}'"
        self._fault("M602", message, line.span, _LINES)
        return None

    def _atom(self, name: str, beads: dict[str, Fraction], span: Span, id: str) -> MappedAtom:
        """Weights hold within a bead; shares, which add up to 1 for an atom, cannot say all."""
        counted = {b: w for b, w in beads.items() if w}
        if any(w != 1 for w in counted.values()):
            message = f"'{name}' weighs more or less than other atoms, which cannot be expressed"
            hint = "an atom counts in its beads with shares that add up to 1, or with ! not at all"
            self._fault("M607", message, span, hint)
        elif len(counted) > 1:
            message = (
                f"'{name}' counts fully in each of {', '.join(counted)}; now with equal shares"
            )
            self._fault(
                "W601", message, span, "give other shares in the result, if these are wrong"
            )
        element = element_of(name)
        heavy = element not in ("H", "D")
        share = Fraction(1, len(counted) or len(beads))
        places = tuple(
            Placement(
                bead=bead,
                weight=share if weight or not counted else Fraction(0),
                counts=bool(weight),
                rule=Rule(level=1, anchor=None, id=id) if id and heavy else None,
            )
            for bead, weight in beads.items()
        )
        return MappedAtom(names=(name,), element=element, placements=places)

    def _bonds(self, own: set[str]) -> tuple[Bond, ...]:
        """Take ``[ from edges ]`` among the atoms at hand; one says nothing of the order."""
        pairs = [line.texts[:2] for line in self._lines("from edges") if len(line.words) >= 2]
        ends = [(a.split(":")[-1], b.split(":")[-1]) for a, b in pairs]
        return tuple(
            Bond(a=AtomRef(name=a), b=AtomRef(name=b)) for a, b in ends if a in own and b in own
        )
