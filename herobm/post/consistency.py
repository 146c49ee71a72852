"""The step ``consistency``: atoms that coarse-grain back onto the beads they were rebuilt from.

The atoms of a bead are shifted until their mean is where the bead is. Bonds give way by no more
than `BOND_LIMIT`, and stay within `N_SPREADS` standard deviations of their kind. Angles and flat
groups bend as far as a bead can pull them, and no bead pulls harder than `PULL`: the sum of the
distances from the beads is made small, not that of their squares, so beads are met exactly where
that is possible, and one that is out of reach does not bend what is about it for nothing. Atoms
that clash are pushed apart. Residues that come out with a worse backbone or a wrong hand are
pulled less. What is left is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.chem.contacts import clashes, least_distances
from herobm.chem.geometry import dihedrals, limit_bonds, reference_lengths
from herobm.chem.kept import kept_torsions
from herobm.chem.planarity import in_flat_ring
from herobm.chem.protein.geometry import bond_angles, references
from herobm.chem.protein.hands import hands
from herobm.chem.protein.ramachandran import OUTLIER, classes_of, judge
from herobm.chem.stereo import chirality_errors, prochiral_errors
from herobm.plan.bonds import angles_of, pairs_across
from herobm.plugins.step_context import StepContext
from herobm.post.beads import BeadCentres, bead_centres
from herobm.post.layout import Layout, lay_out
from herobm.post.peptide import Backbone, find_backbone
from herobm.post.refinement import FLAT_CENTRE, beside
from herobm.post.solve import Distances, Problem, Repulsions, Torsions
from herobm.system.atomistic import usable_box
from herobm.system.coarsen import vague_beads
from herobm.system.disulfides import ACROSS_BRIDGE, BRIDGE, within_image
from herobm.system.neighbours import pair_distances
from herobm.system.periodic import minimum_image
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

#: Å, how far a bond may be from the mean length of its kind (or its own, where that is unknown),
#: and how many standard deviations of its kind.
BOND_LIMIT, N_SPREADS = 0.05, 3.9
#: Share of that within which bonds are held, so that they end there.
INSIDE = 0.9
#: Å, beads nearer than this are where they should be.
REACHED = 0.01
#: 1 / Å, the force of a bead that is away from where it should be; below `SHARP` Å it falls off.
PULL, SHARP = 800.0, 0.003
#: Å and radians, what a deviation of weight 1 is.
BOND_SPREAD, ANGLE_SPREAD, STIFF_SPREAD, PLACE_SPREAD = 0.01, 0.04, 0.08, 0.5
TURN_SPREAD, FLAT_SPREAD = 0.03, 0.03
#: Å, what a pair that clashes may be too near by, how much farther apart it is put than it need be,
#: and how much farther than that pairs may be that are looked after.
CLASH_SPREAD, CLEAR, ROOM = 0.01, 0.05, 0.6
#: Å, distance below which atoms at both ends of an angle are pushed apart.
LEAST_ACROSS = 2.0
#: Standard deviations of their kind by which angles are off their mean at most in what is sought.
USUAL = 2.0
#: How much stiffer a bond at its limit gets with each step.
STIFFER = 4.0
STIFFEST = 1e4
#: In which bonds are brought back that are beyond the limit all the same.
N_SWEEPS = 200
#: Steps of each round. After a round, the torsions of residues that it spoilt are held tighter, and
#: from the second one on the beads of those that it ruined pull less, by these factors.
ROUNDS = (8, 4, 4, 4, 4)
TIGHTER, EASE = 3.0, (1.0, 0.2, 0.1, 0.01)
#: Rounds that look at residues that are spoilt, but not ruined.
N_POLISH = 2
#: How often residues that are ruined are put back, and how many to each side with them.
N_HOLDS, N_BESIDE = 10, 1
#: How often beads are followed farther, in as many steps as in the first round, while one comes
#: nearer by so many Å.
N_MORE, STILL_NEARER = 4, 0.02
#: Degrees from a plane that a peptide may be off, unless it was farther off before, and by which
#: it is meant to be off at most, unless it is rather across than along the plane.
FLAT_ENOUGH, FLAT, ACROSS = 25.0, 15.0, 60.0


def run(atoms: Atoms, context: StepContext) -> Atoms:
    """Shift atoms so that their beads are those given.

    Parameters
    ----------
    atoms : Atoms
    context : StepContext
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
    centres = bead_centres(layout, context.beads, 1.0)
    vague = vague_beads(layout.plan)[centres.bead]
    if vague.any():
        context.report(f"{int(vague.sum())} beads count hydrogens; nothing is fitted to them")
        centres = centres.only(~vague)
        if vague.all():
            return atoms
    before = np.linalg.norm(centres.all.off(layout.positions), axis=1)
    if before.max(initial=0.0) <= 0.1 * REACHED:
        context.report(f"all {len(before)} beads are where they should be")
        return atoms
    positions = fit(layout, context, centres)
    after = np.linalg.norm(centres.all.off(positions), axis=1)
    _tell(context, centres, before, after)
    return layout.moved(positions)


