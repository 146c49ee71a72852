"""Atoms of a structure, found in a plan and put back; what is not in the plan goes along."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from herobm.errors import StructureError
from herobm.plan.bonds import plan_atoms, plan_bonds
from herobm.plan.plan import Plan
from herobm.plugins.step_context import StepContext
from herobm.system.matching import find_residues, match_atoms
from herobm.system.topology import Topology
from herobm.types import Atoms, FloatArray, IntArray, Residues

#: Å, atoms that are not in the plan (hydrogens) follow the nearest one of their residue that is, if
#: so near.
FOLLOWS = 1.5
#: Weight of atoms two bonds away, of which one bond away have 1, where hydrogens turn with them.
BEYOND = 0.01
#: Å^2, in favour of no turn; next to nothing beside a bond.
UNTOLD = 1e-4


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
        """Atoms with those of the plan elsewhere, and their hydrogens with them.

        A hydrogen keeps its place in the surroundings of the atom that it follows: it turns as what
        that one is bonded to.
        """
        old = self.positions
        there = np.flatnonzero(self.rows >= 0)
        after = self.atoms.positions.astype(float)
        after[self.rows[there]] = positions[there]
        others = np.setdiff1d(np.arange(len(self.atoms)), self.rows[there])
        if len(others) and len(there):
            far, nearest = cKDTree(old[there]).query(self.atoms.positions[others])
            owner, residue = there[nearest], self.atoms.residue_index
            along = (far <= FOLLOWS) & (residue[self.rows[owner]] == residue[others])
            others, owner = others[along], owner[along]
            turn = turns(old, positions, self.bonds)[owner]
            arm = after[others] - old[owner]
            after[others] = positions[owner] + np.einsum("nij,nj->ni", turn, arm)
        return replace(self.atoms, positions=after)


def turns(old: FloatArray, new: FloatArray, bonds: IntArray) -> FloatArray:
    """How what each atom is bonded to turns about it.

    The rotation that fits the vectors to its neighbours best, and with little weight those to their
    neighbours, which tell how an end of a chain turns about its last bond (Kabsch, Acta Cryst. A
    32, 922 (1976)).

    Parameters
    ----------
    old, new : FloatArray, shape (n_atoms, 3)
        Å; NaN for atoms that are not there.
    bonds : IntArray, shape (n_bonds, 2)

    Returns
    -------
    FloatArray, shape (n_atoms, 3, 3)
        To be applied to columns; no turn where nothing tells.
    """
    both, n_atoms = np.concatenate([bonds, bonds[:, ::-1]]), len(old)
    near = csr_array((np.ones(len(both)), both.T), shape=(n_atoms, n_atoms))
    weight = (near + BEYOND * (near @ near)).tocoo()
    here, other = weight.row, weight.col
    arms = np.stack([old[other] - old[here], new[other] - new[here]])
    told = np.isfinite(arms).all(axis=(0, 2)) & (here != other)
    product = np.einsum("n,ni,nj->nij", weight.data[told], arms[0][told], arms[1][told])
    sums = np.tile(UNTOLD * np.eye(3), (n_atoms, 1, 1))
    np.add.at(sums, here[told], product)
    left, _, right = np.linalg.svd(sums)
    turn: FloatArray = np.swapaxes(left @ right, 1, 2)
    flip = np.linalg.det(turn) < 0
    left[flip, :, 2] *= -1.0
    turn[flip] = np.swapaxes(left[flip] @ right[flip], 1, 2)
    return turn


def lay_out(atoms: Atoms, context: StepContext, step: str) -> Layout:
    """Find the atoms of a plan.

    Parameters
    ----------
    atoms : Atoms
    context : StepContext
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
    places = plan_residues(atoms.residues, context)
    if (places < 0).any():
        raise StructureError(
            f"{step}: the structure has {len(atoms.residues)} residues, its beads "
            f"{topology.plan.n_residues}",
            "Give the beads that it was rebuilt from.",
        )
    rows = _rows(atoms, topology.plan, places)
    bonds = context.bonds
    if bonds is None:
        bonds = plan_bonds(topology.plan, topology.links.previous)
    return Layout(atoms, topology, rows, bonds[(rows[bonds] >= 0).all(axis=1)])


def plan_residues(residues: Residues, context: StepContext) -> IntArray:
    """Find the residues of the plan among those of a structure that steps may have added to.

    Parameters
    ----------
    residues : Residues
    context : StepContext
        With a topology.

    Returns
    -------
    IntArray, shape (n_residues of the plan,)
        Index of each; -1 for those that are not there any more.
    """
    assert context.topology is not None
    given = context.residues
    found = find_residues(context.topology.beads.residues if given is None else given, residues)
    return found if context.residue_of is None else found[context.residue_of]


def owners(places: IntArray, n_residues: int) -> IntArray:
    """Residue of the plan for each residue of a structure.

    Parameters
    ----------
    places : IntArray, shape (n_residues of the plan,)
        As `plan_residues` tells.
    n_residues : int
        Of the structure.

    Returns
    -------
    IntArray, shape (n_residues,)
        -1 for those that are not of the plan.
    """
    found = np.full(n_residues, -1, dtype=np.int64)
    found[places[places >= 0]] = np.flatnonzero(places >= 0)
    return found


def plan_rows(atoms: Atoms, context: StepContext) -> IntArray:
    """Find the atoms of the plan in a structure that steps may have added to.

    Parameters
    ----------
    atoms : Atoms
    context : StepContext
        With a topology.

    Returns
    -------
    IntArray, shape (n_atoms of the plan,)
        Index of each; -1 for those that are not there.
    """
    assert context.topology is not None
    return _rows(atoms, context.topology.plan, plan_residues(atoms.residues, context))


def _rows(atoms: Atoms, plan: Plan, places: IntArray) -> IntArray:
    """Find the atoms of a plan, whose residues (n_residues of the plan,) are at these places."""
    owner = owners(places, len(atoms.residues))
    target = plan_atoms(plan, owner[atoms.residue_index], match_atoms(atoms, plan.library).atom)
    rows = np.full(plan.n_atoms, -1, dtype=np.int64)
    rows[target[target >= 0]] = np.flatnonzero(target >= 0)
    return rows
