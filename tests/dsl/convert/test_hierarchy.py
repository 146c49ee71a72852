"""Rules from bonds: breadth-first from the atom nearest to the bead."""

from __future__ import annotations

import pytest

from herobm.dsl import build_mapping, check, parse
from herobm.dsl.convert import Reference, complete, read
from herobm.dsl.convert.hierarchy import TooManyAtomsError, derive_rules
from herobm.dsl.model import AtomRef, Bond, Mapping


def mapping(atoms: str, bonds: str) -> Mapping:
    """A mapping without rules."""
    file = parse(f"molecule: X\natoms:\n{atoms}\nbonds:\n  {bonds}\n")
    assert not [d for d in check(file) if d.is_error]
    return build_mapping(file)


def rules(found: Mapping) -> dict[str, list[str]]:
    """Atom -> its rules."""
    return {a.name: [str(p.rule) for p in a.placements] for a in found.atoms}


def test_without_positions_the_middle_of_the_graph_comes_first():
    chain = mapping("  C1: B\n  C2: B\n  C3: B\n  C4: B\n  C5: B", "C1-C2, C2-C3, C3-C4, C4-C5")

    assert rules(derive_rules(chain, {})) == {
        "C1": ["P3AA"],
        "C2": ["P2AA"],
        "C3": ["P1A"],
        "C4": ["P2AB"],
        "C5": ["P3BB"],
    }


def test_mass_pulls_the_middle():
    chain = mapping("  BR1: B\n  C2: B\n  C3: B", "BR1-C2, C2-C3")

    assert rules(derive_rules(chain, {}))["BR1"] == ["P1A"]


def test_with_positions_space_decides():
    chain = mapping("  C1: B\n  C2: B\n  C3: B", "C1-C2, C2-C3")
    bent = {"C1": (0.0, 0.0, 0.0), "C2": (0.0, 5.0, 0.0), "C3": (1.0, 0.0, 0.0)}

    assert rules(derive_rules(chain, bent)) == {"C1": ["P1A"], "C2": ["P2AA"], "C3": ["P3AA"]}


def test_hydrogens_get_no_rule_but_count():
    found = derive_rules(mapping("  C1: B\n  H1: B\n  C2: A", "C1-H1, C1-C2"), {})

    assert rules(found) == {"C1": ["P1A"], "H1": ["None"], "C2": ["P0A"]}


def test_an_atom_that_is_the_bead_sits_on_it():
    found = derive_rules(mapping("  CA: B CM\n  C: B\n  O: B", "CA-C, C=O"), {})

    assert rules(found) == {"CA": ["P0A"], "C": ["P1AA"], "O": ["P2AA"]}


def test_what_no_bond_reaches_begins_anew():
    found = derive_rules(mapping("  C1: B\n  C2: B\n  N3: B\n  C9: A", "C1-C2, C9-N3"), {})

    assert sorted(r for (r,) in rules(found).values()) == ["P0A", "P1A", "P1B", "P2AA"]


def test_a_shared_atom_has_a_rule_in_each_bead():
    found = derive_rules(
        mapping("  C1: A\n  C2: A, B\n  C3: B\n  C4: B", "C1-C2, C2-C3, C3-C4"), {}
    )

    assert rules(found)["C2"] == ["P2AA", "P2AA"]


def test_more_atoms_than_letters():
    atoms = "\n".join(f"  C{i}: B" for i in range(30))

    with pytest.raises(TooManyAtomsError) as error:
        derive_rules(mapping(atoms, ", ".join(f"C0-C{i}" for i in range(1, 30))), {})

    assert (error.value.bead, error.value.level) == ("B", 2)


def test_the_bonds_are_asked_for():
    (sketch,) = read("[ molecule ]\nX\n[ atoms ]\n1 C1 B\n2 C2 B\n", "x.map").sketches
    found, (fault,) = complete(sketch)

    assert found is None
    assert fault.code == "M605"
    assert "--structure" in (fault.help or "")


def test_an_atom_that_the_structure_lacks():
    (sketch,) = read("[ molecule ]\nX\n[ atoms ]\n1 C1 B\n2 O22 B\n", "x.map").sketches
    reference = Reference("x.pdb", "X", {"C1": "C", "O21": "O"})
    found, (fault,) = complete(sketch, reference)

    assert found is None
    assert (fault.code, str(fault.span), fault.help) == ("M606", "5:3", "did you mean O21?")


def test_a_source_with_rules_can_do_without_an_atom_of_the_structure():
    text = "molecule: X\natoms:\n  C1: B P1A\n  C2: B P2AA\n  OXT: B P2AB\n"
    (sketch,) = read(text, "x.yaml").sketches
    bond = Bond(a=AtomRef(name="C1"), b=AtomRef(name="C2"))
    found, (note,) = complete(
        sketch, Reference("x.pdb", "X", {"C1": "C", "C2": "C"}, bonds=(bond,))
    )

    assert found is not None
    assert found.bonds == (bond,)
    assert rules(found)["OXT"] == ["P2AB"]
    assert (note.code, str(note.span)) == ("W606", "5:3")


def test_our_files_without_rules_get_some_where_bonds_are_known():
    bonded = "molecule: X\natoms:\n  C1: B CM\n  C2: B\nbonds:\n  C1-C2\n"
    (sketch,) = read(bonded, "x.map").sketches
    found, told = complete(sketch)

    assert found is not None
    assert rules(found) == {"C1": ["P0A"], "C2": ["P1AA"]}
    assert not told


def test_our_files_without_rules_and_bonds_stay_as_they_are():
    reading = read("molecule: X\natoms:\n  C1: B\n  C2: B\n", "x.map")
    found, (note,) = complete(reading.sketches[0])

    assert found == reading.sketches[0].mapping
    assert (note.code, note.help) == (
        "W301",
        "give a structure file of the molecule with --structure",
    )
