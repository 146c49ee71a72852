"""What the parser reads, and where it puts the blame for what it cannot read."""

from __future__ import annotations

import pytest

from herobm.dsl import parse
from herobm.dsl.parser import grammar
from herobm.dsl.recovery import ENGLISH

PHE = """# phe.map, a comment
molecule: PHE, PHEN
weights:  mass                     # mass or equal

atoms:
  N:        BB          P1A        # ATOM: BEAD
  H, HN:    BB

  HA:       BB          !
  CZ:       SC2, SC3    P2BA, P2BA   1/2, 1/2
  "CA2+":   "CM"        P1B
  1HB:      SC2 SC3     P2BC P2BC  .5 .5
bonds:
  N-CA, C=O, C-+N, N--C, C#N,
  CG:CD1   # aromatic
  "CA2+"-O5', +"N"-C
charges: NZ: +1
stereo:
  CA: S
  C9=C10: Z
angles:
  N-CA-+C: 111.5
beads:
  BB: P2
"""


def test_the_whole_language_is_read():
    file = parse(PHE)

    assert file.faults == ()
    assert file.molecules == ("PHE", "PHEN")
    assert [a.name for a in file.atoms] == ["N", "H", "HA", "CZ", "CA2+", "1HB"]
    assert [f"{b.a}{b.symbol}{b.b}" for b in file.bonds] == [
        "N-CA", "C=O", "C-+N", "N--C", "C#N", "CG:CD1", "CA2+-O5'", "+N-C",
    ]  # fmt: skip
    assert [(c.atom.text, c.value.text) for c in file.charges] == [("NZ", "+1")]
    assert [([str(r) for r in s.atoms], s.label.text) for s in file.stereo] == [
        (["CA"], "S"),
        (["C9", "C10"], "Z"),
    ]
    assert [str(r) for r in file.angles[0].atoms] == ["N", "CA", "+C"]
    assert [(b.bead.text, b.type.text) for b in file.beads] == [("BB", "P2")]


def test_spans_are_those_of_the_file():
    file = parse(PHE)
    lines = PHE.split("\n")

    for atom in file.atoms:
        for column in atom.columns:
            for cell in column.cells:
                assert cell is not None
                shown = lines[cell.span.line - 1][cell.span.column - 1 : cell.span.end_column - 1]
                assert shown.strip('"') == cell.text


def test_a_hash_opens_a_comment_only_behind_a_blank():
    file = parse("molecule: X\natoms:\n  C: B\n  N: B\nbonds:\n  C#N #no bond\n")

    assert file.faults == ()
    assert file.bonds[0].symbol == "#"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_yaml_with_quoted_values_is_read_in_place(newline):
    text = newline.join(
        ["molecule: A3", "", "atoms:", '  "C2\'" : "A3 P3AG" #Connects to C1\'', "  'N9': 'A3 P1A'"]
    )
    file = parse(text)

    assert file.faults == ()
    assert [a.name for a in file.atoms] == ["C2'", "N9"]
    rule = file.atoms[0].columns[1].cells[0]
    assert rule is not None
    assert (rule.kind, rule.text, rule.span.line, rule.span.column) == ("rule", "P3AG", 4, 15)


def test_a_fault_ends_its_line_and_not_the_file():
    text = "molecule: X\natoms:\n  N BB P1A\n  CA: BB\n  C: BB : P1A\n  O: BB\n"
    file = parse(text, "x.map")

    assert [(d.code, str(d.span), d.message) for d in file.faults] == [
        ("M101", "3:5", "expected ':' after atom name 'N', found 'BB'"),
        (
            "M101",
            "5:9",
            "expected a bead, rule, weight, flag or the end of the line after 'BB', found ':'",
        ),
    ]
    assert [a.name for a in file.atoms] == ["CA", "O"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bonds: N-CA, CA",
         "expected a bond symbol (- = # : $) after atom 'CA', found the end of the line"),
        ("bonds:\n  N=", "expected an atom after '=', found the end of the line"),
        ("bonds:\n  N-CA C", "expected ',' or the end of the line after 'CA', found 'C'"),
        ("charges:\n  NZ +1", "expected ':' after atom 'NZ', found '+1'"),
        ("angles:\n  N-CA: 1", "expected '-' after 'CA', found ':'"),
        ("beads:\n  BB:", "expected a name after ':', found the end of the line"),
        ('beads:\n  "BB: P2', "expected a name, found '\"BB'"),
        ("beads:\n  BB\u00a0: P2", "expected ':' after bead 'BB', found the character U+00A0"),
    ],
)  # fmt: skip
def test_messages_are_in_plain_words(line, message):
    file = parse(f"molecule: X\natoms:\n  N: BB\n  CA: BB\n{line}\n")

    assert [d.message for d in file.faults] == [message]


def test_every_terminal_has_an_english_name():
    names = {t.name for t in grammar().terminals} | {"_BROKEN", "$END"}

    assert names - ENGLISH.keys() == set()


def test_what_follows_an_unknown_section_is_left_out_up_to_the_next_known_one():
    file = parse("molecule: X\natoms:\n  C: B\nbond:\n  C-N, N-O\nbeads:\n  B: P2\n")

    assert [(d.code, str(d.span), d.help) for d in file.faults] == [
        ("M102", "4:1", "did you mean bonds?")
    ]
    assert [b.type.text for b in file.beads] == ["P2"]


def test_a_text_of_another_kind_stops_soon():
    many = parse("molecule: X\natoms:\n" + "  what is this\n" * 5000)
    other = parse("ZMA_B1: 0\nZMA_B2: 1\nZMA_B3: 2\n")

    assert len(many.faults) < 110
    assert [d.code for d in other.faults] == ["M103"]
