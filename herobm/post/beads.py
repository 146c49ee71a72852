"""Beads as weighted means of the atoms that a structure has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.post.layout import Layout
from herobm.post.solve import Centres
from herobm.system.coarsen import bead_shares
from herobm.types import Beads, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class BeadCentres:
    """Where beads are, and where they should be.

    Attributes
    ----------
    all : Centres
        Those with an atom in the structure.
    bead, residue : IntArray, shape (n,)
        Of each of them.
    """

    all: Centres
    bead: IntArray
    residue: IntArray

    def only(self, kept: BoolArray) -> BeadCentres:
        """Leave beads out; `kept` has shape (n,)."""
        every = self.all
        centres = Centres(
            every.atoms[kept], every.shares[kept], every.targets[kept], every.weights[kept]
        )
        return BeadCentres(centres, self.bead[kept], self.residue[kept])

    def among(self, free: BoolArray, hold: FloatArray) -> Centres:
        """Centres over atoms that are free (n_atoms,), times how residues (n,) are held."""
        near = (free[self.all.atoms] & (self.all.shares > 0)).any(axis=1)
        return Centres(
            self.all.atoms[near],
            self.all.shares[near],
            self.all.targets[near],
            self.all.weights[near] * hold[self.residue[near]],
        )


def bead_centres(layout: Layout, beads: Beads | None, weight: float) -> BeadCentres:
    """Lay out the beads of a structure.

    Parameters
    ----------
    layout : Layout
    beads : Beads or None
        Where the centres should be; by default where they are.
    weight : float
        1 / Å, of each in a problem of least squares.
    """
    plan = layout.plan
    bead, share, atom = bead_shares(plan)
    there = layout.rows[atom] >= 0
    order = np.argsort(bead[there], kind="stable")
    bead, share, atom = bead[there][order], share[there][order], atom[there][order]
    counts = np.bincount(bead, minlength=plan.n_beads)
    rank = np.arange(len(bead)) - np.repeat(np.cumsum(counts) - counts, counts)
    atoms = np.zeros((plan.n_beads, int(counts.max(initial=1))), dtype=np.int64)
    first = np.zeros(plan.n_beads, dtype=np.int64)
    first[bead[rank == 0]] = atom[rank == 0]
    atoms[:] = first[:, None]  # padding stays near, so that the matrix stays narrow
    shares = np.zeros(atoms.shape)
    atoms[bead, rank], shares[bead, rank] = atom, share
    used = np.flatnonzero(shares.sum(axis=1) > 0)
    atoms, shares = atoms[used], shares[used] / shares[used].sum(axis=1, keepdims=True)
    if beads is None:
        targets = np.einsum("nk,nkx->nx", shares, layout.positions[atoms])
    else:
        targets = beads.positions[used]
    centres = Centres(atoms, shares, targets, np.full(len(used), weight))
    return BeadCentres(centres, used, plan.bead_residue[used])
