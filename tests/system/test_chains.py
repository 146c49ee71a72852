"""Chains, ends and breaks: what is bonded to what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.io import read_beads, write_structure
from herobm.plan import Library, compile_library
from herobm.plugins import load_registry
from herobm.system import Topology, build_topology
from herobm.system.chains import (
    CHAIN_IDS,
    report_breaks,
    report_cuts,
    report_disorder,
    report_mixed,
)
from herobm.system.left_out import break_at_left_out
from herobm.types import Beads, Residues

MakeBeads = Callable[..., Beads]
ALA4 = ["ALA"] * 4


def join(library: Library, beads: Beads) -> Topology:
    return build_topology(beads, library)


def shape(topology: Topology) -> tuple[list[int], list[int], list[int]]:
    """Residue before each one, and the residues that begin and end chains."""
    links = topology.links
    return (
        links.previous.tolist(),
        np.flatnonzero(links.chain_start).tolist(),
        np.flatnonzero(links.chain_end).tolist(),
    )


def test_residues_in_a_row_are_one_chain(martini3: Library, make_beads: MakeBeads) -> None:
    topology = join(martini3, make_beads(ALA4))
    assert shape(topology) == ([-1, 0, 1, 2], [0], [3])
    assert topology.links.following.tolist() == [1, 2, 3, -1]
    oxt = topology.plan.atom_names == "OXT"
    assert topology.plan.atom_residue[oxt].tolist() == [3]


def test_a_new_chain_id_begins_a_chain(martini3: Library, make_beads: MakeBeads) -> None:
    topology = join(martini3, make_beads(ALA4, chains=["A", "A", "B", "B"]))
    assert shape(topology) == ([-1, 0, -1, 2], [0, 2], [1, 3])
    assert topology.links.chain.tolist() == [0, 0, 1, 1]


def test_a_gap_in_the_numbers_is_a_break_without_ends(
    martini3: Library, make_beads: MakeBeads
) -> None:
    apart = make_beads(ALA4, ids=[1, 2, 9, 10], places=[0.0, 3.5, 7.9, 11.4])
    topology = join(martini3, apart)
    assert shape(topology) == ([-1, 0, -1, 2], [0], [3])
    assert topology.links.chain.tolist() == [0, 0, 0, 0]
    assert (topology.plan.atom_names == "OXT").sum() == 1


def test_a_jump_within_a_named_chain_is_a_break(martini3: Library, make_beads: MakeBeads) -> None:
    topology = join(martini3, make_beads(ALA4, places=[0.0, 3.5, 20.0, 23.5]))
    assert shape(topology) == ([-1, 0, -1, 2], [0], [3])


def test_without_chain_ids_a_jump_begins_a_chain(martini3: Library, make_beads: MakeBeads) -> None:
    topology = join(martini3, make_beads(ALA4, chains="", places=[0.0, 3.5, 20.0, 23.5]))
    assert shape(topology) == ([-1, 0, -1, 2], [0, 2], [1, 3])
    assert topology.beads.residues.chains.tolist() == ["A", "A", "B", "B"]


def test_without_chain_ids_numbers_that_start_again_begin_a_chain(
    martini3: Library, make_beads: MakeBeads
) -> None:
    topology = join(martini3, make_beads(ALA4, chains="", ids=[1, 2, 1, 2]))
    assert shape(topology) == ([-1, 0, -1, 2], [0, 2], [1, 3])
    assert topology.beads.residues.chains.tolist() == ["A", "A", "B", "B"]


def test_without_chain_ids_a_gap_in_the_numbers_is_a_break(
    martini3: Library, make_beads: MakeBeads
) -> None:
    apart = make_beads(ALA4, chains="", ids=[1, 2, 9, 10], places=[0.0, 3.5, 7.9, 11.4])
    topology = join(martini3, apart)
    assert shape(topology) == ([-1, 0, -1, 2], [0], [3])
    assert topology.beads.residues.chains.tolist() == ["A"] * 4


@pytest.mark.parametrize("chains", ["", "A"])
def test_numbers_may_be_skipped_where_beads_are_near(
    chains: str, martini3: Library, make_beads: MakeBeads
) -> None:
    # as of PDB entries numbered after chymotrypsin
    topology = join(martini3, make_beads(ALA4, chains=chains, ids=[34, 35, 37, 40]))
    assert shape(topology) == ([-1, 0, 1, 2], [0], [3])


@pytest.mark.parametrize(("gap", "linked"), [(3.95, True), (4.1, False)])
def test_ends_of_a_missing_loop_can_be_near(
    martini3: Library, make_beads: MakeBeads, gap: float, linked: bool
) -> None:
    """BB of residues 109 and 111 of PDB entry 1R5Y, with 110 missing, are 4.12 Å apart."""
    places = [0.0, 3.5, 3.5 + gap, 7.0 + gap]
    topology = join(martini3, make_beads(ALA4, ids=[325, 326, 328, 329], places=places))
    assert shape(topology)[0] == ([-1, 0, 1, 2] if linked else [-1, 0, -1, 2])


def test_insertion_codes_follow_each_other(martini3: Library, make_beads: MakeBeads) -> None:
    topology = join(martini3, make_beads(ALA4, ids=[1, 2, 2, 3], icodes=["", "", "A", ""]))
    assert shape(topology) == ([-1, 0, 1, 2], [0], [3])


@pytest.mark.parametrize("numbers", [(9998, 9999, 0, 1), (99998, 99999, 0, 1)])
def test_numbers_that_ran_out_of_columns_go_on(
    numbers: tuple[int, ...], martini3: Library, make_beads: MakeBeads
) -> None:
    topology = join(martini3, make_beads(ALA4, ids=numbers))
    assert shape(topology) == ([-1, 0, 1, 2], [0], [3])


def test_chain_ids_of_the_file_are_kept(martini3: Library, make_beads: MakeBeads) -> None:
    topology = join(martini3, make_beads(ALA4, chains=["X", "X", "7", "7"]))
    assert topology.beads.residues.chains.tolist() == ["X", "X", "7", "7"]


def test_many_unnamed_chains_use_the_letters_again(
    martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(["GLY"] * 64, chains="", ids=[1] * 64, places=np.arange(64) * 20.0)
    topology = join(martini3, beads)
    names = topology.beads.residues.chains.tolist()
    assert names[:2] == ["A", "B"]
    assert len(set(names[:62])) == 62
    assert names[62:] == ["A", "B"]
    assert topology.links.chain_end.all()


def test_chain_ids_that_are_made_up_are_none_of_the_file(
    martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(
        ["GLY"] * 5, chains=["", "", "A", "C", ""], ids=[1, 1, 1, 1, 1], places=np.arange(5) * 20.0
    )
    residues = join(martini3, beads).beads.residues
    assert residues.chains.tolist() == ["B", "D", "A", "C", "E"]
    assert residues.long_chains is None


def test_long_chain_ids_go_on_where_letters_begin_again(
    martini3: Library, make_beads: MakeBeads
) -> None:
    chains = ["A", "AA", *[""] * 64]
    beads = make_beads(["GLY"] * 66, chains=chains, ids=[1] * 66, places=np.arange(66) * 20.0)
    residues = join(martini3, beads).beads.residues
    assert residues.chains[[2, 62, 63, 65]].tolist() == ["B", "9", "B", "D"]
    assert residues.long_chains is not None
    assert residues.long_chains[[0, 1, 2, 62]].tolist() == ["A", "AA", "B", "9"]
    assert residues.long_chains[63:].tolist() == ["AB", "AC", "AD"]


def test_where_the_file_has_all_letters_they_are_used_again(
    martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(
        ["GLY"] * 64, chains=[*CHAIN_IDS, "", ""], ids=[1] * 64, places=np.arange(64) * 20.0
    )
    residues = join(martini3, beads).beads.residues
    assert residues.chains[62:].tolist() == ["A", "B"]
    assert residues.long_chains is not None
    assert residues.long_chains[62:].tolist() == ["AA", "AB"]


def test_molecules_of_a_file_without_chain_ids_are_apart_in_mmcif(
    martini3: Library, make_beads: MakeBeads, tmp_path: Path
) -> None:
    n = 64
    beads = make_beads(["GLY"] * n, chains="", ids=[1] * n, places=np.arange(n) * 20.0)
    path = tmp_path / "a.cif"
    write_structure(path, join(martini3, beads).beads)
    assert len(set(read_beads(path).residues.chains.tolist())) == n


@pytest.mark.parametrize("chain", ["A", " "])
@pytest.mark.parametrize(("with_ter", "ends"), [(True, [1, 3]), (False, [3])])
def test_a_ter_of_the_file_ends_a_molecule(
    martini3: Library,
    make_beads: MakeBeads,
    tmp_path: Path,
    chain: str,
    with_ter: bool,
    ends: list[int],
) -> None:
    path = tmp_path / "a.pdb"
    write_structure(path, make_beads(ALA4))
    lines = [line.replace(" A ", f" {chain} ") for line in path.read_text().splitlines()]
    lines = [line for line in lines if not line.startswith("TER")]
    path.write_text("\n".join([*lines[:4], *(["TER"] * with_ter), *lines[4:], ""]))
    assert shape(join(martini3, read_beads(path)))[2] == ends


@pytest.mark.parametrize("chain", ["A", ""])
@pytest.mark.parametrize("ids", [[1, 2, 3, 4], [1, 2, 9, 10]])
def test_a_ter_ends_a_molecule(
    martini3: Library, make_beads: MakeBeads, ids: list[int], chain: str
) -> None:
    given = make_beads(ALA4, ids=ids, chains=chain)
    residues = replace(given.residues, pieces=np.array([0, 0, 1, 1]))
    topology = join(martini3, replace(given, residues=residues))
    assert shape(topology) == ([-1, 0, -1, 2], [0, 2], [1, 3])
    assert (topology.plan.atom_names == "OXT").sum() == 2


@pytest.mark.parametrize(("place", "bonded"), [(7.0, True), (27.0, False)])
def test_without_chain_ids_another_name_stands_for_an_insertion_code(
    martini3: Library, make_beads: MakeBeads, place: float, bonded: bool
) -> None:
    """GRO has no room for these codes."""
    beads = make_beads(["ALA", "ALA", "GLY"], ids=[1, 2, 2], chains="", places=[0.0, 3.5, place])
    assert shape(join(martini3, beads))[0] == [-1, 0, 1 if bonded else -1]


def test_bonds_reach_over_the_border_of_the_box(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(ALA4, places=[46.0, 49.5, 3.0, 6.5], box=50.0)
    assert shape(join(martini3, beads)) == ([-1, 0, 1, 2], [0], [3])


@pytest.mark.parametrize("distance", [5.1, 5.3])
def test_the_longest_bond_between_beads(
    distance: float, martini3: Library, make_beads: MakeBeads
) -> None:
    topology = join(martini3, make_beads(["GLY", "GLY"], places=[0.0, distance]))
    assert topology.links.previous.tolist() == [-1, 0 if distance < 5.2 else -1]


def test_beads_off_the_backbone_may_be_farther_apart() -> None:
    """Centres of mass of whole residues lie up to 8.5 Å apart in crystal structures."""
    library = compile_library(load_registry().mapping("ca_only/com"))
    reach = {t.name: t.link_reach for t in library}
    assert 5.5 < reach["TRP"][1] + 1.33 + reach["TRP"][0] < 10.0
    for names, distance, bonded in (
        (["TRP", "ARG"], 8.0, True),
        (["TRP", "ARG"], 11.0, False),
        (["GLY", "GLY"], 8.0, False),
    ):
        residues = Residues(
            names=np.array(names),
            ids=np.array([1, 2]),
            icodes=np.array(["", ""]),
            chains=np.array(["A", "A"]),
        )
        positions = np.array([[0.0, 0.0, 0.0], [distance, 0.0, 0.0]])
        beads = Beads(positions, np.array(["CM", "CM"]), np.array([0, 1]), residues)
        assert (build_topology(beads, library).links.previous[1] == 0) == bonded


@pytest.mark.parametrize(("ids", "told"), [([4, 3, 2, 1], True), ([1, 2, 3, 4], False)])
def test_residues_in_another_order_are_told_of(
    make_beads: MakeBeads, caplog: pytest.LogCaptureFixture, ids: list[int], told: bool
) -> None:
    with caplog.at_level("INFO", logger="herobm"):
        report_disorder(make_beads(ALA4, ids=ids).residues)
    assert ("chain A does not stand in the order" in caplog.text) == told


@pytest.mark.parametrize(
    ("ids", "told"), [([9, 8, 7, 6], True), ([1, 2, 3, 4], False), ([2, 1, 2, 1], False)]
)
def test_numbers_that_fall_without_chains_are_told(
    make_beads: MakeBeads, caplog: pytest.LogCaptureFixture, ids: list[int], told: bool
) -> None:
    """As of a file in reverse order; not of molecules of two residues."""
    caplog.set_level("INFO", logger="herobm")
    report_disorder(make_beads(ALA4, ids=ids, chains="").residues)
    assert ("residue numbers fall from each residue to the next" in caplog.text) == told


@pytest.mark.parametrize(
    ("last", "place", "number", "broken"),
    [
        (True, 7.0, 3, True),
        (False, 7.0, 3, True),
        (True, 47.0, 3, False),  # too far off
        (True, 7.0, 9, False),  # not the next one
    ],
)
def test_a_residue_left_out_beside_an_end_is_a_break(
    martini3: Library,
    make_beads: MakeBeads,
    caplog: pytest.LogCaptureFixture,
    last: bool,
    place: float,
    number: int,
    broken: bool,
) -> None:
    caplog.set_level("INFO")
    names = ["ALA", "ALA", "GLY"] if last else ["GLY", "ALA", "ALA"]
    given = make_beads(names, places=[0.0, 3.5, place], ids=[1, 2, number])
    residues = replace(given.residues, names=np.char.replace(given.residues.names, "GLY", "UNK"))
    given = replace(given, residues=residues)
    cut = build_topology(given, martini3, skip_unmapped=True)
    assert ("OXT" in cut.plan.atom_names, *shape(cut)[1:]) == (True, [0], [1])
    found = break_at_left_out(cut, given)
    starts, ends = ([0], []) if last else ([], [1])
    assert shape(found)[1:] == ((starts, ends) if broken else ([0], [1]))
    assert ("OXT" in found.plan.atom_names) is not (broken and last)
    between = "between ALA 2 of chain A and UNK 3" if last else "between UNK 1 of chain A and ALA 2"
    assert (between in caplog.text) is broken


@pytest.mark.parametrize(
    ("ids", "distance", "bonded"),
    [
        ((1, 2), 2.5, True),  # beads of simulations are restless
        ((1, 2), 2.8, False),
        ((1, 3), 1.5, True),  # as the numbering of chymotrypsin
        ((1, 3), 2.6, False),  # a residue is missing
    ],
)
def test_beads_on_bonded_atoms_are_near(
    ids: tuple[int, int], distance: float, bonded: bool
) -> None:
    library = compile_library(load_registry().mapping("ca_only/n-ca-c"))
    residues = Residues(
        names=np.array(["GLY", "GLY"]),
        ids=np.array(ids),
        icodes=np.array(["", ""]),
        chains=np.array(["A", "A"]),
    )
    along = np.array([-2.4, -1.2, 0.0, distance, distance + 1.2, distance + 2.4])
    positions = np.stack([along, np.zeros(6), np.zeros(6)], axis=1)
    names = np.array(["N", "CA", "C"] * 2)
    beads = Beads(positions, names, np.repeat([0, 1], 3), residues)
    assert (build_topology(beads, library).links.previous[1] == 0) == bonded


def test_a_residue_left_out_carries_on_by_the_bead_on_its_other_side() -> None:
    """C of one residue is bonded to N of the next, not to its C."""
    library = compile_library(load_registry().mapping("ca_only/n-ca-c"))
    residues = Residues(
        names=np.array(["GLY", "GLY", "PTR"]),
        ids=np.array([1, 2, 3]),
        icodes=np.array([""] * 3),
        chains=np.array(["A"] * 3),
    )
    along = 1.3 * np.arange(9.0)
    positions = np.stack([along, np.zeros(9), np.zeros(9)], axis=1)
    given = Beads(positions, np.array(["N", "CA", "C"] * 3), np.repeat([0, 1, 2], 3), residues)
    topology = build_topology(given, library, skip_unmapped=True)
    assert topology.links.chain_end.tolist() == [False, True]
    assert not break_at_left_out(topology, given).links.chain_end.any()


def test_a_solvent_beside_an_end_is_no_break(martini3: Library, make_beads: MakeBeads) -> None:
    given = make_beads(["ALA", "ALA", "W"])
    cut = build_topology(given, martini3, skip_unmapped=True)
    assert break_at_left_out(cut, given) is cut


def test_stretched_bonds_hold_where_numbers_go_on(
    martini3: Library, make_beads: MakeBeads, caplog: pytest.LogCaptureFixture
) -> None:
    # as of models of C-alpha with soft bonds
    caplog.set_level("INFO")
    given = make_beads(ALA4, chains="", places=[0.0, 5.1, 8.6, 12.1])
    topology = join(martini3, given)
    assert shape(topology) == ([-1, 0, 1, 2], [0], [3])
    report_breaks(given.residues, topology.links, topology.link_beads, martini3.name)
    assert "1 bond(s) within chains without names are longer than usual" in caplog.text


@pytest.mark.parametrize(
    ("chains", "ids", "told"),
    [
        ("ABAB", [1, 1, 2, 2], "each of the chains A, B goes on after residues of other chains"),
        ("AABA", [1, 2, 1, 3], "chain A goes on after residues of other chains, at 1 place(s)"),
        ("AABA", [1, 2, 1, 1], ""),  # the letter is used again
        ("AABB", [1, 2, 3, 4], ""),
    ],
)
def test_chains_that_are_mixed_are_told_of(
    martini3: Library,
    make_beads: MakeBeads,
    caplog: pytest.LogCaptureFixture,
    chains: str,
    ids: list[int],
    told: str,
) -> None:
    given = make_beads(ALA4, chains=[*chains], ids=ids)
    topology = build_topology(given, martini3)
    with caplog.at_level("INFO", logger="herobm"):
        report_mixed(given.residues, topology.links)
    assert told in caplog.text
    assert bool(caplog.text) == bool(told)


@pytest.mark.parametrize(("place", "told"), [(38.0, True), (12.0, False)])
def test_a_box_that_is_not_told_is_guessed_at(
    martini3: Library,
    make_beads: MakeBeads,
    caplog: pytest.LogCaptureFixture,
    place: float,
    told: bool,
) -> None:
    topology = build_topology(make_beads(ALA4, places=[0.0, 3.5, place, place + 3.5]), martini3)
    beads = topology.beads
    with caplog.at_level("INFO", logger="herobm"):
        report_cuts(beads.residues, topology.links, beads.positions, topology.link_beads)
    words = "lie up to 34 Å apart at 1 place(s) (first: ALA 2 of chain A and ALA 3 of chain A)"
    assert (words in caplog.text) == told
    assert bool(caplog.text) == told


def test_chains_that_distance_ends_are_told_of(
    martini3: Library, make_beads: MakeBeads, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    given = make_beads(ALA4, chains="", places=[0.0, 3.5, 20.0, 23.5])
    topology = build_topology(given, martini3)
    report_breaks(given.residues, topology.links, topology.link_beads, martini3.name)
    assert "1 chain(s) without names end where residue numbers go on" in caplog.text
    assert "(first: between ALA 2 and ALA 3)" in caplog.text


@pytest.mark.parametrize(
    ("gaps", "told"),
    [([3.5] * 10 + [5.7] * 5, True), ([3.5] * 10 + [4.8] * 5, True), ([3.5] * 20, False)],
)
def test_chains_that_are_broken_all_over_are_told_of(
    martini3: Library,
    make_beads: MakeBeads,
    caplog: pytest.LogCaptureFixture,
    gaps: list[float],
    told: bool,
) -> None:
    caplog.set_level("INFO")
    given = make_beads(["ALA"] * (len(gaps) + 1), places=np.cumsum([0.0, *gaps]).tolist())
    topology = build_topology(given, martini3)
    report_breaks(given.residues, topology.links, topology.link_beads, martini3.name)
    where = "chain A is broken or stretched at 5 of 15 places where residue numbers go on"
    assert (where in caplog.text) is told
    assert ("those of mapping 'martini3/protein'" in caplog.text) is told
    assert ("--mapping" in caplog.text) is told
