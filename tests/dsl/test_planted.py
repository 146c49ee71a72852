"""One fault of each code, planted in a mapping that this repository ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from herobm.dsl import CODES, check_files, parse, read_file, render
from herobm.dsl.load import as_text, build_set
from herobm.plan import compile_library

PROTEIN = (
    Path(__file__).resolve().parents[2] / "plugins/martini3/src/herobm_martini3/mappings/protein"
)
PHE = (PROTEIN / "phe.map").read_text()
CTER = (PROTEIN / "cter.map").read_text()

# (code, right, wrong, line:column, end column)
IN_PHE = [
    ("M101", "  CG:    ", "  CG     ", "12:21", 24),
    ("M102", "bonds:", "bnds:", "34:1", 5),
    ("M103", "molecule: PHE\n", "", "3:1", 8),
    ("M104", "HE1:              SC2", "HE1:              !", "24:21", 22),
    ("M201", "P2AC", "P2ACB", "14:31", 36),
    ("M202", "HA:               BB        !", "HA:               BB        MC", "19:31", 33),
    ("M203", "P2AB, P2AB", "P2AB", "17:31", 35),
    ("M204", "1/2, 1/2", "1/2, 1/3", "17:43", 51),
    ("M205", "CZ:               SC2, SC3", "CZ:               SC2, SC2", "17:26", 29),
    ("M301", "P2CA", "P2DA", "10:31", 35),
    ("M302", "  CE2: ", "  CE1: ", "16:3", 6),
    ("M303", "CA:               BB        P1B", "CA:               BB        P1A", "8:31", 34),
    ("M304", "P1C\n", "P1C CM\n  H9: BB CM\n", "10:7", 9),
    ("M305", "  SC3: TC5", "  SC9: TC5", "32:3", 6),
    ("M306", "P2CA", "P3CA", "10:31", 35),
    ("M401", "CB-CG", "CB-CX", "36:13", 15),
    ("W103", "H, HN, H1, HT1:", "H, HN, H1, HN1, HN:", "18:19", 21),
    ("W201", "N:                BB        P1A", "N:                BB        P0A", "7:31", 34),
    ("W202", "P2CA", "P2A ", "10:31", 34),
    ("W203", "BB        P1A\n", "BB        P0A CM\n", "8:31", 34),
    ("W301", "BB        P2CA", "BB", "10:3", 4),
    ("W302", "SC3       P1A\n", "SC3       P1A\n  HX: HB\n", "17:7", 9),
    ("W303", "HB2:              SC1\n", "HB2:              SC1\n  QX: SC1\n", "21:3", 5),
    ("W401", "CB-CG, ", "CB-CG, CG-CB, ", "36:17", 22),
]  # fmt: skip
IN_CTER = [
    ("M302", "OXT, OT2,", "OT1, OT2,", "8:3", 6),
    ("M307", "BB  P2CB", "BX  P2CB", "8:28", 30),
    ("W101", "molecule: GLY, ", "molecule: GLX, ", "3:11", 14),
]


def planted(text: str, right: str, wrong: str) -> str:
    assert right in text
    return text.replace(right, wrong, 1)


@pytest.mark.parametrize(("code", "right", "wrong", "place", "end"), IN_PHE)
def test_a_fault_in_phenylalanine_is_told_first(code, right, wrong, place, end):
    first = check_files([parse(planted(PHE, right, wrong), "phe.map")])[0]

    assert (first.code, str(first.span), first.span.end_column) == (code, place, end)
    assert first.severity == CODES[code].severity


@pytest.mark.parametrize(("code", "right", "wrong", "place", "end"), IN_CTER)
def test_a_fault_in_a_patch_is_told_first(code, right, wrong, place, end):
    files = [read_file(p) for p in sorted(PROTEIN.glob("*.map")) if p.name != "cter.map"]
    first = check_files([*files, parse(planted(CTER, right, wrong), "cter.map")])[0]

    assert (first.path, first.code, str(first.span)) == ("cter.map", code, place)
    assert first.span.end_column == end


def test_a_residue_that_another_file_maps_differently_is_told():
    files = [read_file(p) for p in sorted(PROTEIN.glob("*.map"))]
    other = parse(planted(PHE, "P2AC", "P2AD"), "mine/phe.map")
    (only,) = check_files([*files, other])

    assert (only.code, only.path, str(only.span)) == ("W102", "mine/phe.map", "3:11")
    assert only.note == f"it is named there at {PROTEIN / 'phe.map'}:3:11"
    assert check_files([*files, parse(PHE, "same/phe.map")]) == []
    assert check_files([*files, other], one_set=False) == []


def test_a_file_that_is_no_text_is_told():
    (only,) = check_files([as_text(PHE.encode("utf-16"), "phe.map")])

    assert (only.code, only.span) == ("M105", None)


def test_a_patch_on_a_bead_that_is_lifted_in_some_residues_only():
    atoms = "atoms:\n  CA: BB {}\n  N: BB P1AA\n  C: BB P1AB\n"
    files = [
        parse("molecule: A\n" + atoms.format("P0A CM"), "a.map"),
        parse("molecule: B\n" + atoms.format("P0A"), "b.map"),
        parse("molecule: A, B\nat: chain-end\natoms:\n  OXT: BB P2BA\n", "end.map"),
    ]

    assert [(d.path, d.code, str(d.span)) for d in check_files(files)] == [
        ("b.map", "W201", "3:10"),
        ("end.map", "M306", "4:11"),
    ]


@pytest.mark.parametrize(
    ("base", "end", "told"),
    [
        ("P0A", "P1AX", ["M306 4:8"]),
        ("P0A", "P1AX !", []),
        ("P0A CM", "P1AX", []),
        ("P1A", "P2AX", []),
    ],
)
def test_a_patch_that_moves_a_bead_off_the_atom_at_level_0(base, end, told):
    """Alone C is its bead; with an OXT that counts the bead is the mean of both."""
    files = [
        parse(f"molecule: A\natoms:\n  C: C {base}\n", "a.map"),
        parse(f"molecule: A\nat: chain-end\natoms:\n  OXT: C {end}\n", "end.map"),
    ]
    found = check_files(files)

    assert [f"{d.code} {d.span}" for d in found if d.path == "end.map"] == told
    if told:
        assert "'OXT' the atom at level 0 of bead C is read as level 1" in found[-1].message
        assert found[-1].help.endswith("or CM behind the atom at level 0 in a.map")
    else:
        assert compile_library(build_set(files, "set"))


def test_no_code_of_this_layer_is_left_out():
    told = {code for code, *_ in IN_PHE + IN_CTER} | {"W102", "M105"}
    chemistry = {c for c in CODES if c[1] in "456"} - {"M401", "W401"}

    assert told == set(CODES) - chemistry


def test_every_code_has_a_title_and_the_severity_of_its_letter():
    for code, (title, severity) in CODES.items():
        assert severity == {"M": "error", "W": "warning"}[code[0]]
        assert title
        assert not title.endswith(".")
        assert len(title) < 80


def test_messages_of_planted_faults(snapshot):
    shown = []
    for _, right, wrong, *_ in IN_PHE:
        text = planted(PHE, right, wrong)
        shown.append(render(check_files([parse(text, "phe.map")]), {"phe.map": text}))

    assert "\n\n".join(shown) == snapshot


def test_messages_of_lines_that_cannot_be_read(snapshot):
    text = (
        "molecule: A B\natoms:\n  N: BB: P1A\n  : BB\n  'N: BB\n  N,: BB\n  N\n  N BB P1A\n"
        "  N:\u00a0BB\nbeads:\n  BB\n  BB:\n  BB P2\nbonds:\n  N\n  N CA\n  N-\n  N-CA C-O\n"
        "charges:\n  N +1\n  N:\nstereo:\n  CA S\n  C=C\nangles:\n  N-CA: 120\n  N-CA-C 120\n"
        "exclusions:\n  N\n"
    )

    assert render(check_files([parse(text, "odd.map")]), {"odd.map": text}) == snapshot


def test_messages_about_files_as_a_whole(snapshot):
    texts = {
        "empty.map": b"",
        "header.map": b"molecule: A\n",
        "other.map": b"[ molecule ]\nPHE\n",
        "types.map": b"BB: P2\nSC1: C3\n",
        "late.map": b"atoms:\n  N: BB P1A\nmolecule: A\n",
        "wide.map": b"molecule: A\n" + b"x" * 6000,
        "binary.map": b"\0\1",
        "latin.map": "molecule: Å".encode("latin-1"),
        "twice.map": b"molecule: A, A\nat: chain-ends\nweights: Mass\natoms:\n  C1: A P1A\n",
        "words.map": b"molecule: A\natoms:\n" + b"  what is this\n" * 200,
    }
    found = check_files([as_text(data, path) for path, data in texts.items()])

    shown = [d for d in found if "what" not in d.message or d.span is None]
    assert render(shown, {p: t.decode("latin-1") for p, t in texts.items()}) == snapshot


def test_a_line_that_cannot_be_read_hides_no_other_fault():
    text = PHE
    for right, wrong in (
        ("  HZ: ", "  HZ  "),
        ("P2CA", "P2QA"),
        ("CB-CG", "CB-CX"),
        ("  SC1: SC4", "  SC7: SC4"),
    ):
        text = planted(text, right, wrong)
    found = check_files([parse(text, "phe.map")])

    assert [(d.code, str(d.span)) for d in found] == [
        ("M301", "10:31"),
        ("M101", "26:21"),
        ("M305", "30:3"),
        ("M401", "36:13"),
    ]


@pytest.mark.parametrize("line", ["  N:  ", "  CA: ", "  CG: "])
def test_what_a_line_that_cannot_be_read_names_is_not_called_absent(line):
    found = check_files([parse(planted(PHE, line, line.replace(":", " ")), "phe.map")])

    assert [d.code for d in found] == ["M101"]
