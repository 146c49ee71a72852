"""The root of the command line: exit codes, messages, and what it says of plug-ins."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import herobm
from herobm.cli import main
from herobm.cli.app import VERBS, load_verb
from herobm.post import herobm_register_postprocessors


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"herobm {herobm.__version__}\n", "")


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for verb, (_, summary) in VERBS.items():
        assert f"  {verb} " in out
        assert summary in out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_can_be_loaded(verb: str) -> None:
    assert load_verb(verb).name == verb


@pytest.mark.parametrize("verb", VERBS)
def test_help_looks_alike_everywhere(verb: str) -> None:
    """Without the frames and colours of rich."""
    command = load_verb(verb)
    every = [command, *getattr(command, "commands", {}).values()]
    assert [one.rich_markup_mode for one in every] == [None] * len(every)


@pytest.mark.parametrize("verb", ["backmap", "post"])
def test_help_names_every_step(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    steps = [spec.name for spec in herobm_register_postprocessors()]
    assert f"{', '.join(steps)} or " in " ".join(out.split())


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "plugin")
    assert code == 2
    assert "Did you mean 'plugins'?" in err
    assert run(capsys, "plugins", "list", "--jason")[0] == 2


def test_an_error_is_a_message_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "plugins", "check", "no-such-plugin")
    assert (code, out) == (1, "")
    assert err.startswith("error: plug-in 'no-such-plugin' is not installed\nhint: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "verb",
    [["data", "build", "-o", "o.safetensors"], ["mapping", "validate"], ["models", "info"]],
)
def test_a_path_that_no_file_can_have(capsys: pytest.CaptureFixture[str], verb: list[str]) -> None:
    name = "n" * 300 + ".map"
    code, _, err = run(capsys, *verb, name)
    assert code == 1
    assert f"{name}: " in err
    assert "Traceback" not in err
    with pytest.raises(OSError, match="too long"):
        main(["--debug", "mapping", "validate", name])


@pytest.mark.parametrize(
    "arguments",
    [["--debug", "plugins", "check", "none"], ["plugins", "check", "none", "--debug"]],
)
def test_debug_lets_the_error_through(arguments: list[str]) -> None:
    with pytest.raises(herobm.HerobmError):
        main(arguments)


def test_debug_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROBM_DEBUG", "1")
    with pytest.raises(herobm.HerobmError):
        main(["plugins", "check", "none"])


def test_plugins_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "plugins", "list", "--json")
    assert code == 0
    for row in json.loads(out):
        assert {"name", "version", "source", "status", "gives"} <= row.keys()


def test_a_blocked_plugin_is_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    names = {row["name"] for row in json.loads(run(capsys, "plugins", "list", "--json")[1])}
    for name in names:
        out = run(capsys, "--no-plugin", name, "plugins", "list", "--json")[1]
        assert {row["name"] for row in json.loads(out)} == names - {name}


def test_a_closed_pipe_is_no_error() -> None:
    command = [sys.executable, "-c", "from herobm.cli import main; main()", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
