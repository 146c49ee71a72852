"""A three-dimensional structure of a molecule, made from the chemistry of its mapping alone."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from herobm.chem.conformers.ensemble import embed
from herobm.chem.conformers.force_field import ForceField
from herobm.chem.molecule import bonded_molecule
from herobm.dsl.model import Mapping
from herobm.types import Atoms, FloatArray, Residues


def conformer(mapping: Mapping, seed: int = 7) -> Atoms:
    """Make a structure of the molecule of a mapping, by RDKit.

    Parameters
    ----------
    mapping : Mapping
        With bonds; atoms that it does not list (hydrogens) are left out of the result.
    seed : int
        The same seed gives the same structure.

    Returns
    -------
    Atoms
        One residue, named as the mapping, with the atoms in the order of the mapping; relaxed in
        a force field (`ForceField`) where one knows the atoms.

    Raises
    ------
    DslCheckError
        If the mapping has no bonds, or RDKit finds no structure with them.
    """
    made = bonded_molecule(mapping)
    mol = Chem.AddHs(made.mol)
    embed(mol, 1, seed, mapping.source or mapping.name)
    field = ForceField(mol)
    if field.name:
        field.relax()
    rows = [made.index[atom.name] for atom in mapping.atoms]
    positions = np.asarray(mol.GetConformer().GetPositions())[rows]
    return as_residue(mapping, positions - positions.mean(axis=0))


def as_residue(mapping: Mapping, positions: FloatArray) -> Atoms:
    """Lay out the atoms of a mapping as one residue.

    Parameters
    ----------
    mapping : Mapping
    positions : FloatArray, shape (n_atoms, 3)
        Å, in the order of the mapping.
    """
    return Atoms(
        positions=positions,
        names=np.array([atom.name for atom in mapping.atoms], dtype=np.str_),
        residue_index=np.zeros(len(mapping.atoms), dtype=np.int64),
        residues=Residues(
            names=np.array([mapping.name], dtype=np.str_),
            ids=np.array([1]),
            icodes=np.array([""]),
            chains=np.array(["A"]),
        ),
        elements=np.array([atom.element for atom in mapping.atoms], dtype=np.str_),
    )
