"""Planted faults of chemistry: the code, the place in the file, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.chem.checks.mapping import check_chemistry, check_chemistry_files, check_structure
from herobm.dsl import Diagnostic, build_mapping, check, mapping_files, parse, read_file
from herobm.dsl.codes import CODES
from herobm.types import Atoms, Residues

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = {
    "martini3": ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein",
    "ca_only": ROOT / "plugins/ca_only/src/herobm_ca_only/maps",
    "custom_ligand": ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps",
}
PHE = (SHIPPED["martini3"] / "phe.map").read_text()
TRP = (SHIPPED["martini3"] / "trp.map").read_text()
CAFFEINE = (SHIPPED["custom_ligand"] / "cff.map").read_text()
BUTENOL = """molecule: LIG

atoms:
  C1: B1 P1A
  C2: B1 P2AA
  C3: B2 P1A
  C4: B2 P2AA
  O4: B2 P3AA

bonds:
  C1-C2, C2=C3, C3-C4, C4-O4

stereo:
  C2=C3: Z
"""


def found(text: str) -> list[Diagnostic]:
    """Diagnostics of chemistry, of a file in which nothing else is wrong."""
    file = parse(text, "x.map")
    assert not [d for d in check(file) if d.is_error]
    return check_chemistry(file, build_mapping(file))


def marked(text: str, diagnostic: Diagnostic) -> str:
    """The characters that the carets stand under, and the line they are in."""
    span = diagnostic.span
    assert span is not None
    assert span.line == span.end_line
    line = text.split("\n")[span.line - 1]
    return line[span.column - 1 : span.end_column - 1]


def planted(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_maps_have_no_fault(name: str) -> None:
    files = [read_file(path) for path in mapping_files(SHIPPED[name])]
    assert check_chemistry_files(files) == []


#: text, old, new, code, what is marked, part of the message, part of the help.
FAULTS = {
    "one bond too many": (
        PHE,
        "CA-CB, CB-CG,",
        "CA-CB, CB-CG, CA-CG,",
        "M402",
        "CD2:CG",
        "valence of 'CG' exceeded: its bonds add up to 5, C has at most 4",
        "take a bond out",
    ),
    "an order too high": (
        PHE,
        "C=O, C-+N",
        "C#O, C-+N",
        "M402",
        "C#O",
        "valence of 'O' exceeded: its bonds add up to 3, O has at most 2",
        "lower its order",
    ),
    "a charge forgotten": (
        (SHIPPED["martini3"] / "lys.map").read_text(),
        "charges:\n  NZ: +1\n",
        "",
        "M402",
        "NZ-HZ3",
        "valence of 'NZ' exceeded: its bonds add up to 4, N has at most 3",
        "'NZ: +1' below 'charges:'",
    ),
    "a piece apart": (
        CAFFEINE,
        "N1-C10, ",
        "",
        "M403",
        "C10",
        "no bond joins C10 to the rest of the molecule",
        "perhaps C10-N1",
    ),
    "a label on no centre": (
        PHE,
        "  CA: S",
        "  CA: S\n  CB: R",
        "M404",
        "CB: R",
        "'CB' is labelled R, but is no stereocentre: it bears two hydrogens",
        "take the label out",
    ),
    "a label on a flat atom": (
        PHE,
        "  CA: S",
        "  CA: S, CG: R",
        "M404",
        "CG: R",
        "it has 3 neighbours, not 4",
        "take the label out",
    ),
    "two labels of one atom": (
        PHE,
        "  CA: S",
        "  CA: S, CA: R",
        "M404",
        "CA: R",
        "'CA' is labelled S already, at ",
        "leave one of the two out",
    ),
    "sides of a single bond": (
        BUTENOL,
        "C2=C3: Z",
        "C2=C3: Z, C3=C4: E",
        "M404",
        "C3=C4: E",
        "is no double bond",
        "take the label out",
    ),
    "sides of no bond": (
        BUTENOL,
        "C2=C3: Z",
        "C2=C3: Z, C1=C4: E",
        "M404",
        "C1=C4: E",
        "the two are not bonded",
        "take the label out",
    ),
    "an open ring": (
        PHE,
        "CE2:CD2, CD2:CG",
        "CE2:CD2",
        "M405",
        "CG:CD1",
        "the ring of CD2, CE2, CZ, CE1, CD1, CG is not closed",
        "to close it, add CD2:CG",
    ),
    "a ring without its hydrogen": (
        TRP,
        "NE1-HE1, ",
        "",
        "M405",
        "CG:CD1",
        "cannot be single and double bonds in turn",
        "list the hydrogen of NE1 and its bond",
    ),
    "a ring open between beads": (
        CAFFEINE,
        "C4=C5, ",
        "",
        "W404",
        "C5-N7",
        "'C5' has fewer bonds than C should have",
        "is C5-C4 missing?",
    ),
    "a hydrogen without a bond": (
        PHE,
        "N-H, CA-HA",
        "CA-HA",
        "W404",
        "H",
        "hydrogen H has no bond",
        "say which atoms bear them",
    ),
    "an anchor two bonds away": (
        CAFFEINE,
        "C14:   B3  P2AB",
        "C14:   B3  P3AB",
        "W402",
        "P3AB",
        "'C14' is rebuilt from C5, 2 bonds away: a longer vector than needed",
        "write P2AB to hang it on N7",
    ),
    "a bead in two places": (
        CAFFEINE,
        "C10:   B1  P2AA",
        "C10:   B4  P1B",
        "W403",
        "B4",
        "the atoms of bead B4 lie in 2 places far apart: C10; N9, C4, C8",
        "move the smaller group to the bead it is bonded to",
    ),
    "a centre without a label": (
        PHE,
        "\nstereo:\n  CA: S\n",
        "",
        "W405",
        "CA",
        "'CA' is a stereocentre without a label",
        "write 'CA: R' or 'CA: S'",
    ),
    "sides without a label": (
        BUTENOL,
        "\nstereo:\n  C2=C3: Z\n",
        "",
        "W405",
        "C2=C3",
        "double bond 'C2=C3' has two sides",
        "write 'C2=C3: E' or 'C2=C3: Z'",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_told_at_its_place(name: str) -> None:
    base, old, new, code, place, message, hint = FAULTS[name]
    assert found(base) == []
    text = planted(base, old, new)
    first = found(text)[0]
    assert first.code == code
    assert marked(text, first) == place
    assert message in first.message
    assert hint in (first.help or "")
    assert first.path == "x.map"
    assert CODES[code].severity == first.severity


def test_without_bonds_one_warning_says_so() -> None:
    text = CAFFEINE[: CAFFEINE.index("bonds:")]
    (only,) = found(text)
    assert only.code == "W404"
    assert marked(text, only) == "CFF"
    assert "--structure" in (only.help or "")


@pytest.mark.parametrize(("name", "ion"), [("CA", "CA2+"), ("NA", "NA+")])
def test_an_ion_that_reads_as_something_else(name: str, ion: str) -> None:
    text = f"molecule: XYZ\natoms:\n  {name}: B P0A\n"
    (only,) = found(text)
    assert (only.code, marked(text, only)) == ("W406", name)
    assert ion in (only.help or "")
    assert found(text.replace(f"{name}:", f"'{ion}':")) == []
    assert found(text.replace("XYZ", "ION")) == []


@pytest.mark.parametrize(
    ("name", "codes"), [("CL1", ["M402"]), ("BR", ["M402"]), ("F1", ["M402"]), ("FE", [])]
)
def test_odd_names_are_read_as_their_elements(name: str, codes: list[str]) -> None:
    """A halogen takes one bond, a metal any."""
    text = f"molecule: LIG\natoms:\n  C1: B P1A\n  {name}: B P1B\nbonds:\n  C1-{name}\n"
    assert found(text) == []
    twice = text.replace("  C1: B P1A\n", "  C1: B P1A\n  C2: B P1C\n")
    twice = twice.replace(f"C1-{name}", f"C1-{name}, C2-{name}")
    assert [d.code for d in found(twice)] == codes


def test_phosphates_and_like_branches_need_no_label() -> None:
    text = (
        "molecule: LIG\natoms:\n  C1: B P1A\n  O1: B P2AA\n  P: B P3AA\n  O2: B P4AA\n"
        "  O3: B P4AB\n  O4: B P4AC\n  C2: B P5CA\n  C3: B P6AA\n"
        "bonds:\n  C1-O1, O1-P, P=O2, P-O3, P-O4, O4-C2, C2-C3\ncharges:\n  O3: -1\n"
    )
    assert found(text) == []


def test_faults_of_a_patch_are_told_in_the_patch() -> None:
    folder = SHIPPED["martini3"]
    text = (folder / "cter.map").read_text()
    wrong = parse(planted(text, "  C-OXT", "  C=OXT"), "cter.map")
    files = [wrong, read_file(folder / "gly.map"), read_file(folder / "phe.map")]
    (only,) = check_chemistry_files(files)
    assert (only.code, only.path, marked(wrong.text, only)) == ("M402", "cter.map", "C=OXT")


# --- against a structure ---


@pytest.fixture(scope="module")
def butenol() -> Atoms:
    """Four molecules of (Z)-but-2-en-1-ol, heavy atoms."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    mol = Chem.AddHs(Chem.MolFromSmiles("C/C=C\\CO"))
    assert AllChem.EmbedMolecule(mol, randomSeed=5) == 0
    place = mol.GetConformer().GetPositions()[:5]
    residues = Residues(
        names=np.full(4, "LIG"), ids=np.arange(1, 5), icodes=np.full(4, ""), chains=np.full(4, "")
    )
    return Atoms(
        positions=np.concatenate([place + np.array([20.0 * i, 0, 0]) for i in range(4)]),
        names=np.tile(["C1", "C2", "C3", "C4", "O4"], 4),
        residue_index=np.repeat(np.arange(4), 5),
        residues=residues,
        elements=np.tile(["C", "C", "C", "C", "O"], 4),
    )


