"""Weights files: what is written is read, everything else is refused by name."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from herobm.errors import (
    MappingMismatchError,
    OutputError,
    WeightsFormatError,
    WeightsNotFoundError,
)
from herobm.nn.config import ModelConfig, SecondConfig
from herobm.nn.model import Backmapper
from herobm.plan import Library, compile_plan
from herobm.weights.expected import ErrorFit
from herobm.weights.file import (
    BEFORE,
    FORMAT,
    LEFT_BEHIND,
    Header,
    average_weights,
    join_weights,
    load_weights,
    rewrite_errors,
    save_weights,
)
from herobm.weights.packing import SCALE
from herobm.weights.vocabulary import Vocabulary


@pytest.fixture
def header(martini3: Library) -> Header:
    return Header(
        model=ModelConfig(n_channels=4, hidden=16, readout=8),
        mapping="martini3/protein",
        mapping_digest="0",
        vocabulary=Vocabulary.of(martini3),
        bonds={"CA-CB": (1.53, 0.02)},
        training={"figures": {"valid_rmsd": 0.3}},
    )


@pytest.fixture
def network(header: Header) -> Backmapper:
    return Backmapper(header.model, header.vocabulary.n_types, header.vocabulary.n_slots)


@pytest.fixture
def written(header: Header, network: Backmapper, tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_weights(path, network.state_dict(), header)
    return path


def rewritten(path: Path, **changes: object) -> Path:
    """The same file with another header."""
    with safe_open(path, framework="pt") as file:
        data = json.loads(file.metadata()["herobm"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    save_file(tensors, path, metadata={"herobm": json.dumps(data | changes)})
    return path


def test_what_is_written_is_read(written: Path, header: Header, network: Backmapper) -> None:
    read = load_weights(written)
    assert read.header == header
    assert not read.network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor.half().float(), read.network.state_dict()[name])
    assert [p.name for p in written.parent.iterdir()] == [written.name]


def test_a_place_that_cannot_be_written(written: Path, header: Header) -> None:
    before = written.read_bytes()
    target = written.with_name("folder.safetensors")
    target.mkdir()
    with pytest.raises(OutputError, match="this is a folder"):
        save_weights(target, load_weights(written).network.state_dict(), header)
    assert sorted(p.name for p in written.parent.iterdir()) == [target.name, written.name]
    assert written.read_bytes() == before
    target.rmdir()


def test_a_committee_is_one_file(written: Path, header: Header, tmp_path: Path) -> None:
    wider = header.model.model_copy(update={"hidden": 24, "second": SecondConfig(hidden=16)})
    vocabulary = header.vocabulary
    other = Backmapper(wider, vocabulary.n_types, vocabulary.n_slots)
    save_weights(
        tmp_path / "other.safetensors",
        other.state_dict(),
        header.model_copy(update={"model": wider, "errors": ErrorFit(most=3.0)}),
    )
    members = [load_weights(written), load_weights(tmp_path / "other.safetensors")]
    join_weights([*members, members[0]], tmp_path / "joined.safetensors")
    read = load_weights(tmp_path / "joined.safetensors")
    assert [n.config for n in read.networks] == [header.model, wider, header.model]
    assert read.header.errors == header.errors
    assert read.header.training["others"] == [header.training] * 2
    join_weights([read, members[1]], tmp_path / "again.safetensors")
    again = load_weights(tmp_path / "again.safetensors")
    assert len(again.networks) == 4
    assert again.header.training["others"] == [header.training] * 3
    for one, two in zip(read.networks, (members[0], members[1], members[0]), strict=True):
        mine, theirs = one.state_dict(), two.network.state_dict()
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_small_committee_is_half_as_large_and_nearly_the_same(
    header: Header, tmp_path: Path
) -> None:
    wide = header.model_copy(update={"model": ModelConfig(hidden=96, readout=64)})
    vocabulary = header.vocabulary
    network = Backmapper(wide.model, vocabulary.n_types, vocabulary.n_slots)
    save_weights(tmp_path / "wide.safetensors", network.state_dict(), wide)
    members = [load_weights(tmp_path / "wide.safetensors")] * 2
    large, path = tmp_path / "large.safetensors", tmp_path / "small.safetensors"
    join_weights(members, large)
    join_weights(members, path, bits=8)
    size = path.stat().st_size
    assert size < 0.65 * large.stat().st_size
    read = load_weights(path)
    assert read.header.bits == 8
    for network in read.networks:
        for name, tensor in members[0].network.state_dict().items():
            off = (network.state_dict()[name] - tensor).abs().amax(dim=-1)
            assert (off <= 0.51 / 127 * tensor.abs().amax(dim=-1) + 1e-6).all(), name
    before = [network.state_dict() for network in read.networks]
    rewrite_errors(path, read, ErrorFit(most=3.0))
    again = load_weights(path)
    assert (again.header.bits, again.header.errors.most) == (8, 3.0)
    assert path.stat().st_size == pytest.approx(size, rel=0.01)
    for one, two in zip(before, again.networks, strict=True):
        assert all(torch.allclose(two.state_dict()[n], t, atol=1e-6) for n, t in one.items())


@pytest.mark.parametrize("harm", ["lost", "alone", "short"])
def test_scales_that_do_not_fit(written: Path, harm: str) -> None:
    with safe_open(written, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    name = next(key for key, tensor in tensors.items() if tensor.dim() == 2)
    if harm != "alone":
        tensors[name] = torch.ones_like(tensors[name], dtype=torch.int8)
    if harm != "lost":
        tensors[name + SCALE] = torch.ones(1, 1)
    save_file(tensors, written, metadata=metadata)
    with pytest.raises(WeightsFormatError, match="is damaged: numbers in 8 bits and their scales"):
        load_weights(written)


def test_the_mean_of_two_networks(written: Path, header: Header, tmp_path: Path) -> None:
    torch.manual_seed(5)
    vocabulary = header.vocabulary
    other = Backmapper(header.model, vocabulary.n_types, vocabulary.n_slots)
    save_weights(tmp_path / "other.safetensors", other.state_dict(), header)
    members = [load_weights(written), load_weights(tmp_path / "other.safetensors")]
    average_weights(members, tmp_path / "mean.safetensors")
    read = load_weights(tmp_path / "mean.safetensors")
    assert not read.others
    assert read.header.training == {"mean_of": [header.training, header.training]}
    one, two = (member.network.state_dict() for member in members)
    for name, tensor in read.network.state_dict().items():
        assert torch.allclose(tensor, (one[name] + two[name]) / 2.0, atol=2e-3)


def test_networks_of_other_shapes_have_no_mean(
    written: Path, header: Header, tmp_path: Path
) -> None:
    wider = header.model.model_copy(update={"hidden": 24})
    network = Backmapper(wider, header.vocabulary.n_types, header.vocabulary.n_slots)
    other = tmp_path / "wider.safetensors"
    save_weights(other, network.state_dict(), header.model_copy(update={"model": wider}))
    members = [load_weights(written), load_weights(other)]
    with pytest.raises(WeightsFormatError, match=r"wider.safetensors: is of another"):
        average_weights(members, tmp_path / "mean.safetensors")
    assert not (tmp_path / "mean.safetensors").exists()


def test_a_committee_is_of_one_mapping(written: Path, header: Header, tmp_path: Path) -> None:
    entries = header.vocabulary.entries[:3]
    fewer = Vocabulary(entries=entries, n_slots=header.vocabulary.n_slots)
    network = Backmapper(header.model, fewer.n_types, fewer.n_slots)
    other = tmp_path / "fewer.safetensors"
    save_weights(other, network.state_dict(), header.model_copy(update={"vocabulary": fewer}))
    with pytest.raises(WeightsFormatError, match=r"fewer\.safetensors: was trained with another"):
        join_weights([load_weights(written), load_weights(other)], tmp_path / "joined.safetensors")
    assert not (tmp_path / "joined.safetensors").exists()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"none\.safetensors: no such weights file"):
        load_weights(tmp_path / "none.safetensors")


def test_pickles_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    with pytest.raises(WeightsFormatError, match=r"model\.pt: cannot be read as weights"):
        load_weights(path)
    torch.save({"x": torch.zeros(3)}, path)
    with pytest.raises(WeightsFormatError, match=r"model\.pt: cannot be read as weights"):
        load_weights(path)


def test_a_file_cut_short(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-1000])
    with pytest.raises(WeightsFormatError, match="cannot be read as weights"):
        load_weights(written)


def test_tensors_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(3)}, path)
    with pytest.raises(WeightsFormatError, match="not weights of herobm"):
        load_weights(path)


def test_numbers_that_are_not_finite(written: Path, header: Header) -> None:
    tensors = dict(load_weights(written).network.state_dict())
    name = sorted(tensors)[0]
    tensors[name] = torch.full_like(tensors[name], torch.nan)
    save_weights(written, tensors, header)
    with pytest.raises(WeightsFormatError, match=f"not finite.*{re.escape(name)}"):
        load_weights(written)


def test_a_later_format(written: Path) -> None:
    with pytest.raises(WeightsFormatError, match="has format herobm-weights-99") as caught:
        load_weights(rewritten(written, format="herobm-weights-99"))
    assert "Update herobm" in str(caught.value)


def test_a_header_with_unknown_parts(written: Path) -> None:
    with pytest.raises(WeightsFormatError, match="damaged header"):
        load_weights(rewritten(written, model={"depth": 3}))


def test_tensors_that_do_not_fit_the_header(written: Path, header: Header) -> None:
    other = header.model.model_copy(update={"hidden": 24}).model_dump()
    with pytest.raises(WeightsFormatError, match="is damaged"):
        load_weights(rewritten(written, model=other))


def test_types_are_found_by_what_is_rebuilt(martini3: Library) -> None:
    """Residue kinds that rebuild the same atoms by the same rules share their types."""
    vocabulary = Vocabulary.of(martini3)
    kinds = [martini3.by_residue[name] for name in ("HIS", "HID", "HIP", "ALA")]
    types = vocabulary.types(compile_plan(martini3, np.array(kinds)))
    assert types[:4].tolist() == types[4:8].tolist() == types[8:12].tolist()
    assert set(types[:4].tolist()).isdisjoint(types[12:].tolist())
    assert types.max() < vocabulary.n_types


def test_residues_that_the_weights_do_not_know(martini3: Library) -> None:
    vocabulary = Vocabulary.of(martini3)
    phe = martini3.templates[martini3.by_residue["PHE"]]
    entries = tuple(e for e in vocabulary.entries if e.key != phe.key)
    fewer = vocabulary.model_copy(update={"entries": entries})
    kinds = np.array([martini3.by_residue[name] for name in ("ALA", "PHE")])
    with pytest.raises(MappingMismatchError, match="PHE") as caught:
        fewer.types(compile_plan(martini3, kinds), "the weights x.safetensors")
    assert "x.safetensors" in str(caught.value)
    assert "ALA" not in caught.value.message


def test_weights_of_the_format_before_do_not_tell_what_errors_to_expect(
    written: Path, header: Header, tmp_path: Path
) -> None:
    """Its networks had a readout of another kind, and its header told of another kind of fit."""
    known = load_weights(written)
    tensors = {n: t for n, t in known.network.state_dict().items() if not n.startswith("errors.")}
    tensors["error.weight"] = torch.zeros(header.vocabulary.n_types, header.model.readout + 1)
    told = {"offset": [0.0] * 5, "slope": [1.0, 0.0, 0.0, 0.0, 0.0], "most": 3.0}
    about = {**json.loads(header.model_dump_json()), "format": BEFORE, "errors": told}
    old = tmp_path / "old.safetensors"
    save_file(tensors, old, {"herobm": json.dumps(about)})
    read = load_weights(old)
    assert read.header.errors is None
    assert (read.header.format, read.header.mapping) == (FORMAT, header.mapping)
    again = read.network.state_dict()
    assert all(torch.allclose(again[n], t) for n, t in tensors.items() if n != LEFT_BEHIND)
    join_weights([known, read], tmp_path / "joined.safetensors")
    joined = load_weights(tmp_path / "joined.safetensors")
    assert joined.header.errors is None
