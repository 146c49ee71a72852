"""``consistency``: beads are met where bonds allow it, and told where not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import herobm
from herobm.assembly.tidy import Tidier
from herobm.chem.contacts import clashes
from herobm.chem.planarity import bent_rings, ring_depths
from herobm.chem.protein.geometry import bond_angles, references
from herobm.chem.stereo import chirality_errors
from herobm.plan import Library, compile_library, compile_plan
from herobm.plan.bonds import angles_of, pairs_across, plan_bonds
from herobm.plugins import load_registry
from herobm.plugins.step_context import StepContext
from herobm.post.consistency import run
from herobm.post.layout import lay_out
from herobm.system import build_topology, coarsen
from herobm.system.coarsen import unbuilt_shares
from herobm.system.periodic import box_matrix, minimum_image
from herobm.types import Atoms, Beads, FloatArray, Residues
from herobm.weights.file import load_weights


def lengths(case, atoms: Atoms) -> FloatArray:
    layout = lay_out(atoms, case.context, "test")
    ends = layout.positions[layout.bonds]
    return np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)


def usual(case) -> FloatArray:
    """Lengths of bonds as crystal structures have them, for no weights tell them here."""
    layout = lay_out(case.atoms, case.context, "test")
    return references(layout.plan, layout.bonds)[:, 0]


def off(case, atoms: Atoms, context) -> FloatArray:
    beads = coarsen(atoms, case.context.topology.plan.library)
    return np.linalg.norm(beads.positions - context.beads.positions, axis=1)


def test_beads_that_moved_a_little_are_met(case) -> None:
    context = case.beads_moved(np.random.default_rng(3).normal(0, 0.05, (1, 3)))
    shift = np.random.default_rng(4).normal(0, 0.04, case.context.beads.positions.shape)
    context = replace(
        context, beads=replace(context.beads, positions=context.beads.positions + shift)
    )
    after = run(case.atoms, context)
    assert off(case, case.atoms, context).max() > 0.1
    assert off(case, after, context).max() < 0.01
    assert np.nanmax(np.abs(lengths(case, after) - usual(case))) < 0.051
    n = len(context.beads)
    assert case.told[0] == f"{n} of {n} beads are reached within 0.01 Å"


def test_one_bead_out_of_reach_stretches_no_bond_and_is_named(case) -> None:
    shift = np.zeros(case.context.beads.positions.shape)
    row = int(np.flatnonzero(case.context.beads.names == "SC1")[-1])
    shift[row] = [3.0, 0.0, 0.0]
    context = case.beads_moved(shift)
    after = run(case.atoms, context)
    away = off(case, after, context)
    assert np.nanmax(np.abs(lengths(case, after) - usual(case))) < 0.051
    assert away[row] > 0.5
    assert context.beads.label(row) in case.told[-1]
    far = np.linalg.norm(case.context.beads.positions - context.beads.positions[row], axis=1) > 12
    assert away[far].max() < 0.01
    assert len(chirality_errors(case.context.topology.plan, after.positions)) == 0


def test_like_branches_that_lie_on_each_other_are_parted(
    peptide: Callable[[str], Atoms], martini3: Library
) -> None:
    atoms = peptide("ALVNA")
    topology = build_topology(coarsen(atoms, martini3), martini3)
    plan, bonds = topology.plan, plan_bonds(topology.plan, topology.links.previous)
    squeezed = atoms.positions.copy()
    for residue, one, two in ((1, "CD1", "CD2"), (2, "CG1", "CG2"), (3, "OD1", "ND2")):
        own = plan.atom_residue == residue
        pair = [int(np.flatnonzero(own & (plan.atom_names == n))[0]) for n in (one, two)]
        middle = squeezed[pair].mean(axis=0)
        squeezed[pair] = middle + 0.3 * (squeezed[pair] - middle)
    pairs = pairs_across(bonds, plan.n_atoms)

    def least(positions: FloatArray) -> float:
        return float(np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1).min())

    assert least(squeezed) < 0.8
    beads = topology.beads.with_positions(topology.beads.positions + 0.02)
    context = StepContext(beads=beads, topology=topology, bonds=bonds)
    assert least(run(atoms.with_positions(squeezed), context).positions) > 1.5
    weights = load_registry().model("martini3/protein").weights
    assert weights is not None
    tidier = Tidier(topology, load_weights(weights).header.bonds)
    assert least(tidier.tidy(squeezed)) > 1.45
    assert least(tidier.tidy(atoms.positions)) > 2.1


def test_a_bridge_is_put_at_its_length(
    peptide: Callable[[str], Atoms],
    martini3: Library,
    two_chains: Callable[[Atoms, FloatArray], Atoms],
) -> None:
    one = peptide("GCG")
    sulfur = one.positions[one.names == "SG"][0]
    outward = sulfur - one.positions[one.names == "CB"][0]
    outward /= np.linalg.norm(outward)
    turned = one.positions @ np.diag([-1.0, -1.0, 1.0])
    shift = sulfur + 2.9 * outward - turned[one.names == "SG"][0]
    both = two_chains(one, turned + shift)
    beads = coarsen(both, martini3)
    topology = build_topology(beads, martini3)
    sulfurs = np.flatnonzero(topology.plan.elements == "S").tolist()
    nudged = beads.with_positions(beads.positions + 0.02)
    context = StepContext(
        beads=nudged,
        topology=topology,
        bonds=plan_bonds(topology.plan, topology.links.previous),
        disulfides=(tuple(sulfurs),),
    )
    gap = np.linalg.norm(np.diff(run(both, context).positions[sulfurs], axis=0))
    assert gap == pytest.approx(2.05, abs=0.06)


def test_a_bridge_over_a_boundary_is_not_pushed_open(
    peptide: Callable[[str], Atoms],
    martini3: Library,
    two_chains: Callable[[Atoms, FloatArray], Atoms],
) -> None:
    """It stays as it is, where the same atoms with no bridge are parted."""
    one, box = peptide("GCG"), np.array([60.0, 60.0, 60.0, 90.0, 90.0, 90.0])
    sulfur, beta = (one.positions[one.names == name][0] for name in ("SG", "CB"))
    outward = (sulfur - beta) / np.linalg.norm(sulfur - beta)
    turned = one.positions @ np.diag([-1.0, -1.0, 1.0])
    shift = sulfur + 2.05 * outward - turned[one.names == "SG"][0]
    both = two_chains(one, turned + shift + [0.0, 60.0, 0.0])
    beads = replace(coarsen(both, martini3), box=box)
    topology = build_topology(beads, martini3)
    sulfurs = np.flatnonzero(topology.plan.elements == "S").tolist()
    nudged = topology.beads.with_positions(topology.beads.positions + 0.02)
    bonds = plan_bonds(topology.plan, topology.links.previous)
    context = StepContext(beads=nudged, topology=topology, bonds=bonds)
    gaps = []
    for bridges in ((), (tuple(sulfurs),)):
        after = run(replace(both, box=box), replace(context, disulfides=bridges))
        across = minimum_image(np.diff(after.positions[sulfurs], axis=0), box)
        gaps.append(float(np.linalg.norm(across)))
    assert gaps[0] > 2.5
    assert gaps[1] == pytest.approx(2.05, abs=0.1)


def test_atoms_that_clash_are_put_apart(case) -> None:
    """A tryptophan pushed into a phenylalanine as far as 2.3 Å: most contacts are gone."""
    plan = case.context.topology.plan
    positions = case.atoms.positions.copy()

    def atom(residue: int, name: str) -> int:
        mine = (plan.atom_residue == residue) & (case.atoms.names == name)
        return int(np.flatnonzero(mine)[0])

    tip, other = atom(6, "CZ"), atom(7, "CZ2")
    positions[plan.atom_residue == 7] += positions[tip] + [0.0, 0.0, 2.3] - positions[other]
    atoms = replace(case.atoms, positions=positions)
    beads = coarsen(atoms, plan.library)
    shift = np.random.default_rng(2).normal(0, 0.03, beads.positions.shape)
    context = replace(case.context, beads=replace(beads, positions=beads.positions + shift))
    present = np.arange(len(positions))
    before, after = (
        clashes(x.positions, plan.elements, present, context.bonds)
        for x in (atoms, run(atoms, context))
    )
    assert (tip, other) in map(tuple, np.sort(before).tolist())
    assert len(after) < 0.3 * len(before)


@pytest.mark.parametrize("tilt", [90.0, 70.0])
def test_atoms_that_clash_over_a_periodic_boundary_are_put_apart(
    peptide: Callable[[str], Atoms],
    martini3: Library,
    tilt: float,
    two_chains: Callable[[Atoms, FloatArray], Atoms],
) -> None:
    """One chain touches the image of the other, which is a box away."""
    one = peptide("SLFKA")
    box = np.array([80.0, 80.0, 80.0, 90.0, 90.0, tilt])
    width = np.ptp(one.positions[:, 0])
    image = one.positions + np.array([width, 0.0, 0.0])
    both = replace(two_chains(one, image - box_matrix(box)[1]), box=box)
    beads = coarsen(both, martini3)
    topology = build_topology(beads, martini3)
    bonds = plan_bonds(topology.plan, topology.links.previous)
    shift = np.random.default_rng(2).normal(0, 0.03, beads.positions.shape)
    nudged = topology.beads.with_positions(topology.beads.positions + shift)
    after = run(both, StepContext(beads=nudged, topology=topology, bonds=bonds))
    present = np.arange(len(both.names))
    counts = [
        len(clashes(x.positions, topology.plan.elements, present, bonds, box=over))
        for x, over in ((both, None), (both, box), (after, box))
    ]
    inside, before, left = counts
    assert before - inside > 5
    assert left < 0.4 * before


def test_a_box_that_cannot_be_theirs_pushes_nothing(case) -> None:
    shift = np.random.default_rng(5).normal(0, 0.04, case.context.beads.positions.shape)
    context = case.beads_moved(shift)
    boxed = replace(case.atoms, box=np.array([9.0, 9.0, 9.0, 90.0, 90.0, 90.0]))
    assert (run(boxed, context).positions == run(case.atoms, context).positions).all()


def test_a_second_run_moves_little(case) -> None:
    """Angles that beads bent are unusual now, and a second run opens them as far as they let it."""
    shift = np.random.default_rng(5).normal(0, 0.04, case.context.beads.positions.shape)
    context = case.beads_moved(shift)
    once = run(case.atoms, context)
    twice = run(once, context)
    assert twice.positions == pytest.approx(once.positions, abs=0.08)


def test_names_and_order_are_kept_and_strangers_stay_where_they_are(case) -> None:
    shift = np.random.default_rng(6).normal(0, 0.04, case.context.beads.positions.shape)
    context = case.beads_moved(shift)
    residue = case.atoms.residue_index
    stranger = replace(
        case.atoms,
        positions=np.vstack([case.atoms.positions, [[50.0, 50.0, 50.0]]]),
        names=np.append(case.atoms.names, "XX"),
        residue_index=np.append(residue, residue[-1]),
        elements=np.append(case.atoms.elements, "H"),
    )
    after = run(stranger, context)
    assert after.names.tolist() == stranger.names.tolist()
    assert after.positions[-1] == pytest.approx([50.0, 50.0, 50.0])


def test_hydrogens_go_along_with_their_atoms(case) -> None:
    first = int(np.flatnonzero(case.atoms.names == "CA")[0])
    residue = case.atoms.residue_index
    place = int(np.flatnonzero(residue == residue[first])[-1]) + 1
    hydrogen = case.atoms.positions[first] + [0.0, 0.0, 1.09]
    with_it = replace(
        case.atoms,
        positions=np.insert(case.atoms.positions, place, hydrogen, axis=0),
        names=np.insert(case.atoms.names, place, "HA"),
        residue_index=np.insert(residue, place, residue[first]),
        elements=np.insert(case.atoms.elements, place, "H"),
    )
    context = case.beads_moved(np.array([[0.3, 0.0, 0.0]]))
    after = run(with_it, context)
    gap = after.positions[place] - after.positions[first]
    assert gap == pytest.approx([0.0, 0.0, 1.09], abs=0.02)


def test_without_beads_nothing_moves_and_it_says_so(case) -> None:
    after = run(case.atoms, replace(case.context, beads=None))
    assert after is case.atoms
    assert "no beads" in case.told[0]


def test_without_a_topology_it_says_what_it_needs(case) -> None:
    from herobm.errors import StructureError

    with pytest.raises(StructureError, match="no mapping fits it") as caught:
        run(case.atoms, replace(case.context, topology=None))
    assert "--mapping" in caught.value.hint


def test_beads_that_count_hydrogens_are_left_alone() -> None:
    """A ligand's beads lie at the mean of all its atoms, and only the heavy ones are rebuilt."""
    library = compile_library(load_registry().mapping("custom_ligand/caffeine"))
    shares = unbuilt_shares(compile_plan(library, np.array([0])))
    assert shares == pytest.approx([0.053, 0.053, 0.074, 0.026], abs=0.001)
    corners = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [1.5, 2.6, 0.0], [4.4, 2.6, 0.0]])
    one = Residues(*(np.array([value]) for value in ("CFF", 1, "", "A")))
    beads = Beads(corners, np.array(["B1", "B2", "B3", "B4"]), np.zeros(4, int), one)
    placed = []
    for post in ("none", "consistency"):
        found = herobm.backmap(
            beads, mapping="custom_ligand/caffeine", model="custom_ligand/conformers", post=post
        )
        placed.append(found.atoms.positions)
    said = str(found.summary)
    assert "4 beads count hydrogens" in said
    assert "; 4 beads without the hydrogens that they count\n" in said
    assert ", and 15 of kinds that no reference is known for (" in said
    assert "of CFF" in said
    assert np.abs(placed[1] - placed[0]).max() < 1e-6


