"""Short peptides, packed as `herobm data build` packs structures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from herobm.dsl import load_set
from herobm.dsl.model import MappingSet
from herobm.nn.config import ModelConfig
from herobm.train.config import TrainConfig
from herobm.train.dataset import write_dataset
from herobm.types import Atoms
from herobm.weights import expected

ROOT = Path(__file__).resolve().parents[2]
Structures = list[tuple[str, Atoms]]


@pytest.fixture(autouse=True)
def _short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What errors to expect of a tiny network needs no long fit."""
    monkeypatch.setattr(expected, "STEPS", 100)


@pytest.fixture(scope="session")
def mappings() -> MappingSet:
    folder = ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein"
    return load_set(sorted(folder.glob("*.map")), "martini3/protein")


@pytest.fixture(scope="session")
def structures(peptide: Callable[[str], Atoms]) -> Structures:
    """All amino acids, 27 residues."""
    sequences = {"one": "ACDEFGHI", "two": "RQPNMDRE", "three": "YWVTS", "four": "KLVDFR"}
    return [(name, peptide(sequence)) for name, sequence in sequences.items()]


@pytest.fixture(scope="session")
def dataset_file(
    structures: Structures, mappings: MappingSet, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("data") / "peptides.safetensors"
    write_dataset(path, structures, mappings)
    return path


@pytest.fixture(scope="session")
def tiny_model() -> ModelConfig:
    return ModelConfig(n_channels=4, l_max=1, n_radial=4, hidden=16, readout=8, n_blocks=1)


@pytest.fixture
def tiny_run(dataset_file: Path, tiny_model: ModelConfig, tmp_path: Path) -> TrainConfig:
    """Three epochs of nine steps: residues in threes, one run of them a step."""
    return TrainConfig(
        train=dataset_file,
        valid=dataset_file,
        output=tmp_path / "run",
        model=tiny_model,
        epochs=3,
        segment=3,
        batch=1,
        warm_up=5,
        derived=({"residue": "ACE", "at": "start", "atoms": {"CA": "CH3", "C": "C", "O": "O"}},),
    )
