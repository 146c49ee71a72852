"""``herobm post``: one step on a structure file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from herobm.io import (
    TrajectoryWriter,
    open_trajectory,
    read_atoms,
    read_beads,
    write_structure,
)
from herobm.post.settings import find_platform
from herobm.system.periodic import box_matrix
from herobm.types import Atoms, Residues


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
    shift = np.random.default_rng(0).normal(0, 0.03, given.positions.shape)
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


def test_consistency_mends_bonds_that_are_too_long(
    herobm, peptide: Callable[[str], Atoms], beads: Path, tmp_path: Path
) -> None:
    """Lengths are those of crystal structures where no weights tell them."""
    atoms = peptide("MAGPSHFW")
    names = list(zip(atoms.residue_index.tolist(), atoms.names.tolist(), strict=True))
    cb, og = names.index((4, "CB")), names.index((4, "OG"))
    along = atoms.positions[og] - atoms.positions[cb]
    atoms.positions[og] += 0.3 * along / np.linalg.norm(along)
    write_structure(tmp_path / "long.pdb", atoms)
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "consistency", tmp_path / "long.pdb", "--cg", beads, "-o", out)
    assert outcome.code == 0
    after = read_atoms(out).positions
    assert np.linalg.norm(after[og] - after[cb]) == pytest.approx(1.417, abs=0.06)


def test_options_of_steps_that_do_not_run_are_refused(
    herobm, structure: Path, tmp_path: Path
) -> None:
    outcome = herobm("post", "backbone", structure, "-o", tmp_path / "out.pdb", "--ph", 5)
    assert outcome.code == 2
    assert "--ph: for hydrogens, which does not run" in " ".join(outcome.err.split())
    flags = ["-o", tmp_path / "out.pdb", "--tolerance", 10]
    outcome = herobm("post", "hydrogens", structure, *flags)
    assert outcome.code == 2
    assert "--tolerance: for minimise, which does not run" in " ".join(outcome.err.split())
    assert not (tmp_path / "out.pdb").exists()


def test_a_minimisation_adds_hydrogens_as_they_are_asked_for(
    herobm, structure: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "minimise", structure, "-o", out, "--ph", 4)
    assert outcome.code == 0
    assert "at pH 4" in outcome.out


def test_backbone_needs_no_beads(herobm, structure: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.cif"
    outcome = herobm("post", "backbone", structure, "-o", out)
    assert outcome.code == 0
    assert "residues made regular" in outcome.out
    assert len(read_atoms(out)) == len(read_atoms(structure))


def test_a_bent_side_chain_is_laid_in_a_rotamer(
    herobm, peptide: Callable[[str], Atoms], tmp_path: Path
) -> None:
    atoms = peptide("MAGPSHFW")
    cb, sd = (int(np.flatnonzero(atoms.names == name)[0]) for name in ("CB", "SD"))
    middle = (atoms.positions[cb] + atoms.positions[sd]) / 2.0
    cg = int(np.flatnonzero(atoms.names == "CG")[0])
    atoms.positions[cg] = 0.7 * middle + 0.3 * atoms.positions[cg]  # CB-CG-SD nearly in a line
    write_structure(tmp_path / "bent.pdb", atoms)
    out, again = tmp_path / "out.pdb", tmp_path / "again.pdb"
    outcome = herobm("post", "rotamers", tmp_path / "bent.pdb", "-o", out, "--mapping", "ca_only")
    assert outcome.code == 0
    assert "side chains were bent or in no rotamer and are laid in one" in outcome.out
    after = read_atoms(out)
    arms = after.positions[[cb, sd]] - after.positions[cg]
    cosine = arms[0] @ arms[1] / np.prod(np.linalg.norm(arms, axis=1))
    assert np.degrees(np.arccos(cosine)) == pytest.approx(112.7, abs=6.0)
    outcome = herobm("post", "rotamers", out, "-o", again, "--mapping", "ca_only")
    assert "no side chain is bent or in no rotamer; nothing is moved" in outcome.out
    np.testing.assert_array_equal(read_atoms(again).positions, after.positions)


@pytest.mark.parametrize("with_beads", [False, True])
def test_molecules_that_the_box_cuts_are_put_together(
    herobm, peptide: Callable[[str], Atoms], tmp_path: Path, with_beads: bool
) -> None:
    whole = peptide("MAGPSHFW")
    box = np.array([30.0, 28.0, 26.0, 75.0, 80.0, 70.0])
    vectors = box_matrix(box)
    middle = whole.positions.mean(axis=0)
    placed = (whole.positions - middle) @ np.linalg.inv(vectors)  # the middle lies on a corner
    cut = replace(whole, positions=(placed - np.floor(placed)) @ vectors, box=box)
    assert np.ptp(cut.positions, axis=0).max() > np.ptp(whole.positions, axis=0).max()
    write_structure(tmp_path / "cut.pdb", cut)
    write_structure(tmp_path / "whole.pdb", replace(whole, box=box))
    beads, out = tmp_path / "cg.pdb", tmp_path / "out.cif"
    outcome = herobm("coarsen", tmp_path / "whole.pdb", "--mapping", "martini3", "-o", beads)
    assert outcome.code == 0
    options = ["--cg", beads] if with_beads else []
    step = "consistency" if with_beads else "hydrogens"
    outcome = herobm("post", step, tmp_path / "cut.pdb", *options, "-o", out)
    assert outcome.code == 0, outcome.err
    after = read_atoms(out)
    heavy = after.subset(after.elements != "H").positions[: len(whole)]
    if with_beads:
        assert np.abs(heavy - whole.positions).max() < 0.3  # unusual angles are opened
    names = after.subset(after.elements != "H").names[: len(whole)]
    assert names.tolist() == whole.names.tolist()
    gaps = np.linalg.norm(heavy[:, None] - heavy, axis=2)
    wanted = np.linalg.norm(whole.positions[:, None] - whole.positions, axis=2)
    assert np.abs(gaps - wanted).max() < 0.4


@pytest.mark.parametrize("lacking", [("N",), ("CB", "CG", "SD", "CE"), ("CA", "O")])
def test_a_residue_that_lacks_atoms_does_not_part_a_molecule(
    herobm, peptide: Callable[[str], Atoms], tmp_path: Path, lacking: tuple[str, ...]
) -> None:
    whole = peptide("AGPSMAGPS")
    gone = (whole.residue_index == 4) & np.isin(whole.names, lacking)
    whole = whole.subset(~gone)
    edges = np.array([25.0, 30.0, 30.0])
    middle = whole.positions[whole.residue_index == 4].mean(axis=0)
    cut = replace(
        whole,
        positions=np.mod(whole.positions - middle, edges),
        box=np.concatenate([edges, np.full(3, 90.0)]),
    )
    write_structure(tmp_path / "cut.pdb", cut)
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "consistency", tmp_path / "cut.pdb", "-o", out)
    assert outcome.code == 0, outcome.err
    gaps = np.linalg.norm(whole.positions[:, None] - whole.positions, axis=2)
    after = read_atoms(out).positions
    assert np.abs(np.linalg.norm(after[:, None] - after, axis=2) - gaps).max() < 0.01


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
    said = " ".join(outcome.err.split())
    assert f"8 mapped residues are not those of {ubiquitin}, which are 76: residue 2" in said
    assert "residue 2 of them is GLN 2 of chain A there and ALA 2 of chain A here" in said
    assert not out.exists()


def test_beads_of_more_residues_are_refused(
    herobm, structure: Path, beads: Path, tmp_path: Path
) -> None:
    cut = [line for line in structure.read_text().splitlines() if line[17:20] != "TRP"]
    (tmp_path / "cut.pdb").write_text("\n".join(cut) + "\n")
    flags = ("--cg", beads, "-o", tmp_path / "out.pdb")
    outcome = herobm("post", "consistency", tmp_path / "cut.pdb", *flags)
    assert outcome.code == 1
    assert "residue 8 of them is TRP 8 of chain A there and none here" in outcome.err


@pytest.mark.parametrize(("state", "hydrogens"), [("HID", ["HD1"]), ("HIP", ["HD1", "HE2"])])
def test_a_protonation_state_that_the_atoms_name_is_no_other_residue(
    herobm, structure: Path, beads: Path, tmp_path: Path, state: str, hydrogens: list[str]
) -> None:
    named, out = tmp_path / "named.pdb", tmp_path / "out.pdb"
    named.write_text(structure.read_text().replace("HIS", state))
    steps = "consistency,hydrogens,minimise"
    outcome = herobm("post", steps, named, "--cg", beads, "-o", out, "--platform", "CPU")
    assert outcome.code == 0, outcome.err
    assert "23 of 23 beads are reached within 0.01 Å" in outcome.out
    after = read_atoms(out)
    assert after.residues.names[5] in ("HIS", state)
    mine = after.names[after.residue_index == 5]
    assert [name for name in ("HD1", "HE2") if name in mine] == hydrogens
    again = tmp_path / "again.pdb"
    assert herobm("coarsen", out, "--mapping", "martini3", "-o", again).code == 0
    gap = read_beads(again).positions - read_beads(beads).positions
    assert np.linalg.norm(gap, axis=1).mean() < 0.25  # of an extended peptide in vacuum


def test_beads_that_lie_elsewhere_are_refused(
    herobm, structure: Path, beads: Path, tmp_path: Path
) -> None:
    given, out, shifted = read_beads(beads), tmp_path / "out.pdb", tmp_path / "shifted.pdb"
    away = np.array([30.0, 0.0, 0.0])
    write_structure(shifted, given.with_positions(given.positions + away))
    outcome = herobm("post", "backbone,consistency", structure, "--cg", shifted, "-o", out)
    assert (outcome.code, out.exists()) == (1, False)
    where = f"beads of {shifted} lie 30 Å (median) from where the atoms of {structure} have them"
    assert where in " ".join(outcome.err.split())
    assert "superpose" in outcome.err.partition("hint:")[2]


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


@pytest.mark.parametrize("mapping", ["martini3", "ca_only/ca"])
@pytest.mark.parametrize("step", ["hydrogens", "backbone"])
def test_beads_are_no_atoms(
    herobm, structure: Path, tmp_path: Path, mapping: str, step: str
) -> None:
    beads, out = tmp_path / "cg.pdb", tmp_path / "out.pdb"
    assert herobm("coarsen", structure, "--mapping", mapping, "-o", beads).code == 0
    outcome = herobm("post", step, beads, "-o", out)
    assert (outcome.code, out.exists()) == (1, False)
    assert f"{beads}: this holds beads, not atoms: 8 of 8 residues" in outcome.err
    assert f"herobm backmap {beads}" in outcome.err.partition("hint:")[2]


def test_a_residue_that_lacks_atoms_is_named_as_in_the_file(
    herobm, structure: Path, tmp_path: Path
) -> None:
    cut, out = tmp_path / "cut.pdb", tmp_path / "out.pdb"
    lines = structure.read_text().splitlines()
    cut.write_text("\n".join(x for x in lines if x[12:20] not in (" ND1 HIS", " CE1 HIS")))
    outcome = herobm("post", "hydrogens", cut, "-o", out)
    assert (outcome.code, out.exists()) == (1, False)
    assert f"{cut}: HIS 6 of chain A lacks ND1, CE1, where hydrogens would be put" in outcome.err


@pytest.fixture
def bridged(peptide: Callable[[str], Atoms], tmp_path: Path) -> Path:
    """Chain A lacks residues 3 and 4; its cysteine, behind them, is bridged to that of chain B."""
    one, two = peptide("GAGGSCG"), peptide("GCG")
    one = one.subset(~np.isin(one.residue_index, (2, 3)))
    ends = [x.positions[x.names == "SG"][0] for x in (one, two)]
    away, inwards = ends[0] - one.positions.mean(axis=0), two.positions.mean(axis=0) - ends[1]
    away /= np.linalg.norm(away)
    turn, _ = Rotation.align_vectors([away], [inwards])
    there = turn.apply(two.positions - ends[1]) + ends[0] + 2.05 * away
    columns = [
        np.concatenate([getattr(x.residues, name) for x in (one, two)])
        for name in ("names", "ids", "icodes")
    ]
    both = Atoms(
        positions=np.concatenate([one.positions, there]),
        names=np.concatenate([one.names, two.names]),
        residue_index=np.concatenate([one.residue_index, two.residue_index + 5]),
        residues=Residues(*columns, np.repeat(["A", "B"], [5, 3])),
        elements=np.concatenate([one.symbols, two.symbols]),
    )
    write_structure(tmp_path / "bridged.pdb", both)
    return tmp_path / "bridged.pdb"


@pytest.mark.parametrize("step", ["hydrogens", "hydrogens,minimise"])
def test_bridges_are_written_where_caps_were_added(
    herobm, bridged: Path, tmp_path: Path, step: str
) -> None:
    out = tmp_path / "out.pdb"
    outcome = herobm("post", step, bridged, "--ends", "capped", "-o", out)
    assert outcome.code == 0, outcome.err
    after = read_atoms(out)
    assert after.residues.names.tolist()[2:4] == ["NME", "ACE"]
    lines = out.read_text().splitlines()
    [bridge] = [line for line in lines if line.startswith("SSBOND")]
    assert bridge.split()[2:8] == ["CYS", "A", "6", "CYS", "B", "2"]
    sulfurs = [line[6:11] for line in lines if line.startswith("ATOM") and line[13:15] == "SG"]
    joined = [line.split()[1:] for line in lines if line.startswith("CONECT")]
    assert sorted(joined) == sorted([[x.strip() for x in sulfurs[::k]] for k in (1, -1)])


#: Methanol, which no mapping and no force field has, far from everything.
STRANGER = [
    "HETATM 9001  C1  XYZ B   1      60.000  40.000  40.000  1.00  0.00           C",
    "HETATM 9002  O1  XYZ B   1      61.400  40.000  40.000  1.00  0.00           O",
]
SOLVENT = [
    "HETATM 9003  O   HOH W   1      50.000  50.000  40.000  1.00  0.00           O",
    "HETATM 9004 NA    NA W   2      55.000  50.000  40.000  1.00  0.00          NA",
]


@pytest.fixture
def mixed(structure: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write the peptide with other molecules behind it."""

    def write(*more: str) -> Path:
        atoms = [x for x in structure.read_text().splitlines() if x.startswith("ATOM")]
        path = tmp_path / "mixed.pdb"
        path.write_text("\n".join([*atoms, *more, "END"]) + "\n")
        return path

    return write


