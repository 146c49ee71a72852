"""Many three-dimensional structures of a molecule, from the chemistry of its mapping alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from herobm.chem.conformers.force_field import ForceField
from herobm.chem.molecule import bonded_molecule
from herobm.dsl.model import Mapping
from herobm.errors import DslCheckError
from herobm.types import FloatArray

#: Tries of the distance geometry for each conformer.
MOST_TRIES = 30


@dataclass(frozen=True, eq=False)
class ConformerEnsemble:
    """Conformers of a molecule.

    Attributes
    ----------
    mol : Chem.Mol
        With all hydrogens.
    index : dict of str to int
        Name of an atom in the mapping -> its number in `mol`.
    positions : FloatArray, shape (n_conformers, n_atoms, 3)
        Å, all atoms of `mol`, in order of energy, the lowest first.
    field : ForceField
        That the conformers were relaxed in.
    """

    mol: Any
    index: dict[str, int]
    positions: FloatArray
    field: ForceField


def ensemble(mapping: Mapping, n: int = 50, seed: int = 7) -> ConformerEnsemble:
    """Make conformers by distance geometry (ETKDGv3) and relax them in MMFF94 without charges.

    Wang, Witek, Landrum, Riniker, J. Chem. Inf. Model. 60, 2044 (2020). Stereo labels of the
    mapping hold in every conformer; centres and double bonds without a label come in both forms.

    Parameters
    ----------
    mapping : Mapping
        Of a whole molecule, with bonds.
    n : int
        Conformers that are tried; those that cannot be made are left out.
    seed : int
        The same seed gives the same conformers.

    Returns
    -------
    ConformerEnsemble

    Raises
    ------
    DslCheckError
        If the mapping has no bonds, RDKit finds no structure with them, or no force field knows
        the atoms.
    """
    where = mapping.source or mapping.name
    made = bonded_molecule(mapping)
    mol = Chem.AddHs(made.mol)
    embed(mol, n, seed, where)
    field = ForceField(mol)
    if not field.name:
        raise DslCheckError(
            f"{where}: neither MMFF94 nor UFF has parameters for all of its atoms",
            "Check elements, charges and bonds (herobm mapping validate --chemistry); metal "
            "complexes need a model of their own.",
        )
    energies = np.array([ForceField(mol, c.GetId()).relax() for c in mol.GetConformers()])
    order = np.argsort(energies, kind="stable")
    positions = np.array([c.GetPositions() for c in mol.GetConformers()])[order]
    return ConformerEnsemble(mol, made.index, positions, field)


def embed(mol: Any, n: int, seed: int, where: str) -> None:
    """Give a molecule `n` conformers, as far as they can be made.

    Raises
    ------
    DslCheckError
        If none can.
    """
    settings: Any = rdDistGeom.ETKDGv3()
    settings.randomSeed = seed
    settings.maxIterations = MOST_TRIES
    settings.useSmallRingTorsions = True
    for anywhere in (False, True):
        settings.useRandomCoords = anywhere
        try:
            with rdBase.BlockLogs():
                found = rdDistGeom.EmbedMultipleConfs(mol, n, settings)
        except RuntimeError:  # its minimiser gives up on bonds that no structure can have
            continue
        if len(found):
            return
    raise DslCheckError(
        f"{where}: RDKit finds no structure with these bonds and stereo labels",
        "Run 'herobm mapping validate --chemistry' on the file.",
    )
