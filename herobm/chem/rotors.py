"""Bonds about which side branches turn, found from the bonds of a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import networkx as nx
import numpy as np

from herobm.plan.plan import Plan
from herobm.plan.template import Template, within_residue
from herobm.types import BoolArray, IntArray

#: Elements of atoms whose bonds lie in a plane where one of them is double, or whose lone pair
#: makes the bond to such an atom partly double (amide, ester, guanidinium).
_PLANAR = frozenset({"B", "C", "N"})
_DONORS = frozenset({"N", "O", "S"})


class Rotor(NamedTuple):
    """A rotatable bond of a template, as rebuilt atoms of the template.

    Attributes
    ----------
    behind : tuple of int
        Neighbours of the first atom of the axis, but for the second.
    axis : tuple of int
        The bond; its second atom is on the side that turns.
    moved : tuple of int
        Atoms that turn, the neighbours of the second atom of the axis first.
    n_direct : int
        How many of `moved` are such neighbours.
    threefold : bool
        Whether both atoms of the axis are tetrahedral.
    """

    behind: tuple[int, ...]
    axis: tuple[int, int]
    moved: tuple[int, ...]
    n_direct: int
    threefold: bool


@dataclass(frozen=True, eq=False)
class Rotors:
    """All rotatable bonds of a system; -1 pads.

    Attributes
    ----------
    residue : IntArray, shape (n,)
    behind : IntArray, shape (n, n_behind)
    axis : IntArray, shape (n, 2)
    moved : IntArray, shape (n, n_moved)
    direct : BoolArray, shape (n, n_moved)
        Atoms of `moved` that are bonded to the axis.
    threefold : BoolArray, shape (n,)
        Attributes as in `Rotor`, but atoms of the plan.
    """

    residue: IntArray
    behind: IntArray
    axis: IntArray
    moved: IntArray
    direct: BoolArray
    threefold: BoolArray

    def __len__(self) -> int:
        return len(self.residue)

    @property
    def quads(self) -> IntArray:
        """Atoms of each torsion, shape (n, 4): the first one behind, the axis, the first moved."""
        rows = np.arange(len(self))
        behind = self.behind[rows, (self.behind >= 0).argmax(axis=1)]
        moved = self.moved[rows, (self.moved >= 0).argmax(axis=1)]
        return np.stack([behind, self.axis[:, 0], self.axis[:, 1], moved], axis=1)

    @property
    def before(self) -> IntArray:
        """Rotor at whose outer atom each begins, shape (n,), -1 for those at no other one's end.

        These are next to the trunk, or beyond a ring or a stiff bond.
        """
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        ends = np.full(int(self.axis.max()) + 1, -1, dtype=np.int64)
        ends[self.axis[:, 1]] = np.arange(len(self))
        found: IntArray = ends[self.axis[:, 0]]
        return found

    def take(self, index: IntArray | BoolArray) -> Rotors:
        """Return the rotors at `index`."""
        return Rotors(
            self.residue[index],
            self.behind[index],
            self.axis[index],
            self.moved[index],
            self.direct[index],
            self.threefold[index],
        )


def find_rotors(plan: Plan, fixed: IntArray | None = None) -> Rotors:
    """Lay the rotatable bonds of all templates out along a plan.

    Parameters
    ----------
    plan : Plan
    fixed : IntArray, shape (n_fixed,), optional
        Atoms that must not turn, e.g. the sulfur atoms of disulfides.

    Returns
    -------
    Rotors
        Without those that would turn a fixed atom, or whose torsion lacks an atom.
    """
    kinds = [rotors_of(template) for template in plan.library]
    shape = [max((len(r.behind) for k in kinds for r in k), default=1)]
    shape += [max((len(r.moved) for k in kinds for r in k), default=1)]
    index = np.append(plan.atom_index(), np.full((plan.n_residues, 1), -1), axis=1)
    parts = [_none(*shape)]
    for kind, rotors in enumerate(kinds):
        residues = np.flatnonzero(plan.template == kind)
        parts += [_lay_out(rotor, residues, index, *shape) for rotor in rotors]
    laid_out = Rotors(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    there: BoolArray = np.array((laid_out.axis >= 0).all(axis=1))
    there &= (laid_out.direct & (laid_out.moved >= 0)).any(axis=1)
    there &= (laid_out.behind >= 0).any(axis=1)
    if fixed is not None:
        there &= ~np.isin(laid_out.moved, fixed).any(axis=1)
    return laid_out.take(there)


def _none(n_behind: int, n_moved: int) -> tuple[IntArray, ...]:
    shapes = ((0,), (0, n_behind), (0, 2), (0, n_moved), (0, n_moved), (0,))
    kinds = (np.int64, np.int64, np.int64, np.int64, bool, bool)
    return tuple(np.zeros(shape, kind) for shape, kind in zip(shapes, kinds, strict=True))


def _lay_out(
    rotor: Rotor, residues: IntArray, index: IntArray, n_behind: int, n_moved: int
) -> tuple[IntArray, ...]:
    """Columns of `Rotors` for the residues that have a rotor."""

    def padded(atoms: tuple[int, ...], width: int) -> IntArray:
        return index[residues][:, [*atoms, *[-1] * (width - len(atoms))]]

    return (
        residues,
        padded(rotor.behind, n_behind),
        padded(rotor.axis, 2),
        padded(rotor.moved, n_moved),
        np.tile(np.arange(n_moved) < rotor.n_direct, (len(residues), 1)),
        np.full(len(residues), rotor.threefold),
    )


@lru_cache(maxsize=4096)
def rotors_of(template: Template) -> tuple[Rotor, ...]:
    """Find the single bonds outside rings that carry a side branch, from the inside outward.

    What carries the chain (the atoms of the bonds to the neighbours and the path between them)
    stays. In a molecule that is no link of a chain the atom in the middle stays.

    Parameters
    ----------
    template : Template

    Returns
    -------
    tuple of Rotor
    """
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(range(len(template.atoms)))
    graph.add_edges_from(template.bonds.tolist())
    stiff = _stiff_bonds(template)
    planar = _planar_atoms(template)
    found: list[Rotor] = []
    for part in sorted(nx.connected_components(graph), key=min):
        piece = graph.subgraph(part)
        trunk = _trunk(template, piece)
        for inner, outer in _outward(piece, trunk):
            moved = _branch(piece, inner, outer)
            behind = tuple(sorted(set(piece[inner]) - {outer}))
            if moved and behind and frozenset((inner, outer)) not in stiff:
                direct = [atom for atom in moved if atom in piece[outer]]
                others = [atom for atom in moved if atom not in piece[outer]]
                threefold = not {inner, outer} & planar
                ordered = (*direct, *others)
                found.append(Rotor(behind, (inner, outer), ordered, len(direct), threefold))
    return tuple(found)


def _trunk(template: Template, piece: nx.Graph) -> set[int]:
    """Atoms that stay: the way along the chain, or the middle of a molecule."""
    index = {name: i for i, name in enumerate(template.atoms)}
    following, preceding = template.link_next, template.link_previous
    names = [preceding[0] if preceding else following[1] if following else ""]
    names += [following[0] if following else ""]
    ends = [index[name] for name in names if name in index and index[name] in piece]
    if not ends:
        return {min(nx.barycenter(piece))}
    return set(nx.shortest_path(piece, ends[0], ends[-1]))


def _outward(piece: nx.Graph, trunk: set[int]) -> Iterator[tuple[int, int]]:
    """Bonds outside rings that lead away from the trunk, nearest first."""
    distance = nx.multi_source_dijkstra_path_length(piece, trunk)
    bridges = [sorted(pair, key=lambda a: (distance[a], a)) for pair in nx.bridges(piece)]
    outward = [(a, b) for a, b in bridges if b not in trunk]
    yield from sorted(outward, key=lambda pair: (distance[pair[0]], pair))


def _branch(piece: nx.Graph, inner: int, outer: int) -> list[int]:
    """Atoms on the outer side of a bond, but for that of the bond."""
    cut = nx.restricted_view(piece, [], [(inner, outer)])
    return sorted(nx.node_connected_component(cut, outer) - {outer})


def _orders(template: Template) -> dict[frozenset[str], str]:
    return {frozenset((a, b)): symbol for a, b, symbol in within_residue(template.mapping.bonds)}


def _planar_names(template: Template) -> set[str]:
    """Atoms with a double, triple or aromatic bond, hydrogens or not rebuilt ones among them."""
    element = {a.name: a.element for a in template.mapping.atoms}
    multiple = {n for pair, symbol in _orders(template).items() if symbol != "-" for n in pair}
    return {name for name in multiple if element.get(name) in _PLANAR}


def _stiff_bonds(template: Template) -> set[frozenset[int]]:
    """Bonds that are double, or conjugated with one."""
    planar = _planar_names(template)
    element = {a.name: a.element for a in template.mapping.atoms}
    index = {name: i for i, name in enumerate(template.atoms)}
    stiff = set()
    for pair, symbol in _orders(template).items():
        rest = pair - planar
        conjugated = len(rest) < len(pair) and all(element.get(n) in _DONORS for n in rest)
        if (symbol != "-" or conjugated) and pair <= index.keys():
            stiff.add(frozenset(index[name] for name in pair))
    return stiff


def _planar_atoms(template: Template) -> set[int]:
    """Rebuilt atoms whose bonds lie in a plane, nitrogen beside a double bond included."""
    planar = _planar_names(template)
    element = {a.name: a.element for a in template.mapping.atoms}
    beside = {
        name
        for pair in _orders(template)
        for name in pair - planar
        if pair & planar and element.get(name) == "N"
    }
    return {i for i, name in enumerate(template.atoms) if name in planar | beside}
