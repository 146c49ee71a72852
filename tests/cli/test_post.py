"""``herobm post``: one step on a structure file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from herobm.io import read_atoms, read_beads, write_structure
from herobm.types import Atoms


@pytest.fixture
def structure(peptide: Callable[[str], Atoms], tmp_path: Path) -> Path:
    """A peptide in the file of a user."""
    write_structure(tmp_path / "in.pdb", peptide("MAGPSHFW"))
    return tmp_path / "in.pdb"


@pytest.fixture
def beads(herobm, structure: Path, tmp_path: Path) -> Path:
    """Its beads, each a little off."""
    path = tmp_path / "cg.pdb"
    assert herobm("coarsen", structure, "--mapping", "martini3", "-o", path).code == 0
    given = read_beads(path)
    shift = np.random.default_rng(0).normal(0, 0.05, given.positions.shape)
    write_structure(path, given.with_positions(given.positions + shift), overwrite=True)
    return path


def test_consistency_puts_the_beads_back(
    herobm, structure: Path, beads: Path, tmp_path: Path
) -> None:
    out, again = tmp_path / "out.pdb", tmp_path / "again.cif"
    outcome = herobm("post", "consistency", structure, "--cg", beads, "-o", out)
    assert outcome.code == 0
    assert "beads are reached within 0.01 Å" in outcome.out
    assert outcome.out.endswith(f"atoms written to {out}\n")
    assert herobm("coarsen", out, "--mapping", "martini3", "-o", again).code == 0
    gap = read_beads(again).positions - read_beads(beads).positions
    assert np.abs(gap).max() < 0.012  # what a PDB file rounds away included
    before, after = read_atoms(structure), read_atoms(out)
    assert after.names.tolist() == before.names.tolist()
    assert after.residues.ids.tolist() == before.residues.ids.tolist()


def test_backbone_needs_no_beads(herobm, structure: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.cif"
    outcome = herobm("post", "backbone", structure, "-o", out)
    assert outcome.code == 0
    assert "residues made regular" in outcome.out
    assert len(read_atoms(out)) == len(read_atoms(structure))


def test_several_steps_run_by_stage(herobm, structure: Path, beads: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "consistency,backbone", structure, "--cg", beads, "-o", out)
    assert outcome.code == 0
    assert outcome.out.index("backbone") < outcome.out.index("consistency")


def test_a_residue_that_is_not_mapped_stays_where_it_is(
    herobm, structure: Path, tmp_path: Path
) -> None:
    lines = structure.read_text().splitlines()
    atoms = [line for line in lines if line.startswith("ATOM")]
    water = "HETATM 9001  O   HOH B   1      40.000  40.000  40.000  1.00  0.00           O"
    mixed = tmp_path / "mixed.pdb"
    mixed.write_text("\n".join([water, *atoms, "END"]) + "\n")
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "backbone", mixed, "-o", out)
    assert outcome.code == 0
    assert "not mapped" in outcome.err
    after = read_atoms(out)
    assert after.residues.names.tolist()[0] == "HOH"
    assert after.positions[0] == pytest.approx([40.0, 40.0, 40.0])


def test_an_unknown_step_is_told_with_those_there_are(
    herobm, structure: Path, tmp_path: Path
) -> None:
    outcome = herobm("post", "backbon", structure, "-o", tmp_path / "out.pdb")
    assert (outcome.code, outcome.out) == (1, "")
    assert "'backbon' not found" in outcome.err
    assert "backbone" in outcome.err.partition("hint:")[2]


def test_beads_of_another_molecule_are_refused(
    herobm, structure: Path, ubiquitin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "consistency", structure, "--cg", ubiquitin, "-o", out)
    assert outcome.code == 1
    assert "8 mapped residues are not those of the beads, which are 76" in outcome.err
    assert not out.exists()


def test_the_input_is_not_replaced(herobm, structure: Path) -> None:
    outcome = herobm("post", "backbone", structure, "-o", structure, "--overwrite")
    assert outcome.code == 1
    assert "would replace the file that is read" in outcome.err


def test_a_structure_without_any_mapping_is_told_so(herobm, tmp_path: Path) -> None:
    path = tmp_path / "x.pdb"
    path.write_text(
        "HETATM    1  C1  XYZ A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n"
    )
    outcome = herobm("post", "backbone", path, "-o", tmp_path / "out.pdb")
    assert outcome.code == 1
    assert "no mapping fits it" in outcome.err
    assert "--mapping" in outcome.err
