"""``herobm models join``: several weights files to one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herobm.cli.app import run
from herobm.plugins import load_registry


@pytest.fixture
def shipped() -> Path:
    path = load_registry().model("martini3/protein").weights
    assert path is not None
    return path


def test_a_committee(shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joined = tmp_path / "joined.safetensors"
    assert run(["models", "join", str(shipped), str(shipped), "-o", str(joined)]) == 0
    assert "a committee of" in capsys.readouterr().out
    facts = []
    for path in (shipped, joined):
        assert run(["models", "info", str(path), "--json"]) == 0
        facts.append(json.loads(capsys.readouterr().out))
    assert facts[1]["networks"] == 2 * facts[0]["networks"]
    assert facts[1]["parameters"] == 2 * facts[0]["parameters"]
    before = joined.read_bytes()
    assert run(["models", "join", str(shipped), str(shipped), "-o", str(joined)]) != 0
    assert "--overwrite" in capsys.readouterr().err
    assert joined.read_bytes() == before


def test_one_file_is_no_committee(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "join", str(shipped), "-o", str(tmp_path / "x.safetensors")]) != 0
    assert "two weights files" in capsys.readouterr().err
