"""Figures of an evaluation: nothing to find where nothing differs, known changes found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.chem.geometry import bond_statistics
from herobm.cli.evaluate import table
from herobm.dsl import load_set
from herobm.errors import HerobmError, MinimisationError, ModelError, StructureError
from herobm.evaluation.clashscore import clashscore
from herobm.evaluation.metrics import ASKED, METRICS, measure
from herobm.evaluation.run import Evaluation, evaluate
from herobm.io import read_atoms
from herobm.plan import Library, compile_library, project, reconstruct
from herobm.plan.bonds import plan_bonds
from herobm.plan.merge import merge_libraries
from herobm.system import Topology
from herobm.system.atomistic import coarse_grain
from herobm.types import Atoms, Beads, FloatArray, Residues

Peptide = Callable[[str], Atoms]
ROOT = Path(__file__).resolve().parents[2]


class Oracle:
    """Knows the answer, and shifts it."""

    def __init__(self, topology: Topology, positions: FloatArray, shift: float = 0.0) -> None:
        self.topology, self.shift = topology, shift
        self.vectors = project(topology.plan, topology.beads.positions, positions)

    def rebuild(self, beads: Beads) -> FloatArray:
        placed = reconstruct(self.topology.plan, beads.positions, self.vectors)
        return placed + np.array([self.shift, 0.0, 0.0])


def figures(topology: Topology, reference: FloatArray, predicted: FloatArray) -> dict[str, float]:
    bonds = bond_statistics(
        topology.plan, plan_bonds(topology.plan, topology.links.previous), reference, fewest=1
    )
    # one structure has no spread worth the name
    known = {label: (mean, 0.05) for label, (mean, _) in bonds.items()}
    return measure(topology, reference, predicted, topology.beads.positions, known)


def atom(topology: Topology, residue: int, name: str) -> int:
    plan = topology.plan
    return int(np.flatnonzero((plan.atom_residue == residue) & (plan.atom_names == name))[0])


def swapped(topology: Topology, positions: FloatArray, residue: int, *names: str) -> FloatArray:
    changed = positions.copy()
    for one, two in zip(names[::2], names[1::2], strict=True):
        a, b = atom(topology, residue, one), atom(topology, residue, two)
        changed[[a, b]] = positions[[b, a]]
    return changed


#: What is not zero of rough conformations, whatever they are compared with.
ROUGH = {"rama_favoured", "rama_outliers", "rotamer_outliers", "angle_outliers", "clashes"}
ZERO = {*METRICS} - {*ASKED} - ROUGH - {"chi1", "chi1+2", "longest_bond"}


def test_the_same_structure_has_no_errors(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("AVDKFCMRW"), martini3)
    found = figures(topology, reference, reference.copy())
    assert set(found) == {*METRICS} - {*ASKED}
    assert {k: found[k] for k in ZERO} == pytest.approx(dict.fromkeys(ZERO, 0.0), abs=1e-6)
    assert found["chi1"] == found["chi1+2"] == 1.0
    assert 1.8 < found["longest_bond"] < 1.9  # C-S


def test_a_shift_is_the_rmsd_and_the_remapping_error(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("AVDKF"), martini3)
    found = figures(topology, reference, reference + np.array([0.0, 0.3, 0.4]))
    for key in ("rmsd_backbone", "rmsd_sidechain", "rmsd_all", "rmsd_all_named"):
        assert found[key] == pytest.approx(0.5), key
    assert found["remap_error"] == pytest.approx(0.5)
    assert found["remap_error_max"] == pytest.approx(0.5)
    assert found["bond_mae"] == pytest.approx(0.0, abs=1e-9)


def test_a_moved_side_chain_leaves_the_backbone(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("GSG"), martini3)
    predicted = reference.copy()
    predicted[atom(topology, 1, "OG")] += [2.0, 0.0, 0.0]
    found = figures(topology, reference, predicted)
    assert found["rmsd_backbone"] == 0.0
    # CB, OG and OXT are no backbone
    assert found["rmsd_sidechain"] == pytest.approx(2.0 / np.sqrt(3))
    assert found["rmsd_all"] == pytest.approx(2.0 / np.sqrt(topology.plan.n_atoms))


@pytest.mark.parametrize(
    ("sequence", "names"),
    [
        ("GDG", ("OD1", "OD2")),
        ("GEG", ("OE1", "OE2")),
        ("GRG", ("NH1", "NH2")),
        ("GFG", ("CD1", "CD2", "CE1", "CE2")),
        ("GYG", ("CD1", "CD2", "CE1", "CE2")),
    ],
)
def test_names_that_mean_nothing_do_not_count(
    sequence: str, names: tuple[str, ...], martini3: Library, peptide: Peptide
) -> None:
    topology, reference = coarse_grain(peptide(sequence), martini3)
    found = figures(topology, reference, swapped(topology, reference, 1, *names))
    zero = ZERO - {"clashes", "remap_error", "remap_error_max"}  # a ring is more than one bead
    assert {k: found[k] for k in zero} == pytest.approx(dict.fromkeys(zero, 0.0), abs=1e-6)
    assert found["chi1+2"] == 1.0


def test_half_a_swap_of_a_ring_counts(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("GFG"), martini3)
    found = figures(topology, reference, swapped(topology, reference, 1, "CD1", "CD2"))
    assert found["rmsd_all"] > 0.5


def test_the_oxygens_of_the_chain_end_may_swap(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("GAG"), martini3)
    found = figures(topology, reference, swapped(topology, reference, 2, "O", "OXT"))
    assert found["rmsd_all"] == found["rmsd_all_named"] == 0.0


@pytest.mark.parametrize(("sequence", "names"), [("GVG", ("CG1", "CG2")), ("GLG", ("CD1", "CD2"))])
def test_names_that_carry_stereochemistry_count(
    sequence: str, names: tuple[str, ...], martini3: Library, peptide: Peptide
) -> None:
    topology, reference = coarse_grain(peptide(sequence), martini3)
    found = figures(topology, reference, swapped(topology, reference, 1, *names))
    assert found["prochiral_errors"] == 1
    assert found["chirality_errors"] == 0
    assert found["rmsd_all"] > 0.5
    assert found["rmsd_all_named"] == pytest.approx(found["rmsd_all"])


def test_an_exchanged_branch_of_threonine_is_a_wrong_hand(
    martini3: Library, peptide: Peptide
) -> None:
    topology, reference = coarse_grain(peptide("GTG"), martini3)
    found = figures(topology, reference, swapped(topology, reference, 1, "OG1", "CG2"))
    assert found["chirality_errors"] == 1


def turned(
    positions: FloatArray, one: int, two: int, moving: list[int], degrees: float
) -> FloatArray:
    """Turn atoms about the axis from `one` to `two`."""
    axis = positions[two] - positions[one]
    axis = axis / np.linalg.norm(axis)
    arms = positions[moving] - positions[two]
    angle = np.radians(degrees)
    rotated = (
        arms * np.cos(angle)
        + np.cross(axis, arms) * np.sin(angle)
        + np.outer(arms @ axis, axis) * (1 - np.cos(angle))
    )
    changed = positions.copy()
    changed[moving] = positions[two] + rotated
    return changed


@pytest.mark.parametrize(
    ("degrees", "share"), [(25.0, 1.0), (-25.0, 1.0), (35.0, 0.5), (180.0, 0.5)]
)
def test_chi_counts_within_thirty_degrees(
    degrees: float, share: float, martini3: Library, peptide: Peptide
) -> None:
    topology, reference = coarse_grain(peptide("GKGSG"), martini3)
    axis = atom(topology, 1, "CA"), atom(topology, 1, "CB")
    moving = [atom(topology, 1, n) for n in ("CG", "CD", "CE", "NZ")]
    found = figures(topology, reference, turned(reference, *axis, moving, degrees))
    assert found["chi1"] == share
    assert found["chi1+2"] == (1.0 if share == 1.0 else 0.0)  # serine has no chi2
    assert found["bond_mae"] == pytest.approx(0.0, abs=1e-9)
    assert found["angle_mae"] == pytest.approx(0.0, abs=1e-4)


def test_half_a_turn_of_a_ring_is_none_and_of_an_amide_is_one(
    martini3: Library, peptide: Peptide
) -> None:
    for sequence, rest, share in (
        ("GFG", ("CD1", "CD2", "CE1", "CE2", "CZ"), 1.0),
        ("GNG", ("OD1", "ND2"), 0.0),
    ):
        topology, reference = coarse_grain(peptide(sequence), martini3)
        axis = atom(topology, 1, "CB"), atom(topology, 1, "CG")
        moving = [atom(topology, 1, n) for n in rest]
        found = figures(topology, reference, turned(reference, *axis, moving, 180.0))
        assert found["chi1"] == 1.0
        assert found["chi1+2"] == share


def test_a_stretched_bond_is_found(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("GGG"), martini3)
    predicted = reference.copy()
    end, middle = atom(topology, 2, "OXT"), atom(topology, 2, "C")
    arm = reference[end] - reference[middle]
    predicted[end] += 0.5 * arm / np.linalg.norm(arm)
    found = figures(topology, reference, predicted)
    n_bonds = len(plan_bonds(topology.plan, topology.links.previous))
    assert found["bond_mae"] == pytest.approx(0.5 / n_bonds)
    assert found["bond_outliers"] == pytest.approx(1 / n_bonds)
    assert found["longest_bond"] == pytest.approx(np.linalg.norm(arm) + 0.5)


def test_a_peptide_bond_turned_over_is_found(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("GGG"), martini3)
    plan = topology.plan
    axis = atom(topology, 0, "C"), atom(topology, 1, "N")
    moving = [i for i in range(axis[1] + 1, plan.n_atoms)]
    over = turned(reference, *axis, moving, 180.0)
    first, second = (figures(topology, a, b) for a, b in ((reference, over), (over, reference)))
    # one of the two is the trans one; a cis bond that becomes trans is no fault
    assert sorted([first["cis_peptides"], second["cis_peptides"]]) == [0.0, 1.0]
    assert figures(topology, over, over)["cis_peptides"] == 0.0


def test_atoms_on_top_of_each_other_clash(martini3: Library, peptide: Peptide) -> None:
    topology, reference = coarse_grain(peptide("GGGGGG"), martini3)
    plan = topology.plan
    assert figures(topology, reference, reference)["clashes"] == 0.0
    predicted = reference.copy()
    predicted[atom(topology, 5, "OXT")] = reference[atom(topology, 0, "N")] + [2.3, 0.0, 0.0]
    assert figures(topology, reference, predicted)["clashes"] >= 1000.0 / plan.n_atoms
    # 1-4 neighbours never clash
    near = reference.copy()
    near[atom(topology, 0, "O")] = reference[atom(topology, 0, "N")] + [2.3, 0.0, 0.0]
    alone = plan.atom_residue == 0
    near[~alone] += 50.0
    assert figures(topology, reference, near)["clashes"] == 0.0


def test_a_residue_that_lacks_an_atom_does_not_count(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AKA")
    _, reference = coarse_grain(atoms, martini3)
    lysine = atoms.residue_index == 1
    cut = atoms.subset(~(lysine & np.isin(atoms.names, ["CE", "NZ"])))
    assert coarse_grain(cut, martini3)[0].plan.n_residues == 2  # without a bead, it is left out
    cut = atoms.subset(~(lysine & (atoms.names == "NZ")))
    topology, lacking = coarse_grain(cut, martini3)
    predicted = reference.copy()
    predicted[topology.plan.atom_residue == 1] += 5.0
    found = figures(topology, lacking, predicted)
    assert found["rmsd_all"] == pytest.approx(0.0, abs=1e-9)
    assert found["remap_error_max"] == pytest.approx(0.0, abs=1e-9)


def test_evaluation_of_a_perfect_rebuilder(martini3: Library, peptide: Peptide) -> None:
    known = {"one": peptide("AVDKF"), "two": peptide("CMRW")}
    laid_out = {len(a): coarse_grain(a, martini3)[1] for a in known.values()}

    def rebuilder(topology: Topology) -> Oracle:
        return Oracle(topology, laid_out[topology.plan.n_atoms], shift=0.1)

    found = evaluate(known.items(), martini3, rebuilder)
    assert [r.name for r in found.records] == ["one", "two"]
    assert [r.n_counted for r in found.records] == [5, 4]
    spread = found.summary()["rmsd_all"]
    assert (spread.mean, spread.sd, spread.n) == pytest.approx((0.1, 0.0, 2))
    assert found.as_json()["metrics"]["chirality_errors"]["total"] == 0


def test_noise_is_that_of_the_beads_and_the_same_each_time(
    martini3: Library, peptide: Peptide
) -> None:
    atoms = peptide("AVDKFCMRW")
    reference = coarse_grain(atoms, martini3)[1]

    def run(name: str, seed: int) -> float:
        found = evaluate(
            [(name, atoms)], martini3, lambda t: Oracle(t, reference), noise=0.3, seed=seed
        )
        return found.records[0].figures["rmsd_all"]

    assert run("a", 0) == run("a", 0)
    assert run("a", 0) != run("a", 1)
    assert run("a", 0) == pytest.approx(0.3 * np.sqrt(3), rel=0.3)


def test_a_structure_that_holds_nothing_mapped_is_set_aside(
    martini3: Library, peptide: Peptide
) -> None:
    atoms = peptide("AAA")
    stranger = replace(
        atoms, residues=replace(atoms.residues, names=np.full(3, "XXX", dtype=np.str_))
    )
    reference = coarse_grain(atoms, martini3)[1]
    found = evaluate([("good", atoms), ("bad", stranger)], martini3, lambda t: Oracle(t, reference))
    assert [r.name for r in found.records] == ["good"]
    ((name, reason),) = found.set_aside
    assert name == "bad"
    assert "bad: no residue" in reason


@pytest.mark.parametrize("kind", [StructureError, ModelError, MinimisationError])
def test_a_structure_that_cannot_be_rebuilt_is_set_aside(
    martini3: Library, peptide: Peptide, kind: type[HerobmError]
) -> None:
    """A step may fail on one structure; what was found of the others is not lost."""
    atoms = peptide("AAA")
    reference = coarse_grain(atoms, martini3)[1]
    left = iter([Oracle, Oracle])

    def rebuilder(topology: Topology) -> Oracle:
        if next(left, None) is None:
            raise kind("it does not work", "")
        return Oracle(topology, reference)

    found = evaluate([(name, atoms) for name in "abc"], martini3, rebuilder)
    assert [r.name for r in found.records] == ["a", "b"]
    assert found.set_aside == (("c", "it does not work"),)


def test_nothing_is_found_where_all_is_set_aside() -> None:
    found = Evaluation((), (("bad", "no residue of it is mapped"),), noise=0.0, seed=0)
    assert found.summary() == {}
    assert np.isnan([*found.divergences().values()]).all()
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert (told["n_structures"], told["kl_chi1"], told["kl_chi2"]) == (0, None, None)
    assert table(found, 1, "cpu", 1).startswith("0 structures, 0 residues")


def test_a_molecule_cut_by_the_box_is_measured_whole(martini3: Library, peptide: Peptide) -> None:
    atoms = peptide("AVDKF")
    box = np.array([60.0, 60.0, 60.0, 90.0, 90.0, 90.0])
    wrapped = replace(atoms, positions=np.mod(atoms.positions, 60.0), box=box)
    assert np.ptp(wrapped.positions) > 40.0
    topology, reference = coarse_grain(wrapped, martini3)
    found = figures(topology, reference, reference)
    assert found["remap_error_max"] == pytest.approx(0.0, abs=1e-9)
    assert found["longest_bond"] < 1.9


@pytest.mark.shared_data
def test_crystal_structures_hardly_clash(martini3: Library, shared_data: Path) -> None:
    from herobm.io import read_atoms

    for path in sorted((shared_data / "proteins/test").glob("*.pdb.gz"))[::70]:
        topology, reference = coarse_grain(read_atoms(path), martini3)
        known = np.where(np.isfinite(reference), reference, 1e4 + np.arange(3.0))
        found = figures(topology, reference, known)
        assert found["rmsd_all"] == found["chirality_errors"] == found["prochiral_errors"] == 0
        assert found["clashes"] < 1.0


def test_bonds_of_a_ligand_are_no_clashes(peptide: Peptide, martini3: Library) -> None:
    maps = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps"
    ligands = compile_library(load_set([maps / "cff.map"], "ligands"))
    library = merge_libraries([martini3, ligands])
    alone = peptide("AKF")
    caffeine = read_atoms(ROOT / "plugins/custom_ligand/tests/caffeine.pdb")
    far = caffeine.subset(caffeine.heavy)
    far = far.with_positions(far.positions + 60.0)
    columns = [
        np.concatenate([getattr(a.residues, c) for a in (alone, far)])
        for c in ("names", "ids", "icodes", "chains")
    ]
    both = Atoms(
        np.concatenate([alone.positions, far.positions]),
        np.concatenate([alone.names, far.names]),
        np.concatenate([alone.residue_index, far.residue_index + 3]),
        Residues(*columns),
        elements=np.concatenate([alone.symbols, far.symbols]),
    )
    found = []
    for atoms in (alone, both):
        topology, reference = coarse_grain(atoms, library, "x")
        counted = np.ones(topology.plan.n_residues, bool)
        found.append(clashscore(topology, reference, counted))
    assert found[0] >= found[1] > 0.0 or found == [0.0, 0.0]
