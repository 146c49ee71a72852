"""The bead types that a network knows, found by what they rebuild."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from herobm.errors import MappingMismatchError
from herobm.plan.plan import Plan
from herobm.plan.template import Library, Template
from herobm.types import FloatArray, IntArray


class Entry(BaseModel):
    """A residue kind.

    Attributes
    ----------
    key : digest of what it rebuilds.
    residue : a name for messages.
    beads : their names.
    atoms : names of the atoms that each bead places, in the order of its slots; none in files of
        the time before they were told. They follow from the digest, so they make no difference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    residue: str
    beads: tuple[str, ...]
    atoms: tuple[tuple[str, ...], ...] = ()

    def __eq__(self, other: object) -> bool:
        """Tell whether both rebuild the same."""
        return isinstance(other, Entry) and self._what == other._what

    def __hash__(self) -> int:
        """Hash what it rebuilds."""
        return hash(self._what)

    @property
    def _what(self) -> tuple[object, ...]:
        return self.key, self.residue, self.beads


class Source(NamedTuple):
    """What a bead type takes over from another vocabulary.

    Attributes
    ----------
    here, there : int
        The type, and the one there (see `Vocabulary.shared`).
    slots : list of int
        For each slot here the one there that places the atom of the same name, -1 for none.
    n_used : int
        Slots that place an atom, the first ones.
    """

    here: int
    there: int
    slots: list[int]
    n_used: int


