"""The tutorial and the reference do as they say."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from pathlib import Path

import pytest

from herobm.cli.app import run
from herobm.io import read_atoms

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_BLOCK = re.compile(
    r"^(?:`(?P<name>[\w.-]+)`:\n\n```text\n(?P<text>.*?)|```console\n(?P<said>.*?))^```$",
    re.MULTILINE | re.DOTALL,
)


def follow(page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """Write the files of a tutorial, run its commands, find what it shows; count the commands."""
    output, n_commands = "", 0
    for block in _BLOCK.finditer(page):
        if block["name"]:
            (folder / block["name"]).write_text(block["text"])
            continue
        for line in block["said"].splitlines():
            if line.startswith("$ herobm "):
                run(shlex.split(line)[2:])
                output = "".join(capsys.readouterr())
                n_commands += 1
                assert "Traceback" not in output
                assert "Usage:" not in output, output
            else:
                assert line in output.splitlines()
    return n_commands


def test_the_tutorial_of_a_new_lipid(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "tutorials/new_lipid.md").read_text(encoding="utf-8")
    assert follow(page, tmp_path, capsys) > 8
    assert (tmp_path / "dopc.svg").read_text().startswith("<svg")
    assert (tmp_path / "dopc.yaml").is_file()


def test_the_tutorial_of_a_new_ligand(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for path in (ROOT / "examples/caffeine").glob("c*.*"):
        shutil.copy(path, tmp_path)
    page = (DOCS / "tutorials/new_ligand.md").read_text(encoding="utf-8")
    assert follow(page, tmp_path, capsys) == 5
    atoms = read_atoms(tmp_path / "complex_h.pdb")
    ligand = atoms.residues.names[atoms.residue_index] == "CAF"
    assert int(ligand.sum()) == 24
    assert (tmp_path / "caf.svg").read_text().startswith("<svg")
    assert list((tmp_path / "caffeine-pack").rglob("caf.map"))


def test_the_grammar_of_the_reference_is_current():
    script = runpy.run_path(str(DOCS / "make_grammar.py"))
    page = (DOCS / "mapping_language.md").read_text(encoding="utf-8")
    grammar = script["GRAMMAR"].read_text(encoding="utf-8")

    assert script["page_with"](page, grammar) == page, "run python docs/make_grammar.py"
    assert "bond           ::= ref symbol ref" in page


@pytest.mark.parametrize("name", ["validate", "fmt"])
def test_the_hooks_for_other_repositories_are_commands(name, capsys):
    yaml = pytest.importorskip("yaml")
    hooks = {h["id"]: h for h in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    hook = hooks[f"herobm-mapping-{name}"]

    assert hook["entry"] == f"herobm mapping {name}"
    assert re.search(hook["files"], "maps/phe.map")
    run([*hook["entry"].split()[1:], "--help"])
    assert "PATH..." in capsys.readouterr().out
