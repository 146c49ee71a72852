"""Bonds of molecules that are no chain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from herobm.system.connections import own_bonds
from herobm.types import Atoms, Residues


def methanols() -> Atoms:
    """Make three methanols side by side, the first one as if it were part of a chain."""
    one = np.array([[0.0, 0, 0], [-0.5, 0.9, 0], [1.4, 0, 0], [1.7, 0.9, 0]])
    positions = np.concatenate([one + np.array([0.0, 0.0, 2.0 * i]) for i in range(3)])
    residues = Residues(
        np.array(["MOH"] * 3), np.arange(3), np.array([""] * 3), np.array(["A"] * 3),
        hetero=np.array([False, True, True]),
    )  # fmt: skip
    names, elements = np.array(["C", "HC", "O", "HO"] * 3), np.array(["C", "H", "O", "H"] * 3)
    return Atoms(positions, names, np.repeat(np.arange(3), 4), residues, None, elements)


def test_bonds_of_molecules_and_their_hydrogens() -> None:
    told = np.array([[0, 2], [4, 6], [8, 10], [10, 11], [-1, 9]])
    found = {tuple(sorted(pair)) for pair in own_bonds(methanols(), told)}
    assert found == {(4, 6), (4, 5), (6, 7), (8, 10), (8, 9), (10, 11)}


def test_hydrogens_far_from_all_are_left_alone() -> None:
    atoms = methanols()
    atoms.positions[5] += 5.0
    assert (4, 5) not in own_bonds(atoms, np.array([[4, 6]]))


def test_chains_have_none() -> None:
    atoms = methanols()
    chains = replace(atoms, residues=replace(atoms.residues, hetero=None))
    assert own_bonds(chains, np.array([[4, 6]])) == ()
