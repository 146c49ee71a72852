"""What is written reads back as it was, and nothing on disk is lost on the way."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gemmi
import MDAnalysis
import numpy as np
import pytest

from herobm.errors import OutputError, StructureError
from herobm.io import check_writable, read_atoms, read_beads, write_structure, written_aside
from herobm.types import Atoms, Beads, Residues

Peptide = Callable[..., Any]
FORMATS = ["pdb", "gro", "cif", "pdb.gz", "gro.gz", "mmcif.gz"]


def same_residues(one: Residues, other: Residues, chains: bool = True) -> None:
    """Expect equal residues."""
    np.testing.assert_array_equal(one.names, other.names)
    np.testing.assert_array_equal(one.ids, other.ids)
    if chains:
        np.testing.assert_array_equal(one.icodes, other.icodes)
        np.testing.assert_array_equal(one.chains, other.chains)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("box", [None, [50, 60, 70, 90, 90, 90], [50, 50, 50, 60, 60, 90]])
def test_beads_there_and_back(
    tmp_path: Path, peptide: Peptide, extension: str, box: list[float] | None
) -> None:
    beads = peptide(Beads, box=None if box is None else np.array(box, dtype=float))
    path = tmp_path / f"a.{extension}"
    write_structure(path, beads, title="a title")
    back = read_beads(path)
    np.testing.assert_array_equal(back.names, beads.names)
    np.testing.assert_array_equal(back.residue_index, beads.residue_index)
    same_residues(back.residues, beads.residues, chains=not extension.startswith("gro"))
    np.testing.assert_allclose(back.positions, beads.positions, atol=0.00501)
    if box is None:
        assert back.box is None
    else:
        np.testing.assert_allclose(back.box, beads.box, atol=0.01)


def test_a_box_with_angles_that_cannot_be_is_not_written(tmp_path: Path, peptide: Peptide) -> None:
    flat = peptide(Beads, box=np.array([30.0, 30.0, 30.0, 60.0, 60.0, 170.0]))
    with pytest.raises(StructureError, match="no periodic box with angles of 60, 60, 170 degrees"):
        write_structure(tmp_path / "a.gro", flat)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("extension", ["pdb", "cif"])
def test_atoms_keep_elements_and_factors(tmp_path: Path, peptide: Peptide, extension: str) -> None:
    atoms = peptide(Atoms)
    path = tmp_path / f"a.{extension}"
    write_structure(path, atoms)
    back = read_atoms(path)
    np.testing.assert_array_equal(back.names, atoms.names)
    np.testing.assert_array_equal(back.elements, atoms.elements)
    np.testing.assert_allclose(back.bfactors, atoms.bfactors, atol=0.005)


def test_pdb_columns(tmp_path: Path, peptide: Peptide) -> None:
    path = tmp_path / "a.pdb"
    write_structure(path, peptide(Atoms), title="a title")
    lines = path.read_text().splitlines()
    assert {len(line) for line in lines} == {80}
    assert [line.rstrip() for line in lines] == [
        "TITLE     a title",
        "CRYST1   50.000   60.000   70.000  90.00  90.00  90.00 P 1           1",
        "ATOM      1  N   MET A   1      -7.500  -6.250  -5.000  1.00  0.00           N",
        "ATOM      2  CA  MET A   1      -3.750  -2.500  -1.250  1.00  1.50           C",
        "ATOM      3 HG11 GLN A   1A      0.000   1.250   2.500  1.00 99.99           H",
        "ATOM      4 CA   POPEA   2       3.750   5.000   6.250  1.00  2.00          CA",
        "TER       5      POPEA   2",
        "ATOM      6 CL1  LYS B   7       7.500   8.750  10.000  1.00  3.00          CL",
        "ATOM      7  O1' LYS B   7      11.250  12.500  13.750  1.00  4.00           O",
        "TER       8      LYS B   7",
        "END",
    ]


def two_cysteines() -> Atoms:
    """Make the two SG atoms of a disulfide."""
    residues = Residues(
        np.array(["CYS", "ALA", "CYS"]), np.array([3, 4, 40]), np.array(["", "", "B"]),
        np.array(["A", "A", "B"]),
    )  # fmt: skip
    positions = np.array([[0.0, 0, 0], [5, 5, 5], [0, 0, 2.05]])
    names, elements = np.array(["SG", "CB", "SG"]), np.array(["S", "C", "S"])
    return Atoms(positions, names, np.arange(3), residues, None, elements)


@pytest.mark.filterwarnings("ignore::UserWarning:MDAnalysis")
def test_disulfides_in_pdb(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    write_structure(path, two_cysteines(), disulfides=[(0, 2)])
    lines = [line.rstrip() for line in path.read_text().splitlines()]
    assert "CONECT    1    4" in lines
    assert "CONECT    4    1" in lines
    bond = gemmi.read_structure(str(path)).connections[0]
    assert bond.type == gemmi.ConnectionType.Disulf
    assert str(bond.partner1) == "A/CYS 3/SG"
    assert str(bond.partner2) == "B/CYS 40B/SG"
    universe = MDAnalysis.Universe(str(path), to_guess=())
    assert universe.bonds.indices.tolist() == [[0, 2]]


def ligand(hetero: Sequence[bool]) -> Atoms:
    """Make a glycine's CA and a molecule of five carbons about a sixth."""
    residues = Residues(
        np.array(["GLY", "LIG"]), np.array([1, 2]), np.array(["", ""]), np.array(["A", "B"]),
        hetero=np.array(hetero),
    )  # fmt: skip
    names = np.array(["CA", "C0", "C1", "C2", "C3", "C4", "C5"])
    positions = np.arange(21.0).reshape(7, 3)
    return Atoms(positions, names, np.array([0, *[1] * 6]), residues, None, np.array(["C"] * 7))


