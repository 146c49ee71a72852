"""The documentation of the language: a page for each code, whose examples are run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from herobm.cli.app import run
from herobm.dsl.codes import CODES

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = DOCS / "diagnostics"
_FILE = re.compile(r"^`([\w.-]+)`:\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^    herobm (.+)$", re.MULTILINE)


class Example(NamedTuple):
    """Files of a page, and the command that is run on them."""

    files: dict[str, str]
    command: list[str]


@pytest.fixture
def told(tmp_path, monkeypatch, capsys) -> Callable[[Example], str]:
    """Put the files of an example into a folder, run its command, return what it says."""

    def say(example: Example) -> str:
        for name, text in example.files.items():
            (tmp_path / name).write_text(text)
        monkeypatch.chdir(tmp_path)
        run(example.command)
        return "".join(capsys.readouterr())

    return say


def example(code: str, title: str) -> Example:
    """The example below a heading."""
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    part = page.split(f"## {title}\n")[1].split("\n## ")[0]
    (command,) = _COMMAND.findall(part)
    return Example(dict(_FILE.findall(part)), shlex.split(command))


def codes_in(output: str) -> set[str]:
    return set(re.findall(r"(?:error|warning)\[(\w+)\]", output))


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page_with_its_title(code):
    page = PAGES / f"{code}.md"

    assert page.is_file(), f"write docs/diagnostics/{code}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# {code}: {CODES[code].title}\n")


@pytest.mark.parametrize("code", CODES)
def test_the_wrong_example_is_told(code, told, snapshot):
    output = told(example(code, "Wrong"))

    assert code in codes_in(output)
    assert output.count(": error[") + output.count(": warning[") == output.count("  help: ")
    assert output == snapshot


@pytest.mark.parametrize("code", CODES)
def test_the_right_example_is_without_fault(code, told):
    output = told(example(code, "Right"))

    assert code not in codes_in(output), output
    assert not {c for c in codes_in(output) if c.startswith("M")}, output
    assert "Traceback" not in output


def test_no_page_without_a_code():
    pages = {p.stem for p in PAGES.glob("*.md")} - {"index"}

    assert pages == set(CODES)
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    for code, known in CODES.items():
        assert f"| [{code}]({code}.md) | {known.title} |" in index
