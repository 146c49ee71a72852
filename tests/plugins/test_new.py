"""``herobm plugins new``: a package that works as it is written."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from herobm.cli.app import run
from herobm.plugins.scaffold import LICENCES, Names

ROOT = Path(__file__).resolve().parents[2]
CAFFEINE = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps/cff.map"
ETHANOL = """\
molecule: EOH
atoms:
  C1: A P1A
  C2: A P1B
  O1: B P1A
bonds:
  C1-C2, C2-O1
"""


def as_installed(package: Path) -> dict[str, str]:
    """Environment in which a package counts as installed."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    ((plugin, module),) = project["entry-points"]["herobm"].items()
    info = package / "src" / f"{module}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text(f"[herobm]\n{plugin} = {module}\n")
    path = os.pathsep.join(filter(None, [str(package / "src"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def call(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("source", ["example", "caffeine", "two beads"])
def test_the_tests_of_a_new_package_pass(source: str, tmp_path: Path) -> None:
    package = tmp_path / "my-pack"
    given: list[str] = []
    if source == "caffeine":
        given = ["--from", str(CAFFEINE)]
    if source == "two beads":
        (tmp_path / "eoh.map").write_text(ETHANOL)
        given = ["--from", str(tmp_path / "eoh.map")]
    assert run(["plugins", "new", "my-pack", "-o", str(package), *given]) == 0
    environment = as_installed(package)
    assert " passed" in call(environment, package, "pytest", "-q", "-W", "error")
    assert call(environment, package, "herobm", "plugins", "check", "my_pack").endswith("ok\n")


def test_a_new_package_is_checked_and_serves(tmp_path: Path) -> None:
    package = tmp_path / "my-pack"
    assert run(["plugins", "new", "my-pack", "-o", str(package)]) == 0
    environment = as_installed(package)
    reference = str(package / "src/my_pack/reference.pdb")
    call(environment, tmp_path, "herobm", "plugins", "check", "my_pack")
    call(
        environment, tmp_path, "herobm", *f"coarsen {reference} --mapping my_pack -o b.pdb".split()
    )
    call(environment, tmp_path, "herobm", *"backmap b.pdb -o a.pdb --post none".split())
    lines = (tmp_path / "a.pdb").read_text().splitlines()
    assert len([line for line in lines if line.startswith("HETATM")]) == 11


@pytest.mark.parametrize("licence", LICENCES)
def test_the_licence_is_the_one_asked_for(licence: str, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    arguments = ["plugins", "new", "pack", "-o", str(folder), "--licence", licence]
    assert run([*arguments, "--author", "A. N. Other"]) == 0
    text = (folder / "LICENSE").read_text()
    assert licence.split("-")[0].replace("GPL", "GNU GENERAL PUBLIC LICENSE") in text.replace(
        "Apache License", "Apache"
    )
    if licence in ("MIT", "BSD-3-Clause"):
        assert "A. N. Other" in text
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["license"] == LICENCES[licence]
    assert project["authors"] == [{"name": "A. N. Other"}]


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    assert run(["plugins", "new", "pack", "-o", str(folder)]) == 0
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("LICENSE", "tests.yml"):
            assert "$" not in path.read_text(), path
    workflow = (folder / ".github/workflows/tests.yml").read_text()
    assert "${{ matrix.python }}" in workflow


def test_names_are_derived_from_one() -> None:
    assert Names.of("my-pack") == Names("my-pack", "my_pack", "my_pack")
    assert Names.of("herobm-Lipids") == Names("herobm-lipids", "herobm_lipids", "lipids")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["my pack"], "cannot be the name of a package"),
        (["../pack"], "cannot be the name of a package"),
        (["herobm"], "is the core's"),
        (["pack", "-o", "full"], "full: is there already"),
        (["pack", "--from", "bare.map"], "bare.map: has no bonds"),
        (["pack", "--from", "broken.map"], "broken.map:"),
        (["pack", "--from", "end.map"], "adds to other residues"),
    ],
)
def test_what_cannot_be_written_is_told(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "bare.map").write_text(ETHANOL.partition("bonds:")[0])
    (tmp_path / "broken.map").write_text("molecule: EOH\natoms:\n  C1 A P1A\n")
    (tmp_path / "end.map").write_text("molecule: GLY\nat: chain-end\natoms:\n  OXT: BB P2CB\n")
    assert run(["plugins", "new", *arguments]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "pack").exists()
