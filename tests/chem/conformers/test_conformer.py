"""A structure of a molecule from its mapping alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from herobm.chem.conformers.conformer import conformer
from herobm.dsl import load_set
from herobm.dsl.model import Mapping
from herobm.errors import DslCheckError


def chain(n_carbons: int, folder: Path, extra: str = "") -> Mapping:
    """Map an alkane with four atoms in a bead."""
    atoms = [f"  C{i}: B{i // 4} P1{'ABCD'[i % 4]}" for i in range(n_carbons)]
    bonds = [f"  C{i - 1}-C{i}" for i in range(1, n_carbons)]
    text = "\n".join(["molecule: LIN", "atoms:", *atoms, "bonds:", *bonds, extra, ""])
    path = folder / "lin.map"
    path.write_text(text)
    return load_set([path], "lin").mappings[0]


def test_long_chains_begin_at_random_places(tmp_path: Path) -> None:
    """Where distance geometry has no luck with the places that it guesses itself."""
    atoms = conformer(chain(80, tmp_path), seed=7)
    lengths = np.linalg.norm(np.diff(atoms.positions, axis=0), axis=1)
    assert np.abs(lengths - 1.53).max() < 0.05


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    rings = "  " + ", ".join(f"C{i}-C{j}" for i in range(4) for j in range(i + 2, 5))
    with pytest.raises(DslCheckError, match="RDKit finds no structure with these bonds"):
        conformer(chain(5, tmp_path, rings))
