"""Energy and gradient of a molecule, by the force fields of RDKit."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from rdkit import rdBase
from rdkit.Chem import rdForceFieldHelpers

from herobm.types import FloatArray

#: Of the relaxation of a conformer.
MOST_STEPS = 200


class ForceField:
    """MMFF94 of one molecule; UFF, which has no charges, where MMFF94 lacks an atom type.

    In vacuum charges fold a molecule onto itself, so they are left out or weakened: what keeps its
    shape are bonds, angles, torsions and van der Waals terms. Halgren, J. Comput. Chem. 17, 490
    (1996); Rappé et al., J. Am. Chem. Soc. 114, 10024 (1992).

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized, with all hydrogens and a conformer.
    conformer : int
        The one that `relax` works on.
    permittivity : float, optional
        Relative, of what lies between charges; without it these do not count.

    Attributes
    ----------
    name : str
        ``MMFF94``, ``UFF``, or "" where neither has parameters.
    """

    def __init__(self, mol: Any, conformer: int = -1, *, permittivity: float | None = None) -> None:
        self._made_of = mol, conformer, permittivity
        with rdBase.BlockLogs():
            self.name, self._field = _field(mol, conformer, permittivity)
        if self._field is not None:
            self._field.Initialize()

    def __reduce__(self) -> tuple[Any, ...]:
        """Send it to another process, where it is made anew: RDKit sends none."""
        mol, conformer, permittivity = self._made_of
        return partial(ForceField, permittivity=permittivity), (mol, conformer)

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

    def gradient(self, positions: FloatArray) -> FloatArray:
        """Evaluate the gradient alone, kcal/mol/Å, at positions in Å, both (n_atoms, 3)."""
        self._field.Initialize()  # or distances of the positions before would be used again
        return np.array(self._field.CalcGrad(positions.ravel().tolist())).reshape(-1, 3)

    def relax(self) -> float:
        """Minimise the energy of the conformer where it is; return the energy, kcal/mol."""
        self._field.Minimize(maxIts=MOST_STEPS)
        return float(self._field.CalcEnergy())


def _field(mol: Any, conformer: int, permittivity: float | None) -> tuple[str, Any]:
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
    if properties is not None:
        if permittivity is None:
            properties.SetMMFFEleTerm(False)
        else:
            properties.SetMMFFDielectricConstant(permittivity)
        field = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties, confId=conformer)
        if field is not None:
            return "MMFF94", field
    if rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
        return "UFF", rdForceFieldHelpers.UFFGetMoleculeForceField(mol, confId=conformer)
    return "", None
