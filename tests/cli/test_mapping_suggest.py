"""``herobm mapping suggest``."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from .conftest import Command


def test_the_result_is_valid_and_drawn(herobm: Command, tmp_path: Path) -> None:
    out, svg = tmp_path / "asp.map", tmp_path / "asp.svg"
    smiles = "CC(=O)Oc1ccccc1C(=O)O"
    code, _, err = herobm("mapping", "suggest", smiles, "--name", "ASP", "-o", out, "--svg", svg)
    assert code == 0
    assert "ASP: 13 heavy atoms in 5 beads" in err
    assert herobm("mapping", "validate", "--chemistry", "--strict", out).code == 0
    assert svg.read_text().startswith("<svg")
    again = herobm("mapping", "suggest", smiles, "--name", "ASP")
    assert again.out == out.read_text()


def test_a_name_that_is_taken_is_told(herobm: Command) -> None:
    code, _, err = herobm("mapping", "suggest", "CC(N)C(=O)O", "--name", "ALA")
    assert code == 0
    assert "note: ALA is a residue of ca_only/ca, martini3/protein: choose another --name" in err


def test_a_missing_label_is_told(herobm: Command) -> None:
    code, _, err = herobm("mapping", "suggest", "CC(N)C(=O)O", "--name", "ALX")
    assert code == 0
    assert "W405" in err
    assert "choose another" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lacking.sdf"], "there is no such file"),
        (["C1CC"], "RDKit cannot read the molecule"),
        (["[Na+].[Cl-]"], "2 molecules in it"),
        (["C" * 300 + "1"], "RDKit cannot read the molecule"),
        (["x.pdb"], "--smiles"),
        (["CCO", "--itp", "x.itp"], "--cg"),
        (["CCO", "--cg", "x.gro"], "--atomistic"),
    ],
)
def test_bad_input_is_one_error(herobm: Command, arguments: list[str], message: str) -> None:
    code, out, err = herobm("mapping", "suggest", *arguments)
    assert code != 0
    assert message in err
    assert "Traceback" not in err
    assert out == ""


def test_a_result_is_not_replaced(herobm: Command, tmp_path: Path) -> None:
    out = tmp_path / "x.map"
    out.write_text("mine")
    assert herobm("mapping", "suggest", "CCO", "-o", out).code == 1
    assert out.read_text() == "mine"


def test_a_packed_structure_is_one(herobm: Command, tmp_path: Path) -> None:
    plain = Path(__file__).parents[2] / "plugins/custom_ligand/tests/caffeine.pdb"
    packed = tmp_path / "caffeine.pdb.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    smiles = ("--smiles", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "--name", "CFF")
    maps = [herobm("mapping", "suggest", path, *smiles).out for path in (plain, packed)]
    assert maps[0].splitlines()[1:] == maps[1].splitlines()[1:]
    assert maps[0]


@pytest.mark.shared_data
def test_the_map_of_the_plugin_is_what_is_suggested(herobm: Command, shared_data: Path) -> None:
    maps = Path(__file__).parents[2] / "plugins/custom_ligand/src/herobm_custom_ligand/maps"
    ligands = shared_data / "ligands"
    zma = herobm("mapping", "suggest", ligands / "ZMA241385.sdf", "--name", "ZMA")
    assert zma.out == (maps / "zma.map").read_text()
    smiles = "CCNC(=O)[C@H]1O[C@@H](n2cnc3c(N)ncnc32)[C@H](O)[C@@H]1O"
    neca = herobm(
        "mapping", "suggest", ligands / "neca/neca.gro", "--smiles", smiles, "--name", "NEC"
    )
    assert neca.out == (maps / "neca.map").read_text()
