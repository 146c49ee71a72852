"""Beads, hierarchy and chemistry of a molecule, written down as a mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from rdkit import Chem

from herobm.chem.checks.stereo import find_sites
from herobm.chem.molecule import cip, label
from herobm.chem.suggest.anchors import distances, embed
from herobm.chem.suggest.cages import forced_labels
from herobm.chem.suggest.candidates import Shares
from herobm.chem.suggest.graph import canonical
from herobm.chem.suggest.ligand import Ligand
from herobm.chem.suggest.likeness import likeness
from herobm.chem.suggest.partition import partition
from herobm.dsl.convert.hierarchy import TooManyAtomsError, derive_rules
from herobm.dsl.model import AtomRef, Bond, MappedAtom, Mapping, Placement, Stereo
from herobm.errors import StructureError
from herobm.types import FloatArray

_SYMBOLS: dict[Any, Literal["-", "=", "#", ":", "$"]] = {
    Chem.BondType.SINGLE: "-",
    Chem.BondType.DOUBLE: "=",
    Chem.BondType.TRIPLE: "#",
    Chem.BondType.AROMATIC: ":",
    Chem.BondType.QUADRUPLE: "$",
}
_HYDROGEN = 1
#: (Heavy atoms at most, size of the ensemble): large molecules take long.
_CONFORMERS = ((40, 8), (60, 4), (float("inf"), 2))


@dataclass(frozen=True)
class Beads:
    """Which atoms of a molecule lie in which beads.

    Attributes
    ----------
    names : tuple of str, one a bead
    types : tuple of str, one a bead
        In the coarse-grained force field, "" if not known.
    shares : tuple of Shares, one a bead
        Heavy atoms by their numbers in the molecule.
    weights : {"mass", "equal"}
        What an atom counts for.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    shares: tuple[Shares, ...]
    weights: Literal["mass", "equal"] = "mass"


def suggest(
    molecule: Any,
    name: str | None = None,
    *,
    beads: Beads | None = None,
    hydrogens: bool = True,
    n_conformers: int | None = None,
    seed: int = 7,
) -> Mapping:
    """Suggest a mapping for a molecule.

    The same molecule gives the same beads, in whatever order its atoms come.

    Parameters
    ----------
    molecule : Chem.Mol or Ligand
        A molecule of RDKit, sanitized, or what `herobm.chem.suggest.read.read_ligand` returns,
        which has atom names, too.
    name : str, optional
        Residue name; that of the ligand, or ``LIG``, by default.
    beads : Beads, optional
        Those of a coarse-grained model; else they are chosen by the rules of Martini 3
        (`herobm.chem.suggest.partition`).
    hydrogens : bool
        Whether the mapping lists hydrogens. They count towards the beads and are not rebuilt.
    n_conformers : int, optional
        Of the ensemble in which the atoms nearest to the positions of the beads are found: these
        are rebuilt first, the others from them along the bonds. By default 8, and fewer for more
        than 40 heavy atoms, which take long.
    seed : int

    Returns
    -------
    Mapping
        With bonds, charges and the stereo labels that the molecule has.

    Raises
    ------
    StructureError
        If the molecule cannot be mapped (salts, metals, radicals, wrong valences).
    """
    ligand = molecule if isinstance(molecule, Ligand) else Ligand.of(molecule)
    writer = _Writer(ligand, beads, hydrogens)
    writer.embed(n_conformers, seed)
    bare = writer.mapping(name or ligand.residue)
    try:
        return derive_rules(bare, {}, writer.away())
    except TooManyAtomsError as error:
        raise StructureError(
            f"bead {error.bead} holds more atoms than it can rebuild: {error}",
            "Give a coarse-grained model with more beads.",
        ) from error


