"""Bonds about which side branches turn."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.chem.rotors import find_rotors, rotors_of
from herobm.dsl import load_set
from herobm.plan import Library, compile_library
from herobm.plan.plan import compile_plan

MALONATE = """\
molecule: MPA
atoms:
  C1: B1 P1A
  O1: B1 P2AA
  N2: B1 P2AB
  C3: B1 P3BA
  C4: B2 P1A
  C5: B2 P2AA
  C6: B2 P3AA
bonds:
  C1=O1, C1-N2, N2-C3, C1-C4, C4-C5, C5-C6
"""


@pytest.fixture(scope="module")
def amide(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """N-methyl butanamide, a molecule by itself."""
    path = tmp_path_factory.mktemp("maps") / "mpa.map"
    path.write_text(MALONATE)
    return compile_library(load_set([path], "mpa"))


def bonds_of(library: Library, residue: str) -> list[tuple[str, str]]:
    template = library.get(residue)
    assert template is not None
    return [
        (template.atoms[a], template.atoms[b]) for a, b in (r.axis for r in rotors_of(template))
    ]


@pytest.mark.parametrize(
    ("residue", "bonds"),
    [
        ("GLY", []),
        ("ALA", []),
        ("PRO", []),
        ("VAL", [("CA", "CB")]),
        ("ILE", [("CA", "CB"), ("CB", "CG1")]),
        ("ASN", [("CA", "CB"), ("CB", "CG")]),
        ("TRP", [("CA", "CB"), ("CB", "CG")]),
        ("ARG", [("CA", "CB"), ("CB", "CG"), ("CG", "CD"), ("CD", "NE")]),
    ],
)
def test_the_chi_angles_of_amino_acids(
    martini3: Library, residue: str, bonds: list[tuple[str, str]]
) -> None:
    assert bonds_of(martini3, residue) == bonds


def test_an_amide_does_not_turn_and_the_middle_stays(amide: Library) -> None:
    assert bonds_of(amide, "MPA") == [("C1", "C4"), ("C4", "C5")]
    first, second = rotors_of(amide.templates[0])
    assert (first.threefold, second.threefold) == (False, True)


def test_what_is_bridged_does_not_turn(martini3: Library) -> None:
    kinds = np.array([martini3.by_residue[name] for name in ("CYS", "CYS", "ALA")])
    plan = compile_plan(martini3, kinds)
    sulfur = np.flatnonzero(plan.atom_names == "SG")
    rotors = find_rotors(plan)
    assert rotors.residue.tolist() == [0, 1]
    assert plan.atom_names[rotors.axis].tolist() == [["CA", "CB"]] * 2
    assert find_rotors(plan, sulfur[:1]).residue.tolist() == [1]


def test_ends_of_chains_that_are_not_there_do_not_turn(martini3: Library) -> None:
    plan = compile_plan(martini3, np.array([martini3.by_residue["LYS"]] * 2))
    rotors = find_rotors(plan)
    assert len(rotors) == 8
    assert set(plan.atom_names[rotors.moved[rotors.moved >= 0]]) == {"CG", "CD", "CE", "NZ"}
