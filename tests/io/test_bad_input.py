"""Each bad file is one clear error that names file, line and what to do."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from MDAnalysisTests import datafiles

from herobm.errors import StructureError
from herobm.io import read_atoms, read_beads

Put = Callable[..., Path]
Line = Callable[..., str]

GRO_ROW = "    1ALA     BB    1   1.000   2.000   3.000"
CIF_HEAD = "data_x\nloop_\n" + "".join(
    f"_atom_site.{tag}\n"
    for tag in (
        "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id "
        "label_entity_id label_seq_id Cartn_x Cartn_y Cartn_z auth_seq_id auth_asym_id"
    ).split()
)


def refuse(path: Path, *parts: str, selection: str = "all") -> None:
    """Expect an error that names the file and `parts`, and has a hint."""
    with pytest.raises(StructureError, match=re.escape(path.name)) as caught:
        read_beads(path, selection)
    for part in parts:
        assert part in caught.value.message
    assert caught.value.hint


def test_missing_file(tmp_path: Path) -> None:
    refuse(tmp_path / "none.pdb", "no such file")
    refuse(tmp_path / "nowhere" / "none.pdb", "no folder")


def test_folder(tmp_path: Path) -> None:
    refuse(tmp_path, "is a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(put: Put, line: Line) -> None:
    path = put("a.pdb", [line("BB", "ALA", "A", 1)])
    path.chmod(0)
    refuse(path, "cannot be read")


@pytest.mark.parametrize("name", ["a.pdb", "a.gro", "a.cif", "a.pdb.gz", "a.crd"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    refuse(path, "empty")


@pytest.mark.parametrize("name", ["a.pdb", "a.gro", "a.cif", "a.pdb.gz"])
def test_binary_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(bytes(range(256)) * 20)
    refuse(path, "binary")


def test_text_that_is_no_structure(put: Put) -> None:
    text = "once upon a time\nthere was a file\n"
    refuse(put("a.pdb", text), "no ATOM or HETATM records")
    refuse(put("a.gro", text), "line 2", "number of particles")
    refuse(put("a.cif", text), "line 1", "not mmCIF")
    refuse(put("a.xyz", text), "cannot be read")
    refuse(put("a.what", text), "cannot be read")
    refuse(put("b.cif", "data_x\n_cell.length_a 10\n"), "no coordinates")


def test_files_of_the_other_format(put: Put, line: Line) -> None:
    refuse(put("a.cif", [line("CA", "ALA", "A", 1)]), "this is a PDB file, not mmCIF")
    refuse(put("a.pdb", CIF_HEAD + "ATOM 1 C CA . ALA A 1 1 0 0 0 1 A"), "this is an mmCIF file")
    refuse(put("a.xtc", "anything"), "this is a trajectory, which names no atoms")


@pytest.mark.parametrize("columns", [4, 20, 40, 53, 60])
def test_pdb_cut_within_a_line(put: Put, line: Line, columns: int) -> None:
    whole = line("BB", "ALA", "A", 1)
    refuse(put("a.pdb", f"{whole}\n{line('BB', 'ALA', 'A', 2)[:columns]}"), "line 2")


def test_pdb_cut_within_a_model(put: Put, line: Line) -> None:
    refuse(put("a.pdb", ["MODEL        1", line("BB", "ALA", "A", 1)]), "no ENDMDL")


def test_pdb_without_end_is_whole(put: Put, line: Line) -> None:
    assert len(read_beads(put("a.pdb", [line("BB", "ALA", "A", 1)], end=""))) == 1


def test_pdb_line_with_stars_for_numbers(put: Put, line: Line) -> None:
    bad = line("BB", "ALA", "A", 2).replace("   0.000", "********", 1)
    refuse(put("a.pdb", [line("BB", "ALA", "A", 1), bad]), "line 2", "coordinates")
    refuse(put("b.pdb", [line("BB", "ALA", "A", "****")]), "line 1", "residue number")
    refuse(put("c.pdb", [line("", "ALA", "A", 1)]), "line 1", "atom name")


def test_gro_with_fewer_lines_than_it_says(put: Put) -> None:
    refuse(put("a.gro", ["t", "5", GRO_ROW, GRO_ROW]), "cut short", "5 particles", "2 are there")
    refuse(put("b.gro", ["t", "1", GRO_ROW]), "line 4", "before its box")
    refuse(put("c.gro", ["t", "1", GRO_ROW[:40], "1 1 1"]), "line 3")
    refuse(put("d.gro", ["t", "1", GRO_ROW, GRO_ROW, "1 1 1"]), "line 4", "box")
    refuse(put("e.gro", ["t", "0", "1 1 1"]), "line 2", "no particles")
    refuse(put("f.gro", ["t", "1", GRO_ROW.replace("    1ALA", "*****ALA"), "1 1 1"]), "line 3")


def test_mmcif_cut_within_a_row(put: Put) -> None:
    row = "ATOM 1 X BB . ALA A 1 1 0.0 0.0 0.0 1 A\n"
    assert len(read_beads(put("a.cif", CIF_HEAD + row))) == 1
    refuse(put("b.cif", CIF_HEAD + row + row[:20] + "\n"), "line", "Wrong number of values")
    refuse(put("c.cif", CIF_HEAD + row.replace("0.0 0.0 0.0", "0.0 ? 0.0")), "BB of ALA 1")


def test_mmcif_without_a_column(put: Put) -> None:
    flat = CIF_HEAD.replace("_atom_site.Cartn_z\n", "")
    refuse(put("a.cif", flat + "ATOM 1 X BB . ALA A 1 1 0.0 0.0 1 A\n"), "_atom_site.Cartn_z")


@pytest.mark.parametrize("column", ["id", "type_symbol", "label_alt_id", "label_asym_id"])
def test_mmcif_without_a_column_that_tells_nothing(put: Put, column: str) -> None:
    tags = "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id"
    tags += " label_seq_id Cartn_x Cartn_y Cartn_z auth_asym_id auth_seq_id"
    cells = [f"ATOM {i} C BB . ALA A {i} {i}.0 0.0 0.0 B {i + 4}".split() for i in (1, 2)]
    rows = [dict(zip(tags.split(), row, strict=True)) for row in cells]
    kept = [tag for tag in tags.split() if tag != column]
    lines = [f"_atom_site.{tag}" for tag in kept] + [" ".join(row[t] for t in kept) for row in rows]
    read = read_beads(put("a.cif", "\n".join(["data_x", "loop_", *lines, ""])))
    assert read.names.tolist() == ["BB", "BB"]
    assert read.residues.ids.tolist() == [5, 6]
    assert set(read.residues.chains.tolist()) == {"B"}
    assert read.positions[:, 0].tolist() == [1.0, 2.0]


def test_mmcif_residues_without_numbers(put: Put) -> None:
    """Waters and ions have none by label; where others come between, they are counted."""
    head = CIF_HEAD.replace("_atom_site.auth_seq_id\n_atom_site.auth_asym_id\n", "")
    rows = [
        f"HETATM {i} O {name} . {residue} A 1 . {i}.0 0.0 0.0"
        for i, (name, residue) in enumerate([("O", "HOH"), ("NA", "NA"), ("O", "HOH")], start=1)
    ]
    read = read_atoms(put("a.cif", head + "\n".join(rows) + "\n"))
    assert read.residues.names.tolist() == ["HOH", "NA", "HOH"]
    assert read.residues.ids.tolist() == [1, 2, 3]


@pytest.mark.parametrize("box", ["-5.0 5.0 5.0", "nan 5.0 5.0"])
def test_a_box_that_cannot_be(put: Put, box: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        assert read_beads(put("a.gro", ["t", "1", GRO_ROW, box])).box is None
    assert "a.gro: this is no periodic box" in caplog.text


def test_a_box_with_angles_that_cannot_be(put: Put, line: Line) -> None:
    cell = "CRYST1   50.000   50.000   50.000  10.00 170.00  90.00 P 1           1"
    path = put("a.pdb", [cell, line("BB", "ALA", "A", 1)])
    refuse(path, "no periodic box with angles of 10, 170, 90 degrees")


def test_mmcif_that_mdanalysis_refuses() -> None:
    with pytest.raises(StructureError, match="neither ATOM nor HETATM"):
        read_atoms(Path(datafiles.MMCIF) / "1YJP_invalid.cif.gz")


def test_packed_file_that_is_cut_short(tmp_path: Path, line: Line) -> None:
    data = gzip.compress("\n".join(line("BB", "ALA", "A", i) for i in range(999)).encode())
    path = tmp_path / "a.pdb.gz"
    for cut in (len(data) - 4, len(data) // 2, 12):
        path.write_bytes(data[:cut])
        refuse(path, "cut short or damaged")
    path.write_bytes(data[:60] + b"\xff" * 40 + data[100:])
    refuse(path, "damaged")


@pytest.mark.parametrize("value", ["     nan", "     inf"])
def test_coordinates_that_are_no_numbers(put: Put, line: Line, value: str) -> None:
    good, bad = line("BB", "ALA", "A", 1), line("SC1", "LYS", "A", 2)
    bad = bad.replace("   0.000", value, 1)
    refuse(
        put("a.pdb", [good, bad, bad.replace("SC1", "SC2")]), "2 of 3", "SC1 of LYS 2 of chain A"
    )
    rows = [GRO_ROW, GRO_ROW.replace("1ALA     BB", "2LYS    SC1").replace("   2.000", value)]
    refuse(put("a.gro", ["t", "2", *rows, "1 1 1"]), "1 of 2", "SC1 of LYS 2")
    refuse(put("b.gro", ["t", "2", *rows[::-1], "1 1 1"]), "SC1 of LYS 2")


def test_one_name_twice_in_a_residue(put: Put, line: Line) -> None:
    path = put("a.pdb", [line("BB", "ALA", "A", 1), line("BB", "ALA", "A", 1, (0.5, 0, 0))])
    refuse(path, "twice", "BB of ALA 1 of chain A")


@pytest.mark.parametrize(
    "selection", ["nonsense", "resid", "(name BB", "prop q > 1", "name BB and"]
)
def test_selections_that_cannot_be_understood(put: Put, line: Line, selection: str) -> None:
    refuse(put("a.pdb", [line("BB", "ALA", "A", 1)]), selection, "cannot", selection=selection)


@pytest.mark.parametrize("selection", ["name XX", "", "chainID Q"])
def test_selections_that_match_nothing(put: Put, line: Line, selection: str) -> None:
    path = put("a.pdb", [line("BB", "ALA", "A", 1)])
    refuse(path, "none of 1 particles", selection=selection)
    with pytest.raises(StructureError) as caught:
        read_beads(path, selection)
    assert "ALA" in str(caught.value.hint)


def test_chains_asked_of_a_format_without(put: Put) -> None:
    refuse(put("a.gro", ["t", "1", GRO_ROW, "1 1 1"]), "chainID", selection="chainID A")


def test_topology_without_coordinates() -> None:
    refuse(Path(datafiles.PSF), "no coordinates")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            "CRYST1  4.870 80.000  80.000  90.00  90.00  90.00 P 1",
            "line 1: CRYST1 has no six numbers",
        ),
        (
            "CRYST1    4.870   80.000   80.000  90.00  90.00  90.00 P 1",
            "no periodic box (4.87 80 80",
        ),
    ],
)
def test_a_cell_that_cuts_no_molecule_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, record: str, said: str
) -> None:
    atom = "ATOM      1  CA  GLY A   1       9.000   0.000   0.000  1.00  0.00           C"
    path = tmp_path / "a.pdb"
    path.write_text(f"{record}\n{atom}\nEND\n")
    atoms = read_atoms(path)
    assert atoms.box is None
    assert atoms.positions.tolist() == [[9.0, 0.0, 0.0]]
    assert said in caplog.text
