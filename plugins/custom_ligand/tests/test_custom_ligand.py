from __future__ import annotations

from collections import Counter

import pytest

from herobm.dsl.model import Mapping
from herobm.plugins import load_registry

VALENCE = {"C": 4, "N": 3, "O": 2, "H": 1}
ORDER = {"-": 1, "=": 2}


@pytest.fixture(scope="module")
def caffeine() -> Mapping:
    (mapping,) = load_registry().mapping("custom_ligand").mappings
    return mapping


def test_the_set_is_registered() -> None:
    assert "custom_ligand/caffeine" in load_registry().mappings()


def test_the_formula_is_c8h10n4o2(caffeine: Mapping) -> None:
    assert Counter(a.element for a in caffeine.atoms) == {"C": 8, "H": 10, "N": 4, "O": 2}


def test_heavy_atoms_are_rebuilt_and_hydrogens_count_only(caffeine: Mapping) -> None:
    assert {a.name for a in caffeine.atoms if not a.rebuilt} == {
        a.name for a in caffeine.atoms if a.element == "H"
    }
    assert all(a.placements[0].counts for a in caffeine.atoms)


def test_the_bonds_fill_every_valence(caffeine: Mapping) -> None:
    used: Counter[str] = Counter()
    for bond in caffeine.bonds:
        used[bond.a.name] += ORDER[bond.symbol]
        used[bond.b.name] += ORDER[bond.symbol]
    assert {a.name: VALENCE[a.element] for a in caffeine.atoms} == dict(used)


def test_each_bead_is_of_three_or_four_heavy_atoms(caffeine: Mapping) -> None:
    sizes = Counter(a.placements[0].bead for a in caffeine.atoms if a.rebuilt)
    assert sizes == {"B1": 4, "B2": 4, "B3": 3, "B4": 3}
