"""Molecules rebuilt by conformers that are fitted to their beads, without any training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from herobm.chem.conformers.fit import Fit, unfit

if TYPE_CHECKING:
    from herobm.plan import Template
    from herobm.system import Topology
    from herobm.types import Beads, FloatArray

#: Conformers of each kind of molecule, and the seed that they are made by.
N_CONFORMERS, SEED = 60, 7


class Conformers:
    """A reconstructor for whole molecules of any mapping that states their bonds.

    Conformers of a kind of molecule are made when it is met first; each molecule is then fitted
    to its own beads and feels no other.

    Parameters
    ----------
    n_conformers : int
    seed : int
    """

    def __init__(self, n_conformers: int = N_CONFORMERS, seed: int = SEED) -> None:
        self.n_conformers, self.seed = n_conformers, seed
        self._fits: dict[Template, Fit] = {}

    def refuses(self, template: Template) -> str:
        """Say why it cannot rebuild a residue kind, "" if it can."""
        return unfit(template)

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        """Place the atoms of one frame, shape (n_atoms, 3), Å.

        Raises
        ------
        DslCheckError
            If no conformer can be made of a molecule, or no force field knows its atoms.
        """
        plan = topology.plan
        placed = np.zeros((plan.n_atoms, 3))
        for residue, kind in enumerate(plan.template.tolist()):
            own = slice(plan.bead_start[residue], plan.bead_start[residue + 1])
            atoms = slice(plan.atom_start[residue], plan.atom_start[residue + 1])
            placed[atoms] = self._fit(plan.library.templates[kind])(beads.positions[own])
        return placed

    def _fit(self, template: Template) -> Fit:
        if template not in self._fits:
            self._fits[template] = Fit(template, self.n_conformers, self.seed)
        return self._fits[template]
