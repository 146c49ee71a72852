"""How often each bond about which a side branch turns shows which angle, as a model tells it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from herobm.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class RotorShares:
    """Shares of the angles of rotors (see `herobm.chem.rotors`), each given that before it.

    Neither is made before it is needed, for most steps do without.

    Attributes
    ----------
    lay : callable
        Returns `quads` and `before`.
    tell : callable
        Returns `log_shares`.
    """

    lay: Callable[[], tuple[IntArray, IntArray]] = field(repr=False)
    tell: Callable[[], FloatArray] = field(repr=False)

    def __len__(self) -> int:
        return len(self.quads)

    @property
    def quads(self) -> IntArray:
        """Atoms of each torsion, shape (n, 4)."""
        return self._laid[0]

    @property
    def before(self) -> IntArray:
        """Rotor at whose outer atom each begins, -1 for none, shape (n,)."""
        return self._laid[1]

    @cached_property
    def _laid(self) -> tuple[IntArray, IntArray]:
        return self.lay()

    @classmethod
    def joined(cls, parts: Sequence[RotorShares]) -> RotorShares | None:
        """Return those of several models as one; None of none."""
        if len(parts) < 2:
            return parts[0] if parts else None

        def lay() -> tuple[IntArray, IntArray]:
            starts = np.cumsum([0, *(len(part) for part in parts)])
            before = [
                np.where(part.before >= 0, part.before + start, -1)
                for part, start in zip(parts, starts.tolist(), strict=False)
            ]
            return np.concatenate([part.quads for part in parts]), np.concatenate(before)

        return cls(lay, lambda: np.concatenate([part.log_shares for part in parts]))

    @cached_property
    def log_shares(self) -> FloatArray:
        """Logarithms of the shares of the angles, shape (n, n_bins, n_bins).

        By the angle of the rotor before, and the own one.
        """
        return self.tell()

    def find(self, axes: IntArray) -> IntArray:
        """Find rotors by the atoms of their axes, shape (n_axes, 2); -1 where none is told."""
        known = self._row_of
        return np.array([known.get((b, c), -1) for b, c in axes.tolist()], dtype=np.int64)

    @cached_property
    def _row_of(self) -> dict[tuple[int, int], int]:
        return {(b, c): row for row, (_, b, c, _) in enumerate(self.quads.tolist())}

    def energy(self, rows: IntArray, angles: FloatArray, before: FloatArray) -> FloatArray:
        """Return minus the logarithms of the shares, energies in kT.

        Parameters
        ----------
        rows : IntArray, shape (n,)
        angles : FloatArray, shape (n, n_angles)
            Degrees.
        before : FloatArray, shape (n, n_angles) or (n, 1)
            Degrees, of the rotor before; anything where there is none.

        Returns
        -------
        FloatArray, shape (n, n_angles)
        """
        table = self.log_shares
        n_bins = table.shape[2]
        place = angles % 360.0 * (n_bins / 360.0) - 0.5
        low = np.floor(place).astype(np.int64)
        part = place - low
        last = np.floor(before % 360.0 * (n_bins / 360.0)).astype(np.int64) % n_bins
        one, two = (table[rows[:, None], last, (low + step) % n_bins] for step in (0, 1))
        energy: FloatArray = -((1.0 - part) * one + part * two)
        return energy
