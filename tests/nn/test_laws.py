"""What holds for the network whatever its weights are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from herobm.assembly.draft import Draft
from herobm.assembly.network import Network, NetworkShare
from herobm.chem.naming import best_names, find_naming
from herobm.nn.config import ModelConfig
from herobm.nn.graph import BeadGraph, build_context, build_graph
from herobm.nn.model import Backmapper
from herobm.pipeline import Rebuilder
from herobm.plan import Library, reconstruct
from herobm.system import Topology, build_topology
from herobm.types import Beads, FloatArray, Residues
from herobm.weights.file import Header, Weights
from herobm.weights.vocabulary import Vocabulary

Predict = Callable[[Topology, FloatArray], FloatArray]

#: Å; float32. Looks with random weights enlarge what it rounds: 3e-4 was seen in 60 turns.
CLOSE = 1e-3


def random_rotation(seed: int) -> FloatArray:
    return Rotation.random(random_state=np.random.default_rng(seed)).as_matrix()


def chain(names: list[str], library: Library, positions: FloatArray) -> Beads:
    """Residues of one chain, numbered from 1, with their beads at the given positions."""
    beads = [library.templates[library.by_residue[name]].beads for name in names]
    residues = Residues(
        names=np.array(names),
        ids=np.arange(1, len(names) + 1),
        icodes=np.full(len(names), ""),
        chains=np.full(len(names), "A"),
    )
    return Beads(
        positions=np.asarray(positions, dtype=float),
        names=np.array([b for group in beads for b in group]),
        residue_index=np.repeat(np.arange(len(names)), [len(b) for b in beads]),
        residues=residues,
    )


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.tuples(*[st.floats(-50, 50)] * 3))
def test_vectors_turn_with_the_beads(
    ubiquitin: Topology, predict: Predict, seed: int, shift: tuple[float, float, float]
) -> None:
    turn = random_rotation(seed)
    before = predict(ubiquitin, ubiquitin.beads.positions)
    after = predict(ubiquitin, ubiquitin.beads.positions @ turn.T + np.array(shift))
    assert np.abs(before).max() > 0.5
    assert np.abs(after - before @ turn.T).max() < CLOSE


def test_a_mirror_image_is_another_molecule(ubiquitin: Topology, predict: Predict) -> None:
    mirror = np.array([-1.0, 1.0, 1.0])
    before = predict(ubiquitin, ubiquitin.beads.positions)
    after = predict(ubiquitin, ubiquitin.beads.positions * mirror)
    backbone = ubiquitin.beads.names == "BB"
    off = np.linalg.norm(after - before * mirror, axis=2)[backbone]
    assert np.median(off.max(axis=1)) > 0.1


def test_torsions_tell_the_hand(
    ubiquitin: Topology,
    network: Backmapper,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    positions = ubiquitin.beads.positions
    with torch.inference_mode():
        here = network(graph_of(ubiquitin, positions))[1]
        turned = network(graph_of(ubiquitin, positions @ random_rotation(3).T))[1]
        mirrored = network(graph_of(ubiquitin, positions * np.array([1.0, -1.0, 1.0])))[1]
    assert torch.allclose(here, turned, atol=1e-3)
    types = graph_of(ubiquitin, positions).types
    asked = (network.longest > 0).any(dim=1)[types]
    assert torch.allclose(here[asked].norm(dim=-1), torch.ones(2), atol=1e-4)
    assert (here - mirrored).abs().amax() > 0.1


def test_the_order_of_beads_is_of_no_account(
    ubiquitin: Topology,
    network: Backmapper,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    graph = graph_of(ubiquitin, ubiquitin.beads.positions)
    order = torch.randperm(len(graph.types), generator=torch.Generator().manual_seed(1))
    shuffled = BeadGraph(*(getattr(graph, f.name)[order] for f in fields(graph)))
    renumbered = torch.cat([torch.argsort(order), torch.tensor([-1])])
    shuffled = replace(shuffled, edge_index=renumbered[shuffled.edge_index])
    with torch.inference_mode():
        assert torch.allclose(network(shuffled)[0], network(graph)[0][order], atol=CLOSE)


def test_the_order_of_neighbours_is_of_no_account(
    ubiquitin: Topology,
    network: Backmapper,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    graph = graph_of(ubiquitin, ubiquitin.beads.positions)
    order = torch.randperm(graph.edge_types.shape[1], generator=torch.Generator().manual_seed(2))
    edges = {n: getattr(graph, n)[:, order] for n in vars(graph) if n.startswith("edge")}
    with torch.inference_mode():
        shuffled = network(BeadGraph(**(vars(graph) | edges)))[0]
        assert torch.allclose(shuffled, network(graph)[0], atol=CLOSE)


def test_the_order_of_chains_is_of_no_account(martini3: Library, predict: Predict) -> None:
    rng = np.random.default_rng(4)
    one = chain(["GLY", "PHE", "LYS"], martini3, rng.normal(0, 3, (8, 3)))
    two = chain(["SER", "TRP"], martini3, rng.normal(4, 3, (8, 3)))
    forth, back = joined(one, two), joined(two, one)
    first, second = (build_topology(b, martini3) for b in (forth, back))
    n, m = len(one), len(two)
    moved = np.r_[m : m + n, 0:m]
    there = predict(second, second.beads.positions)[moved]
    assert np.abs(predict(first, first.beads.positions) - there).max() < CLOSE


def joined(one: Beads, two: Beads) -> Beads:
    """Both chains, called A and B."""
    names = ("names", "ids", "icodes")
    residues = {k: np.concatenate([getattr(b.residues, k) for b in (one, two)]) for k in names}
    chains = np.repeat(["A", "B"], [len(one.residues), len(two.residues)])
    return Beads(
        positions=np.concatenate([one.positions, two.positions]),
        names=np.concatenate([one.names, two.names]),
        residue_index=np.concatenate([one.residue_index, two.residue_index + len(one.residues)]),
        residues=Residues(**residues, chains=chains),
    )


def test_a_far_bead_changes_nothing(
    ubiquitin: Topology, network: Backmapper, predict: Predict
) -> None:
    """Beyond the cutoff and four residues along the chain a bead is not seen.

    It has a part in the strain of its residue and the next ones, and that is seen as far as they.
    A second look sees as far again, from beads that the first one placed, and so does each round.
    """
    if network.n_again > 1:
        pytest.skip("ubiquitin is smaller than what three looks see")
    positions = ubiquitin.beads.positions
    residue = ubiquitin.plan.bead_residue
    moved = positions.copy()
    moved[40] += (3.0, -2.0, 1.0)
    change = np.abs(predict(ubiquitin, moved) - predict(ubiquitin, positions)).max(axis=(1, 2))
    relatives = np.flatnonzero(np.abs(residue - residue[40]) <= 1)
    gaps = [np.linalg.norm(p[:, None] - p[relatives], axis=2) for p in (positions, moved)]
    distance = np.minimum(*gaps).min(axis=1)
    unseen = (distance > network.config.cutoff) & (np.abs(residue - residue[40]) > 4)
    if network.n_again:
        seen = np.flatnonzero(~unseen)
        gaps = [np.linalg.norm(p[:, None] - p[seen], axis=2) for p in (positions, moved)]
        unseen &= np.minimum(*gaps).min(axis=1) > network.config.cutoff
    assert unseen.sum() > (10 if network.n_again else 50)
    assert change[unseen].max() < 1e-5
    assert change[40] > 0.01


def test_chunks_equal_the_whole(
    ubiquitin: Topology,
    network: Backmapper,
    vocabulary: Vocabulary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    header = Header(
        model=network.config, mapping="martini3", mapping_digest="", vocabulary=vocabulary
    )
    rebuilder = Rebuilder(ubiquitin, [Network(Weights(network, header, Path("random")))])
    whole = rebuilder.rebuild(ubiquitin.beads)
    monkeypatch.setattr(NetworkShare, "CHUNK", 7)
    assert np.abs(rebuilder.rebuild(ubiquitin.beads) - whole).max() < CLOSE


def test_the_sketch_is_what_the_plan_makes_of_the_vectors(
    ubiquitin: Topology, martini3: Library, vocabulary: Vocabulary
) -> None:
    plan = ubiquitin.plan
    ancestry = torch.as_tensor(vocabulary.ancestry(martini3))[vocabulary.types(plan)].numpy()
    vectors = np.random.default_rng(5).normal(0, 1, (plan.n_beads, plan.n_slots, 3))
    sketch = (
        ubiquitin.beads.positions[:, None] + ancestry[:, : plan.n_slots, : plan.n_slots] @ vectors
    )
    placed = reconstruct(plan, ubiquitin.beads.positions, vectors)
    alone = (plan.atom_weights > 0).sum(axis=1) == 1
    row = plan.atom_rows[alone, 0]
    assert alone.sum() > 400
    assert sketch[plan.bead[row], plan.slot[row]] == pytest.approx(placed[alone])


def test_a_committee_takes_the_mean(
    ubiquitin: Topology, network: Backmapper, vocabulary: Vocabulary
) -> None:
    """Of atoms; and twice the same network is as good as once."""
    torch.manual_seed(8)
    other = Backmapper(
        ModelConfig(n_channels=6, hidden=32, readout=16), vocabulary.n_types, vocabulary.n_slots
    ).eval()
    header = Header(model=network.config, mapping="", mapping_digest="", vocabulary=vocabulary)

    def placed(first: Backmapper, *others: Backmapper) -> FloatArray:
        draft = Draft.of(ubiquitin)
        weights = Weights(first, header, Path("random"), others)
        owned = np.ones(ubiquitin.plan.n_residues, bool)
        NetworkShare(weights, ubiquitin, owned).fill(ubiquitin.beads, draft)
        return reconstruct(ubiquitin.plan, ubiquitin.beads.positions, draft.vectors)

    one, two, mean = placed(network), placed(other), placed(network, other)
    assert np.abs(placed(network, network) - one).max() < CLOSE
    named = best_names(find_naming(ubiquitin.plan), two, one)
    assert np.abs(named - two).max() > 0.01
    assert np.abs(mean - (one + named) / 2).max() < CLOSE


@pytest.mark.parametrize(
    ("names", "positions"),
    [
        (["GLY"], [[1.0, 2.0, 3.0]]),
        (["ALA"], [[1.0, 2.0, 3.0], [2.0, 3.0, 5.0]]),
        (["SER"], [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]),
        (["GLY", "GLY", "GLY"], [[0.0, 0.0, 0.0], [1.0, 2.0, 2.0], [2.0, 4.0, 4.0]]),
        (["GLY", "ALA"], [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]),
    ],
    ids=[
        "one bead",
        "two beads",
        "two beads on one spot",
        "collinear",
        "collinear with side chain",
    ],
)
def test_too_few_beads_for_a_frame(
    martini3: Library, predict: Predict, names: list[str], positions: list[list[float]]
) -> None:
    """Where beads span no frame nothing is made up: finite, and it still turns with the beads."""
    topology = build_topology(chain(names, martini3, np.array(positions)), martini3)
    turn = random_rotation(11)
    vectors = predict(topology, topology.beads.positions)
    turned = predict(topology, topology.beads.positions @ turn.T + 5.0)
    assert np.isfinite(vectors).all()
    assert np.abs(turned - vectors @ turn.T).max() < CLOSE


def test_vectors_keep_within_their_bounds(
    ubiquitin: Topology,
    vocabulary: Vocabulary,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    """Even where weights and beads are wild."""
    torch.manual_seed(0)
    wild = Backmapper(
        ModelConfig(n_channels=6, hidden=32, readout=16), vocabulary.n_types, vocabulary.n_slots
    )
    with torch.no_grad():
        wild.readout.mul_(100.0)
        wild.longest.uniform_(0.5, 3.0)
    noise = np.random.default_rng(0).normal(0, 2.0, ubiquitin.beads.positions.shape)
    with torch.inference_mode():
        graph = graph_of(ubiquitin, ubiquitin.beads.positions + noise)
        length = wild(graph)[0].norm(dim=-1)
    assert (length <= wild.longest[graph.types] + 1e-5).all()
    assert length.amax() > 2.0


def test_beads_that_are_one_atom_stay_where_it_is(
    ubiquitin: Topology,
    network: Backmapper,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    """And what the first look says of the others does not depend on whether they are asked."""
    graph = graph_of(ubiquitin, ubiquitin.beads.positions)
    quiet = copy.deepcopy(network)
    kind = int(graph.types[3])
    quiet.longest[kind] = 0.0
    mine = graph.types == kind
    assert 0 < mine.sum() < len(mine)
    with torch.inference_mode():
        assert quiet(graph).vectors[mine].abs().amax() == 0.0
        for one, two in zip(network.look(graph), quiet.look(graph), strict=True):
            assert (one - two)[~mine].abs().amax() < CLOSE


def test_beads_may_all_be_one_atom(
    ubiquitin: Topology,
    network: Backmapper,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    quiet = copy.deepcopy(network)
    quiet.longest.zero_()
    with torch.inference_mode():
        said = quiet(graph_of(ubiquitin, ubiquitin.beads.positions))
    assert said.vectors.abs().amax() == 0.0
    assert torch.isfinite(said.hidden).all()


def test_neighbours_that_are_not_asked_are_left_out(
    ubiquitin: Topology,
    network: Backmapper,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    """Those that stay are all of which there is something to ask, each with what belongs to it."""
    graph = graph_of(ubiquitin, ubiquitin.beads.positions)
    there = graph.edge_index >= 0
    asked = there & (graph.edge_index % 3 == 0)
    fewer = replace(graph, edge_asked=asked).among_asked(network.n_types)
    assert 1 < fewer.edge_index.shape[1] < graph.edge_index.shape[1]
    named = ("edge_index", "edge_types", "edge_relations", "edge_vectors")
    for bead in range(0, len(graph.types), 7):
        after = fewer.edge_index[bead] >= 0
        for name in named:
            kept = getattr(graph, name)[bead][asked[bead]]
            assert torch.equal(kept, getattr(fewer, name)[bead][after])
        assert torch.equal(fewer.edge_asked[bead], after)
        assert (fewer.edge_types[bead][~after] == network.n_types).all()
        assert (fewer.edge_vectors[bead][~after].norm(dim=-1) > network.config.cutoff).all()
    nobody = replace(graph, edge_asked=torch.zeros_like(asked)).among_asked(network.n_types)
    assert (nobody.edge_index == -1).all()


def test_strain_is_told(
    ubiquitin: Topology,
    network: Backmapper,
    graph_of: Callable[[Topology, FloatArray], BeadGraph],
) -> None:
    """Rounds of messages are told of it themselves, not by the looks before them alone."""
    graph = graph_of(ubiquitin, ubiquitin.beads.positions)
    with torch.inference_mode():
        look = network.look(graph)
        strained = look._replace(strain=look.strain + 1.0)
        for number in range(network.n_again):
            sketch = network.sketch(number, graph.types, look)
            looks = [network.look_again(number, graph, one, sketch) for one in (look, strained)]
            if number in (0, network.n_second):
                assert (looks[0].vectors - looks[1].vectors).abs().amax() > 1e-3
            look = looks[0]
            strained = look._replace(strain=look.strain + 1.0)


def test_a_molecule_cut_by_the_box_is_the_same(
    ubiquitin: Topology, predict: Predict, network: Backmapper, vocabulary: Vocabulary
) -> None:
    """Beads wrapped one by one into a box, and made whole as every frame is, give the same."""
    box = np.array([60.0, 62.0, 64.0, 90.0, 90.0, 90.0])
    context = build_context(ubiquitin, vocabulary.types(ubiquitin.plan), vocabulary.n_types)
    whole = ubiquitin.beads.positions
    wrapped = (whole + 25.0) % box[:3]
    assert np.abs(np.diff(wrapped, axis=0)).max() > 30.0
    with torch.inference_mode():
        joined = ubiquitin.whole(wrapped, box)
        graph = build_graph(context, joined, box, network.reach, network.strain)
        vectors = network(graph).vectors
    assert np.abs(np.asarray(vectors) - predict(ubiquitin, whole)).max() < CLOSE


def test_a_small_box_turns_no_place_along_the_chain(
    ubiquitin: Topology, network: Backmapper, vocabulary: Vocabulary
) -> None:
    """Residues four apart lie farther from each other than half of its edge."""
    context = build_context(ubiquitin, vocabulary.types(ubiquitin.plan), vocabulary.n_types)
    whole, box = ubiquitin.beads.positions, np.array([20.0, 20.0, 20.0, 90.0, 90.0, 90.0])
    cut, alone = (
        build_graph(context, whole, b, network.reach, network.strain) for b in (box, None)
    )
    assert alone.place_vectors.abs().max() > 10.0
    assert torch.equal(cut.place_vectors, alone.place_vectors)
