"""Shares of torsion angles: read between bins, given the rotor before, joined of several models."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.chem.rotor_shares import RotorShares
from herobm.types import FloatArray


def table(*peaks: int) -> FloatArray:
    """Each rotor likes the bin `peak` farther than that of the rotor before; 36 of them."""
    at = np.arange(36)
    off = (at[None] - at[:, None] - np.array(peaks)[:, None, None] + 18) % 36 - 18
    return -0.1 * off.astype(float) ** 2


def shares(first_atom: int, *peaks: int) -> RotorShares:
    start = np.arange(len(peaks))[:, None] + first_atom
    return RotorShares(
        lambda: (start + np.arange(4), np.arange(len(peaks)) - 1), lambda: table(*peaks)
    )


def test_energy_is_read_between_the_middles_of_the_bins() -> None:
    one = shares(0, 6)
    rows = np.zeros(1, np.int64)
    found = one.energy(rows, np.array([[65.0, 60.0, 75.0, -295.0]]), np.array([[3.0]]))
    np.testing.assert_allclose(found, [[0.0, 0.05, 0.1, 0.0]])


def test_energy_depends_on_the_rotor_before() -> None:
    one = shares(0, 6)
    before = np.array([[5.0, 15.0, -5.0]])
    found = one.energy(np.zeros(1, np.int64), np.full((1, 3), 65.0), before)
    np.testing.assert_allclose(found, [[0.0, 0.1, 0.1]])


def test_those_of_several_models_are_one() -> None:
    asked = []

    def tell() -> FloatArray:
        asked.append(1)
        return table(3)

    late = RotorShares(lambda: (np.array([[20, 21, 22, 23]]), np.array([-1])), tell)
    both = RotorShares.joined([shares(0, 1, 2), late])
    assert both is not None
    assert not asked
    assert both.before.tolist() == [-1, 0, -1]
    assert both.find(np.array([[21, 22], [2, 3], [3, 2]])).tolist() == [2, 1, -1]
    np.testing.assert_array_equal(both.log_shares, table(1, 2, 3))
    assert both.log_shares is both.log_shares
    assert len(asked) == 1
    assert RotorShares.joined([late]) is late
    assert RotorShares.joined([]) is None


@pytest.mark.parametrize("axes", [np.zeros((0, 2), np.int64), np.array([[7, 8]])])
def test_what_is_not_told_is_not_found(axes: np.ndarray) -> None:
    assert (shares(0, 1).find(axes) == -1).all()
