"""What a dataset file gives back is what went in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from herobm.dsl.model import MappingSet
from herobm.errors import DatasetError, StructureError
from herobm.plan import Library
from herobm.system import build_topology, coarsen
from herobm.system.atomistic import AtomLayout
from herobm.system.periodic import box_matrix
from herobm.train.dataset import (
    FORMAT,
    Dataset,
    check_structure,
    read_dataset,
    write_dataset,
)
from herobm.types import Atoms, Residues

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


def moved(atoms: Atoms) -> Atoms:
    """Each atom a little farther along."""
    return atoms.with_positions(atoms.positions + 0.01 * np.arange(len(atoms))[:, None])


def parted(atoms: Atoms) -> Atoms:
    """Each residue farther from the one before it, by so much that nothing is rounded elsewhere."""
    step = 0.001 * len(atoms)
    return atoms.with_positions(atoms.positions + step * atoms.residue_index[:, None])


def renumbered(atoms: Atoms) -> Atoms:
    return replace(atoms, residues=replace(atoms.residues, ids=2 * atoms.residues.ids))


def renamed(atoms: Atoms) -> Atoms:
    """The same atoms in residues of other names."""
    return replace(atoms, residues=replace(atoms.residues, names=atoms.residues.names[::-1]))


@pytest.mark.parametrize("change", [moved, parted, renumbered, renamed])
def test_the_digest_tells_other_structures(
    dataset_file: Path,
    structures: Structures,
    mappings: MappingSet,
    tmp_path: Path,
    change: Callable[[Atoms], Atoms],
) -> None:
    again, other = tmp_path / "again.safetensors", tmp_path / "other.safetensors"
    write_dataset(again, structures, mappings)
    (name, atoms), *rest = structures
    write_dataset(other, [(name, change(atoms)), *rest], mappings)
    digests = [read_dataset(path).digest for path in (dataset_file, again, other)]
    assert digests[0] == digests[1] != digests[2]


def links(data: Dataset, library: Library) -> tuple[list[int], list[int]]:
    """Residues that are bonded to the one before them, and those that end a chain."""
    found = build_topology(coarsen(data.atoms, library), library).links
    return np.flatnonzero(found.previous >= 0).tolist(), np.flatnonzero(found.chain_end).tolist()


@pytest.mark.parametrize("chain", ["A", ""])
@pytest.mark.parametrize("angles", [(90.0, 90.0, 90.0), (75.0, 80.0, 70.0)])
def test_a_chain_that_the_box_cuts_is_packed_in_one_piece(
    structures: Structures,
    mappings: MappingSet,
    martini3: Library,
    tmp_path: Path,
    chain: str,
    angles: tuple[float, float, float],
) -> None:
    atoms = structures[0][1]
    residues = replace(atoms.residues, chains=np.full(len(atoms.residues), chain))
    box = np.array([40.0, 42.0, 44.0, *angles])
    matrix = box_matrix(box)
    where = (atoms.positions - atoms.positions.mean(axis=0)) @ np.linalg.inv(matrix)
    cut = replace(atoms, positions=(where % 1.0) @ matrix, box=box, residues=residues)
    assert np.ptp(cut.positions, axis=0).max() > 25.0
    whole = replace(atoms, residues=residues)
    path = tmp_path / "cut.safetensors"
    write_dataset(path, [("cut", cut), ("whole", whole)], mappings)
    data = read_dataset(path)
    bonded, ends = links(data, martini3)
    assert bonded == [*range(1, 8), *range(9, 16)]
    assert ends == [7, 15]
    one, other = np.split(data.atoms.positions, 2)
    assert np.abs(one - other).max() <= 0.001 + 1e-9


def test_an_odd_atom_elsewhere_does_not_move_a_residue(
    structures: Structures, mappings: MappingSet, martini3: Library, tmp_path: Path
) -> None:
    """The first atom of residue 4 is one that the mapping lacks, on the other side of the box."""
    atoms = structures[0][1]
    box = np.array([40.0, 42.0, 44.0, 90.0, 90.0, 90.0])
    first = int(np.flatnonzero(atoms.residue_index == 3)[0])
    order = np.insert(np.arange(len(atoms)), first, first)
    odd = replace(
        atoms,
        positions=atoms.positions[order],
        names=atoms.names[order],
        residue_index=atoms.residue_index[order],
        elements=atoms.symbols[order],
        box=box,
    )
    odd.names[first] = "Q1"
    odd.positions[first] += [0.5, 0.5, 42.0]
    write_dataset(tmp_path / "odd.safetensors", [("odd", odd)], mappings)
    data = read_dataset(tmp_path / "odd.safetensors")
    found = build_topology(coarsen(data.atoms, martini3, skip_unmapped=True), martini3).links
    assert (found.previous >= 0).sum() == 7


@pytest.mark.parametrize("chain", ["", "A"])
def test_chains_without_ids_of_their_own_are_told_apart_and_end(
    structures: Structures, mappings: MappingSet, martini3: Library, tmp_path: Path, chain: str
) -> None:
    """Two copies numbered through: in a GRO file the distance tells, in a PDB file TER."""
    atoms = structures[0][1]
    n = len(atoms.residues)
    residues = Residues(
        names=np.tile(atoms.residues.names, 2),
        ids=np.arange(1, 2 * n + 1),
        icodes=np.full(2 * n, ""),
        chains=np.full(2 * n, chain),
        pieces=np.repeat([0, 1], n) if chain else None,
    )
    twice = Atoms(
        positions=np.concatenate([atoms.positions, atoms.positions + 60.0]),
        names=np.tile(atoms.names, 2),
        residue_index=np.concatenate([atoms.residue_index, atoms.residue_index + n]),
        residues=residues,
        elements=np.tile(atoms.symbols, 2),
    )
    path = tmp_path / "twice.safetensors"
    write_dataset(path, [("twice", twice), ("one", structures[1][1])], mappings)
    data = read_dataset(path)
    wanted = AtomLayout.of(twice, martini3).topology
    assert (wanted.plan.atom_names == "OXT").sum() == 2
    bonded, ends = links(data, martini3)
    assert bonded == [*range(1, 8), *range(9, 16), *range(17, 24)]
    assert ends == [7, 15, 23]


def test_what_the_mapping_lacks_is_packed_as_it_is(
    structures: Structures, mappings: MappingSet, tmp_path: Path
) -> None:
    atoms = structures[0][1]
    strangers = replace(
        atoms,
        residues=replace(atoms.residues, names=np.full(8, "XYZ"), chains=np.full(8, "")),
        box=np.array([40.0, 42.0, 44.0, 90.0, 90.0, 90.0]),
    )
    write_dataset(tmp_path / "x.safetensors", [("x", strangers)], mappings)
    found = read_dataset(tmp_path / "x.safetensors").atoms
    centred = atoms.positions - atoms.positions.mean(axis=0)
    assert np.abs(found.positions - centred).max() <= 0.0005 + 1e-9
    assert len(set(found.residues.chains)) == 1


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


@pytest.mark.parametrize(
    "header", [{}, {"patterns": "[", "names": "[]", "mappings": "{}"}, {"patterns": "[1]"}]
)
def test_a_dataset_that_lacks_something_is_damaged(tmp_path: Path, header: dict[str, str]) -> None:
    path = tmp_path / "some.safetensors"
    save_file({"count": np.zeros(1, np.int32)}, path, {"format": FORMAT, **header})
    with pytest.raises(DatasetError, match=r"some\.safetensors: is damaged, or was packed"):
        read_dataset(path)


def test_long_insertion_codes_are_refused(structures: Structures, martini3: Library) -> None:
    atoms = structures[0][1]
    icodes = np.array(["", "", "AB"] + [""] * (len(atoms.residues) - 3))
    inserted = replace(atoms, residues=replace(atoms.residues, icodes=icodes))
    check_structure(atoms, martini3, "one.cif")
    with pytest.raises(StructureError, match=r"one\.cif: the insertion code 'AB' of ASP 3AB"):
        check_structure(inserted, martini3, "one.cif")


def test_bfactors_come_back_and_name_nothing(
    structures: Structures, mappings: MappingSet, tmp_path: Path
) -> None:
    """They travel where there are any; a dataset with them holds the structures of one without."""
    (one, atoms), other, *_ = structures
    told = np.linspace(5.2, 300.0, len(atoms))
    known = replace(atoms, bfactors=told)
    alike = (other[0], replace(other[1], bfactors=np.full(len(other[1]), 20.0)))
    paths = tmp_path / "with.safetensors", tmp_path / "without.safetensors"
    write_dataset(paths[0], [(one, known), alike], mappings)
    write_dataset(paths[1], [(one, atoms), (other[0], other[1])], mappings)
    found, without = (read_dataset(path) for path in paths)
    assert found.atoms.bfactors is not None
    first = found.structure[found.atoms.residue_index] == 0
    assert np.abs(found.atoms.bfactors[first] - told.clip(max=255)).max() <= 0.5
    assert not found.atoms.bfactors[~first].any()  # all alike: nothing was measured
    assert without.atoms.bfactors is None
    assert found.digest == without.digest