def against(text: str, atoms: Atoms) -> list[Diagnostic]:
    file = parse(text, "x.map")
    return check_structure(file, build_mapping(file), atoms, "x.gro")


def renamed(atoms: Atoms, old: str, new: str) -> Atoms:
    return replace(atoms, names=np.where(atoms.names == old, new, atoms.names))


def test_a_structure_that_fits_is_fine(butenol: Atoms) -> None:
    assert against(BUTENOL, butenol) == []
    file = parse(BUTENOL, "x.map")
    assert check_chemistry_files([file], butenol, "x.gro") == []


def test_names_that_only_one_of_the_two_has(butenol: Atoms) -> None:
    stranger, lost = against(BUTENOL, renamed(butenol, "O4", "O4X"))
    assert (lost.code, marked(BUTENOL, lost)) == ("M501", "O4")
    assert "'O4' is in none of the 4 LIG of x.gro" in lost.message
    assert "write O4, O4X" in (lost.help or "")
    assert (stranger.code, marked(BUTENOL, stranger)) == ("M501", "LIG")
    assert "has 'O4X' in 4 of 4 LIG (first: LIG 1)" in stranger.message


def test_a_residue_that_is_not_there(butenol: Atoms) -> None:
    (only,) = against(BUTENOL.replace("LIG", "LIH"), butenol)
    assert (only.code, only.help, only.note) == ("M501", "did you mean LIG?", "it has LIG (4)")


