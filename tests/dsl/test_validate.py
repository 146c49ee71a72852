"""``herobm mapping validate``, as a user runs it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from herobm.cli.mapping import app

GOOD = "molecule: GLY\natoms:\n  N: BB P1A\n  CA: BB P1B\n"


@pytest.fixture
def run():
    """Run the command."""
    return lambda *args: CliRunner().invoke(app, ["validate", *map(str, args)])


@pytest.fixture
def folder(tmp_path):
    """Two mappings below one folder, the second with a fault, and a YAML that is none."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "gly.map").write_text(GOOD)
    (tmp_path / "deep" / "ala.yaml").write_text(GOOD.replace("P1B", "P1Bx"))
    (tmp_path / "config.yaml").write_text("steps: 3\n")
    return tmp_path


def test_a_good_file(run, folder):
    result = run(folder / "gly.map")

    assert result.exit_code == 0
    assert result.output == "1 file, 0 errors, 0 warnings\n"


def test_a_folder_with_a_fault(run, folder):
    result = run(folder)

    assert result.exit_code == 1
    assert f"{folder}/deep/ala.yaml:4:10: error[M201]" in result.output
    assert "    4 |   CA: BB P1Bx\n      |          ^^^^\n" in result.output
    assert "2 files, 1 error, 0 warnings" in result.output


def test_json_for_editors(run, folder):
    result = run(folder, "--format", "json")

    (only,) = json.loads(result.output)
    assert (only["line"], only["column"], only["end_column"]) == (4, 10, 14)
    assert (only["code"], only["severity"]) == ("M201", "error")
    assert only["help"] == "did you mean P1B?"
    assert result.exit_code == 1


def test_strict_makes_warnings_count(run, folder):
    (folder / "gly.map").write_text(GOOD.replace("BB P1B", "BB"))

    assert run(folder / "gly.map").exit_code == 0
    assert run(folder / "gly.map", "--strict").exit_code == 1


def test_a_path_that_is_not_there(run, tmp_path):
    result = run(tmp_path / "none.map")

    assert result.exit_code == 1
    assert "none.map: error[M105]: cannot be read: No such file" in result.output


def test_a_folder_without_mappings(run, tmp_path):
    result = run(tmp_path)

    assert result.exit_code == 1
    assert "no mapping file" in result.output


def test_patches_meet_the_residues_of_their_own_folder(run, tmp_path):
    for name, bead in (("one", "BB"), ("two", "X")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gly.map").write_text(GOOD.replace("BB", bead))
        (tmp_path / name / "end.map").write_text(
            f"molecule: GLY\nat: chain-end\natoms:\n  OXT: {bead} P2BA\n"
        )

    result = run(tmp_path)
    assert result.exit_code == 0, result.output
