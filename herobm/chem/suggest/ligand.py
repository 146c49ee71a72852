"""The molecule that a mapping is suggested for: checked, complete, its atoms named."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from herobm.elements import element_of
from herobm.errors import StructureError

#: Elements that may occur; the others are metals, noble gases, or too rare to be known.
_ELEMENTS = frozenset("H B C N O F Si P S Cl Se Br I".split())
_KNOWN_BONDS = frozenset(
    {
        Chem.BondType.SINGLE,
        Chem.BondType.DOUBLE,
        Chem.BondType.TRIPLE,
        Chem.BondType.QUADRUPLE,
        Chem.BondType.AROMATIC,
    }
)
_RESIDUE = re.compile(r"[A-Za-z0-9]{1,5}")
_FALLBACK = "LIG"


@dataclass(frozen=True)
class Ligand:
    """A molecule with all hydrogens and a name for each atom.

    Attributes
    ----------
    mol : Chem.Mol
        Sanitized, one fragment, every hydrogen an atom.
    names : tuple of str, one an atom
        Unique.
    residue : str
        Residue name.
    aliases : dict of str to str
        Name -> the one that the source has, where that tells another element than the atom's.
    notes : tuple of str
        What a user should know of how the source was read.
    """

    mol: Any
    names: tuple[str, ...]
    residue: str
    aliases: dict[str, str]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        mol: Any,
        residue: str | None = None,
        names: Sequence[str] | None = None,
        source: str = "the molecule",
    ) -> Ligand:
        """Check a molecule, add the hydrogens that it lacks, and name its atoms.

        Parameters
        ----------
        mol : Chem.Mol
            Sanitized.
        residue : str, optional
            Residue name, ``LIG`` by default.
        names : Sequence[str], optional
            One for each atom of `mol`; used if they are unique and there is none empty. Otherwise
            an atom is called by its element and a running number: C1, C2, N1, in the order of
            the atoms.
        source : str
            What to call the molecule in messages.

        Returns
        -------
        Ligand

        Raises
        ------
        StructureError
            See `check`.
        """
        check(mol, source)
        whole = Chem.AddHs(mol, addCoords=bool(mol.GetNumConformers()))
        found = cls(whole, (), residue or _FALLBACK, {})
        return found.named(names, source)

    def named(self, names: Sequence[str] | None, source: str) -> Ligand:
        """Return the molecule with names for its first atoms, and names made for the others."""
        given = [name.strip() for name in names or ()]
        notes = list(self.notes)
        twice = [name for name, n in Counter(given).items() if n > 1 or not name]
        if twice:
            notes.append(
                f"{source}: atom names are not unique ({', '.join(n or 'blank' for n in twice[:6])}"
                f"): atoms are called by element and number instead"
            )
            given = []
        given += [""] * (self.mol.GetNumAtoms() - len(given))
        symbols = [atom.GetSymbol() for atom in self.mol.GetAtoms()]
        used, numbers = set(given), Counter[str]()
        final, aliases = [], {}
        for name, symbol in zip(given, symbols, strict=True):
            new = name
            if element_of(name) != symbol:
                new = _next(symbol, numbers, used)
                if name:
                    aliases[new] = name
                    notes.append(
                        f"{source}: atom '{name}' is {symbol}, which its name does not tell: it "
                        f"is called {new}, '{name}' being another name of it"
                    )
            final.append(new)
        return replace(self, names=tuple(final), aliases=aliases, notes=tuple(notes))


def _next(symbol: str, numbers: Counter[str], used: set[str]) -> str:
    while True:
        numbers[symbol] += 1
        name = f"{symbol.upper()}{numbers[symbol]}"
        if name not in used:
            return name


def residue_name(*words: str | None) -> str | None:
    """Return the first of some words that can be a residue name (1 to 5 letters and digits)."""
    fitting = (w.strip().upper() for w in words if w and _RESIDUE.fullmatch(w.strip()))
    return next(fitting, None)


def check(mol: Any, source: str) -> None:
    """See that a molecule can be mapped.

    Parameters
    ----------
    mol : Chem.Mol
        As read, sanitized or not.
    source : str
        What to call it in messages.

    Raises
    ------
    StructureError
        If it is empty, in several pieces, a radical, has query atoms, metals or valences that
        cannot be.
    """
    if mol is None or mol.GetNumAtoms() == 0:
        raise StructureError(f"{source}: there is no atom in it", "Give a file with a molecule.")
    if not mol.GetNumHeavyAtoms():
        raise StructureError(
            f"{source}: has hydrogens alone, and beads need heavy atoms", "Give another molecule."
        )
    _check_pieces(mol, source)
    for atom in mol.GetAtoms():
        _check_atom(atom, source)
    for bond in mol.GetBonds():
        _check_bond(bond, source)
    _check_valences(mol, source)
    for atom in mol.GetAtoms():
        if atom.GetNumRadicalElectrons():
            raise StructureError(
                f"{source}: {_called(atom)} is a radical",
                "Add the missing hydrogen, bond or charge; radicals are not mapped.",
            )


def _check_atom(atom: Any, source: str) -> None:
    symbol = atom.GetSymbol()
    if atom.GetAtomicNum() == 0 or atom.HasQuery():
        raise StructureError(
            f"{source}: {_called(atom)} stands for several elements (a query, R group or dummy)",
            "Draw the atom that is there.",
        )
    if symbol not in _ELEMENTS:
        raise StructureError(
            f"{source}: {_called(atom)} is of an element that is not mapped",
            f"Only {', '.join(sorted(_ELEMENTS))} are: take metals and ions out; they are beads "
            "of their own.",
        )


def _check_bond(bond: Any, source: str) -> None:
    if bond.HasQuery() or bond.GetBondType() not in _KNOWN_BONDS:
        ends = f"{_called(bond.GetBeginAtom())} and {_called(bond.GetEndAtom())}"
        raise StructureError(
            f"{source}: the bond of {ends} is none of single, double, triple and aromatic",
            "Draw it as one of these, with charges if need be.",
        )


def _check_pieces(mol: Any, source: str) -> None:
    pieces = Chem.GetMolFrags(mol, asMols=True, sanitizeFrags=False)
    if len(pieces) > 1:
        for piece in pieces:
            piece.UpdatePropertyCache(strict=False)
        kinds = Counter(rdMolDescriptors.CalcMolFormula(piece) for piece in pieces)
        text = ", ".join(f"{n} x {kind}" if n > 1 else kind for kind, n in kinds.items())
        raise StructureError(
            f"{source}: there are {len(pieces)} molecules in it that no bond joins: {text}",
            "A mapping is for one: take counter-ions and solvent out, or make a file of each.",
        )


def _check_valences(mol: Any, source: str) -> None:
    with rdBase.BlockLogs():
        problems = Chem.DetectChemistryProblems(mol)
    if problems:
        raise StructureError(
            f"{source}: RDKit does not accept the bonds: {problems[0].Message()}",
            "Mend bond orders, charges or hydrogens (atoms are numbered from 0 here).",
        )


def _called(atom: Any) -> str:
    return f"atom {atom.GetIdx() + 1} ({atom.GetSymbol()})"
