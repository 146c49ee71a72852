"""What a check of chemistry looks at: a mapping, its bond graph, and where the file says what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx

from herobm.chem.labelled import charged_at, names_at
from herobm.chem.molecule import Molecule, assemble
from herobm.dsl.model import Mapping
from herobm.dsl.scene import Scene
from herobm.dsl.syntax import BondEntry, File, Span
from herobm.plan.template import ANYWHERE, PLACES, Template, compile_template

#: More names than these are not listed in a message.
_MOST_NAMES = 8


@dataclass(frozen=True)
class Subject:
    """A mapping, a patch together with the residue that it is added to.

    Attributes
    ----------
    file : File
        Only what this file says is complained of.
    template : Template
        With the atoms of the patch.
    place : int
        Where along a chain it is looked at.
    """

    file: File
    template: Template
    place: int

    @classmethod
    def of(cls, file: File, mapping: Mapping, base: Mapping | None = None) -> Subject:
        """Join a patch to its residue `base`; without one, `mapping` stands for itself."""
        if base is None:
            return cls(file, compile_template(mapping), ANYWHERE)
        return cls(file, compile_template(base, [mapping]), PLACES[mapping.at])

    @property
    def mapping(self) -> Mapping:
        """The mapping, merged with its patch."""
        return self.template.mapping

    @cached_property
    def elements(self) -> dict[str, str]:
        """Name -> element of the atoms that are there."""
        there = (ANYWHERE, self.place)
        return {
            a.name: a.element for a in self.mapping.atoms if self.template.place[a.name] in there
        }

    @cached_property
    def graph(self) -> nx.Graph:
        """Atoms that are there and the bonds among them."""
        graph = nx.Graph()
        graph.add_nodes_from(self.elements)
        for bond in self.mapping.bonds:
            ends = bond.a.name, bond.b.name
            if bond.within and graph.has_node(ends[0]):
                if graph.has_node(ends[1]) and not graph.has_edge(*ends):
                    graph.add_edge(*ends, symbol=bond.symbol)
        return graph

    @cached_property
    def heavy(self) -> tuple[str, ...]:
        """Atoms that are there and no hydrogens, in order."""
        return tuple(n for n, e in self.elements.items() if e not in ("H", "D"))

    def assemble(self) -> Molecule:
        """Build the molecule of all atoms with a bond, not sanitized."""
        names = names_at(self.template, self.place) & self.elements.keys()
        return assemble(self.mapping, names, charged_at(self.template, names), self.place)

    @cached_property
    def names(self) -> dict[str, Span]:
        """Where the file names its own atoms."""
        return {entry.name: entry.names[0].span for entry in self.file.atoms}

    @cached_property
    def rules(self) -> dict[tuple[str, str], Span]:
        """(atom, bead) -> where the file gives the rule."""
        return {
            (atom.entry.name, place.bead): place.rule.span
            for atom in Scene.of(self.file).atoms
            for place in atom.places
            if place.rule is not None
        }

    @cached_property
    def bead_words(self) -> dict[str, Span]:
        """Where the file names each bead first."""
        found: dict[str, Span] = {}
        for atom in Scene.of(self.file).atoms:
            for place in atom.places:
                found.setdefault(place.bead, place.span)
        return found

    @property
    def head(self) -> Span:
        """Where the file says which molecule it is."""
        header = self.file.header("molecule")
        return header.values[0].span if header else Span(1, 1, 1, 2)

    def bonds_of(self, name: str) -> list[BondEntry]:
        """Entries of the file that bond an atom, in order."""
        return [
            entry
            for entry in self.file.bonds
            if any(ref.offset == 0 and ref.name == name for ref in (entry.a, entry.b))
        ]

    def bond(self, a: str, b: str) -> BondEntry | None:
        """Entry of the file for the bond of two atoms of the residue."""
        return next(
            (e for e in self.bonds_of(a) if {e.a.name, e.b.name} == {a, b} and e.a.offset == 0),
            None,
        )


def listed(names: Iterable[Any]) -> str:
    """Join names by commas; the last of many are only counted."""
    words = [str(name) for name in names]
    if len(words) <= _MOST_NAMES + 1:
        return ", ".join(words)
    return ", ".join(words[:_MOST_NAMES]) + f" and {len(words) - _MOST_NAMES} more"
