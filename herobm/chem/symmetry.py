"""Atoms whose names chemistry cannot tell apart, found from the bonds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import networkx as nx

from herobm.plan.template import ANYWHERE, Template, within_residue

log = logging.getLogger(__name__)

#: More automorphisms than these are not looked at: few molecules have them once hydrogens are left
#: out (inositol with four free phosphates or more has), and of these it is told.
MOST_AUTOMORPHISMS = 512


@dataclass(frozen=True)
class Interchange:
    """A set of atoms that may swap names.

    Attributes
    ----------
    atoms : tuple of int
        Rebuilt atoms of the template.
    alternatives : tuple of tuple of int
        Other orders of `atoms`, the given one not among them.
    torsion : tuple of int or None
        Four atoms a-b-c-x; the names are canonical when this angle lies within ±90 degrees
        (ASP chi2, GLU chi3, PHE and TYR chi2, and ARG, whose NH1 is the one nearer CD). None
        where atoms are concerned that only chain ends have.
    """

    atoms: tuple[int, ...]
    alternatives: tuple[tuple[int, ...], ...]
    torsion: tuple[int, int, int, int] | None


@lru_cache(maxsize=4096)
def interchangeable(template: Template) -> tuple[Interchange, ...]:
    """Find the independent sets of atoms that may swap names without a change of stereo.

    They are the automorphisms of the molecule graph that move as few atoms as possible and turn
    no tetrahedral centre inside out, so that the methyl groups of VAL and LEU keep their names.

    Parameters
    ----------
    template : Template

    Returns
    -------
    tuple of Interchange
    """
    graph = _graph(template)
    found = list(islice(_automorphisms(graph), MOST_AUTOMORPHISMS + 1))
    if len(found) > MOST_AUTOMORPHISMS:
        log.warning(
            "%s: its atoms can swap names in more than %d ways, of which the first are looked at; "
            "some like atoms count as different ones",
            template.name,
            MOST_AUTOMORPHISMS,
        )
        del found[MOST_AUTOMORPHISMS:]
    moves = [m for m in found if m and _keeps_stereo(graph, m)]
    supports = [frozenset(m) for m in moves]
    smallest = [m for m, s in zip(moves, supports, strict=True) if not any(o < s for o in supports)]
    groups: list[set[int]] = []
    for move in smallest:
        touching = [g for g in groups if g & move.keys()]
        groups = [g for g in groups if g not in touching]
        groups.append(set(move).union(*touching))
    return tuple(_interchange(template, graph, g, moves) for g in sorted(groups, key=min))


def _interchange(
    template: Template, graph: nx.Graph, group: set[int], moves: list[dict[int, int]]
) -> Interchange:
    atoms = tuple(sorted(group))
    others = sorted({tuple(m.get(a, a) for a in atoms) for m in moves if m.keys() <= group})
    ends = any(template.atom_place[a] != ANYWHERE for a in atoms)
    return Interchange(atoms, tuple(others), None if ends else _torsion(graph, group))


def _torsion(graph: nx.Graph, group: set[int]) -> tuple[int, int, int, int] | None:
    for x in sorted(group):
        for c in sorted(n for n in graph[x] if n >= 0 and n not in group):
            for b in sorted(n for n in graph[c] if n >= 0 and n not in group):
                for a in sorted(n for n in graph[b] if n >= 0 and n not in group and n != c):
                    return a, b, c, x
    return None


def _graph(template: Template) -> nx.Graph:
    """Rebuilt atoms (>= 0) and, as labels, their hydrogens and bonds out of the residue."""
    index = {name: i for i, name in enumerate(template.atoms)}
    graph = nx.Graph()
    for i in range(len(template.atoms)):
        graph.add_node(i, element=template.elements[i], hydrogens=0, links=0, orders=0)
    for a, b, symbol in within_residue(template.mapping.bonds):
        ends = [index[n] for n in (a, b) if n in index]
        if len(ends) == 2:
            graph.add_edge(*ends)
        elif ends:
            graph.nodes[ends[0]]["hydrogens"] += 1
        for end in ends:
            graph.nodes[end]["orders"] += symbol in "=:#"
    for bond in template.mapping.bonds:
        for ref, other in ((bond.a, bond.b), (bond.b, bond.a)):
            if other.offset and ref.name in index:
                graph.nodes[index[ref.name]]["links"] += 1
    return graph


def _automorphisms(graph: nx.Graph) -> Iterator[dict[int, int]]:
    def same(a: dict[str, object], b: dict[str, object]) -> bool:
        return (a["element"], a["hydrogens"]) == (b["element"], b["hydrogens"])

    matcher = nx.algorithms.isomorphism.GraphMatcher(graph, graph, node_match=same)
    for mapping in matcher.isomorphisms_iter():
        yield {a: b for a, b in mapping.items() if a != b}


def _keeps_stereo(graph: nx.Graph, move: dict[int, int]) -> bool:
    """Whether no tetrahedral centre with three heavy neighbours or more is turned inside out."""
    for center in graph:
        neighbours = sorted(graph[center])
        if center in move or len(neighbours) < 3 or not _tetrahedral(graph, center):
            continue
        images = [move.get(n, n) for n in neighbours]
        if images != neighbours and _odd([neighbours.index(i) for i in images]):
            return False
    return True


def _tetrahedral(graph: nx.Graph, center: int) -> bool:
    node = graph.nodes[center]
    degree = graph.degree(center) + node["hydrogens"] + node["links"]
    if node["element"] in ("P", "S"):
        return bool(degree >= 4)
    return bool(node["orders"] == 0 and (node["element"] == "C" or degree >= 4))


def _odd(order: list[int]) -> bool:
    inversions = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
    return inversions % 2 == 1
