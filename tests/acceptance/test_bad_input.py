"""Bad input: one clear error, exit code 1, and nothing is written, replaced or left behind."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.io import TrajectoryWriter, read_beads, write_structure
from herobm.types import Atoms

Refused = Callable[..., str]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def refused(herobm, tmp_path: Path) -> Refused:
    """Run a command that must fail; return what it says on stderr."""
    present = tmp_path / "present.pdb"
    present.write_text("kept")

    def run(*arguments: object, code: int = 1) -> str:
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        result = herobm(*arguments)
        after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        assert (result.code, result.out) == (code, "")
        assert after == before
        assert "Traceback" not in result.err
        assert [line[:6] for line in result.err.splitlines()].count("error:") == 1
        assert "\nhint: " in result.err
        return result.err

    return run


@pytest.fixture
def text(ubiquitin: Path) -> str:
    return ubiquitin.read_text()


def damaged(text: str, kind: str) -> bytes:
    lines = text.splitlines(keepends=True)
    elsewhere = lines[5][:30] + "   1.000" + lines[5][38:]
    return {
        "truncated": text[:3000].encode(),
        "empty": b"",
        "binary": bytes(range(256)) * 40,
        "nan": text.replace(lines[5][30:38], "     nan", 1).encode(),
        "infinite": text.replace(lines[5][30:38], "     inf", 1).encode(),
        "letters": text.replace(lines[5][30:38], "  2x.168", 1).encode(),
        "bead missing": "".join(lines[:5] + lines[6:]).encode(),
        "bead unknown": text.replace("SC1  ILE", "SC7  ILE", 1).encode(),
        "bead twice": "".join([*lines[:6], elsewhere, *lines[6:]]).encode(),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("truncated", "line 38: the file is cut short"),
        ("empty", "the file is empty"),
        ("binary", "this is a binary file"),
        ("nan", "SC1 of ILE 3 of chain A"),
        ("infinite", "SC1 of ILE 3 of chain A"),
        ("letters", "line 6"),
        ("bead missing", "ILE lacks SC1 (ILE 3 of chain A)"),
        ("bead unknown", "has SC7 that the mapping does not know (ILE 3 of chain A)"),
        ("bead twice", "SC1 of ILE 3 of chain A"),
    ],
)
def test_damaged_structures(
    refused: Refused, text: str, tmp_path: Path, kind: str, told: str
) -> None:
    cg = tmp_path / "cg.pdb"
    cg.write_bytes(damaged(text, kind))
    out = tmp_path / "present.pdb"
    err = refused("backmap", cg, "-o", out, "--overwrite")
    assert told in err
    assert str(cg) in err


def test_a_gro_file_cut_short(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    write_structure(tmp_path / "whole.gro", read_beads(ubiquitin))
    lines = (tmp_path / "whole.gro").read_text().splitlines()
    (tmp_path / "cg.gro").write_text("\n".join(lines[:100]) + "\n")
    err = refused("backmap", tmp_path / "cg.gro", "-o", tmp_path / "out.pdb")
    assert str(tmp_path / "cg.gro") in err
    assert "166" in err


@pytest.mark.parametrize("angles", ["10.00 170.00  90.00", "190.00  90.00  90.00"])
def test_a_box_that_cannot_be(refused: Refused, text: str, tmp_path: Path, angles: str) -> None:
    crystal = f"CRYST1   50.000   50.000   50.000{angles:>21} P 1           1\n"
    (tmp_path / "cg.pdb").write_text(crystal + text)
    err = refused("backmap", tmp_path / "cg.pdb", "-o", tmp_path / "out.pdb")
    assert "there is no periodic box with angles of" in err


def test_there_is_no_such_file(refused: Refused, tmp_path: Path) -> None:
    err = refused("backmap", tmp_path / "none.pdb", "-o", tmp_path / "out.pdb")
    assert "there is no such file" in err


@pytest.fixture
def atoms_file(peptide: Callable[[str], Atoms], tmp_path: Path) -> Path:
    """Atoms of a peptide."""
    write_structure(tmp_path / "aa.pdb", peptide("GAVLKF"))
    return tmp_path / "aa.pdb"


def test_atoms_in_place_of_beads(refused: Refused, atoms_file: Path, tmp_path: Path) -> None:
    for flags in ([], ["--mapping", "martini3"], ["--mapping", "martini3", "--skip-unmapped"]):
        err = refused("backmap", atoms_file, "-o", tmp_path / "out.pdb", *flags)
        assert "this is an all-atom structure (" in err
        assert "residues have atoms N, CA, C and O)" in err
        assert "herobm coarsen" in err


def test_beads_in_place_of_atoms(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    for flags in ([], ["--skip-unmapped"]):
        flags = ["--mapping", "martini3", *flags]
        err = refused("coarsen", ubiquitin, "-o", tmp_path / "out.pdb", *flags)
        assert "knows none of the 166 atoms (first: BB of MET 1 of chain A)" in err
        assert "coarse-grained already" in err


def test_a_mapping_of_other_beads(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdb"
    err = refused("backmap", ubiquitin, "-o", out, "--mapping", "ca_only")
    assert "the beads of 76 residues are not those of mapping 'ca_only/ca'" in err
    assert "first: ILE 3 of chain A" in err
    hint = err.partition("hint:")[2]
    assert "may be of another mapping: choose the one that it was made with (--mapping)" in hint
    assert "The beads of 76 of 76 residues are those of --mapping martini3/protein." in hint
    assert "--selection" not in hint


def test_a_mapping_that_is_not_there(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdb"
    err = refused("backmap", ubiquitin, "-o", out, "--mapping", "martini4")
    assert "martini3" in err
    assert "no mapping file" in refused("backmap", ubiquitin, "-o", out, "--mapping", "my.map")


@pytest.fixture
def alphas(ubiquitin: Path, tmp_path: Path) -> Path:
    """Ubiquitin with one bead CA a residue."""
    beads = read_beads(ubiquitin)
    beads = beads.subset(beads.names == "BB")
    write_structure(tmp_path / "ca.pdb", replace(beads, names=np.full(len(beads), "CA")))
    return tmp_path / "ca.pdb"


def centres_of(alphas: Path) -> Path:
    """Call the beads centres of side chains."""
    path = alphas.with_name("sc.pdb")
    path.write_text(alphas.read_text().replace(" CA  ", " SC  "))
    return path


def test_weights_of_another_mapping(refused: Refused, alphas: Path, tmp_path: Path) -> None:
    flags = ["--mapping", "ca_only/sc", "--model", "martini3/protein"]
    err = refused("backmap", centres_of(alphas), "-o", tmp_path / "out.pdb", *flags)
    assert "made for another mapping" in err
    assert "'ca_only/sc'" in err
    assert "--model" in err


def test_a_mapping_without_a_model(refused: Refused, alphas: Path, tmp_path: Path) -> None:
    """A set of the user's own, whose beads have names of their own."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in (ROOT / "plugins/ca_only/src/herobm_ca_only/mappings/com").glob("*.map"):
        (mine / path.name).write_text(path.read_text().replace('"CM"', "CX"))
    path = alphas.with_name("cx.pdb")
    path.write_text(alphas.read_text().replace(" CA  ", " CX  "))
    err = refused("backmap", path, "--mapping", mine, "-o", tmp_path / "out.pdb")
    assert "there is no model for mapping 'mine' (models: ca_only/ca, " in err
    assert "herobm train" in err


