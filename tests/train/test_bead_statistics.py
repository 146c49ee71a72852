"""Distances between beads, and how far they are off those of a dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.plan import Library
from herobm.system import build_topology, coarsen
from herobm.train.bead_statistics import (
    Distances,
    by_place,
    compare,
    frame_distances,
    training_distances,
)
from herobm.train.dataset import read_dataset


def test_the_dataset_itself_is_not_off(dataset_file: Path, martini3: Library) -> None:
    dataset = read_dataset(dataset_file)
    trained = training_distances(dataset, martini3)
    topology = build_topology(coarsen(dataset.atoms, martini3), martini3)
    found = frame_distances(topology, [topology.beads.positions], Distances(martini3, trained))
    assert found.count.sum() == trained.count.sum() > 500
    assert np.allclose(found.mean, trained.mean)
    assert all(abs(row["difference"]) < 1e-9 for row in by_place(found))


def test_a_longer_side_chain_is_told(dataset_file: Path, martini3: Library) -> None:
    """SC1 is moved away from BB by half an Å in every residue of a copy."""
    dataset = read_dataset(dataset_file)
    trained = training_distances(dataset, martini3)
    topology = build_topology(coarsen(dataset.atoms, martini3), martini3)
    plan = topology.plan
    start = plan.bead_start[:-1]
    first = start[np.diff(plan.bead_start) > 1] + 1
    positions = topology.beads.positions.copy()
    way = positions[first] - positions[first - 1]
    positions[first] += 0.5 * way / np.linalg.norm(way, axis=1, keepdims=True)
    found = frame_distances(topology, [positions, positions], Distances(martini3, trained))
    rows = {(r["residue"], r["bead"], r["place"]): r for r in compare(found)}
    valine = rows["VAL", "BB", "SC1"]
    assert valine["n"] == 2 * valine["training"]["n"]
    assert valine["mean"] - valine["training"]["mean"] == pytest.approx(0.5, abs=1e-6)
    assert valine["shift"] == pytest.approx(0.5 / valine["training"]["sd"])
    assert rows["VAL", "BB", "chain +1"]["shift"] == pytest.approx(0.0, abs=1e-6)
    assert ("VAL", "SC1", "BB") not in rows


def test_incomplete_residues_are_no_reference(dataset_file: Path, martini3: Library) -> None:
    dataset = read_dataset(dataset_file)
    atoms = dataset.atoms
    whole = training_distances(dataset, martini3)
    lacking = atoms.subset(~((atoms.names == "CG1") & (atoms.residue_index >= 0)))
    assert len(lacking) < len(atoms)
    found = training_distances(replace(dataset, atoms=lacking), martini3)
    named = {(r["residue"], r["bead"], r["place"]): r["n"] for r in compare(found)}
    assert ("VAL", "BB", "SC1") not in named
    assert found.count.sum() < whole.count.sum()