def bent(case, name: str, end: str) -> tuple[Atoms, int, int]:
    """Bring the end of a side chain near to the atom two bonds before; return both, too."""
    plan = case.context.topology.plan
    residue = next(i for i, k in enumerate(plan.template) if plan.library.templates[k].name == name)
    template = plan.library.templates[plan.template[residue]]
    index = plan.atom_index()[residue]
    moved = index[template.atoms.index(end)]
    graph = {frozenset(bond) for bond in case.context.bonds.tolist()}
    middle = next(a for a in index if a >= 0 and frozenset((a, moved)) in graph)
    other = next(a for a in index if a >= 0 and a != moved and frozenset((a, middle)) in graph)
    positions = case.atoms.positions.copy()
    positions[moved] = positions[middle] + 1.5 * unit(
        unit(positions[other] - positions[middle])
        + 0.8 * unit(positions[moved] - positions[middle])
    )
    return replace(case.atoms, positions=positions), moved, other


def unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector)


def test_angles_that_were_left_bent_are_opened(case) -> None:
    atoms, moved, other = bent(case, "MET", "CE")
    after = run(atoms, case.context)
    triples = angles_of(case.context.bonds, len(case.atoms))
    mine = [{moved, other} == {a, c} for a, _, c in triples.tolist()]
    mean, spread = references(case.context.topology.plan, triples[mine]).T
    before, now = (bond_angles(x.positions, triples[mine]) for x in (atoms, after))
    assert abs(before - mean) > 8 * spread
    assert abs(now - mean) < 4 * spread
    assert off(case, after, case.context).max() < 0.05