def broken_weights(weights: Path, kind: str) -> bytes:
    return {
        "half of it": weights.read_bytes()[:50_000],
        "its first bytes": weights.read_bytes()[:100],
        "nothing": b"",
        "json": json.dumps({"model": "martini3"}).encode(),
        "pickle": pickle.dumps({"model": [1, 2, 3]}),
    }[kind]


@pytest.mark.parametrize("kind", ["half of it", "its first bytes", "nothing", "json", "pickle"])
def test_no_weights_file(herobm, ubiquitin: Path, weights: Path, tmp_path: Path, kind: str) -> None:
    path, out = tmp_path / "w.safetensors", tmp_path / "out.pdb"
    path.write_bytes(broken_weights(weights, kind))
    result = herobm("backmap", ubiquitin, "-o", out, "--model", path)
    assert result.code == 1
    assert f"error: {path}: cannot be read as weights" in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == [path]


def test_weights_that_are_not_there(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "none.safetensors", tmp_path / "out.pdb"
    assert str(path) in refused("backmap", ubiquitin, "-o", out, "--model", path)
    err = refused("backmap", ubiquitin, "-o", out, "--model", "martini3/lipid")
    assert "martini3/protein" in err


@pytest.mark.parametrize("verb", ["backmap", "coarsen"])
def test_output_that_cannot_be(
    refused: Refused, ubiquitin: Path, atoms_file: Path, tmp_path: Path, verb: str
) -> None:
    start = [verb, ubiquitin] if verb == "backmap" else [verb, atoms_file, "--mapping", "martini3"]
    (tmp_path / "folder").mkdir()
    assert "there is no folder" in refused(*start, "-o", tmp_path / "none/out.pdb")
    assert "this is a folder" in refused(*start, "-o", tmp_path / "folder")
    assert "--overwrite" in refused(*start, "-o", tmp_path / "present.pdb")
    assert "Name it .pdb, .gro or .cif" in refused(*start, "-o", tmp_path / "out.xyz")
    assert "Name it .pdb, .gro or .cif" in refused(*start, "-o", tmp_path / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("verb", ["backmap", "coarsen"])
def test_a_read_only_folder(
    refused: Refused, ubiquitin: Path, atoms_file: Path, tmp_path: Path, verb: str
) -> None:
    start = [verb, ubiquitin] if verb == "backmap" else [verb, atoms_file, "--mapping", "martini3"]
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o555)
    assert "cannot be written" in refused(*start, "-o", folder / "out.pdb")
    folder.chmod(0o755)


def test_a_folder_that_takes_no_file(refused: Refused, ubiquitin: Path) -> None:
    """Not even root can make a file there."""
    assert "/proc" in refused("backmap", ubiquitin, "-o", "/proc/out.pdb")


def test_structure_and_trajectory_mixed_up(
    refused: Refused, ubiquitin: Path, tmp_path: Path
) -> None:
    told = "a trajectory is written from a trajectory (-f), a structure from a structure"
    assert told in refused("backmap", ubiquitin, "-o", tmp_path / "out.xtc")
    flags = ["-f", tmp_path / "cg.xtc"]
    assert told in refused("backmap", ubiquitin, "-o", tmp_path / "out.pdb", *flags)


def test_a_trajectory_of_another_system(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    with TrajectoryWriter(tmp_path / "cg.xtc", 10) as writer:
        writer.write(np.zeros((10, 3)), np.array([50.0, 50.0, 50.0, 90.0, 90.0, 90.0]))
    flags = ["-f", tmp_path / "cg.xtc", "-o", tmp_path / "out.xtc"]
    err = refused("backmap", ubiquitin, *flags)
    assert "10 particles a frame" in err
    assert "has 166" in err


def test_a_trajectory_that_is_none(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    (tmp_path / "cg.xtc").write_text("this is no trajectory\n" * 100)
    err = refused("backmap", ubiquitin, "-f", tmp_path / "cg.xtc", "-o", tmp_path / "out.xtc")
    assert str(tmp_path / "cg.xtc") in err


def test_a_selection_of_nothing(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    start = ["backmap", ubiquitin, "-o", tmp_path / "out.pdb", "--selection"]
    assert "'nonsense' cannot be used" in refused(*start, "nonsense")
    assert "matches none of 166 particles" in refused(*start, "resname POPC")


def test_a_rename_without_a_name(herobm, ubiquitin: Path, tmp_path: Path) -> None:
    result = herobm("backmap", ubiquitin, "-o", tmp_path / "out.pdb", "--rename", "HIS")
    assert result.code == 1
    assert "write OLD=NEW" in result.err


def test_no_device_is_made_up(refused: Refused, ubiquitin: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    err = refused("backmap", ubiquitin, "-o", tmp_path / "out.pdb", "--device", "cuda")
    assert "--device cpu" in err
