"""The step ``backbone``: flat peptides of ideal geometry, phi and psi as predicted.

After appendix A of Angioletti, Raniolo and Limongelli, "HEroBM", arXiv:2404.16911, which turns
the backbone until its peptides are flat and phi and psi are those that the network predicts, and
then places the oxygens. Here all residues are treated at once, as a problem of least squares
(`herobm.post.refinement`); beads hold the atoms in place. Where phi and psi are outliers after
that, other planes of the peptides beside them are sought. Residues that are none the better for
it are left as they were.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from herobm.chem.protein.ramachandran import OUTLIER
from herobm.plugins.step_context import StepContext
from herobm.post.layout import Layout, lay_out
from herobm.post.peptide import find_backbone
from herobm.post.refinement import CIS, FLAT_ENOUGH, Refinement, State, beside
from herobm.types import Atoms, BoolArray, FloatArray

#: Å, how far beyond where it was (or this far at all) the centre of a bead may come to lie.
CENTRE_TOLERANCE, CENTRE_SHARE = 0.2, 0.6
#: Å, the same beside a peptide that is laid anew: a flat peptide and usual phi and psi come before
#: the place of its beads.
TWISTED_TOLERANCE = 0.6
#: What residues near such a peptide may lose of their score; one that is laid flat gains up to 100.
NEAR_TOLERANCE = 20.0
#: How often a solution is sought.
N_ROUNDS = 16
#: Times that all of this is done, from where the atoms are then, while peptides are twisted.
N_PASSES = 6
#: Degrees off from which on peptides are laid flat in a second pass: less than the 30 that count
#: as twisted, for later steps may bend them a little.
NEARLY_TWISTED = 25.0
#: Times that other peptide planes are sought for outliers, each time for fewer of them.
N_SEARCHES = 10
#: How often residues that are none the better are held tighter before they are left alone, and
#: how much tighter.
N_HOLDS, TIGHTER = 3, 2.0


def run(atoms: Atoms, context: StepContext) -> Atoms:
    """Make backbones regular where that does good.

    Parameters
    ----------
    atoms : Atoms
    context : StepContext
        With a topology; `torsions` gives phi and psi, `beads` what holds the atoms in place (by
        default, where their own centres are).

    Returns
    -------
    Atoms
        N, CA, C, O, OXT and CB moved, hydrogens along with them.
    """
    layout = lay_out(atoms, context, "backbone")
    problem = Refinement(layout, context)
    n_whole = int(problem.backbone.whole.sum())
    if n_whole == 0:
        context.report("no residue has atoms N, CA, C and O; nothing is moved")
        return atoms
    before = after = problem.judge(problem.start)
    moved, twisted = (np.zeros_like(problem.backbone.whole) for _ in range(2))
    for number in range(N_PASSES):
        if number:
            problem = Refinement(layout, context, laid=number % 2 == 0, bend=NEARLY_TWISTED)
        # Away from twisted peptides, what beads may be missed by counts from the beginning.
        twisted |= problem.loose | problem.near
        known = replace(after, off=np.where(twisted, after.off, before.off))
        positions, frozen = refine(problem, known)
        after = problem.judge(positions)
        moved |= problem.backbone.whole & ~frozen
        layout = replace(layout, atoms=layout.moved(positions))
        bent = after.twisted > 0 or (number == 0 and after.omega.max() > NEARLY_TWISTED)
        if not bent or frozen.all():
            break
    known = replace(after, off=np.where(twisted, after.off, before.off))
    layout, after, found = settle_outliers(layout, context, known)
    moved |= found
    context.report(f"{int(moved.sum())} of {n_whole} residues made regular, the others left alone")
    context.report(f"peptides off by more than 30 degrees  {before.twisted} -> {after.twisted}")
    context.report(f"Ramachandran favoured  {_share(before, 0)} -> {_share(after, 0)}")
    context.report(f"Ramachandran outliers  {_share(before, 2)} -> {_share(after, 2)}")
    return layout.atoms


def settle_outliers(
    layout: Layout, context: StepContext, before: State
) -> tuple[Layout, State, BoolArray]:
    """Seek other peptide planes beside Ramachandran outliers.

    All are tried at once, then those alone that came to be none, until all of these do.

    Returns
    -------
    layout : Layout
    after : State
    moved : BoolArray, shape (n_residues,)
    """
    moved = np.zeros(len(before.verdict), bool)
    sought = (before.verdict == OUTLIER) & find_backbone(layout).whole
    for _ in range(N_SEARCHES):
        if not sought.any():
            break
        problem = Refinement(layout, context, sought=sought)
        positions, frozen = refine(problem, before)
        after = problem.judge(positions)
        left = sought & (after.verdict == OUTLIER)
        if not left.any():
            return replace(layout, atoms=layout.moved(positions)), after, ~frozen
        sought &= ~left
    return layout, before, moved


def refine(problem: Refinement, before: State) -> tuple[FloatArray, BoolArray]:
    """Solve again and again, leaving alone what is none the better, until all is.

    Returns
    -------
    positions : FloatArray, shape (n_atoms, 3)
    frozen : BoolArray, shape (n_residues,)
        Residues left alone.
    """
    frozen = problem.fixed.copy()
    hold = np.ones(len(frozen))
    links, near = problem.layout.topology.links, problem.near
    for attempt in range(N_ROUNDS):
        positions = problem.solve(frozen, hold)
        after = problem.judge(positions)
        worse = is_worse(before, after, problem.forgiven, near) & problem.backbone.whole
        if not worse.any():
            return positions, frozen
        if attempt < N_HOLDS:
            hold[worse | beside(worse, links)] *= TIGHTER
        else:
            frozen |= worse | beside(worse & frozen, links)
    return problem.start, np.ones_like(frozen)


def is_worse(before: State, after: State, loose: BoolArray, near: BoolArray) -> BoolArray:
    """Residues (n,) that have lost by it.

    The beads of `loose` ones may go farther, and their phi and psi anywhere: nothing is as unlikely
    as a twisted peptide. Those `near` them may lose a little.
    """
    tolerance = np.where(loose | near, TWISTED_TOLERANCE, CENTRE_TOLERANCE)
    worse = after.score > before.score + np.where(near, NEAR_TOLERANCE, 1e-6)
    worse |= (after.verdict > before.verdict) & ((after.verdict > 1) | ~near) & ~loose
    worse |= after.omega > np.maximum(before.omega, FLAT_ENOUGH) + np.where(near, 6.0, 1e-6)
    worse |= (after.omega > CIS) & (before.omega <= CIS)
    worse |= after.off > before.off * (1.0 + CENTRE_SHARE) + tolerance
    return worse | (after.wrong > before.wrong)


def _share(state: State, verdict: int) -> str:
    known = state.verdict >= 0
    return f"{100.0 * (state.verdict[known] == verdict).mean():.1f} %" if known.any() else "none"
