"""What errors to expect: found from what was judged, and held within it."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.types import FloatArray
from herobm.weights.expected import LARGEST, ErrorFit, Judged, fit_errors, join_judged

TRUE = ErrorFit(offset=(-1.2, 2.0, -0.5, -0.8, 0.0), slope=(0.6, 0.0, 0.0, 0.3, 0.0))


def judged(seed: int, n: int, most_strain: float = 0.4) -> Judged:
    """Beads whose errors are drawn from the exponential distributions that TRUE describes."""
    rng = np.random.default_rng(seed)
    log_error, strain = rng.normal(-2.0, 1.5, n), rng.uniform(0.0, most_strain, n)
    found = rng.exponential(TRUE.squares(log_error, strain))
    return Judged(log_error, strain, found, rng.integers(1, 6, n).astype(float))


def mean_ratio(fit: ErrorFit, other: Judged) -> FloatArray:
    """Mean of found over expected, for five parts of the beads sorted by the error expected."""
    expected = fit.squares(other.log_error, other.strain)
    parts = np.array_split(np.argsort(expected), 5)
    return np.array([(other.found / expected)[part].mean() for part in parts])


def test_other_beads_err_as_is_expected() -> None:
    other = judged(1, 20_000)
    assert np.abs(mean_ratio(ErrorFit(), other) - 1.0).max() > 0.5
    fit = fit_errors(judged(0, 20_000))
    assert mean_ratio(fit, other) == pytest.approx(np.ones(5), abs=0.08)


def test_few_beads_change_little() -> None:
    fit = fit_errors(judged(0, 3))
    assert np.subtract(fit.slope, ErrorFit().slope) == pytest.approx(np.zeros(5), abs=0.2)


def test_nothing_beyond_what_was_seen() -> None:
    fit = fit_errors(judged(0, 5_000))
    wild = fit.squares(np.array([50.0, -2.0, -2.0]), np.array([0.1, LARGEST, 9.0]))
    assert wild[0] == fit.most < 10.0
    assert wild[1] == pytest.approx(wild[2])


def test_parts_are_joined() -> None:
    one, two = judged(0, 4), judged(1, 5)
    both = join_judged([one, two])
    assert [len(column) for column in both] == [9, 9, 9, 9]
    assert both.found[4:] == pytest.approx(two.found)
