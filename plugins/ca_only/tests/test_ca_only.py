from __future__ import annotations

import pytest

from herobm.dsl.model import Mapping, MappingSet
from herobm.plugins import load_registry

AMINO_ACIDS = set(
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split()
)
HEAVY_ATOMS = {"GLY": 4, "ALA": 5, "ARG": 11, "PRO": 7, "TRP": 14, "TYR": 12, "HIS": 10, "ILE": 8}


@pytest.fixture(scope="module")
def ca() -> MappingSet:
    return load_registry().mapping("ca_only")


def residues(mappings: MappingSet) -> list[Mapping]:
    return [mapping for mapping in mappings if mapping.at is None]


def test_the_set_is_registered() -> None:
    registry = load_registry()
    assert "ca_only" in {plugin.name for plugin in registry.plugins}
    assert registry.mappings()["ca_only/ca"].default


def test_all_amino_acids_are_there_once(ca: MappingSet) -> None:
    names = [mapping.name for mapping in residues(ca)]
    assert len(names) == len(set(names))
    assert set(names) == AMINO_ACIDS


def test_each_residue_is_one_bead_that_sits_on_ca(ca: MappingSet) -> None:
    for mapping in residues(ca):
        assert list(mapping.beads) == ["CA"]
        assert [a.name for a in mapping.atoms if a.placements[0].center] == ["CA"]
        assert all(a.rebuilt for a in mapping.atoms)


def test_heavy_atoms_are_complete(ca: MappingSet) -> None:
    counts = {mapping.name: len(mapping.atoms) for mapping in residues(ca)}
    assert {name: counts[name] for name in HEAVY_ATOMS} == HEAVY_ATOMS


def test_every_atom_hangs_on_a_bonded_atom(ca: MappingSet) -> None:
    for mapping in residues(ca):
        bonded = {frozenset((b.a.name, b.b.name)) for b in mapping.bonds if not b.b.offset}
        at = {
            (p.rule.level, p.rule.id): a.name for a in mapping.atoms for p in a.placements if p.rule
        }
        for atom in mapping.atoms:
            rule = atom.placements[0].rule
            assert rule is not None
            if rule.anchor is not None:
                anchor = at[rule.level - 1, rule.anchor]
                assert frozenset((atom.name, anchor)) in bonded


def test_a_chain_ends_in_oxt(ca: MappingSet) -> None:
    (patch,) = [mapping for mapping in ca if mapping.at is not None]
    assert patch.at == "end"
    assert [a.name for a in patch.atoms] == ["OXT"]
    assert set(patch.molecules) == {name for m in residues(ca) for name in m.molecules}
