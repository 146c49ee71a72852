"""``herobm backmap``: what a user gets for what the file holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from herobm.errors import MinimisationError
from herobm.io import read_atoms, read_beads, write_structure
from herobm.system.periodic import box_matrix
from herobm.types import Atoms, FloatArray

Put = Callable[[str, list[str]], Path]
N_ATOMS = 602  # heavy atoms of ubiquitin, OXT included


def columns(line: str, start: int, text: str) -> str:
    """Replace what a PDB line has from a column (counted from 1)."""
    return line[: start - 1] + text + line[start - 1 + len(text) :]


def moved(line: str, shift: float) -> str:
    return columns(line, 31, f"{float(line[30:38]) + shift:8.3f}")


def renumbered(line: str, number: Callable[[int], int]) -> str:
    return columns(line, 23, f"{number(int(line[22:26])):4d}")


def ends(atoms: Atoms) -> list[str]:
    """Residues that have the atom that only the end of a chain has."""
    oxt = atoms.residue_index[atoms.names == "OXT"]
    return [atoms.residues.label(i) for i in oxt.tolist()]


def test_a_protein_without_any_flag(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    code, out, err = herobm("backmap", ubiquitin, "-o", tmp_path / "atoms.pdb")
    assert code == 0
    assert err == "note: mapping: martini3/protein (its beads fit 76 of 76 residues)\n"
    assert out.startswith(f"166 beads of 76 residues in 1 chain(s) -> {N_ATOMS} heavy atoms\n")
    for line in ("re-mapping error", "bond outliers", "chirality errors"):
        assert f"\n{line}" in out
    assert out.endswith(f"atoms written to {tmp_path}/atoms.pdb\n")
    atoms, beads = read_atoms(tmp_path / "atoms.pdb"), read_beads(ubiquitin)
    assert len(atoms) == N_ATOMS
    assert not (atoms.names == "H").any()
    assert atoms.names[:8].tolist() == ["N", "CA", "C", "O", "CB", "CG", "SD", "CE"]
    assert ends(atoms) == ["GLY 76 of chain A"]
    for column in ("names", "ids", "icodes", "chains"):
        given, kept = getattr(beads.residues, column), getattr(atoms.residues, column)
        assert given.tolist() == kept.tolist()
    alpha = atoms.positions[atoms.names == "CA"]
    backbone = beads.positions[beads.names == "BB"]
    assert np.linalg.norm(alpha - backbone, axis=1).max() < 2.0


def test_steps_that_follow(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    bare = herobm("backmap", ubiquitin, "-o", tmp_path / "bare.pdb", "--post", "none")
    assert bare.code == 0
    assert "\nbackbone " not in bare.out
    some = herobm("backmap", ubiquitin, "-o", tmp_path / "some.pdb", "--post", "consistency")
    assert [line.split()[0] for line in some.out.splitlines()[:2]] == ["166", "consistency"]
    usual = herobm("backmap", ubiquitin, "-o", tmp_path / "usual.pdb")
    assert "\nbackbone " in usual.out
    assert "\nconsistency " in usual.out
    both = ["--post", "consistency,backbone"]
    whole = herobm("backmap", ubiquitin, "-o", tmp_path / "whole.pdb", *both)
    assert whole.out.index("\nbackbone ") < whole.out.index("\nconsistency ")
    atoms = [read_atoms(tmp_path / f"{name}.pdb") for name in ("bare", "some", "whole")]
    assert all(one.names.tolist() == atoms[0].names.tolist() for one in atoms)
    unknown = herobm("backmap", ubiquitin, "-o", tmp_path / "no.pdb", "--post", "backbone,wonder")
    assert unknown.code == 1
    assert "'wonder' not found" in unknown.err
    assert not (tmp_path / "no.pdb").exists()


def test_hydrogens_are_counted_beside_the_heavy_atoms(
    herobm, ubiquitin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "h.pdb"
    result = herobm("backmap", ubiquitin, "-o", out, "--post", "hydrogens", "--ph", 7)
    assert result.code == 0
    atoms = read_atoms(out)
    assert atoms.elements is not None
    n_hydrogens = int((atoms.elements == "H").sum())
    assert n_hydrogens > 600
    assert f"-> {N_ATOMS} heavy atoms and {n_hydrogens} hydrogens\n" in result.out
    assert "\nbefore hydrogens and minimisation: re-mapping error 0." in result.out


def test_a_step_that_fails_leaves_what_was_there_before_it(
    herobm, ubiquitin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> NoReturn:
        raise MinimisationError("the energy is not finite")

    monkeypatch.setattr("herobm.post.minimise.minimise", fails)
    out = tmp_path / "out.pdb"
    result = herobm("backmap", ubiquitin, "-o", out, "--post", "hydrogens,minimise")
    assert result.code == 1
    assert "the energy is not finite" in result.err
    assert f"atoms without the step that failed: {out}" in result.out
    assert len(read_atoms(out)) > 2 * N_ATOMS


def test_a_platform_that_is_not_there_is_told_of_first(
    herobm, ubiquitin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.pdb"
    flags = ("--post", "hydrogens,minimise", "--platform", "Abacus")
    result = herobm("backmap", ubiquitin, "-o", out, *flags)
    assert result.code == 1
    assert "no platform 'Abacus'" in result.err
    assert not out.exists()


@pytest.mark.parametrize("name", ["a.gro", "a.cif", "a.pdb.gz", "a.mmcif.gz"])
def test_all_formats_hold_the_same_atoms(
    herobm, ubiquitin: Path, tmp_path: Path, name: str
) -> None:
    assert herobm("backmap", ubiquitin, "-o", tmp_path / "a.pdb").code == 0
    assert herobm("backmap", ubiquitin, "-o", tmp_path / name).code == 0
    one, other = read_atoms(tmp_path / "a.pdb"), read_atoms(tmp_path / name)
    assert one.names.tolist() == other.names.tolist()
    assert one.residues.ids.tolist() == other.residues.ids.tolist()
    assert np.abs(one.positions - other.positions).max() < 0.006  # GRO has 0.01 Å


@pytest.mark.parametrize("name", ["cg.gro", "cg.cif", "cg.pdb.gz"])
def test_all_formats_can_be_read(herobm, ubiquitin: Path, tmp_path: Path, name: str) -> None:
    write_structure(tmp_path / name, read_beads(ubiquitin))
    assert herobm("backmap", tmp_path / name, "-o", tmp_path / "out.pdb").code == 0
    assert ends(read_atoms(tmp_path / "out.pdb")) == ["GLY 76 of chain A"]


def test_options_of_steps_that_do_not_run(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdb"
    refused = herobm("backmap", ubiquitin, "-o", out, "--ph", 5, "--ends", "capped")
    assert refused.code == 2
    assert "--ph, --ends" in refused.err
    assert not out.exists()
    assert herobm("backmap", ubiquitin, "-o", out, "--post", "hydrogens", "--ph", 5).code == 0


def test_seed_and_threads_change_nothing(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "1.pdb", tmp_path / "2.pdb"
    assert herobm("backmap", ubiquitin, "-o", one, "--device", "cpu").code == 0
    assert herobm("backmap", ubiquitin, "-o", two, "--seed", 7, "--threads", 1).code == 0
    assert one.read_text() == two.read_text()


def test_overwrite(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdb"
    out.write_text("mine")
    refused = herobm("backmap", ubiquitin, "-o", out)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert out.read_text() == "mine"
    assert herobm("backmap", ubiquitin, "-o", out, "--overwrite").code == 0
    assert len(read_atoms(out)) == N_ATOMS


def test_beads_of_a_residue_in_another_order(herobm, ubiquitin: Path, lines, put: Put) -> None:
    turned = []
    for _, residue in groupby(lines, key=lambda line: line[21:27]):
        turned += list(residue)[::-1]
    shuffled = put("turned.pdb", turned)
    assert herobm("backmap", ubiquitin, "-o", shuffled.with_name("1.pdb")).code == 0
    assert herobm("backmap", shuffled, "-o", shuffled.with_name("2.pdb")).code == 0
    first, second = (shuffled.with_name(f"{i}.pdb").read_text() for i in (1, 2))
    assert first == second


def without_chain(line: str) -> str:
    return columns(line, 22, " ")


def test_chains_are_made_up_where_there_are_none(herobm, lines, put: Put) -> None:
    twice = [*lines, *(moved(line, 60.0) for line in lines)]
    path = put("two.pdb", [without_chain(line) for line in twice])
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert result.code == 0
    assert "152 residues in 2 chain(s)" in result.out
    atoms = read_atoms(path.with_name("out.pdb"))
    assert ends(atoms) == ["GLY 76 of chain A", "GLY 76 of chain B"]


def test_chains_of_a_gro_file_numbered_through(herobm, lines, put: Put) -> None:
    onward = [renumbered(moved(line, 60.0), lambda n: n + 76) for line in lines]
    path = put("two.pdb", [without_chain(line) for line in [*lines, *onward]])
    write_structure(path.with_suffix(".gro"), read_beads(path))
    assert herobm("backmap", path.with_suffix(".gro"), "-o", path.with_name("o.cif")).code == 0
    atoms = read_atoms(path.with_name("o.cif"))
    assert ends(atoms) == ["GLY 76 of chain A", "GLY 152 of chain B"]


def test_two_chains_that_share_a_letter(herobm, lines, put: Put) -> None:
    path = put("same.pdb", [*lines, *(moved(line, 60.0) for line in lines)])
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert "152 residues in 2 chain(s)" in result.out
    atoms = read_atoms(path.with_name("out.pdb"))
    assert ends(atoms) == ["GLY 76 of chain A", "GLY 76 of chain A"]


def test_a_break_gets_no_end(herobm, lines, put: Put) -> None:
    path = put("gap.pdb", [line for line in lines if not 30 <= int(line[22:26]) < 40])
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert "66 residues in 1 chain(s)" in result.out
    assert "note: 1 break(s) within chains" in result.err
    assert "between LYS 29 of chain A and GLN 40 of chain A" in result.err
    assert ends(read_atoms(path.with_name("out.pdb"))) == ["GLY 76 of chain A"]


def test_a_residue_left_out_at_the_end_is_a_break(herobm, lines, put: Put) -> None:
    cut = [line.replace("GLY A  76", "UNK A  76") for line in lines]
    beads = put("in.pdb", cut)
    out = beads.with_name("out.pdb")
    result = herobm("backmap", beads, "-o", out, "--skip-unmapped", "--post", "none")
    assert result.code == 0, result.err
    assert "between GLY 75 of chain A and UNK 76 of chain A" in result.err
    assert "OXT" not in read_atoms(out).names


def test_segment_names_as_of_charmm(herobm, segments: Path) -> None:
    path = segments
    refused = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert refused.code == 1
    assert "the chain id 'PROA' is longer than one character" in refused.err
    assert ".cif" in refused.err
    assert herobm("backmap", path, "-o", path.with_name("out.cif")).code == 0
    assert ends(read_atoms(path.with_name("out.cif"))) == ["GLY 76 of chain PROA"]


def test_insertion_codes_are_kept(herobm, lines, put: Put) -> None:
    def inserted(line: str) -> str:
        number = int(line[22:26])
        return columns(line, 23, f"  10{chr(54 + number)}") if 11 <= number <= 20 else line

    path = put("icodes.pdb", [inserted(line) for line in lines])
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert "76 residues in 1 chain(s)" in result.out
    residues = read_atoms(path.with_name("out.pdb")).residues
    assert [residues.label(i) for i in (9, 10, 19, 20)] == [
        "GLY 10 of chain A",
        "LYS 10A of chain A",
        "SER 10J of chain A",
        "ASP 21 of chain A",
    ]


@pytest.mark.parametrize(
    ("name", "modulus"), [("w.pdb", 10_000), ("w.gro", 100_000)], ids=["pdb", "gro"]
)
@pytest.mark.parametrize("first", [0, 1])
def test_numbers_that_begin_again_do_not_end_a_chain(
    herobm, ubiquitin: Path, tmp_path: Path, name: str, modulus: int, first: int
) -> None:
    beads = read_beads(ubiquitin)
    ids = (beads.residues.ids + modulus - 40 - first) % (modulus - first) + first
    write_structure(tmp_path / name, replace(beads, residues=replace(beads.residues, ids=ids)))
    result = herobm("backmap", tmp_path / name, "-o", tmp_path / f"out_{name}")
    assert "76 residues in 1 chain(s)" in result.out
    atoms = read_atoms(tmp_path / f"out_{name}")
    assert atoms.residues.ids.tolist() == ids.tolist()
    assert (atoms.names == "OXT").sum() == 1


BOXES = {
    "cube": [50.0, 52.0, 54.0, 90.0, 90.0, 90.0],
    "triclinic": [60.0, 61.0, 62.0, 70.0, 60.0, 75.0],
    "dodecahedron": [70.0, 70.0, 70.0, 60.0, 60.0, 90.0],
}


@pytest.mark.parametrize("shape", BOXES)
def test_a_molecule_cut_by_the_box_is_the_whole_one(
    herobm, ubiquitin: Path, tmp_path: Path, shape: str
) -> None:
    box = np.array(BOXES[shape])
    matrix = box_matrix(box)
    beads = replace(read_beads(ubiquitin), box=box)
    fraction = beads.positions @ np.linalg.inv(matrix) + 0.47
    atoms: list[FloatArray] = []
    for name, where in (("whole", fraction), ("cut", fraction % 1.0)):
        path = tmp_path / f"{name}.cif"
        write_structure(path, replace(beads, positions=where @ matrix))
        assert herobm("backmap", path, "-o", tmp_path / f"{name}_out.cif").code == 0
        result = read_atoms(tmp_path / f"{name}_out.cif")
        assert result.box == pytest.approx(box, abs=1e-3)
        atoms.append(result.positions)
    away = atoms[1] - atoms[0]
    off = np.linalg.norm(away - np.median(away, axis=0), axis=1)
    assert np.sqrt((off**2).mean()) < 0.005  # mmCIF has 0.001 Å, and fits stop where they are good:
    assert off.max() < 0.1  # of an arginine at the end of the chain elsewhere than of the others
    cells = away[0] @ np.linalg.inv(matrix)
    assert cells == pytest.approx(np.rint(cells), abs=1e-3)


@pytest.mark.parametrize("name", ["HSD", "HIE", "HIP", "HISH"])
def test_names_of_histidine(herobm, lines, put: Put, name: str) -> None:
    path = put("his.pdb", [columns(x, 18, f"{name:<4}") if "HIS" in x else x for x in lines])
    assert herobm("backmap", path, "-o", path.with_name("out.pdb")).code == 0
    atoms = read_atoms(path.with_name("out.pdb"))
    assert len(atoms) == N_ATOMS
    assert atoms.residues.label(67) == f"{name} 68 of chain A"


def test_rename(herobm, lines, put: Put) -> None:
    path = put("hix.pdb", [line.replace("HIS", "HIX") for line in lines])
    refused = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert refused.code == 1
    assert "has no residue HIX: 1 (first: HIX 68 of chain A)" in refused.err
    assert "--rename OLD=NEW" in refused.err
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"), "--rename", "HIX=HIS")
    assert (result.code, len(read_atoms(path.with_name("out.pdb")))) == (0, N_ATOMS)


def test_a_rename_of_nothing_is_told(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    result = herobm("backmap", ubiquitin, "-o", tmp_path / "o.pdb", "--rename", "HISS=HIS")
    assert result.code == 0
    assert f"note: {ubiquitin}: no residue is called HISS" in result.err


@pytest.fixture
def solvated(lines, put: Put) -> Path:
    """Ubiquitin with water and ions as Martini names them."""
    salt = [("W", "W"), ("W", "W"), ("NA", "ION"), ("CL", "ION")]
    water = [
        f"ATOM      1 {bead:<4} {residue:<3}  {77 + i:4d}    {9.0 * i:8.3f}{-40.0:8.3f}{0.0:8.3f}"
        for i, (bead, residue) in enumerate(salt)
    ]
    return put("solvated.pdb", [*lines, *water])


def test_water_stops_the_run_and_is_left_out_if_told(herobm, solvated: Path) -> None:
    out = solvated.with_name("out.pdb")
    refused = herobm("backmap", solvated, "-o", out)
    assert refused.code == 1
    assert "has no residue W: 2 (first: W 77); ION: 2 (first: ION 79)" in refused.err
    assert "--skip-unmapped" in refused.err
    assert "--selection" in refused.err
    result = herobm("backmap", solvated, "-o", out, "--skip-unmapped")
    assert "note: left out, not in mapping 'martini3/protein': W: 2" in result.err
    assert (result.code, len(read_atoms(out))) == (0, N_ATOMS)


@pytest.mark.parametrize("selection", ["protein", "not resname W ION", "resid 1:76"])
def test_selection(herobm, solvated: Path, selection: str) -> None:
    out = solvated.with_name("out.pdb")
    assert herobm("backmap", solvated, "-o", out, "--selection", selection).code == 0
    assert len(read_atoms(out)) == N_ATOMS


def test_charges_of_polarisable_martini_are_left_out(herobm, lines, put: Put) -> None:
    """They lie beside their bead, and not on it."""
    charges = [
        line.replace(" BB  ", " SCP ") for line in lines if " BB " in line and " LYS " in line
    ]
    shifted = [f"{line[:30]}{float(line[30:38]) + 1.1:8.3f}{line[38:]}" for line in charges]
    path = put("polar.pdb", [*lines, *shifted])
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert result.code == 0, result.err
    assert "note: left out: 7 virtual sites or dummies (SCP)" in result.err


def test_virtual_sites_are_left_out(herobm, lines, put: Put) -> None:
    sites = [line.replace(" BB  ", " CA  ") for line in lines if " BB " in line]
    path = put("go.pdb", [*lines, *sites])
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert result.code == 0
    assert "note: left out: 76 virtual sites or dummies (CA)" in result.err
    assert len(read_atoms(path.with_name("out.pdb"))) == N_ATOMS


def test_caps(herobm, lines, put: Put) -> None:
    first, last = lines[0], lines[-1]
    acetyl = renumbered(columns(moved(first, 3.4), 18, "ACE"), lambda n: 0)
    amide = renumbered(columns(moved(last, 3.4), 18, "NME"), lambda n: 77)
    path = put("caps.pdb", [acetyl, *lines, amide])
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert "78 residues in 1 chain(s) -> 606 heavy atoms" in result.out
    atoms = read_atoms(path.with_name("out.pdb"))
    assert ends(atoms) == []
    assert atoms.names[:3].tolist() == ["CH3", "C", "O"]
    assert atoms.names[-2:].tolist() == ["N", "C"]


def test_one_residue_is_a_peptide(herobm, lines, put: Put) -> None:
    path = put("one.pdb", lines[:2])
    assert herobm("backmap", path, "-o", path.with_name("out.pdb")).code == 0
    assert ends(read_atoms(path.with_name("out.pdb"))) == ["MET 1 of chain A"]


@pytest.mark.parametrize("length", [1, 2, 6])
def test_glycine_in_a_line(herobm, put: Put, length: int) -> None:
    path = put(
        "gly.pdb",
        [
            f"ATOM      1 BB   GLY A{i + 1:4d}    {3.5 * i:8.3f}{0.0:8.3f}{0.0:8.3f}  1.00  0.00"
            for i in range(length)
        ],
    )
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert result.code == 0
    atoms = read_atoms(path.with_name("out.pdb"))
    assert len(atoms) == 4 * length + 1
    assert np.abs(atoms.positions[:, 1:]).max() < 5.0


def test_martini_2_is_told_from_martini_3(herobm, lines, put: Put) -> None:
    beads_of_later = (("TYR", "SC4"), ("ALA", "SC1"))
    lacking = [x for x in lines if not any(r in x and b in x for r, b in beads_of_later)]
    path = put("m2.pdb", lacking)
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert result.code == 0
    assert "note: mapping: martini3/martini2 (its beads fit 76 of 76 residues)" in result.err
    result = herobm("backmap", path, "-o", path.with_name("no.pdb"), "--mapping", "martini3")
    assert "ALA lacks SC1 (2 residues, first: ALA 28 of chain A)" in result.err
    assert "TYR lacks SC4 (TYR 59 of chain A)" in result.err
    assert "Martini 2" in result.err


def test_beads_that_do_not_stand_together(herobm, lines, put: Put) -> None:
    scattered = [x for x in lines if " BB " in x] + [x for x in lines if " BB " not in x]
    path = put("cg.pdb", scattered)
    result = herobm("backmap", path, "-o", path.with_name("out.pdb"))
    assert result.code == 1
    assert "must follow one another" in result.err


def test_the_result_never_replaces_the_input(herobm, lines, put: Put) -> None:
    path = put("cg.pdb", lines)
    text = path.read_text()
    result = herobm("backmap", path, "-o", path, "--overwrite")
    assert result.code == 1
    assert "would replace the file that is read" in result.err
    assert path.read_text() == text


def test_the_installed_command(ubiquitin: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "herobm", "backmap", str(ubiquitin), "-o", "out.pdb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stdout.endswith("atoms written to out.pdb\n")
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert again.stderr.startswith("error: out.pdb: there is such a file already\nhint: ")


@pytest.mark.slow
def test_more_atoms_than_a_pdb_file_can_number(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    one = read_beads(ubiquitin)
    n = 170
    columns_ = {
        name: np.tile(getattr(one.residues, name), n) for name in ("names", "ids", "icodes")
    }
    residues = replace(one.residues, **columns_, chains=np.full(76 * n, ""))
    many = replace(
        one,
        positions=np.concatenate(
            [one.positions + 60.0 * np.array([i % 6, i // 6 % 6, i // 36]) for i in range(n)]
        ),
        names=np.tile(one.names, n),
        residue_index=np.concatenate([one.residue_index + 76 * i for i in range(n)]),
        residues=residues,
    )
    write_structure(tmp_path / "many.gro", many)
    assert herobm("backmap", tmp_path / "many.gro", "-o", tmp_path / "out.pdb").code == 0
    records = (tmp_path / "out.pdb").read_text().splitlines()
    assert sum(record.startswith("TER") for record in records) == n
    assert any(record.startswith("ATOM  A0000") for record in records)
    assert len(read_atoms(tmp_path / "out.pdb")) == N_ATOMS * n