@dataclass(frozen=True, eq=False)
class Quality:
    """What must not get worse; arrays of shape (n_residues,).

    Attributes
    ----------
    verdict : see `herobm.chem.protein.ramachandran.judge`.
    bent : degrees that the peptide before each residue is off a plane.
    cis : whether it is rather cis than trans.
    wrong : centres that are nearly flat, and, counted again, of the wrong hand; likewise those
        whose like branches have each other's names.
    """

    verdict: IntArray
    bent: FloatArray
    cis: BoolArray
    wrong: IntArray

    def spoilt(self, after: Quality) -> BoolArray:
        """Residues (n,) that have lost."""
        return np.asarray(self.ruined(after) | (after.verdict > self.verdict))

    def ruined(self, after: Quality) -> BoolArray:
        """Residues (n,) that became outliers, cis, twisted, or got a wrong hand."""
        lost = (after.verdict > self.verdict) & (after.verdict == OUTLIER)
        lost |= after.bent > np.maximum(self.bent + 1.0, FLAT_ENOUGH)
        return np.asarray(lost | (after.cis & ~self.cis) | (after.wrong > self.wrong))


def fit(layout: Layout, context: StepContext, centres: BeadCentres) -> FloatArray:
    """Find positions (n_atoms, 3) of the plan's atoms whose beads are as near as bonds allow.

    Residues that are ruined all the same stay as they are with those beside them, and molecules of
    which that ruins others.
    """
    start, links = layout.positions, layout.topology.links
    backbone = find_backbone(layout)
    held = np.zeros(layout.plan.n_residues, bool)
    problem = _problem(layout, context, centres, backbone, held)
    before = _quality(layout, backbone, start)
    pulls = _Pulls(layout, context, centres, problem)
    tight, ease = np.ones((2, layout.plan.n_residues))
    positions = start
    for n_round, (n_steps, less) in enumerate(zip(ROUNDS, (*EASE, None), strict=True)):
        positions = pulls.follow(positions, tight, ease, n_steps)
        after = _quality(layout, backbone, positions)
        ruined = before.ruined(after)
        worse = before.spoilt(after) if n_round < N_POLISH else ruined
        if less is None or not worse.any():
            break
        tight[worse | beside(worse, links)] *= TIGHTER
        ease[ruined | beside(ruined, links)] *= less
    for _ in range(N_HOLDS):
        if not ruined.any():
            break
        lost = ruined
        for _ in range(N_BESIDE):
            lost = lost | beside(lost, links)
        held |= lost
        positions = np.where(held[layout.plan.atom_residue, None], start, positions)
        pulls.problem = _problem(layout, context, centres, backbone, held)
        positions = pulls.follow(positions, tight, ease, ROUNDS[0])
        ruined = before.ruined(_quality(layout, backbone, positions))
    going = np.ones(int(links.chain.max(initial=-1)) + 1, bool)  # each molecule for itself
    for _ in range(N_MORE):
        nearer = pulls.follow(positions, tight, ease, ROUNDS[0])
        going[links.chain[before.ruined(_quality(layout, backbone, nearer))]] = False
        gains = pulls.away(positions) - pulls.away(nearer)
        moved = going[links.chain[layout.plan.atom_residue]]
        positions = np.where(moved[:, None], nearer, positions)
        gained = np.zeros(len(going))
        np.maximum.at(gained, links.chain[centres.residue], gains)
        going &= gained >= STILL_NEARER
        if not going.any():
            break
    back = np.isin(links.chain, links.chain[ruined])[layout.plan.atom_residue]
    return pulls.limit(np.where(back[:, None], start, positions))


