"""Bonds, bond orders and formal charges from elements and positions.

Two atoms are bonded when their distance is below the sum of their covalent radii and a tolerance,
the nearest first, until the number of neighbours that their element allows is reached.

Radii: Cordero et al., Dalton Trans. 2008, 2832. Orders: what the neighbours of an atom leave of
its valence is shared out as double bonds, the shortest first (a maximum matching); without
hydrogens only bonds that are shorter than single ones come into question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from herobm.types import FloatArray, IntArray

#: Å.
COVALENT_RADII: dict[str, float] = {
    "H": 0.31, "D": 0.31, "Li": 1.28, "B": 0.84, "C": 0.76, "N": 0.71, "O": 0.66, "F": 0.57,
    "Na": 1.66, "Mg": 1.41, "Si": 1.11, "P": 1.07, "S": 1.05, "Cl": 1.02, "K": 2.03, "Ca": 1.76,
    "Mn": 1.39, "Fe": 1.32, "Co": 1.26, "Ni": 1.24, "Cu": 1.32, "Zn": 1.22, "Se": 1.20,
    "Br": 1.20, "I": 1.39,
}  # fmt: skip

#: Ions that no distance makes a bond of.
_LONELY = frozenset({"Li", "Na", "K", "Mg", "Ca", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"})
_MOST_NEIGHBOURS = {
    "H": 1,
    "D": 1,
    "F": 1,
    "Cl": 4,
    "Br": 1,
    "I": 1,
    "O": 2,
    "C": 4,
    "N": 4,
    "B": 4,
}
_VALENCE = {"H": 1, "D": 1, "B": 3, "C": 4, "Si": 4, "N": 3, "P": 3, "O": 2, "S": 2, "Se": 2,
            "F": 1, "Cl": 1, "Br": 1, "I": 1}  # fmt: skip
_SHORTEST = 0.5
#: Å: longer than this, a bond between these is single.
_DOUBLE_BELOW = {
    frozenset("C"): 1.44, frozenset("CN"): 1.39, frozenset("CO"): 1.31, frozenset("N"): 1.33,
    frozenset("NO"): 1.29, frozenset("CS"): 1.68,
}  # fmt: skip
_TRIPLE_BELOW = {frozenset("C"): 1.26, frozenset("CN"): 1.21}
#: Å beyond the sum of the radii, up to which atoms are bonded.
_TOLERANCE = 0.4
_SYMBOLS = {1: "-", 2: "=", 3: "#"}


def perceive_bonds(elements: Sequence[str], positions: FloatArray) -> IntArray:
    """Find the bonds among atoms of one or a few residues.

    Parameters
    ----------
    elements : Sequence[str], length n
        Symbols; what is not in `COVALENT_RADII` is taken for carbon.
    positions : FloatArray, shape (n, 3)
        Å, in one image.

    Returns
    -------
    IntArray, shape (n_bonds, 2)
        Pairs i < j, sorted.
    """
    n = len(elements)
    if n < 2:
        return np.zeros((0, 2), dtype=np.int64)
    radii = np.array([COVALENT_RADII.get(e, COVALENT_RADII["C"]) for e in elements])
    i, j = np.triu_indices(n, 1)
    length = np.linalg.norm(positions[i] - positions[j], axis=1)
    excess = length - radii[i] - radii[j]
    lonely = np.array([e in _LONELY for e in elements])
    near = (excess < _TOLERANCE) & (length > _SHORTEST) & ~lonely[i] & ~lonely[j]
    free = [_MOST_NEIGHBOURS.get(e, 6) for e in elements]
    found = []
    for k in np.flatnonzero(near)[np.argsort(excess[near], kind="stable")]:
        a, b = int(i[k]), int(j[k])
        if free[a] and free[b]:
            free[a] -= 1
            free[b] -= 1
            found.append((a, b))
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Orders:
    """Bond orders and charges.

    Attributes
    ----------
    symbols : tuple of str, one a bond
        ``-``, ``=`` or ``#``; rings in one of their Kekulé forms.
    charges : dict of int to int
        Atom -> formal charge, where it is not 0.
    """

    symbols: tuple[str, ...]
    charges: dict[int, int]


def perceive_orders(elements: Sequence[str], positions: FloatArray, bonds: IntArray) -> Orders:
    """Share out double and triple bonds and charges.

    Parameters
    ----------
    elements : Sequence[str], length n
        With hydrogens among them their absence is taken at its word; with none, bond lengths
        decide.
    positions : FloatArray, shape (n, 3)
        Å, in one image.
    bonds : IntArray, shape (n_bonds, 2)

    Returns
    -------
    Orders
    """
    return _Valences(elements, positions, bonds).solve()


class _Valences:
    """What each atom has left, while it is given away."""

    def __init__(self, elements: Sequence[str], positions: FloatArray, bonds: IntArray) -> None:
        self.elements = list(elements)
        self.pairs = [(int(a), int(b)) for a, b in bonds]
        vectors = positions[bonds[:, 0]] - positions[bonds[:, 1]]
        self.lengths = np.linalg.norm(vectors, axis=1).tolist()
        self.orders = [1] * len(self.pairs)
        self.around: list[list[int]] = [[] for _ in self.elements]
        for k, (a, b) in enumerate(self.pairs):
            self.around[a].append(k)
            self.around[b].append(k)
        self.explicit = any(e in ("H", "D") for e in self.elements)
        self.charges: dict[int, int] = {}
        self.free = [
            max(0, _VALENCE.get(e, 0) - len(around))
            for e, around in zip(self.elements, self.around, strict=True)
        ]

    def solve(self) -> Orders:
        for i, element in enumerate(self.elements):
            if element in ("P", "S", "Se", "Cl"):
                self._oxidise(i)
            elif element == "N" and len(self.around[i]) == 4:
                self.charges[i] = 1
        self._match(_DOUBLE_BELOW)
        self._match(_TRIPLE_BELOW, again=True)
        self._charge_nitrogens()
        self._charge_ends()
        return Orders(tuple(_SYMBOLS[o] for o in self.orders), self.charges)

    def _other(self, k: int, i: int) -> int:
        a, b = self.pairs[k]
        return b if a == i else a

    def _double(self, k: int) -> None:
        self.orders[k] += 1
        for i in self.pairs[k]:
            self.free[i] = max(0, self.free[i] - 1)

    def _oxidise(self, i: int) -> None:
        """Give P(V), S(IV) and S(VI) their double bonds to oxygens, the shortest first."""
        ends = [
            k
            for k in self.around[i]
            if self.elements[self._other(k, i)] == "O" and self.free[self._other(k, i)]
        ]
        element, degree = self.elements[i], len(self.around[i])
        wanted = {"P": 1 if degree == 4 else 0, "Cl": 3 if degree == 4 else 0}.get(
            element, {4: 2, 3: 1}.get(degree, 0)
        )
        for rank, k in enumerate(sorted(ends, key=lambda k: self.lengths[k])):
            oxygen = self._other(k, i)
            if rank < wanted:
                self._double(k)
            else:
                self.charges[oxygen] = -1
            self.free[oxygen] = 0
        if degree > 2:
            self.free[i] = 0

    def _match(self, limits: dict[frozenset[str], float], again: bool = False) -> None:
        """Raise the order of bonds between atoms with valence left, as many as there can be."""
        import networkx as nx

        graph: Any = nx.Graph()
        for k, (a, b) in enumerate(self.pairs):
            if not (self.free[a] and self.free[b]) or self.orders[k] > 2:
                continue
            limit = limits.get(frozenset({self.elements[a], self.elements[b]}), 0.0)
            if self.explicit or self.lengths[k] < limit:
                slack = 2.0 - self.lengths[k] if self.explicit else limit - self.lengths[k]
                graph.add_edge(a, b, weight=max(slack, 0.01) + (1.0 if again else 0.0), bond=k)
        for a, b in sorted(map(sorted, nx.max_weight_matching(graph, self.explicit))):
            self._double(graph[a][b]["bond"])

    def _charge_nitrogens(self) -> None:
        """Close ``C`` and ``O`` that lack a bond with a neighbouring N+ (ARG, HIP, nitro)."""
        if not self.explicit:
            return
        for i, element in enumerate(self.elements):
            if element not in ("C", "O") or self.free[i] != 1:
                continue
            near = [
                k
                for k in self.around[i]
                if self.elements[self._other(k, i)] == "N"
                and len(self.around[self._other(k, i)]) == 3
                and self._other(k, i) not in self.charges
            ]
            if near:
                k = min(near, key=lambda k: self.lengths[k])
                self.charges[self._other(k, i)] = 1
                self._double(k)

    def _charge_ends(self) -> None:
        """Charge O and S that end a chain, and carboxylates whose hydrogens are not told."""
        for i, element in enumerate(self.elements):
            if element not in ("O", "S") or len(self.around[i]) != 1 or not self.free[i]:
                continue
            k = self.around[i][0]
            if self.explicit or (self._is_acid(self._other(k, i)) and self.lengths[k] < 1.31):
                self.charges[i] = -1
                self.free[i] = 0

    def _is_acid(self, i: int) -> bool:
        return self.elements[i] == "C" and any(
            self.orders[k] == 2 and self.elements[self._other(k, i)] == "O" for k in self.around[i]
        )
