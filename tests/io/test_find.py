"""What a user names, and the structure files that it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from herobm.errors import StructureError
from herobm.io.find import spread, structure_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.pdb", "a.cif.gz", "C.GRO", "e.pdb.bz2", "notes.txt", "d.xtc"):
        (tmp_path / name).touch()
    return tmp_path


def test_folders_are_searched_by_name(folder: Path) -> None:
    assert [f.name for f in structure_files([folder])] == [
        "C.GRO",
        "a.cif.gz",
        "b.pdb",
        "e.pdb.bz2",
    ]


def test_files_come_as_they_are_named(folder: Path) -> None:
    named = [folder / "d.xtc", folder / "b.pdb"]
    assert structure_files(named) == named


def test_nothing_is_listed_twice(folder: Path) -> None:
    """A folder named twice, by another way, and a file of it: each file counts once."""
    other = folder / ".." / folder.name
    found = structure_files([folder / "b.pdb", folder, other])
    assert [f.name for f in found] == ["b.pdb", "C.GRO", "a.cif.gz", "e.pdb.bz2"]


def test_what_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(StructureError, match=r"missing\.pdb: there is no such file"):
        structure_files([folder / "missing.pdb"])
    (folder / "empty").mkdir()
    with pytest.raises(StructureError, match=r"no structure file in .*empty"):
        structure_files([folder / "empty"])


def test_some_of_many_are_spread_over_all() -> None:
    assert spread(range(10), 3) == [0, 3, 6]
    assert spread(range(2), 3) == spread(range(2), None) == [0, 1]
