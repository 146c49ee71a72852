"""``herobm mapping show``: the table, the trees and the drawing."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import Command

ROOT = Path(__file__).resolve().parents[2]
PROTEIN = ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein"
CAFFEINE = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps/cff.map"
RESIDUES = (
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL"
).split()
SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path, kind: str) -> list[str]:
    tree = ElementTree.parse(path)
    return [e.text or "" for e in tree.iter(f"{SVG}text") if e.get("class") == kind]


def test_the_table_names_anchors_weights_and_chain_ends(herobm: Command) -> None:
    code, out, _ = herobm("mapping", "show", PROTEIN, "PHE")
    assert code == 0
    rows = [[c.strip() for c in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    assert ["CB", "", "C", "SC1", "P2AA", "CG", "", "yes", ""] in rows
    assert ["CD1", "", "C", "SC1", "P2AB", "CG", "1/3", "yes", ""] in rows
    assert ["", "", "", "SC2", "P2AA", "CE1", "2/3", "yes", ""] in rows
    assert ["HA", "", "H", "BB", "", "", "", "no", ""] in rows
    assert "chain end" in next(row for row in rows if row[0] == "OXT")


def test_the_tree_hangs_each_atom_on_its_anchor(herobm: Command) -> None:
    out = herobm("mapping", "show", CAFFEINE).out
    tree = out[out.index("B1, at the mean of N1, C6, C10, O13 and 3 hydrogens") :]
    assert tree.split("B2,")[0].splitlines()[1:5] == [
        "├── N1 (P1A)",
        "│   └── C10 (P2AA)",
        "└── C6 (P1B)",
        "    └── O13 (P2BB)",
    ]


def test_a_set_is_listed(herobm: Command) -> None:
    code, out, _ = herobm("mapping", "show", PROTEIN)
    assert code == 0
    assert all(f"│ {name} " in out for name in RESIDUES)
    assert "ASPP, ASPH" in out


def test_a_residue_that_is_not_there(herobm: Command) -> None:
    code, out, err = herobm("mapping", "show", PROTEIN, "PHF")
    assert (code, out) == (1, "")
    assert "has no residue PHF" in err
    assert "Did you mean PHE?" in err


@pytest.mark.parametrize("name", RESIDUES)
def test_the_drawing_has_every_heavy_atom_and_bead(
    herobm: Command, tmp_path: Path, name: str
) -> None:
    from herobm.dsl import load_mapping

    path = tmp_path / f"{name}.svg"
    code, _, err = herobm("mapping", "show", PROTEIN, name, "--svg", path)
    assert (code, err) == (0, f"drawn: {path}\n")
    mapping = load_mapping(PROTEIN / f"{name.lower()}.map")
    heavy = [a for a in mapping.atoms if a.element != "H"]
    assert sorted(texts(path, "atom")) == sorted(a.name for a in heavy)
    levels = [p.rule.level for a in heavy for p in a.placements if p.rule]
    assert sorted(texts(path, "level")) == sorted(map(str, levels))
    tree = ElementTree.parse(path)
    titles = [g.findtext(f"{SVG}title") for g in tree.iter(f"{SVG}g") if g.get("class") == "bead"]
    assert set(titles) == set(mapping.beads)
    legend = [e.text or "" for e in tree.iter(f"{SVG}text")]
    assert all(any(t.startswith(f"{bead} (") for t in legend) for bead in mapping.beads)


def test_names_in_a_drawing_do_not_cover_each_other(herobm: Command, tmp_path: Path) -> None:
    for name in RESIDUES:
        path = tmp_path / f"{name}.svg"
        herobm("mapping", "show", PROTEIN, name, "--svg", path)
        tree = ElementTree.parse(path)
        atoms = [e for e in tree.iter(f"{SVG}text") if e.get("class") == "atom"]
        boxes = [
            (float(e.get("x", 0)), float(e.get("y", 0)), 4.5 * len(e.text or "")) for e in atoms
        ]
        for i, (x, y, half) in enumerate(boxes):
            for x2, y2, half2 in boxes[i + 1 :]:
                assert abs(x - x2) > half + half2 or abs(y - y2) > 13, name


def test_a_drawing_is_not_overwritten_unasked(herobm: Command, tmp_path: Path) -> None:
    path = tmp_path / "cff.svg"
    path.write_text("mine")
    code, _, err = herobm("mapping", "show", CAFFEINE, "--svg", path)
    assert (code, path.read_text()) == (1, "mine")
    assert "--overwrite" in err
    assert herobm("mapping", "show", CAFFEINE, "--svg", path, "--overwrite").code == 0
    assert "N1" in texts(path, "atom")


def test_a_set_cannot_be_drawn(herobm: Command, tmp_path: Path) -> None:
    code, _, err = herobm("mapping", "show", PROTEIN, "--svg", tmp_path / "all.svg")
    assert code == 1
    assert "Name one of them" in err


def test_without_bonds_a_note_tells_where_they_come_from(herobm: Command, tmp_path: Path) -> None:
    text = CAFFEINE.read_text()
    bare = tmp_path / "bare.map"
    bare.write_text(text[: text.index("bonds:")])
    path = tmp_path / "bare.svg"
    code, _, err = herobm("mapping", "show", bare, "--svg", path)
    assert code == 0
    assert "--structure FILE" in err
    assert len(texts(path, "atom")) == 14


@pytest.mark.shared_data
def test_bonds_come_from_a_structure(herobm: Command, tmp_path: Path, shared_data: Path) -> None:
    path = tmp_path / "head.svg"
    mapping = shared_data / "mappings/herobm/membrane_pc.amber.yaml"
    lipids = shared_data / "lipids/not_equilibrated/amber_lipid_split_popc187_chl20_built.gro.gz"
    code, _, err = herobm("mapping", "show", mapping, "--structure", lipids, "--svg", path)
    assert code == 0, err
    assert len(texts(path, "atom")) == 20
    bonds = [e for e in ElementTree.parse(path).iter(f"{SVG}line") if e.get("stroke") == "#555555"]
    assert len(bonds) >= 19