def test_rings_that_were_left_bent_are_flattened(case) -> None:
    plan = case.context.topology.plan
    positions = case.atoms.positions.copy()
    rings, _ = ring_depths(plan, positions)
    one = rings[0]
    normal = np.linalg.svd(positions[one] - positions[one].mean(axis=0))[2][2]
    positions[one[0]] += 0.8 * normal
    atoms = replace(case.atoms, positions=positions)
    assert len(bent_rings(plan, positions)) > 0
    after = run(atoms, case.context)
    assert not bent_rings(plan, after.positions)


def test_a_residue_without_neighbours_is_put_on_its_beads(
    peptide: Callable[[str], Atoms], martini3: Library
) -> None:
    """Hydrogens count in its beads, as in those of a chain, but files of heavy atoms lack them."""
    whole = peptide("MAGPSHFW")
    atoms = whole.subset(np.isin(whole.residue_index, [5]))
    topology = build_topology(coarsen(atoms, martini3), martini3)
    told: list[str] = []
    context = StepContext(
        beads=topology.place(topology.beads.positions + 0.05, None),
        topology=topology,
        bonds=plan_bonds(topology.plan, topology.links.previous),
        report=told.append,
    )
    after = run(atoms, context)
    assert told[0] == "4 of 4 beads are reached within 0.01 Å"
    assert np.abs(after.positions - atoms.positions - 0.05).max() < 0.1
