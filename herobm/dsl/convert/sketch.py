"""What a reader of a dialect hands over, and what is joined to it."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.model import Bond, Mapping, Stereo
from herobm.dsl.syntax import Span

MarkKind: TypeAlias = Literal["chiral", "cis", "trans", "out"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line that tells where an atom is put beside others (``[ chiral ]`` and the like).

    Attributes
    ----------
    kind : name of its section.
    atoms : the words of the line, the atom that is placed first.
    span : where the line stands.
    """

    kind: MarkKind
    atoms: tuple[str, ...]
    span: Span

    @property
    def centre(self) -> str:
        """The stereocentre that a ``[ chiral ]`` line speaks of; "" if it lacks."""
        return self.atoms[1] if len(self.atoms) > 1 else ""

    @property
    def axis(self) -> frozenset[str]:
        """The two atoms in the middle of a ``[ cis ]`` or ``[ trans ]`` line."""
        return frozenset(self.atoms[1:3])


@dataclass(frozen=True)
class Sketch:
    """A mapping as the source has it.

    Attributes
    ----------
    path : of the source.
    mapping : Mapping
        The atoms that have a bead; rules, bonds and stereo where the source gives them.
    has_rules : whether it says itself how atoms are rebuilt.
    order : names of all atoms as listed, those without a bead among them.
    spans : atom -> where its name stands in the source.
    marks : lines that place atoms, not part of `mapping`.
    span : where the mapping begins.
    tolerant : whether it may stay without rules, and have atoms that a structure lacks: so it is
        where the dialect has words for rules.
    title : what to call it: its first residue name, or what is changed at a chain end.
    """

    path: str
    mapping: Mapping
    has_rules: bool
    order: tuple[str, ...] = ()
    spans: MappingABC[str, Span] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    span: Span | None = None
    title: str = ""
    tolerant: bool = False

    @property
    def loose(self) -> tuple[str, ...]:
        """Atoms without a bead."""
        mapped = {atom.name for atom in self.mapping.atoms}
        return tuple(name for name in self.order if name not in mapped)


@dataclass(frozen=True)
class Reading:
    """All that a source says.

    Attributes
    ----------
    sketches : its mappings; those that could be read, if `refused`.
    diagnostics : faults, and warnings of what is not carried over.
    """

    sketches: tuple[Sketch, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def refused(self) -> bool:
        """Whether a fault keeps the source from being converted."""
        return any(d.is_error for d in self.diagnostics)


@dataclass(frozen=True)
class Reference:
    """One residue whose chemistry is known, from a structure or from another mapping.

    Attributes
    ----------
    source : what to call it in messages.
    residue : its name.
    elements : atom -> element symbol.
    positions : atom -> place in Å, in one image; empty if there are none.
    bonds : of the residue, and to its neighbours along a chain.
    charges, stereo : formal charges and CIP labels.
    guessed : why bond orders and charges are not sure, "" if they are.
    """

    source: str
    residue: str
    elements: MappingABC[str, str]
    positions: MappingABC[str, tuple[float, float, float]] = field(default_factory=dict)
    bonds: tuple[Bond, ...] = ()
    charges: MappingABC[str, int] = field(default_factory=dict)
    stereo: tuple[Stereo, ...] = ()
    guessed: str = ""
