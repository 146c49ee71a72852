"""What is bonded to what where nothing but the places of atoms tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from herobm.plugins.step_context import StepContext
from herobm.post.bonding import assemble, own_bonds, with_hetero
from herobm.post.hydrogens import hydrogens
from herobm.types import Atoms, Residues


def test_nothing_is_bonded_across_a_ter(peptide: Callable[[str], Atoms]) -> None:
    atoms = peptide("AGA")
    assert assemble(atoms, StepContext()).linked.tolist() == [False, True, True]
    residues = replace(atoms.residues, pieces=np.array([0, 0, 1]))
    cut = assemble(replace(atoms, residues=residues), StepContext())
    assert cut.linked.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0.0, 2.65], [(0, 1)]),
        ([0.0, 2.75], []),
        ([0.0, 2.3, 4.3], [(1, 2)]),
    ],
)
def test_each_sulfur_is_in_one_bridge_the_nearest_first(
    peptide: Callable[[str], Atoms], places: list[float], expected: list[tuple[int, int]]
) -> None:
    atoms = peptide("C" + "GC" * (len(places) - 1))
    rows = np.flatnonzero(atoms.names == "SG")
    positions = atoms.positions.copy()
    positions[rows] = np.outer(places, [1.0, 0.0, 0.0]) + 50.0
    bonds = assemble(replace(atoms, positions=positions), StepContext()).bonds
    found = bonds[np.isin(bonds, rows).all(axis=1)]
    assert found.tolist() == [[rows[a], rows[b]] for a, b in expected]


def with_stranger(atoms: Atoms) -> Atoms:
    """Put a methanol with hydrogens that no mapping knows behind the atoms, as HETATM."""
    place = np.array([[0.0, 0, 0], [1.4, 0, 0], [-0.5, 0.9, 0.0], [1.7, 0.9, 0]]) + 30.0
    n, old = len(atoms.residues), atoms.residues
    residues = Residues(
        np.append(old.names, "LIG"), np.append(old.ids, 1), np.append(old.icodes, ""),
        np.append(old.chains, "Z"), hetero=np.append(np.zeros(n, dtype=bool), True),
    )  # fmt: skip
    return Atoms(
        np.concatenate([atoms.positions, place]),
        np.append(atoms.names, ["C1", "O1", "H1", "H2"]),
        np.append(atoms.residue_index, [n] * 4),
        residues,
        elements=np.append(atoms.symbols, ["C", "O", "H", "H"]),
    )


def test_own_bonds_are_those_of_the_mapping_and_of_hydrogens(
    caffeine: tuple[Atoms, StepContext],
) -> None:
    heavy, context = caffeine
    bonds = {frozenset(heavy.names[list(pair)].tolist()) for pair in own_bonds(heavy, context)}
    template = context.topology.plan.library.templates[0]
    assert bonds == {frozenset(template.atoms[i] for i in p) for p in template.bonds.tolist()}
    whole = hydrogens(heavy, context)
    assert int((~whole.heavy).sum()) == 10
    found = own_bonds(whole, context)
    assert len(found) == 15 + 10
    lengths = [np.linalg.norm(np.subtract(*whole.positions[list(pair)])) for pair in found]
    assert max(lengths) < 1.7


def test_of_molecules_without_a_mapping_no_bonds_are_told(
    caffeine: tuple[Atoms, StepContext],
) -> None:
    atoms, context = caffeine
    both = with_stranger(atoms)
    assert own_bonds(both, context) == own_bonds(atoms, context)
    assert own_bonds(both, StepContext()) == ()


def test_chains_have_no_bonds_of_their_own(case: Any) -> None:
    assert own_bonds(case.atoms, case.context) == ()


def test_the_mapping_says_what_is_no_chain_and_else_the_file(
    caffeine: tuple[Atoms, StepContext], case: Any
) -> None:
    atoms, context = caffeine
    assert with_hetero(with_stranger(atoms), context).residues.record_names() == ["HETATM"] * 2
    n = len(case.atoms.residues)
    wrong = replace(case.atoms, residues=replace(case.atoms.residues, hetero=np.ones(n, bool)))
    assert with_hetero(wrong, case.context).residues.record_names() == ["ATOM"] * n
    assert with_hetero(wrong, StepContext()).residues.record_names() == ["HETATM"] * n


def test_water_and_ions_are_told_by_their_names_where_the_file_cannot_say(case: Any) -> None:
    old, n = case.atoms, len(case.atoms.residues)
    residues = Residues(
        np.append(old.residues.names, ["SOL", "NA", "CA"]),
        np.append(old.residues.ids, [1, 2, 3]),
        np.append(old.residues.icodes, ["", "", ""]),
        np.append(old.residues.chains, ["", "", ""]),
    )
    atoms = Atoms(
        np.concatenate([old.positions, np.eye(3) * 3 + 50.0]),
        np.append(old.names, ["OW", "NA", "CA"]),
        np.append(old.residue_index, [n, n + 1, n + 2]),
        residues,
        elements=np.append(old.symbols, ["O", "Na", "Ca"]),
    )
    wanted = ["ATOM"] * n + ["HETATM"] * 3
    for context in (case.context, StepContext()):
        assert with_hetero(atoms, context).residues.record_names() == wanted
