"""What errors to expect: fitted to what was judged, and held within it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from herobm.nn.config import ModelConfig
from herobm.nn.errors import LARGEST
from herobm.nn.model import Backmapper
from herobm.types import FloatArray
from herobm.weights import expected
from herobm.weights.expected import ErrorFit, Held, Judged, fit_errors, join_judged

CONFIG = ModelConfig(n_channels=4, hidden=16, readout=8)
N_TYPES = 3


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "STEPS", 500)
    monkeypatch.setattr(expected, "BATCH", 256)


def network() -> Backmapper:
    torch.manual_seed(0)
    return Backmapper(CONFIG, N_TYPES, 2).eval()


def judged(seed: int, n: int) -> Judged:
    """Beads with errors drawn from what their type, the strain, and what they hold would say."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, CONFIG.readout, generator=generator)
    types = torch.randint(N_TYPES - 1, (n,), generator=generator)
    strain = 0.4 * torch.rand(n, generator=generator)
    found = truth(hidden, types, strain) * -torch.log(torch.rand(n, generator=generator))
    n_atoms = torch.randint(1, 6, (n,), generator=generator).float()
    return Judged((Held(hidden, types, strain),), found, n_atoms)


def truth(hidden: torch.Tensor, types: torch.Tensor, strain: torch.Tensor) -> torch.Tensor:
    return torch.exp(-3.0 + types + hidden[:, 0] * (1.0 - 2.0 * strain) + 4.0 * strain)


def mean_ratio(fit: ErrorFit, known: Backmapper, other: Judged) -> FloatArray:
    """Mean of found over expected, for five parts of the beads sorted by the error expected."""
    told, found = fit.squares([known], other.held), other.found.numpy()
    parts = np.array_split(np.argsort(told), 5)
    return np.array([found[part].mean() / told[part].mean() for part in parts])


def test_other_beads_err_as_is_expected() -> None:
    known, other = network(), judged(1, 8_000)
    fit = fit_errors([known], [judged(0, 8_000)])
    assert mean_ratio(fit, known, other) == pytest.approx(np.ones(5), abs=0.12)
    right = torch.log(truth(*other.held[0])).numpy()
    said = np.log(fit.squares([known], other.held))
    assert np.corrcoef(right, said)[0, 1] > 0.9


def test_no_noise_is_left_out_of_the_fit() -> None:
    """Of one small structure, too, whose noisy beads err ten times as much."""
    known, calm = network(), judged(0, 150)
    far = Held(calm.held[0].hidden, calm.held[0].types, calm.held[0].strain + 0.4)
    noisy = Judged((far,), 10.0 * calm.found, calm.n_atoms)
    fit = fit_errors([known], [calm, noisy])
    for part in (calm, noisy):
        ratio = fit.squares([known], part.held).mean() / float(part.found.mean())
        assert 0.4 < ratio < 2.5
    assert abs(fit.offset) < 0.5


def test_the_same_again() -> None:
    """Whatever the networks said before plays no part, nor does what was drawn at random."""
    known, beads = network(), judged(0, 500)
    first = fit_errors([known], [beads])
    torch.rand(7)
    assert fit_errors([known], [beads]) == first


def test_of_few_beads_their_mean_is_told() -> None:
    known, few, other = network(), judged(0, 6), judged(1, 1000)
    told = fit_errors([known], [few]).squares([known], other.held)
    assert np.isfinite(told).all()
    mean = float((few.found @ few.n_atoms) / few.n_atoms.sum())
    assert mean / 10 < np.exp(np.log(told).mean()) < mean * 10


def test_a_type_that_was_never_seen_is_taken_for_a_usual_one() -> None:
    known, beads = network(), judged(0, 2_000)
    fit = fit_errors([known], [beads])
    hidden, types, strain = beads.held[0]
    unseen = Held(hidden, torch.full_like(types, N_TYPES - 1), strain)
    mean = fit.squares([known], [unseen]).mean()
    assert 0.2 < mean / float(beads.found.mean()) < 5.0


def test_nothing_beyond_what_was_seen() -> None:
    known = network()
    fit = fit_errors([known], [judged(0, 2_000)])
    hidden, types = torch.zeros(3, CONFIG.readout), torch.ones(3, dtype=torch.int64)
    strained = fit.squares([known], [Held(hidden, types, torch.tensor([0.1, LARGEST, 9.0]))])
    assert strained[1] == strained[2] <= fit.most < 100.0


def test_a_committee_expects_what_its_mean_makes() -> None:
    """Both networks see the same; that their mean errs less than either is found out."""
    members, beads = [network(), network()], judged(0, 2_000)
    both = Judged(beads.held * 2, beads.found / 3.0, beads.n_atoms)
    fit = fit_errors(members, [both])
    told = fit.squares(members, both.held)
    assert told.mean() == pytest.approx(float(both.found.mean()), rel=0.1)


def test_parts_are_joined() -> None:
    one, two = judged(0, 4), judged(1, 5)
    both = join_judged([one, two])
    assert [len(column) for column in (*both.held[0], both.found, both.n_atoms)] == [9] * 5
    assert torch.equal(both.held[0].hidden[4:], two.held[0].hidden)
    assert torch.equal(both.found[:4], one.found)
