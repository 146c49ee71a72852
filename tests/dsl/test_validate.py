"""``herobm mapping validate``, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from herobm.cli.mapping import app

GOOD = "molecule: GLY\natoms:\n  N: BB P1A\n  CA: BB P1B\n"


@pytest.fixture
def run():
    """Run the command."""
    return lambda *args, **more: CliRunner().invoke(app, ["validate", *map(str, args)], **more)


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


def test_github_shows_faults_at_their_lines(run, folder):
    result = run(folder, "--format", "github")

    assert result.output == (
        f"::error file={folder}/deep/ala.yaml,title=M201,line=4,endLine=4,col=10,endColumn=13::"
        "'P1Bx' is not a rule; write P<level><ANCHOR><ID>%0Ahelp: did you mean P1B?\n"
    )
    assert run(folder / "gly.map", "--format", "github").output == ""


def test_strict_calls_warnings_errors(run, folder):
    (folder / "gly.map").write_text(GOOD.replace("BB P1B", "BB"))

    assert "warning[W301]" in run(folder / "gly.map").output
    strict = run(folder / "gly.map", "--strict")
    assert "error[W301]" in strict.output
    assert "1 file, 1 error, 0 warnings" in strict.output
    (only,) = json.loads(run(folder / "gly.map", "--strict", "--format", "json").output)
    assert only["severity"] == "error"


def test_standard_input(run):
    result = run("-", input=GOOD.replace("P1B", "P1A"))

    assert result.exit_code == 1
    assert "<stdin>:4:10: error[M303]" in result.output
    assert run("-", input=GOOD).exit_code == 0


def test_a_pattern_that_the_shell_left_as_it_is(run, folder):
    result = run(folder / "**" / "[ag]*.[my]a*")

    assert result.exit_code == 1
    assert "2 files, 1 error, 0 warnings" in result.output


def test_a_pattern_that_fits_nothing_is_a_usage_error(run, folder):
    result = run(folder / "*.mapp")

    assert result.exit_code == 2
    assert "no mapping file fits the pattern" in result.output


@pytest.mark.parametrize(("name", "count"), [("martini3", 96), ("martini3/protein", 32)])
def test_the_name_of_a_plugin_or_of_its_set(run, name, count):
    result = run(name)

    assert result.exit_code == 0, result.output
    assert result.output == f"{count} files, 0 errors, 0 warnings\n"


def test_a_file_and_a_set_together(run, folder):
    assert run(folder / "gly.map", "martini3/protein").output.startswith("33 files, 0 errors")


def test_an_unknown_name_is_a_usage_error_with_a_guess(run):
    result = run("martini33")

    assert result.exit_code == 2
    assert "did you mean martini3" in " ".join(result.output.split())


def test_an_unknown_option_value_is_a_usage_error(run, folder):
    assert run(folder, "--format", "xml").exit_code == 2
    assert run(folder, "--structure", folder / "none.pdb").exit_code == 2
    assert run().exit_code == 2


def test_two_files_of_a_folder_for_one_residue(run, tmp_path):
    (tmp_path / "gly.map").write_text(GOOD)
    (tmp_path / "other.map").write_text(GOOD.replace("P1B", "P2AB"))
    result = run(tmp_path)

    assert result.exit_code == 0
    assert f"{tmp_path}/other.map:1:11: warning[W102]" in result.output


def test_a_file_that_is_named_twice_is_checked_once(run, folder):
    result = run(folder / "gly.map", folder / "gly.map", folder / "*.map")

    assert result.output == "1 file, 0 errors, 0 warnings\n"


def test_chemistry_is_checked_on_demand(run, tmp_path):
    path = tmp_path / "x.map"
    path.write_text("molecule: X\natoms:\n  C1: A P1A\n  C2: A P1B\n  O1: A P1C\nbonds:\n  C1=C2\n")

    assert run(path).exit_code == 0
    result = run(path, "--chemistry")
    assert result.exit_code == 1
    assert f"{path}:5:3: error[M403]" in result.output


def test_a_structure_is_held_against_the_mapping(run, tmp_path):
    path, structure = tmp_path / "x.map", tmp_path / "x.pdb"
    path.write_text("molecule: GLX\natoms:\n  N: BB P1A\n  CB: BB P1B\nbonds: N-CB\n")
    structure.write_text(
        "ATOM      1  N   GLX A   1       0.000   0.000   0.000  1.00  0.00           N\n"
        "ATOM      2  CA  GLX A   1       1.460   0.000   0.000  1.00  0.00           C\nEND\n"
    )
    result = run(path, "--structure", structure)

    assert result.exit_code == 1
    assert "error[M501]" in result.output


def test_validate_of_a_file_imports_nothing_heavy(folder):
    script = (
        "import sys; from herobm.cli import app; code = app.run(sys.argv[1:]); "
        "heavy = {'torch', 'rdkit', 'openmm', 'MDAnalysis', 'scipy', 'networkx', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    for command in ("validate", "fmt"):
        shown = subprocess.run(
            [sys.executable, "-c", script, "mapping", command, str(folder / "gly.map")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert shown.endswith("[]\n")
