"""Rules for a mapping that has none: breadth-first over the bonds, bead by bead.

In each bead the atom nearest to the bead's position is the first; what is bonded to it follows
at the next level, and so on. Heavy atoms of the bead that no bonds within it reach begin anew at
the bead. The first atom of a bead whose position is that atom alone sits on it, at level 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping as MappingABC
from math import dist
from string import ascii_uppercase
from typing import TypeAlias

from herobm.dsl.model import MappedAtom, Mapping, Placement, Rule
from herobm.elements import MASSES

Point: TypeAlias = tuple[float, float, float]
Neighbours: TypeAlias = dict[str, list[str]]

_HYDROGEN = ("H", "D")


class TooManyAtomsError(ValueError):
    """More atoms at one level of a bead than there are letters.

    Attributes
    ----------
    bead, level : where.
    atom : the first one without a letter.
    """

    def __init__(self, bead: str, level: int, atom: str) -> None:
        super().__init__(f"more than 26 atoms at level {level} of bead {bead}")
        self.bead, self.level, self.atom = bead, level, atom


def is_heavy(atom: MappedAtom) -> bool:
    """Whether the atom is none of hydrogen."""
    return atom.element not in _HYDROGEN


def neighbours(mapping: Mapping) -> Neighbours:
    """Return atom -> atoms bonded to it within the residue, in the order of the mapping."""
    rank = {a.name: i for i, a in enumerate(mapping.atoms)}
    out: dict[str, list[str]] = {a.name: [] for a in mapping.atoms}
    for bond in mapping.bonds:
        a, b = bond.a.name, bond.b.name
        if bond.within and a in out and b in out:
            out[a].append(b)
            out[b].append(a)
    return {name: sorted(found, key=lambda n: rank[n]) for name, found in out.items()}


def derive_rules(
    mapping: Mapping,
    positions: MappingABC[str, Point],
    away: MappingABC[tuple[str, str], float] | None = None,
) -> Mapping:
    """Give each heavy atom a rule in each of its beads.

    Parameters
    ----------
    mapping : Mapping
        With bonds; rules in it are replaced.
    positions : Mapping[str, Point]
        Atom -> place in Å. Without that of an atom of a bead, the graph stands in for space:
        nearest is then the atom from which the bead's mass lies the fewest bonds away.
    away : Mapping[tuple of str and str, float], optional
        (bead, atom) -> distance from the bead's position in Å, for all heavy atoms of the bead;
        goes before `positions`.

    Returns
    -------
    Mapping

    Raises
    ------
    TooManyAtomsError
    """
    graph = neighbours(mapping)
    rules: dict[tuple[str, str], Rule] = {}
    for bead in dict.fromkeys(p.bead for a in mapping.atoms for p in a.placements):
        for name, rule in _BeadTree(mapping, bead, graph, positions, away or {}).rules().items():
            rules[name, bead] = rule
    atoms = tuple(
        atom.model_copy(
            update={
                "placements": tuple(
                    p.model_copy(update={"rule": rules.get((atom.name, p.bead))})
                    for p in atom.placements
                )
            }
        )
        for atom in mapping.atoms
    )
    return mapping.model_copy(update={"atoms": atoms})


class _BeadTree:
    """One bead: which atom comes first, and what hangs on what."""

    def __init__(
        self,
        mapping: Mapping,
        bead: str,
        graph: Neighbours,
        positions: MappingABC[str, Point],
        away: MappingABC[tuple[str, str], float],
    ) -> None:
        self.bead = bead
        self.away = away
        self.members: list[tuple[MappedAtom, Placement]] = [
            (a, p) for a in mapping.atoms for p in a.placements if p.bead == bead
        ]
        self.equal = mapping.weights == "equal"
        self.heavy = [a.name for a, _ in self.members if is_heavy(a)]
        inside = set(self.heavy)
        self.graph = {n: [m for m in graph[n] if m in inside] for n in self.heavy}
        self.positions = positions
        self.taken: dict[int, int] = {}

    def _mass(self, atom: MappedAtom, place: Placement) -> float:
        if place.center:
            return 1e9
        if not place.counts:
            return 0.0
        return float(place.weight) * (1.0 if self.equal else MASSES.get(atom.element, 12.011))

    def _sits_on(self) -> str | None:
        """Return the heavy atom that the bead lies on, if it is one alone."""
        centers = [a for a, p in self.members if p.center]
        counting = centers or [a for a, p in self.members if self._mass(a, p) > 0]
        return counting[0].name if len(counting) == 1 and is_heavy(counting[0]) else None

    def _distances(self) -> dict[str, float]:
        """Return heavy atom -> distance from the bead's position, in Å or in bonds."""
        if all((self.bead, n) in self.away for n in self.heavy):
            return {n: self.away[self.bead, n] for n in self.heavy}
        masses = {a.name: self._mass(a, p) for a, p in self.members}
        placed = {n: m for n, m in masses.items() if n in self.positions}
        total = sum(placed.values())
        if total > 0 and all(n in self.positions for n in self.heavy):
            center = [
                sum(m * self.positions[n][i] for n, m in placed.items()) / total for i in range(3)
            ]
            return {n: dist(self.positions[n], center) for n in self.heavy}
        return {n: self._moment(n, masses) for n in self.heavy}

    def _moment(self, start: str, masses: dict[str, float]) -> float:
        """Sum mass times bonds from `start`; what is not reached counts as far away."""
        steps = {start: 0}
        todo = deque([start])
        while todo:
            here = todo.popleft()
            for other in self.graph[here]:
                if other not in steps:
                    steps[other] = steps[here] + 1
                    todo.append(other)
        far = len(self.heavy)
        return sum(max(masses[n], 0.01) * steps.get(n, far) for n in self.heavy)

    def rules(self) -> dict[str, Rule]:
        """Walk the bead from the nearest atom; then from the nearest that is left, and so on."""
        away = self._distances()
        on = self._sits_on()
        rules: dict[str, Rule] = {}
        for root in sorted(self.heavy, key=lambda n: (n != on, away[n])):
            if root not in rules:
                rules[root] = self._rule(root, 0 if root == on else 1, None)
                self._grow(root, rules)
        return rules

    def _grow(self, root: str, rules: dict[str, Rule]) -> None:
        todo = deque([root])
        while todo:
            here = todo.popleft()
            for other in self.graph[here]:
                if other not in rules:
                    rules[other] = self._rule(other, rules[here].level + 1, rules[here].id)
                    todo.append(other)

    def _rule(self, atom: str, level: int, anchor: str | None) -> Rule:
        rank = self.taken.get(level, 0)
        if rank >= len(ascii_uppercase):
            raise TooManyAtomsError(self.bead, level, atom)
        self.taken[level] = rank + 1
        return Rule(level=level, anchor=anchor, id=ascii_uppercase[rank])
