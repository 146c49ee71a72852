"""Configurations are checked key by key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herobm.errors import ConfigError
from herobm.train.config import read_config

SOUND = "train: a.safetensors\nvalid: ../b.safetensors\noutput: run\n"


def written(tmp_path: Path, text: str, name: str = "config.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, SOUND))
    assert config.train == tmp_path / "a.safetensors"
    assert config.valid == tmp_path / "../b.safetensors"
    assert config.output == tmp_path / "run"


def test_json_says_the_same_as_yaml(tmp_path: Path) -> None:
    data = {"train": "a", "valid": "b", "output": "c", "model": {"hidden": 24}, "noise": 0.1}
    as_json = read_config(written(tmp_path, json.dumps(data), "config.json"))
    as_yaml = read_config(
        written(tmp_path, "train: a\nvalid: b\noutput: c\nmodel: {hidden: 24}\nnoise: 0.1\n")
    )
    assert as_json == as_yaml
    assert as_json.model.hidden == 24


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("epoch: 3", "epoch: no such key; did you mean epochs?"),
        ("model: {cutof: 8}", "model.cutof: no such key; did you mean model.cutoff?"),
        (
            "model: {rounds: {counts: 2}}",
            "model.rounds.counts: no such key; did you mean model.rounds.count?",
        ),
        ("xyzzy: 1", "xyzzy: no such key\n"),
        ("epochs: 0", "epochs: Input should be greater than or equal to 1"),
        ("seed: 99999999999999999999999", "seed: Input should be less than 4294967296"),
        (
            "model: {second: {times: 1}}",
            "config.yaml:\n  model.second needs 'initial', the weights of the first look\n",
        ),
        (
            "hold: all",
            "config.yaml:\n  hold: all needs 'model.rotors', which alone learns, and 'initial', "
            "the weights of all that stays\n",
        ),
        (
            "model: {rotors: {hiden: 64}}",
            "model.rotors.hiden: no such key; did you mean model.rotors.hidden?",
        ),
        ("epochs: many", "epochs: Input should be a valid integer"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, lines: str, expected: str) -> None:
    path = written(tmp_path, SOUND + lines)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(path) in caught.value.message
    assert expected in caught.value.message + "\n"


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, "train: a\nepoch: 3\nseed: x\n"))
    for key in ("valid", "output", "epoch", "seed"):
        assert f"  {key}: " in caught.value.message


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("c.yaml", "train: [a", "is no YAML"),
        ("c.json", '{\n"train": a}', r"c\.json:2: is no JSON"),
        ("c.yaml", "just words", "made of 'key: value' lines"),
        ("c.yaml", "train: a\nvalid: b\ntrain: c", r"c\.yaml:3: 'train' is given twice"),
        ("c.yaml", "train: a\nmodel: {cutoff: 8, cutoff: 9}", r"c\.yaml:2: 'cutoff' is given"),
        ("c.yaml", "? [train, a]\n: b", "is no YAML"),
        ("c.yaml", "[" * 5000, "nested too deeply"),
        ("c.json", "[" * 100000, "nested too deeply"),
        ("c.yaml", "seed: !!int abc", "is no YAML"),
        ("c.json", '{"train": "a", "train": "b"}', r"c\.json: 'train' is given twice"),
    ],
)
def test_text_that_is_no_configuration(tmp_path: Path, name: str, text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        read_config(written(tmp_path, text, name))


def test_a_folder_may_be_called_as_a_day_is(tmp_path: Path) -> None:
    lines = "train: a\nvalid: b\noutput: 2026-02-30\n"
    assert read_config(written(tmp_path, lines, "c.yaml")).output == tmp_path / "2026-02-30"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
        read_config(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ConfigError, match=r"binary\.yaml: cannot be read"):
        read_config(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    "lines",
    [
        "train: a.safetensors\nvalid: ../here/a.safetensors",
        "train: b.safetensors\nalso: [c.safetensors, a.safetensors]\nvalid: a.safetensors",
    ],
)
def test_what_is_learnt_validates_nothing(tmp_path: Path, lines: str) -> None:
    (tmp_path / "here").mkdir()
    path = written(tmp_path / "here", f"{lines}\noutput: run\n")
    with pytest.raises(ConfigError, match=r"config\.yaml: 'valid' names a dataset that 'train'"):
        read_config(path)


def test_nothing_is_learnt_twice_or_judged_by_under_another_name(tmp_path: Path) -> None:
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / f"{name}.safetensors").write_text(text)
    lines = "train: a.safetensors\nvalid: {}.safetensors\nalso: [{}.safetensors]\noutput: run\n"
    with pytest.raises(ConfigError, match="'valid' names a dataset that 'train' or 'also' does"):
        read_config(written(tmp_path, lines.format("b", "c")))
    with pytest.raises(
        ConfigError, match=r"'also' names .*b\.safetensors, which is learnt already"
    ):
        read_config(written(tmp_path, lines.format("c", "b")))


def test_geometry_counts_more_towards_the_end(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, SOUND + "geometry: [0.1, 5.0]\nramp: 0.8"))
    weights = [config.geometry_weight(p) for p in (0.0, 0.4, 0.8, 1.0)]
    assert weights == pytest.approx([0.1, 0.1 + 4.9 / 4, 5.0, 5.0])