def test_an_atom_that_some_residues_lack(butenol: Atoms) -> None:
    keep = np.ones(len(butenol), dtype=bool)
    keep[9] = False
    (only,) = against(BUTENOL, butenol.subset(keep))
    assert only.code == "W502"
    assert "1 of 4 LIG of x.gro lack atoms (first: LIG 2 lacks O4)" in only.message


def test_two_atoms_of_one_name(butenol: Atoms) -> None:
    codes = {d.message for d in against(BUTENOL, renamed(butenol, "O4", "C4"))}
    assert "LIG 1 of x.gro has 2 atoms called 'C4'" in codes


def test_bonds_between_the_wrong_atoms(butenol: Atoms) -> None:
    text = planted(BUTENOL, "C3-C4, C4-O4", "C3-C4, C1-O4")
    lacking, long = against(text, butenol)
    assert (long.code, marked(text, long)) == ("M502", "C1-O4")
    assert "(4 of 4 are so)" in long.message
    assert (lacking.code, lacking.help) == ("M502", "add C4-O4 to 'bonds:'")


def test_a_stretched_bond_of_one_residue_is_a_warning(butenol: Atoms) -> None:
    positions = butenol.positions.copy()
    positions[4] += 3 * (positions[4] - positions[3])
    (only,) = against(BUTENOL, butenol.with_positions(positions))
    assert (only.code, marked(BUTENOL, only)) == ("W501", "C4-O4")
    assert "in LIG 1 of x.gro" in only.message


