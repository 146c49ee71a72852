"""What is bonded to what where nothing but the places of atoms tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from herobm.plugins.step_context import StepContext
from herobm.post.bonding import assemble
from herobm.types import Atoms


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
