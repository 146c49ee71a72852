"""Each code at its line and column, in a file that is right but for one fault."""

from __future__ import annotations

import pytest

from herobm.dsl import check, parse, render
from herobm.dsl.diagnostics import Diagnostic

GOOD = """molecule: PHE
weights: mass
atoms:
  N: BB P1A
  H, HN: BB
  CA: BB P1B
  HA: BB !
  CB: SC1 P1A
  CG: SC1 P1B
  CE1: SC2 P1B
  CE2: SC3 P1B
  CZ: SC2, SC3 P2BA, P2BA 1/2, 1/2
  C: BB P1C
  O: BB P2CA
beads:
  BB: P2
bonds:
  N-CA, CA-C, C=O, C-+N
charges:
  O: -1
stereo:
  CA: S
angles:
  N-CA-C: 111.0
"""


def faults(text: str) -> list[Diagnostic]:
    """Check a text."""
    return check(parse(text, "phe.map"))


def test_a_good_file_draws_nothing():
    assert faults(GOOD) == []


# (code, right, wrong, line:column, part of the sentence, part of the help or None)
PLANTED = [
    ("M101", "  CA: BB P1B", "  CA BB P1B", "6:6", "expected ':' after atom name 'CA'", None),
    ("M101", "  CA: BB P1B", "  CA:#BB P1B", "6:6", "expected a bead after ':', found '#BB'", None),
    ("M102", "beads:\n", "beds:\n", "15:1", "unknown section 'beds'", "beads"),
    ("M102", "beads:\n", "weights: equal\nbeads:\n", "15:1", "above the sections", "top"),
    ("M102", "charges:\n", "bonds:\n", "19:1", "'bonds' is given already, at 17:1", "join"),
    ("M103", "molecule: PHE\n", "", "1:1", "found 'weights'", None),
    ("M103", "molecule: PHE", "molecul: PHE", "1:1", "found 'molecul'", "molecule"),
    ("M104", "  N: BB P1A", "  N: P1A", "4:6", "atom 'N' has no bead", "quoted"),
    ("M104", "  N: BB P1A", "  N:", "4:3", "atom 'N' has no bead", "ATOM: BEAD"),
    ("M201", "P2CA", "P2CAb", "14:9", "'P2CAb' is not a rule", "P2CA?"),
    ("M201", "P2CA", "p2ca", "14:9", "'p2ca' is not a rule", "P2CA?"),
    ("M201", "P2CA", "P2", "14:9", "'P2' is not a rule", None),
    ("M201", "BB P1A", "BB P0AB CM", "4:9", "level 0 sits on the bead", "P0B?"),
    ("M202", "BB !", "BB !!", "7:10", "unknown word '!!'", "!"),
    ("M202", "BB P1B", "BB P1B COM", "6:14", "unknown word 'COM'", "CM?"),
    ("M202", "HA: BB !", "HA: BB COM", "7:10", "unknown word 'COM'", "CM?"),
    ("M202", "1/2, 1/2", "1/2, 1/0", "12:32", "'1/0' is not a weight", "1/2"),
    ("M202", "weights: mass", "weights: mas", "2:10", "unknown word 'mas'", "mass"),
    ("M202", "O: -1", "O: minus", "20:6", "not a charge", "-1"),
    ("M202", "CA: S", "CA: Z", "22:7", "not a stereo label of an atom", "R or S"),
    ("M202", "111.0", "wide", "24:11", "not an angle", "120"),
    ("M202", "P2CA", "P2CA SC1", "14:14", "comes too late", None),
    ("M203", "P2BA, P2BA", "P2BA", "12:16", "no rule for 2nd bead: 'CZ' lies in", "P2BA, P2BA"),
    ("M203", "BB P1B", "BB P1B, P1D", "6:15", "no bead for 2nd rule", "P1B"),
    ("M203", "1/2, 1/2", "1/2", "12:27", "no weight for 2nd bead", None),
    ("M204", "1/2, 1/2", "1/2, 1/3", "12:27", "weights of 'CZ' add up to 5/6, not 1", "1/2, 1/2"),
    ("M204", "P2BA, P2BA 1/2, 1/2", "P2BA, ! 0/1, 1/1", "12:24", "have weight 0", "rule"),
    ("M205", "SC2, SC3 P2BA", "SC2, SC2 P2BA", "12:12", "SC2 is named twice", "leave"),
    ("M301", "P2CA", "P2DA", "14:9", "level 1 of bead BB (it has A: N, B: CA, C: C)", None),
    ("M302", "  CG: SC1 P1B", "  CB: SC1 P1B", "9:3", "'CB' is mapped already, at 8:3", "leave"),
    ("M302", "  HA: BB !", "  HA, HN: BB !", "7:7", "'HN' is mapped already, at 5:6", "leave"),
    ("M303", "SC1 P1B", "SC1 P1A", "9:11", "at level 1 of bead SC1 by CB", "B is free: P1B"),
    ("M304", "BB P1A", "BB P1A CM\n  X: BB CM", "5:6", "two CM atoms in bead BB: 'N'", "CM"),
    ("M305", "SC1 P1B", "SC1 P1B\n  H1: X !", "10:7", "none of the atoms of bead X counts", "!"),
    ("M305", "BB: P2", "BC: P2", "16:3", "bead 'BC' has no atom", None),
    ("M306", "P2CA", "P3CA", "14:9", "no atom at level 2", "P2CA?"),
    ("M401", "C=O", "C=OT", "18:17", "bond to 'OT', an atom that is not there", None),
    ("M401", "C=O", "HN-N", "18:15", "bond to 'HN'", "write H, the first of its names"),
    ("M302", "C=O", "C=O, O-C", "18:20", "with another order, at 18:15", "leave"),
    ("M401", "C=O", "C=C", "18:15", "bond of 'C' to itself", None),
    ("M401", "O: -1", "OG: -1", "20:3", "charge of 'OG'", None),
    ("M401", "  CA: S", "  XX: S", "22:3", "stereo label of 'XX'", None),
    ("M401", "N-CA-C", "N-CX-C", "24:5", "angle at 'CX'", None),
    ("W201", "BB P1A", "BB P0A", "4:9", "read as level 1", "CM"),
    ("W202", "P2CA", "P2A", "14:9", "has no anchor", "P2AA, P2BA or P2CA"),
    ("W301", "BB P1A", "BB", "4:3", "heavy atom 'N' has no rule", None),
    ("W303", "  HA: BB", "  QQ: BB", "7:3", "no element can be read from the name 'QQ'", None),
    ("W401", "C=O", "C=O, O=C", "18:20", "given already, at 18:15", "leave"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "right", "wrong", "place", "sentence", "help"), PLANTED)
