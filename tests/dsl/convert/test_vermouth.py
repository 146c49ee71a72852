"""vermouth's ``.mapping``: blocks, modifications of chain ends, and what cannot be expressed."""

from __future__ import annotations

import pytest

from herobm.dsl.convert import complete, read, write_map

BLOCK = """\
[ block ]
[ from ]
charmm
[ to ]
martini22

[ from blocks ]
HIS

[ to blocks ]
HSE

[ mapping ]
 N   BB
HN   BB 0
CA   BB
CB   SC1
"""

END = """\
[ modification ]
[ from ]
amber
[ to ]
martini3001
[ from blocks ]
C-ter
[ to blocks ]
C-ter
[ from nodes ]
N
[ from edges ]
N CA
[ mapping ]
CA BB
C  BB
O  BB
OXT BB
"""


def test_a_block():
    reading = read(BLOCK, "his.mapping")
    (sketch,) = reading.sketches

    assert not reading.diagnostics
    assert sketch.mapping.molecules == ("HIS",)
    assert [
        (a.name, a.placements[0].bead, a.placements[0].counts) for a in sketch.mapping.atoms
    ] == [
        ("N", "BB", True),
        ("HN", "BB", False),
        ("CA", "BB", True),
        ("CB", "SC1", True),
    ]


def test_a_chain_end_becomes_a_patch():
    (sketch,) = read(END, "modifications.mapping", molecules=["ALA", "GLY"]).sketches

    assert write_map(sketch.mapping) == (
        "molecule: ALA, GLY\nat: chain-end\n\natoms:\n  OXT:  BB  P1Z\n"
    )


def test_a_chain_end_without_a_bond_is_told():
    (sketch,) = read(END, "modifications.mapping", molecules=["ALA", "GLY"]).sketches
    _, (told,) = complete(sketch)

    assert told.code == "W404"
    assert "bonds: C-OXT" in (told.help or "")


def test_other_modifications_are_left_out_with_a_note():
    reading = read(END + END.replace("C-ter", "HIS-HP"), "modifications.mapping")

    assert [s.title for s in reading.sketches] == ["C-ter"]
    (note,) = reading.diagnostics
    assert (note.code, str(note.span)) == ("W601", "25:1")
    assert "HIS-HP" in note.message


def test_nothing_else_is_refused():
    (*_, fault) = read(END.replace("C-ter", "HIS-HP"), "m.mapping").diagnostics

    assert fault.code == "M607"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("CA   BB", "CA", "16:1 M602"),
        ("CA   BB", "CA   BB x", "16:1 M602"),
        ("CA   BB", "CA   BB 2", "16:1 M607"),
        ("HIS\n", "HIS#1 HIS#2\n", "8:1 M607"),
        ("HIS\n", "", "1:1 M602"),
    ],
)
def test_faults(old, new, place):
    reading = read(BLOCK.replace(old, new, 1), "his.mapping")
    first = next(d for d in reading.diagnostics if d.is_error)

    assert f"{first.span} {first.code}" == place


def test_macros_are_told():
    reading = read('[ macros ]\nprot "GLY|ALA"\n' + BLOCK, "x.mapping")

    assert [d.code for d in reading.diagnostics] == ["W601"]
    assert len(reading.sketches) == 1
