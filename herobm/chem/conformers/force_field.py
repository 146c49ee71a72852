"""Energy and gradient of a molecule, by the force fields of RDKit."""

from __future__ import annotations

from typing import Any

import numpy as np
from rdkit import rdBase
from rdkit.Chem import rdForceFieldHelpers

from herobm.types import FloatArray


class ForceField:
    """MMFF94 of one molecule, without charges; UFF where MMFF94 lacks an atom type.

    In vacuum charges fold a molecule onto itself; what keeps its shape here are bonds, angles,
    torsions and van der Waals terms. Halgren, J. Comput. Chem. 17, 490 (1996); Rappé et al.,
    J. Am. Chem. Soc. 114, 10024 (1992).

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized, with all hydrogens and a conformer.
    conformer : int
        The one that `relax` works on.

    Attributes
    ----------
    name : str
        ``MMFF94``, ``UFF``, or "" where neither has parameters.
    """

    def __init__(self, mol: Any, conformer: int = -1) -> None:
        with rdBase.BlockLogs():
            self.name, self._field = _field(mol, conformer)
        if self._field is not None:
            self._field.Initialize()

    def __call__(self, positions: FloatArray) -> tuple[float, FloatArray]:
        """Evaluate the force field.

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms, 3)
            Å.

        Returns
        -------
        energy : float
            kcal/mol.
        gradient : FloatArray, shape (n_atoms, 3)
            kcal/mol/Å.
        """
        flat = positions.ravel().tolist()
        # In this order: RDKit takes the distances of CalcGrad from the last CalcEnergy.
        energy = float(self._field.CalcEnergy(flat))
        return energy, np.array(self._field.CalcGrad(flat)).reshape(-1, 3)

    def relax(self, n_steps: int) -> float:
        """Minimise the energy of the conformer where it is; return the energy, kcal/mol."""
        self._field.Minimize(maxIts=n_steps)
        return float(self._field.CalcEnergy())


def _field(mol: Any, conformer: int) -> tuple[str, Any]:
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
    if properties is not None:
        properties.SetMMFFEleTerm(False)
        field = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties, confId=conformer)
        if field is not None:
            return "MMFF94", field
    if rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
        return "UFF", rdForceFieldHelpers.UFFGetMoleculeForceField(mol, confId=conformer)
    return "", None
