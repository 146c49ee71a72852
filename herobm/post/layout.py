"""Atoms of a structure, found in a plan and put back; what is not in the plan goes along."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from herobm.errors import StructureError
from herobm.plan.bonds import plan_atoms, plan_bonds
from herobm.plan.plan import Plan
from herobm.post.context import PostContext
from herobm.system.matching import match_atoms
from herobm.system.topology import Topology
from herobm.types import Atoms, FloatArray, IntArray

#: Å, atoms that are not in the plan (hydrogens) follow the nearest one that is, if so near.
FOLLOWS = 1.5


@dataclass(frozen=True, eq=False)
class Layout:
    """The atoms of a plan among those of a structure.

    Attributes
    ----------
    atoms : Atoms
    topology : Topology
    rows : IntArray, shape (n_atoms of the plan,)
        Atom of the structure, -1 where it lacks one.
    bonds : IntArray, shape (n_bonds, 2)
        Between atoms of the plan that the structure has.
    """

    atoms: Atoms
    topology: Topology
    rows: IntArray
    bonds: IntArray

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.topology.plan

    @property
    def positions(self) -> FloatArray:
        """Positions in the order of the plan, shape (n_atoms, 3), Å; NaN where there is none."""
        found: FloatArray = self.atoms.positions[self.rows].astype(float)
        found[self.rows < 0] = np.nan
        return found

    def moved(self, positions: FloatArray) -> Atoms:
        """Atoms with those of the plan elsewhere, and their hydrogens with them."""
        old = self.positions
        there = self.rows >= 0
        after = self.atoms.positions.astype(float)
        after[self.rows[there]] = positions[there]
        others = np.setdiff1d(np.arange(len(self.atoms)), self.rows[there])
        if len(others):
            far, nearest = cKDTree(old[there]).query(self.atoms.positions[others])
            shift = (positions - old)[there][nearest]
            after[others] += np.where(far[:, None] <= FOLLOWS, shift, 0.0)
        return replace(self.atoms, positions=after)


def lay_out(atoms: Atoms, context: PostContext, step: str) -> Layout:
    """Find the atoms of a plan.

    Parameters
    ----------
    atoms : Atoms
    context : PostContext
    step : str
        Who asks, for messages.

    Raises
    ------
    StructureError
        If the context has no topology, or one of other residues.
    """
    topology = context.topology
    if topology is None:
        raise StructureError(
            f"{step} needs to know which residues and bonds the structure has, and no mapping "
            "fits it",
            "Name a mapping of its residues (--mapping my.map).",
        )
    plan = topology.plan
    rows = _rows(atoms, plan, context.residue_of, step)
    bonds = context.bonds
    if bonds is None:
        bonds = plan_bonds(plan, topology.links.previous)
    return Layout(atoms, topology, rows, bonds[(rows[bonds] >= 0).all(axis=1)])


def _rows(atoms: Atoms, plan: Plan, residue_of: IntArray | None, step: str) -> IntArray:
    if residue_of is None:
        residue_of = np.arange(plan.n_residues)
        if len(atoms.residues) != plan.n_residues:
            raise StructureError(
                f"{step}: the structure has {len(atoms.residues)} residues, its beads "
                f"{plan.n_residues}",
                "Give the beads that it was rebuilt from.",
            )
    place = np.full(len(atoms.residues), -1, dtype=np.int64)
    place[residue_of] = np.arange(plan.n_residues)
    target = plan_atoms(plan, place[atoms.residue_index], match_atoms(atoms, plan.library).atom)
    rows = np.full(plan.n_atoms, -1, dtype=np.int64)
    rows[target[target >= 0]] = np.flatnonzero(target >= 0)
    return rows
