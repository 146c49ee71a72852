"""What is bonded to what where nothing but the places of atoms tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from herobm.post.bonding import assemble
from herobm.post.context import PostContext
from herobm.types import Atoms


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
    bonds = assemble(replace(atoms, positions=positions), PostContext()).bonds
    found = bonds[np.isin(bonds, rows).all(axis=1)]
    assert found.tolist() == [[rows[a], rows[b]] for a, b in expected]