def test_pdb_joins_four_atoms_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    write_structure(path, ligand([False, True]), connections=[(1, i) for i in range(2, 7)])
    records = [line.split() for line in path.read_text().splitlines()]
    kinds = [record[0] for record in records if record[0] in ("ATOM", "HETATM")]
    assert kinds == ["ATOM", *["HETATM"] * 6]
    joined = [record[1:] for record in records if record[0] == "CONECT"]
    assert joined == [["3", *"4567"], ["3", "8"], *[[end, "3"] for end in "45678"]]
    universe = MDAnalysis.Universe(str(path), to_guess=())
    assert universe.bonds.indices.tolist() == [[1, i] for i in range(2, 7)]


@pytest.mark.parametrize("extension", ["pdb", "cif", "gro"])
def test_what_is_no_chain_stays_so(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    write_structure(path, ligand([False, True]), connections=[(1, 2)])
    back = read_atoms(path).residues.hetero
    assert (None if back is None else back.tolist()) == (
        None if extension == "gro" else [False, True]
    )


def test_mmcif_names_no_bonds_within_a_residue(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    write_structure(path, ligand([False, True]), connections=[(1, 2)])
    assert "_struct_conn" not in path.read_text()


def test_mmcif_numbers_no_two_residues_of_a_chain_alike(tmp_path: Path) -> None:
    """Ligands of a chain usually follow all chains."""
    residues = Residues(
        np.array(["ALA", "ALA", "ALA", "LIG", "GLY"]), np.array([5, 6, 5, 99, 200]),
        np.array([""] * 5), np.array(["A", "A", "B", "A", "A"]),
        hetero=np.array([False, False, False, True, False]),
    )  # fmt: skip
    atoms = Atoms(np.arange(15.0).reshape(5, 3), np.array(["CA"] * 5), np.arange(5), residues)
    write_structure(tmp_path / "a.cif", atoms)
    table = (
        gemmi.cif.read(str(tmp_path / "a.cif")).sole_block().find_values("_atom_site.label_seq_id")
    )
    assert list(table) == ["1", "2", "1", ".", "3"]


def test_disulfides_in_mmcif(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    write_structure(path, two_cysteines(), disulfides=[(0, 2)])
    bond = gemmi.read_structure(str(path)).connections[0]
    assert bond.type == gemmi.ConnectionType.Disulf
    assert (str(bond.partner1), str(bond.partner2)) == ("A/CYS 3/SG", "B/CYS 40B/SG")


def many(n: int, per_residue: int = 10) -> Beads:
    """Make n beads."""
    index = np.arange(n) // per_residue
    count = int(index[-1]) + 1
    residues = Residues(
        np.full(count, "ALA"), np.arange(1, count + 1), np.full(count, ""), np.full(count, "A")
    )
    names = np.array([f"B{i % per_residue}" for i in range(n)])
    return Beads(np.arange(3.0 * n).reshape(n, 3) % 977, names, index, residues)


@pytest.mark.filterwarnings("ignore::UserWarning:MDAnalysis")
def test_more_than_a_hundred_thousand_atoms(tmp_path: Path) -> None:
    beads = many(100_500)
    path = tmp_path / "a.pdb"
    write_structure(path, beads)
    text = path.read_text()
    assert "\nATOM  A0000  B" in text
    back = read_beads(path)
    same_residues(back.residues, beads.residues)
    np.testing.assert_allclose(back.positions, beads.positions, atol=0.0006)
    model = gemmi.read_structure(str(path))[0]
    assert model.count_atom_sites() == 100_500
    assert model["A"][-1].seqid.num == 10_050
    assert MDAnalysis.Universe(str(path), to_guess=()).atoms.n_atoms == 100_500


@pytest.mark.parametrize(("extension", "told"), [("gro", True), ("pdb", False)])
def test_insertion_codes_that_gro_loses_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, extension: str, told: bool
) -> None:
    caplog.set_level("INFO")
    given = many(3, per_residue=1)
    residues = replace(given.residues, icodes=np.array(["", "A", "B"]))
    write_structure(tmp_path / f"a.{extension}", replace(given, residues=residues))
    label = residues.label(1)
    assert (f"2 residue(s) lose theirs (first: {label})" in caplog.text) is told


@pytest.mark.filterwarnings("ignore::UserWarning:MDAnalysis")
def test_gro_numbers_wrap(tmp_path: Path) -> None:
    path = tmp_path / "a.gro"
    write_structure(path, many(100_003, per_residue=1))
    back = read_beads(path)
    assert back.residues.ids[-4:].tolist() == [0, 1, 2, 3]
    assert MDAnalysis.Universe(str(path), to_guess=()).atoms.n_atoms == 100_003


@pytest.mark.parametrize("extension", ["pdb", "cif", "gro"])
def test_numbers_below_nought(tmp_path: Path, peptide: Peptide, extension: str) -> None:
    beads = peptide()
    numbered = peptide(residues=replace(beads.residues, ids=np.arange(len(beads.residues)) - 3))
    path = tmp_path / f"a.{extension}"
    write_structure(path, numbered)
    assert read_beads(path).residues.ids.tolist() == numbered.residues.ids.tolist()


@pytest.mark.parametrize("extension", ["pdb", "cif", "gro"])
def test_molecules_that_each_count_from_one(tmp_path: Path, extension: str) -> None:
    residues = Residues(
        np.tile(["PHE", "TRP"], 3), np.tile([1, 2], 3), np.full(6, ""), np.full(6, "")
    )
    names = np.tile(["BB", "SC1"], 6)
    beads = Beads(np.arange(36.0).reshape(12, 3), names, np.repeat(np.arange(6), 2), residues)
    path = tmp_path / f"a.{extension}"
    write_structure(path, beads)
    back = read_beads(path)
    chains = np.repeat(["", "2", "3"], 2) if extension == "cif" else residues.chains
    same_residues(back.residues, renamed(residues, chains=chains))
    np.testing.assert_array_equal(back.positions, beads.positions)
    assert len(read_beads(path, "resid 2 and name BB")) == 3


def test_mmcif_has_each_chain_and_number_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """So that readers which look residues up by them, as gemmi does, find all atoms."""
    import gemmi

    caplog.set_level("INFO", logger="herobm")
    residues = Residues(
        np.full(6, "ALA"),
        np.array([1, 2, 1, 2, 3, 1]),
        np.full(6, ""),
        np.array(["A", "A", "A-2", "A", "A", "A"]),
    )
    beads = Beads(np.arange(18.0).reshape(6, 3), np.full(6, "CA"), np.arange(6), residues)
    path = tmp_path / "a.cif"
    write_structure(path, beads)
    found = [(c.name, len(c)) for c in gemmi.read_structure(str(path))[0]]
    assert found == [("A", 2), ("A-2", 1), ("A-3", 3)]
    assert "3 residue(s) go under other chains" in caplog.text
    assert "(first: ALA 2 of chain A, in chain A-3)" in caplog.text


def test_mmcif_takes_the_long_chain_ids(tmp_path: Path, peptide: Peptide) -> None:
    beads = peptide()
    residues = replace(
        renamed(beads.residues, chains=["A", "A", "A", "A"]),
        long_chains=np.array(["A", "A", "A", "AA"]),
    )
    for extension, chains in (("cif", ["A", "A", "A", "AA"]), ("pdb", ["A", "A", "A", "A"])):
        path = tmp_path / f"a.{extension}"
        write_structure(path, replace(beads, residues=residues))
        back = read_beads(path).residues
        assert back.chains.tolist() == chains
        assert back.same_chain().tolist() == [True, True, False]


def test_pdb_keeps_the_borders_that_ter_made(tmp_path: Path, peptide: Peptide) -> None:
    beads = peptide()
    pieces = np.array([0, 1, 1, 1])
    given = replace(beads, residues=replace(beads.residues, pieces=pieces))
    path = tmp_path / "a.pdb"
    write_structure(path, given)
    assert read_beads(path).residues.same_chain().tolist() == [False, True, False]
    assert [
        line[17:27].rstrip() for line in path.read_text().splitlines() if line[:3] == "TER"
    ] == [
        "MET A   1",
        "POPEA   2",
        "LYS B   7",
    ]


def test_ter_stands_before_the_ligands_of_a_chain(tmp_path: Path) -> None:
    names = ["ALA", "MSE", "LIG", "LIG", "POP"]
    residues = Residues(
        np.array(names), np.arange(1, 6), np.array([""] * 5), np.array(["A", "A", "A", "A", "B"]),
        hetero=np.array([False, True, True, True, True]),
    )  # fmt: skip
    owner = np.repeat(np.arange(5), [3, 3, 2, 2, 2])
    atoms = Atoms(
        4.0 * np.arange(36.0).reshape(12, 3),
        np.array(["N", "CA", "C"] * 2 + ["C1", "CA"] * 3),
        owner,
        residues,
    )
    path = tmp_path / "a.pdb"
    write_structure(path, atoms)
    records = [line[:6].strip() for line in path.read_text().splitlines()]
    assert records == ["ATOM"] * 3 + ["HETATM"] * 3 + ["TER"] + ["HETATM"] * 6 + ["END"]
    assert [line[17:20] for line in path.read_text().splitlines() if line[:3] == "TER"] == ["MSE"]


@pytest.mark.parametrize(
    ("names", "hetero", "chains", "gap", "wanted"),
    [
        (["ACE", "ALA", "NME"], [1, 0, 1], "AAA", 1.4, ["NME"]),
        (["ALA", "NH2"], [0, 1], "AA", 1.4, ["NH2"]),
        (["G", "PSU", "5MC"], [0, 1, 1], "AAA", 1.6, ["5MC"]),
        (["PSU", "5MC", "PSU", "5MC"], [1, 1, 1, 1], "AABB", 1.6, ["5MC", "5MC"]),
        (["ALA", "LIG", "LIG"], [0, 1, 1], "AAA", 3.5, ["ALA"]),
        (["POP", "POP"], [1, 1], "AB", 3.5, []),
    ],
)
def test_what_is_bonded_to_a_chain_stands_before_its_ter(
    tmp_path: Path, names: list[str], hetero: list[int], chains: str, gap: float, wanted: list[str]
) -> None:
    n = len(names)
    residues = Residues(
        np.array(names), np.arange(1, n + 1), np.array([""] * n), np.array(list(chains)),
        hetero=np.array(hetero, bool),
    )  # fmt: skip
    places = np.zeros((2 * n, 3))
    places[:, 0] = np.cumsum(np.tile([gap, 1.5], n))
    atoms = Atoms(
        places, np.tile(["C1", "C2"], n), np.repeat(np.arange(n), 2), residues,
        elements=np.full(2 * n, "C"),
    )  # fmt: skip
    path = tmp_path / "a.pdb"
    write_structure(path, atoms)
    ends = [line[17:20].strip() for line in path.read_text().splitlines() if line[:3] == "TER"]
    assert ends == wanted


def renamed(residues: Residues, **changes: list[str]) -> Residues:
    """Return residues with other columns."""
    columns = {name: getattr(residues, name) for name in ("names", "ids", "icodes", "chains")}
    return Residues(**(columns | {name: np.array(value) for name, value in changes.items()}))


def test_what_does_not_fit_into_the_columns(tmp_path: Path, peptide: Peptide) -> None:
    beads = peptide()
    long_chain = renamed(beads.residues, chains=["A", "A", "A", "BC"])
    long_name = renamed(beads.residues, names=["A", "A", "A", "POPEXX"])
    deep = replace(beads.residues, ids=beads.residues.ids - 10_003)
    far = beads.positions.copy()
    far[2, 1] = 123456.0
    broken = beads.positions.copy()
    broken[2, 1] = np.nan
    for extension, changes, word in (
        ("pdb", {"residues": long_chain}, "'BC'"),
        ("pdb", {"residues": long_name}, "'POPEXX'"),
        ("gro", {"residues": long_name}, "'POPEXX'"),
        ("pdb", {"names": np.array(["LONGER"] * 6)}, "'LONGER'"),
        ("gro", {"names": np.array(["LONGER"] * 6)}, "'LONGER'"),
        ("pdb", {"positions": far}, "coordinate of BB of GLN 1A of chain A"),
        ("gro", {"positions": far}, "coordinate of BB of GLN 1A of chain A"),
        ("gro", {"residues": deep}, "-9999"),
        ("cif", {"positions": broken}, "BB of GLN 1A of chain A"),
    ):
        path = tmp_path / f"a.{extension}"
        with pytest.raises(OutputError, match=word) as caught:
            write_structure(path, peptide(**changes))
        assert "a." in caught.value.message
        assert caught.value.hint
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "long.cif"
    write_structure(path, peptide(residues=long_chain))
    assert read_beads(path).residues.chains.tolist() == ["A", "A", "A", "BC"]


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.pdb.bz2", "a.gz"])
def test_unknown_extensions(tmp_path: Path, peptide: Peptide, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.pdb, \.gro or \.cif"):
        write_structure(tmp_path / name, peptide())


def test_a_file_is_replaced_only_when_asked(tmp_path: Path, peptide: Peptide) -> None:
    path = tmp_path / "a.pdb"
    path.write_text("precious")
    with pytest.raises(OutputError, match="--overwrite"):
        write_structure(path, peptide())
    with pytest.raises(OutputError, match="--overwrite"):
        check_writable(path)
    assert path.read_text() == "precious"
    check_writable(path, overwrite=True)
    assert path.read_text() == "precious"
    write_structure(path, peptide(), overwrite=True)
    assert len(read_beads(path)) == 6
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pdb"]


def test_a_failure_on_the_way_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    path.write_text("precious")

    def stop_halfway() -> None:
        with written_aside(path, overwrite=True) as aside:
            aside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    assert path.read_text() == "precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pdb"]


def test_a_link_is_followed(tmp_path: Path, peptide: Peptide) -> None:
    real = tmp_path / "real.pdb"
    real.touch()
    link = tmp_path / "link.pdb"
    link.symlink_to(real)
    write_structure(link, peptide(), overwrite=True)
    assert link.is_symlink()
    assert len(read_beads(real)) == 6


def test_places_where_nothing_can_be_written(tmp_path: Path, peptide: Peptide) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.pdb").mkdir()
    for path, word in (
        (tmp_path / "missing" / "a.pdb", "no folder"),
        (tmp_path / "file" / "a.pdb", "no folder"),
        (tmp_path / "folder.pdb", "is a folder"),
        (tmp_path / f"{'x' * 300}.pdb", "name too long"),
    ):
        for attempt in (check_writable, lambda place: write_structure(place, peptide())):
            with pytest.raises(OutputError, match=f"(?i){word}"):
                attempt(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_folder_and_file(tmp_path: Path, peptide: Peptide) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    kept = tmp_path / "kept.pdb"
    kept.touch(mode=0o444)
    folder.chmod(0o555)
    for path in (folder / "a.pdb", kept):
        with pytest.raises(OutputError, match=r"(?i)permission|read-only"):
            check_writable(path, overwrite=True)
        with pytest.raises(OutputError, match=r"(?i)permission|read-only"):
            write_structure(path, peptide(), overwrite=True)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc here")
def test_folder_that_takes_no_files(peptide: Peptide) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable("/proc/a.pdb")
    with pytest.raises(OutputError, match="cannot be written"):
        write_structure("/proc/a.pdb", peptide())


def test_devices_are_left_alone(peptide: Peptide) -> None:
    with pytest.raises(OutputError, match="no ordinary file"):
        check_writable(os.devnull, overwrite=True)


def test_packed_files_do_not_tell_the_time(tmp_path: Path, peptide: Peptide) -> None:
    for name in ("a.pdb.gz", "b.pdb.gz"):
        write_structure(tmp_path / name, peptide())
    assert (tmp_path / "a.pdb.gz").read_bytes() == (tmp_path / "b.pdb.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.pdb.gz").read_bytes()).startswith(b"CRYST1")


def test_a_file_that_replaces_another_keeps_its_permissions(
    tmp_path: Path, peptide: Peptide
) -> None:
    path = tmp_path / "a.pdb"
    write_structure(path, peptide())
    path.chmod(0o600)
    write_structure(path, peptide(), overwrite=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_new_files_get_ordinary_permissions(tmp_path: Path, peptide: Peptide) -> None:
    write_structure(tmp_path / "a.pdb", peptide())
    (tmp_path / "b").touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("a.pdb", "b")]
    assert modes[0] == modes[1]
