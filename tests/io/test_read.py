"""What a user's file says is what the program holds."""

from __future__ import annotations

import bz2
import gzip
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from MDAnalysisTests import datafiles

from herobm.io import read_atoms, read_beads, write_structure

Put = Callable[..., Path]
Line = Callable[..., str]


def test_chains_insertion_codes_and_names_are_kept(put: Put, line: Line) -> None:
    path = put(
        "a.pdb",
        [
            line("BB", "ALA", "A", 52),
            line("BB", "GLY", "A", 52, icode="A"),
            line("SC1", "LYS", "A", 52, icode="B"),
            line("PO4", "POPE", "B", -3),
        ],
    )
    beads = read_beads(path)
    assert [beads.label(i) for i in range(4)] == [
        "BB of ALA 52 of chain A",
        "BB of GLY 52A of chain A",
        "SC1 of LYS 52B of chain A",
        "PO4 of POPE -3 of chain B",
    ]
    assert beads.box is None


def test_segment_ids_stand_in_for_missing_chain_ids(put: Put, line: Line) -> None:
    path = put("a.pdb", [line("CA", "ALA", " ", 1, segid="PROA"), line("CA", "ALA", "C", 1)])
    assert read_beads(path).residues.chains.tolist() == ["PROA", "C"]


def test_equal_neighbours_in_two_chains_stay_two_residues(put: Put, line: Line) -> None:
    path = put("a.pdb", [line("BB", "ALA", chain, 1) for chain in "ABA"])
    beads = read_beads(path)
    assert beads.residues.chains.tolist() == ["A", "B", "A"]
    assert beads.residue_index.tolist() == [0, 1, 2]


def test_numbers_are_those_of_the_file(put: Put, line: Line) -> None:
    resids = ["6000", "1", "9999", "A000", "A001", "zzzz"]
    path = put("a.pdb", [line("BB", "ALA", "A", resid) for resid in resids])
    beads = read_beads(path)
    assert beads.residues.ids.tolist() == [6000, 1, 9999, 10000, 10001, 2436111]
    assert len(read_beads(path, "resid 10000:10001")) == 2
    assert len(read_beads(path, "resid 1")) == 1


def test_five_digit_numbers_that_reach_into_the_next_column(put: Put, line: Line) -> None:
    path = put("a.pdb", [line("W", "W", "A", 1234, icode=digit) for digit in "56"])
    beads = read_beads(path)
    assert beads.residues.ids.tolist() == [12345, 12346]
    assert beads.residues.icodes.tolist() == ["", ""]


def test_gro_numbers_that_wrap_give_new_residues(put: Put) -> None:
    rows = [
        f"{i % 100_000:5d}{'W':<5}{'W':>5}{1:5d}{i / 100:8.3f}{0:8.3f}{0:8.3f}"
        for i in (99999, 100000)
    ]
    beads = read_beads(put("a.gro", ["t", "2", *rows, "5.0 5.0 5.0"]))
    assert beads.residues.ids.tolist() == [99999, 0]
    assert beads.residues.chains.tolist() == ["", ""]
    assert beads.box is not None
    assert beads.box.tolist() == [50, 50, 50, 90, 90, 90]
    assert beads.positions[0, 0] == pytest.approx(9999.9)


def test_gro_with_velocities_and_high_precision(put: Put) -> None:
    row = f"{1:5d}{'ALA':<5}{'BB':>5}{1:5d}{1.23456:10.5f}{2:10.5f}{3:10.5f}" + f"{0.1:11.6f}" * 3
    beads = read_beads(put("a.gro", ["t", "1", row, "1 2 3 0 0 1 0 0 0"]))
    np.testing.assert_allclose(beads.positions, [[12.3456, 20, 30]], atol=1e-4)
    assert beads.box is not None
    assert beads.box[5] == pytest.approx(np.degrees(np.arctan2(2, 1)), abs=1e-3)


