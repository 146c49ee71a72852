"""Beads to atoms from Python."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.assembly.choice import choose_mapping
from herobm.assembly.likeness import likeliest
from herobm.assembly.network import NetworkShare
from herobm.assembly.routing import model_for
from herobm.errors import (
    MappingMismatchError,
    MissingBeadError,
    ModelError,
    OutputError,
    StructureError,
    UnknownNameError,
    UnmappedResidueError,
    WeightsNotFoundError,
)
from herobm.io import read_atoms, read_beads
from herobm.pipeline import Rebuilder, Result, backmap, prepare
from herobm.plugins.manager import load_registry
from herobm.plugins.registry import Registry
from herobm.system import coarsen
from herobm.types import Beads, Residues

CG = Path(__file__).resolve().parent.parent / "examples/1ubq/cg.pdb"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def beads() -> Beads:
    return read_beads(CG)


@pytest.fixture(scope="module")
def prepared(beads: Beads, registry: Registry) -> Rebuilder:
    return prepare(beads, registry=registry)


@pytest.fixture(scope="module")
def result(prepared: Rebuilder) -> Result:
    return prepared.result(prepared.topology.beads)


@pytest.fixture
def alphas(beads: Beads) -> Beads:
    """One bead CA a residue."""
    kept = beads.subset(beads.names == "BB")
    return replace(kept, names=np.full(len(kept), "CA"))


def renamed(beads: Beads, old: str, new: str) -> Beads:
    names = beads.residues.names.astype("U8")
    names[names == old] = new
    return replace(beads, residues=replace(beads.residues, names=names))


def test_backmap_needs_nothing_but_beads(beads: Beads, result: Result) -> None:
    alone = backmap(beads)
    assert np.array_equal(alone.atoms.positions, result.atoms.positions)
    assert alone.atoms.names.tolist() == result.atoms.names.tolist()


def test_the_result_tells_what_it_holds(beads: Beads, result: Result) -> None:
    summary = result.summary
    assert (summary.n_residues, summary.n_beads, summary.n_chains) == (76, 166, 1)
    assert summary.n_atoms == len(result.atoms) == 602
    assert result.atoms.elements is not None
    assert set(result.atoms.elements) == {"C", "N", "O", "S"}
    assert np.isfinite(result.atoms.positions).all()
    assert result.beads.names.tolist() == beads.names.tolist()
    assert 0.0 < summary.remap_mean < summary.remap_max < 2.0
    assert summary.worst_bead.partition(" of ")[0] in {"BB", "SC1", "SC2", "SC3", "SC4", "SC5"}
    assert len(summary.steps) >= 2
    told = str(summary)
    for word in ("re-mapping error", "bond outliers", "Ramachandran", "clashes", "expected error"):
        assert f"\n{word} " in told


def test_a_result_is_written_once(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "out.pdb"
    result.write(path)
    with pytest.raises(OutputError, match="already"):
        result.write(path)
    result.write(str(path), overwrite=True)
    assert read_atoms(path).positions == pytest.approx(result.atoms.positions, abs=6e-4)


def test_atoms_turn_and_shift_with_the_beads(beads: Beads, prepared: Rebuilder) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    shift = np.array([5.0, -70.0, 12.0])
    there = prepared.rebuild(beads)
    elsewhere = prepared.rebuild(beads.with_positions(beads.positions @ turn.T + shift))
    assert elsewhere == pytest.approx(there @ turn.T + shift, abs=2e-3)


def test_molecules_far_apart_do_not_feel_each_other(beads: Beads, result: Result) -> None:
    residues = beads.residues
    double = {name: np.tile(getattr(residues, name), 2) for name in ("names", "ids", "icodes")}
    both = Beads(
        positions=np.concatenate([beads.positions, beads.positions + 200.0]),
        names=np.tile(beads.names, 2),
        residue_index=np.concatenate([beads.residue_index, beads.residue_index + 76]),
        residues=replace(residues, **double, chains=np.repeat(["A", "B"], 76)),
    )
    atoms = backmap(both).atoms
    assert len(atoms) == 2 * 602
    assert atoms.positions[:602] == pytest.approx(result.atoms.positions, abs=1e-3)
    assert atoms.positions[602:] == pytest.approx(result.atoms.positions + 200.0, abs=1e-3)


def test_no_chunk_changes_the_atoms(
    beads: Beads, prepared: Rebuilder, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But where rounding decides which of two atoms, as near as each other, is seen."""
    monkeypatch.setattr(NetworkShare, "CHUNK", 50)
    off = np.abs(prepared.rebuild(beads) - result.atoms.positions).max(axis=1)
    assert np.percentile(off, 95) < 1e-4
    assert off.max() < 0.01


