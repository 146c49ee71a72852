"""The heavy atoms of a molecule in an order that its drawing does not change."""

from __future__ import annotations

from typing import Any

from rdkit import Chem


def heavy_neighbours(mol: Any) -> list[list[int]]:
    """Return for each atom the atoms bonded to it that are no hydrogens, sorted."""
    return [
        sorted(n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() > 1)
        for atom in mol.GetAtoms()
    ]


def canonical(mol: Any) -> tuple[Any, list[int]]:
    """Take the heavy atoms of a molecule in canonical order.

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized; hydrogens of the molecular graph become implicit.

    Returns
    -------
    heavy : Chem.Mol
    origin : list of int
        Atom of `heavy` -> atom of `mol`.
    """
    numbered = Chem.Mol(mol)
    for atom in numbered.GetAtoms():
        atom.SetAtomMapNum(0)
        atom.SetIntProp("_origin", atom.GetIdx())
    bare = _without_hydrogens(numbered)
    ranks = list(Chem.CanonicalRankAtoms(bare))
    heavy = Chem.RenumberAtoms(bare, sorted(range(len(ranks)), key=ranks.__getitem__))
    Chem.GetSymmSSSR(heavy)
    origin = [atom.GetIntProp("_origin") for atom in heavy.GetAtoms()]
    return heavy, origin


def _without_hydrogens(mol: Any) -> Any:
    options: Any = Chem.RemoveHsParameters()
    options.removeIsotopes = True
    options.removeDefiningBondStereo = True
    options.removeWithWedgedBond = True
    options.removeNonimplicit = True
    options.removeHydrides = True
    options.removeNontetrahedralNeighbors = True
    options.showWarnings = False
    return Chem.RemoveHs(mol, options)
