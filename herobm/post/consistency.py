"""The step ``consistency``: atoms that coarse-grain back onto the beads they were rebuilt from.

The atoms of a bead are shifted until their mean is where the bead is. Bonds give way by no more
than `BOND_LIMIT`, angles and flat groups as little as may be; where a bead cannot be reached like
this, it is not, and what is left is told.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from herobm.chem.geometry import dihedrals, limit_bonds, reference_lengths
from herobm.chem.stereo import chirality_errors
from herobm.chem.stiff import stiff_torsions
from herobm.plan.bonds import angles_of
from herobm.post.beads import BeadCentres, bead_centres
from herobm.post.context import PostContext
from herobm.post.layout import Layout, lay_out
from herobm.post.solve import Centres, Distances, Problem, Torsions
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

#: Å, how far a bond may be from the mean length of its kind (or its own, where that is unknown).
BOND_LIMIT = 0.05
#: Å, beads nearer than this are where they should be.
REACHED = 0.01
#: Å and radians, what a deviation of weight 1 is.
BEAD_SPREAD, BOND_SPREAD, ANGLE_SPREAD, STIFF_SPREAD, PLACE_SPREAD = 0.003, 0.01, 0.05, 0.05, 0.5
#: How much stiffer a bond at its limit gets with each step.
STIFFER = 4.0
STIFFEST = 1e4
#: Å, how far the ends of an angle may be moved apart or together (about 15 degrees).
SPAN_LIMIT = 0.3
#: Å, what a deviation of weight 1 is for beads that cannot be reached.
LOOSE_SPREAD = 0.15
#: Å, a bead that ends so much farther off than it began pays for the others of its residue, which
#: are let go, too.
PUSHED = 0.1
N_STEPS, N_TRIES, N_PATIENT = 10, 10, 5


def run(atoms: Atoms, context: PostContext) -> Atoms:
    """Shift atoms so that their beads are those given.

    Parameters
    ----------
    atoms : Atoms
    context : PostContext
        With a topology and beads.

    Returns
    -------
    Atoms
        All atoms of the plan moved, hydrogens along with them.
    """
    layout = lay_out(atoms, context, "consistency")
    if context.beads is None:
        context.report("no beads are given that the atoms could be fitted to; nothing is moved")
        return atoms
    centres = bead_centres(layout, context.beads, 1.0 / BEAD_SPREAD)
    before = np.linalg.norm(centres.all.off(layout.positions), axis=1)
    if before.max(initial=0.0) <= 0.1 * REACHED:
        context.report(f"all {len(before)} beads are where they should be")
        return atoms
    positions = fit(layout, context, centres)
    after = np.linalg.norm(centres.all.off(positions), axis=1)
    _tell(context, centres, before, after)
    return layout.moved(positions)


def fit(layout: Layout, context: PostContext, centres: BeadCentres) -> FloatArray:
    """Find positions (n_atoms, 3) of the plan's atoms whose beads are as near as bonds allow.

    Beads that cannot be reached, or only at the cost of others, are let go, most of the way, and
    so are those of a residue whose chirality would not survive: the bonds about them are not to
    be at their limit for nothing.
    """
    plan, start = layout.plan, layout.positions
    problem = _problem(layout, context, centres.all)
    usual, target = _bond_lengths(layout, context)
    wrong_before = chirality_errors(plan, start)
    before = np.linalg.norm(centres.all.off(start), axis=1)
    pull = np.full(len(centres.bead), 1.0 / BEAD_SPREAD)
    for attempt in range(N_TRIES):
        positions = _solve(problem, layout.bonds, usual, target, replace(centres.all, weights=pull))
        wrong = np.setdiff1d(chirality_errors(plan, positions), wrong_before)
        turned = np.isin(centres.residue, plan.atom_residue[wrong])
        held = pull >= 1.0 / BEAD_SPREAD
        away = np.linalg.norm(centres.all.off(positions), axis=1)
        pushed = np.isin(centres.residue, centres.residue[away > before + PUSHED])
        lost = (away > REACHED) | pushed
        lost |= _touching(centres, _strained(layout, usual, positions))
        lost &= held
        if attempt < N_PATIENT:  # letting go of the one that is pulled most may help those near it
            lost &= away >= _largest_near(np.where(lost, away, 0.0), centres, layout)
        pull = np.where(turned & ~held, pull / 10.0, pull)
        pull = np.where(lost | (turned & held), 1.0 / LOOSE_SPREAD, pull)
        if not (lost.any() or turned.any()):
            break
    return start if len(wrong) else positions


def _largest_near(values: FloatArray, centres: BeadCentres, layout: Layout) -> FloatArray:
    """Largest value (n_beads,) in the residue of each bead and those bonded to it."""
    largest = np.zeros(layout.plan.n_residues)
    np.maximum.at(largest, centres.residue, values)
    links = layout.topology.links
    around = largest.copy()
    for near in (links.previous, links.following):
        around = np.maximum(around, np.where(near >= 0, largest[near], 0.0))
    found: FloatArray = around[centres.residue]
    return found


def _problem(layout: Layout, context: PostContext, wanted: Centres) -> Problem:
    start, bonds = layout.positions, layout.bonds
    stiff = _present(stiff_torsions(layout.topology, bonds), layout)
    angles = angles_of(bonds, layout.plan.n_atoms)[:, [0, 2]]
    disulfides = _present(np.array(context.disulfides, np.int64).reshape(-1, 2), layout)
    pairs = np.concatenate([bonds, disulfides, angles])
    spread = np.full(len(pairs), BOND_SPREAD)
    spread[len(bonds) + len(disulfides) :] = ANGLE_SPREAD
    return Problem(
        Distances(pairs, _gaps(start, pairs), 1.0 / spread),
        Torsions(
            stiff, np.radians(dihedrals(start, stiff)), np.full(len(stiff), 1.0 / STIFF_SPREAD)
        ),
        wanted,
        np.nan_to_num(start),
        np.full(layout.plan.n_atoms, 1.0 / PLACE_SPREAD),
        layout.rows >= 0,
    )


def _solve(
    problem: Problem, bonds: IntArray, usual: FloatArray, target: FloatArray, wanted: Centres
) -> FloatArray:
    """Take steps from the start; bonds get stiffer where they are at their limit."""
    distances = problem.distances
    problem.centres = wanted
    weights = np.full(len(bonds), 1.0 / BOND_SPREAD)
    positions = np.where(problem.free[:, None], problem.anchors, np.nan)
    for _ in range(N_STEPS):
        distances.lengths[: len(bonds)] = target
        distances.weights[: len(bonds)] = weights
        positions = problem.step(positions)
        off = _gaps(positions, bonds) - usual
        beyond = np.abs(off) > 0.9 * BOND_LIMIT
        target = np.where(beyond, usual + np.sign(off) * 0.9 * BOND_LIMIT, target)
        weights = np.where(beyond, np.minimum(weights * STIFFER, STIFFEST), weights)
    return limit_bonds(positions, bonds, usual, BOND_LIMIT)


def _strained(layout: Layout, usual: FloatArray, positions: FloatArray) -> IntArray:
    """Atoms of bonds at their limit and of angles bent too far, ascending."""
    start, bonds = layout.positions, layout.bonds
    at_limit = np.abs(_gaps(positions, bonds) - usual) > 0.85 * BOND_LIMIT
    angles = angles_of(bonds, layout.plan.n_atoms)
    bent = np.abs(_gaps(positions, angles[:, [0, 2]]) - _gaps(start, angles[:, [0, 2]]))
    too_far = angles[bent > SPAN_LIMIT]
    return np.unique(np.concatenate([bonds[at_limit].ravel(), too_far.ravel()]))


def _touching(centres: BeadCentres, atoms: IntArray) -> BoolArray:
    """Beads (n,) that hold any of some atoms."""
    held = np.isin(centres.all.atoms, atoms) & (centres.all.shares > 0)
    return np.asarray(held.any(axis=1))


def _bond_lengths(layout: Layout, context: PostContext) -> tuple[FloatArray, FloatArray]:
    """Usual length of each bond, and the one that it has, kept within the limit."""
    own = _gaps(layout.positions, layout.bonds)
    usual = reference_lengths(layout.plan, layout.bonds, dict(context.reference))[:, 0]
    usual = np.where(np.isfinite(usual), usual, own)
    return usual, np.clip(own, usual - 0.9 * BOND_LIMIT, usual + 0.9 * BOND_LIMIT)


def _present(groups: IntArray, layout: Layout) -> IntArray:
    """Keep the groups of atoms (n, k) that the structure has all of."""
    found: IntArray = groups[(layout.rows[groups] >= 0).all(axis=1)]
    return found


def _gaps(positions: FloatArray, pairs: IntArray) -> FloatArray:
    gaps: FloatArray = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    return gaps


def _tell(
    context: PostContext, centres: BeadCentres, before: FloatArray, after: FloatArray
) -> None:
    n_reached = int((after <= REACHED).sum())
    context.report(f"{n_reached} of {len(after)} beads are reached within {REACHED} Å")
    context.report(
        f"re-mapping error  {before.mean():.3f} -> {after.mean():.3f} Å mean, "
        f"{before.max():.3f} -> {after.max():.3f} Å at most"
    )
    if n_reached < len(after) and context.beads is not None:
        worst = context.beads.label(int(centres.bead[after.argmax()]))
        context.report(
            f"the others would stretch bonds by more than {BOND_LIMIT} Å, bend angles by more than "
            f"about 15 degrees or push other beads away (worst: {worst})"
        )