def test_the_pack_that_fits_is_chosen(
    beads: Beads, alphas: Beads, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "herobm"):
        assert choose_mapping(beads, registry) == "martini3/protein"
        assert choose_mapping(alphas, registry) == "ca_only/ca"
    assert "mapping: martini3/protein (its beads fit 76 of 76 residues)" in caplog.text


def test_the_pack_that_fits_best_is_chosen(beads: Beads, registry: Registry) -> None:
    assert choose_mapping(renamed(beads, "LEU", "POPC"), registry) == "martini3/protein"


def test_glycine_alone_fits_martini(beads: Beads, registry: Registry) -> None:
    glycine = beads.subset((beads.residues.names == "GLY")[beads.residue_index])
    assert choose_mapping(glycine, registry) == "martini3/protein"


def test_what_no_pack_knows_is_named(beads: Beads) -> None:
    with pytest.raises(UnmappedResidueError, match=r"no residue POPC: 9 \(first: POPC 8") as error:
        backmap(renamed(beads, "LEU", "POPC"), source="cg.pdb")
    assert str(error.value).startswith("cg.pdb: ")
    lipids = beads.subset((beads.residues.names == "LEU")[beads.residue_index])
    with pytest.raises(UnmappedResidueError, match="no residue POPC: 9"):
        backmap(renamed(lipids, "LEU", "POPC"), skip_unmapped=True)


def test_what_no_pack_knows_is_left_out_if_told(beads: Beads) -> None:
    result = backmap(renamed(beads, "LEU", "POPC"), skip_unmapped=True)
    assert result.summary.n_residues == 76 - 9
    assert "LEU" not in result.atoms.residues.names


def test_rename(beads: Beads, result: Result) -> None:
    atoms = backmap(renamed(beads, "LEU", "LEX"), rename={"LEX": "LEU"}).atoms
    assert atoms.positions == pytest.approx(result.atoms.positions, abs=1e-6)


def test_a_missing_bead_is_named(beads: Beads) -> None:
    lacking = beads.subset(np.arange(len(beads)) != 1)
    with pytest.raises(MissingBeadError, match=r"MET lacks SC1 \(MET 1 of chain A\)"):
        backmap(lacking)


def test_no_beads(beads: Beads) -> None:
    with pytest.raises(StructureError, match="no bead"):
        backmap(beads.subset(np.zeros(len(beads), bool)))


def test_no_mapping_is_installed(beads: Beads) -> None:
    with pytest.raises(UnmappedResidueError, match="no plug-in that is installed"):
        backmap(beads, registry=Registry(()))


def test_the_model_of_a_mapping(registry: Registry) -> None:
    assert model_for("martini3/protein", registry) == "martini3/protein"
    assert model_for("ca_only/ca", registry) == "ca_only/ca"
    bare = Registry(replace(plugin, models=()) for plugin in registry.plugins)
    with pytest.raises(ModelError, match="there is no model for mapping 'ca_only/sc'"):
        model_for("ca_only/sc", bare)


@pytest.mark.parametrize("name", ["martini3", "martini3/protein", "protein"])
def test_short_names(beads: Beads, registry: Registry, name: str) -> None:
    assert prepare(beads, mapping=name, registry=registry).topology.plan.n_atoms == 602
    assert prepare(beads, model=name, registry=registry).topology.plan.n_atoms == 602


def test_weights_of_another_mapping(alphas: Beads, registry: Registry) -> None:
    for mapping, name in (("ca_only/com", "CM"), ("ca_only/sc", "SC")):
        centres = replace(alphas, names=np.full(len(alphas), name))
        with pytest.raises(MappingMismatchError, match="martini3/protein, made for another mapp"):
            prepare(centres, mapping=mapping, model="martini3/protein", registry=registry)


def test_weights_from_a_file(beads: Beads, registry: Registry, result: Result) -> None:
    path = registry.model("martini3/protein").weights
    atoms = backmap(beads, model=str(path), registry=registry).atoms
    assert np.array_equal(atoms.positions, result.atoms.positions)
    with pytest.raises((UnknownNameError, WeightsNotFoundError), match=r"none\.safetensors"):
        backmap(beads, model="none.safetensors", registry=registry)


def test_room_in_the_file_is_seen_to_beforehand(beads: Beads, registry: Registry) -> None:
    chains = np.full(len(beads.residues), "PROA")
    prepared = prepare(
        replace(beads, residues=replace(beads.residues, chains=chains)), registry=registry
    )
    with pytest.raises(OutputError, match="'PROA' is longer than one character"):
        prepared.check_fits("out.pdb")
    with pytest.raises(OutputError, match=r"Name it \.pdb, \.gro or \.cif"):
        prepared.check_fits("out.xyz")
    prepared.check_fits("out.cif")


