"""``herobm coarsen``: what becomes of the atoms that a file has, and of those that it lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from herobm.elements import MASSES
from herobm.io import read_atoms, read_beads, write_structure
from herobm.types import Atoms, FloatArray

Put = Callable[[str, list[str]], Path]
SEQUENCE = "MAGSHFW"
BEADS = {"M": 2, "A": 2, "G": 1, "S": 2, "H": 4, "F": 4, "W": 6}


@pytest.fixture
def atoms(peptide: Callable[[str], Atoms]) -> Atoms:
    """A peptide in a box, numbered from 27 on, with an insertion code, as chain B."""
    given = peptide(SEQUENCE)
    residues = replace(
        given.residues,
        ids=np.array([27, 27, 28, 29, 30, 31, 32]),
        icodes=np.array(["", "A", "", "", "", "", ""]),
        chains=np.full(7, "B"),
    )
    box = np.array([40.0, 41.0, 42.0, 80.0, 75.0, 70.0])
    return replace(given, residues=residues, box=box)


@pytest.fixture
def structure(atoms: Atoms, tmp_path: Path) -> Path:
    write_structure(tmp_path / "aa.pdb", atoms)
    return tmp_path / "aa.pdb"


@pytest.fixture
def records(structure: Path) -> list[str]:
    return [x for x in structure.read_text().splitlines() if x.startswith(("ATOM", "CRYST1"))]


@pytest.fixture
def coarsen(herobm, tmp_path: Path):
    """Coarse-grain a file; return the outcome and the beads (None after a failure)."""

    def run(path: Path, *flags: str):
        out = tmp_path / "cg.cif"
        outcome = herobm("coarsen", path, "--mapping", "martini3", "-o", out, *flags)
        return outcome, read_beads(out) if out.exists() else None

    return run


def centre(atoms: Atoms, residue: int, names: str) -> FloatArray:
    """Mass centre of some atoms of a residue."""
    chosen = (atoms.residue_index == residue) & np.isin(atoms.names, names.split())
    masses = [MASSES[str(element)] for element in atoms.elements[chosen]]
    return np.average(atoms.positions[chosen], axis=0, weights=masses)


def test_beads_are_where_their_atoms_are(coarsen, structure: Path) -> None:
    outcome, beads = coarsen(structure)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.endswith("cg.cif: 21 beads of 7 residues\n")
    atoms = read_atoms(structure)
    backbone = beads.positions[beads.names == "BB"]
    assert backbone[2] == pytest.approx(centre(atoms, 2, "N CA C O"), abs=0.002)
    assert backbone[6] == pytest.approx(centre(atoms, 6, "N CA C O OXT"), abs=0.002)
    sulfur = beads.positions[(beads.residue_index == 0) & (beads.names == "SC1")]
    assert sulfur[0] == pytest.approx(centre(atoms, 0, "CB CG SD CE"), abs=0.002)


@pytest.mark.parametrize("name", ["cg.pdb", "cg.cif", "cg.cif.gz", "cg.gro"])
def test_chains_numbers_and_the_box_are_kept(
    herobm, structure: Path, tmp_path: Path, atoms: Atoms, name: str
) -> None:
    out = tmp_path / name
    assert herobm("coarsen", structure, "--mapping", "martini3", "-o", out).code == 0
    beads = read_beads(out)
    counts = [len(list(group)) for _, group in groupby(beads.residue_index)]
    assert beads.residues.names.tolist() == ["MET", "ALA", "GLY", "SER", "HIS", "PHE", "TRP"]
    assert beads.residues.ids.tolist() == [27, 27, 28, 29, 30, 31, 32]
    assert counts == [BEADS[letter] for letter in SEQUENCE]
    assert beads.box == pytest.approx(atoms.box, abs=0.02)
    if name != "cg.gro":  # has no place for these
        assert beads.residues.icodes.tolist()[:3] == ["", "A", ""]
        assert set(beads.residues.chains) == {"B"}


def test_what_is_made_can_be_backmapped(herobm, structure: Path, tmp_path: Path) -> None:
    cg, aa = tmp_path / "cg.pdb", tmp_path / "back.pdb"
    assert herobm("coarsen", structure, "--mapping", "martini3", "-o", cg).code == 0
    assert herobm("backmap", cg, "-o", aa).code == 0
    there, back = read_atoms(structure), read_atoms(aa)
    labels = [
        {(r, n) for r, n in zip(a.residue_index, a.names, strict=True)} for a in (there, back)
    ]
    assert labels[0] == labels[1]


def test_a_molecule_cut_by_the_box(herobm, coarsen, atoms: Atoms, tmp_path: Path) -> None:
    box = np.array([15.0, 16.0, 17.0, 90.0, 90.0, 90.0])
    for name, positions in (("whole", atoms.positions), ("cut", atoms.positions % box[:3])):
        write_structure(tmp_path / f"{name}.cif", replace(atoms, positions=positions, box=box))
    _, whole = coarsen(tmp_path / "whole.cif")
    _, cut = coarsen(tmp_path / "cut.cif", "--overwrite")
    cells = (cut.positions - whole.positions) / box[:3]
    assert np.abs(cells - np.rint(cells)).max() < 0.001
    assert np.abs(np.rint(cells)).max() >= 1


def test_hydrogens_that_are_there_count(coarsen, records: list[str], put: Put) -> None:
    nitrogen = next(r for r in records if " N   GLY" in r)
    shifted = f"{float(nitrogen[30:38]) + 1.0:8.3f}"
    hydrogen = f"{nitrogen[:12]} H   GLY{nitrogen[20:30]}{shifted}{nitrogen[38:76]} H"
    position = records.index(nitrogen)
    path = put("h.pdb", [*records[: position + 1], hydrogen, *records[position + 1 :]])
    outcome, beads = coarsen(path)
    assert (outcome.code, outcome.err) == (0, "")
    atoms = read_atoms(path)
    assert (atoms.names == "H").sum() == 1
    assert beads.positions[beads.names == "BB"][2] == pytest.approx(
        centre(atoms, 2, "N CA C O H"), abs=0.002
    )


def test_alternate_locations(coarsen, records: list[str], put: Put) -> None:
    def placed(record: str, letter: str, occupancy: str, shift: float) -> str:
        x = f"{float(record[30:38]) + shift:8.3f}"
        return f"{record[:16]}{letter}{record[17:30]}{x}{record[38:54]}{occupancy}{record[60:]}"

    twice = []
    for record in records:
        if " OG  SER" in record:
            twice += [placed(record, "A", "  0.30", 2.0), placed(record, "B", "  0.70", 0.0)]
        else:
            twice.append(record)
    _, plain = coarsen(put("plain.pdb", records))
    outcome, beads = coarsen(put("twice.pdb", twice), "--overwrite")
    assert "1 alternate locations are left out" in outcome.err
    assert beads.positions == pytest.approx(plain.positions, abs=0.002)


def test_a_side_chain_that_is_missing(coarsen, records: list[str], put: Put) -> None:
    backbone = ("N", "CA", "C", "O")
    path = put("m.pdb", [r for r in records if "PHE" not in r or r[12:16].strip() in backbone])
    outcome, beads = coarsen(path)
    assert outcome.code == 0
    assert outcome.err == (
        "note: 1 residue(s) lack all atoms of a bead, which is left out "
        "(first: PHE 31 of chain B)\n"
    )
    assert beads.names[beads.residue_index == 5].tolist() == ["BB"]


def test_half_of_a_side_chain(coarsen, records: list[str], put: Put) -> None:
    path = put("m.pdb", [r for r in records if r[12:20] not in (" SD  MET", " CE  MET")])
    outcome, beads = coarsen(path)
    assert outcome.code == 0
    where = centre(read_atoms(path), 0, "CB CG")
    assert beads.positions[beads.names == "SC1"][0] == pytest.approx(where, abs=0.002)


@pytest.fixture
def solvated(records: list[str], put: Put) -> Path:
    water = "HETATM  900  O   HOH W 401       1.000   2.000   3.000  1.00  0.00           O"
    zinc = "HETATM  901 ZN    ZN W 402       9.000   2.000   3.000  1.00  0.00          ZN"
    return put("solvated.pdb", [*records, water, zinc])


def test_water_and_ions(coarsen, solvated: Path) -> None:
    outcome, beads = coarsen(solvated)
    assert (outcome.code, beads) == (1, None)
    assert "no residue HOH: 1 (first: HOH 401 of chain W); ZN: 1" in outcome.err
    for way in ("--skip-unmapped", "--selection", "--rename"):
        assert way in outcome.err
    outcome, beads = coarsen(solvated, "--skip-unmapped")
    assert (outcome.code, len(beads)) == (0, 21)
    assert "note: left out, not in mapping 'martini3/protein': HOH: 1" in outcome.err
    outcome, _ = coarsen(solvated, "--selection", "protein", "--overwrite")
    assert (outcome.code, outcome.err) == (0, "")


def test_an_atom_that_the_mapping_lacks(coarsen, records: list[str], put: Put) -> None:
    path = put("phospho.pdb", [r.replace(" OG  SER", " PX  SER") for r in records])
    outcome, beads = coarsen(path)
    assert (outcome.code, beads) == (1, None)
    assert "no place for 1 heavy atom(s) (first: PX of SER 29 of chain B)" in outcome.err
    outcome, beads = coarsen(path, "--skip-unmapped")
    assert (outcome.code, len(beads)) == (0, 21)
    assert "PX of SER 29 of chain B" in outcome.err


def test_rename(coarsen, records: list[str], put: Put) -> None:
    path = put("hix.pdb", [r.replace(" HIS ", " HIX ") for r in records])
    assert "no residue HIX: 1" in coarsen(path)[0].err
    outcome, beads = coarsen(path, "--rename", "HIX=HSD")
    assert outcome.code == 0
    assert beads.residues.names[4] == "HSD"


@pytest.mark.parametrize("name", ["HSD", "HSE", "HSP", "HID", "HIE", "HIP"])
def test_names_of_histidine(coarsen, records: list[str], put: Put, name: str) -> None:
    outcome, beads = coarsen(put("his.pdb", [r.replace(" HIS ", f" {name} ") for r in records]))
    assert (outcome.code, len(beads)) == (0, 21)


def test_names_of_charmm(coarsen, records: list[str], put: Put) -> None:
    ends = {" O   TRP": " OT1 TRP", " OXT TRP": " OT2 TRP"}
    path = put("c.pdb", [r[:12] + ends.get(r[12:20], r[12:20]) + r[20:] for r in records])
    outcome, beads = coarsen(path)
    assert (outcome.code, len(beads)) == (0, 21)


def test_atoms_in_another_order(coarsen, records: list[str], put: Put) -> None:
    _, plain = coarsen(put("plain.pdb", records))
    turned: list[str] = []
    for _, residue in groupby(records, key=lambda r: r[17:27]):
        turned += list(residue)[::-1]
    _, beads = coarsen(put("turned.pdb", turned), "--overwrite")
    assert beads.names.tolist() == plain.names.tolist()
    assert beads.positions == pytest.approx(plain.positions, abs=0.002)


def test_a_mapping_file_of_ones_own(herobm, structure: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "gly.map"
    mapping.write_text(
        "molecule: GLY\natoms:\n  N: GB P1A\n  CA: GB P1B\n  C: GB P1C\n  O: GB P2C\n"
    )
    out = tmp_path / "cg.pdb"
    flags = ["--mapping", mapping, "--selection", "resname GLY"]
    result = herobm("coarsen", structure, "-o", out, *flags)
    assert result.code == 0, result.err
    assert read_beads(out).names.tolist() == ["GB"]


def test_it_asks_for_a_mapping(herobm, structure: Path) -> None:
    result = herobm("coarsen", structure, "-o", "cg.pdb")
    assert result.code == 2
    assert "--mapping" in result.err
