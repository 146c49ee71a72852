"""The step ``rotamers``: side chains that a network left between rotamers are laid in one.

Where beads leave open how a side chain lies, C-alpha above all, the mean of what is possible comes
nearest to all of it, and is no side chain: its bonds are bent. Here such a side chain is built
anew, of ideal geometry, in a rotamer of `herobm.chem.side_chains`. Which one is a choice by energy,
in units of kT, the sum of

- minus the logarithms of the shares of its angles, where the model tells how often side branches
  are turned where (`herobm.chem.rotor_shares`); elsewhere the squared distances of its atoms from
  where they were over 2 (0.8 Å)^2, those of atoms farther out counting half with each angle that
  turns them, minus the logarithm of the rotamer's share;
- the squares of the angles' deviations in the rotamer;
- the squared distance of each bead from where it is given over 2 (0.1 Å)^2, or half of what it was
  if that is more;
- a quadratic penalty for heavy atoms nearer than the sum of their van der Waals radii.

Residues choose in turns, each of a handful of rotamers as the others are by then, until none
changes (iterated conditional modes; Besag, J. R. Stat. Soc. B 48, 259 (1986)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from herobm.chem.chi import find_chi
from herobm.chem.geometry import dihedrals
from herobm.chem.protein_geometry import bond_angles, references
from herobm.chem.ramachandran import OUTLIER
from herobm.chem.rotamers import judge
from herobm.chem.rotor_shares import RotorShares
from herobm.chem.side_chains import SideChain, frames, side_chains
from herobm.chem.skeleton import skeletons
from herobm.elements import VDW_RADII
from herobm.plan.bonds import angles_of
from herobm.post.beads import BeadCentres, bead_centres
from herobm.post.context import PostContext
from herobm.post.layout import Layout, lay_out
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

#: Å, how far atoms are expected from where they were, where a rotamer is chosen and where its
#: angles are; share of its weight that an atom keeps with each angle more that turns it.
SPREAD, CLOSE, FARTHER = 0.8, 0.15, 0.5
#: Å, standard deviation of a bead.
BEAD_SPREAD = 0.1
#: Share of the sum of two radii at which atoms begin to feel each other, and Å that make half a kT.
CONTACT, SOFTNESS = 1.0, 0.2
#: Rotamers that a residue chooses from, those of the least energy by itself.
N_CHOICES = 12
#: Standard deviations, steps by which the angles of a rotamer are fitted, one of them at a time.
STEPS = (0.75, 0.75, 0.75, 0.375, 0.375, 0.19)
#: Turns that all residues take at most.
N_TURNS = 6
#: Standard deviations from the mean of its kind, beyond which an angle is bent.
BENT = 4.0
#: Atoms that no chi turns.
TRUNK = ("N", "CA", "C", "O", "OXT", "CB")
#: Å from where it should be, beyond which a C-beta is not on the side of an L residue.
ASTRAY = 1.0
#: Degrees of chi1 that make another rotamer.
TURNED = 30.0


def run(atoms: Atoms, context: PostContext) -> Atoms:
    """Lay side chains that are bent, or in no rotamer, in one.

    Parameters
    ----------
    atoms : Atoms
    context : PostContext
        With a topology.

    Returns
    -------
    Atoms
        Atoms from C-beta on moved; disulfides and residues that are sound stay as they are.
    """
    layout = lay_out(atoms, context, "rotamers")
    bent = _bent(layout, context)
    choices = list(_choices(layout, context, bent))
    if not choices:
        context.report("no side chain is bent or in no rotamer; nothing is moved")
        return atoms
    first = find_chi(layout.plan)[0]
    before = layout.positions
    after = _choose(layout, choices)
    kept = first.within(before, after, TURNED)
    turned = int((kept[[choice.residue for choice in choices]] == 0).sum())
    n_chains = int((first.atoms.min(axis=1) >= 0).sum())
    context.report(
        f"{len(choices)} of {n_chains} side chains were bent or in no rotamer and are laid in one"
    )
    context.report(f"chi1 of {turned} turned by more than {TURNED:g} degrees")
    return layout.moved(after)


@dataclass(frozen=True, eq=False)
class _Choice:
    """The rotamers that a residue chooses from.

    Attributes
    ----------
    residue : int
    atoms : IntArray, shape (n,)
        Of the plan, C-beta and what hangs on it.
    far : BoolArray, shape (n,)
        Those that differ between rotamers.
    places : FloatArray, shape (n_choices, n, 3)
        Å.
    energy : FloatArray, shape (n_choices,)
        kT, without contacts.
    """

    residue: int
    atoms: IntArray
    far: BoolArray
    places: FloatArray
    energy: FloatArray


def _bent(layout: Layout, context: PostContext) -> BoolArray:
    """Residues (n_residues,) with an unusual angle, or in no rotamer; not those of disulfides.

    Angles of atoms that no chi turns do not count.
    """
    plan, positions = layout.plan, layout.positions
    bonds = layout.bonds[np.equal(*plan.atom_residue[layout.bonds].T)]
    triples = angles_of(bonds, plan.n_atoms)
    triples = triples[~np.isin(plan.atom_names[triples], TRUNK).all(axis=1)]
    mean, spread = references(plan, triples).T
    off = np.abs(bond_angles(positions, triples) - mean) > BENT * spread  # False for NaN
    bent: BoolArray = judge(plan, positions) == OUTLIER
    bent[plan.atom_residue[triples[off, 1]]] = True
    bridged = np.array(context.disulfides, dtype=np.int64).ravel()
    bent[plan.atom_residue[bridged]] = False
    return bent


def _choices(layout: Layout, context: PostContext, asked: BoolArray) -> Iterator[_Choice]:
    """Fit rotamers to the residues (n_residues,) that are asked for."""
    plan, positions = layout.plan, layout.positions
    kinds, index = skeletons(plan), plan.atom_index()
    centres = bead_centres(layout, context.beads, 1.0)
    off = centres.all.off(np.nan_to_num(positions))
    for kind, chain in side_chains().items():
        for template in np.unique(plan.template[asked & (kinds == kind)]).tolist():
            names = plan.library.templates[template].atoms
            residues = np.flatnonzero(asked & (plan.template == template))
            atoms = index[residues][:, [names.index(name) for name in chain.atoms]]
            there = np.isfinite(positions[atoms]).all(axis=(1, 2))
            residues, atoms = residues[there], atoms[there]
            told = _told(chain, atoms, context.rotors)
            for choice in _fit(chain, residues, atoms, positions, told):
                shift = choice.places - positions[choice.atoms]
                missed = _missed(centres, off, choice.residue, choice.atoms, shift)
                yield replace(choice, energy=choice.energy + missed)


@dataclass(frozen=True, eq=False)
class _Told:
    """What a model tells of the side chains of some residues.

    Attributes
    ----------
    shares : RotorShares
    rows : IntArray, shape (n_residues, n_chi)
        Of their angles in `shares`.
    quads : IntArray, shape (n_chi, 4)
        Atoms of the angles, by their order in `SideChain.atoms`.
    before : IntArray, shape (n_chi,)
        Angle before each, -1 for none.
    """

    shares: RotorShares
    rows: IntArray
    quads: IntArray
    before: IntArray

    def energy(self, residue: int, built: FloatArray) -> FloatArray:
        """Energy (n,) of side chains built for a residue, (n, n_atoms, 3) in Å."""
        first = np.arange(len(built))[:, None, None] * built.shape[1]
        quads = (first + self.quads).reshape(-1, 4)
        angles = dihedrals(built.reshape(-1, 3), quads).reshape(len(built), -1)
        given = np.where(self.before >= 0, angles[:, self.before], 0.0)
        energy: FloatArray = self.shares.energy(self.rows[residue], angles.T, given.T).sum(axis=0)
        return energy


def _told(chain: SideChain, atoms: IntArray, shares: RotorShares | None) -> _Told | None:
    """Find the side chains with atoms (n_residues, n_atoms) among what a model tells.

    None where it does not tell all angles of all of them.
    """
    if shares is None or not len(atoms):
        return None
    axes = atoms[:, chain.chi[:, 1:3]]
    rows = shares.find(axes.reshape(-1, 2)).reshape(axes.shape[:2])
    first = shares.quads[rows[0]]
    if (rows < 0).any() or not np.isin(first, atoms[0]).all():
        return None
    order = np.argsort(atoms[0])
    quads = order[np.searchsorted(atoms[0], first, sorter=order)]
    same = shares.before[rows[0]][:, None] == rows[0]
    before = np.where(same.any(axis=1), same.argmax(axis=1), -1)
    return _Told(shares, rows, quads, before)


def _fit(
    chain: SideChain,
    residues: IntArray,
    atoms: IntArray,
    positions: FloatArray,
    told: _Told | None,
) -> Iterator[_Choice]:
    """Fit rotamers to residues (n,) of one kind with atoms (n, n_atoms), beads left out."""
    places = positions[atoms]
    corner = places[:, chain.frame]
    axes, origin = frames(corner), corner[:, 1:2]
    local = (places - origin) @ axes.transpose(0, 2, 1)
    beta = chain.atoms.index("CB")
    true = np.linalg.norm(local[:, beta] - chain.place[beta], axis=1) < ASTRAY
    side = chain.side
    weight = FARTHER ** (chain.beyond[:, side].sum(axis=0) - 1.0)
    hung = np.append(side, beta)
    usual = chain.build(chain.mean)
    for n in np.flatnonzero(true).tolist():
        if told is None:
            off, built, energy = _by_places(chain, usual, local[n], weight)
        else:
            off, built, energy = _by_shares(chain, usual, told, n)
        placed = built[:, hung] @ axes[n] + origin[n]
        energy = energy + (off**2).sum(axis=1) / 2.0
        yield _Choice(int(residues[n]), atoms[n, hung], hung != beta, placed, energy)


#: Of some rotamers: how far each angle is from that of the rotamer, in standard deviations,
#: (n, n_chi); positions in the frame of the residue, (n, n_atoms, 3), Å; and energies (n,).
_Fitted = tuple[FloatArray, FloatArray, FloatArray]


def _by_places(
    chain: SideChain, usual: FloatArray, local: FloatArray, weight: FloatArray
) -> _Fitted:
    """Find the rotamers nearest to a side chain (n_atoms, 3), its atoms weighed (n_side,)."""
    side, log_share = chain.side, np.log(chain.share)

    def away(built: FloatArray, spread: float) -> FloatArray:
        squares: FloatArray = ((built[:, side] - local[side]) ** 2).sum(axis=2) @ weight
        return squares / (2.0 * spread**2)

    first = away(usual, SPREAD) - log_share
    off, chosen, built = _turned(chain, first, lambda built: away(built, CLOSE))
    return off, built, away(built, SPREAD) - log_share[chosen]


def _by_shares(chain: SideChain, usual: FloatArray, told: _Told, residue: int) -> _Fitted:
    """Find the rotamers that a model thinks likeliest."""

    def energy(built: FloatArray) -> FloatArray:
        return told.energy(residue, built)

    off, _, built = _turned(chain, energy(usual), energy)
    return off, built, energy(built)


def _turned(
    chain: SideChain, first: FloatArray, pull: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Choose the rotamers of the least energy, and turn their angles by what pulls at them.

    Parameters
    ----------
    chain : SideChain
    first : FloatArray, shape (n_rotamers,)
        Energy with the mean angles of each rotamer.
    pull : callable
        Takes positions (n, n_atoms, 3), Å, in the frame of the residue; returns energies (n,).

    Returns
    -------
    FloatArray, shape (n_choices, n_chi)
        How far each angle is from that of the rotamer, in standard deviations.
    IntArray, shape (n_choices,)
        Which it is.
    FloatArray, shape (n_choices, n_atoms, 3)
        Å, in the frame of the residue.
    """
    chosen = np.argsort(first, kind="stable")[:N_CHOICES]
    off = np.zeros((len(chosen), chain.mean.shape[1]))
    one = np.eye(off.shape[1])
    moves = np.concatenate([np.zeros_like(one[:1]), one, -one])
    for step in STEPS:
        tried = off[:, None] + step * moves
        angles = chain.mean[chosen, None] + tried * chain.spread[chosen, None]
        pulled = pull(chain.build(angles.reshape(-1, off.shape[1]))).reshape(tried.shape[:2])
        energy = pulled + (tried**2).sum(axis=2) / 2.0
        off = tried[np.arange(len(off)), energy.argmin(axis=1)]
    return off, chosen, chain.build(chain.mean[chosen] + off * chain.spread[chosen])