def test_a_lone_bead_is_turned_by_the_seed(
    beads: Beads, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    glycine = int(np.flatnonzero(beads.residues.names == "GLY")[0])
    alone = beads.subset(beads.residue_index == glycine)
    with caplog.at_level(logging.INFO, logger="herobm"):
        first, again, other = (
            backmap(alone, registry=registry, seed=seed).atoms.positions for seed in (1, 1, 2)
        )
    assert "drawn at random (seed 1)" in caplog.text
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    gaps = np.linalg.norm(first[:, None] - first[None], axis=2)[np.triu_indices(len(first), 1)]
    assert gaps.min() > 0.8


def test_a_bridge_of_the_first_frame_stays(registry: Registry) -> None:
    places = [[0.0, 0, 0], [2.3, 1.2, 0], [6.6, 0, 0.5], [4.6, 1.4, 0.4]]
    residues = Residues(np.full(2, "CYS"), np.array([3, 40]), np.full(2, ""), np.full(2, "A"))
    names = np.array(["BB", "SC1"] * 2)
    first = Beads(np.array(places), names, np.array([0, 0, 1, 1]), residues)
    shift = np.repeat([[0.0, 0, 0], [4, 0, 0]], 2, axis=0)
    apart = first.with_positions(first.positions + shift)
    for frames, n_bridges in (((first, apart), 1), ((apart, first), 0)):
        rebuilder = prepare(frames[0], mapping="martini3", registry=registry, post="none")
        for frame in frames:
            assert len(rebuilder.result(frame).disulfides) == n_bridges
    result = backmap(first, mapping="martini3", post="none")
    one, two = result.disulfides[0]
    assert result.atoms.names[[one, two]].tolist() == ["SG", "SG"]
    gap = result.atoms.positions[one] - result.atoms.positions[two]
    assert np.linalg.norm(gap) == pytest.approx(2.05, abs=0.021)


def test_a_bridge_across_the_box_drags_nothing(registry: Registry) -> None:
    places = np.array([[0.0, 0, 0], [2.3, 1.2, 0], [6.6, 0, 0.5], [4.6, 1.4, 0.4]])
    residues = Residues(np.full(2, "CYS"), np.array([3, 40]), np.full(2, ""), np.array(["A", "B"]))
    names = np.array(["BB", "SC1"] * 2)
    box = np.array([60.0, 60.0, 60.0, 90.0, 90.0, 90.0])
    near = Beads(places, names, np.array([0, 0, 1, 1]), residues, box=box)
    far = near.with_positions(places + np.repeat([[0.0, 0, 0], [60, 0, 0]], 2, axis=0))
    for beads in (near, far):
        result = backmap(beads, mapping="martini3", registry=registry)
        assert len(result.disulfides) == 1
        assert result.summary.remap_max < 1.5
        assert result.summary.bond_outliers == 0


def test_sets_with_the_same_names_are_told_apart_by_their_places(
    beads: Beads, result: Result, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    elnedyn = coarsen(result.atoms, registry.mapping("martini3/elnedyn"))
    assert likeliest(elnedyn, "martini3/protein", registry) == "martini3/elnedyn"
    assert likeliest(beads, "martini3/protein", registry) == "martini3/protein"
    with caplog.at_level(logging.INFO, logger="herobm"):
        rebuilder = prepare(elnedyn, registry=registry, post="none")
    assert [model.name for model in rebuilder.models] == ["martini3/elnedyn"]
    assert "martini3/elnedyn instead of martini3/protein" in caplog.text
    named = prepare(elnedyn, mapping="martini3/protein", registry=registry, post="none")
    assert [model.name for model in named.models] == ["martini3/protein"]


def test_backbone_beads_on_alphas_that_no_set_describes_are_told_of(
    result: Result, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """As those of Elnedyn for Martini 2, whose side chains are those of no other set."""
    beads = coarsen(result.atoms, registry.mapping("martini3/martini2"))
    alphas = coarsen(result.atoms, registry.mapping("martini3/elnedyn"))
    positions = beads.positions.copy()
    positions[beads.names == "BB"] = alphas.positions[alphas.names == "BB"]
    with caplog.at_level(logging.INFO, logger="herobm"):
        likeliest(beads, "martini3/martini2", registry)
    assert "as C-alpha are" not in caplog.text
    with caplog.at_level(logging.INFO, logger="herobm"):
        likeliest(beads.with_positions(positions), "martini3/martini2", registry)
    assert "those of this file are 3.8" in caplog.text