class _Pulls:
    """Beads that pull at atoms, and bonds that hold them back."""

    def __init__(
        self, layout: Layout, context: StepContext, centres: BeadCentres, problem: Problem
    ) -> None:
        self.bonds, self.centres, self.problem = layout.bonds, centres, problem
        self.elements, self.present = layout.plan.elements, np.flatnonzero(layout.rows >= 0)
        self.box = usable_box(layout.topology, layout.positions, layout.atoms.box)
        bridges = np.array(context.disulfides, dtype=np.int64).reshape(-1, 2)
        self.joined = np.concatenate([layout.bonds, bridges])  # over boundaries, too
        self.across = pairs_across(self.joined, layout.plan.n_atoms)
        self.torsion_weights = problem.torsions.weights.copy()
        self.torsion_residue = layout.plan.atom_residue[problem.torsions.atoms[:, 2]]
        own = pair_distances(layout.positions, layout.bonds)
        found = reference_lengths(layout.plan, layout.bonds, dict(context.reference))
        found = np.where(np.isfinite(found), found, references(layout.plan, layout.bonds))
        known, spread = found.T
        self.usual = np.where(np.isfinite(known), known, own)
        self.room = np.fmin(N_SPREADS * spread, BOND_LIMIT)
        self.inside = INSIDE * self.room
        self.target = self.usual + np.clip(own - self.usual, -self.inside, self.inside)
        self.weights = np.full(len(own), 1.0 / BOND_SPREAD)

    def follow(
        self, positions: FloatArray, tight: FloatArray, ease: FloatArray, n_steps: int
    ) -> FloatArray:
        """Take steps from positions (n_atoms, 3).

        Residues (n_residues,) are held as tight, and pulled by their beads with as much ease.
        """
        problem, force = self.problem, PULL * ease[self.centres.residue]
        problem.torsions.weights = self.torsion_weights * tight[self.torsion_residue]
        problem.apart = self._near(positions)
        for _ in range(n_steps):
            away = self.away(positions)
            problem.centres.weights = np.sqrt(force / np.maximum(away, SHARP))
            problem.distances.lengths[: len(self.bonds)] = self.target
            problem.distances.weights[: len(self.bonds)] = self.weights
            positions = problem.step(positions)
            self._hold(pair_distances(positions, self.bonds) - self.usual)
        return self.limit(positions)

    def away(self, positions: FloatArray) -> FloatArray:
        """Å from each bead to where it should be, shape (n,)."""
        away: FloatArray = np.linalg.norm(self.centres.all.off(positions), axis=1)
        return away

    def _near(self, positions: FloatArray) -> Repulsions:
        """Pairs that clash or might come to, and those at both ends of an angle."""
        room = CLEAR + ROOM
        pairs = clashes(positions, self.elements, self.present, self.joined, room, self.box)
        gaps = positions[pairs[:, 1]] - positions[pairs[:, 0]]
        shifts = np.zeros((len(pairs) + len(self.across), 3))
        shifts[: len(pairs)] = minimum_image(gaps, self.box) - gaps
        lengths = least_distances(self.elements, pairs) + CLEAR
        lengths = np.concatenate([lengths, np.full(len(self.across), LEAST_ACROSS)])
        pairs = np.concatenate([pairs, self.across])
        return Repulsions(pairs, lengths, 1.0 / CLASH_SPREAD, shifts)

    def limit(self, positions: FloatArray) -> FloatArray:
        """Bring bonds back within the limit."""
        return limit_bonds(positions, self.bonds, self.usual, self.room, N_SWEEPS)

    def _hold(self, off: FloatArray) -> None:
        """Make bonds stiffer that are this much (n_bonds,) off what is usual, beyond the limit."""
        beyond = np.abs(off) > self.inside
        self.target = np.where(beyond, self.usual + np.sign(off) * self.inside, self.target)
        stiffer = np.minimum(self.weights * STIFFER, STIFFEST)
        self.weights = np.where(beyond, stiffer, self.weights)


