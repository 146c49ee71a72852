"""Where the atoms of regular backbones should be, stated as a problem of least squares.

The step ``backbone`` (`herobm.post.backbone`) states it again and again, from where the atoms are
then, and keeps what is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.chem.geometry import dihedrals
from herobm.chem.protein.hands import hands
from herobm.chem.protein.ramachandran import classes_of, judge, surprise, towards_favoured
from herobm.chem.stereo import chirality_errors, prochiral_errors
from herobm.plan.bonds import angles_of
from herobm.plugins.step_context import StepContext
from herobm.post.beads import bead_centres
from herobm.post.layout import Layout
from herobm.post.peptide import Backbone, find_backbone, ideal_distances
from herobm.post.solve import Distances, Problem, Torsions
from herobm.post.untwist import CIS_DISTANCE, untwist
from herobm.system.chains import Links
from herobm.system.neighbours import pair_distances
from herobm.types import BoolArray, FloatArray, IntArray

#: Degrees about omega = 0 within which a peptide is cis and stays so.
CIS = 30.0
#: Å, the spread of the centres of beads beside a peptide that was twisted.
TWISTED_SPREAD = 0.2
#: What an unusual phi and psi costs where a peptide plane is laid anew; an outlier costs twice.
OUTLIER_COST = 30.0
#: Degrees by which omega may be off without being the worse for it.
FLAT_ENOUGH = 6.0
#: Å^3, triple product of bonds below which a centre counts as flat
#: (see `herobm.chem.stereo.chirality_errors`).
FLAT_CENTRE = 1.0
#: Å and radians, what a deviation of weight 1 is.
CENTRE_SPREAD, PLACE_SPREAD, FLAT_SPREAD, TURN_SPREAD = 0.02, 0.2, 0.05, 0.1
#: Å, the same of places within two residues of a peptide that was twisted.
LOOSE_SPREAD = 0.5
#: Radians, the same of angles that are sought because those predicted are rare.
RARE_SPREAD = 0.02
#: Degrees from what is predicted to the nearest phi and psi that are favoured, within which these
#: are sought instead.
RARE_REACH = 40.0
#: Degrees, the torsion CA-N-C-CB of an L amino acid, which tells its hand: 34.5, standard deviation
#: 2.0, over 5130 residues of crystal structures.
CA_IMPROPER = 34.5
#: Steps towards a solution.
N_STEPS = 7
MOVED = ("N", "CA", "C", "O", "OXT", "CB")


@dataclass(frozen=True, eq=False)
class State:
    """How good a structure is; arrays of shape (n_residues,).

    Attributes
    ----------
    twisted : number of peptides that are off by more than `CIS`.
    omega : degrees that the peptides beside it are off, the larger one.
    verdict : see `herobm.chem.protein.ramachandran.judge`.
    off : Å, of the centre of its beads, the largest.
    score : sum of squared deviations, the lower the better.
    wrong : number of its centres that are nearly flat, and, counted again, of those whose hand is
        wrong; likewise those whose like branches have each other's names.
    """

    twisted: int
    omega: FloatArray
    verdict: IntArray
    off: FloatArray
    score: FloatArray
    wrong: IntArray


class Refinement:
    """The problem of one structure.

    Parameters
    ----------
    layout : Layout
    context : StepContext
    laid : bool
        Whether twisted peptides are laid flat to begin with, or begin as they are.
    bend : float
        Degrees by which a twisted one is off.
    sought : BoolArray, shape (n_residues,), or None
        Outliers, of which both peptides are laid anew like twisted ones, and nothing else.

    Attributes
    ----------
    loose, near : BoolArray, shape (n_residues,)
        Residues of peptides that are laid anew, and those up to two residues from them.
    fixed : BoolArray, shape (n_residues,)
        Residues that stay where they are.
    forgiven : BoolArray, shape (n_residues,)
        Residues whose phi and psi may become outliers, since they lose a twisted peptide by it.
    """

    def __init__(
        self,
        layout: Layout,
        context: StepContext,
        laid: bool = True,
        bend: float = CIS,
        sought: BoolArray | None = None,
    ) -> None:
        self.layout = layout
        self.start = layout.positions
        self.backbone = backbone = find_backbone(layout)
        self.ideal = ideal_distances(backbone)
        self.centres = bead_centres(layout, context.beads, 1.0 / CENTRE_SPREAD)
        away = np.linalg.norm(self.centres.all.off(self.start), axis=1)
        self.omega_residue, self.omega_atoms = backbone.torsion("omega")
        self.omega_goal = omega_targets(self.start, self.omega_atoms)
        off = np.abs(_turn(dihedrals(self.start, self.omega_atoms) - self.omega_goal))
        searched = sought is not None
        laid_anew = off > bend
        if sought is not None:
            laid_anew = sought[self.omega_residue] | sought[backbone.before[self.omega_residue]]
        self.twisted = laid_anew & (self.omega_goal == 180.0)
        self.loose = np.zeros(layout.plan.n_residues, bool)
        self.loose[self.omega_residue[self.twisted]] = True
        self.loose[backbone.before[self.omega_residue[self.twisted]]] = True
        links = layout.topology.links
        self.near = beside(self.loose, links)
        self.near |= beside(self.near, links)
        self.fixed = ~backbone.whole | (searched & ~self.near)
        self.forgiven = np.zeros_like(self.loose)
        for column in (self.omega_residue, backbone.before[self.omega_residue]):
            self.forgiven[column[self.twisted & (off > CIS)]] = not searched
        spread = np.where(self.loose[self.centres.residue], TWISTED_SPREAD, CENTRE_SPREAD)
        self.centres.all.weights[:] = 1.0 / np.maximum(spread, 0.5 * away)
        self.kind = classes_of(backbone.names, backbone.after)
        self.hand = hands(layout.plan)
        self.kept = self._kept_distances()
        self.begin = self._untwisted() if laid else self.start
        self.turns = self._turns(context.torsions)
        self.hands = self._hands()

    def solve(self, frozen: BoolArray, hold: FloatArray) -> FloatArray:
        """Find positions.

        Parameters
        ----------
        frozen : BoolArray, shape (n_residues,)
            Residues that are left alone.
        hold : FloatArray, shape (n_residues,)
            How tightly each is held in place, 1 or more.

        Returns
        -------
        FloatArray, shape (n_atoms, 3)
        """
        plan = self.layout.plan
        chosen = self.backbone.whole & ~frozen
        columns = np.stack([self.backbone.atoms[name][chosen] for name in MOVED])
        free = np.zeros(plan.n_atoms, bool)
        free[columns[columns >= 0]] = True
        pairs, lengths, spreads, _ = self.ideal
        kept, kept_lengths = self.kept
        spreads = np.append(1.0 / spreads, np.full(len(kept), 1.0 / 0.02))
        pairs, lengths = np.concatenate([pairs, kept]), np.append(lengths, kept_lengths)
        near = free[pairs].any(axis=1)
        begin = np.where(free[:, None], self.begin, self.start)
        problem = Problem(
            Distances(pairs[near], lengths[near], spreads[near]),
            self._torsions(free),
            self.centres.among(free, hold),
            np.nan_to_num(begin),
            (hold / np.where(self.loose | self.near, LOOSE_SPREAD, PLACE_SPREAD))[
                plan.atom_residue
            ],
            free,
        )
        return problem.solve(begin, N_STEPS)

    def judge(self, positions: FloatArray) -> State:
        """Judge positions (n_atoms, 3)."""
        backbone, n = self.backbone, self.layout.plan.n_residues
        here = self.omega_residue
        bent = np.abs(_turn(dihedrals(positions, self.omega_atoms) - self.omega_goal))
        omega = np.zeros(n)
        np.maximum.at(omega, here, bent)
        np.maximum.at(omega, backbone.before[here], bent)
        phi, psi = (self._angles(positions, which) for which in ("phi", "psi"))
        usual = np.nan_to_num(surprise(phi, psi, self.kind))
        pairs, lengths, spreads, residue = self.ideal
        gaps = pair_distances(positions, pairs)
        squares = np.minimum(((gaps - lengths) / spreads) ** 2, 25.0)
        score: FloatArray = 2 * usual + np.minimum((omega / FLAT_ENOUGH) ** 2, 100.0)
        np.add.at(score, residue, squares)
        wrong = np.zeros(n, dtype=np.int64)
        plan = self.layout.plan
        for centres in (chirality_errors, prochiral_errors):
            for least in (0.0, FLAT_CENTRE):  # one that is flat must not go on to the other side
                np.add.at(wrong, plan.atom_residue[centres(plan, positions, least)], 1)
        off = np.zeros(n)
        np.maximum.at(
            off, self.centres.residue, np.linalg.norm(self.centres.all.off(positions), axis=1)
        )
        return State(int((bent > CIS).sum()), omega, judge(phi, psi, self.kind), off, score, wrong)

    def _untwisted(self) -> FloatArray:
        """Lay twisted peptides flat to begin with."""
        here, omega = self.omega_residue, self.omega_atoms
        before = self.backbone.before[here]
        planes = np.stack(
            [omega[:, 0], omega[:, 1], self.backbone.atoms["O"][before], omega[:, 2], omega[:, 3]],
            axis=1,
        )

        def score(positions: FloatArray) -> FloatArray:
            state = self.judge(positions)
            unlikely = OUTLIER_COST * np.maximum(state.verdict, 0) + 100.0 * state.wrong
            found: FloatArray = state.score + (state.off / TWISTED_SPREAD) ** 2 + unlikely
            return found

        return untwist(self.start, planes, self.twisted, np.stack([before, here], axis=1), score)

    def _angles(self, positions: FloatArray, which: str) -> FloatArray:
        """Angle (n_residues,) in degrees, as an L residue would have it."""
        residue, quads = self.backbone.torsion(which)
        found = np.full(self.layout.plan.n_residues, np.nan)
        found[residue] = dihedrals(positions, quads)
        return found * self.hand

    def _torsions(self, free: BoolArray) -> Torsions:
        """Omega, the oxygen across from it, hands, and phi and psi where they are predicted."""
        oxygen = self.backbone.torsion("oxygen")[1]
        goal = np.radians(self.omega_goal)
        turns, hands = self.turns, self.hands
        atoms = np.concatenate([self.omega_atoms, oxygen, hands.atoms, turns.atoms])
        angles = np.concatenate([goal, goal + np.pi, hands.angles, turns.angles])
        flat = np.full(2 * len(goal), 1.0 / FLAT_SPREAD)
        weights = np.concatenate([flat, hands.weights, turns.weights])
        near = free[atoms].any(axis=1)
        return Torsions(atoms[near], angles[near], weights[near])

    def _turns(self, torsions: FloatArray | None) -> Torsions:
        """Phi and psi: those predicted, or usual ones near to them, or those to begin with."""
        if torsions is None:
            return Torsions(np.zeros((0, 4), np.int64), np.zeros(0), np.zeros(0))
        assert self.layout.plan.n_beads == len(torsions)
        bead = central_bead(self.layout, self.backbone)
        said = np.where((bead >= 0)[:, None, None], torsions[bead], np.nan)
        wanted = np.degrees(np.arctan2(said[..., 1], said[..., 0]))
        wanted *= self.hand[:, None]
        goals = towards_favoured(wanted[:, 0], wanted[:, 1], self.kind, RARE_REACH)
        rare = np.isfinite(wanted).all(axis=1) & (np.stack(goals, axis=1) != wanted).any(axis=1)
        weight = 1.0 / np.where(rare & ~self.loose, RARE_SPREAD, TURN_SPREAD)
        atoms, angles, weights = [], [], []
        for which, goal in zip(("phi", "psi"), goals, strict=True):
            residue, quads = self.backbone.torsion(which)
            known = np.isfinite(goal[residue])
            residue, quads = residue[known], quads[known]
            aim = (goal * self.hand)[residue]
            # What is said beside a twisted peptide is a mean of two; one of them was chosen.
            here = dihedrals(self.begin, quads)
            atoms.append(quads)
            angles.append(np.radians(np.where(self.loose[residue], here, aim)))
            weights.append(weight[residue])
        return Torsions(*(np.concatenate(t) for t in (atoms, angles, weights)))

    def _hands(self) -> Torsions:
        """CA near to peptides that are laid anew: as bent as usual, of the hand it should have."""
        names = ("CA", "N", "C", "CB")
        atoms = np.stack([self.backbone.atoms[name][self.near] for name in names], axis=1)
        atoms = atoms[(atoms >= 0).all(axis=1)]
        angles = np.copysign(np.radians(CA_IMPROPER), dihedrals(self.start, atoms))
        wrong = np.isin(atoms[:, 0], chirality_errors(self.layout.plan, self.start))
        angles = np.where(wrong, -angles, angles)
        return Torsions(atoms, angles, np.full(len(atoms), 1.0 / FLAT_SPREAD))

    def _kept_distances(self) -> tuple[IntArray, FloatArray]:
        """Bonds and angles between the backbone and what hangs on it, as long as they are."""
        bonds, n = self.layout.bonds, self.layout.plan.n_atoms
        angles = angles_of(bonds, n)
        pairs = np.sort(np.concatenate([bonds, angles[:, [0, 2]]]), axis=1)
        ideal = np.sort(self.ideal[0], axis=1)
        codes = pairs[:, 0] * n + pairs[:, 1]
        pairs = pairs[~np.isin(codes, ideal[:, 0] * n + ideal[:, 1])]
        lengths = pair_distances(self.start, pairs)
        return pairs, lengths


def omega_targets(positions: FloatArray, atoms: IntArray) -> FloatArray:
    """Degrees that omega should have, shape (n,).

    0 for peptides that are cis within `CIS` and have their CA as near to each other as only cis
    peptides do; 180 for all others.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    atoms : IntArray, shape (n, 4)
        CA, C, N and CA of each.
    """
    near = np.linalg.norm(positions[atoms[:, 0]] - positions[atoms[:, 3]], axis=1) < CIS_DISTANCE
    return np.where(near & (np.abs(dihedrals(positions, atoms)) < CIS), 0.0, 180.0)


def beside(chosen: BoolArray, links: Links) -> BoolArray:
    """Residues (n,) bonded to those that are chosen."""
    found = np.zeros_like(chosen)
    for near in (links.previous, links.following):
        found[near[chosen & (near >= 0)]] = True
    return found


def central_bead(layout: Layout, backbone: Backbone) -> IntArray:
    """Bead of CA in each residue, -1 where there is none."""
    plan = layout.plan
    local = np.array([t.bead_of("CA") if "CA" in t.atoms else -1 for t in plan.library])
    bead = plan.bead_start[:-1] + local[plan.template]
    return np.where((local[plan.template] >= 0) & backbone.whole, bead, -1)


def _turn(angle: FloatArray) -> FloatArray:
    turned: FloatArray = (angle + 180.0) % 360.0 - 180.0
    return turned