def test_alternate_locations_give_one_conformer(put: Put, line: Line) -> None:
    path = put(
        "a.pdb",
        [
            line("N", "SER", "A", 1),
            line("CA", "SER", "A", 1, (1, 0, 0), altloc="A", occupancy=0.3),
            line("CA", "SER", "A", 1, (2, 0, 0), altloc="B", occupancy=0.7),
            line("CB", "SER", "A", 1, (3, 0, 0), altloc="A", occupancy=0.5),
            line("CB", "SER", "A", 1, (4, 0, 0), altloc="B", occupancy=0.5),
            line("OG", "SER", "A", 1, (5, 0, 0), altloc="A", occupancy=0.3),
            line("CA", "GLY", "A", 2, (6, 0, 0), altloc="B", occupancy=0.5),
            line("CA", "GLY", "A", 2, (7, 0, 0), altloc="A", occupancy=0.5),
        ],
    )
    atoms = read_atoms(path)
    assert atoms.names.tolist() == ["N", "CA", "CB", "OG", "CA"]
    assert atoms.positions[:, 0].tolist() == [0, 2, 4, 5, 7]


def test_conformers_that_are_two_residues_give_one(put: Put, line: Line) -> None:
    rows = [
        line(name, resname, "A", 22, altloc=altloc, occupancy=occupancy)
        for name in ("N", "CA")
        for resname, altloc, occupancy in (("SER", "A", 0.4), ("THR", "B", 0.6))
    ]
    atoms = read_atoms(put("a.pdb", [line("CA", "ALA", "A", 21), *rows]))
    assert atoms.residues.names.tolist() == ["ALA", "THR"]
    assert atoms.names.tolist() == ["CA", "N", "CA"]


def test_residues_of_one_number_without_alternates_both_stay(put: Put, line: Line) -> None:
    path = put("a.pdb", [line("CA", "ALA", "A", 1), line("CA", "GLY", "A", 1)])
    assert read_beads(path).residues.names.tolist() == ["ALA", "GLY"]


