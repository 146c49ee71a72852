"""One mapping file compiled to index arrays, ready to be laid out along a topology."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from herobm.dsl.model import Bond, MappedAtom, Mapping, MappingSet, Placement
from herobm.elements import MASSES
from herobm.errors import DslCheckError
from herobm.types import BoolArray, FloatArray, IntArray

#: Where in a chain an atom exists: everywhere, only in the first, only in the last residue.
ANYWHERE, CHAIN_START, CHAIN_END = 0, 1, 2
#: Å by which a bond lengthens a stretched chain (1.53 Å at 112 degrees).
STRETCH = 1.3
#: Share of the mean distance of atoms at which their mean is, where they lie on several sides.
#: No bond in crystal structures is longer with beads at centres of mass of residues.
AROUND = 0.9
PLACES = {None: ANYWHERE, "start": CHAIN_START, "end": CHAIN_END}


@dataclass(frozen=True, eq=False)
class Rows:
    """The rules of a template, one row for every bead that rebuilds an atom.

    Attributes
    ----------
    atom, bead : IntArray, shape (n_rows,)
        Atom that is rebuilt (among the rebuilt ones) and the bead that does it.
    slot : IntArray, shape (n_rows,)
        Which of the vectors predicted for the bead places the atom.
    level : IntArray, shape (n_rows,)
    anchor : IntArray, shape (n_rows,)
        Row that the vector starts from, -1 for the position of the bead.
    weight : FloatArray, shape (n_rows,)
        Share of this row in the position of the atom.
    """

    atom: IntArray
    bead: IntArray
    slot: IntArray
    level: IntArray
    anchor: IntArray
    weight: FloatArray

    def path(self, depth: int) -> IntArray:
        """Rows from each row up to its bead, shape (n_rows, depth), padded with -1."""
        path = np.full((len(self.atom), depth), -1, dtype=np.int64)
        current = np.arange(len(self.atom))
        for step in range(depth):
            path[:, step] = current
            current = np.where(current >= 0, self.anchor[current], -1)
        return path

    @cached_property
    def depth(self) -> int:
        """Number of vectors on the longest way from a bead to an atom."""
        longest = 0
        current = np.arange(len(self.atom))
        while (current >= 0).any():
            longest += 1
            current = np.where(current >= 0, self.anchor[current], -1)
        return longest


@dataclass(frozen=True, eq=False)
class Template:
    """A residue kind: its mapping together with the atoms it gains at the ends of a chain.

    Attributes
    ----------
    mapping : Mapping
        With the atoms and bonds of the chain-end patches appended.
    place : dict of str to int
        Atom name -> ANYWHERE, CHAIN_START or CHAIN_END.
    key : str
        Digest of what is rebuilt and how; two templates of equal key share weights.
    beads : tuple of str
    atoms : tuple of str
        Names of the rebuilt atoms, in order.
    rows : Rows
    n_slots : IntArray, shape (n_beads,)
    """

    mapping: Mapping
    place: dict[str, int]
    key: str
    beads: tuple[str, ...]
    atoms: tuple[str, ...]
    rows: Rows
    n_slots: IntArray

    @property
    def name(self) -> str:
        """First residue name of the mapping."""
        return self.mapping.name

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Element symbol of each rebuilt atom."""
        known = {a.name: a.element for a in self.mapping.atoms}
        return tuple(known[name] for name in self.atoms)

    @cached_property
    def atom_place(self) -> IntArray:
        """Where each rebuilt atom exists, shape (n_atoms,)."""
        return np.array([self.place[name] for name in self.atoms], dtype=np.int64)

    @cached_property
    def bonds(self) -> IntArray:
        """Bonds between rebuilt atoms of the residue, shape (n_bonds, 2)."""
        index = {name: i for i, name in enumerate(self.atoms)}
        pairs = [
            (index[b.a.name], index[b.b.name])
            for b in self.mapping.bonds
            if b.within and b.a.name in index and b.b.name in index
        ]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def link_next(self) -> tuple[str, str] | None:
        """(atom here, atom there) of the bond to the next residue of the chain, if any."""
        return self._link(1)

    @cached_property
    def link_previous(self) -> tuple[str, str] | None:
        """(atom here, atom there) of the bond to the previous residue of the chain, if any."""
        return self._link(-1)

    @property
    def by_itself(self) -> bool:
        """Whether it is a molecule of its own, and no link of a chain.

        Of several atoms without bonds nothing is known.
        """
        told = bool(self.mapping.bonds) or len(self.mapping.atoms) == 1
        return told and self.link_next is None and self.link_previous is None

    def _link(self, offset: int) -> tuple[str, str] | None:
        for bond in self.mapping.bonds:
            for here, there in ((bond.a, bond.b), (bond.b, bond.a)):
                if here.offset == 0 and there.offset == offset:
                    return here.name, there.name
        return None

    def bead_of(self, atom: str) -> int:
        """Index of the first bead of an atom."""
        found = next(a for a in self.mapping.atoms if a.name == atom)
        return self.beads.index(found.placements[0].bead)

    @cached_property
    def link_beads(self) -> tuple[int, int]:
        """Beads that carry the bond to the previous and to the next residue, (-1, -1) for none."""
        first, last = (self.bead_of(a) if a is not None else -1 for a in self._link_atoms)
        return first, last

    @cached_property
    def link_reach(self) -> tuple[float, float]:
        """Å from the atoms bonded to the previous and next residue to their beads, at the most.

        0 where there is no bond.
        """
        first, last = (0.0 if a is None else self.reach_of(a) for a in self._link_atoms)
        return first, last

    @cached_property
    def _link_atoms(self) -> tuple[str | None, str | None]:
        """Atoms bonded to the previous and to the next residue.

        A residue that names only the bond to the next one (``C-+N``) is reached from the
        previous one at the atom that the same bond names there (``N``).
        """
        following = self.link_next
        preceding = self.link_previous
        names = {a.name for a in self.mapping.atoms}
        into = preceding[0] if preceding else (following[1] if following else None)
        return into if into in names else None, following[0] if following else None

    def reach_of(self, atom: str) -> float:
        """Å from an atom to its bead, at the most.

        The bead is the mean of its atoms, and each of these is no farther from the atom than a
        stretched chain of as many bonds as lie between them; a bead that has the atom among its own
        has others on all sides of it, and is nearer.
        """
        import networkx as nx

        graph = nx.Graph((b.a.name, b.b.name) for b in self.mapping.bonds if b.within)
        graph.add_node(atom)
        steps = nx.single_source_shortest_path_length(graph, atom)
        bead = self.beads[self.bead_of(atom)]
        light = {a.name for a in self.mapping.atoms if a.element == "H"}
        parts = {
            name: weight
            for name, shares in atom_weights(self.mapping).items()
            for owner, weight in shares
            if owner == bead and name in steps and name not in light
        }
        total = sum(parts.values())
        if total == 0.0:
            return 0.0
        mean: float = STRETCH * sum(steps[name] * weight for name, weight in parts.items()) / total
        return AROUND * mean if atom in parts else mean


