"""Hydrogens on peptides and on a ligand, and the ends of broken chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.dsl import build_set, check, parse
from herobm.errors import MinimisationError
from herobm.io import read_atoms, write_structure
from herobm.plan import Library, compile_library
from herobm.plugins.step_context import StepContext
from herobm.post.alone import context_of
from herobm.post.hydrogens import hydrogens
from herobm.system import build_topology, coarsen
from herobm.types import Atoms, Residues

Peptide = Callable[[str], Atoms]


def names_of(atoms: Atoms, residue: int) -> set[str]:
    return set(atoms.names[atoms.residue_index == residue].tolist())


def heavy(atoms: Atoms) -> Atoms:
    return atoms.subset(atoms.elements != "H")


def renamed(atoms: Atoms, residue: int, name: str) -> Atoms:
    names = atoms.residues.names.astype("<U4")
    names[residue] = name
    return replace(atoms, residues=replace(atoms.residues, names=names))


def test_a_peptide_gets_all_its_hydrogens_and_keeps_its_atoms(peptide: Peptide) -> None:
    atoms = peptide("AKG")
    full = hydrogens(atoms, StepContext())
    assert names_of(full, 0) >= {"H", "H2", "H3", "HA", "HB1", "HB2", "HB3"}
    assert names_of(full, 1) >= {"H", "HA", "HZ1", "HZ2", "HZ3"}
    assert names_of(full, 2) == {"N", "CA", "C", "O", "OXT", "H", "HA2", "HA3"}
    kept = heavy(full)
    assert kept.names.tolist() == atoms.names.tolist()
    np.testing.assert_allclose(kept.positions, atoms.positions, atol=1e-4)


def test_every_hydrogen_is_at_a_bond_length_from_its_residue(peptide: Peptide) -> None:
    full = hydrogens(peptide("SWH"), StepContext())
    for residue in range(3):
        own = full.subset(full.residue_index == residue)
        is_h = own.elements == "H"
        gaps = np.linalg.norm(own.positions[is_h, None] - own.positions[~is_h], axis=2).min(1)
        assert ((gaps > 0.96) & (gaps < 1.10)).all()


def test_the_ph_decides_about_acids_and_bases(peptide: Peptide) -> None:
    told: list[str] = []
    acid = hydrogens(peptide("GDHG"), StepContext(options={"ph": 2.0}, report=told.append))
    assert "HD2" in names_of(acid, 1)
    assert {"HD1", "HE2"} <= names_of(acid, 2)
    assert "1 ASH" in told[0]
    assert "1 HIP" in told[0]
    basic = hydrogens(peptide("GKDG"), StepContext(options={"ph": 12.0}))
    assert not {"HZ1", "HZ2", "HZ3"} <= names_of(basic, 1)
    assert "HD2" not in names_of(basic, 2)


@pytest.mark.parametrize(
    ("name", "with_", "without"),
    [("HIE", "HE2", "HD1"), ("HID", "HD1", "HE2"), ("HSE", "HE2", "HD1")],
)
def test_a_residue_name_that_tells_the_state_decides(
    peptide: Peptide, name: str, with_: str, without: str
) -> None:
    full = hydrogens(renamed(peptide("GHG"), 1, name), StepContext())
    assert with_ in names_of(full, 1)
    assert without not in names_of(full, 1)
    assert full.residues.names[1] == name


def test_the_same_seed_gives_the_same_hydrogens(peptide: Peptide) -> None:
    one, two = (hydrogens(peptide("AC"), StepContext(seed=3)) for _ in range(2))
    assert (one.positions == two.positions).all()


def broken(peptide: Peptide) -> Atoms:
    """A peptide of five residues whose third is not there."""
    atoms = peptide("AVGSA")
    return atoms.subset(atoms.residue_index != 2)


def test_a_broken_chain_gets_charged_ends(peptide: Peptide) -> None:
    told: list[str] = []
    full = hydrogens(broken(peptide), StepContext(report=told.append))
    assert "OXT" in names_of(full, 1)
    assert {"H", "H2", "H3"} <= names_of(full, 2)
    assert "1 break(s) with charged ends (the first: VAL 2 of chain A | SER 4" in told[-1]


@pytest.mark.parametrize("ends", ["charged", "capped"])
def test_a_ter_stands_where_a_chain_is_broken(peptide: Peptide, tmp_path: Path, ends: str) -> None:
    path = tmp_path / "broken.pdb"
    write_structure(path, hydrogens(broken(peptide), StepContext(options={"ends": ends})))
    lines = path.read_text().splitlines()
    ters = [line[17:26].split() for line in lines if line.startswith("TER")]
    first = {"charged": ["VAL", "A", "2"], "capped": ["NME", "A", "3"]}[ends]
    assert ters == [first, ["ALA", "A", "5"]]


def test_a_modified_residue_does_not_end_the_chain(peptide: Peptide) -> None:
    told: list[str] = []
    strange = renamed(peptide("AGSGA"), 2, "SEP")
    full = hydrogens(strange, StepContext(report=told.append))
    for residue in (0, 1, 2, 3):
        assert "OXT" not in names_of(full, residue)
    assert "H" in names_of(full, 3)
    assert "H2" not in names_of(full, 3)
    assert "SEP" in told[-1]


def test_a_ring_has_no_ends_and_is_refused(peptide: Peptide) -> None:
    chain = peptide("AGGGGA")
    chain = chain.subset(chain.names != "OXT")
    places = chain.positions.copy()
    last = (chain.residue_index == 5) & (chain.names == "C")
    first = (chain.residue_index == 0) & (chain.names == "N")
    places[first] = places[last] + [1.33, 0.0, 0.0]
    with pytest.raises(MinimisationError, match=r"C of ALA 6.* lies 1\.33 Å from N of ALA 1.*ring"):
        hydrogens(chain.with_positions(places), StepContext())


def test_a_broken_chain_gets_capped_ends(peptide: Peptide) -> None:
    full = hydrogens(broken(peptide), StepContext(options={"ends": "capped"}))
    assert full.residues.names.tolist() == ["ALA", "VAL", "NME", "ACE", "SER", "ALA"]
    assert "OXT" not in names_of(full, 1)
    assert names_of(full, 2) == {"N", "C", "H", "H1", "H2", "H3"}
    assert names_of(full, 3) == {"CH3", "C", "O", "H1", "H2", "H3"}
    assert "H2" not in names_of(full, 4)


@pytest.mark.parametrize(
    ("ids", "icodes", "caps"),
    [
        ([1, 2, 8, 9], ["", "", "", ""], ["NME 3", "ACE 7"]),
        ([1, 2, 4, 5], ["", "", "", ""], ["NME 3", "ACE 3A"]),
        ([1, 2, 3, 4], ["", "", "", ""], ["NME 2A", "ACE 2B"]),
        ([1, 2, 3, 4], ["", "A", "", ""], ["NME 2B", "ACE 2"]),
    ],
)
def test_caps_take_no_number_that_their_chain_has(
    peptide: Peptide, tmp_path: Path, ids: list[int], icodes: list[str], caps: list[str]
) -> None:
    atoms = broken(peptide)
    residues = replace(atoms.residues, ids=np.array(ids), icodes=np.array(icodes))
    context = StepContext(options={"ends": "capped"})
    full = hydrogens(replace(atoms, residues=residues), context)
    assert [full.residues.label(i).removesuffix(" of chain A") for i in (2, 3)] == caps
    kept = full.residues.take(np.array([0, 1, 4, 5]))
    assert (kept.ids.tolist(), kept.icodes.tolist()) == (ids, icodes)
    for extension in ("pdb", "cif", "gro"):
        path = tmp_path / f"a.{extension}"
        write_structure(path, full)
        back = read_atoms(path)
        assert back.residues.names.tolist() == full.residues.names.tolist()
        assert back.residue_index.tolist() == full.residue_index.tolist()


def test_molecules_without_chain_ids_do_not_take_numbers_from_each_other(
    peptide: Peptide,
) -> None:
    atoms = broken(peptide)
    n = len(atoms.residues)
    twice = Atoms(
        positions=np.concatenate([atoms.positions, atoms.positions + 50.0]),
        names=np.tile(atoms.names, 2),
        residue_index=np.concatenate([atoms.residue_index, atoms.residue_index + n]),
        residues=replace(
            atoms.residues.take(np.tile(np.arange(n), 2)),
            ids=np.array([1, 2, 8, 9, 1, 2, 3, 4]),
            chains=np.full(2 * n, ""),
        ),
        elements=np.tile(atoms.symbols, 2),
    )
    found = hydrogens(twice, StepContext(options={"ends": "capped"})).residues
    caps = [found.label(i) for i in np.flatnonzero(np.isin(found.names, ["NME", "ACE"]))]
    assert caps == ["NME 3", "ACE 7", "NME 2A", "ACE 2B"]


def test_two_pieces_that_ter_parts_are_no_broken_chain(peptide: Peptide) -> None:
    told: list[str] = []
    atoms = broken(peptide)
    residues = replace(atoms.residues, pieces=np.array([0, 0, 1, 1]))
    context = StepContext(options={"ends": "capped"}, report=told.append)
    full = hydrogens(replace(atoms, residues=residues), context)
    assert full.residues.names.tolist() == ["ALA", "VAL", "SER", "ALA"]
    assert "OXT" in names_of(full, 1)
    assert not any("break" in line for line in told)


def test_a_ligand_gets_hydrogens_from_its_mapping(
    caffeine: tuple[Atoms, StepContext],
) -> None:
    atoms, context = caffeine
    full = hydrogens(atoms, context)
    assert len(full) == 24
    wanted = {"H101", "H102", "H103", "H121", "H122", "H123", "H141", "H142", "H143", "H8"}
    assert names_of(full, 0) >= wanted


def test_a_ligand_that_lacks_atoms_does_not_stand_for_another_one(
    caffeine: tuple[Atoms, StepContext],
) -> None:
    """Both have the same name and number; the mapping serves the second one only."""
    whole, known = caffeine
    assert known.topology is not None
    lacking = ~np.isin(whole.names, ["N1", "C6", "C10", "O13"])
    both = Atoms(
        positions=np.concatenate([whole.positions[lacking], whole.positions + 30.0]),
        names=np.concatenate([whole.names[lacking], whole.names]),
        residue_index=np.repeat([0, 1], [lacking.sum(), len(whole)]),
        residues=replace(whole.residues.take(np.array([0, 0])), chains=np.array(["X", "Y"])),
        elements=np.concatenate([whole.symbols[lacking], whole.symbols]),
    )
    full = hydrogens(both, context_of(both, known.topology.plan.library))
    counts = np.bincount(full.residue_index[~full.heavy], minlength=2)
    assert counts.tolist() == [0, 10]


def test_a_molecule_that_nobody_knows_is_named(caffeine: tuple[Atoms, StepContext]) -> None:
    told: list[str] = []
    atoms, _ = caffeine
    full = hydrogens(atoms, StepContext(report=told.append))
    assert len(full) == 14
    assert "no mapping tells their chemistry: CFF" in told[-1]


def test_a_ph_that_makes_no_sense_is_refused(peptide: Peptide) -> None:
    with pytest.raises(MinimisationError, match="a pH of 20"):
        hydrogens(peptide("GG"), StepContext(options={"ph": 20.0}))


def test_a_context_with_a_plan_gives_the_same_as_none(peptide: Peptide, martini3: Library) -> None:
    atoms = peptide("ACDH")
    topology = build_topology(coarsen(atoms, martini3), martini3)
    with_plan = hydrogens(atoms, StepContext(topology=topology, beads=topology.beads))
    without = hydrogens(atoms, StepContext())
    assert with_plan.names.tolist() == without.names.tolist()


@pytest.mark.parametrize(
    ("name", "oxygen", "expected"),
    [("SOL", "OW", {"HW1", "HW2"}), ("TIP3", "OH2", {"H1", "H2"}), ("HOH", "O", {"H1", "H2"})],
)
def test_water_gets_hydrogens_whatever_its_oxygen_is_called(
    name: str, oxygen: str, expected: set[str]
) -> None:
    residues = Residues(np.array([name]), np.array([1]), np.array([""]), np.array(["W"]))
    water = Atoms(
        np.zeros((1, 3)), np.array([oxygen]), np.zeros(1, dtype=np.int64), residues,
        elements=np.array(["O"]),
    )  # fmt: skip
    assert names_of(hydrogens(water, StepContext()), 0) == {oxygen} | expected


@pytest.mark.parametrize(
    ("residue", "atom", "charge", "element"),
    [
        ("NA", "NA", "+1", "Na"),
        ("CA", "CA", "+2", "Ca"),
        ("RB", "RB", "0", "Rb"),
        ("CL", "CL", "0", "Cl"),
    ],
)
def test_an_ion_of_a_mapping_is_one_and_gets_no_hydrogens(
    residue: str, atom: str, charge: str, element: str
) -> None:
    text = f"molecule: {residue}\natoms:\n  {atom}: {atom} P0A\n"
    file = parse(text + f"charges:\n  {atom}: {charge}\n" * (charge != "0"), "ion.map")
    assert not list(check(file))
    library = compile_library(build_set([file], "ions"))
    assert library.templates[0].elements == (element,)
    residues = Residues(np.array([residue]), np.array([1]), np.array([""]), np.array(["I"]))
    ion = Atoms(np.zeros((1, 3)), np.array([atom]), np.zeros(1, dtype=np.int64), residues)
    assert names_of(hydrogens(ion, context_of(ion, library)), 0) == {atom}


def test_an_amino_acid_that_lacks_atoms_is_named(peptide: Peptide) -> None:
    atoms = peptide("ALA")
    cut = atoms.subset(~((atoms.residue_index == 1) & np.isin(atoms.names, ["CD1", "CD2"])))
    with pytest.raises(MinimisationError, match="LEU 2 of chain A lacks CD1, CD2, where"):
        hydrogens(cut, StepContext())


def test_deuterium_counts_as_hydrogen(peptide: Peptide) -> None:
    full = hydrogens(peptide("ADS"), StepContext())
    light = ~full.heavy
    names = np.where(light, np.char.replace(full.names, "H", "D", 1), full.names)
    heavy_water = replace(full, names=names, elements=np.where(light, "D", full.symbols))
    assert len(hydrogens(heavy_water, StepContext())) == len(full)


def test_the_fourth_site_of_water_goes_along() -> None:
    residues = Residues(np.array(["SOL"]), np.array([1]), np.array([""]), np.array(["W"]))
    water = Atoms(
        np.arange(12.0).reshape(4, 3) / 5, np.array(["OW", "HW1", "HW2", "MW"]),
        np.zeros(4, dtype=np.int64), residues, elements=np.array(["O", "H", "H", ""]),
    )  # fmt: skip
    assert hydrogens(water, StepContext()).names.tolist() == ["OW", "HW1", "HW2", "MW"]
