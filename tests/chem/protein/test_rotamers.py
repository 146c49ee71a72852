"""The rotamer reference: what is favoured, and what is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from herobm.chem.protein import rotamers
from herobm.chem.protein.chi import Chi, find_chi
from herobm.chem.protein.ramachandran import ALLOWED, FAVOURED, OUTLIER
from herobm.plan import Library
from herobm.system.atomistic import AtomLayout
from herobm.types import Atoms, FloatArray

Peptide = Callable[[str], Atoms]


class Told(Chi):
    """A chi angle whose value is given."""

    value: float

    @classmethod
    def of(cls, chi: Chi, value: float) -> Told:
        told = cls(chi.atoms, chi.symmetric)
        object.__setattr__(told, "value", value)
        return told

    def angles(self, positions: FloatArray) -> FloatArray:
        there = self.atoms.min(axis=1) >= 0
        return np.where(there, np.where(self.symmetric, self.value % 180, self.value), np.nan)


@pytest.mark.parametrize(
    ("residue", "angles", "verdict"),
    [
        ("L", (-65, 175), FAVOURED),
        ("L", (180, 65), FAVOURED),
        ("L", (0, 0), OUTLIER),
        ("V", (175,), FAVOURED),
        ("V", (-120,), OUTLIER),
        ("F", (-65, 90), FAVOURED),
        ("F", (-65, -90), FAVOURED),  # the same ring turned by half
        ("F", (120, 0), OUTLIER),
        ("K", (-67, 180, 180, 180), FAVOURED),
        ("K", (120, 0, 0, 0), OUTLIER),
        ("E", (-67, 180, -10), FAVOURED),
    ],
)
def test_known_rotamers(
    residue: str, angles: tuple[float, ...], verdict: int, martini3: Library, peptide: Peptide
) -> None:
    atoms = peptide(f"G{residue}G")
    layout = AtomLayout.of(atoms, martini3)
    plan = layout.topology.plan
    values = (*angles, 0.0, 0.0, 0.0)
    chi = [Told.of(c, v) for c, v in zip(find_chi(plan), values, strict=False)]
    found = rotamers.judge(plan, layout.place(atoms.positions, None), chi)
    assert found.tolist() == [-1, verdict, -1]


def test_missing_atoms_are_not_judged(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("GLG")
    layout = AtomLayout.of(atoms, martini3)
    positions = layout.place(atoms.positions, None)
    positions[layout.topology.plan.atom_names == "CD1"] = np.nan
    assert rotamers.judge(layout.topology.plan, positions).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("n_chi", [1, 2, 3, 4])
def test_a_table_is_made_of_what_is_seen(n_chi: int) -> None:
    rng = np.random.default_rng(0)
    angles = (rng.normal(170, 10, (40000, n_chi)) + 180) % 360 - 180  # across the seam
    table = rotamers.fold(angles, symmetric=False)
    width = rotamers.CELLS[n_chi]
    cells = tuple(((angles + 180) // width).astype(int).T)
    assert (table[cells] == FAVOURED).mean() == pytest.approx(0.98, abs=0.01)
    assert (table[cells] == OUTLIER).mean() <= 0.003
    assert set(np.unique(table)) <= {FAVOURED, ALLOWED, OUTLIER}
    assert table[(-1,) * n_chi] == FAVOURED
    assert table[(0,) + (-1,) * (n_chi - 1)] == FAVOURED
    assert table[(table.shape[0] // 2,) * n_chi] == OUTLIER
