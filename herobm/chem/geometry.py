"""Lengths of bonds as structures have them, torsion angles, and turns about axes."""

from __future__ import annotations

import numpy as np

from herobm.plan.plan import Plan
from herobm.system.neighbours import pair_distances
from herobm.types import FloatArray, IntArray, StrArray

#: Å from the median of its kind at which two atoms are not bonded.
NO_BOND = 0.3


def bond_labels(plan: Plan, bonds: IntArray) -> StrArray:
    """Name the kind of each bond: ``KEY:CA-CB``, or ``C-KEY:N`` from one residue to the next.

    KEY is that of the template, so that residue kinds that rebuild the same atoms by the same
    rules (protonation states) have their bonds in common.

    Parameters
    ----------
    plan : Plan
    bonds : IntArray, shape (n_bonds, 2)

    Returns
    -------
    StrArray, shape (n_bonds,)
    """
    first, second = bonds[:, 0], bonds[:, 1]
    keys = np.array([t.key for t in plan.library], dtype=np.str_)
    kind = keys[plan.template[plan.atom_residue]]
    names = plan.atom_names
    inside = plan.atom_residue[first] == plan.atom_residue[second]
    within = np.char.add(np.char.add(kind[first], ":"), names[first])
    across = np.char.add(np.char.add(kind[second], ":"), names[second])
    labels: StrArray = np.where(
        inside,
        np.char.add(np.char.add(within, "-"), names[second]),
        np.char.add(np.char.add(names[first], "-"), across),
    )
    return labels


def bond_statistics(
    plan: Plan, bonds: IntArray, positions: FloatArray, fewest: int = 20
) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation (Å) of each kind of bond.

    Parameters
    ----------
    plan : Plan
    bonds : IntArray, shape (n_bonds, 2)
    positions : FloatArray, shape (n_atoms, 3)
        Å; NaN where an atom is missing.
    fewest : int
        Kinds seen less often are left out, and so are bonds that are `NO_BOND` off the median of
        their kind: chains with residues missing may have been joined there.
    """
    lengths = pair_distances(positions, bonds)
    known = np.isfinite(lengths)
    lengths = lengths[known]
    labels, kind = np.unique(bond_labels(plan, bonds[known]), return_inverse=True)
    usual = np.array([np.median(lengths[kind == k]) for k in range(len(labels))])
    true = np.abs(lengths - usual[kind]) < NO_BOND
    lengths, kind = lengths[true], kind[true]
    counts = np.bincount(kind, minlength=len(labels))
    mean = np.bincount(kind, lengths, len(labels)) / np.maximum(counts, 1)
    squares = np.bincount(kind, (lengths - mean[kind]) ** 2, len(labels))
    spread = np.sqrt(squares / np.maximum(counts, 1))
    return {
        str(label): (round(float(m), 4), round(float(s), 4))
        for label, m, s, n in zip(labels, mean, spread, counts, strict=True)
        if n >= fewest
    }


def dihedrals(positions: FloatArray, quads: IntArray) -> FloatArray:
    """Torsion angles.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
    quads : IntArray, shape (..., 4)

    Returns
    -------
    FloatArray, shape (...)
        Degrees from -180 to 180 in the IUPAC sense; NaN where an atom is missing.
    """
    a, b, c, d = np.moveaxis(positions[quads], -2, 0)
    axis = c - b
    one, two = np.cross(b - a, axis), np.cross(axis, d - c)
    sine = (np.cross(one, two) * axis).sum(axis=-1)
    cosine = (one * two).sum(axis=-1) * np.linalg.norm(axis, axis=-1)
    turned: FloatArray = np.degrees(np.arctan2(sine, cosine))
    return turned


def turn_about(axes: FloatArray, arms: FloatArray, angles: FloatArray) -> FloatArray:
    """Turn vectors about axes (Rodrigues' formula).

    Parameters
    ----------
    axes : FloatArray, shape (n, 3)
        Of any length.
    arms : FloatArray, shape (n, n_arms, 3)
    angles : FloatArray, shape (n, n_angles)
        Radians, by the right-hand rule.

    Returns
    -------
    FloatArray, shape (n, n_angles, n_arms, 3)
    """
    unit = (axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-9))[:, None]
    along = (arms * unit).sum(axis=2, keepdims=True) * unit
    cosine, sine = np.cos(angles)[..., None, None], np.sin(angles)[..., None, None]
    turned: FloatArray = (
        along[:, None] + (arms - along)[:, None] * cosine + np.cross(unit, arms)[:, None] * sine
    )
    return turned


def third_place(one: FloatArray, two: FloatArray) -> FloatArray:
    """Direction of the third neighbour of a planar centre, away from the other two.

    Parameters
    ----------
    one, two : FloatArray, shape (..., 3)
        From the centre to its neighbours, of any length.

    Returns
    -------
    FloatArray, shape (..., 3)
        Of length 1; shorter, down to 0, where the other two lie in a line with the centre.
    """
    units = [v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9) for v in (one, two)]
    away = -units[0] - units[1]
    direction: FloatArray = away / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9)
    return direction


def reference_lengths(
    plan: Plan, bonds: IntArray, reference: dict[str, tuple[float, float]]
) -> FloatArray:
    """Mean and standard deviation (Å) of the kind of each bond, NaN where none is known.

    Parameters
    ----------
    plan : Plan
    bonds : IntArray, shape (n_bonds, 2)
    reference : dict
        Kind of bond -> mean and standard deviation in Å.

    Returns
    -------
    FloatArray, shape (n_bonds, 2)
    """
    labels, kind = np.unique(bond_labels(plan, bonds), return_inverse=True)
    known = np.array([reference.get(str(label), (np.nan, np.nan)) for label in labels])
    lengths: FloatArray = known.reshape(-1, 2)[kind]
    return lengths


def limit_bonds(
    positions: FloatArray,
    bonds: IntArray,
    lengths: FloatArray,
    tolerance: float | FloatArray,
    n_sweeps: int = 30,
) -> FloatArray:
    """Pull bonds back that are farther than a tolerance from the length they should have.

    Position-based dynamics (Müller et al., J. Vis. Commun. Image Represent. 18, 109 (2007)): in
    each sweep both atoms of every bond outside the tolerance move half of what is missing,
    averaged over the bonds of an atom. Bonds within it, and so most of a good structure, are not
    touched.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    bonds : IntArray, shape (n_bonds, 2)
    lengths : FloatArray, shape (n_bonds,)
        Å; NaN for bonds that are left alone.
    tolerance : float or FloatArray, shape (n_bonds,)
        Å.
    n_sweeps : int
        At most so many sweeps.

    Returns
    -------
    FloatArray, shape (n_atoms, 3)
    """
    known = np.isfinite(lengths)
    bonds, lengths = bonds[known], lengths[known]
    room = np.broadcast_to(tolerance, known.shape)[known]
    moved = positions.copy()
    for _ in range(n_sweeps):
        along = moved[bonds[:, 1]] - moved[bonds[:, 0]]
        length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
        excess = length - lengths
        off = np.flatnonzero(np.abs(excess) > room)
        if len(off) == 0:
            break
        beyond = excess[off] - np.sign(excess[off]) * 0.9 * room[off]
        step = along[off] * (0.5 * beyond / length[off])[:, None]
        count = np.bincount(bonds[off].ravel(), minlength=len(moved))[:, None]
        for column, sign in ((0, 1.0), (1, -1.0)):
            share = count[bonds[off, column]]
            np.add.at(moved, bonds[off, column], sign * step / np.maximum(share, 1))
    return moved
