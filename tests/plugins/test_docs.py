"""The pages on plug-ins: nothing undocumented, and their examples work as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from herobm.plugins import MappingSpec, ModelSpec, PostProcessorSpec, StepContext, hookspecs

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("write_mapping_pack", "write_model", "write_post_processor")
_BLOCK = re.compile(
    r"^(?:`(?P<name>[\w./-]+)`:\n\n```\w+\n(?P<text>.*?)|```console\n(?P<said>.*?))^```$",
    re.MULTILINE | re.DOTALL,
)


def section(title: str) -> str:
    text = (DOCS / "plugins.md").read_text(encoding="utf-8")
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/plugins.md has no section {title}"
    return found[1]


def test_every_hook_is_documented() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("herobm_")}
    documented = set(re.findall(r"^\| `(herobm_\w+)`", section("Hooks"), re.MULTILINE))
    assert documented == hooks
    for name in hooks:
        assert ">>>" in (getattr(hookspecs, name).__doc__ or "")


@pytest.mark.parametrize("record", [MappingSpec, ModelSpec, PostProcessorSpec, StepContext])
def test_every_field_of_a_record_is_documented(record: type) -> None:
    names = {field.name for field in fields(record)}
    documented = re.findall(r"^\| `(\w+)` \| \S", section(record.__name__), re.MULTILINE)
    assert sorted(documented) == sorted(names)
    for name in names:
        assert re.search(rf"^    {name} : ", record.__doc__ or "", re.MULTILINE)


@pytest.mark.slow
def test_the_examples_work(tmp_path: Path) -> None:
    """The files of the three pages and their commands, one after the other."""
    source = tmp_path / "my-beads" / "src"
    info = source / "my_beads-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-beads\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[herobm]\nmy_beads = my_beads\n")
    path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    n_commands = 0
    for page in PAGES:
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        blocks = list(_BLOCK.finditer(text))
        for block in blocks:
            if block["name"]:
                file = tmp_path / block["name"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block["text"])
        for block in blocks:
            output: list[str] = []
            for line in (block["said"] or "").splitlines():
                if not line.startswith("$ "):
                    assert " ".join(line.split()) in output  # columns are as wide as they must
                    continue
                command = shlex.split(line)[1:]
                command = command[1:] if command[0] == "python" else ["-m", *command]
                done = subprocess.run(
                    [sys.executable, *command],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                said = (done.stdout + done.stderr).splitlines()
                output = [" ".join(words.split()) for words in said]
                n_commands += 1
    assert n_commands > 8