def _problem(
    layout: Layout,
    context: StepContext,
    centres: BeadCentres,
    backbone: Backbone,
    held: BoolArray,
) -> Problem:
    """State the problem; residues that are `held` (n_residues,) do not move."""
    start, bonds = layout.positions, layout.bonds
    triples = angles_of(bonds, layout.plan.n_atoms)
    angles = triples[:, [0, 2]]
    disulfides = _present(within_image(context.disulfides, start), layout)
    across = _across(bonds, disulfides)
    pairs = np.concatenate([bonds, disulfides, across, angles])
    counts = [len(part) for part in (bonds, disulfides, across, angles)]
    spread = np.repeat([BOND_SPREAD, BOND_SPREAD, ANGLE_SPREAD, ANGLE_SPREAD], counts)
    lengths = pair_distances(start, pairs)
    lengths[len(lengths) - len(angles) :] = _across_angles(layout, triples)
    first, second = counts[0] + np.cumsum([0, counts[1]])
    lengths[first:second] = BRIDGE
    lengths[second : second + counts[2]] = ACROSS_BRIDGE
    return Problem(
        Distances(pairs, lengths, 1.0 / spread),
        _torsions(layout, backbone),
        centres.all,
        np.nan_to_num(start),
        np.full(layout.plan.n_atoms, 1.0 / PLACE_SPREAD),
        (layout.rows >= 0) & ~held[layout.plan.atom_residue],
    )


def _across_angles(layout: Layout, triples: IntArray) -> FloatArray:
    """Å between the ends of angles (n, 3): as they are, but for those that are unusual.

    These are opened or closed to `USUAL` standard deviations of their kind, between bonds as long
    as they should be.
    """
    degrees = bond_angles(layout.positions, triples)
    mean, spread = references(layout.plan, triples).T
    least, most = mean - USUAL * spread, mean + USUAL * spread
    wanted = np.where(np.isfinite(mean), np.clip(degrees, least, most), degrees)
    lengths = pair_distances(layout.positions, triples[:, [0, 2]])
    unusual = np.abs(wanted - degrees) > 1e-3
    one, two = (_usual_lengths(layout, triples[unusual][:, ends]) for ends in ([0, 1], [1, 2]))
    cosine = np.cos(np.radians(wanted[unusual]))
    lengths[unusual] = np.sqrt(one**2 + two**2 - 2.0 * one * two * cosine)
    return lengths


def _usual_lengths(layout: Layout, bonds: IntArray) -> FloatArray:
    """Å, mean length of the kind of each bond, or its own where that is unknown."""
    known = references(layout.plan, bonds)[:, 0]
    return np.where(np.isfinite(known), known, pair_distances(layout.positions, bonds))