def test_what_is_not_mapped_is_left_out_where_told_so(
    herobm, structure: Path, mixed: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.pdb"
    path = mixed(*STRANGER, *SOLVENT)
    outcome = herobm("post", "backbone", path, "-o", out, "--skip-unmapped")
    assert outcome.code == 0
    assert "XYZ: 1 (first: XYZ 1 of chain B); HOH: 1" in outcome.err
    assert len(read_atoms(out)) == len(read_atoms(structure))


def test_water_and_ions_are_minimised_with_the_protein(
    herobm, mixed: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "minimise", mixed(*SOLVENT), "-o", out, "--platform", "CPU")
    assert outcome.code == 0, outcome.err
    after = read_atoms(out)
    assert after.residues.names.tolist()[-2:] == ["HOH", "NA"]
    assert after.names[after.residue_index == len(after.residues) - 2].tolist() == ["O", "H1", "H2"]


def test_a_molecule_that_nobody_knows_stops_the_minimisation(
    herobm, mixed: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.pdb"
    arguments = ("post", "minimise", mixed(*STRANGER), "-o", out, "--platform", "CPU")
    outcome = herobm(*arguments)
    assert (outcome.code, out.exists()) == (1, False)
    assert "XYZ 1 of chain B has no template in amber14" in outcome.err
    for way in (["--unmapped", "leave"], ["--skip-unmapped"]):
        assert way[0] in outcome.err
        assert herobm(*arguments, *way, "--overwrite").code == 0
        assert ("XYZ" in read_atoms(out).residues.names) is (way[0] == "--unmapped")


def test_a_step_that_fails_leaves_what_was_done_before(
    herobm, mixed: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.pdb"
    outcome = herobm("post", "hydrogens,minimise", mixed(*STRANGER), "-o", out)
    assert outcome.code == 1
    assert "XYZ 1 of chain B has no template" in outcome.err
    assert f"atoms without the step that failed: {out}" in outcome.out
    assert (read_atoms(out).elements == "H").sum() > 50


def test_every_frame_of_a_trajectory(herobm, mixed: Callable[..., Path], tmp_path: Path) -> None:
    path, traj, out = mixed(*SOLVENT), tmp_path / "in.xtc", tmp_path / "out.xtc"
    given = read_atoms(path)
    with TrajectoryWriter(traj, len(given)) as writer:
        for step in range(4):
            writer.write(given.positions + step, None, 10.0 * step, step)
    flags = ("-f", traj, "-o", out, "--platform", "CPU", "-b", 1, "--skip-unmapped")
    outcome = herobm("post", "minimise", path, *flags)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("3 frames; the first one:\nminimise")
    first = read_atoms(out.with_suffix(".pdb"))
    assert set(first.residues.names) == set("MET ALA GLY PRO SER HIS PHE TRP".split())
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        frames = list(read)
    assert [frame.time for frame in frames] == [10.0, 20.0, 30.0]
    for number, frame in enumerate(frames):
        assert np.abs(frame.positions - first.positions - number).max() < 0.3


def test_a_first_frame_that_pdb_cannot_hold_is_written_as_mmcif(
    herobm, structure: Path, tmp_path: Path
) -> None:
    given = read_atoms(structure)
    named = replace(given.residues, chains=np.full(len(given.residues), "PROA"))
    path, traj, out = tmp_path / "in.cif", tmp_path / "in.xtc", tmp_path / "out.xtc"
    write_structure(path, replace(given, residues=named))
    with TrajectoryWriter(traj, len(given)) as writer:
        for step in range(2):
            writer.write(given.positions, None, 10.0 * step, step)
    outcome = herobm("post", "consistency", path, "-f", traj, "-o", out)
    assert outcome.code == 0, outcome.err
    beside = out.with_suffix(".cif")
    assert f"longer than one character; the first frame goes to {beside}\n" in outcome.err
    assert outcome.out.endswith(f"atoms written to {out}, first frame to {beside}\n")
    with open_trajectory(beside, out) as read:
        assert len(read) == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_steps_are_told_how_many_threads_there_are(
    herobm, structure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """As OpenMM gets them."""
    given: list[dict[str, str]] = []

    def find(name: str | None, threads: int) -> tuple[Any, dict[str, str]]:
        platform, properties = find_platform(name, threads)
        given.append(properties)
        return platform, properties

    monkeypatch.setattr("herobm.post.minimise.find_platform", find)
    flags = ("-o", tmp_path / "out.pdb", "--platform", "CPU", "--threads", threads)
    outcome = herobm("post", "minimise", structure, *flags)
    assert outcome.code == 0, outcome.err
    assert [properties["Threads"] for properties in given] == [str(threads)]
    refused = herobm("post", "minimise", structure, "-o", tmp_path / "no.pdb", "--threads", 0)
    assert refused.code == 2


def test_beads_of_one_structure_do_not_hold_a_trajectory(
    herobm, structure: Path, beads: Path, tmp_path: Path
) -> None:
    flags = ("-f", tmp_path / "in.xtc", "-o", tmp_path / "out.xtc", "--cg", beads)
    assert herobm("post", "minimise", structure, *flags).code == 2
