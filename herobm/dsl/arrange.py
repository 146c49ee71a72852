"""Brings the columns of an atom's line to its beads: a rule, a share and flags for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.shares import fraction, repaired
from herobm.dsl.spelling import LIKE_RULE, counted, meant_rule, nearest, ordinal
from herobm.dsl.syntax import AtomEntry, Cell, Column, Span

_RULE = re.compile(r"P([0-9]{1,2})([A-Z])([A-Z])?")
_LONG_RULE = re.compile(r"(P[1-9][A-Z])([A-Z])([A-Z])")
_FLAGS = ("CM", "!")
_RULE_HELP = "at most two digits for the level, one letter for the anchor, one for the atom: P2AB"


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as written; `anchor` None for one letter."""

    level: int
    anchor: str | None
    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Place:
    """One bead of an atom."""

    bead: str
    span: Span
    rule: RuleText | None
    share: Fraction
    excluded: bool
    center: bool

    @property
    def counts(self) -> bool:
        """Whether the atom moves the bead."""
        return self.center or (not self.excluded and self.share > 0)


@dataclass(frozen=True, slots=True)
class Arranged:
    """An atom's line, understood.

    Attributes
    ----------
    faults : what could not be understood.
    unsure : names of the beads whose rules or flags are among the faults.
    own : False for an atom of the residue that a patch is added to.
    """

    entry: AtomEntry
    places: tuple[Place, ...]
    faults: tuple[Diagnostic, ...]
    unsure: frozenset[str]
    own: bool = True


def leading_beads(entries: Iterable[AtomEntry]) -> set[str]:
    """Return the bead names in first columns, where nothing else can stand."""
    return {
        cell.text
        for entry in entries
        if entry.columns
        for cell in entry.columns[0].cells
        if cell is not None and cell.kind == "word"
    }


def arrange(entry: AtomEntry, known: Collection[str], own: bool = True) -> Arranged:
    """Understand one line of ``atoms:``.

    Parameters
    ----------
    entry : AtomEntry
    known : Collection[str]
        Names of beads: further words behind the first column are beads if they are among these.
    own : bool
        Passed on to the result.
    """
    line = _Line(entry, known)
    line.read()
    return Arranged(entry, line.places(), tuple(line.faults), line.unsure(), own)


