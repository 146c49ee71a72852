"""Rings that chemistry keeps flat."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from herobm.chem.labelled import build_molecule
from herobm.plan.plan import Plan
from herobm.plan.template import ANYWHERE, Template
from herobm.types import BoolArray, FloatArray, IntArray

#: Å, an aromatic ring with an atom farther from its plane is bent. In molecular dynamics at 300 K
#: no atom of NECA's purine is farther than this in 1000 frames.
BENT = 0.2


@lru_cache(maxsize=4096)
def flat_rings(template: Template) -> tuple[IntArray, ...]:
    """Find the aromatic rings of a template.

    Parameters
    ----------
    template : Template

    Returns
    -------
    tuple of IntArray
        Rebuilt atoms of each ring all of whose atoms are rebuilt.
    """
    if not template.mapping.bonds:
        return ()
    built = build_molecule(template, ANYWHERE)
    if built is None:
        return ()
    rings = [list(ring) for ring in built.mol.GetRingInfo().AtomRings()]
    return tuple(
        np.array([built.rebuilt[a] for a in ring], dtype=np.int64)
        for ring in rings
        if all(a in built.rebuilt and built.mol.GetAtomWithIdx(a).GetIsAromatic() for a in ring)
    )


def in_flat_ring(plan: Plan, groups: IntArray) -> BoolArray:
    """Tell which groups of atoms lie in one aromatic ring.

    Parameters
    ----------
    plan : Plan
    groups : IntArray, shape (n, k)
        Atoms of the plan.

    Returns
    -------
    BoolArray, shape (n,)
    """
    found = np.zeros(len(groups), bool)
    residue = plan.atom_residue[groups]
    alone = (residue == residue[:, :1]).all(axis=1)
    kind, local = plan.template[residue[:, 0]], plan.atom_local[groups]
    for number in np.unique(plan.template).tolist():
        mine = np.flatnonzero(alone & (kind == number))
        for ring in flat_rings(plan.library.templates[number]):
            found[mine] |= np.isin(local[mine], ring).all(axis=1)
    return found


def ring_depths(plan: Plan, positions: FloatArray) -> tuple[list[IntArray], FloatArray]:
    """Tell how far from flat the aromatic rings of a system are.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
        Å; NaN where an atom is missing.

    Returns
    -------
    rings : list of IntArray
        Atoms of the plan, of rings that are complete.
    depths : FloatArray, shape (n_rings,)
        Å, of the atom farthest from the plane of least squares of its ring.
    """
    index = plan.atom_index()
    rings: list[IntArray] = []
    depths: list[float] = []
    for kind in np.unique(plan.template).tolist():
        residues = np.flatnonzero(plan.template == kind)
        for ring in flat_rings(plan.library.templates[kind]):
            atoms = index[residues][:, ring]
            atoms = atoms[(atoms >= 0).all(axis=1)]
            atoms = atoms[np.isfinite(positions[atoms]).all(axis=(1, 2))]
            if len(atoms):
                around = positions[atoms] - positions[atoms].mean(axis=1, keepdims=True)
                normal = np.linalg.svd(around)[2][:, 2]
                away = np.abs((around * normal[:, None]).sum(axis=2)).max(axis=1)
                rings += list(atoms)
                depths += away.tolist()
    return rings, np.array(depths)


def bent_rings(plan: Plan, positions: FloatArray) -> list[IntArray]:
    """Find the aromatic rings that are not flat.

    Parameters and atoms are those of `ring_depths`.
    """
    rings, depths = ring_depths(plan, positions)
    return [ring for ring, depth in zip(rings, depths, strict=True) if depth > BENT]
