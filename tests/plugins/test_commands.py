"""``herobm models`` and ``herobm mapping list``, on the packs of this repository."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from herobm.cli.app import run

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "plugins/martini3/src/herobm_martini3/weights/protein.safetensors"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


def test_mappings_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in json.loads(said(capsys, "mapping", "list", "--json"))}
    assert rows["martini3/protein"]["default"]
    assert all(Path(path).is_file() for row in rows.values() for path in row["files"])
    text = said(capsys, "mapping", "list")
    assert text.startswith("NAME")
    for name, row in rows.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
        assert str(len(row["files"])) in line.split()
        assert line.endswith(row["description"])


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in json.loads(said(capsys, "models", "list", "--json"))}
    assert rows["martini3/protein"]["mapping"] == "martini3/protein"
    assert re.search(r"martini3/protein +martini3/protein +network", said(capsys, "models", "list"))


@pytest.mark.parametrize("name", ["martini3", "martini3/protein", str(WEIGHTS)])
def test_a_model_tells_what_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(said(capsys, "models", "info", name, "--json"))
    assert facts["trained_with"] == "martini3/protein"
    assert len(facts["mapping_digest"]) == 64
    assert "ALA" in facts["residues"]
    assert facts["network"]["cutoff"] == 8.0
    assert facts["parameters"] > 1e5
    assert "cutoff 8.0" in said(capsys, "models", "info", name)


def test_a_model_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "info", "martini4"]) == 1
    err = capsys.readouterr().err
    assert "model 'martini4' not found" in err
    assert "martini3" in err


def test_without_plugins_there_is_nothing_to_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROBM_PLUGINS", "")
    for verb, what in (("models", "model"), ("mapping", "mapping")):
        assert run([verb, "list"]) == 0
        assert f"no plug-in that is installed gives a {what}" in capsys.readouterr().err
        assert said(capsys, verb, "list", "--json") == "[]\n"
