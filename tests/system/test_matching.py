"""Residues found again in a structure that others were put into."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.system.matching import find_residues, rename_residues
from herobm.types import Atoms, Residues


def residues(*labels: str) -> Residues:
    """Of one chain, from labels such as ``ALA7``."""
    n = len(labels)
    return Residues(
        np.array([label[:3] for label in labels]),
        np.array([int(label[3:]) for label in labels]),
        np.full(n, ""),
        np.full(n, "A"),
    )


TWICE = ("GLY1", "ALA2", "GLY1", "ALA2")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (("GLY1", "ALA2", "NME3", "GLY1", "ALA2", "NME3"), [0, 1, 3, 4]),
        (("ACE0", "GLY1", "NME2", "ACE1", "ALA2", "GLY1", "ALA2"), [1, 4, 5, 6]),
        (("GLY1", "SER2", "GLY1", "ALA2", "NME3"), [0, -1, 2, 3]),
        (("GLY1", "ALA2", "GLY1"), [0, 1, 2, -1]),
        (("ALA2", "ALA2"), [-1, 0, -1, 1]),
        (("HIS1", "ALA2", "GLY1", "ALA2"), [0, 1, 2, 3]),
        ((), [-1, -1, -1, -1]),
    ],
)
def test_copies_of_a_molecule_with_the_same_labels_are_told_apart(
    after: tuple[str, ...], expected: list[int]
) -> None:
    assert find_residues(residues(*TWICE), residues(*after)).tolist() == expected


def test_selenomethionine_that_is_read_as_methionine_has_sulfur(
    caplog: pytest.LogCaptureFixture,
) -> None:
    atoms = Atoms(
        positions=np.zeros((5, 3)),
        names=np.array(["CA", "SE", "CA", "SE", "CA"]),
        residue_index=np.array([0, 0, 1, 1, 2]),
        residues=residues("MSE1", "XSE2", "MSE3"),
        elements=np.array(["C", "SE", "C", "SE", "C"]),
    )
    with caplog.at_level("INFO"):
        read = rename_residues(atoms, {"MSE": "MET"}, "x.pdb")
    assert read.residues.names.tolist() == ["MET", "XSE", "MET"]
    assert read.names.tolist() == ["CA", "SD", "CA", "SE", "CA"]
    assert read.symbols.tolist() == ["C", "S", "C", "SE", "C"]
    assert "x.pdb: SE of 1 MSE counts as SD of MET" in caplog.text
    other = rename_residues(atoms, {"MSE": "LEU"}, "x.pdb")
    assert other.names.tolist() == atoms.names.tolist()
