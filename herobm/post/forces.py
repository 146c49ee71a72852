"""Forces of OpenMM beyond those of the force field, and energies by term.

This is the edge at which Å become nm; energies are in kJ/mol on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from herobm.types import BoolArray, FloatArray, IntArray

NM = 0.1  # per Å

#: kJ/mol/nm², of the restraints on bead centres and on heavy atoms.
BEAD_SPRING, ATOM_SPRING = 200000.0, 10000.0
#: kJ/mol/nm, the most that a bead centre is pulled by, and the same where its residue is strained,
#: as in frames of simulations: 1000 there keep angles bent and turn peptides.
BEAD_PULL, STRAINED_PULL = 1000.0, 300.0
#: kJ/mol/nm², and nm: what keeps atoms off molecules that the force field does not know, by how
#: many of the two are hydrogens.
WALL_SPRING, WALL = 20000.0, (0.33, 0.25, 0.20)

#: nm³, what the three neighbours of a tetrahedral centre span at least (0.0026 at rest), and
#: kJ/mol/nm⁶ of the force that sees to it: 1000 kJ/mol for a centre that is flat.
HAND_VOLUME, HAND_SPRING = 0.0015, 1000.0 / 0.0015**2
_HAND_ENERGY = (
    "kh*step(vh-v)*(vh-v)^2; v=hand*(ax*(by*cz-bz*cy)+ay*(bz*cx-bx*cz)+az*(bx*cy-by*cx)); "
    "ax=x2-x1; ay=y2-y1; az=z2-z1; bx=x3-x1; by=y3-y1; bz=z3-z1; cx=x4-x1; cy=y4-y1; cz=z4-z1"
)

#: Degrees, how far a torsion that is held may turn before it feels anything: a peptide off its
#: plane, phi and psi; and kJ/mol/rad² of what brings it back: 15 kJ/mol at 10 degrees more.
PEPTIDE_ROOM, BACKBONE_ROOM, TORSION_SPRING = 15.0, 0.0, 500.0
_TORSION_ENERGY = (
    f"{TORSION_SPRING}*step(off-room)*(off-room)^2; off=min(turn,2*pi-turn); "
    f"turn=abs(dihedral(p1,p2,p3,p4)-rest); pi={np.pi!r}"
)

#: The terms that energies are told by, in order.
TERMS = ("bond", "angle", "torsion", "nonbonded", "restraint")

_TERM_OF = {
    "HarmonicBondForce": "bond",
    "HarmonicAngleForce": "angle",
    "PeriodicTorsionForce": "torsion",
    "RBTorsionForce": "torsion",
    "CustomTorsionForce": "torsion",
    "CMAPTorsionForce": "torsion",
    "CustomCentroidBondForce": "restraint",
    "CustomExternalForce": "restraint",
    "CustomCompoundBondForce": "restraint",
}


def hold_beads(
    system: Any, groups: Iterable[tuple[IntArray, FloatArray, FloatArray, bool]]
) -> None:
    """Hold weighted centres of atoms by springs that are stiff nearby and give way farther off.

    The energy is that of Charbonnier, k r0^2 (sqrt(1 + (r / r0)^2) - 1): k r^2 / 2 for small r,
    k r0 r for large.

    Parameters
    ----------
    system : openmm.System
    groups : iterable of (atoms, weights, position, strained)
        Positions in Å; strained ones are pulled less.
    """
    import openmm

    force = openmm.CustomCentroidBondForce(
        1, "k*r0^2*(sqrt(1+((x1-x0)^2+(y1-y0)^2+(z1-z0)^2)/r0^2)-1)"
    )
    force.addGlobalParameter("k", BEAD_SPRING)
    for name in ("x0", "y0", "z0", "r0"):
        force.addPerBondParameter(name)
    for atoms, weights, place, strained in groups:
        group = force.addGroup([int(a) for a in atoms], [float(w) for w in weights])
        reach = (STRAINED_PULL if strained else BEAD_PULL) / BEAD_SPRING
        force.addBond([group], [*(place * NM).tolist(), reach])
    system.addForce(force)


def hold_atoms(system: Any, rows: IntArray, positions: FloatArray) -> None:
    """Hold atoms by springs at positions (n_atoms, 3), Å."""
    import openmm

    force = openmm.CustomExternalForce("0.5*ka*((x-x0)^2+(y-y0)^2+(z-z0)^2)")
    force.addGlobalParameter("ka", ATOM_SPRING)
    for name in ("x0", "y0", "z0"):
        force.addPerParticleParameter(name)
    for row in rows.tolist():
        force.addParticle(row, (positions[row] * NM).tolist())
    system.addForce(force)


def hold_hands(system: Any, centres: IntArray, signs: IntArray) -> None:
    """Keep chiral centres from turning over where atoms are crowded; those at rest feel nothing.

    Parameters
    ----------
    system : openmm.System
    centres : IntArray, shape (n, 4)
        The centre and three of its neighbours.
    signs : IntArray, shape (n,)
        Of the triple product of the vectors from the centre to the three.
    """
    import openmm

    if not len(centres):
        return
    force = openmm.CustomCompoundBondForce(4, _HAND_ENERGY)
    for name, value in (("kh", HAND_SPRING), ("vh", HAND_VOLUME)):
        force.addGlobalParameter(name, value)
    force.addPerBondParameter("hand")
    for rows, sign in zip(centres.tolist(), signs.tolist(), strict=True):
        force.addBond(rows, [float(sign)])
    system.addForce(force)


def hold_torsions(system: Any, quads: IntArray, rest: FloatArray, room: float) -> None:
    """Keep torsion angles near what they are to be; those at rest feel nothing of it.

    Parameters
    ----------
    system : openmm.System
    quads : IntArray, shape (n, 4)
        Atoms.
    rest : FloatArray, shape (n,)
        Degrees, -180 to 180.
    room : float
        Degrees, how far from that they may turn.
    """
    import openmm

    if not len(quads):
        return
    force = openmm.CustomCompoundBondForce(4, _TORSION_ENERGY)
    force.addPerBondParameter("rest")
    force.addPerBondParameter("room")
    for rows, angle in zip(quads.tolist(), np.radians(rest).tolist(), strict=True):
        force.addBond(rows, [angle, float(np.radians(room))])
    system.addForce(force)


def keep_off(
    system: Any,
    positions: FloatArray,
    heavy: BoolArray,
    others: FloatArray,
    others_heavy: BoolArray,
) -> None:
    """Keep atoms off points that do not move.

    Parameters
    ----------
    system : openmm.System
    positions : FloatArray, shape (n_atoms, 3)
        Å, of the atoms of the system.
    heavy : BoolArray, shape (n_atoms,)
    others : FloatArray, shape (n, 3)
        Å, points.
    others_heavy : BoolArray, shape (n,)
    """
    import openmm

    if not len(others) or not len(positions):
        return
    force = openmm.CustomExternalForce(
        "kw*step(r0-r)*(r0-r)^2; r=sqrt((x-x0)^2+(y-y0)^2+(z-z0)^2+1e-8)"
    )
    force.addGlobalParameter("kw", WALL_SPRING)
    for name in ("x0", "y0", "z0", "r0"):
        force.addPerParticleParameter(name)
    near = cKDTree(positions).query_ball_tree(cKDTree(others), 6.0)
    for row, points in enumerate(near):
        for point in points:
            radius = WALL[int(not heavy[row]) + int(not others_heavy[point])]
            force.addParticle(row, [*(others[point] * NM).tolist(), radius])
    system.addForce(force)


def sort_terms(system: Any) -> None:
    """Give each force the group of its term, so that energies can be told apart."""
    for force in system.getForces():
        term = _TERM_OF.get(type(force).__name__, "nonbonded")
        force.setForceGroup(TERMS.index(term))


def energies(context: Any) -> dict[str, float]:
    """Energy of each term in kJ/mol."""
    from openmm import unit

    found = {}
    for group, term in enumerate(TERMS):
        state = context.getState(getEnergy=True, groups={group})
        found[term] = float(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))
    return found


def place(context: Any, positions: FloatArray) -> None:
    """Set positions (n_atoms, 3) in Å."""
    from openmm import unit

    context.setPositions((positions * NM) * unit.nanometer)


def places(context: Any) -> FloatArray:
    """Read positions (n_atoms, 3) in Å."""
    from openmm import unit

    state = context.getState(getPositions=True)
    found = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    return np.asarray(found, dtype=np.float64) / NM
