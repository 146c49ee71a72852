"""Batches place atoms as plans do, and the loss of a perfect prediction is zero."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from herobm.chem.geometry import dihedrals
from herobm.chem.rotors import find_rotors
from herobm.dsl import load_set
from herobm.nn.config import ModelConfig, RotorsConfig
from herobm.nn.graph import Reach, build_context, build_graph
from herobm.nn.model import Prediction
from herobm.nn.rotors import BINS, RotorHead
from herobm.nn.strain import Strain
from herobm.plan import Library, compile_library, project, reconstruct
from herobm.plan.bonds import lay_out_atoms
from herobm.system import Topology, build_topology, coarsen, match_atoms
from herobm.train.batch import Batch, cut_batch, enclosed, segments, whole_structures
from herobm.train.corpus import Corpus, Statistics, build_corpus
from herobm.train.dataset import read_dataset
from herobm.train.loss import (
    NEAR,
    Halves,
    bead_errors,
    best_names,
    loss_terms,
    position_loss,
    rotor_loss,
    rotor_losses,
)
from herobm.train.shake import rest
from herobm.types import FloatArray
from herobm.weights.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
CUTOFF = 8.0


@dataclass(frozen=True)
class Laid:
    corpus: Corpus
    statistics: Statistics
    topology: Topology
    reference: FloatArray
    vocabulary: Vocabulary

    def cut(self, first: list[int], last: list[int]) -> Batch:
        return cut_batch(
            self.corpus,
            rest(self.corpus, Strain(self.vocabulary.n_types)),
            torch.tensor(first),
            torch.tensor(last),
            self.vocabulary.n_slots,
        )


@pytest.fixture(scope="module")
def laid(dataset_file: Path, martini3: Library) -> Laid:
    """The corpus, and beside it what plan and system make of the same atoms."""
    data = read_dataset(dataset_file)
    vocabulary = Vocabulary.of(martini3)
    corpus, statistics = build_corpus(data, vocabulary, ModelConfig(cutoff=CUTOFF))
    topology = build_topology(coarsen(data.atoms, martini3), martini3)
    local = match_atoms(data.atoms, martini3).atom
    reference = lay_out_atoms(topology.plan, data.atoms.residue_index, local, data.atoms.positions)
    return Laid(corpus, statistics, topology, reference, vocabulary)


def said(batch: Batch) -> Prediction:
    """Right torsions."""
    nothing = torch.zeros(len(batch.beads), 1, 3)
    return Prediction(nothing, torch.nan_to_num(batch.torsions), nothing[:, 0])


def residue_atoms(laid: Laid, first: list[int], last: list[int]) -> np.ndarray:
    residue = laid.topology.plan.atom_residue
    return np.concatenate(
        [np.flatnonzero((residue >= a) & (residue < b)) for a, b in zip(first, last, strict=True)]
    )


def residue_beads(laid: Laid, first: list[int], last: list[int]) -> np.ndarray:
    residue = laid.topology.plan.bead_residue
    return np.concatenate(
        [np.flatnonzero((residue >= a) & (residue < b)) for a, b in zip(first, last, strict=True)]
    )


@pytest.mark.parametrize(
    ("first", "last"), [([0], [27]), ([12, 3], [20, 8]), ([22], [27])], ids=["all", "runs", "one"]
)
def test_atoms_are_placed_as_by_the_plan(laid: Laid, first: list[int], last: list[int]) -> None:
    plan = laid.topology.plan
    vectors = np.random.default_rng(0).normal(0, 1.5, (plan.n_beads, laid.vocabulary.n_slots, 3))
    wanted = reconstruct(plan, laid.topology.beads.positions, vectors[:, : plan.n_slots])
    chosen = torch.as_tensor(vectors[residue_beads(laid, first, last)], dtype=torch.float32)
    placed = laid.cut(first, last).place(chosen)
    expected = wanted[residue_atoms(laid, first, last)]
    assert np.abs(placed.numpy() - expected).max() < 1e-4


def test_targets_are_what_the_plan_projects(laid: Laid) -> None:
    plan = laid.topology.plan
    vectors = project(plan, laid.topology.beads.positions, laid.reference)
    batch = laid.cut([0], [27])
    placed = batch.place(torch.as_tensor(vectors, dtype=torch.float32))
    assert torch.isfinite(batch.targets).all()
    shared = plan.atom_weights[:, 1:].sum(axis=1) > 0
    away = (placed - batch.targets).norm(dim=1).numpy()
    assert away[~shared].max() < 1e-4
    assert away[shared].max() < 1e-4


def test_a_perfect_prediction_costs_nothing(laid: Laid) -> None:
    batch = laid.cut([0, 12], [9, 27])
    terms = loss_terms(batch, batch.targets.clone(), said(batch))
    assert len(batch.bonds) > 100
    assert len(batch.angles) > 100
    assert torch.isfinite(batch.torsions).any()
    for term in (terms.position, terms.bond, terms.angle, terms.torsion):
        assert float(term) == pytest.approx(0.0, abs=1e-6)


def test_rotors_are_those_of_the_plan_under_all_names(laid: Laid) -> None:
    """Of a run of residues in mid corpus; half a turn makes no difference to F, Y, D and E."""
    plan = laid.topology.plan
    first, last = 8, 24
    batch = laid.cut([first], [last])
    every = find_rotors(plan)
    inside = (every.residue >= first) & (every.residue < last)
    order = np.argsort(every.residue[inside], kind="stable")
    wanted = every.take(np.flatnonzero(inside)[order])
    shift = int(plan.atom_start[first])
    rotors = batch.rotors
    np.testing.assert_array_equal(rotors.atoms[:, 0] + shift, wanted.quads)
    np.testing.assert_array_equal(rotors.before, wanted.before)
    row = plan.atom_rows[wanted.quads[:, 3], 0]
    np.testing.assert_array_equal(rotors.bead + int(plan.bead_start[first]), plan.bead[row])
    np.testing.assert_array_equal(rotors.slot, plan.slot[row])
    twice = rotors.atoms[:, 1, 3] >= 0
    names = plan.atom_names[rotors.atoms[twice][:, :, 3].numpy() + shift]
    assert {tuple(pair) for pair in names.tolist()} == {
        ("CD1", "CD2"),
        ("OD1", "OD2"),
        ("OE1", "OE2"),
    }


class Known(RotorHead):
    """Says of each rotor what it is told beforehand."""

    def __init__(self, shares: torch.Tensor) -> None:
        super().__init__(RotorsConfig(hidden=8), 1, 1, 1)
        self.shares = shares
        self.previous: torch.Tensor | None = None

    def begin(
        self, hidden: torch.Tensor, types: torch.Tensor, slots: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return hidden, slots

    def log_shares(
        self, begun: torch.Tensor, kind: torch.Tensor, previous: torch.Tensor
    ) -> torch.Tensor:
        self.previous = previous
        return self.shares.log()


def test_shares_cost_least_where_the_angles_are(laid: Laid) -> None:
    batch = laid.cut([0], [27])
    n_rotors = len(batch.rotors.bead)
    angles = dihedrals(laid.reference, batch.rotors.atoms[:, 0].numpy()) % 360.0
    bins = torch.as_tensor(angles // 10.0).long()
    hidden = torch.zeros(len(batch.beads), 1)
    even = Known(torch.full((n_rotors, BINS), 1.0 / BINS))
    assert float(rotor_losses(even, batch, hidden).mean()) == pytest.approx(
        math.log(BINS), rel=1e-5
    )
    assert even.previous is not None
    before = batch.rotors.before
    assert torch.equal(even.previous, torch.where(before >= 0, bins[before], BINS))
    off = (torch.arange(BINS) - bins[:, None] + BINS // 2) % BINS - BINS // 2
    near = torch.exp(-0.5 * off.square() / 0.7**2) + 1e-3
    knows = Known(near / near.sum(dim=1, keepdim=True))
    opposite = Known(knows.shares.roll(BINS // 4, dims=1))
    costs = [float(rotor_losses(head, batch, hidden).mean()) for head in (knows, even, opposite)]
    assert costs[0] < 2.2 < costs[1] < costs[2]


def test_a_shift_costs_its_square_and_no_geometry(laid: Laid) -> None:
    batch = laid.cut([0, 12], [9, 27])
    opposite = said(batch)._replace(torsions=-torch.nan_to_num(batch.torsions))
    terms = loss_terms(batch, batch.targets + torch.tensor([0.3, 0.0, 0.0]), opposite)
    assert float(terms.position) == pytest.approx(0.09, rel=1e-4)
    assert float(terms.bond) == pytest.approx(0.0, abs=1e-6)
    assert float(terms.angle) == pytest.approx(0.0, abs=1e-6)
    assert float(terms.torsion) == pytest.approx(2.0, rel=1e-4)
    assert float(terms.total(5.0, 0.05)) == pytest.approx(0.19, rel=1e-3)
    longer = float(terms.total(5.0, 0.05, distance=0.5) - terms.total(5.0, 0.05))
    assert longer == pytest.approx(0.5 * (math.hypot(0.3, NEAR) - NEAR), rel=1e-3)
    rough = position_loss(batch, batch.targets + torch.tensor([0.3, 0.0, 0.0]), distance=0.5)
    assert float(rough) == pytest.approx(float(terms.position) + longer, rel=1e-3)


def test_distances_pull_at_what_is_nearly_right(laid: Laid) -> None:
    """Squares let go of what is near; distances pull alike wherever an atom is."""
    batch = laid.cut([0], [27])
    near = torch.arange(len(batch.targets)) % 2 == 0
    off = torch.where(near, 0.1, 1.0).unsqueeze(1) * torch.tensor([1.0, 0.0, 0.0])
    pulls = {}
    for distance in (0.0, 1.0):
        placed = (batch.targets + off).requires_grad_()
        position_loss(batch, placed, distance=distance).backward()
        assert placed.grad is not None
        pulls[distance] = placed.grad[:, 0] * len(placed)
    assert pulls[0.0][near].mean() == pytest.approx(0.2, rel=0.01)
    assert pulls[0.0][~near].mean() == pytest.approx(2.0, rel=0.01)
    more = pulls[1.0] - pulls[0.0]
    assert more[near].mean() == pytest.approx(0.98, abs=0.01)
    assert more[~near].mean() == pytest.approx(1.0, abs=0.01)


def test_strained_beads_count_less(laid: Laid) -> None:
    batch = laid.cut([0], [27])
    strain = torch.zeros(len(batch.beads))
    strain[: len(strain) // 2] = 0.2
    batch = replace(batch, graph=replace(batch.graph, strain=strain))
    far = batch.row_bead[batch.atom_rows[:, 0]] < len(strain) // 2
    placed = batch.targets + 0.3 * far.unsqueeze(1)
    n_far, n_near = int(far.sum()), int((~far).sum())
    alike = loss_terms(batch, placed, said(batch))
    assert float(alike.position) == pytest.approx(0.27 * n_far / (n_far + n_near), rel=1e-3)
    weighed = loss_terms(batch, placed, said(batch), Halves(strain=0.2))
    half = 0.5 * n_far
    assert float(weighed.position) == pytest.approx(0.27 * half / (half + n_near), rel=1e-3)


def test_atoms_with_high_bfactors_count_less(laid: Laid) -> None:
    batch = laid.cut([0], [27])
    vague = torch.arange(len(batch.targets)) % 3 == 0
    batch = replace(batch, bfactors=torch.where(vague, 60.0, 0.0))
    placed = batch.targets + 0.3 * vague.unsqueeze(1)
    weighed = loss_terms(batch, placed, said(batch), Halves(bfactor=30.0))
    fifth = 0.2 * int(vague.sum())
    share = fifth / (fifth + int((~vague).sum()))
    assert float(weighed.position) == pytest.approx(0.27 * share, rel=1e-3)
    assert float(loss_terms(batch, placed, said(batch)).position) > float(weighed.position)


def test_rotors_of_vague_atoms_count_less(laid: Laid) -> None:
    """Of the first rotor alone the atom that turns is well known: its loss is the mean."""
    batch = laid.cut([0], [27])
    hidden = torch.zeros(len(batch.beads), 1)
    chance = torch.rand(len(batch.rotors.bead), BINS, generator=torch.Generator().manual_seed(0))
    head = Known(chance / chance.sum(dim=1, keepdim=True))
    losses = rotor_losses(head, batch, hidden)
    outer = batch.rotors.atoms[:, 0, 3]
    assert (outer >= 0).all()
    bfactors = torch.full((len(batch.targets),), 1e4)
    bfactors[outer[0]] = 0.0
    batch = replace(batch, bfactors=bfactors)
    mean = rotor_loss(head, batch, hidden, Halves(bfactor=1.0))
    assert mean is not None
    assert float(mean) == pytest.approx(float(losses[outer == outer[0]].mean()), rel=1e-4)
    nothing = replace(batch, rotors=type(batch.rotors)(*(part[:0] for part in batch.rotors)))
    assert rotor_loss(Known(chance[:0]), nothing, hidden) is None


def test_unknown_atoms_cost_nothing(laid: Laid) -> None:
    """An incomplete residue is masked: neither its absent atoms nor their bonds count."""
    whole = laid.cut([0], [27])
    corpus = laid.corpus
    gone = int(corpus.atom_start[5])
    targets = corpus.targets.clone()
    targets[gone] = torch.nan
    holey = Laid(
        Corpus(**(vars(corpus) | {"targets": targets})),
        laid.statistics,
        laid.topology,
        laid.reference,
        laid.vocabulary,
    )
    batch = holey.cut([0], [27])
    placed = whole.targets.clone()
    placed[gone] += 5.0
    terms = loss_terms(batch, placed, said(batch))
    assert float(terms.total(5.0, 0.0)) == pytest.approx(0.0, abs=1e-6)
    assert len(batch.bonds) < len(whole.bonds)
    assert not (batch.bonds == gone).any()


def test_names_that_chemistry_cannot_tell_apart_are_swapped(laid: Laid) -> None:
    batch = laid.cut([0], [27])
    plan = laid.topology.plan
    names, residues = plan.atom_names, laid.topology.beads.residues.names[plan.atom_residue]
    placed = batch.targets.clone()
    for residue, pairs in {
        "ASP": [("OD1", "OD2")],
        "PHE": [("CD1", "CD2"), ("CE1", "CE2")],
        "ARG": [("NH1", "NH2")],
        "VAL": [("CG1", "CG2")],
    }.items():
        for one, two in pairs:
            i, j = (np.flatnonzero((residues == residue) & (names == n)) for n in (one, two))
            placed[np.r_[i, j]] = batch.targets[np.r_[j, i]]
    named = best_names(batch.targets, batch.swaps, placed)
    off = (named - placed).norm(dim=1).numpy()
    assert off[residues != "VAL"].max() < 1e-6
    assert off[(residues == "VAL") & np.isin(names, ["CG1", "CG2"])].min() > 1.0
    assert torch.equal(best_names(batch.targets, batch.swaps, batch.targets), batch.targets)


def test_half_a_ring_is_not_swapped(laid: Laid) -> None:
    """CD1 and CD2 swap together with CE1 and CE2 or not at all."""
    batch = laid.cut([0], [27])
    plan = laid.topology.plan
    residues = laid.topology.beads.residues.names[plan.atom_residue]
    i, j = (np.flatnonzero((residues == "PHE") & (plan.atom_names == n))[0] for n in ("CD1", "CD2"))
    placed = batch.targets.clone()
    placed[[i, j]] = batch.targets[[j, i]]
    named = best_names(batch.targets, batch.swaps, placed)
    assert float((named - placed).norm(dim=1).max()) > 1.0


def test_runs_cover_every_residue_once() -> None:
    structure = torch.tensor([0] * 10 + [1] * 3 + [2] * 17)
    first, last = segments(structure, 5, torch.Generator().manual_seed(3))
    counts = torch.zeros(30, dtype=torch.int64)
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        assert 0 < b - a <= 5
        assert len(set(structure[a:b].tolist())) == 1
        counts[a:b] += 1
    assert counts.tolist() == [1] * 30


def test_errors_of_beads_add_up_to_those_of_atoms(laid: Laid) -> None:
    batch = laid.cut([0], [27])
    generator = torch.Generator().manual_seed(2)
    squares = torch.rand(len(batch.targets), generator=generator)
    known = torch.rand(len(squares), generator=generator) < 0.8
    found, count = bead_errors(batch, squares, known)
    assert count.sum() == known.sum()
    assert float((found * count).sum()) == pytest.approx(float(squares[known].sum()), rel=1e-4)


def test_bounds_leave_room_for_what_structures_have(laid: Laid) -> None:
    longest, typical = laid.statistics.longest, laid.statistics.typical
    assert longest.shape == (laid.vocabulary.n_types, laid.vocabulary.n_slots)
    assert (longest >= typical).all()
    plan = laid.topology.plan
    vectors = project(plan, laid.topology.beads.positions, laid.reference)
    bounds = longest.numpy()[laid.corpus.types.numpy()][:, : plan.n_slots]
    assert (np.linalg.norm(vectors, axis=2) <= bounds).mean() > 0.99


def test_whole_structures_are_gathered(laid: Laid) -> None:
    structure = laid.corpus.structure
    groups = whole_structures(structure, 9, torch.Generator().manual_seed(0))
    again = whole_structures(structure, 9, torch.Generator().manual_seed(1))
    runs = [
        run for first, last in groups for run in zip(first.tolist(), last.tolist(), strict=True)
    ]
    assert sorted(runs) == [(0, 8), (8, 16), (16, 21), (21, 27)]
    assert all(len(set(structure[a:b].tolist())) == 1 for a, b in runs)
    assert len(groups) == 3
    assert all(len(first) for first, _ in groups)
    others = [run for pair in again for run in zip(*(t.tolist() for t in pair), strict=True)]
    assert others != runs


def test_the_graph_of_whole_structures_counts_in_the_batch(laid: Laid) -> None:
    """Neighbours are the same beads, wherever they are counted."""
    batch = laid.cut([16, 0], [21, 8])
    own = enclosed(batch, len(laid.corpus.beads))
    there = batch.graph.edge_index >= 0
    assert torch.equal(there, own.graph.edge_index >= 0)
    assert there.any()
    assert torch.equal(batch.index[own.graph.edge_index[there]], batch.graph.edge_index[there])
    away = own.beads[own.graph.edge_index[there]] - own.beads[there.nonzero()[:, 0]]
    assert torch.allclose(away, own.graph.edge_vectors[there], atol=1e-5)


def test_training_sees_the_neighbours_that_the_network_sees(dataset_file: Path) -> None:
    """Beads that are one atom counted by themselves: N, O, and C but at the end of a chain."""
    folder = ROOT / "plugins/ca_only/src/herobm_ca_only/mappings/n-ca-c-o"
    data = replace(read_dataset(dataset_file), mappings=load_set(folder.glob("*.map"), "backbone"))
    library = compile_library(data.mappings)
    vocabulary = Vocabulary.of(library)
    model = ModelConfig(cutoff=9.0, n_neighbours=4, n_single=3)
    beads = [bead for entry in vocabulary.entries for bead in entry.beads]
    longest = torch.tensor([[bead == "CA", bead in ("CA", "C")] for bead in beads]).float()
    longest = torch.cat([longest, longest[:, 1:].expand(-1, vocabulary.n_slots - 2)], dim=1)
    corpus, _ = build_corpus(data, vocabulary, model, longest=longest)
    topology = build_topology(coarsen(data.atoms, library), library)
    types = vocabulary.types(topology.plan)
    context = build_context(topology, types, vocabulary.n_types)
    strain = Strain(vocabulary.n_types)
    strain.usual.fill_(3.0)
    strain.spread.fill_(0.2)
    shaken = rest(corpus, strain)
    reach = Reach(9.0, 4, 3, tuple(tuple(row) for row in (longest > 0).tolist()))
    names = np.array(topology.beads.names)
    ends = (names == "C") & (topology.links.following < 0)[topology.plan.bead_residue]
    assert ends.any()
    assert corpus.asked.tolist() == ((names == "CA") | ends).tolist()
    owner = corpus.bead_structure.numpy()
    for structure in np.unique(owner):  # of which each is alone in the corpus
        mine = owner == structure
        alone = np.where(mine[:, None], topology.beads.positions, 1e4 + 1e3 * owner[:, None])
        graph = build_graph(context, alone, None, reach, strain)
        for bead in np.flatnonzero(mine):
            there, here = graph.edge_index[bead], shaken.neighbours[bead]
            assert set(here[here >= 0].tolist()) == set(there[there >= 0].tolist())
            assert graph.asked[bead] == corpus.asked[bead]
            assert torch.equal(graph.edge_asked[bead][there >= 0], corpus.asked[there[there >= 0]])
        assert (graph.strain - shaken.strain)[torch.as_tensor(mine)].abs().max() < 1e-5
    assert (corpus.neighbours >= 0).sum() > (shaken.neighbours >= 0).sum()  # some lie beyond
