"""What a dataset file gives back is what went in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from herobm.dsl.model import MappingSet
from herobm.errors import DatasetError
from herobm.train.dataset import read_dataset, write_dataset
from herobm.types import Atoms

Structures = list[tuple[str, Atoms]]


def test_structures_come_back(
    dataset_file: Path, structures: Structures, mappings: MappingSet
) -> None:
    data = read_dataset(dataset_file)
    assert data.names == ("one", "two", "three", "four")
    assert data.mappings.digest() == mappings.digest()
    for number, (_, atoms) in enumerate(structures):
        found = data.atoms.subset((data.structure == number)[data.atoms.residue_index])
        assert found.names.tolist() == atoms.names.tolist()
        assert found.residue_index.tolist() == atoms.residue_index.tolist()
        assert found.residues.names.tolist() == atoms.residues.names.tolist()
        assert found.residues.ids.tolist() == atoms.residues.ids.tolist()
        assert found.elements is not None
        assert atoms.elements is not None
        assert found.elements.tolist() == atoms.elements.tolist()
        centred = atoms.positions - atoms.positions.mean(axis=0)
        assert np.abs(found.positions - centred).max() <= 0.0005 + 1e-9  # half a milli-Å


def test_no_chain_runs_from_one_structure_into_the_next(dataset_file: Path) -> None:
    data = read_dataset(dataset_file)
    chains = data.atoms.residues.chains
    assert set(chains[data.structure == 0]).isdisjoint(chains[data.structure == 1])


def test_insertion_codes_come_back(
    structures: Structures, mappings: MappingSet, tmp_path: Path
) -> None:
    atoms = structures[0][1]
    ids, icodes = atoms.residues.ids.copy(), atoms.residues.icodes.astype("<U1")
    ids[3:] -= 1
    icodes[3] = "A"
    inserted = replace(atoms, residues=replace(atoms.residues, ids=ids, icodes=icodes))
    write_dataset(tmp_path / "i.safetensors", [("one", inserted)], mappings)
    found = read_dataset(tmp_path / "i.safetensors").atoms.residues
    assert found.icodes.tolist() == ["", "", "", "A", "", "", "", ""]
    assert found.ids.tolist() == ids.tolist()


def test_residues_cut_by_the_box_are_packed_whole(
    structures: Structures, mappings: MappingSet, tmp_path: Path
) -> None:
    atoms = structures[0][1]
    box = np.array([60.0, 60.0, 60.0, 90.0, 90.0, 90.0])
    cut = atoms.positions.copy()
    cut[1] += box[:3]
    write_dataset(tmp_path / "c.safetensors", [("one", atoms.with_frame(cut, box))], mappings)
    found = read_dataset(tmp_path / "c.safetensors").atoms.positions
    centred = atoms.positions - atoms.positions.mean(axis=0)
    assert np.abs(found - centred).max() <= 0.0005 + 1e-9


def test_the_digest_is_that_of_the_coordinates(
    dataset_file: Path, structures: Structures, mappings: MappingSet, tmp_path: Path
) -> None:
    again, moved = tmp_path / "again.safetensors", tmp_path / "moved.safetensors"
    write_dataset(again, structures, mappings)
    name, atoms = structures[0]
    shaken = atoms.with_positions(atoms.positions + 0.01 * np.arange(len(atoms))[:, None])
    write_dataset(moved, [(name, shaken)], mappings)
    digests = [read_dataset(p).digest for p in (dataset_file, again, moved)]
    assert digests[0] == digests[1] != digests[2]


def test_a_residue_torn_apart_is_refused_by_name(
    structures: Structures, mappings: MappingSet, tmp_path: Path
) -> None:
    atoms: Atoms = structures[0][1]
    torn = atoms.with_positions(atoms.positions * 50.0)
    with pytest.raises(DatasetError, match="torn: a residue spans more than 32 Å"):
        write_dataset(tmp_path / "t.safetensors", [("torn", torn)], mappings)
    assert not list(tmp_path.iterdir())


def test_nothing_to_pack_is_an_error(mappings: MappingSet, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no structure"):
        write_dataset(tmp_path / "none.safetensors", [], mappings)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.safetensors: cannot be read"):
        read_dataset(tmp_path / "absent.safetensors")
    text = tmp_path / "text.safetensors"
    text.write_text("no tensors")
    with pytest.raises(DatasetError, match=r"text\.safetensors: cannot be read"):
        read_dataset(text)
    other = tmp_path / "other.safetensors"
    save_file({"x": np.zeros(3)}, other)
    with pytest.raises(DatasetError, match="no dataset of herobm"):
        read_dataset(other)
