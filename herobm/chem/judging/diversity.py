"""What a set of conformers of one frame is worth: how different they are, and how sound."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from herobm.chem.judging.summary import FAULTS, Summary, Totals
from herobm.types import Atoms, FloatArray


@dataclass
class Ensemble:
    """Figures over conformers that were rebuilt from the same beads."""

    totals: Totals = field(default_factory=lambda: Totals("sample"))
    n_valid: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    conformers: list[FloatArray] = field(default_factory=list)

    def add(self, atoms: Atoms, summary: Summary) -> None:
        """Count a conformer in; all have the same heavy atoms."""
        self.conformers.append(atoms.positions[atoms.heavy].astype(np.float32))
        self.totals.add(len(self.conformers), summary)
        self.n_valid += not summary.faults
        self.faults.update(summary.faults)

    @property
    def diversity(self) -> float:
        """Mean over pairs of conformers of their RMSD in Å, in place; NaN for less than two."""
        return pairwise_rmsd(self.conformers)

    def __str__(self) -> str:
        n = len(self.conformers)
        lines = [
            str(self.totals),
            f"valid samples     {self.n_valid} of {n} (no {', '.join(FAULTS)})",
        ]
        if self.faults:
            told = ", ".join(f"{fault} in {k}" for fault, k in self.faults.most_common())
            lines.append(f"the others        {told}")
        if n > 1:
            lines.append(f"diversity         {self.diversity:.2f} Å mean RMSD of two samples")
        return "\n".join(lines)


def pairwise_rmsd(conformers: list[FloatArray]) -> float:
    """Mean over pairs of conformers of their root mean square distance, nothing superposed.

    Parameters
    ----------
    conformers : list of FloatArray, shape (n_atoms, 3)
        Å.

    Returns
    -------
    float
        Å; NaN for less than two.
    """
    found = [
        np.sqrt(((one - other) ** 2).sum(axis=1).mean())
        for i, one in enumerate(conformers)
        for other in conformers[:i]
    ]
    return float(np.mean(found)) if found else float("nan")
