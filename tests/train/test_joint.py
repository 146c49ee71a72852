"""One network for several mapping sets: their corpora laid one after another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from herobm.dsl import load_set
from herobm.dsl.model import MappingSet
from herobm.nn.config import ModelConfig
from herobm.nn.strain import Strain
from herobm.plan import compile_library
from herobm.train.batch import cut_batch
from herobm.train.config import TrainConfig, parse_config
from herobm.train.corpus import build_corpus
from herobm.train.dataset import read_dataset, write_dataset
from herobm.train.joint import join_corpora, join_statistics
from herobm.train.loop import train
from herobm.train.shake import rest
from herobm.types import Atoms
from herobm.weights.file import load_weights
from herobm.weights.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
CUTOFF = 8.0


@pytest.fixture(scope="module")
def packs(
    structures: list[tuple[str, Atoms]],
    mappings: MappingSet,
    dataset_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Path]:
    """The same peptides with the beads of Martini 3, on C-alpha, and on N, CA, C and O."""
    files = [dataset_file]
    for name in ("ca", "n-ca-c-o"):
        folder = ROOT / "plugins/ca_only/src/herobm_ca_only/mappings" / name
        files.append(tmp_path_factory.mktemp(name) / "peptides.safetensors")
        mapping = load_set(sorted(folder.glob("*.map")), f"ca_only/{name}")
        write_dataset(files[-1], structures, mapping)
    return files


def test_batches_are_those_of_each_alone(packs: list[Path]) -> None:
    data = [read_dataset(path) for path in packs]
    libraries = [compile_library(pack.mappings) for pack in data]
    both, model = Vocabulary.of(*libraries), ModelConfig(cutoff=CUTOFF)
    joined = join_corpora([build_corpus(d, both, model)[0] for d in data], both.n_slots)
    still = rest(joined, Strain(both.n_types))
    begin = 0
    for pack, library in zip(data, libraries, strict=True):
        own = Vocabulary.of(library)
        alone, _ = build_corpus(pack, own, model)
        first, last = torch.tensor([12, 3]), torch.tensor([20, 8])
        one = cut_batch(alone, rest(alone, Strain(own.n_types)), first, last, own.n_slots)
        two = cut_batch(joined, still, first + begin, last + begin, both.n_slots)
        begin += alone.n_residues
        said = torch.randn(len(one.beads), both.n_slots, 3)
        same = (one.place(said[:, : own.n_slots]) - two.place(said)).abs().max()
        assert same < 1e-5
        for name in ("beads", "targets", "bonds", "angles", "torsions"):
            assert torch.equal(*(torch.nan_to_num(getattr(b, name)) for b in (one, two)))
        assert torch.equal(one.graph.edge_vectors, two.graph.edge_vectors)
        assert torch.equal(one.graph.place_vectors, two.graph.place_vectors)
        assert len(one.swaps) == len(two.swaps)
    assert begin == joined.n_residues
    assert (joined.structure.diff() >= 0).all()
    assert len(joined.structure.unique()) == 3 * len(data[0].names)


def test_statistics_are_those_of_each_type(packs: list[Path]) -> None:
    data = [read_dataset(path) for path in packs]
    both = Vocabulary.of(*(compile_library(pack.mappings) for pack in data))
    made = [build_corpus(d, both, ModelConfig(cutoff=CUTOFF)) for d in data]
    joined = join_statistics([c for c, _ in made], [s for _, s in made])
    for corpus, told in made:
        kinds = corpus.types.unique()
        assert torch.equal(joined.longest[kinds], told.longest[kinds])
        assert torch.equal(joined.usual[kinds], told.usual[kinds])
        assert told.bonds.keys() <= joined.bonds.keys()


def test_one_network_learns_them_all(packs: list[Path], tiny_run: TrainConfig) -> None:
    path = train(tiny_run.model_copy(update={"also": tuple(packs[1:])}))
    assert path is not None
    weights = load_weights(path)
    for pack in map(read_dataset, packs):
        assert all(weights.header.vocabulary.knows(t) for t in compile_library(pack.mappings))
    names = ["martini3/protein", "ca_only/ca", "ca_only/n-ca-c-o"]
    assert weights.header.training["mappings"] == names


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    data = {"train": "a", "valid": "b", "output": "c", "also": ["d", "e"]}
    config = parse_config(data, tmp_path / "run.yaml")
    assert config.also == (tmp_path / "d", tmp_path / "e")
