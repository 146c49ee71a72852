"""What is written reads as what was meant."""

from __future__ import annotations

from fractions import Fraction

import pytest

from herobm.dsl import build_mapping, check, parse
from herobm.dsl.convert import NumberedResidue, read, write_map, write_ndx, write_yaml
from herobm.dsl.convert.map_text import as_written
from herobm.dsl.convert.yaml_text import lost_in_yaml

WHOLE = """\
molecule: PHE, PHEN
weights: equal

atoms:
  N:        BB             P1A
  H, HN:    BB
  CA:       BB             P1B
  HA:       BB                           !
  CZ:       SC2, SC3       P1A, P1A      1/3, 2/3
  "C 1":    "P1", SC3      P1A, P1B      11/12, 1/12
  O-:       SC3            P1C
  NO:       SC2, SC3, BB   P1B, P1D, P1C

beads:
  BB: P2
  SC2: SC4

bonds:
  N-CA, CA-CZ, CZ="C 1", CA-"O-", N--C, CZ-+"C 1"

charges:
  "O-": -1

stereo:
  CA: S
  CZ="C 1": Z

angles:
  N-CA-CZ: 109.4712206
"""


def parsed(text: str):
    """The mapping that a text is, without its path."""
    file = parse(text)
    assert not [d for d in check(file) if d.is_error]
    return build_mapping(file)


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        "molecule: A\nat: chain-end\natoms:\n  OXT: BB P1Z\n",
        "molecule: A\natoms:\n  C1: A, B  P1A, P1A  !,\n  C2: A, B\n  C3: B P1C\n",
        "molecule: A\natoms:\n  C1: A, B  !,P1A\n  C2: A P1A\n  C3: B P1C\n",
        "molecule: A\natoms:\n  C1: A, B, D  1/2, 1/4, 1/4  P1A,,\n  C2: B P1A\n  C3: D P1C\n",
        "molecule: A\natoms:\n  C1: A, B  P0A, P1A  CM,\n  C2: A P1AA\n  C3: B P1C\n",
    ],
)
def test_our_text_reads_as_the_same_mapping(text):
    mapping = parsed(text)
    again = parsed(write_map(mapping, ["a comment"]))

    assert again == as_written(mapping, "<text>")
    assert parsed(write_map(again)) == again


def test_yaml_reads_as_the_same_atoms():
    mapping = parsed(WHOLE.replace('"C 1"', "C1").replace('"P1"', "PX"))
    text = write_yaml(mapping)
    (sketch,) = read(text, "phe.yaml").sketches

    assert '  "NO": ' in text  # YAML would read it as false
    for ours, theirs in zip(mapping.atoms, sketch.mapping.atoms, strict=True):
        assert (ours.names, ours.element) == (theirs.names, theirs.element)
        for a, b in zip(ours.placements, theirs.placements, strict=True):
            assert (a.bead, a.rule, a.counts, a.center) == (b.bead, b.rule, b.counts, b.center)
            assert abs(a.weight - b.weight) <= Fraction(1, 10**6)


def test_what_yaml_has_no_place_for_is_told():
    (note,) = lost_in_yaml(parsed(WHOLE), "phe.map")
    (fault,) = lost_in_yaml(parsed("molecule: A\nat: chain-end\natoms:\n  OXT: BB P1Z\n"), "c.map")

    assert note.code == "W601"
    for word in ("PHEN", "weights: equal", "bead types", "bonds", "charges", "stereo", "angles"):
        assert word in note.message
    assert fault.code == "M607"


NDX = """\
molecule: X
atoms:
  CA: BB P0A CM
  C: BB P1AA
  CB: SC, BB P1A, P2AA
  HB: SC !
"""


def test_index_groups():
    atoms = {"CA": 2, "C": 3, "CB": 4, "HB": 5}
    one = write_ndx([parsed(NDX)], [NumberedResidue("X", 7, "A", atoms)])
    two = write_ndx(
        [parsed(NDX)],
        [
            NumberedResidue("X", 7, "A", atoms),
            NumberedResidue("SOL", 8, "", {"OW": 6}),
            NumberedResidue("X", 7, "B", {"CB": 10}),
            NumberedResidue("X", 9, "B", {"CB": 20}),
        ],
    )

    assert one == "[ BB ]\n2\n\n[ SC ]\n4\n"
    assert [line for line in two.split("\n") if line] == [
        "[ A_X_7_BB ]", "2", "[ A_X_7_SC ]", "4", "[ B_X_7_SC ]", "10", "[ X_9_SC ]", "20",
    ]  # fmt: skip


def test_long_groups_are_broken_into_lines():
    names = [f"C{i}" for i in range(40)]
    text = "molecule: X\natoms:\n" + "".join(f"  {n}: B\n" for n in names)
    atoms = {n: i for i, n in enumerate(names, 1)}
    lines = write_ndx([parsed(text)], [NumberedResidue("X", 1, "", atoms)]).split("\n")

    assert [len(line.split()) for line in lines[1:4]] == [15, 15, 10]
