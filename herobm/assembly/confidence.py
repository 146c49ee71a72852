"""How far off each residue probably is, and whether its beads are unlike those trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.plan import Plan
from herobm.types import Atoms, FloatArray, IntArray, Residues

#: Å a coordinate; beads that stray farther are unlike the crystals and noise of training.
STRAINED = 0.5


@dataclass(frozen=True, eq=False)
class Confidence:
    """What the models say of their own result.

    Attributes
    ----------
    error : FloatArray, shape (n_residues,)
        Å, expected root mean square error of the atoms of each residue; NaN where no model tells.
    strain : FloatArray, shape (n_residues,)
        Å a coordinate, how far the beads around it stray from where atoms put them (see
        `herobm.nn.strain`); NaN where no model tells.
    """

    error: FloatArray
    strain: FloatArray

    @classmethod
    def of(cls, plan: Plan, squared_error: FloatArray, strain: FloatArray) -> Confidence:
        """Gather beads into residues.

        Parameters
        ----------
        plan : Plan
        squared_error : FloatArray, shape (n_beads,)
            Å^2, expected of the atoms of each bead.
        strain : FloatArray, shape (n_beads,)
            Å.
        """
        owner = plan.bead[plan.atom_rows[:, 0]]
        counts = np.bincount(plan.atom_residue, minlength=plan.n_residues)
        sums = np.bincount(plan.atom_residue, squared_error[owner], minlength=plan.n_residues)
        beads = np.maximum(np.diff(plan.bead_start), 1)
        strains = np.bincount(plan.bead_residue, strain, minlength=plan.n_residues)
        return cls(np.sqrt(sums / np.maximum(counts, 1)), strains / beads)

    @property
    def told(self) -> bool:
        """Whether any model said anything."""
        return bool(np.isfinite(self.error).any())

    @property
    def mean(self) -> float:
        """Root of the mean square of the errors, Å; NaN where none is told."""
        return float(np.sqrt(np.nanmean(self.error**2))) if self.told else float("nan")

    @property
    def n_strained(self) -> int:
        """Residues whose beads stray more than `STRAINED`."""
        return int((self.strain > STRAINED).sum())

    def lines(self, residues: Residues) -> tuple[str, ...]:
        """Say it in words for the summary."""
        if not self.told:
            return ()
        worst = int(np.nanargmax(self.error))
        lines = [
            f"expected error    {self.mean:.2f} Å, most for "
            f"{residues.label(worst)}: {self.error[worst]:.2f} Å"
        ]
        if self.n_strained:
            lines.append(
                f"unlike training   {self.n_strained} of {len(self.strain)} residues have beads "
                f"that stray more than {STRAINED} Å from where atoms would put them; their "
                "expected error is a guess"
            )
        return tuple(lines)

    def column(self, atoms: Atoms, found: IntArray, atom_residue: IntArray) -> FloatArray:
        """Lay the error out for the B-factor column, shape (n_atoms,), 0 where none is told.

        Parameters
        ----------
        atoms : Atoms
        found : IntArray, shape (n_atoms of the plan,)
            Where each atom of the plan is among the atoms, -1 for none.
        atom_residue : IntArray, shape (n_atoms of the plan,)
        """
        by_residue = np.zeros(len(atoms.residues))
        there = found >= 0
        by_residue[atoms.residue_index[found[there]]] = self.error[atom_residue[there]]
        column: FloatArray = np.nan_to_num(by_residue)[atoms.residue_index]
        return column
