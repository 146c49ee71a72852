"""Where the atoms of a mapping lie on paper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
from rdkit import Chem
from rdkit.Chem import rdCoordGen, rdDepictor

from herobm.chem.molecule import assemble, chain_links
from herobm.dsl.model import MappedAtom, Mapping, Placement
from herobm.types import FloatArray

#: Fill of blobs and, darker, of what is written about the bead.
COLOURS = (
    ("#9ecae9", "#1f5f93"),
    ("#f9b98a", "#a8500b"),
    ("#a8d8a0", "#2a7325"),
    ("#f2a3b3", "#a51d3c"),
    ("#cdb7e6", "#5f3a97"),
    ("#ecd97a", "#7a6300"),
    ("#8fd9d0", "#0f6b62"),
    ("#e2b48f", "#7c4516"),
    ("#f0aee0", "#962a7e"),
    ("#bfc7d1", "#46525f"),
    ("#d4e27d", "#58690a"),
    ("#b1b5f5", "#363ca8"),
)
_BOND = 62.0  # px


@dataclass(frozen=True)
class Sketch:
    """Where the atoms of a mapping lie on paper.

    Attributes
    ----------
    mapping : Mapping
    index : dict of str to int
        Heavy atom -> row of `places`.
    places : FloatArray, shape (n_atoms, 2)
        px, y downwards.
    links : list of (str, str, int)
        Atom, what to call its neighbour in the next or previous residue, row of that.
    """

    mapping: Mapping
    index: dict[str, int]
    places: FloatArray
    links: list[tuple[str, str, int]]

    @cached_property
    def atoms(self) -> dict[str, MappedAtom]:
        """Name -> atom, of those that are drawn."""
        return {a.name: a for a in self.mapping.atoms if a.name in self.index}

    @cached_property
    def bonds(self) -> dict[tuple[str, str], str]:
        """Pairs of atoms that are drawn -> symbol."""
        found: dict[tuple[str, str], str] = {}
        for b in self.mapping.bonds:
            if b.within and {b.a.name, b.b.name} <= self.index.keys():
                found.setdefault((b.a.name, b.b.name), b.symbol)
        return found

    @cached_property
    def members(self) -> dict[str, list[tuple[str, Placement]]]:
        """Bead -> atoms that are drawn, and what they are to it."""
        found: dict[str, list[tuple[str, Placement]]] = {bead: [] for bead in self.mapping.beads}
        for name, atom in self.atoms.items():
            for placement in atom.placements:
                found[placement.bead].append((name, placement))
        return found

    @cached_property
    def colours(self) -> dict[str, tuple[str, str]]:
        """Bead -> light and dark colour."""
        return {b: COLOURS[i % len(COLOURS)] for i, b in enumerate(self.mapping.beads)}

    @cached_property
    def inward(self) -> dict[frozenset[str], FloatArray]:
        """Bonds of rings -> unit vector towards the middle of the ring, the smallest of several."""
        graph: nx.Graph = nx.Graph(list(self.bonds))
        found: dict[frozenset[str], FloatArray] = {}
        for ring in sorted(nx.minimum_cycle_basis(graph), key=len):
            middle = np.mean([self.at(n) for n in ring], axis=0)
            for one, two in nx.subgraph(graph, ring).edges:
                a, b = self.at(one), self.at(two)
                across = normal(a, b)
                side = 1.0 if (middle - a) @ across > 0 else -1.0
                found.setdefault(frozenset((one, two)), across * side)
        return found

    def at(self, name: str) -> FloatArray:
        """Place of an atom, px."""
        place: FloatArray = self.places[self.index[name]]
        return place

    def bead_at(self, bead: str) -> FloatArray | None:
        """Place of a bead: the mean of the atoms that count, px; None if none is drawn."""
        counting = [(n, p) for n, p in self.members[bead] if p.center] or [
            (n, p) for n, p in self.members[bead] if p.counts
        ]
        if not counting:
            return None
        weights = np.array([float(p.weight) for _, p in counting])
        places = np.array([self.at(n) for n, _ in counting])
        mean: FloatArray = (places * weights[:, None]).sum(axis=0) / weights.sum()
        return mean


def lay_out(mapping: Mapping) -> Sketch:
    """Place the heavy atoms of a mapping on paper.

    Without bonds the atoms of each bead follow each other in a row.
    """
    heavy = [a.name for a in mapping.atoms if a.element not in ("H", "D")]
    built = assemble(mapping, heavy or [a.name for a in mapping.atoms])
    links = [(here, str(there)) for here, there, _ in chain_links(mapping) if here in built.index]
    kept = sorted({*built.index.values(), *built.beyond})
    mol = built.mol
    for atom in range(mol.GetNumAtoms() - 1, -1, -1):  # what hangs beyond the neighbours
        if atom not in kept:
            mol.RemoveAtom(atom)
    row = {atom: i for i, atom in enumerate(kept)}
    mol.UpdatePropertyCache(strict=False)
    for bond in mol.GetBonds():
        bond.SetIsAromatic(False)
        if bond.GetBondType() == Chem.BondType.QUADRUPLE:  # of no use on paper
            bond.SetBondType(Chem.BondType.TRIPLE)
    for a in mol.GetAtoms():
        a.SetIsAromatic(False)
    places = _coordinates(mol) if mol.GetNumBonds() else _in_rows(mapping, list(built.index))
    index = {name: row[i] for name, i in built.index.items()}
    ends = [row[i] for i in built.beyond]
    return Sketch(
        mapping, index, places, [(h, t, e) for (h, t), e in zip(links, ends, strict=True)]
    )


def _coordinates(mol: object) -> FloatArray:
    """Coordinates in px, the longest side of the molecule from left to right."""
    rdCoordGen.AddCoords(mol)
    rdDepictor.NormalizeDepiction(mol)
    flat: FloatArray = mol.GetConformer().GetPositions()[:, :2]  # type: ignore[attr-defined]
    centred = flat - flat.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned: FloatArray = centred @ axes.T if len(flat) > 2 else centred
    step = np.median(
        [
            np.linalg.norm(turned[b.GetBeginAtomIdx()] - turned[b.GetEndAtomIdx()])
            for b in mol.GetBonds()  # type: ignore[attr-defined]
        ]
    )
    scaled: FloatArray = turned * np.array([1.0, -1.0]) * (_BOND / max(float(step), 1e-6))
    return scaled


def _in_rows(mapping: Mapping, names: list[str]) -> FloatArray:
    home = {a.name: list(mapping.beads).index(a.placements[0].bead) for a in mapping.atoms}
    filled: dict[int, int] = {}
    places = []
    for name in names:
        row = home[name]
        places.append((filled.get(row, 0) * _BOND, row * _BOND * 1.2))
        filled[row] = filled.get(row, 0) + 1
    return np.array(places, dtype=float).reshape(-1, 2)


def normal(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the unit vector at right angles to the way from `a` to `b`."""
    along = b - a
    across: FloatArray = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    return across
