"""Different conformers for the same beads."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from herobm.assembly.draft import Draft
from herobm.assembly.models import open_model
from herobm.assembly.sampling import Sampler
from herobm.chem.conformers.conformer import conformer as build_conformer
from herobm.chem.contacts import clashes
from herobm.chem.geometry import dihedrals
from herobm.chem.judging.diversity import pairwise_rmsd
from herobm.chem.rotor_shares import RotorShares
from herobm.chem.rotors import find_rotors
from herobm.chem.stereo import chirality_errors, prochiral_errors
from herobm.dsl import load_set
from herobm.errors import ModelError
from herobm.io import read_atoms, read_beads
from herobm.pipeline import Rebuilder, prepare
from herobm.plan import Library, compile_library
from herobm.plan.bonds import angles_of, lay_out_atoms, plan_bonds
from herobm.plugins import load_registry
from herobm.system import Topology, build_topology, coarsen
from herobm.system.atomistic import AtomLayout
from herobm.system.coarsen import coarsen_plan
from herobm.system.matching import match_atoms
from herobm.system.periodic import box_matrix
from herobm.types import Atoms, Beads, FloatArray, Residues

ROOT = Path(__file__).resolve().parents[2]
SEQUENCE = "AKFLVERWTC"


class Drawn(NamedTuple):
    """A peptide, and conformers drawn for it as if a model had put it there."""

    topology: Topology
    positions: FloatArray
    conformers: list[FloatArray]


@pytest.fixture(scope="module")
def alphas() -> Library:
    """One bead a residue, on CA."""
    folder = ROOT / "plugins/ca_only/src/herobm_ca_only/mappings/ca"
    return compile_library(load_set(sorted(folder.glob("*.map")), "ca_only/ca"))


def draw(atoms: Atoms, library: Library, error: float, n: int = 4) -> Drawn:
    topology = build_topology(coarsen(atoms, library), library)
    plan = topology.plan
    local = match_atoms(atoms, library).atom
    positions = lay_out_atoms(plan, atoms.residue_index, local, atoms.positions)
    errors = np.full(plan.n_residues, error)
    sampler = Sampler(plan, positions, errors, np.zeros(0, np.int64))
    conformers = [sampler.draw(np.random.default_rng([5, k])) for k in range(n)]
    return Drawn(topology, positions, conformers)


@pytest.fixture(scope="module")
def coarse(peptide: Callable[[str], Atoms], alphas: Library) -> Drawn:
    """A model of C-alpha beads that is 1.5 Å off."""
    return draw(peptide(SEQUENCE), alphas, 1.5)


@pytest.fixture(scope="module")
def fine(peptide: Callable[[str], Atoms], martini3: Library) -> Drawn:
    """A model of Martini 3 beads that is 0.3 Å off."""
    return draw(peptide(SEQUENCE), martini3, 0.3)


def test_conformers_differ_where_the_model_is_unsure(coarse: Drawn, fine: Drawn) -> None:
    assert 0.8 < pairwise_rmsd(coarse.conformers) < 2.5
    assert 0.05 < pairwise_rmsd(fine.conformers) < 0.5


def test_branches_meet_over_a_periodic_boundary(
    peptide: Callable[[str], Atoms],
    alphas: Library,
    two_chains: Callable[[Atoms, FloatArray], Atoms],
) -> None:
    """A chain beside another one, and a box away from there, where its image lies as before."""
    one, box = peptide(SEQUENCE), np.array([90.0, 80.0, 85.0, 90.0, 90.0, 75.0])
    beside = one.positions + np.array([0.0, 0.0, 6.0])
    found = []
    for shift in (np.zeros(3), box_matrix(box)[2] - box_matrix(box)[0]):
        both = two_chains(one, beside + shift)
        topology = build_topology(coarsen(both, alphas), alphas)
        plan = topology.plan
        local = match_atoms(both, alphas).atom
        positions = lay_out_atoms(plan, both.residue_index, local, both.positions)
        errors, fixed = np.full(plan.n_residues, 1.5), np.zeros(0, np.int64)
        away = (plan.atom_residue >= len(one.residues))[:, None] * shift
        for over in (box, None):
            sampler = Sampler(plan, positions, errors, fixed, box=over)
            found.append(sampler.draw(np.random.default_rng(1)) - away)
    near, near_alone, over, over_alone = found
    np.testing.assert_allclose(over, near, atol=1e-6)
    np.testing.assert_allclose(near_alone, near, atol=1e-6)
    assert np.abs(over_alone - near).max() > 1.0


def test_torsions_are_drawn_by_the_shares_that_a_model_tells(
    peptide: Callable[[str], Atoms], alphas: Library
) -> None:
    """Chi1 one of two angles, three to one; chi2 what goes with it, whatever the model placed."""
    atoms = peptide("GLGGGLGGGLG")
    topology = build_topology(coarsen(atoms, alphas), alphas)
    plan = topology.plan
    local = match_atoms(atoms, alphas).atom
    positions = lay_out_atoms(plan, atoms.residue_index, local, atoms.positions)
    rotors = find_rotors(plan)
    middle = 10.0 * np.arange(36) + 5.0

    def peak(angle: float) -> FloatArray:
        off = (middle - angle + 180.0) % 360.0 - 180.0
        return np.maximum(np.exp(-0.5 * (off / 10.0) ** 2), 1e-5)

    inner = 0.75 * peak(185.0) + 0.25 * peak(305.0)
    outer = np.where(middle[:, None] < 245.0, peak(65.0), peak(175.0))
    logs = np.log(np.where((rotors.before < 0)[:, None, None], inner, outer))
    shares = RotorShares(lambda: (rotors.quads, rotors.before), lambda: logs)
    errors = np.full(plan.n_residues, 1.5)
    sampler = Sampler(plan, positions, errors, np.zeros(0, np.int64), shares)
    drawn = [sampler.draw(np.random.default_rng([3, k])) for k in range(40)]
    angles = np.array([dihedrals(conformer, rotors.quads) % 360.0 for conformer in drawn])
    turned = np.flatnonzero(rotors.before >= 0)
    ones, twos = angles[:, rotors.before[turned]].ravel(), angles[:, turned].ravel()
    first, second = np.abs(ones - 185.0) < 30.0, np.abs(ones - 305.0) < 30.0
    assert (first | second).mean() > 0.95
    assert 0.6 < first.mean() < 0.9
    assert (np.abs(twos - np.where(ones < 245.0, 65.0, 175.0)) < 30.0).mean() > 0.95


def test_the_shares_that_are_shipped_are_those_of_a_crystal() -> None:
    """Where the 70 degrees likeliest for chi1 are told to hold 60 % or more, chi1 mostly is."""
    spec = importlib.util.find_spec("vermouth")
    assert spec is not None
    assert spec.origin is not None
    atoms = read_atoms(Path(spec.origin).parent / "tests/data/2QWO.pdb", "protein and chainID B")
    library = compile_library(load_registry().mapping("ca_only/ca"))
    layout = AtomLayout.of(atoms, library, "2QWO")
    reference = layout.place(atoms.positions, atoms.box)
    network = open_model("ca_only/ca", load_registry())
    draft = Draft.of(layout.topology)
    every = np.ones(layout.topology.plan.n_residues, bool)
    network.share(layout.topology, every, 0).fill(layout.topology.beads, draft)
    (shares,) = draft.rotors
    angles = dihedrals(reference, shares.quads) % 360.0
    first = (shares.before < 0) & np.isfinite(angles)
    found = np.exp(shares.log_shares[first, 0])
    around = sum(np.roll(found, step, axis=1) for step in range(-3, 4))
    off = (angles[first] // 10.0 - around.argmax(axis=1) + 18.0) % 36.0 - 18.0
    sure = around.max(axis=1) > 0.6
    assert sure.sum() > 40
    assert (np.abs(off[sure]) <= 3.0).mean() > 0.75


def test_lengths_angles_and_hands_stay(coarse: Drawn) -> None:
    plan = coarse.topology.plan
    bonds = plan_bonds(plan, coarse.topology.links.previous)
    one, _, two = angles_of(bonds, plan.n_atoms).T

    def inner(x: FloatArray) -> FloatArray:
        pairs = np.concatenate([bonds, np.stack([one, two], axis=1)])
        return np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1)

    wrong = [len(f(plan, coarse.positions)) for f in (chirality_errors, prochiral_errors)]
    for conformer in coarse.conformers:
        assert inner(conformer) == pytest.approx(inner(coarse.positions), abs=1e-9)
        found = [len(f(plan, conformer)) for f in (chirality_errors, prochiral_errors)]
        assert found == wrong


def test_the_chain_stays(coarse: Drawn) -> None:
    plan = coarse.topology.plan
    chain = np.isin(plan.atom_names, ["N", "CA", "C", "O", "OXT", "CB"])
    for conformer in coarse.conformers:
        assert np.array_equal(conformer[chain], coarse.positions[chain])


def test_beads_stay(fine: Drawn) -> None:
    plan, here = fine.topology.plan, coarsen_plan(fine.topology.plan, fine.positions)
    for conformer in fine.conformers:
        shift = np.linalg.norm(coarsen_plan(plan, conformer) - here, axis=1)
        assert shift.max() < 0.5
        assert np.sqrt((shift**2).mean()) < 0.18  # 0.1 Å a coordinate


def test_side_chains_do_not_clash(coarse: Drawn) -> None:
    plan = coarse.topology.plan
    bonds = plan_bonds(plan, coarse.topology.links.previous)
    atoms = np.arange(plan.n_atoms)
    before = len(clashes(coarse.positions, plan.elements, atoms, bonds))
    for conformer in coarse.conformers:
        assert len(clashes(conformer, plan.elements, atoms, bonds)) <= before + 1


def test_torsions_are_staggered(peptide: Callable[[str], Atoms], alphas: Library) -> None:
    drawn = draw(peptide("AKAKAKA"), alphas, 4.0, 12)
    rotors = find_rotors(drawn.topology.plan)
    quads = np.column_stack([rotors.behind[:, 0], rotors.axis, rotors.moved[:, 0]])
    chi = np.concatenate([dihedrals(x, quads) for x in drawn.conformers])
    assert (np.cos(np.radians(3 * chi)) < 0).mean() > 0.9
    share = [(np.abs(chi - centre) < 60).mean() for centre in (-60, 60)]
    assert all(0.05 < s < 0.8 for s in share)


def test_a_model_that_is_sure_leaves_no_freedom(
    peptide: Callable[[str], Atoms], alphas: Library
) -> None:
    sure = draw(peptide("AKFLA"), alphas, 0.02, 2)
    away = [np.sqrt(((c - sure.positions) ** 2).sum(axis=1).mean()) for c in sure.conformers]
    assert max(away) < 0.1
    silent = draw(peptide("AKFLA"), alphas, float("nan"), 1)
    assert np.array_equal(silent.conformers[0], silent.positions)


@pytest.fixture(scope="module")
def prepared() -> Rebuilder:
    """Ten residues of ubiquitin, no steps."""
    beads = read_beads(ROOT / "examples/1ubq/cg.pdb")
    return prepare(beads.subset(beads.residue_index < 10), mapping="martini3", post="none")


def positions(prepared: Rebuilder, n: int, seed: int, beads: Beads | None = None) -> FloatArray:
    found = prepared.samples(beads or prepared.topology.beads, n, seed)
    return np.array([result.atoms.positions for result in found])


def test_a_seed_draws_the_same_samples(prepared: Rebuilder) -> None:
    first = positions(prepared, 3, 1)
    assert np.array_equal(positions(prepared, 2, 1), first[:2])
    other = positions(prepared, 1, 2)
    assert len(other) == 1
    gaps = [np.abs(a - b).max() for a, b in ((first[0], first[1]), (first[0], other[0]))]
    assert min(gaps) > 0.1
    negative = positions(prepared, 1, -3)
    assert np.isfinite(negative).all()


def test_samples_are_judged_as_results_are(prepared: Rebuilder) -> None:
    usual = prepared.result(prepared.topology.beads)
    (drawn,) = prepared.samples(prepared.topology.beads, 1, 4)
    assert drawn.atoms.names.tolist() == usual.atoms.names.tolist()
    assert not drawn.summary.faults
    assert drawn.summary.remap_mean < usual.summary.remap_mean + 0.15
    crushed = replace(drawn.summary, overlaps=2)
    assert crushed.faults == ("overlaps",)
    wrong = replace(drawn.summary, double_bond_errors=("C2 of LIG 1",), bent_rings=("PHE 4",))
    assert wrong.faults == ("wrong double bonds", "bent rings")
    twisted = replace(drawn.summary.verdict, counts=Counter(twisted_peptides=1))
    assert replace(drawn.summary, verdict=twisted).faults == ("twisted peptides",)
    assert "\noverlaps          2 pairs of atoms within 1.2 Å" in str(crushed)


def test_where_nothing_can_turn_no_samples_are_drawn() -> None:
    beads = read_beads(ROOT / "examples/1ubq/cg.pdb")
    glycine = beads.subset((beads.residues.names == "GLY")[beads.residue_index])
    ready = prepare(glycine, mapping="martini3", post="none")
    with pytest.raises(ModelError, match="no side branch"):
        next(ready.samples(ready.topology.beads, 1))


BRANCHED = """
molecule: TRI

