"""How far off each residue probably is, and whether its beads are unlike those trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from herobm.plan import Plan
from herobm.types import Atoms, BoolArray, FloatArray, IntArray, Residues

#: Å a coordinate; beads that stray farther are unlike the crystals and noise of training.
STRAINED = 0.5
#: Å, by which a single distance between near beads may be off.
FAR = 1.0
#: Residues unlike those trained on that the summary names.
NAMED = 5


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
    farthest : FloatArray, shape (n_residues,)
        Å, how far off a distance from one of its beads to a near one is that is unlike those of
        training; 0 if none is, NaN where no model tells.
    """

    error: FloatArray
    strain: FloatArray
    farthest: FloatArray

    @classmethod
    def of(
        cls, plan: Plan, squared_error: FloatArray, strain: FloatArray, farthest: FloatArray
    ) -> Confidence:
        """Gather beads into residues.

        Parameters
        ----------
        plan : Plan
        squared_error : FloatArray, shape (n_beads,)
            Å^2, expected of the atoms of each bead.
        strain, farthest : FloatArray, shape (n_beads,)
            Å.
        """
        owner = plan.bead[plan.atom_rows[:, 0]]
        counts = np.bincount(plan.atom_residue, minlength=plan.n_residues)
        sums = np.bincount(plan.atom_residue, squared_error[owner], minlength=plan.n_residues)
        beads = np.maximum(np.diff(plan.bead_start), 1)
        strains = np.bincount(plan.bead_residue, strain, minlength=plan.n_residues)
        most = np.zeros(plan.n_residues)
        np.maximum.at(most, plan.bead_residue, np.nan_to_num(farthest))
        untold = np.bincount(plan.bead_residue, np.isnan(farthest), plan.n_residues) > 0
        error = np.sqrt(sums / np.maximum(counts, 1))
        return cls(error, strains / beads, np.where(untold, np.nan, most))

    def elsewhere(self, plan: Plan, own: FloatArray, drawn: FloatArray) -> Confidence:
        """Return what to expect of atoms that were drawn, and so lie off the models' own answer.

        That answer is as near as can be told; the squares of what it is off, and of how far from
        it the others lie, add up.

        Parameters
        ----------
        plan : Plan
        own, drawn : FloatArray, shape (n_atoms, 3)
            Å.
        """
        squares = ((drawn - own) ** 2).sum(axis=1)
        placed = np.isfinite(squares)
        owner, squares = plan.atom_residue[placed], squares[placed]
        sums = np.bincount(owner, squares, minlength=plan.n_residues)
        counts = np.bincount(owner, minlength=plan.n_residues)
        return replace(self, error=np.sqrt(self.error**2 + sums / np.maximum(counts, 1)))

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
        """Number of residues that are `unlike` those trained on."""
        return int(self.unlike.sum())

    @property
    def unlike(self) -> BoolArray:
        """Residues whose beads stray more than `STRAINED`, or one by `FAR`, shape (n_residues,)."""
        found: BoolArray = (self.strain > STRAINED) | (self.farthest > FAR)
        return found

    def lines(self, residues: Residues) -> tuple[str, ...]:
        """Say it in words for the summary."""
        lines = []
        if self.told:
            worst = int(np.nanargmax(self.error))
            lines.append(
                f"expected error    {self.mean:.2f} Å, most for "
                f"{residues.label(worst)}: {self.error[worst]:.2f} Å"
            )
        if self.n_strained:
            guess = "; their expected error is a guess" if self.told else ""
            lines.append(
                f"unlike training   {self.n_strained} of {len(self.strain)} residues have beads "
                f"that stray more than {STRAINED} Å from where atoms would put them, or one that "
                f"is {FAR:g} Å off{guess}"
            )
            lines.append(f"{'':<17} {self._named(residues)}")
        return tuple(lines)

    def _named(self, residues: Residues) -> str:
        """Name residues that are `unlike` those trained on, those that are most so first."""
        badness = np.fmax(self.strain / STRAINED, self.farthest / FAR)
        order = np.argsort(-np.where(self.unlike, badness, 0.0), kind="stable")
        names = [residues.label(int(i)) for i in order[: min(NAMED, self.n_strained)]]
        more = self.n_strained - len(names)
        return ", ".join(names) + (f" and {more} more" if more else "")

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
