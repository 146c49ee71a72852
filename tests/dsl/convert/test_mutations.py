"""Damaged files of other tools: a diagnostic or a valid mapping, never anything else."""

from __future__ import annotations

import random

import pytest

from herobm.dsl import check, parse
from herobm.dsl.convert import Reference, complete, read, write_map, write_yaml
from herobm.dsl.model import AtomRef, Bond

BLOCK = """\
[ block ]
[ from ]
charmm
[ from blocks ]
BUOH
[ from edges ]
C1 C2
[ mapping ]
C1  OH
C2  OH
O2  OH
HO2 OH 0
C3  HY
C4  HY 1
"""
YAML = """\
molecule: BUOH
atoms:
  C1:  OH     P1A
  C2:  OH,HY  P2AA,P1B  2/3,1/3
  O2:  OH     P3AA
  HO2,HO:  OH     !
  C3:  HY     P1A  CM
  C4:  HY     P2AA
"""
REFERENCE = Reference(
    source="buoh.pdb",
    residue="BUOH",
    elements={n: n[0] for n in ("C1", "C2", "O2", "HO2", "C3", "C4")},
    positions={n: (float(i), 0.0, 0.0) for i, n in enumerate(("C1", "C2", "O2", "C3", "C4"))},
    bonds=tuple(
        Bond(a=AtomRef(name=a), b=AtomRef(name=b))
        for a, b in (("C1", "C2"), ("C2", "O2"), ("O2", "HO2"), ("C2", "C3"), ("C3", "C4"))
    ),
)
PIECES = ["[", "]", "!", ";", "\n", " ", ":", ",", "1", "C1", "OH", "[ atoms ]", "é", "'", '"', "#"]


def damaged(text: str, chance: random.Random) -> str:
    """The text with a few pieces taken out, put in, doubled or exchanged."""
    for _ in range(chance.randint(1, 4)):
        i, j = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        j = min(j, i + chance.randint(0, 12))
        how = chance.randrange(4)
        piece = ("", chance.choice(PIECES), text[i:j] * 2, text[i:j][::-1])[how]
        text = text[:i] + piece + text[j:] or " "
    return text


def convert(text: str, name: str) -> bool:
    """Convert as the command does; return whether a mapping came of it."""
    reading = read(text, name)
    assert reading.sketches or reading.diagnostics
    done = False
    for sketch in () if reading.refused else reading.sketches:
        mapping, found = complete(sketch, REFERENCE)
        assert mapping is not None or found
        if mapping is not None:
            done = True
            write_yaml(mapping)
            file = parse(write_map(mapping))
            assert not file.faults
            # What is left is for the command to refuse: a bead none of whose atoms counts.
            assert {d.code for d in check(file) if d.is_error} <= {"M204", "M305", "M101"}
    return done


@pytest.mark.parametrize("name", ["buoh.map", "buoh.mapping", "buoh.yaml"])
@pytest.mark.parametrize("n", [200, pytest.param(3000, marks=pytest.mark.slow)])
def test_damaged_files(butanol, name, n):
    text = {"buoh.map": butanol.read_text(), "buoh.mapping": BLOCK, "buoh.yaml": YAML}[name]
    chance = random.Random(n)

    assert convert(text, name)
    assert any([convert(damaged(text, chance), name) for _ in range(n)])