def test_a_planted_fault_is_the_first_told(code, right, wrong, place, sentence, help):
    assert right in GOOD
    first = faults(GOOD.replace(right, wrong, 1))[0]

    assert (first.code, str(first.span)) == (code, place)
    assert sentence in first.message
    assert help is None or help in (first.help or "")


def test_all_messages_together(snapshot):
    shown = []
    for _, right, wrong, *_ in PLANTED:
        text = GOOD.replace(right, wrong, 1)
        shown.append(render(faults(text), {"phe.map": text}))

    assert "\n\n".join(shown) == snapshot


def test_one_run_lists_every_fault():
    text = GOOD.replace("P1B", "P1Bx", 1).replace("C=O", "C=OT").replace("1/2, 1/2", "1/2, 1/3")

    assert [d.code for d in faults(text)] == ["M201", "M204", "M401"]


def test_alias_columns_may_share_names_across_columns():
    text = "molecule: ALA\natoms:\n  CB: SC1 P1A\n  HB2, HB1: SC1\n  HB3, HB2: SC1\n"

    assert faults(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "CZ: SC2 SC3 P2BA P2BA 1/2 1/2",
        "CZ: SC2,SC3  .5,.5  P2BA,P2BA",
        "CZ: SC2 ,SC3 P2BA ,P2BA",
        "CZ: SC1, SC2 ,SC3 P1C, P2BA ,P2BA",
        "CZ: SC2, SC3 P2BA, P2BA 0.25, 0.75",
        '"CZ": "SC2", SC3 P2BA, P2BA',
        "CZ: SC2, SC3 P2BA, ! 1/2, 1/2",
        "CZ: SC2, SC3 P2BA, P2BA !,",
    ],
)
def test_columns_as_found_in_the_wild(line):
    text = GOOD.replace("CZ: SC2, SC3 P2BA, P2BA 1/2, 1/2", line)

    assert [d for d in faults(text) if d.is_error] == []


def test_an_empty_file_and_a_comment_alone_are_told_what_lacks():
    for text in ("", "\n\n", "# nothing\n"):
        (only,) = faults(text)
        assert only.code == "M103"
        assert "found the end of the file" in only.message


def test_no_rule_at_all_is_told_once():
    text = "molecule: ALA\natoms:\n  N: BB\n  CA: BB CM\n  C: BB\n"

    assert [d.message for d in faults(text)] == [
        "no atom has a rule: the model rebuilds nothing of this molecule"
    ]


def test_lost_lines_do_not_draw_further_complaints():
    text = GOOD.replace("  C: BB P1C", "  C BB P1C")

    assert [d.code for d in faults(text)] == ["M101"]
