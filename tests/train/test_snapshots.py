"""Snapshots of a molecule: found among other things, and split over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from herobm.dsl import load_set
from herobm.errors import StructureError
from herobm.io import read_atoms
from herobm.plan import Library, compile_library
from herobm.train.snapshots import Snapshots, gather, split
from herobm.types import Atoms, Residues

PLUGIN = Path(__file__).resolve().parents[2] / "plugins/custom_ligand"
SHARES = (0.2, 0.1, 0.7)


@pytest.fixture(scope="module")
def library() -> Library:
    return compile_library(
        load_set([PLUGIN / "src/herobm_custom_ligand/maps/cff.map"], "custom_ligand/caffeine")
    )


@pytest.fixture(scope="module")
def caffeine() -> Atoms:
    return read_atoms(PLUGIN / "tests/caffeine.pdb")


def beside_others(one: Atoms) -> Atoms:
    """Ion, molecule, molecule with its atoms in another order, 20 Å away."""
    n = len(one)
    back = np.arange(n)[::-1]
    return Atoms(
        positions=np.concatenate([[[50.0, 0, 0]], one.positions, one.positions[back] + 20.0]),
        names=np.concatenate([["NA"], one.names, one.names[back]]),
        residue_index=np.repeat([0, 1, 2], [1, n, n]),
        residues=Residues(
            np.array(["NA", "CFF", "CFF"]),
            np.array([1, 2, 3]),
            np.array(["", "", ""]),
            np.array(["A", "A", "A"]),
        ),
    )


def test_each_copy_of_the_molecule_is_found_in_one_order(caffeine: Atoms, library: Library) -> None:
    atoms = beside_others(caffeine)
    frames = [(atoms.positions, None), (atoms.positions + 1.0, None)]
    found = gather(atoms, frames, library, "here")
    assert found.group.tolist() == [0, 0, 1, 1]
    assert found.atoms.names.tolist()[:3] == ["N1", "C6", "C10"]  # the order of the mapping
    assert np.allclose(found.positions[1], found.positions[0] + 20.0)
    assert np.allclose(found.positions[2], found.positions[0] + 1.0)


def test_a_molecule_cut_by_the_box_is_made_whole(caffeine: Atoms, library: Library) -> None:
    box = np.array([30.0, 30.0, 30.0, 90.0, 90.0, 90.0])
    cut = np.mod(caffeine.positions - caffeine.positions[0], 30.0)
    found = gather(caffeine, [(cut, box), (caffeine.positions, None)], library, "here")
    whole = found.positions - found.positions[:, :1]
    assert np.allclose(whole[0], whole[1], atol=1e-6)


def test_missing_molecule_and_missing_atoms_are_named(caffeine: Atoms, library: Library) -> None:
    ion = beside_others(caffeine).subset(np.arange(1 + 2 * len(caffeine)) == 0)
    with pytest.raises(StructureError, match="has no residue CAF or CFF"):
        gather(ion, [], library, "here")
    short = caffeine.subset(caffeine.names != "C12")
    with pytest.raises(StructureError, match="lacks C12"):
        gather(short, [], library, "here")


def snapshots(group: list[int], one: Atoms) -> Snapshots:
    return Snapshots(one, np.zeros((len(group), len(one), 3)), np.array(group))


def test_a_split_is_spread_over_time_and_leaves_groups_together(caffeine: Atoms) -> None:
    parts = split(snapshots(list(range(1000)), caffeine), SHARES, "here")
    assert [len(p) for p in (parts.train, parts.valid, parts.test)] == [200, 100, 700]
    every = [set(p.group.tolist()) for p in (parts.train, parts.valid, parts.test)]
    assert set.union(*every) == set(range(1000))
    for part in every:
        ordered = sorted(part)
        assert ordered[0] < 20 < 980 < ordered[-1]
        assert np.diff(ordered).max() < 20
    grouped = split(snapshots([g for g in range(10) for _ in range(5)], caffeine), SHARES, "here")
    assert not set(grouped.train.group) & set(grouped.test.group)


def test_too_few_snapshots_are_refused(caffeine: Atoms) -> None:
    with pytest.raises(StructureError, match="has 3 snapshots"):
        split(snapshots([0, 1, 2], caffeine), SHARES, "here")


def test_joining_weighs_both_sides_alike_and_follows_names(caffeine: Atoms) -> None:
    ours = snapshots([0, 1], caffeine)
    back = caffeine.positions[::-1]
    turned = Atoms(back, caffeine.names[::-1], caffeine.residue_index, caffeine.residues)
    others = Snapshots(turned, np.stack([back] * 6), np.zeros(6, dtype=np.int64))
    both = ours.joined(others)
    assert len(both) == 12
    assert np.allclose(both.positions[-1], caffeine.positions)