@dataclass(frozen=True, eq=False)
class Library:
    """All templates of one or several mapping sets, found by residue name.

    Attributes
    ----------
    name : str
    templates : tuple of Template
    by_residue : dict of str to int
        Residue name -> index of its template.
    origins : tuple of str
        Name of the mapping set of each template, where there are several sets.
    """

    name: str
    templates: tuple[Template, ...]
    by_residue: dict[str, int] = field(default_factory=dict)
    origins: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Template]:
        return iter(self.templates)

    @cached_property
    def by_itself(self) -> BoolArray:
        """Which templates are molecules of their own, shape (n_templates,)."""
        return np.array([t.by_itself for t in self.templates], dtype=bool)

    def origin(self, kind: int) -> str:
        """Name of the mapping set that a template is of."""
        return self.origins[kind] if self.origins else self.name

    def get(self, residue: str) -> Template | None:
        """Template of a residue name, None if the set has none."""
        index = self.by_residue.get(residue)
        return None if index is None else self.templates[index]


@lru_cache(maxsize=32)
def compile_library(mappings: MappingSet) -> Library:
    """Compile every mapping of a set, each with the chain-end patches that name its residue.

    Where two mappings claim a residue name, the later one wins. A set that was compiled lately is
    not compiled again: what hangs on its templates (automorphisms, stereo) stays known, too.
    """
    patches = [m for m in mappings.mappings if m.at is not None]
    templates: list[Template] = []
    by_residue: dict[str, int] = {}
    for mapping in mappings.mappings:
        if mapping.at is not None:
            continue
        mine = [p for p in patches if set(p.molecules) & set(mapping.molecules)]
        for molecule in mapping.molecules:
            by_residue[molecule] = len(templates)
        templates.append(compile_template(mapping, mine))
    return Library(mappings.name, tuple(templates), by_residue)