class Vocabulary(BaseModel):
    """Residue kinds in the order of their types; beads are numbered through all of them.

    Two residue kinds that rebuild the same atoms by the same rules (protonation states, say)
    share their types.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    entries: tuple[Entry, ...]
    n_slots: int

    @classmethod
    def of(cls, *libraries: Library) -> Vocabulary:
        """Vocabulary of all templates of a library, or of several."""
        entries: dict[str, Entry] = {}
        templates = [t for library in libraries for t in library]
        for t in templates:
            entries.setdefault(t.key, _entry(t))
        n_slots = max((int(t.n_slots.max(initial=0)) for t in templates), default=0)
        return cls(entries=tuple(entries.values()), n_slots=n_slots)

    @property
    def n_types(self) -> int:
        """Number of bead types."""
        return sum(len(e.beads) for e in self.entries)

    def knows(self, template: Template) -> bool:
        """Tell whether a residue kind is among those of the network."""
        return template.key in self._first

    def known_types(self, plan: Plan) -> IntArray:
        """Type of each bead of a plan, shape (n_beads,), -1 for residue kinds not known."""
        kinds = [self._first.get(t.key, -1) for t in plan.library]
        first = np.array(kinds, dtype=np.int64)[plan.template[plan.bead_residue]]
        types: IntArray = np.where(first < 0, -1, first + plan.bead_local)
        return types

    def types(self, plan: Plan, source: str = "the weights") -> IntArray:
        """Type of each bead of a plan, shape (n_beads,).

        Raises
        ------
        MappingMismatchError
            If the weights do not know a residue kind of the plan.
        """
        used = [plan.library.templates[kind] for kind in np.unique(plan.template).tolist()]
        self._check(used, plan.library.name, source)
        return self.known_types(plan)

    def shared(self, other: Vocabulary) -> list[tuple[int, int]]:
        """Types here and in another vocabulary of beads that rebuild the same, or are called so.

        A residue kind that is there as it is here counts first, then a bead of the same name in a
        residue of the same name. Where both make every residue one bead, its name does not count.
        """
        names, known = self.names, other.names
        if self._whole and other._whole:
            names, known = ([(residue, "") for residue, _ in both] for both in (names, known))
        there = {name: kind for kind, name in reversed([*enumerate(known)])}
        there |= {key: kind for kind, key in enumerate(other._keys)}
        both_ways = zip(self._keys, names, strict=True)
        found = [there.get(key, there.get(name)) for key, name in both_ways]
        return [(kind, known) for kind, known in enumerate(found) if known is not None]

    def within(self, other: Vocabulary) -> bool:
        """Tell whether another vocabulary has all residue kinds of this one."""
        return {entry.key for entry in self.entries} <= {entry.key for entry in other.entries}

    def check(self, library: Library, source: str = "the weights") -> None:
        """See to it that all residue kinds of a library are known.

        Raises
        ------
        MappingMismatchError
            Naming those that are not.
        """
        self._check(list(library), library.name, source)

    def _check(self, templates: list[Template], mapping: str, source: str) -> None:
        strangers = [t.name for t in templates if not self.knows(t)]
        if strangers:
            raise MappingMismatchError(
                f"{source} were trained with another mapping: what they rebuild for "
                f"{', '.join(strangers)} is not what mapping '{mapping}' asks for",
                "Choose the mapping that the weights were trained with (--mapping), other weights "
                "(--model), or train some: herobm train.\n"
                f"The weights know: {', '.join(sorted(e.residue for e in self.entries))}.",
            )

    def ancestry(self, *libraries: Library) -> FloatArray:
        """Tell which vectors add up to which atoms.

        Parameters
        ----------
        libraries : Library
            That the vocabulary was made of.

        Returns
        -------
        FloatArray, shape (n_types, n_slots, n_slots)
            1 where a vector (last axis) is part of the way from the bead to the atom of another
            (or the same) vector, else 0.
        """
        table = np.zeros((self.n_types, self.n_slots, self.n_slots))
        for template in (t for library in libraries for t in library):
            rows = template.rows
            kind = self._first[template.key] + rows.bead
            for step in rows.path(rows.depth).T:
                there = step >= 0
                table[kind[there], rows.slot[there], rows.slot[step[there]]] = 1.0
        return table

    @property
    def names(self) -> list[tuple[str, str]]:
        """Names of the residue and of the bead of each type."""
        return [(entry.residue, bead) for entry in self.entries for bead in entry.beads]

    def sources(self, other: Vocabulary) -> list[Source]:
        """Tell which slots of another vocabulary place the atoms of those of this one.

        Where names of atoms are not told, slots are matched by their numbers.
        """
        mine, theirs = self._atoms, other._atoms
        return [
            Source(
                here,
                there,
                _sources(mine[here], theirs[there], self.n_slots, other.n_slots),
                len(mine[here]) or self.n_slots,
            )
            for here, there in self.shared(other)
        ]

    @property
    def _atoms(self) -> list[tuple[str, ...]]:
        """Names of the atoms that each type places, () where they are not told."""
        told = [entry.atoms or ((),) * len(entry.beads) for entry in self.entries]
        return [names for beads in told for names in beads]

    @property
    def _whole(self) -> bool:
        """Whether every residue is one bead."""
        return all(len(entry.beads) == 1 for entry in self.entries)

    @property
    def _keys(self) -> list[tuple[str, str]]:
        """Digest of the residue kind and name of the bead of each type."""
        return [(entry.key, bead) for entry in self.entries for bead in entry.beads]

    @cached_property
    def _first(self) -> dict[str, int]:
        """Type of the first bead of each residue kind."""
        counts = [len(e.beads) for e in self.entries]
        offsets = np.cumsum([0, *counts[:-1]]).tolist()
        return dict(zip((e.key for e in self.entries), offsets, strict=False))


def _entry(template: Template) -> Entry:
    atoms: list[list[str]] = [[] for _ in template.beads]
    for atom, bead in zip(template.rows.atom.tolist(), template.rows.bead.tolist(), strict=True):
        atoms[bead].append(template.atoms[atom])  # rows of a bead are in the order of its slots
    told = tuple(map(tuple, atoms))
    return Entry(key=template.key, residue=template.name, beads=template.beads, atoms=told)


def _sources(mine: tuple[str, ...], theirs: tuple[str, ...], here: int, there: int) -> list[int]:
    """Slot of another bead (of `there`) for each of this one (of `here`), -1 for none."""
    if mine == theirs or not (mine and theirs):
        return [slot if slot < there else -1 for slot in range(here)]
    found = [theirs.index(name) if name in theirs else -1 for name in mine]
    return found + [-1] * (here - len(found))
