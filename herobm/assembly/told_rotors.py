"""Rotors of which a model tells the shares of their angles: energies, and angles drawn by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from herobm.chem.geometry import dihedrals
from herobm.chem.rotor_shares import RotorShares
from herobm.chem.rotors import Rotors
from herobm.types import FloatArray, IntArray


class ToldRotors(NamedTuple):
    """What a model tells of rotors.

    Attributes
    ----------
    shares : RotorShares
    rows : IntArray, shape (n,)
        Of the rotors in `shares`, -1 where nothing is told.
    after : IntArray, shape (n, n_after)
        Rotors of `shares` that begin at the outer atom of each; -1 pads.
    layers : tuple of IntArray
        Rotors that are told: those that no other one turns first, then those that one does, and so
        on. None turns another one of its layer.
    """

    shares: RotorShares
    rows: IntArray
    after: IntArray
    layers: tuple[IntArray, ...]

    @classmethod
    def of(cls, rotors: Rotors, shares: RotorShares | None) -> ToldRotors | None:
        """Find rotors among those that are told; None if none are."""
        if shares is None:
            return None
        rows = shares.find(rotors.axis)
        behind: dict[int, list[int]] = {}
        for row, before in enumerate(shares.before.tolist()):
            behind.setdefault(before, []).append(row)
        after = [behind.get(row, []) if row >= 0 else [] for row in rows.tolist()]
        table = np.full((len(rows), max(map(len, after), default=0)), -1, dtype=np.int64)
        for line, found in zip(table, after, strict=True):
            line[: len(found)] = found
        told = rows >= 0
        moved = rotors.moved[told]
        turned_by = np.bincount(moved[moved >= 0], minlength=int(rotors.axis.max(initial=-1)) + 1)
        depth = np.where(told, turned_by[rotors.axis[:, 1]], -1)
        layers = tuple(np.flatnonzero(depth == d) for d in np.unique(depth[told]).tolist())
        return cls(shares, rows, table, layers)

    def energy(self, rows: IntArray, chi: FloatArray, positions: FloatArray) -> FloatArray:
        """Energy of the angles of some rotors, and of those that follow them.

        Parameters
        ----------
        rows : IntArray, shape (n,)
        chi : FloatArray, shape (n, n_candidates)
            Degrees.
        positions : FloatArray, shape (n_atoms, 3)
            Å.

        Returns
        -------
        FloatArray, shape (n, n_candidates)
            kT; 0 where nothing is told.
        """
        energy = np.zeros(chi.shape)
        mine = self.rows[rows]
        told = np.flatnonzero(mine >= 0)
        before = self._now(self.shares.before[mine[told]], positions)
        energy[told] += self.shares.energy(mine[told], chi[told], before)
        for column in self.after[rows].T:
            there = np.flatnonzero(column >= 0)
            now = np.broadcast_to(self._now(column[there], positions), chi[there].shape)
            energy[there] += self.shares.energy(column[there], now, chi[there])
        return energy

    def turns(self, rows: IntArray, positions: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw angles of some rotors that are told, by their shares.

        Parameters
        ----------
        rows : IntArray, shape (n,)
        positions : FloatArray, shape (n_atoms, 3)
            Å.
        rng : numpy.random.Generator

        Returns
        -------
        FloatArray, shape (n, 1)
            Radians, by which to turn each.
        """
        mine = self.rows[rows]
        n_bins = self.shares.log_shares.shape[2]
        width = 360.0 / n_bins
        middles = np.broadcast_to((np.arange(n_bins) + 0.5) * width, (len(rows), n_bins))
        before = self._now(self.shares.before[mine], positions)
        noise = rng.gumbel(size=middles.shape) - self.shares.energy(mine, middles, before)
        drawn = (noise.argmax(axis=1) + rng.uniform(size=len(rows))) * width
        turns: FloatArray = np.radians(drawn[:, None] - self._now(mine, positions))
        return turns

    def _now(self, rows: IntArray, positions: FloatArray) -> FloatArray:
        """Angles of rotors of `shares`, shape (n, 1), degrees; 0 of none (-1)."""
        angles = dihedrals(positions, self.shares.quads[rows])
        now: FloatArray = np.where(rows >= 0, angles, 0.0)[:, None]
        return now
