"""Bridges: looked for between beads, decided between sulfur atoms."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.plan import Library, compile_library
from herobm.plan.plan import Plan
from herobm.plugins import load_registry
from herobm.system import Topology, build_topology
from herobm.system.disulfides import PLACED_CUTOFF, find_disulfides
from herobm.types import Beads, FloatArray, Residues


def cysteines(
    martini3: Library, side_chains: FloatArray, names: list[str], box: FloatArray | None = None
) -> Topology:
    """Residues far apart along the chain, whose beads SC1 lie where they are told to."""
    n = len(names)
    backbone = side_chains + np.array([0.0, 3.0, 0.0])
    beads = Beads(
        positions=np.stack([backbone, side_chains], axis=1).reshape(-1, 3),
        names=np.array(["BB", "SC1"] * n),
        residue_index=np.repeat(np.arange(n), 2),
        residues=Residues(
            np.array(names), np.arange(10, 10 * n + 1, 10), np.full(n, ""), np.full(n, "A")
        ),
        box=box,
    )
    return build_topology(beads, martini3)


def sulfur(plan: Plan) -> np.ndarray:
    return np.flatnonzero(plan.elements == "S")


def atoms_at(plan: Plan, sulfurs: list[list[float]]) -> FloatArray:
    """All atoms far away but the sulfur atoms."""
    positions = np.full((plan.n_atoms, 3), 500.0)
    positions[sulfur(plan)] = sulfurs
    return positions


def test_two_near_sulfur_atoms_are_bridged(martini3: Library) -> None:
    topology = cysteines(martini3, np.array([[0.0, 0, 0], [3.0, 0, 0]]), ["CYS", "CYX"])
    candidates = find_disulfides(topology.plan, topology.beads)
    one, two = sulfur(topology.plan).tolist()
    assert candidates.bonded(atoms_at(topology.plan, [[0, 0, 0], [2.1, 0, 0]])) == ((one, two),)
    assert candidates.bonded(atoms_at(topology.plan, [[0, 0, 0], [2.9, 0, 0]])) == ()


def test_beads_far_apart_are_no_candidates(martini3: Library) -> None:
    topology = cysteines(martini3, np.array([[0.0, 0, 0], [6.0, 0, 0]]), ["CYS", "CYS"])
    candidates = find_disulfides(topology.plan, topology.beads)
    assert candidates.bonded(atoms_at(topology.plan, [[0, 0, 0], [2.0, 0, 0]])) == ()


def test_beads_farther_from_their_sulfur_atoms_may_be_farther_apart() -> None:
    library = compile_library(load_registry().mapping("ca_only/ca"))
    for gap, found in ((7.0, 1), (8.0, 0)):
        beads = Beads(
            positions=np.array([[0.0, 0, 0], [gap, 0, 0]]),
            names=np.array(["CA", "CA"]),
            residue_index=np.arange(2),
            residues=Residues(
                np.array(["CYS", "CYS"]), np.array([1, 50]), np.full(2, ""), np.full(2, "A")
            ),
        )
        topology = build_topology(beads, library)
        candidates = find_disulfides(topology.plan, topology.beads)
        near = atoms_at(topology.plan, [[2.0, 0, 0], [4.9, 0, 0]])
        assert len(candidates.bonded(near, PLACED_CUTOFF)) == found
        assert candidates.bonded(near) == ()


def test_no_sulfur_atom_is_in_two_bridges(martini3: Library) -> None:
    """Of three in a row the two nearest are bridged."""
    near = np.array([[0.0, 0, 0], [3.0, 0, 0], [6.0, 0, 0]])
    topology = cysteines(martini3, near, ["CYS"] * 3)
    candidates = find_disulfides(topology.plan, topology.beads)
    _, two, three = sulfur(topology.plan).tolist()
    found = candidates.bonded(atoms_at(topology.plan, [[0, 0, 0], [2.3, 0, 0], [4.3, 0, 0]]))
    assert found == ((two, three),)


def test_the_sulfur_of_methionine_makes_none(martini3: Library) -> None:
    topology = cysteines(martini3, np.array([[0.0, 0, 0], [3.0, 0, 0]]), ["MET", "CYS"])
    candidates = find_disulfides(topology.plan, topology.beads)
    assert candidates.bonded(atoms_at(topology.plan, [[0, 0, 0], [2.0, 0, 0]])) == ()


@pytest.mark.parametrize("names", [["CYS"], ["ALA", "VAL"]])
def test_where_there_are_too_few(martini3: Library, names: list[str]) -> None:
    topology = cysteines(martini3, np.arange(3.0 * len(names)).reshape(-1, 3), names)
    candidates = find_disulfides(topology.plan, topology.beads)
    assert candidates.bonded(np.zeros((topology.plan.n_atoms, 3))) == ()


def test_a_bridge_across_the_box(martini3: Library) -> None:
    box = np.array([40.0, 40.0, 40.0, 90.0, 90.0, 90.0])
    topology = cysteines(martini3, np.array([[1.0, 5, 5], [38.5, 5, 5]]), ["CYS", "CYS"], box)
    candidates = find_disulfides(topology.plan, topology.beads)
    one, two = sulfur(topology.plan).tolist()
    found = candidates.bonded(atoms_at(topology.plan, [[0.8, 5, 5], [38.8, 5, 5]]))
    assert found == ((one, two),)