def compile_template(mapping: Mapping, patches: list[Mapping] | None = None) -> Template:
    """Compile one mapping together with its chain-end patches.

    Raises
    ------
    DslCheckError
        If a rule names an anchor that is not there.
    """
    place = {a.name: ANYWHERE for a in mapping.atoms}
    merged = mapping
    for patch in patches or []:
        merged = _merge(merged, patch)
        place |= {a.name: PLACES[patch.at] for a in patch.atoms}
    beads = tuple(merged.beads)
    rebuilt = [a for a in merged.atoms if a.rebuilt]
    rows, n_slots = _compile_rows(merged, rebuilt, beads)
    parts = [mapping.rebuilding(), *sorted(p.rebuilding() for p in patches or [] if _rebuilds(p))]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return Template(merged, place, key, beads, tuple(a.name for a in rebuilt), rows, n_slots)


def _rebuilds(mapping: Mapping) -> bool:
    return any(a.rebuilt for a in mapping.atoms)


def _merge(mapping: Mapping, patch: Mapping) -> Mapping:
    """Append what a patch adds; what it names again (charges) it overrules."""
    known = {name for a in mapping.atoms for name in a.names}
    return mapping.model_copy(
        update={
            "atoms": mapping.atoms + tuple(a for a in patch.atoms if a.name not in known),
            "bonds": mapping.bonds + patch.bonds,
            "charges": mapping.charges | patch.charges,
            "stereo": mapping.stereo + patch.stereo,
            "angles": mapping.angles + patch.angles,
        }
    )


def _compile_rows(
    mapping: Mapping, rebuilt: list[MappedAtom], beads: tuple[str, ...]
) -> tuple[Rows, IntArray]:
    entries = [
        (index, beads.index(p.bead), p)
        for index, atom in enumerate(rebuilt)
        for p in atom.placements
        if p.rule is not None
    ]
    by_id = {(b, p.rule.level, p.rule.id): row for row, (_, b, p) in enumerate(entries) if p.rule}
    n_slots = np.zeros(len(beads), dtype=np.int64)
    table = np.zeros((len(entries), 5), dtype=np.int64)
    weight = np.array([float(p.weight) for _, _, p in entries])
    for row, (atom, bead, placement) in enumerate(entries):
        anchor = _anchor_row(mapping, rebuilt[atom], bead, placement, by_id)
        level = placement.rule.level if placement.rule else 0
        table[row] = atom, bead, n_slots[bead], level, anchor
        n_slots[bead] += 1
    total = np.bincount(table[:, 0], weights=weight, minlength=len(rebuilt))
    column: IntArray = table.T.copy()
    share = weight / total[column[0]]
    return Rows(column[0], column[1], column[2], column[3], column[4], share), n_slots


def _anchor_row(
    mapping: Mapping,
    atom: MappedAtom,
    bead: int,
    placement: Placement,
    by_id: dict[tuple[int, int, str], int],
) -> int:
    rule = placement.rule
    if rule is None or rule.anchor is None:
        return -1
    found = by_id.get((bead, rule.level - 1, rule.anchor))
    if found is None:
        raise DslCheckError(
            f"{mapping.source or mapping.name}: {atom.name} ({rule}) hangs on id {rule.anchor} at "
            f"level {rule.level - 1} of bead {placement.bead}, which no atom has",
            "Run 'herobm mapping validate' on the file: it shows the line.",
        )
    return found


def atom_weights(mapping: Mapping) -> dict[str, list[tuple[str, float]]]:
    """Bead and statistical weight of every atom that counts towards a bead's position.

    Parameters
    ----------
    mapping : Mapping

    Returns
    -------
    dict
        Atom name -> list of (bead name, weight). The weight is the mass in Da (or 1) times the
        share of the atom in the bead; where a bead sits on an atom (``CM``) only that one counts.

    Raises
    ------
    DslCheckError
        If the mass of an atom that counts is not known.
    """
    centers = {p.bead for a in mapping.atoms for p in a.placements if p.center}
    found: dict[str, list[tuple[str, float]]] = {}
    for atom in mapping.atoms:
        for p in atom.placements:
            if p.bead in centers and not p.center:
                continue
            if p.counts or p.center:
                unit = _mass(mapping, atom) if mapping.weights == "mass" else 1.0
                found.setdefault(atom.name, []).append((p.bead, unit * float(p.weight)))
    return found


def _mass(mapping: Mapping, atom: MappedAtom) -> float:
    if atom.element not in MASSES:
        raise DslCheckError(
            f"{mapping.source or mapping.name}: no element can be read from the atom name "
            f"'{atom.name}', so its mass is not known",
            "Write 'weights: equal', mark the atom with '!', or rename it so that it begins with "
            "its element.",
        )
    return MASSES[atom.element]


def within_residue(bonds: tuple[Bond, ...]) -> list[tuple[str, str, str]]:
    """(atom, atom, symbol) of the bonds that stay within the residue."""
    return [(b.a.name, b.b.name, b.symbol) for b in bonds if b.within]
