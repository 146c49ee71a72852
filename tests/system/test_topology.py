"""Beads of a file: told apart, put in order, refused where they cannot be rebuilt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from herobm.errors import MissingBeadError, StructureError, UnmappedResidueError
from herobm.plan import Library
from herobm.system import build_topology
from herobm.system.vet import report_twins
from herobm.types import Atoms, Beads, Residues

MakeBeads = Callable[..., Beads]


def added(beads: Beads, name: str, residue: int, position: object) -> Beads:
    """Put one more bead at the end of a residue."""
    row = int(np.flatnonzero(beads.residue_index == residue)[-1]) + 1
    return replace(
        beads,
        positions=np.insert(beads.positions, row, position, axis=0),
        names=np.insert(beads.names.astype("<U8"), row, name),
        residue_index=np.insert(beads.residue_index, row, residue),
    )


def test_beads_are_put_in_the_order_of_the_mapping(
    martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(["ARG", "GLY"])
    order = np.array([2, 0, 1, 3])
    mixed = replace(beads, positions=beads.positions[order], names=beads.names[order])
    topology = build_topology(mixed, martini3)
    assert topology.beads.names.tolist() == ["BB", "SC1", "SC2", "BB"]
    np.testing.assert_array_equal(topology.beads.positions, beads.positions)
    np.testing.assert_array_equal(mixed.names[topology.source_index], topology.beads.names)


def test_virtual_sites_on_beads_are_left_out_and_said(
    martini3: Library, make_beads: MakeBeads, caplog: pytest.LogCaptureFixture
) -> None:
    beads = make_beads(["ALA", "ALA"])
    with_site = added(beads, "CA", 0, beads.positions[0] + 0.01)
    with caplog.at_level(logging.INFO, logger="herobm"):
        topology = build_topology(with_site, martini3)
    assert topology.beads.names.tolist() == beads.names.tolist()
    assert topology.source_index.tolist() == [0, 1, 3, 4]
    assert "left out: 1 virtual sites or dummies (CA)" in caplog.text


def test_a_stranger_elsewhere_is_no_virtual_site(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(["ALA", "ALA"])
    with pytest.raises(MissingBeadError) as caught:
        build_topology(added(beads, "SC9", 1, [3.5, 9.0, 0.0]), martini3, source="cg.pdb")
    assert "cg.pdb" in caught.value.message
    assert "ALA has SC9 that the mapping does not know (ALA 2 of chain A)" in caught.value.message


def test_a_missing_bead_is_named(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(["ARG", "ARG"])
    with pytest.raises(MissingBeadError) as caught:
        build_topology(beads.subset(np.arange(len(beads)) != 4), martini3)
    assert "ARG lacks SC1 (ARG 2 of chain A)" in caught.value.message
    assert "(--selection 'not (resid 2 and chainID A)')" in (caught.value.hint or "")


def test_all_incomplete_residues_are_in_the_hint(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(["ARG"] * 12, chains=["A"] * 4 + ["B"] * 8)
    lacking = (beads.names == "SC2") & np.isin(beads.residues.ids[beads.residue_index], [1, 3, 6])
    with pytest.raises(MissingBeadError) as caught:
        build_topology(beads.subset(~lacking), martini3)
    choice = "not ((resid 1 3 and chainID A) or (resid 6 and chainID B))"
    assert f"(--selection '{choice}')" in (caught.value.hint or "")
    lacking = (beads.names == "SC2") & (beads.residue_index < 9)
    with pytest.raises(MissingBeadError) as caught:
        build_topology(beads.subset(~lacking), martini3)
    assert "and chainID B)) and so on'" in (caught.value.hint or "")


def test_a_bead_twice_is_named(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(["ALA"])
    with pytest.raises(MissingBeadError, match="has SC1 more than once"):
        build_topology(added(beads, "SC1", 0, [9.0, 9.0, 9.0]), martini3)


def test_the_same_fault_is_told_once(martini3: Library, make_beads: MakeBeads) -> None:
    beads = make_beads(["ALA"] * 9)
    with pytest.raises(MissingBeadError) as caught:
        build_topology(beads.subset(beads.names == "BB"), martini3)
    assert "ALA lacks SC1 (9 residues, first: ALA 1 of chain A)" in caught.value.message


def test_residues_without_a_mapping_stop_or_are_left_out(
    martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(["ALA", "W", "W", "ALA"], ids=[1, 50, 51, 2], chains=[*"AWWA"])
    with pytest.raises(UnmappedResidueError) as caught:
        build_topology(beads, martini3, source="cg.gro")
    assert "W: 2 (first: W 50 of chain W)" in caught.value.message
    assert "--skip-unmapped" in (caught.value.hint or "")
    topology = build_topology(beads, martini3, skip_unmapped=True)
    assert topology.beads.residues.names.tolist() == ["ALA", "ALA"]
    assert topology.source_index.tolist() == [0, 1, 4, 5]


def test_an_all_atom_structure_is_refused(
    martini3: Library, peptide: Callable[[str], Atoms]
) -> None:
    atoms = peptide("AVDKF")
    fine = Beads(atoms.positions, atoms.names, atoms.residue_index, atoms.residues)
    with pytest.raises(StructureError) as caught:
        build_topology(fine, martini3, source="protein.pdb")
    assert "protein.pdb: this is an all-atom structure" in caught.value.message
    assert "herobm coarsen" in (caught.value.hint or "")


def test_an_empty_file_is_refused(martini3: Library) -> None:
    none = np.zeros(0, dtype=np.str_)
    residues = Residues(none, np.zeros(0, np.int64), none, none)
    empty = Beads(np.zeros((0, 3)), none, np.zeros(0, np.int64), residues)
    with pytest.raises(StructureError, match="holds no bead"):
        build_topology(empty, martini3)


def test_the_plan_has_the_heavy_atoms_of_every_residue(
    martini3: Library, make_beads: MakeBeads
) -> None:
    plan = build_topology(make_beads(["GLY", "ALA"]), martini3).plan
    names = [plan.atom_names[plan.atom_residue == i].tolist() for i in range(2)]
    assert sorted(names[0]) == ["C", "CA", "N", "O"]
    assert sorted(names[1]) == ["C", "CA", "CB", "N", "O", "OXT"]


@pytest.mark.parametrize("scale", [0.0, 0.1])
def test_beads_in_another_unit_are_refused(
    martini3: Library, make_beads: MakeBeads, scale: float
) -> None:
    beads = make_beads(["ARG"] * 4)
    rng = np.random.default_rng(0)
    spread = replace(beads, positions=4.0 * rng.normal(size=beads.positions.shape).cumsum(axis=0))
    assert build_topology(spread, martini3).plan.n_residues == 4
    small = replace(spread, positions=scale * spread.positions)
    with pytest.raises(StructureError, match=r"cg\.pdb: beads lie .* Å from the next") as caught:
        build_topology(small, martini3, source="cg.pdb")
    assert "nm" in caught.value.hint


def test_chains_ten_times_too_large_are_refused(martini3: Library, make_beads: MakeBeads) -> None:
    """As those of a GRO file that was written in Å; a few lone residues are none."""
    beads = make_beads(["ALA"] * 12)
    large = replace(beads, positions=10.0 * beads.positions)
    with pytest.raises(StructureError, match=r"residues lie .* too far for a chain") as caught:
        build_topology(large, martini3)
    assert "GRO files in nm" in (caught.value.hint or "")
    assert build_topology(make_beads(["ALA"] * 3, places=[0.0, 40.0, 80.0]), martini3) is not None


def test_residues_that_an_unknown_box_cuts_are_refused(
    martini3: Library, make_beads: MakeBeads
) -> None:
    beads = make_beads(["ARG", "ALA"])
    cut = beads.positions.copy()
    cut[2] += [70.0, 0.0, 0.0]
    with pytest.raises(StructureError, match=r"cut\.gro: beads of ARG 1 .* lie \d\d Å") as caught:
        build_topology(beads.with_positions(cut), martini3, source="cut.gro")
    assert "Add the box" in (caught.value.hint or "")
    box = np.array([70.0, 70.0, 70.0, 90.0, 90.0, 90.0])
    whole = build_topology(replace(beads.with_positions(cut), box=box), martini3)
    np.testing.assert_allclose(np.ptp(whole.beads.positions, axis=0).max() < 20.0, True)


@pytest.mark.parametrize(("apart", "told"), [(0.02, True), (0.2, False)])
def test_residues_on_each_other_are_told_of(
    make_beads: MakeBeads, caplog: pytest.LogCaptureFixture, apart: float, told: bool
) -> None:
    beads = make_beads(["ALA", "GLY"], ids=[1, 1], chains=["A", "B"])
    second = beads.residue_index == 1
    positions = beads.positions.copy()
    positions[second] = positions[:1] + apart
    with caplog.at_level("INFO", logger="herobm"):
        report_twins(replace(beads, positions=positions))
    said = "2 residue(s) have a bead where another residue has one (first: ALA 1 of chain A and"
    assert (said in caplog.text) == told
