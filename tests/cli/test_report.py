"""``herobm report``: atoms judged by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from herobm.io import TrajectoryWriter, read_atoms, read_beads, write_structure
from herobm.types import Atoms


@pytest.fixture
def rebuilt(herobm, ubiquitin: Path, tmp_path: Path) -> Path:
    path = tmp_path / "atoms.pdb"
    result = herobm("backmap", ubiquitin, "-o", path)
    assert result.code == 0, result.err
    assert "Ramachandran      " in result.out
    return path


def test_a_structure_and_its_beads(herobm, rebuilt: Path, ubiquitin: Path, tmp_path: Path) -> None:
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"
    flags = ["--beads", ubiquitin, "--reference", rebuilt, "--json", figures, "--html", page]
    result = herobm("report", rebuilt, *flags)
    assert result.code == 0, result.err
    assert result.out.startswith("atoms.pdb: 76 residues, 602 heavy atoms\n")
    found = json.loads(figures.read_text())
    assert found["figures"]["rama_favoured"] > 0.9
    assert found["figures"]["chirality_errors"] == 0
    assert 0 < found["figures"]["remap_error"] < 0.2
    assert found["figures"]["kl_chi1"] == pytest.approx(0.0)
    assert found["n_frames"] == len(found["frames"]) == 1
    text = page.read_text()
    assert text.count("<svg") == 5  # four classes and one strip
    assert "Ramachandran favoured" in text
    again = herobm("report", rebuilt, "--html", page)
    assert again.code == 1
    assert "--overwrite" in again.err


def test_the_mapping_is_that_of_the_beads(herobm, rebuilt: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.pdb"
    assert herobm("coarsen", rebuilt, "--mapping", "ca_only/ca", "-o", trace).code == 0
    result = herobm("report", rebuilt, "--beads", trace)
    assert result.code == 0, result.err
    assert "mapping: ca_only/ca (its beads fit 76 of 76 residues)" in result.err
    assert "beads re-mapped, largest            0.000 Å" in result.out
    named = herobm("report", rebuilt, "--mapping", "ca_only/com", "--mapping", "ca_only/ca")
    assert named.out.startswith("atoms.pdb: 76 residues")


def test_what_no_mapping_has_is_not_judged(herobm, tmp_path: Path) -> None:
    strange = tmp_path / "strange.pdb"
    strange.write_text(
        "HETATM    1  C1  QQQ A   1       0.000   0.000   0.000  1.00  0.00           C\n"
        "HETATM    2  O1  QQQ A   1       1.200   0.000   0.000  1.00  0.00           O\nEND\n"
    )
    result = herobm("report", strange)
    assert result.code == 1
    assert "strange.pdb: no mapping that is installed has any of its residues" in result.err


def test_a_mirrored_frame_is_seen(herobm, rebuilt: Path, ubiquitin: Path, tmp_path: Path) -> None:
    atoms, beads = read_atoms(rebuilt), read_beads(ubiquitin)
    files = tmp_path / "atoms.xtc", tmp_path / "beads.xtc"
    with TrajectoryWriter(files[0], len(atoms)) as writer:
        for number, sign in enumerate((1, -1, 1)):
            writer.write(atoms.positions * [1, 1, sign], time=100.0 * number)
    with TrajectoryWriter(files[1], len(beads)) as writer:  # more frames than of the atoms
        for number in range(0, 6):
            sign = -1 if number == 2 else 1
            writer.write(beads.positions * [1, 1, sign], time=50.0 * number)
    figures = tmp_path / "figures.json"
    flags = ["--beads", ubiquitin, "--beads", files[1], "--json", figures]
    result = herobm("report", rebuilt, files[0], *flags)
    assert result.code == 0, result.err
    rows = json.loads(figures.read_text())["frames"]
    assert [row["chirality_errors"] > 0 for row in rows] == [False, True, False]
    assert np.ptp([row["remap_error"] for row in rows]) < 0.01
    assert "3 frames of atoms.xtc" in result.out
    some = herobm("report", rebuilt, files[0], "--stride", 2)
    assert "2 frames of atoms.xtc" in some.out
    late = herobm("report", rebuilt, files[0], "--beads", ubiquitin, "--beads", files[0])
    assert late.code == 1  # its particles are atoms


def test_frames_without_times_are_found_by_their_numbers(
    herobm, rebuilt: Path, ubiquitin: Path, tmp_path: Path
) -> None:
    atoms, beads = read_atoms(rebuilt), read_beads(ubiquitin)
    files = tmp_path / "atoms.xtc", tmp_path / "beads.xtc"
    for path, given, n in ((files[0], atoms, 3), (files[1], beads, 3)):
        with TrajectoryWriter(path, len(given)) as writer:
            for number in range(n):
                writer.write(given.positions + 5.0 * number, time=0.0)
    figures = tmp_path / "figures.json"
    flags = ["--beads", ubiquitin, "--beads", files[1], "--json", figures]
    result = herobm("report", rebuilt, files[0], "--begin", 1, *flags)
    assert result.code == 0, result.err
    assert "found by their numbers" in result.err
    rows = json.loads(figures.read_text())["frames"]
    assert [row["frame"] for row in rows] == [1, 2]
    assert max(row["remap_error"] for row in rows) < 0.2
    with TrajectoryWriter(files[1], len(beads), overwrite=True) as writer:
        for number in range(3):  # of the atoms alone no frame has a time
            writer.write(beads.positions + 5.0 * number, time=10.0 * number)
    flags = ["--beads", ubiquitin, "--beads", files[1], "--json", figures, "--overwrite"]
    result = herobm("report", rebuilt, files[0], *flags)
    assert result.code == 0, result.err
    rows = json.loads(figures.read_text())["frames"]
    assert max(row["remap_error"] for row in rows) < 0.2
    with TrajectoryWriter(files[1], len(beads), overwrite=True) as writer:
        for _ in range(2):
            writer.write(beads.positions, time=0.0)
    result = herobm("report", rebuilt, files[0], *flags[:4])
    assert result.code == 1
    assert "nothing tells which belong together" in result.err


def test_frames_before_a_cut_are_judged_by_end(
    herobm, rebuilt: Path, ubiquitin: Path, tmp_path: Path
) -> None:
    atoms, beads = read_atoms(rebuilt), read_beads(ubiquitin)
    files = tmp_path / "atoms.xtc", tmp_path / "beads.xtc"
    for path, given in zip(files, (atoms, beads), strict=True):
        with TrajectoryWriter(path, len(given)) as writer:
            for number in range(3):
                writer.write(given.positions, time=10.0 * number)
    files[0].write_bytes(files[0].read_bytes()[:-50])
    flags = ["--beads", ubiquitin, "--beads", files[1]]
    assert "cut short within frame 2" in herobm("report", rebuilt, files[0], *flags).err
    result = herobm("report", rebuilt, files[0], *flags, "--end", 2)
    assert result.code == 0, result.err
    assert "2 frames of atoms.xtc" in result.out


def test_the_trajectory_of_the_beads_may_be_models_of_a_pdb_file(
    herobm, rebuilt: Path, ubiquitin: Path, tmp_path: Path
) -> None:
    atoms, lines = read_atoms(rebuilt), ubiquitin.read_text().splitlines()
    files = tmp_path / "atoms.xtc", tmp_path / "beads.pdb"
    with TrajectoryWriter(files[0], len(atoms)) as writer:
        for number in range(2):
            writer.write(atoms.positions, time=float(number))
    records = [line for line in lines if line.startswith("ATOM")]
    models = [line for n in (1, 2) for line in (f"MODEL     {n:4d}", *records, "ENDMDL")]
    files[1].write_text("\n".join([*models, "END", ""]))
    flags = ["--beads", ubiquitin, "--beads", files[1]]
    result = herobm("report", rebuilt, files[0], *flags)
    assert result.code == 0, result.err
    assert "beads re-mapped, mean" in result.out


def test_beads_of_something_else_are_refused(herobm, rebuilt: Path, tmp_path: Path) -> None:
    beads = tmp_path / "part.pdb"
    assert herobm("coarsen", rebuilt, "--mapping", "martini3", "-o", beads).code == 0
    result = herobm("report", rebuilt, "--beads", beads, "--selection", "resid 1:20")
    assert result.code == 1
    assert "(of 76 residues) are not those of the atoms (20)" in result.err
    assert "residue 21 of them is ASP 21 of chain A there and none here" in result.err
    assert "--selection chooses among the atoms only" in " ".join(result.err.split())


def test_beads_of_other_residues_with_as_many_beads_are_refused(
    herobm, peptide: Callable[[str], Atoms], tmp_path: Path
) -> None:
    files = tmp_path / "atoms.pdb", tmp_path / "beads.pdb"
    write_structure(files[0], peptide("GALSHG"))
    flags = ["--mapping", "martini3", "-o", files[1]]
    assert herobm("coarsen", files[0], *flags).code == 0
    lines = files[1].read_text()
    for name in ("HIE", "HSD"):  # its heavy atoms are the same
        files[1].write_text(lines.replace("HIS", name))
        assert herobm("report", files[0], "--beads", files[1]).code == 0
    files[1].write_text(lines.replace("LEU", "ILE"))
    result = herobm("report", files[0], "--beads", files[1])
    assert result.code == 1
    said = " ".join(result.err.split())
    assert "residue 3 of them is ILE 3 of chain A there and LEU 3 of chain A here" in said
    files[1].write_text(lines.replace("LEU", "LXX"))
    assert herobm("report", files[0], "--beads", files[1], "--rename", "LXX=LEU").code == 0


def test_a_reference_is_renamed_and_told_of_as_the_structure_is(
    herobm, rebuilt: Path, tmp_path: Path
) -> None:
    other, figures = tmp_path / "other.pdb", tmp_path / "figures.json"
    other.write_text(rebuilt.read_text().replace("LYS", "LYX").replace("ILE", "ILX"))
    flags = ["--reference", other, "--json", figures, "--overwrite"]
    result = herobm("report", rebuilt, *flags)
    assert result.code == 0, result.err
    assert f"note: {other}: 14 residue(s) that the mapping lacks do not count" in result.err
    assert json.loads(figures.read_text())["figures"]["kl_chi1"] > 0.0
    renames = ["--rename", "LYX=LYS", "--rename", "ILX=ILE"]
    result = herobm("report", rebuilt, *flags, *renames)
    assert result.code == 0, result.err
    assert "do not count" not in result.err
    assert json.loads(figures.read_text())["figures"]["kl_chi1"] == pytest.approx(0.0)


def test_beads_are_no_atoms(herobm, ubiquitin: Path) -> None:
    result = herobm("report", ubiquitin)
    assert result.code == 1
    assert "holds beads, not atoms" in result.err
