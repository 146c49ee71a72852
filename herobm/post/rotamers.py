"""The step ``rotamers``: side chains that a network left between rotamers are laid in one.

Where beads leave open how a side chain lies, C-alpha above all, the mean of what is possible comes
nearest to all of it, and is no side chain: its bonds are bent. Here such a side chain is built
anew, of ideal geometry, in a rotamer of `herobm.chem.protein.side_chains`. Which one is a choice
by energy, in units of kT, the sum of

- the squared distances of its atoms from where they were over 2 (0.8 Å)^2, or less where the model
  is surer, those of atoms farther out counting half with each angle that turns them;
- minus the logarithms of the shares of its angles, where the model tells how often side branches
  are turned where (`herobm.chem.rotor_shares`) and expects to be 0.4 Å off or more; elsewhere of
  the rotamer's share;
- the squares of the angles' deviations in the rotamer;
- the squared distance of each bead from where it is given over 2 (0.1 Å)^2, or half of what it was
  if that is more;
- a quadratic penalty for heavy atoms nearer than the sum of their van der Waals radii, over the
  boundaries of a box, too.

Residues choose in turns, each of a handful of rotamers as the others are by then, until none
changes (iterated conditional modes; Besag, J. R. Stat. Soc. B 48, 259 (1986)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from herobm.chem.contacts import radii_of
from herobm.chem.protein.chi import find_chi
from herobm.chem.protein.geometry import bond_angles, references
from herobm.chem.protein.ramachandran import OUTLIER
from herobm.chem.protein.rotamers import judge
from herobm.chem.protein.side_chains import side_chains
from herobm.chem.protein.skeleton import skeletons
from herobm.plan.bonds import angles_of
from herobm.plugins.step_context import StepContext
from herobm.post.beads import BeadCentres, bead_centres
from herobm.post.layout import Layout, lay_out
from herobm.post.rotamer_fit import Choice, fit
from herobm.system.atomistic import usable_box
from herobm.system.neighbours import within_reach
from herobm.system.periodic import minimum_image
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

#: Å, standard deviation of a bead.
BEAD_SPREAD = 0.1
#: Share of the sum of two radii at which atoms begin to feel each other, and Å that make half a kT.
CONTACT, SOFTNESS = 1.0, 0.2
#: Turns that all residues take at most.
N_TURNS = 6
#: Standard deviations from the mean of its kind, beyond which an angle is bent.
BENT = 4.0
#: Atoms that no chi turns.
TRUNK = ("N", "CA", "C", "O", "OXT", "CB")
#: Degrees of chi1 that make another rotamer.
TURNED = 30.0


def run(atoms: Atoms, context: StepContext) -> Atoms:
    """Lay side chains that are bent, or in no rotamer, in one.

    Parameters
    ----------
    atoms : Atoms
    context : StepContext
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


def _bent(layout: Layout, context: StepContext) -> BoolArray:
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


def _choices(layout: Layout, context: StepContext, asked: BoolArray) -> Iterator[Choice]:
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
            known = residues[there], atoms[there], positions, context.rotors, context.error
            for choice in fit(chain, *known):
                shift = choice.places - positions[choice.atoms]
                missed = _missed(centres, off, choice.residue, choice.atoms, shift)
                yield replace(choice, energy=choice.energy + missed)


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
        # Padding repeats an atom, with a share of 0, so shares are added up.
        shares = (centres.all.atoms[bead] == atoms[:, None]) @ centres.all.shares[bead]
        spread = max(BEAD_SPREAD, 0.5 * float(np.linalg.norm(off[bead])))
        energy += ((off[bead] + shares @ shift) ** 2).sum(axis=1) / (2.0 * spread**2)
    return energy


def _choose(layout: Layout, choices: list[Choice]) -> FloatArray:
    """Let residues choose in turns; returns positions (n_atoms, 3) of the plan's atoms."""
    plan, after = layout.plan, layout.positions
    for choice in choices:
        after[choice.atoms] = choice.places[choice.energy.argmin()]
    others = layout.atoms.heavy
    others[layout.rows[layout.rows >= 0]] = False
    places = np.concatenate([after, layout.atoms.positions[others]])
    symbols = np.concatenate([plan.elements, layout.atoms.symbols[others]])
    radius = radii_of(symbols)
    owner = np.append(plan.atom_residue, np.full(int(others.sum()), -1))
    box = usable_box(layout.topology, after, layout.atoms.box)
    ends = [choice.places[:, choice.far] for choice in choices]
    centres = np.array([tips.mean(axis=(0, 1)) for tips in ends])
    reach = np.array(
        [
            np.linalg.norm(tips - centre, axis=2).max() + 2.0 * CONTACT * radius.max()
            for tips, centre in zip(ends, centres, strict=True)
        ]
    )
    for _ in range(N_TURNS):
        around, changed = within_reach(places, centres, reach, box), False
        for choice, tips, centre, rows in zip(choices, ends, centres, around, strict=True):
            near = np.array(rows, dtype=np.int64)
            near = near[owner[near] != choice.residue]
            limit = CONTACT * (radius[choice.atoms[choice.far], None] + radius[near])
            others = centre + minimum_image(places[near] - centre, box)
            gaps = np.linalg.norm(tips[:, :, None] - others, axis=3)
            deep = np.maximum(limit - gaps, 0.0)
            contacts = (deep**2).sum(axis=(1, 2)) / (2.0 * SOFTNESS**2)
            best = choice.places[(choice.energy + contacts).argmin()]
            changed |= not np.array_equal(places[choice.atoms], best)
            places[choice.atoms] = best
        if not changed:
            break
    chosen: FloatArray = places[: plan.n_atoms]
    return chosen
