"""``herobm.dsl.format`` and ``herobm mapping fmt``: one layout, nothing lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from herobm.cli.mapping import app
from herobm.dsl import format, parse, read_file
from herobm.errors import DslError, DslSyntaxError

ODD = """#   phenylalanine
molecule : PHE ,PHEN   # residue names
weights:mass

   # about the atoms
atoms:
  N: BB P1A   # first
     # its hydrogen
# H2: BB
  H,HN: BB   !  # does not count
  CZ:SC2,SC3 P2BA ,P2BA   1/2,1/2


  C1 :'SC 1'  P0A CM
bonds: N-H,H-C1 ,
 C1 = CZ, "CA2+"-+N
beads: BB:P2,SC2 : C3
stereo: C1 =CZ:Z
angles:
 N-H-C1:111.0


"""
EVEN = """#   phenylalanine
molecule: PHE, PHEN  # residue names
weights: mass

# about the atoms
atoms:
  N:      BB        P1A  # first
  # its hydrogen
# H2: BB
  H, HN:  BB        !  # does not count
  CZ:     SC2, SC3  P2BA, P2BA  1/2, 1/2


  C1:     "SC 1"    P0A CM
bonds: N-H, H-C1,
  C1=CZ, "CA2+"-+N
beads: BB: P2, SC2: C3
stereo: C1=CZ: Z
angles:
  N-H-C1: 111.0
"""
PROTEIN = (
    Path(__file__).resolve().parents[2] / "plugins/martini3/src/herobm_martini3/mappings/protein"
)


@pytest.fixture
def run():
    """Run the command."""
    return lambda *args, **kwargs: CliRunner().invoke(app, ["fmt", *map(str, args)], **kwargs)


@pytest.fixture
def odd(tmp_path):
    path = tmp_path / "odd.map"
    path.write_text(ODD)
    return path


def test_columns_are_aligned_and_comments_stay_at_their_lines():
    assert format(ODD) == EVEN
    assert format(parse(ODD)) == format(ODD)


def test_the_line_ends_of_the_file_are_kept():
    laid_out = format(ODD.replace("\n", "\r\n"))

    assert laid_out.count("\r\n") == laid_out.count("\n")
    assert laid_out.replace("\r\n", "\n") == format(ODD)


def test_weights_in_front_of_rules_have_their_column():
    text = "molecule: A\natoms:\n  C1: A, B 1/2, 1/2 P1A, P1A\n  C10: A P1B\n  H: A, B 1/3, 2/3\n"

    assert format(text).split("\n")[2:5] == [
        "  C1:   A, B  1/2, 1/2  P1A, P1A",
        "  C10:  A               P1B",
        "  H:    A, B  1/3, 2/3",
    ]


def test_comments_of_neighbouring_lines_stand_below_each_other():
    text = "molecule: A\natoms:\n  C1: A P1A # a\n  N: A # b\n\n  O: A # c\n"

    assert format(text).split("\n")[2:6] == [
        "  C1:  A  P1A  # a",
        "  N:   A       # b",
        "",
        "  O:   A  # c",
    ]


def test_one_long_line_does_not_push_the_others_away():
    names = ", ".join(f"N{i}" for i in range(20))
    lines = format(f"molecule: A\natoms:\n  {names}: A P1A\n  C: A P1B\n").split("\n")

    assert lines[2:4] == [f"  {names}:  A  P1A", "  C:  A  P1B"]


def test_empty_texts():
    assert format("") == ""
    assert format("\n\n") == ""
    assert format("# alone") == "# alone\n"


def test_a_file_with_a_broken_line_is_refused_with_all_of_its_faults():
    with pytest.raises(DslSyntaxError) as caught:
        format("molecule: A\natoms:\n  C A\n  N A\n")

    assert "<text>:3:5: error[M101]" in caught.value.message
    assert "<text>:4:5: error[M101]" in caught.value.message


def test_yaml_is_refused_with_a_word_about_convert():
    with pytest.raises(DslError) as caught:
        format(parse("molecule: A\natoms:\n  C: A\n", "a.yaml"))

    assert "herobm mapping convert" in caught.value.hint


@pytest.mark.parametrize("path", sorted(PROTEIN.glob("*.map")), ids=lambda p: p.stem)
def test_the_mappings_of_martini_are_laid_out_so(path):
    assert format(read_file(path)) == path.read_text()


def test_fmt_writes_and_says_what(run, odd):
    odd.chmod(0o640)
    result = run(odd)

    assert result.exit_code == 0
    assert odd.read_text() == format(ODD)
    assert odd.stat().st_mode & 0o777 == 0o640
    assert result.output == f"laid out {odd}\n1 changed, 0 as it should be\n"
    assert os.listdir(odd.parent) == ["odd.map"]
    assert run(odd).output == "0 changed, 1 as it should be\n"


def test_check_writes_nothing_and_fails(run, odd):
    result = run(odd, "--check")

    assert result.exit_code == 1
    assert result.output == f"would lay out {odd}\n1 would change, 0 as it should be\n"
    assert odd.read_text() == ODD


def test_diff_shows_what_would_change(run, odd):
    result = run(odd.parent, "--diff")

    assert result.exit_code == 0
    assert f"--- {odd}\n+++ {odd} (laid out)\n" in result.output
    assert "-weights:mass\n" in result.output
    assert odd.read_text() == ODD
    assert run(odd, "--diff", "--check").exit_code == 1


def test_a_file_with_a_broken_line_is_left_and_the_others_are_not(run, odd):
    broken = odd.with_name("broken.map")
    broken.write_text("molecule: A\natoms:\n  C A\n")
    result = run(odd.parent)

    assert result.exit_code == 1
    assert f"{broken}:3:5: error[M101]" in result.output
    assert "1 changed, 0 as it should be, 1 left as it is" in result.output
    assert broken.read_text() == "molecule: A\natoms:\n  C A\n"
    assert odd.read_text() == format(ODD)


def test_yaml_in_a_folder_is_passed_over_but_told_if_it_is_named(run, odd):
    yaml = odd.with_name("a.yaml")
    yaml.write_text("molecule: A\natoms:\n  C: A\n")

    assert run(odd.parent).exit_code == 0
    result = run(yaml)
    assert result.exit_code == 1
    assert "herobm mapping convert" in result.output


def test_a_link_stays_a_link(run, odd, tmp_path):
    link = tmp_path / "link.map"
    link.symlink_to(odd)
    run(link)

    assert link.is_symlink()
    assert odd.read_text() == format(ODD)


def test_standard_input_goes_to_standard_output(run):
    result = run("-", input=ODD)

    assert result.stdout == format(ODD)
    assert result.exit_code == 0


def test_a_path_that_is_not_there(run, tmp_path):
    result = run(tmp_path / "none.map")

    assert result.exit_code == 1
    assert "none.map: error[M105]" in result.output


def test_a_folder_without_mappings(run, tmp_path):
    result = run(tmp_path)

    assert result.exit_code == 1
    assert "no mapping file" in result.output
