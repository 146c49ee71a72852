"""From nothing: an empty virtual environment, the core, one plug-in, and a package of one's own.

Needs the package index, nothing else; takes minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


class Environment:
    """A virtual environment that knows nothing of the one that the tests run in."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "venv" / "bin"
        self.folder = folder
        self._call(sys.executable, "-m", "venv", str(folder / "venv"))

    def pip(self, *packages: str) -> None:
        self._call(
            *(str(self.bin / "python"), "-m", "pip", "install", "--quiet"),
            *("--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")),
            *packages,
        )

    def run(self, command: str, *arguments: str) -> str:
        return self._call(str(self.bin / command), *arguments)

    def _call(self, *command: str) -> str:
        ours = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(
            command, cwd=self.folder, env=ours, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("empty"))
    made.pip(str(ROOT), str(ROOT / "plugins/martini3"))
    made.run("herobm", "plugins", "new", "my-pack")
    made.pip("./my-pack[test]")
    return made


def test_the_core_and_a_plugin_work(environment: Environment) -> None:
    output = environment.run("herobm", "plugins", "list")
    assert "mapping martini3/protein" in output
    environment.run("herobm", "plugins", "check", "martini3")
    beads = str(ROOT / "examples/1ubq/cg.pdb")
    environment.run("herobm", "backmap", beads, "-o", "ubiquitin.pdb")
    assert "CA " in (environment.folder / "ubiquitin.pdb").read_text()


def test_a_new_pack_is_found_and_its_mapping_serves(environment: Environment) -> None:
    output = environment.run("herobm", "plugins", "list")
    for what in ("mapping my_pack/pcm", "model my_pack/fit", "post-processor my_pack/contacts"):
        assert what in output
    environment.run("herobm", "plugins", "check", "my_pack")
    reference = "my-pack/src/my_pack/reference.pdb"
    environment.run("herobm", "coarsen", reference, "--mapping", "my_pack/pcm", "-o", "beads.pdb")
    environment.run("herobm", "backmap", "beads.pdb", "-o", "atoms.pdb")
    lines = (environment.folder / "atoms.pdb").read_text().splitlines()
    assert len([line for line in lines if line.startswith("HETATM")]) == 11


def test_the_tests_of_a_new_pack_pass_unchanged(environment: Environment) -> None:
    output = environment.run("python", "-m", "pytest", "-q", "my-pack/tests")
    assert " passed" in output
    assert "failed" not in output