def test_the_other_hand() -> None:
    file = read_file(SHIPPED["martini3"] / "ala.map")
    mapping = build_mapping(file)
    ala = _alanine()
    assert check_structure(file, mapping, ala, "x.gro") == []
    mirrored = ala.with_positions(-ala.positions)
    (only,) = check_structure(file, mapping, mirrored, "x.gro")
    assert (only.code, only.help) == ("M503", "write 'CA: R'")
    assert marked(file.text, only) == "CA: S"


def _alanine() -> Atoms:
    positions = np.array(
        [[-0.97, 0.55, -1.0], [0.25, 0.43, -0.2], [1.2, -0.6, -0.83], [0.95, -1.1, -1.93],
         [-0.1, 0.0, 1.22]]
    )  # fmt: skip
    n_ca, c_ca, cb_ca = (positions[i] - positions[1] for i in (0, 2, 4))
    if np.linalg.det([n_ca, c_ca, cb_ca]) < 0:
        positions = -positions
    one = np.array([""])
    return Atoms(
        positions=positions,
        names=np.array(["N", "CA", "C", "O", "CB"]),
        residue_index=np.zeros(5, dtype=np.int64),
        residues=Residues(np.array(["ALA"]), np.array([1]), one, one),
        elements=np.array(["N", "C", "C", "O", "C"]),
    )


def test_beads_are_held_against_beads(butenol: Atoms) -> None:
    beads = renamed(butenol.subset(np.isin(butenol.names, ["C1", "C2"])), "C1", "B1")
    assert against(BUTENOL, renamed(beads, "C2", "B2")) == []
    stranger, lost = against(BUTENOL, renamed(beads, "C2", "B3"))
    assert (lost.code, marked(BUTENOL, lost)) == ("M501", "B2")
    assert "has bead 'B3' in 4 LIG, which the mapping lacks" in stranger.message


def test_a_mapping_without_bonds_takes_them_from_the_structure(butenol: Atoms) -> None:
    text = BUTENOL[: BUTENOL.index("bonds:")].replace("O4: B2 P3AA", "O4: B2 P2AB")
    found = check_chemistry_files([parse(text, "x.map")], butenol, "x.gro")
    (anchor,) = [d for d in found if d.code == "W402"]
    assert marked(text, anchor) == "P2AB"
    assert "rebuilt from C3, 2 bonds away" in anchor.message


def test_mutants_of_shipped_maps_raise_nothing() -> None:
    """Whatever the language accepts, the checks and the drawing take."""
    from random import Random

    from herobm.chem.drawing import draw

    random = Random(3)
    n_accepted = 0
    for _ in range(400):
        text = random.choice((PHE, TRP, CAFFEINE, BUTENOL))
        start = text.index("bonds:")
        chars = list(text)
        for _ in range(random.randint(1, 3)):
            place = random.randrange(start, len(chars))
            chars[place : place + random.randint(0, 1)] = random.choice("-=#:$CNO123,+ ")
        file = parse("".join(chars), "x.map")
        if any(d.is_error for d in check(file)):
            continue
        n_accepted += 1
        mapping = build_mapping(file)
        assert all(d.span is not None for d in check_chemistry(file, mapping))
        assert draw(mapping).startswith("<svg")
    assert n_accepted > 20