@dataclass
class _Line:
    entry: AtomEntry
    known: Collection[str]
    beads: list[Cell] = field(default_factory=list)
    rules: dict[int, Cell] = field(default_factory=dict)
    weights: dict[int, Cell] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    bare: set[int] = field(default_factory=set)
    faults: list[Diagnostic] = field(default_factory=list)

    def read(self) -> None:
        rest = self._take_beads()
        if not self.beads:
            self._no_bead()
            return
        self._check_repeats()
        for column in rest:
            self._take_column(column)
        self._check_count("rule", self.rules)
        self._check_count("weight", self.weights)

    def _fault(self, code: str, message: str, span: Span, help: str | None = None) -> None:
        self.faults.append(Diagnostic(code, message, span, help=help))

    def _take_beads(self) -> list[Column]:
        """Take the words at the front; return the columns of rules, weights and flags."""
        for i, column in enumerate(self.entry.columns):
            words = [c for c in column.cells if c is not None and c.kind == "word"]
            if not words or not (i == 0 or all(self._is_bead(c) for c in words)):
                return list(self.entry.columns[i:])
            self.beads += words
            if any(c is not None and c.kind != "word" for c in column.cells):
                others = tuple(None if c in words else c for c in column.cells)
                return [Column(others), *self.entry.columns[i + 1 :]]
        return []

    def _is_bead(self, cell: Cell) -> bool:
        return cell.quoted or cell.text in self.known

    def _no_bead(self) -> None:
        cells = [c for column in self.entry.columns for c in column.cells if c is not None]
        hint = "write ATOM: BEAD"
        if cells:
            word = cells[0].text
            hint = (
                f"write the bead in front, {self.entry.name}: BEAD {word}; a bead that is really "
            )
            hint += f'called {word} is quoted: "{word}"'
        span = cells[0].span if cells else self.entry.names[0].span
        self._fault("M104", f"atom '{self.entry.name}' has no bead", span, hint)

    def _check_repeats(self) -> None:
        for i, cell in enumerate(self.beads):
            if cell.text in [c.text for c in self.beads[:i]]:
                message = f"bead {cell.text} is named twice for '{self.entry.name}'"
                self._fault("M205", message, cell.span, "leave one out")

    def _take_column(self, column: Column) -> None:
        if len(column.cells) > 1:
            has_rule = any(c is not None and c.kind == "rule" for c in column.cells)
            for i, cell in enumerate(column.cells):
                if cell is not None:
                    self._put(cell, i)
                if has_rule and (cell is None or cell.kind != "rule"):
                    self.bare.add(i)
        elif (cell := column.cells[0]) is not None:
            if cell.kind in ("exclude", "center"):
                for i in range(len(self.beads)):
                    self._put(cell, i)
            else:
                taken = self.rules if cell.kind == "rule" else self.weights
                self._put(cell, next(i for i in range(len(taken) + 1) if i not in taken))

    def _put(self, cell: Cell, i: int) -> None:
        if cell.kind == "word":
            self._unknown(cell)
        elif cell.kind in ("exclude", "center"):
            if i >= len(self.beads):
                self._surplus(cell, i, "flag", i + 1)
            self.flags.setdefault(i, set()).add(cell.kind)
        else:
            table = self.rules if cell.kind == "rule" else self.weights
            if i in table:
                i = next(
                    k
                    for k in range(len(self.beads), len(table) + len(self.beads) + 1)
                    if k not in table
                )
            table[i] = cell

    def _unknown(self, cell: Cell) -> None:
        like_rule = LIKE_RULE.search(cell.text)
        if like_rule and not cell.quoted:
            self._not_a_rule(cell)
        elif self._is_bead(cell):
            message = f"bead '{cell.text}' comes too late: the beads come first"
            self._fault("M202", message, cell.span, "move it in front of rules, weights and flags")
        else:
            guess = nearest(cell.text, _FLAGS) or nearest(cell.text, sorted(self.known))
            hint = (
                f"did you mean {guess}?"
                if guess
                else "behind the beads stand rules, weights, CM and !; a bead goes in front of them"
            )
            self._fault("M202", f"unknown word '{cell.text}'", cell.span, hint)

    def _not_a_rule(self, cell: Cell) -> None:
        guess = meant_rule(cell.text)
        hint = f"did you mean {guess}?" if guess else _RULE_HELP
        long = _LONG_RULE.fullmatch(cell.text)
        if long and not guess:
            rest = f"{long[1]}{long[3]}"
            hint = f"one letter too many: did you mean {long[1]}{long[2]} or {rest}?"
        if LIKE_RULE.fullmatch(cell.text) and cell.text[-1].isdigit():
            hint = f"the letter is missing: {cell.text}A for an atom that hangs on the bead itself"
            if cell.text[1:] != "1":
                hint = f"the letters of anchor and atom are missing, e.g. {cell.text}AB"
        message = f"'{cell.text}' is not a rule; write P<level><ANCHOR><ID>"
        self._fault("M201", message, cell.span, hint)

    def _surplus(self, cell: Cell, i: int, what: str, n: int) -> None:
        message = f"no bead for {ordinal(i)} {what}: {self._lies_in()} but has {counted(n, what)}"
        help = f"write as many flags as there are beads: {len(self.beads)}"
        self._fault("M203", message, cell.span, help)

    def _lies_in(self) -> str:
        return f"'{self.entry.name}' lies in {', '.join(c.text for c in self.beads)}"

    def _check_count(self, what: str, table: dict[int, Cell]) -> None:
        """See that there is one rule (weight) for each bead, or none at all."""
        if not table:
            return
        n, cells = len(self.beads), [table[i] for i in sorted(table)]
        full = ", ".join(
            (cells * n if len(cells) == 1 else cells + cells[-1:] * n)[k].text for k in range(n)
        )
        surplus = next((i for i in sorted(table) if i >= n), None)
        lacking = [i for i in range(n) if i not in table and i not in self.bare]
        if surplus is not None:
            message = f"no bead for {ordinal(surplus)} {what}"
        elif lacking and (what == "weight" or self.rules):
            message = f"no {what} for {ordinal(lacking[0])} bead"
        else:
            return
        message += f": {self._lies_in()} but has {counted(len(table), what)}"
        span = cells[-1].span if surplus is None else table[surplus].span
        if what == "weight":
            full = ", ".join([str(Fraction(1, n))] * n)
        self._fault("M203", message, span, f"write {full}")

    def unsure(self) -> frozenset[str]:
        """Return the beads, if anything about rules or flags is at fault."""
        bad = any(d.code in ("M201", "M202", "M203", "M205") for d in self.faults)
        return frozenset(c.text for c in self.beads) if bad else frozenset()

    def places(self) -> tuple[Place, ...]:
        shares = self._shares()
        out = []
        for i, cell in enumerate(self.beads):
            flags = self.flags.get(i, set())
            rule = self._rule(self.rules[i]) if i in self.rules else None
            out.append(
                Place(cell.text, cell.span, rule, shares[i], "exclude" in flags, "center" in flags)
            )
        return tuple(out)

    def _rule(self, cell: Cell) -> RuleText | None:
        match = _RULE.fullmatch(cell.text)
        if match is None:
            self._not_a_rule(cell)
            return None
        level, first, second = int(match[1]), match[2], match[3]
        if second is not None and level == 0:
            message = f"'{cell.text}' is not a rule: level 0 sits on the bead and has no anchor"
            self._fault("M201", message, cell.span, f"did you mean P0{second}?")
            return None
        if second is None:
            return RuleText(level, None, first, cell.span)
        return RuleText(level, first, second, cell.span)

    def _shares(self) -> list[Fraction]:
        """Return the share of each bead; equal ones where the weights are not usable."""
        n = max(1, len(self.beads))
        equal = [Fraction(1, n)] * n
        cells = [self.weights[i] for i in sorted(self.weights)]
        values = [fraction(cell.text) for cell in cells]
        for cell, value in zip(cells, values, strict=True):
            if value is None:
                message = f"'{cell.text}' is not a weight"
                self._fault("M202", message, cell.span, "write a fraction, 1/2, or a decimal, 0.5")
        shares = [v for v in values if v is not None]
        if not cells or len(shares) != n:
            return equal
        total = sum(shares, Fraction())
        if total != 1:
            message = f"weights of '{self.entry.name}' add up to {total}, not 1"
            fitting = repaired(shares) or ", ".join(map(str, equal))
            self._fault("M204", message, cells[0].span.to(cells[-1].span), f"write {fitting}")
            return equal
        rebuilt = [shares[i] for i in self.rules if i < n]
        if rebuilt and not any(rebuilt):
            message = f"the beads that rebuild '{self.entry.name}' have weight 0 of it"
            help = "give a weight to a bead with a rule, or leave the rule out"
            self._fault("M204", message, cells[0].span.to(cells[-1].span), help)
        return shares
