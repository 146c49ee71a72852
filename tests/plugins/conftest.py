"""Plug-ins as installed distributions: a module and its metadata in a folder on the path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

GLY = "molecule: GLY\natoms:\n  N: BB P1A\n  CA: BB P1B\n  C: BB P1C\n  O: BB P2CA\n"

GOOD = """
from pathlib import Path
from herobm.plugins import MappingSpec, ModelSpec, PostProcessorSpec, hookimpl

@hookimpl
def herobm_register_mappings():
    yield MappingSpec("beads", (Path(__file__).parent / "gly.map",), "glycine")
"""


class Outcome(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


class Site:
    """A folder of distributions, and herobm run with it on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "gly.map").write_text(GLY)

    def install(
        self, plugin: str, code: str = GOOD, *, distribution: str = "", requires: str = ""
    ) -> None:
        """Put a distribution with one plug-in there."""
        distribution = distribution or plugin
        module = f"module_of_{distribution}".replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n{needs}"
        )
        (info / "entry_points.txt").write_text(f"[herobm]\n{plugin} = {module}\n")

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """Run herobm in a process of its own."""
        path = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-m", "herobm", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path, **environment},
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))
