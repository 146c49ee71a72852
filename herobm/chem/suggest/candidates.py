"""Groups of atoms that may be a bead, and what each costs.

The sizes are those of Martini 3 (Souza et al., Nat. Methods 2021, 18, 382; Alessandri et al.,
Adv. Theory Simul. 2022, 5, 2100391): four heavy atoms in a regular bead, three in a small and two
in a tiny one; tiny beads for the flat rings, small ones for the others; branches that hang on one
atom stay with it, five atoms at most where it has four neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from herobm.chem.suggest.graph import heavy_neighbours
from herobm.chem.suggest.groups import cut_costs

#: Atom -> share of it that belongs to the bead, as sorted pairs.
Shares: TypeAlias = tuple[tuple[int, Fraction], ...]

WHOLE, HALF = Fraction(1), Fraction(1, 2)
_LARGEST = 4
_ALONE = 12.0  # a bead of one atom, where nothing else is possible
_PER_HALF = 0.2
_TWO_RINGS = 2.0  # atoms of two ring systems in one bead
_CHAIN = {1: _ALONE, 2: 2.2, 3: 0.9, 4: 0.0}
_RING = {1: _ALONE, 2: 2.0, 3: 0.5, 4: 0.3}
_STAR = 1.0
#: Heavy atoms in flat rings -> cost with 0, 1, 2, 3 other atoms beside them.
_FLAT = {
    0.5: (_ALONE, 1.5, 2.0, 3.0),
    1.0: (_ALONE, 0.2, 0.1, 0.3),
    1.5: (0.6, 0.6, 0.8, 1.5),
    2.0: (0.0, 0.3, 1.2, 3.0),
    2.5: (0.5, 1.5, 2.5, 4.0),
    3.0: (1.0, 2.0, 4.0, 6.0),
    3.5: (3.0, 5.0, 6.0, 7.0),
    4.0: (5.0, 6.0, 7.0, 8.0),
}


@dataclass(frozen=True)
class Molecule:
    """What the costs depend on.

    Attributes
    ----------
    near : list of list of int
        Neighbours of each atom.
    flat : frozenset of int
        Atoms in aromatic rings.
    systems : dict of int to int
        Atom -> its ring system (rings that share a bond).
    shareable : frozenset of int
        Atoms that two beads may share: of rings with atoms alike, without substituent.
    cuts : dict of frozenset of int to float
    """

    near: list[list[int]]
    flat: frozenset[int]
    systems: dict[int, int]
    shareable: frozenset[int]
    cuts: dict[frozenset[int], float]


def describe(mol: Any, classes: tuple[int, ...]) -> Molecule:
    """Read off a molecule without hydrogens what the costs depend on."""
    near = heavy_neighbours(mol)
    rings = tuple(frozenset(ring) for ring in mol.GetRingInfo().AtomRings())
    small = [r for r in rings if len(r) <= 8]
    mirrored = [r for r in small if len({classes[i] for i in r}) < len(r)]
    flat = frozenset(a.GetIdx() for a in mol.GetAtoms() if a.GetIsAromatic())
    return Molecule(
        near=near,
        flat=flat,
        systems=_systems(rings),
        shareable=frozenset(i for r in mirrored for i in r if len(near[i]) == 2),
        cuts=cut_costs(mol),
    )


def _systems(rings: tuple[frozenset[int], ...]) -> dict[int, int]:
    """Tell the ring system of each ring; rings that share a bond are one system."""
    home = list(range(len(rings)))
    for i in range(len(rings)):
        for j in range(i):
            if len(rings[i] & rings[j]) > 1:
                old, new = home[i], home[j]
                home = [new if h == old else h for h in home]
    return {atom: home[i] for i, ring in enumerate(rings) for atom in ring}


def candidates(molecule: Molecule) -> dict[Shares, float]:
    """List the possible beads with their costs, in a fixed order."""
    found: dict[Shares, float] = {}
    for group in _groups(molecule.near):
        for shares in _shared(group, molecule):
            cost = _cost(shares, molecule)
            if cost is not None:
                found[shares] = cost
    return dict(sorted(found.items()))


def _groups(near: list[list[int]]) -> set[frozenset[int]]:
    """Find connected groups of up to four atoms, and atoms with all of four neighbours."""
    level = {frozenset((i,)) for i in range(len(near))}
    found = set(level)
    for _ in range(_LARGEST - 1):
        level = {g | {n} for g in level for i in g for n in near[i] if n not in g}
        found |= level
    found |= {frozenset((i, *n)) for i, n in enumerate(near) if len(n) >= _LARGEST}
    return found


def _shared(group: frozenset[int], molecule: Molecule) -> Iterator[Shares]:
    """Give the group, and the same with one or two of its outer ring atoms shared."""
    yield tuple((i, WHOLE) for i in sorted(group))
    outer = [
        i
        for i in sorted(group & molecule.shareable)
        if sum(n in group for n in molecule.near[i]) == 1
    ]
    halved = [{i} for i in outer] + [{i, j} for i in outer for j in outer if i < j]
    for halves in halved:
        if len(halves) < len(group):
            yield tuple((i, HALF if i in halves else WHOLE) for i in sorted(group))


def _cost(shares: Shares, molecule: Molecule) -> float | None:
    """Cost of a bead; None if it cannot be one."""
    group = {i for i, _ in shares}
    halves = {i for i, share in shares if share == HALF}
    torn = sum(  # a terminal atom goes with its neighbour
        len(molecule.near[n]) == 1 for i in group for n in molecule.near[i] if n not in group
    )
    if torn or (
        any(len(molecule.near[i]) == 1 for i in group) and len(group) == 1 < len(molecule.near)
    ):
        return None
    cost = _size_cost(shares, molecule) + _PER_HALF * len(halves)
    systems = {molecule.systems[i] for i in group if i in molecule.systems}
    cost += _TWO_RINGS * max(0, len(systems) - 1)
    for i in group:
        for n in molecule.near[i]:
            if n not in group:
                cost += molecule.cuts.get(frozenset((i, n)), 0.0) / 2
    return cost


def _size_cost(shares: Shares, molecule: Molecule) -> float:
    flat = float(sum(share for i, share in shares if i in molecule.flat))
    total = float(sum(share for _, share in shares))
    if len(shares) > _LARGEST:
        return _STAR + 2.0 * flat * (flat > 1)
    if flat:
        return _FLAT[flat][int(total - flat)]
    table = _RING if any(i in molecule.systems for i, _ in shares) else _CHAIN
    low = int(total)
    if total == low:
        return table[low]
    return (table[max(low, 1)] + table[low + 1]) / 2 if low else _ALONE
