"""Stereo that a molecule cannot have otherwise: the bridgeheads of a cage."""

from __future__ import annotations

from typing import Any

from rdkit import Chem
from rdkit.Geometry import Point3D

from herobm.chem.checks.stereo import find_sites
from herobm.chem.molecule import cip, label, settle_centers
from herobm.types import FloatArray


def forced_labels(heavy: Any, ensemble: FloatArray) -> dict[int, str]:
    """Label the bridgeheads whose hand follows from the rest of the molecule.

    That is so where all conformers, made without regard to the hand, are one stereoisomer (for
    adamantane, quinuclidine, and the like).

    Parameters
    ----------
    heavy : Chem.Mol
        Sanitized, hydrogens implicit.
    ensemble : FloatArray, shape (n, n_atoms, 3)
        Å, hydrogens behind the atoms of `heavy` (`herobm.chem.suggest.anchors.embed`).

    Returns
    -------
    dict of int to str
        Atom -> R or S.
    """
    full = Chem.AddHs(heavy)
    open_centers = [
        i
        for i in find_sites(full).centers
        if full.GetAtomWithIdx(i).GetChiralTag() == Chem.ChiralType.CHI_UNSPECIFIED
        and sum(b.IsInRing() for b in full.GetAtomWithIdx(i).GetBonds()) > 2
    ]
    if not open_centers:
        return {}
    shaped = [_shaped(full, positions) for positions in ensemble]
    if len({Chem.MolToSmiles(Chem.RemoveHs(mol)) for mol in shaped}) > 1:
        return {}
    Chem.AssignAtomChiralTagsFromStructure(shaped[0])
    label(shaped[0])
    found = {i: cip(shaped[0].GetAtomWithIdx(i)) for i in sorted(open_centers)}
    wanted = {i: text for i, text in found.items() if text in ("R", "S")}
    given = {
        a.GetIdx(): cip(a)
        for a in shaped[0].GetAtoms()
        if a.GetIdx() not in open_centers and cip(a) in ("R", "S")
    }
    return wanted if settle_centers(full, wanted | given) >= wanted.keys() else {}


def _shaped(full: Any, positions: FloatArray) -> Any:
    mol = Chem.Mol(full)
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for i, place in enumerate(positions.tolist()):
        conformer.SetAtomPosition(i, Point3D(*place))
    mol.AddConformer(conformer)
    Chem.AssignStereochemistryFrom3D(mol)
    return mol
