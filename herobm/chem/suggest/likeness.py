"""Which atoms of a molecule are alike, and how they move onto each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rdkit import Chem

from herobm.chem.suggest.graph import heavy_neighbours


@dataclass(frozen=True)
class Likeness:
    """Symmetry of the bond graph, mirror images taken as alike.

    Attributes
    ----------
    classes : tuple of int, one an atom
        Equal for atoms that the graph cannot tell apart.
    moves : tuple of tuple of int
        Automorphisms: atom -> its image. Atoms with one heavy neighbour stay where they are, as
        they share the bead of that neighbour. Every two atoms of a class with more neighbours
        are joined by moves.
    """

    classes: tuple[int, ...]
    moves: tuple[tuple[int, ...], ...]


def likeness(mol: Any) -> Likeness:
    """Find the symmetry of a molecule without hydrogens.

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized.

    Returns
    -------
    Likeness
    """
    ranks = tuple(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
    near = heavy_neighbours(mol)
    inner = [i for i in range(len(near)) if len(near[i]) > 1]
    skeleton = _skeleton(mol, inner, ranks)
    alike: dict[int, list[int]] = {}
    for place, atom in enumerate(inner):
        alike.setdefault(ranks[atom], []).append(place)
    moves = []
    for first, *others in alike.values():
        for other in others:
            move = _move(skeleton, first, other)
            if move is not None:
                image = list(range(len(near)))
                for place, target in enumerate(move):
                    image[inner[place]] = inner[target]
                moves.append(tuple(image))
    return Likeness(ranks, tuple(dict.fromkeys(moves)))


def _skeleton(mol: Any, inner: list[int], ranks: tuple[int, ...]) -> Any:
    """Build the graph of the inner atoms, their classes as isotopes."""
    skeleton = Chem.RWMol()
    place = {atom: skeleton.AddAtom(Chem.Atom(6)) for atom in inner}
    for atom, i in place.items():
        skeleton.GetAtomWithIdx(i).SetIsotope(ranks[atom] + 1)
    for bond in mol.GetBonds():
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if a in place and b in place:
            skeleton.AddBond(place[a], place[b], Chem.BondType.SINGLE)
    return skeleton


def _move(skeleton: Any, a: int, b: int) -> tuple[int, ...] | None:
    """Find an automorphism that takes `a` to `b`."""
    query, target = Chem.RWMol(skeleton), Chem.RWMol(skeleton)
    mark = skeleton.GetNumAtoms() + skeleton.GetAtomWithIdx(a).GetIsotope() + 1000
    query.GetAtomWithIdx(a).SetIsotope(mark)
    target.GetAtomWithIdx(b).SetIsotope(mark)
    match = target.GetSubstructMatch(query)
    return tuple(match) if len(match) == skeleton.GetNumAtoms() else None
