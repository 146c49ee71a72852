"""Beads are moved as told, and what moved them can be told from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from herobm.errors import ConfigError
from herobm.nn.config import ModelConfig
from herobm.nn.strain import N_NEAR, Strain
from herobm.plan import Library
from herobm.plan.context import N_OWN
from herobm.train.corpus import Corpus, build_corpus
from herobm.train.dataset import read_dataset
from herobm.train.drift import read_drift
from herobm.train.shake import Shaking, drift_apart, rest, shake
from herobm.weights.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def vocabulary(martini3: Library) -> Vocabulary:
    return Vocabulary.of(martini3)


@pytest.fixture(scope="module")
def corpus(dataset_file: Path, vocabulary: Vocabulary) -> Corpus:
    return build_corpus(read_dataset(dataset_file), vocabulary, ModelConfig())[0]


@pytest.fixture(scope="module")
def strain(corpus: Corpus, vocabulary: Vocabulary) -> Strain:
    """Knows the distances of just these peptides."""
    made = Strain(vocabulary.n_types)
    places = corpus.places[:, :N_NEAR].long()
    length = (corpus.beads[places] - corpus.beads.unsqueeze(1)).norm(dim=-1)
    for kind in range(vocabulary.n_types):
        mine = (corpus.types == kind).nonzero().squeeze(1)
        if len(mine):
            made.usual[kind] = length[mine[-1]]
            made.spread[kind] = 0.1 * (places[mine[-1]] >= 0)
    return made


def shaken_by(corpus: Corpus, strain: Strain, seed: int = 3, **how: float) -> torch.Tensor:
    settings = {"noise_share": 0.0, "noise": 0.4, "drift_share": 0.0} | how
    drift = torch.full((len(strain.usual), N_OWN), 0.5)
    generator = torch.Generator().manual_seed(seed)
    moved = shake(corpus, Shaking(drift=drift, **settings), strain, generator)
    return (moved.positions - corpus.beads).norm(dim=1)


def test_noise_differs_between_structures(corpus: Corpus, strain: Strain) -> None:
    moved = shaken_by(corpus, strain, noise_share=1.0)
    widths = [float(moved[corpus.bead_structure == s].mean()) for s in range(4)]
    assert max(widths) < 0.9
    assert min(widths) > 0.0
    assert len({round(w, 3) for w in widths}) == 4
    assert float(shaken_by(corpus, strain).max()) == 0.0


def test_a_share_of_the_structures_stays(corpus: Corpus, strain: Strain) -> None:
    moved = [shaken_by(corpus, strain, seed=seed, noise_share=0.5) for seed in range(5)]
    still = [float(m[corpus.bead_structure == s].max()) == 0.0 for m in moved for s in range(4)]
    assert 4 <= sum(still) <= 16


def test_drift_lengthens_what_it_says(corpus: Corpus, vocabulary: Vocabulary) -> None:
    drift = torch.full((vocabulary.n_types, N_OWN), 0.5)
    moved = drift_apart(corpus, torch.ones(len(corpus.beads)), drift)
    places = corpus.places[:, :N_OWN].long()
    there = places >= 0
    before = (corpus.beads[places] - corpus.beads.unsqueeze(1)).norm(dim=-1)[there]
    after = (moved[places] - moved.unsqueeze(1)).norm(dim=-1)[there]
    assert float((after - before - 0.5).abs().median()) < 0.1
    first = corpus.places[:, 0] < 0
    assert torch.equal(moved[first], corpus.beads[first])


def test_strain_tells_the_width_of_noise(corpus: Corpus, strain: Strain) -> None:
    """Variances add up: that of the noise comes on top of what peptides differ by."""
    before = float(rest(corpus, strain).strain.square().mean())
    generator = torch.Generator().manual_seed(0)
    for width in (0.2, 0.5):
        shift = torch.randn(corpus.beads.shape, generator=generator) * width
        found = float(rest(corpus, strain, shift).strain.square().mean())
        assert (found - before) ** 0.5 == pytest.approx(width, rel=0.3)


def test_nothing_known_is_no_strain(corpus: Corpus, vocabulary: Vocabulary) -> None:
    assert float(rest(corpus, Strain(vocabulary.n_types)).strain.abs().max()) == 0.0


def row(residue: str, bead: str, place: str, mean: float, n: int = 100) -> dict[str, object]:
    training = {"mean": 3.0, "sd": 0.1, "n": 1000}
    return {
        "residue": residue, "bead": bead, "place": place,
        "mean": mean, "sd": 0.2, "n": n, "training": training,
    }  # fmt: skip


def test_drift_is_read_for_bead_types(
    martini3: Library, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    path = tmp_path / "frames.json"
    rows = [
        row("PHE", "BB", "SC1", 3.4),
        row("SER", "BB", "SC1", 3.2),
        row("LEU", "BB", "SC1", 9.0, n=3),
    ]
    path.write_text(json.dumps({"kinds": rows}))
    table = read_drift(path, martini3, vocabulary)
    start = np.cumsum([0, *(len(e.beads) for e in vocabulary.entries)])
    first = {e.residue: int(k) for e, k in zip(vocabulary.entries, start, strict=False)}
    assert float(table[first["PHE"], 1]) == pytest.approx(0.4)
    assert float(table[first["PHE"] + 1, 0]) == pytest.approx(0.4)
    assert float(table[first["SER"], 1]) == pytest.approx(0.2)
    assert float(table[first["LEU"], 1]) == pytest.approx(0.3)  # the mean of the others


ROW = '{"residue": "PHE", "bead": "BB", "place": "SC1", "mean": 1, "n": 50, "training": %s}'


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"kinds": [{"residue": "PHE"}]}']
    + ['{"kinds": [' + ROW % told + "]}" for told in ("null", "{}", '{"n": 50}')],
)
def test_other_files_are_refused(
    text: str, martini3: Library, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    path = tmp_path / "frames.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"frames\.json") as caught:
        read_drift(path, martini3, vocabulary)
    assert "herobm data statistics" in (caught.value.hint or "")