class _Writer:
    """A ligand with its beads, in the order of its own atoms."""

    def __init__(self, ligand: Ligand, beads: Beads | None, hydrogens: bool) -> None:
        self.ligand = ligand
        self.heavy, self.origin = canonical(ligand.mol)
        self.ensemble: FloatArray | None = None
        self.beads = beads or self._partition()
        self.listed = [
            a.GetIdx() for a in ligand.mol.GetAtoms() if hydrogens or a.GetAtomicNum() > 1
        ]
        self.mol = Chem.Mol(ligand.mol)
        # In this model ':' bonds need no hydrogen to be understood, and no exocyclic C=O has any.
        Chem.Kekulize(self.mol, clearAromaticFlags=True)
        Chem.SetAromaticity(self.mol, Chem.AromaticityModel.AROMATICITY_MDL)

    def _partition(self) -> Beads:
        """Choose beads; number them by their first atoms."""
        found = sorted(
            tuple(sorted((self.origin[i], share) for i, share in group))
            for group in partition(self.heavy)
        )
        names = tuple(f"B{k}" for k in range(1, len(found) + 1))
        return Beads(names, ("",) * len(found), tuple(found))

    def mapping(self, residue: str) -> Mapping:
        names = self.ligand.names
        listed = set(self.listed)
        bonds = sorted(
            [*sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())), b.GetIdx()]
            for b in self.mol.GetBonds()
            if {b.GetBeginAtomIdx(), b.GetEndAtomIdx()} <= listed
        )
        return Mapping(
            molecules=(residue,),
            weights=self.beads.weights,
            atoms=tuple(self._atom(i) for i in self.listed),
            beads=dict(zip(self.beads.names, self.beads.types, strict=True)),
            bonds=tuple(
                Bond(
                    a=AtomRef(name=names[a]),
                    b=AtomRef(name=names[b]),
                    symbol=_SYMBOLS[self.mol.GetBondWithIdx(k).GetBondType()],
                )
                for a, b, k in bonds
            ),
            charges={
                names[a.GetIdx()]: a.GetFormalCharge()
                for a in self.mol.GetAtoms()
                if a.GetFormalCharge()
            },
            stereo=tuple(self._stereo()),
        )

    def _atom(self, i: int) -> MappedAtom:
        atom = self.mol.GetAtomWithIdx(i)
        home = i if atom.GetAtomicNum() != _HYDROGEN else atom.GetNeighbors()[0].GetIdx()
        name = self.ligand.names[i]
        alias = self.ligand.aliases.get(name)
        return MappedAtom(
            names=(name, alias) if alias else (name,),
            element=atom.GetSymbol(),
            placements=tuple(
                Placement(bead=bead, weight=share) for bead, share in self._homes(home)
            ),
        )

    def _homes(self, heavy: int) -> list[tuple[str, Fraction]]:
        return [
            (bead, share)
            for bead, group in zip(self.beads.names, self.beads.shares, strict=True)
            for atom, share in group
            if atom == heavy
        ]

    def _stereo(self) -> list[Stereo]:
        mol = Chem.Mol(self.ligand.mol)
        label(mol)
        sites = find_sites(mol)
        names = self.ligand.names
        forced = {} if self.ensemble is None else forced_labels(self.heavy, self.ensemble)
        cages = {self.origin[i]: text for i, text in forced.items()}
        found = []
        for i in sorted(sites.centers):
            text = cip(mol.GetAtomWithIdx(i)) or cages.get(i, "")
            if text in ("R", "S"):
                found.append(Stereo.model_validate({"atoms": (names[i],), "label": text}))
        for a, b in sorted(sites.bonds):
            text = cip(mol.GetBondBetweenAtoms(a, b))
            if text in ("E", "Z"):
                found.append(Stereo.model_validate({"atoms": (names[a], names[b]), "label": text}))
        return found

    def embed(self, n_conformers: int | None, seed: int) -> None:
        """Make the conformers that anchors and cages are read from."""
        n_heavy = self.heavy.GetNumAtoms()
        usual = next(n for most, n in _CONFORMERS if n_heavy <= most)
        self.ensemble = embed(self.heavy, n_conformers or usual, seed)

    def away(self) -> dict[tuple[str, str], float]:
        """(bead, atom) -> Å; empty where no conformer is found (then the graph decides)."""
        if self.ensemble is None:
            return {}
        rank = {atom: i for i, atom in enumerate(self.origin)}
        groups: list[Shares] = [
            tuple(sorted((rank[i], share) for i, share in group)) for group in self.beads.shares
        ]
        away = distances(self.heavy, groups, self.ensemble, likeness(self.heavy).classes)
        return {
            (bead, self.ligand.names[self.origin[i]]): value + 1e-6 * i
            for bead, row in zip(self.beads.names, away, strict=True)
            for i, value in row.items()
        }


def shares(groups: Sequence[Sequence[int]]) -> tuple[Shares, ...]:
    """Turn lists of atoms into beads; an atom in several is shared equally."""
    times: dict[int, int] = {}
    for group in groups:
        for i in group:
            times[i] = times.get(i, 0) + 1
    return tuple(tuple(sorted((i, Fraction(1, times[i])) for i in group)) for group in groups)