def _missed(
    centres: BeadCentres, off: FloatArray, residue: int, atoms: IntArray, shift: FloatArray
) -> FloatArray:
    """Energy (n_choices,) of the beads of a residue.

    Parameters
    ----------
    centres : BeadCentres
    off : FloatArray, shape (n_centres, 3)
        Å, from where each is given to where it was.
    residue : int
    atoms : IntArray, shape (n,)
    shift : FloatArray, shape (n_choices, n, 3)
        Å, of these atoms.
    """
    energy = np.zeros(len(shift))
    for bead in np.flatnonzero(centres.residue == residue).tolist():
        share = dict(zip(centres.all.atoms[bead].tolist(), centres.all.shares[bead], strict=True))
        shares = np.array([share.get(atom, 0.0) for atom in atoms.tolist()])
        spread = max(BEAD_SPREAD, 0.5 * float(np.linalg.norm(off[bead])))
        energy += ((off[bead] + shares @ shift) ** 2).sum(axis=1) / (2.0 * spread**2)
    return energy


def _choose(layout: Layout, choices: list[_Choice]) -> FloatArray:
    """Let residues choose in turns; returns positions (n_atoms, 3) of the plan's atoms."""
    plan, after = layout.plan, layout.positions
    for choice in choices:
        after[choice.atoms] = choice.places[choice.energy.argmin()]
    others = layout.atoms.heavy
    others[layout.rows[layout.rows >= 0]] = False
    places = np.concatenate([after, layout.atoms.positions[others]])
    symbols = np.concatenate([plan.elements, layout.atoms.symbols[others]])
    radius = np.array([VDW_RADII.get(str(symbol), 1.70) for symbol in symbols])
    owner = np.append(plan.atom_residue, np.full(int(others.sum()), -1))
    present = np.flatnonzero(np.isfinite(places).all(axis=1))
    for _ in range(N_TURNS):
        tree, changed = cKDTree(places[present]), False
        for choice in choices:
            ends = choice.places[:, choice.far]
            centre = ends.mean(axis=(0, 1))
            reach = np.linalg.norm(ends - centre, axis=2).max() + 2.0 * CONTACT * radius.max()
            near = present[tree.query_ball_point(centre, reach)]
            near = near[owner[near] != choice.residue]
            limit = CONTACT * (radius[choice.atoms[choice.far], None] + radius[near])
            gaps = np.linalg.norm(ends[:, :, None] - places[near], axis=3)
            deep = np.maximum(limit - gaps, 0.0)
            contacts = (deep**2).sum(axis=(1, 2)) / (2.0 * SOFTNESS**2)
            best = choice.places[(choice.energy + contacts).argmin()]
            changed |= not np.array_equal(places[choice.atoms], best)
            places[choice.atoms] = best
        if not changed:
            break
    chosen: FloatArray = places[: plan.n_atoms]
    return chosen