def _across(bonds: IntArray, bridges: IntArray) -> IntArray:
    """Each sulfur atom of a bridge with the neighbours of the other one, shape (n, 2)."""
    both = np.concatenate([bridges, bridges[:, ::-1]])
    ways = np.concatenate([bonds, bonds[:, ::-1]])
    found = [(one, there) for one, two in both for here, there in ways[ways[:, 0] == two]]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _torsions(layout: Layout, backbone: Backbone) -> Torsions:
    """Torsions that are kept: those of residues, and those of the backbone."""
    stiff = _present(kept_torsions(layout.topology, layout.bonds), layout)
    turns = np.concatenate([backbone.torsion(which)[1] for which in ("phi", "psi")])
    flat = backbone.torsion("omega")[1]
    atoms = np.concatenate([stiff, turns, flat])
    counts = (len(stiff), len(turns), len(flat))
    spread = np.repeat([STIFF_SPREAD, TURN_SPREAD, FLAT_SPREAD], counts)
    angles = dihedrals(layout.positions, atoms)
    angles[in_flat_ring(layout.plan, atoms)] = 0.0
    angles[len(stiff) + len(turns) :] = flattened(angles[len(stiff) + len(turns) :])
    return Torsions(atoms, np.radians(angles), 1.0 / spread)


def flattened(omega: FloatArray) -> FloatArray:
    """Bring omega (degrees) nearer to the trans plane, unless it lies across it or is cis."""
    off = omega - np.copysign(180.0, omega)
    near = np.abs(off) < ACROSS
    return np.where(near, np.copysign(180.0, omega) + np.clip(off, -FLAT, FLAT), omega)


def _quality(layout: Layout, backbone: Backbone, positions: FloatArray) -> Quality:
    plan = layout.plan
    phi, psi, omega = (np.full(plan.n_residues, np.nan) for _ in range(3))
    for which, angle in (("phi", phi), ("psi", psi), ("omega", omega)):
        residue, quads = backbone.torsion(which)
        angle[residue] = dihedrals(positions, quads)
    hand = hands(plan)
    verdict = judge(hand * phi, hand * psi, classes_of(backbone.names, backbone.after))
    bent = np.nan_to_num(np.minimum(np.abs(omega), 180.0 - np.abs(omega)))
    wrong = np.concatenate(  # one that is flat already must not go on to the other side
        [
            find(plan, positions, least)
            for find in (chirality_errors, prochiral_errors)
            for least in (FLAT_CENTRE, 0.0)
        ]
    ).astype(np.int64)
    cis = np.abs(omega) < 90.0
    return Quality(
        verdict, bent, cis, np.bincount(plan.atom_residue[wrong], minlength=plan.n_residues)
    )


def _present(groups: IntArray, layout: Layout) -> IntArray:
    """Keep the groups of atoms (n, k) that the structure has all of."""
    found: IntArray = groups[(layout.rows[groups] >= 0).all(axis=1)]
    return found


def _tell(
    context: StepContext, centres: BeadCentres, before: FloatArray, after: FloatArray
) -> None:
    n_reached = int((after <= REACHED).sum())
    context.report(f"{n_reached} of {len(after)} beads are reached within {REACHED} Å")
    context.report(
        f"re-mapping error  {before.mean():.3f} -> {after.mean():.3f} Å mean, "
        f"{before.max():.3f} -> {after.max():.3f} Å at most"
    )
    if n_reached < len(after) and context.beads is not None:
        left = np.flatnonzero(after > REACHED)
        kinds = context.beads.residues.names[centres.residue[left]]
        names, counts = np.unique(kinds, return_counts=True)
        most = names[np.argsort(-counts, kind="stable")][:3]
        context.report(
            f"{len(left)} stay {after[left].mean():.3f} Å off on average, most in "
            f"{', '.join(most.tolist())}: bonds would stretch by more than {BOND_LIMIT} Å, or "
            "angles or the backbone bend too far "
            f"(worst: {context.beads.label(int(centres.bead[after.argmax()]))})"
        )