def test_atoms_that_a_file_has_twice_at_one_place_count_once(
    put: Put, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """As programs that place side chains write them (SCWRL)."""
    rows = [line("CA", "VAL", "A", 89), line("CG1", "VAL", "A", 89, (1.5, 0, 0))]
    path = put("a.pdb", [*rows, rows[1], line("CA", "VAL", "A", 90, (3.8, 0, 0))])
    with caplog.at_level("INFO", "herobm"):
        atoms = read_atoms(path)
    assert atoms.names.tolist() == ["CA", "CG1", "CA"]
    assert "1 particle(s) that the file has twice" in caplog.text
    assert "(first: CG1 of VAL 89 of chain A)" in caplog.text


def test_elements_come_from_the_file_or_else_from_the_name(put: Put, line: Line) -> None:
    path = put(
        "a.pdb",
        [
            line("CA", "ALA", "A", 1, element="C"),
            line("CA", "CA", "A", 2, element="CA"),
            line("CB", "ALA", "A", 3),
            line("HG1", "ALA", "A", 4, element="?"),
        ],
    )
    elements = read_atoms(path).elements
    assert elements is not None
    assert elements.tolist() == ["C", "Ca", "C", "H"]


@pytest.mark.parametrize(
    ("resname", "name", "element"),
    [
        ("NA", "NA", "Na"),
        ("Na+", "Na+", "Na"),
        ("SOD", "SOD", "Na"),
        ("CL-", "CL", "Cl"),
        ("CLA", "CLA", "Cl"),
        ("POT", "POT", "K"),
        ("MG2+", "MG", "Mg"),
        ("CA", "CA", "Ca"),
        ("CAL", "CAL", "Ca"),
        ("ZN2", "ZN", "Zn"),
        ("CES", "CES", "Cs"),
        ("RUB", "RUB", "Rb"),
        ("BAR", "BAR", "Ba"),
        ("ION", "NA+", "Na"),
        ("ALA", "CA", "C"),  # a trace of C-alpha
        ("ALA", "CAL", "C"),
    ],
)
def test_an_ion_without_an_element_is_known_by_both_of_its_names(
    put: Put, line: Line, resname: str, name: str, element: str
) -> None:
    row = f"{1:5d}{resname:<5}{name:>5}{1:5d}{1:8.3f}{2:8.3f}{3:8.3f}"
    for path in (
        put("a.gro", ["t", "1", row, "5.0 5.0 5.0"]),
        put("a.pdb", [line(name, resname, "A", 1)]),
    ):
        atoms = read_atoms(path)
        assert atoms.elements is not None
        assert atoms.elements.tolist() == [element]
        assert replace(atoms, elements=None).symbols.tolist() == [element]


def test_an_atom_of_a_larger_residue_is_no_ion(put: Put, line: Line) -> None:
    path = put("a.pdb", [line("CA", "CA", "A", 1), line("NA", "CA", "A", 1)])
    assert read_atoms(path).symbols.tolist() == ["C", "N"]


def test_ter_parts_the_molecules_of_one_chain_id(put: Put, line: Line) -> None:
    one, two, three = (line("BB", "ALA", "A", resid) for resid in (1, 2, 3))
    read = read_beads(put("a.pdb", [one, "TER", two, three, "TER", "TER", "END"]))
    assert read.residues.same_chain().tolist() == [False, True]
    assert read.residues.chains.tolist() == ["A", "A", "A"]
    assert read_beads(put("b.pdb", [one, two, three])).residues.pieces is None


@pytest.mark.parametrize("at", [0, 1, 3, 5])
def test_a_ter_that_is_no_border_does_no_harm(put: Put, line: Line, at: int) -> None:
    """Before all atoms, within a residue, and after all atoms."""
    rows = [line(name, "LIG", "A", resid) for resid in (1, 2) for name in ("C1", "C2")]
    rows.append(line("C3", "LIG", "A", 2))
    read = read_beads(put("a.pdb", [*rows[:at], "TER", *rows[at:], "END"]))
    assert read.residue_index.tolist() == [0, 0, 1, 1, 1]
    assert read.residues.same_chain().all()


def test_what_is_selected_keeps_its_borders(put: Put, line: Line) -> None:
    one, gone, two, three = (line("BB", "ALA", "A", resid) for resid in (1, 2, 3, 4))
    path = put("a.pdb", [one, gone, "TER", two, three])
    assert read_beads(path, "resid 1 3 4").residues.same_chain().tolist() == [False, True]


@pytest.mark.parametrize("length", ["1.000", "0.000"])
def test_placeholder_box_is_no_box(put: Put, line: Line, length: str) -> None:
    cell = f"CRYST1{length:>9}{length:>9}{length:>9}  90.00  90.00  90.00 P 1           1"
    assert read_beads(put("a.pdb", [cell, line("BB", "ALA", "A", 1)])).box is None


def test_first_model_is_read_and_the_log_says_so(
    put: Put, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    model = [line("BB", "ALA", "A", 1), line("BB", "ALA", "A", 2), "ENDMDL"]
    path = put("a.pdb", ["MODEL        1", *model, "MODEL        2", *model, "END"])
    with caplog.at_level(logging.WARNING):
        beads = read_beads(path)
    assert len(beads) == 2
    assert "several models" in caplog.text


def test_odd_serials_and_bonds_do_not_matter(put: Put, line: Line) -> None:
    rows = [line("BB", "ALA", "A", resid) for resid in (1, 2, 3)]
    rows = [
        row[:6] + serial + row[11:]
        for row, serial in zip(rows, ("*****", "A0000", "A*x$ "), strict=True)
    ]
    path = put("a.pdb", [*rows, "CONECT nonsense", "END"])
    assert len(read_beads(path)) == 3


def test_windows_line_ends(put: Put, line: Line) -> None:
    path = put("a.pdb", "\r\n".join([line("BB", "ALA", "A", 1), "END", ""]))
    assert read_beads(path).names.tolist() == ["BB"]


def test_packed_files_read_as_plain_ones(put: Put, line: Line, tmp_path: Path) -> None:
    plain = put("a.pdb", [line("BB", "ALA", "A", 1, (1, 2, 3)), "END"])
    for name, data in (
        ("a.pdb.gz", gzip.compress(plain.read_bytes())),
        ("b.PDB.bz2", bz2.compress(plain.read_bytes())),
        ("c.pdb.gz", plain.read_bytes()),
    ):
        packed = tmp_path / name
        packed.write_bytes(data)
        np.testing.assert_array_equal(read_beads(packed).positions, [[1, 2, 3]])


def test_mmcif_and_pdb_of_one_entry_agree() -> None:
    folder = Path(datafiles.MMCIF)
    cif, pdb = read_atoms(folder / "3PWP.cif.gz"), read_atoms(folder / "3PWP.pdb.gz")
    for one, other in (
        (cif.names, pdb.names),
        (cif.elements, pdb.elements),
        (cif.residues.names, pdb.residues.names),
        (cif.residues.ids, pdb.residues.ids),
        (cif.residues.chains, pdb.residues.chains),
    ):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(cif.positions, pdb.positions, atol=1e-3)
    np.testing.assert_allclose(cif.box, pdb.box, atol=1e-2)


def test_triclinic_gro_and_its_pdb_agree() -> None:
    gro, pdb = read_atoms(datafiles.GRO), read_atoms(datafiles.PDB)
    np.testing.assert_array_equal(gro.residues.ids % 10_000, pdb.residues.ids)
    np.testing.assert_allclose(gro.box, pdb.box, atol=0.05)
    np.testing.assert_allclose(gro.positions, pdb.positions, atol=0.011)


def test_selections(put: Put, line: Line) -> None:
    path = put(
        "a.pdb",
        [line("BB", "ALA", "A", 1), line("SC1", "LYS", "A", 2), line("W", "W", "B", 3)],
    )
    assert read_beads(path, "protein").names.tolist() == ["BB", "SC1"]
    chosen = read_beads(path, "chainID B or name BB")
    assert chosen.names.tolist() == ["BB", "W"]
    assert chosen.residues.names.tolist() == ["ALA", "W"]
    assert chosen.residue_index.tolist() == [0, 1]


def test_a_format_that_only_mdanalysis_knows() -> None:
    atoms = read_atoms(datafiles.CRD)
    assert len(atoms) == 3341
    assert set(atoms.residues.chains.tolist()) == {"4AKE"}


def test_membrane_with_thousands_of_beads() -> None:
    beads = read_beads(datafiles.Martini_membrane_gro)
    assert len(beads) == 5040
    assert len(beads.residues) == 450


@pytest.mark.shared_data
def test_every_coarse_grained_file_is_read(shared_data: Path) -> None:
    paths = sorted([*shared_data.glob("cg/*/*.pdb"), *shared_data.glob("cg/*/*.gro")])
    counts = {path.name: len(read_beads(path)) for path in paths}
    assert counts["FW_v3opt_1200.gro"] == 12000
    assert counts["npt_dry.pdb"] == 791
    assert counts["lysozyme_GO_cg.pdb"] == 433
    assert min(counts.values()) > 20


def test_a_byte_order_mark_hides_no_line(put: Put) -> None:
    plain = put("plain.gro", "t\n    1\n    1ALA     BB    1   1.000   2.000   3.000\n 1 1 1\n")
    marked = plain.with_name("marked.pdb")
    record = "ATOM      1  BB  ALA A   1      10.000  20.000  30.000  1.00  0.00\n"
    marked.write_bytes(b"\xef\xbb\xbf" + record.encode() + b"END\n")
    assert read_beads(marked).positions.tolist() == read_beads(plain).positions.tolist()


def test_mmcif_entities_with_long_names(put: Put, line: Line, tmp_path: Path) -> None:
    given = read_atoms(put("a.pdb", [line("CA", "ALA", "A", number) for number in range(4)]))
    path = tmp_path / "a.cif"
    write_structure(path, given)
    path.write_text(re.sub(r" A +\? ", " A Lysozyme_C ", path.read_text()))
    assert path.read_text().count("Lysozyme_C") == 4
    assert len(read_atoms(path)) == 4


@pytest.mark.parametrize("again", [False, True])
def test_mmcif_chains_with_long_names(put: Put, line: Line, tmp_path: Path, again: bool) -> None:
    """Also where a number comes back later in a chain, so that residues are numbered afresh."""
    chains = ["1", "heavy_chain", "1", "heavy_chain"] if again else ["1", "1", *["heavy_chain"] * 2]
    ids = [1, 1, 1, 2] if again else [1, 2, 1, 2]
    given = read_atoms(put("a.pdb", [line("CA", "ALA", "A", number) for number in range(4)]))
    residues = replace(given.residues, chains=np.array(chains), ids=np.array(ids))
    path = tmp_path / "a.cif"
    write_structure(path, replace(given, residues=residues))
    path.write_text(path.read_text().replace("1-2", "1"))  # as others write it
    found = read_atoms(path).residues
    assert (found.chains.tolist(), found.ids.tolist()) == (chains, ids)
    for word in ("chainID", "segid"):
        chosen = read_atoms(path, f"{word} heavy_chain and resid 2").residues
        assert (chosen.chains.tolist(), chosen.ids.tolist()) == (["heavy_chain"], [2])
