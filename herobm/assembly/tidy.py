"""What is set right in atoms that models placed: lengths of bonds, hands, names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from herobm.chem.geometry import limit_bonds, reference_lengths
from herobm.chem.naming import canonical_names, find_naming
from herobm.chem.oxygens import find_forks, part_forks
from herobm.chem.stereo import mend_chirality
from herobm.plan.bonds import pairs_across, plan_bonds
from herobm.system import Topology
from herobm.system.disulfides import BRIDGE, within_image
from herobm.types import FloatArray

#: Å, how far a bond may be from the mean length of its kind before it is pulled back. Crystal
#: structures scatter by 0.01 to 0.02 Å about that mean.
BOND_TOLERANCE = 0.02
#: Å, between these bounds lie the atoms at both ends of an angle (2.1 to 3.6 Å where nothing is
#: wrong). A network that wavers between two conformers puts like branches nearer; moved farther
#: apart than need be, they would lie farther from where they are likely to be.
ACROSS, ACROSS_TOLERANCE = 3.0, 1.5


class Tidier:
    """Bonds and names of a topology, ready for all of its frames.

    Parameters
    ----------
    topology : Topology
    reference : mapping
        Kind of bond -> mean and standard deviation in Å.
    """

    def __init__(self, topology: Topology, reference: Mapping[str, tuple[float, float]]) -> None:
        self.plan = topology.plan
        self.bonds = plan_bonds(topology.plan, topology.links.previous)
        self._lengths = reference_lengths(topology.plan, self.bonds, dict(reference))[:, 0]
        known = np.isfinite(self._lengths)  # of others, where models of others place the atoms
        self._across = pairs_across(self.bonds[known], topology.plan.n_atoms)
        self.naming = find_naming(topology.plan, within_beads=True)
        self._forks = find_forks(self.naming, self.bonds)
        self._molecule = topology.links.chain[topology.plan.atom_residue]

    def tidy(self, positions: FloatArray, bridges: Sequence[tuple[int, int]] = ()) -> FloatArray:
        """Set atoms right; a molecule does not feel the others but by bridges.

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms, 3)
            Å.
        bridges : sequence of (int, int)
            Bonded sulfur atoms; those in different periodic images are left as they are.

        Returns
        -------
        FloatArray, shape (n_atoms, 3)
        """
        joined = within_image(bridges, positions)
        bonds = np.concatenate([self.bonds, joined, self._across])
        known = (self._lengths, np.full(len(joined), BRIDGE), np.full(len(self._across), ACROSS))
        room = np.full(len(bonds), BOND_TOLERANCE)
        room[len(self.bonds) + len(joined) :] = ACROSS_TOLERANCE
        placed = limit_bonds(positions, bonds, np.concatenate(known), room)
        for _ in range(3):
            turned = mend_chirality(self.plan, placed)
            if turned is placed:
                break
            moved = np.unique(self._molecule[(turned != placed).any(axis=1)])
            near = np.isin(self._molecule[self.bonds[:, 0]], moved)
            placed = limit_bonds(turned, self.bonds[near], self._lengths[near], BOND_TOLERANCE)
        return self.named(part_forks(placed, self._forks))

    def named(self, positions: FloatArray) -> FloatArray:
        """Give like atoms (of a ring that has turned, say) their canonical names anew.

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms, 3)
            Å.

        Returns
        -------
        FloatArray, shape (n_atoms, 3)
        """
        return canonical_names(self.naming, positions)