atoms:
  C0: B1 P1A
  C1: B1 P1B
  C2: B1 P1C
  C3: B1 P1D
  CD1: B1 P2BE
  CD2: B1 P2CF
  CD3: B1 P2DG
  CE1: B1 P3EH
  CE2: B1 P3FI

bonds:
  C0-C1, C0-C2, C0-C3, C1-CD1, C2-CD2, C3-CD3, CD1-CE1, CD2-CE2
"""
BRANCHED_PLACES = """
   0.0  0.0 0.0 |  1.5  0.0 0.0 | -0.7  1.3 0.0 | -0.7 -0.7 1.1
   2.0  1.4 0.0 | -2.2  1.4 0.2 | -2.0 -1.0 1.0 |  3.5  1.5 0.2 | -2.5 2.8 0.4
"""


def test_beads_are_known_where_several_branches_of_one_are_drawn(tmp_path: Path) -> None:
    (tmp_path / "tri.map").write_text(BRANCHED)
    library = compile_library(load_set([tmp_path / "tri.map"], "tri"))
    places = np.array(BRANCHED_PLACES.replace("|", " ").split(), float).reshape(-1, 3)
    names = np.array([line.split(":")[0].strip() for line in BRANCHED.split("\n")[4:13]])
    residues = Residues(np.array(["TRI"]), np.array([1]), np.array([""]), np.array(["A"]))
    atoms = Atoms(places, names, np.zeros(len(names), np.int64), residues)
    topology = build_topology(coarsen(atoms, library), library)
    plan = topology.plan
    local = match_atoms(atoms, library).atom
    positions = lay_out_atoms(plan, atoms.residue_index, local, places)
    rotors = find_rotors(plan)
    even = np.full((len(rotors), 36, 36), -np.log(36.0))
    shares = RotorShares(lambda: (rotors.quads, rotors.before), lambda: even)
    sampler = Sampler(plan, positions, np.ones(1), np.zeros(0, np.int64), shares)
    drawn = [sampler.draw(np.random.default_rng(k)) for k in range(8)]
    shift = [np.linalg.norm(coarsen_plan(plan, x) - coarsen_plan(plan, positions)) for x in drawn]
    assert pairwise_rmsd(drawn) > 0.5
    assert max(shift) < 0.6  # Å, of a bead that is held within 0.1 a coordinate


def test_told_rotors_beyond_a_ring_turn_after_those_that_carry_it() -> None:
    """The ethylamide of NECA hangs on its ribose, which the bond to adenine turns."""
    maps = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps"
    library = compile_library(load_set([maps / "neca.map"], "neca"))
    atoms = build_conformer(library.templates[0].mapping)
    topology = build_topology(coarsen(atoms, library), library)
    plan = topology.plan
    local = match_atoms(atoms, library).atom
    positions = lay_out_atoms(plan, atoms.residue_index, local, atoms.positions)
    rotors = find_rotors(plan)
    even = np.full((len(rotors), 36, 36), -np.log(36.0))
    shares = RotorShares(lambda: (rotors.quads, rotors.before), lambda: even)
    sampler = Sampler(plan, positions, np.ones(1), np.zeros(0, np.int64), shares)
    drawn = sampler.draw(np.random.default_rng(1))
    bonds = plan_bonds(plan, topology.links.previous)
    before, after = (
        np.linalg.norm(x[bonds[:, 0]] - x[bonds[:, 1]], axis=1) for x in (positions, drawn)
    )
    assert np.abs(drawn - positions).max() > 0.1
    np.testing.assert_allclose(after, before, atol=1e-6)
