from __future__ import annotations

from collections.abc import Iterator

import pytest

from herobm.dsl.model import Mapping, MappingSet
from herobm.plan.template import atom_weights
from herobm.plugins import load_registry
from herobm.plugins.registry import Registry

SETS = ("ca", "com", "sc", "ca-sc", "ca-com", "n-ca-c", "n-ca-c-o", "primo")
AMINO_ACIDS = set(
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split()
)
STATES = set("HID HIE HIP HSD HSE HSP ASH GLH LYN CYX CYM ACE NME".split())
HEAVY_ATOMS = {"GLY": 4, "ALA": 5, "ARG": 11, "PRO": 7, "TRP": 14, "TYR": 12, "HIS": 10, "ILE": 8}
BACKBONE = {"N", "CA", "C", "O"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module", params=SETS)
def mappings(request: pytest.FixtureRequest, registry: Registry) -> MappingSet:
    return registry.mapping(f"ca_only/{request.param}")


def residues(mappings: MappingSet) -> Iterator[Mapping]:
    return (mapping for mapping in mappings if mapping.at is None)


def amino_acids(mappings: MappingSet) -> Iterator[Mapping]:
    return (mapping for mapping in residues(mappings) if mapping.name not in ("ACE", "NME"))


def counting(mapping: Mapping, bead: str) -> set[str]:
    """Atoms that a bead's position is made of."""
    found = atom_weights(mapping)
    return {atom for atom, beads in found.items() if bead in dict(beads)}


def heavy(mapping: Mapping) -> set[str]:
    return {a.name for a in mapping.atoms if a.element != "H"}


def test_all_sets_are_there_and_ca_is_meant_by_the_name_of_the_pack(registry: Registry) -> None:
    sets = {name: s for name, s in registry.mappings().items() if name.startswith("ca_only/")}
    assert set(sets) == {f"ca_only/{name}" for name in SETS}
    assert [name for name, s in sets.items() if s.default] == ["ca_only/ca"]
    assert registry.mapping("ca_only") == registry.mapping("ca_only/ca")


def test_all_residues_are_there_once(mappings: MappingSet) -> None:
    names = [name for mapping in residues(mappings) for name in mapping.molecules]
    assert len(names) == len(set(names))
    assert set(names) >= AMINO_ACIDS | STATES


def test_every_heavy_atom_is_rebuilt_and_no_hydrogen(mappings: MappingSet) -> None:
    for mapping in residues(mappings):
        assert {a.name for a in mapping.atoms if a.rebuilt} == heavy(mapping)
    counts = {mapping.name: len(heavy(mapping)) for mapping in residues(mappings)}
    assert {name: counts[name] for name in HEAVY_ATOMS} == HEAVY_ATOMS


def test_no_hydrogen_moves_a_bead(mappings: MappingSet) -> None:
    for mapping in residues(mappings):
        assert set(atom_weights(mapping)) <= heavy(mapping)


def test_every_atom_hangs_on_a_bonded_atom_or_the_bead(mappings: MappingSet) -> None:
    for mapping in residues(mappings):
        bonded = {frozenset((b.a.name, b.b.name)) for b in mapping.bonds if not b.b.offset}
        placed = [(a.name, p.bead, p.rule) for a in mapping.atoms for p in a.placements if p.rule]
        at = {(bead, rule.level, rule.id): name for name, bead, rule in placed}
        for name, bead, rule in placed:
            if rule.anchor is not None:
                assert frozenset((name, at[bead, rule.level - 1, rule.anchor])) in bonded


def test_chains_end_in_oxt(mappings: MappingSet) -> None:
    ends = [mapping for mapping in mappings if mapping.at == "end"]
    assert all([a.name for a in patch.atoms] == ["OXT"] for patch in ends)
    patched = [name for patch in ends for name in patch.molecules]
    assert len(patched) == len(set(patched))
    assert set(patched) == {name for m in amino_acids(mappings) for name in m.molecules}


@pytest.mark.parametrize("name", ["ca", "ca-sc", "ca-com", "n-ca-c", "n-ca-c-o"])
def test_beads_on_atoms_sit_on_them(registry: Registry, name: str) -> None:
    for mapping in amino_acids(registry.mapping(f"ca_only/{name}")):
        for bead in BACKBONE & set(mapping.beads):
            assert counting(mapping, bead) == {bead}


@pytest.mark.parametrize("name", ["com", "ca-com"])
def test_every_heavy_atom_counts_for_the_centre_of_mass_alike(
    registry: Registry, name: str
) -> None:
    for mapping in residues(registry.mapping(f"ca_only/{name}")):
        assert counting(mapping, "CM") == heavy(mapping)
        shares = {p.weight for a in mapping.atoms for p in a.placements if p.bead == "CM"}
        hydrogens = {p.weight for a in mapping.atoms for p in a.placements if not p.counts}
        assert len(shares - hydrogens) <= 1


@pytest.mark.parametrize("name", ["sc", "ca-sc"])
def test_a_side_chain_bead_is_made_of_the_side_chain(registry: Registry, name: str) -> None:
    for mapping in amino_acids(registry.mapping(f"ca_only/{name}")):
        side = heavy(mapping) - BACKBONE
        if side:
            assert counting(mapping, "SC") == side
        elif name == "sc":
            assert counting(mapping, "SC") == {"CA"}
        else:
            assert list(mapping.beads) == ["CA"]


def test_c_alpha_is_held_though_it_counts_twice(registry: Registry) -> None:
    for mapping in residues(registry.mapping("ca_only/ca-com")):
        (held,) = [
            a for a in mapping.atoms for p in a.placements if p.center and p.rule and p.bead == "CA"
        ]
        assert [p.bead for p in held.placements if p.rule] == ["CA"]
