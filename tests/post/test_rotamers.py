"""``rotamers``: bent side chains are built anew in a rotamer, all others stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from herobm.chem.contacts import clashes
from herobm.chem.protein.chi import find_chi
from herobm.chem.protein.geometry import bond_angles, references
from herobm.chem.protein.rotamers import judge
from herobm.chem.protein.side_chains import frames, side_chains
from herobm.chem.rotor_shares import RotorShares
from herobm.chem.rotors import find_rotors
from herobm.plan import Library, compile_library
from herobm.plan.bonds import angles_of, plan_bonds
from herobm.plugins import load_registry
from herobm.plugins.step_context import StepContext
from herobm.post.beads import bead_centres
from herobm.post.hydrogens import hydrogens
from herobm.post.layout import lay_out
from herobm.post.rotamers import BEAD_SPREAD, TRUNK, _missed, run
from herobm.system import Topology, build_topology, coarsen
from herobm.system.coarsen import coarsen_plan
from herobm.system.periodic import box_matrix
from herobm.types import Atoms, FloatArray

SEQUENCE = "GKLFMG"


@pytest.fixture(scope="module")
def alpha() -> Library:
    return compile_library(load_registry().mapping("ca_only/ca"))


def known(atoms: Atoms, library: Library, told: list[str]) -> tuple[Topology, StepContext]:
    topology = build_topology(coarsen(atoms, library), library)
    bonds = plan_bonds(topology.plan, topology.links.previous)
    context = StepContext(beads=topology.beads, topology=topology, bonds=bonds, report=told.append)
    return topology, context


def planned(atoms: Atoms, context: StepContext) -> FloatArray:
    """Positions in the order of the plan."""
    return lay_out(atoms, context, "test").positions


def place(atoms: Atoms, residue: int, angles: list[float]) -> FloatArray:
    """Positions with a side chain of ideal geometry at angles in degrees."""
    own = np.flatnonzero(atoms.residue_index == residue)
    rows = {str(name): int(row) for name, row in zip(atoms.names[own], own, strict=True)}
    chain = side_chains()[" ".join(sorted(rows))]
    built = chain.build(np.array([angles]))[0]
    corners = atoms.positions[[rows[name] for name in ("N", "CA", "C")]]
    moved = atoms.positions.copy()
    for index in [chain.atoms.index("CB"), *chain.side]:
        moved[rows[chain.atoms[index]]] = built[index] @ frames(corners[None])[0] + corners[1]
    return moved


def sound(peptide: Callable[[str], Atoms]) -> Atoms:
    atoms = peptide(SEQUENCE)
    turns = {1: [-65, 180, 180, 180], 2: [-65, 175], 3: [180, 75], 4: [-65, 180, 180]}
    for residue, angles in turns.items():
        atoms = replace(atoms, positions=place(atoms, residue, angles))
    return atoms


def between(atoms: Atoms, residue: int, one: list[float], two: list[float], share: float) -> Atoms:
    """Atoms with a side chain in the mean of two rotamers."""
    places = [place(atoms, residue, angles) for angles in (one, two)]
    return replace(atoms, positions=share * places[0] + (1 - share) * places[1])


def most_bent(topology: Topology, positions: FloatArray, residue: int) -> float:
    """Standard deviations of the angle of a side chain that is farthest off."""
    plan = topology.plan
    triples = angles_of(plan_bonds(plan, topology.links.previous), plan.n_atoms)
    triples = triples[(plan.atom_residue[triples] == residue).all(axis=1)]
    triples = triples[~np.isin(plan.atom_names[triples], TRUNK).all(axis=1)]
    mean, spread = references(plan, triples).T
    return float(np.nanmax(np.abs(bond_angles(positions, triples) - mean) / spread))


@pytest.mark.parametrize(
    ("residue", "one", "two"),
    [
        (2, [-65, 175], [180, 65]),
        (1, [-65, 180, 180, 180], [180, 65, 180, 180]),
        (3, [180, 75], [-65, 90]),
        (4, [-65, 180, 75], [-65, -65, -70]),
    ],
)
def test_a_mean_of_two_rotamers_becomes_the_likelier_one(
    residue: int,
    one: list[float],
    two: list[float],
    peptide: Callable[[str], Atoms],
    alpha: Library,
) -> None:
    told: list[str] = []
    start = between(sound(peptide), residue, one, two, 0.75)
    topology, context = known(start, alpha, told)
    assert most_bent(topology, planned(start, context), residue) > 5.0
    after = run(start, context)
    assert most_bent(topology, planned(after, context), residue) < 4.0
    found = planned(after, context)
    assert judge(topology.plan, found)[residue] <= 1
    chi = [float(c.angles(found)[residue]) for c in find_chi(topology.plan)[: len(one)]]
    off = (np.array(chi) - one + 180.0) % 360.0 - 180.0
    assert np.abs(off)[:2].max() < 30.0
    others = start.residue_index != residue
    np.testing.assert_array_equal(after.positions[others], start.positions[others])
    backbone = np.isin(start.names, ("N", "CA", "C", "O"))
    np.testing.assert_array_equal(after.positions[backbone], start.positions[backbone])
    assert told[0] == "1 of 4 side chains were bent or in no rotamer and are laid in one"


@pytest.mark.parametrize("tilt", [90.0, 70.0])
def test_side_chains_meet_over_a_periodic_boundary(
    peptide: Callable[[str], Atoms],
    alpha: Library,
    two_chains: Callable[[Atoms, FloatArray], Atoms],
    tilt: float,
) -> None:
    """A chain beside another one, and a box away from there, where its image lies as before."""
    one = between(sound(peptide), 4, [-65, 180, 75], [-65, -65, -70], 0.75)
    box = np.array([80.0, 80.0, 80.0, 90.0, 90.0, tilt])
    beside = one.positions + np.array([0.0, 0.0, 5.0])
    found = []
    for shift in (np.zeros(3), box_matrix(box)[1] - box_matrix(box)[0]):
        both = replace(two_chains(one, beside + shift), box=box)
        for atoms in (both, replace(both, box=None)):
            _, context = known(atoms, alpha, [])
            away = np.where(np.arange(len(both)) < len(one), 0.0, 1.0)[:, None] * shift
            found.append(run(atoms, context).positions - away)
    near, near_alone, over, over_alone = found
    np.testing.assert_allclose(over, near, atol=1e-8)
    np.testing.assert_allclose(near_alone, near, atol=1e-8)
    assert np.abs(over_alone - near).max() > 1.0


def test_what_a_model_tells_of_angles_decides(
    peptide: Callable[[str], Atoms], alpha: Library
) -> None:
    """The place is nearer to one rotamer, the shares are those of another."""
    start = between(sound(peptide), 1, [-65, 180, 180, 180], [180, 65, 180, 180], 0.75)
    topology, context = known(start, alpha, [])
    wanted = [-65.0, -65.0, 180.0, 65.0]
    rotors = find_rotors(topology.plan)
    mine = np.flatnonzero(rotors.residue == 1)
    assert len(mine) == 4
    middle = 10.0 * np.arange(36) + 5.0
    off = (middle - np.array(wanted)[:, None] + 180.0) % 360.0 - 180.0
    logs = np.zeros((len(rotors), 36, 36))
    logs[mine] = np.maximum(-0.5 * (off / 15.0) ** 2, -13.0)[:, None]
    shares = RotorShares(lambda: (rotors.quads, rotors.before), lambda: logs)
    found = planned(run(start, replace(context, rotors=shares)), context)
    chi = [float(angle.angles(found)[1]) for angle in find_chi(topology.plan)]
    assert np.abs((np.array(chi) - wanted + 180.0) % 360.0 - 180.0).max() < 15.0
    assert most_bent(topology, found, 1) < 4.0


def test_what_is_sound_stays_as_it_is(peptide: Callable[[str], Atoms], alpha: Library) -> None:
    told: list[str] = []
    start = sound(peptide)
    _, context = known(start, alpha, told)
    assert run(start, context) is start
    assert told == ["no side chain is bent or in no rotamer; nothing is moved"]


def test_bridged_cysteines_and_d_residues_stay(
    peptide: Callable[[str], Atoms], alpha: Library
) -> None:
    start = between(peptide("GCLG"), 1, [-65], [180], 0.5)
    topology, context = known(start, alpha, [])
    sulfur = int(np.flatnonzero(topology.plan.atom_names == "SG")[0])
    moved = run(start, context).positions[sulfur] - start.positions[sulfur]
    assert np.linalg.norm(moved) > 0.5
    bridged = replace(context, disulfides=((sulfur, sulfur),))
    np.testing.assert_array_equal(run(start, bridged).positions[sulfur], start.positions[sulfur])
    mirrored = replace(start, positions=start.positions * [-1.0, 1.0, 1.0])
    topology, context = known(mirrored, alpha, [])
    assert run(mirrored, context) is mirrored


def test_a_rotamer_that_is_taken_up_by_another_molecule_is_not_chosen(
    peptide: Callable[[str], Atoms], alpha: Library
) -> None:
    """Where the likelier rotamer would lie, atoms lie that no mapping knows."""
    base = sound(peptide)
    one, two = [-65.0, 180.0, 180.0, 180.0], [180.0, 180.0, 180.0, 180.0]
    start = between(base, 1, one, two, 0.75)
    _, context = known(start, alpha, [])
    ends = np.flatnonzero((base.residue_index == 1) & np.isin(base.names, ("CE", "NZ")))
    wall = place(base, 1, one)[ends]
    n = len(start.residues)
    residues = replace(
        start.residues,
        names=np.append(start.residues.names, "XXX"),
        ids=np.append(start.residues.ids, 99),
        icodes=np.append(start.residues.icodes, ""),
        chains=np.append(start.residues.chains, "B"),
    )
    crowded = Atoms(
        positions=np.concatenate([start.positions, wall]),
        names=np.append(start.names, ["C1", "C2"]),
        residue_index=np.append(start.residue_index, [n, n]),
        residues=residues,
        elements=np.append(start.symbols, ["C", "C"]),
    )
    free = run(start, context)
    context = replace(context, residue_of=np.arange(n), residues=residues)
    after = run(crowded, context)
    gaps = [
        np.linalg.norm(found.positions[ends][:, None] - wall, axis=2).min()
        for found in (free, after)
    ]
    assert gaps[0] < 1.5
    assert gaps[1] > 2.5
    np.testing.assert_array_equal(after.positions[-2:], wall)


def test_beads_that_tell_the_side_chain_decide(
    peptide: Callable[[str], Atoms], martini3: Library, alpha: Library
) -> None:
    """The mean of two rotamers is nearer to one; a bead lies where the other has it."""
    base = sound(peptide)
    one, two = [-65.0, 180.0, 180.0, 180.0], [180.0, 180.0, 180.0, 180.0]
    start = between(base, 1, one, two, 0.6)
    chi1 = []
    for library in (alpha, martini3):
        topology, context = known(start, library, [])
        wanted = coarsen(replace(base, positions=place(base, 1, two)), library)
        there = topology.beads.residue_index == 1
        positions = np.where(there[:, None], wanted.positions, topology.beads.positions)
        context = replace(context, beads=replace(topology.beads, positions=positions))
        after = run(start, context)
        chi1.append(float(find_chi(topology.plan)[0].angles(planned(after, context))[1]) % 360.0)
    assert abs(chi1[0] - 295.0) < 30.0
    assert abs(chi1[1] - 180.0) < 30.0


def test_no_clash_is_made_within_a_chain(peptide: Callable[[str], Atoms], alpha: Library) -> None:
    start = peptide("MAGPSHFW")
    shaken = np.random.default_rng(8).normal(0.0, 0.25, start.positions.shape)
    backbone = np.isin(start.names, ("N", "CA", "C", "O", "OXT"))[:, None]
    start = replace(start, positions=start.positions + np.where(backbone, 0.0, shaken))
    topology, context = known(start, alpha, [])
    after, plan = planned(run(start, context), context), topology.plan
    every = np.arange(plan.n_atoms)
    before, found = (
        len(clashes(positions, plan.elements, every, context.bonds))
        for positions in (planned(start, context), after)
    )
    assert found <= before
    assert judge(plan, after).max() <= 1


def test_hydrogens_turn_with_what_they_are_bonded_to(
    peptide: Callable[[str], Atoms], alpha: Library
) -> None:
    """A side chain turned about chi1 and chi2 keeps the angles at its hydrogens."""
    heavy = sound(peptide)
    full = hydrogens(heavy, StepContext())
    turned = place(heavy, 1, [60.0, 180.0, 180.0, 180.0])
    context = known(heavy, alpha, [])[1]
    layout, before = lay_out(full, context, "test"), lay_out(heavy, context, "test")
    moved = layout.moved(lay_out(replace(heavy, positions=turned), context, "test").positions)
    assert np.abs(turned - before.atoms.positions).max() > 2.0
    mine = full.residue_index == 1
    light = np.flatnonzero(mine & ~full.heavy)
    assert len(light) > 8
    for row in light.tolist():
        old, new = (np.linalg.norm(x - x[row], axis=1) for x in (full.positions, moved.positions))
        near = np.flatnonzero(mine & full.heavy & (old < 2.3))  # bonded, and one bond further
        assert np.abs(new - old)[near].max() < 0.12


@pytest.mark.parametrize("kind", ["PHE", "LEU", "TRP"])
def test_beads_miss_what_their_atoms_move(peptide: Callable[[str], Atoms], kind: str) -> None:
    """Beads of fewer atoms than the largest one count all of these."""
    library = compile_library(load_registry().mapping("martini3"))
    atoms = peptide({"PHE": "GFG", "LEU": "GLG", "TRP": "GWG"}[kind])
    _, context = known(atoms, library, [])
    layout = lay_out(atoms, context, "test")
    plan, positions = layout.plan, layout.positions
    centres = bead_centres(layout, context.beads, 1.0)
    side = np.flatnonzero(
        (plan.atom_residue == 1) & ~np.isin(plan.atom_names, ("N", "CA", "C", "O"))
    )
    shift = np.tile([1.0, 0.0, 0.0], (1, len(side), 1))
    moved = positions.copy()
    moved[side] += shift[0]
    away = coarsen_plan(plan, moved) - coarsen_plan(plan, positions)
    expected = (away[plan.bead_residue == 1] ** 2).sum() / (2.0 * BEAD_SPREAD**2)
    off = np.zeros((len(centres.residue), 3))
    assert _missed(centres, off, 1, side, shift) == pytest.approx([expected])
