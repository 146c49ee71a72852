"""Backward's ``.map``: shares, what is lost, and faults at their places."""

from __future__ import annotations

from fractions import Fraction

import pytest

from herobm.dsl.convert import read, sniff


def codes(reading):
    """Codes with their places."""
    return [f"{d.span} {d.code}" for d in reading.diagnostics]


@pytest.fixture
def text(butanol):
    """A whole file without faults."""
    return butanol.read_text()


def test_how_often_a_bead_is_named_is_its_share(text):
    (sketch,) = read(text, "buoh.map").sketches

    atom = next(a for a in sketch.mapping.atoms if a.name == "C2")
    assert [(p.bead, p.weight) for p in atom.placements] == [
        ("OH", Fraction(2, 3)),
        ("HY", Fraction(1, 3)),
    ]
    assert sketch.mapping.molecules == ("BUOH",)
    assert sketch.loose == ("HC21",)


def test_a_bead_without_atoms_is_told(text):
    reading = read(text, "buoh.map")

    assert not reading.refused
    assert codes(reading) == ["6:7 W603"]
    assert "'VS'" in reading.diagnostics[0].message


def test_an_exclamation_mark_is_ours():
    text = "[molecule]\nX\n[atoms]\n1 CA BB\n2 HA !BB\n3 CB !BB SC1\n"
    (sketch,) = read(text, "x.map").sketches

    assert [[(p.bead, p.counts, p.weight) for p in a.placements] for a in sketch.mapping.atoms] == [
        [("BB", True, 1)],
        [("BB", False, 1)],
        [("SC1", True, 1), ("BB", False, 0)],
    ]


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        (" 3  O2  OH", " 3  O2  OX", "14:9 M603", "did you mean OH?"),
        (" 3  O2  OH", " 3  C1  OH", "14:5 M604", "leave one of the two lines out"),
        (" 3  O2  OH", " x  O2  OH", "14:2 M602", "a number stands in front of each atom"),
        (" 3  O2  OH", " 3", "14:2 M602", "write NUMBER ATOM BEAD; an atom needs no bead"),
        (" 3  O2  OH", " 3  O2  OH !OH", "14:12 M604", "leave one of the two out"),
        ("[ atoms ]", "[ atoms", "11:1 M602", "close the bracket: [ atoms ]"),
    ],
)
def test_faults(text, old, new, place, hint):
    reading = read(text.replace(old, new), "buoh.map")
    errors = [d for d in reading.diagnostics if d.is_error]

    assert reading.refused
    assert f"{errors[0].span} {errors[0].code}" == place
    assert errors[0].help == hint


def test_every_fault_in_one_run(text):
    bad = text.replace(" 3  O2  OH", " x  O2  OH").replace(" 6  C4  HY", " 6  C4  HX")

    assert [c for c in codes(read(bad, "buoh.map")) if " M" in c] == ["14:2 M602", "17:9 M603"]


def test_several_molecules_in_a_file(text):
    reading = read(text + text.replace("BUOH", "OTHER"), "two.map")

    assert [s.mapping.name for s in reading.sketches] == ["BUOH", "OTHER"]


def test_without_a_name_the_file_gives_it():
    reading = read("[ to ]\nmartini\n[ atoms ]\n1 C1 B0\n", "some/BENZ_cgTOoplsaa.map")

    assert reading.sketches[0].mapping.molecules == ("BENZ",)
    assert codes(reading) == ["1:1 W602"]
    named = read("[ atoms ]\n1 C1 B0\n", "x.map", molecules=["BNZ"])
    assert named.sketches[0].mapping.molecules == ("BNZ",)
    assert not named.diagnostics


@pytest.mark.parametrize(
    ("name", "text", "dialect"),
    [
        ("a.map", "[ molecule ]\nA\n[ atoms ]\n1 C1 B\n", "backward"),
        ("a.map", "# ours\nmolecule: A\natoms:\n  C1: B P1A\n", "map"),
        ("a.txt", "molecule: A\natoms:\n  C1: B P1A\n", "map"),
        ("a.yaml", "molecule: A\natoms:\n  C1: B P1A\n", "cgmap"),
        ("bead_types.yaml", "A_B: 0\n", "cgmap"),
        ("a.mapping", "[ block ]\n[ from ]\nx\n", "mapping"),
        ("a.itp", "[ moleculetype ]\nA 1\n[ atoms ]\n1 P2 1 A B 1\n", None),
        ("a.map", "[DPPC]\nNC3 Q0 C13 C14\n", None),
        ("a.md", "# a text\n", None),
    ],
)
def test_the_dialect_is_recognised(name, text, dialect):
    found = sniff(name, text)

    assert (found.name if found else None) == dialect


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<cg_molecule><name>x</name></cg_molecule>", "VOTCA XML"),
        ("RESI POPC\n[ NC3 ]\nN\n", "mstool mapping"),
        ("[DPPC]\nNC3 Q0 C13 C14\n", "PyCGTOOL mapping"),
        ("[ moleculetype ]\nA 1\n", "GROMACS topology"),
        ("{[#PEO][#PEO]}.{#PEO=[$]COC[$]}", "CGsmiles string"),
        ("[ BB ]\nATOM      1  N   ALA\n", "CG2AT fragment"),
    ],
)
def test_what_is_not_read_yet_is_named(text, what):
    (fault,) = read(text, "x.dat").diagnostics

    assert fault.code == "M601"
    assert what in fault.message
    assert "backward" in (fault.help or "")
