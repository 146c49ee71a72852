"""Planted faults are found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from herobm.chem.conformers.conformer import conformer
from herobm.chem.judging.summary import plausibility
from herobm.chem.judging.verdict import FAULTS, FIGURES, NUMBERS, Judge, Verdict, divergence
from herobm.chem.protein.ramachandran import CLASSES
from herobm.dsl import load_set
from herobm.plan import Library, compile_library
from herobm.system.atomistic import AtomLayout
from herobm.system.coarsen import coarsen, coarsen_plan
from herobm.system.periodic import box_matrix
from herobm.types import Atoms, FloatArray

Peptide = Callable[[str], Atoms]
ROOT = Path(__file__).parents[3]
SEQUENCE = "ADGKLVTFY"


@pytest.fixture(scope="module")
def judge(martini3: Library, peptide: Peptide) -> Judge:
    return Judge(AtomLayout.of(peptide(SEQUENCE), martini3).topology)


@pytest.fixture
def positions(martini3: Library, peptide: Peptide) -> FloatArray:
    atoms = peptide(SEQUENCE)
    return AtomLayout.of(atoms, martini3).place(atoms.positions, None)


def atom(judge: Judge, residue: int, name: str) -> int:
    plan = judge.plan
    return int(np.flatnonzero((plan.atom_residue == residue) & (plan.atom_names == name))[0])


def faults(verdict: Verdict, kind: str) -> list[int]:
    return np.flatnonzero(verdict.faults[FAULTS.index(kind)]).tolist()


def test_all_is_counted(judge: Judge, positions: FloatArray) -> None:
    verdict = judge.judge(positions)
    assert verdict.counts["rama"] == len(SEQUENCE) - 2
    assert verdict.counts["peptides"] == len(SEQUENCE) - 1
    assert verdict.counts["rotamers"] == len(SEQUENCE) - 2  # not ALA and GLY
    assert verdict.counts["bonds"] > 70
    assert verdict.counts["angles"] > 80
    assert verdict.counts["atoms"] == len(positions)
    assert verdict.torsions.sum() == verdict.counts["rama"]
    assert verdict.chi.sum(axis=1).tolist() == [7, 5]
    figures = verdict.figures()
    assert list(figures) == list(FIGURES)
    assert all(figures[key] == 0 for key in NUMBERS)
    assert np.isnan(figures["remap_error"])


def test_what_no_frame_has_is_still_counted(judge: Judge, positions: FloatArray) -> None:
    one = judge.judge(positions)
    both = one + one
    assert both.counts.keys() == one.counts.keys()
    assert both.counts == {kind: 2 * count for kind, count in one.counts.items()}


def test_a_mirror_image_has_wrong_hands(judge: Judge, positions: FloatArray) -> None:
    verdict = judge.judge(positions * [1, 1, -1])
    assert verdict.figures()["chirality_errors"] == len(SEQUENCE) - 1 + 1  # CB of THR
    assert SEQUENCE.index("G") not in faults(verdict, "wrong hand")


def test_d_residues_are_judged_as_mirror_images(
    judge: Judge, positions: FloatArray, peptide: Peptide
) -> None:
    folder = ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein"
    known = load_set(sorted(folder.glob("*.map")), "martini3/protein")
    other = {"R": "S", "S": "R"}
    mirrored = [
        m.model_copy(
            update={
                "stereo": tuple(s.model_copy(update={"label": other[s.label]}) for s in m.stereo)
            }
        )
        for m in known
    ]
    library = compile_library(known.model_copy(update={"mappings": tuple(mirrored)}))
    image = Judge(AtomLayout.of(peptide(SEQUENCE), library).topology)
    wanted, found = judge.judge(positions), image.judge(positions * [1, 1, -1])
    assert wanted.counts["rama_outliers"] + wanted.counts["rotamer_outliers"] > 0  # some to mirror
    names = dict.fromkeys(("prochiral_errors",), 2)  # VAL and LEU, whose branches have names
    assert found.counts == wanted.counts | names
    assert (found.faults[:3] == wanted.faults[:3]).all()
    chiral = [kind != "glycine" for kind in CLASSES]
    assert (found.torsions == wanted.torsions)[chiral].all()
    assert (image.hands == np.where(np.array(list(SEQUENCE)) == "G", 1, -1)).all()
    assert (judge.hands == 1).all()


def test_a_centre_that_is_nearly_flat_is_told(judge: Judge, positions: FloatArray) -> None:
    valine = SEQUENCE.index("V")
    centre, *corners = (atom(judge, valine, name) for name in ("CA", "N", "C", "CB"))
    flat = positions.copy()
    middle = positions[corners].mean(axis=0)
    flat[centre] = middle + 0.1 * (positions[centre] - middle)
    verdict = judge.judge(flat)
    assert verdict.figures()["flat_centres"] == 1
    assert verdict.figures()["chirality_errors"] == 0
    assert "flat centres      1, right by little" in plausibility(verdict)


def test_a_stretched_bond_is_found(judge: Judge, positions: FloatArray) -> None:
    valine, bonds = SEQUENCE.index("V"), judge.bonds
    ends = [atom(judge, valine, name) for name in ("CB", "CG1")]
    (bond,) = np.flatnonzero((bonds == ends).all(axis=1))
    mean, sd = judge.bond_reference[bond]
    way = positions[ends[1]] - positions[ends[0]]
    way /= np.linalg.norm(way)
    numbers = []
    for off in (0.0, 3.9, 4.1):
        positions[ends[1]] = positions[ends[0]] + way * (mean + off * sd)
        numbers.append(judge.judge(positions).counts["bond_outliers"])
    assert numbers[0] == numbers[1] == numbers[2] - 1


@pytest.mark.parametrize(("turn", "kind"), [(180.0, "cis peptide"), (90.0, "twisted peptide")])
def test_a_turned_peptide_is_found(
    judge: Judge, positions: FloatArray, turn: float, kind: str
) -> None:
    """All that comes after a bond C-N is turned about it."""
    assert faults(judge.judge(positions), kind) == []
    valine = SEQUENCE.index("V")
    c, n = atom(judge, valine - 1, "C"), atom(judge, valine, "N")
    later = judge.plan.atom_residue >= valine
    axis = positions[n] - positions[c]
    axis /= np.linalg.norm(axis)
    arm = positions[later] - positions[n]
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    along = (arm @ axis)[:, None] * axis * (1 - cosine)
    positions[later] = positions[n] + arm * cosine + np.cross(axis, arm) * sine + along
    assert faults(judge.judge(positions), kind) == [valine]


def test_atoms_in_one_place_clash(judge: Judge, positions: FloatArray) -> None:
    one, other = atom(judge, SEQUENCE.index("K"), "NZ"), atom(judge, SEQUENCE.index("Y"), "OH")
    positions[one] = positions[other] + [1.5, 0, 0]
    verdict = judge.judge(positions)
    assert {SEQUENCE.index("K"), SEQUENCE.index("Y")} <= set(faults(verdict, "clash"))
    assert verdict.figures()["clashes"] > 0


def test_beads_elsewhere_are_told(judge: Judge, positions: FloatArray) -> None:
    beads = coarsen_plan(judge.plan, positions)
    assert judge.judge(positions, beads).figures()["remap_error_max"] == pytest.approx(0.0)
    box = np.array([40.0, 50.0, 60.0, 90.0, 90.0, 90.0])
    moved = judge.judge(positions, beads + np.array([40.3, 0.0, 60.4]), box).figures()
    assert moved["remap_error"] == pytest.approx(0.5)


def test_frames_add_up(judge: Judge, positions: FloatArray) -> None:
    beads = coarsen_plan(judge.plan, positions)
    one, two = judge.judge(positions, beads), judge.judge(positions * [1, 1, -1], beads + 1.0)
    both = one + two
    assert both.n_frames == 2
    assert both.counts["bonds"] == 2 * one.counts["bonds"]
    assert both.figures()["chirality_errors"] == two.figures()["chirality_errors"]
    assert both.figures()["remap_error"] == pytest.approx(two.figures()["remap_error"] / 2)
    assert both.faults.max() == 2


def test_a_divergence_is_zero_for_the_same() -> None:
    counts = np.array([10, 20, 30])
    assert divergence(counts, counts) == pytest.approx(0.0)
    assert divergence(counts, counts[::-1]) > 0.1
    assert np.isnan(divergence(counts, np.zeros(3, int)))


def test_atoms_clash_over_the_boundaries_of_a_box(judge: Judge, positions: FloatArray) -> None:
    first, last = (atom(judge, SEQUENCE.index(r), n) for r, n in (("K", "NZ"), ("Y", "OH")))
    box = np.array([90.0, 80.0, 100.0, 75.0, 80.0, 90.0])
    moved = positions.copy()
    moved[last] = positions[first] + [0.5, 0.0, 0.0] - box_matrix(box)[2]
    alone = judge.judge(moved).counts["clashes"]
    verdict = judge.judge(moved, box=box)
    assert verdict.counts["clashes"] > alone
    assert {SEQUENCE.index("K"), SEQUENCE.index("Y")} <= set(faults(verdict, "clash"))


def test_sulfur_atoms_at_the_length_of_a_bridge_do_not_clash(
    martini3: Library, peptide: Peptide
) -> None:
    """Each in one bridge, the nearest first; the third one is too near."""
    layout = AtomLayout.of(peptide("CGGCGGC"), martini3)
    judge = Judge(layout.topology)
    positions = layout.place(peptide("CGGCGGC").positions, None)
    sulfurs = np.flatnonzero(judge.plan.elements == "S")
    for places, clashing in (((0, 2.65, 9), []), ((0, 2.75, 9), [0, 3]), ((0, 2.0, 4.5), [3, 6])):
        positions[sulfurs] = np.outer(places, [1.0, 0.0, 0.0]) + 50.0
        assert faults(judge.judge(positions), "clash") == clashing
        positions[sulfurs[1]] += [0.0, 200.0, 0.0]  # the same over the boundary of a box
        box = np.array([200.0, 200.0, 200.0, 90.0, 90.0, 90.0])
        assert faults(judge.judge(positions, box=box), "clash") == clashing


def test_sulfur_atoms_between_two_carbon_atoms_are_in_no_bridge(
    martini3: Library, peptide: Peptide
) -> None:
    layout = AtomLayout.of(peptide("MGGM"), martini3)
    judge = Judge(layout.topology)
    positions = layout.place(peptide("MGGM").positions, None)
    sulfurs = np.flatnonzero(judge.plan.elements == "S")
    positions[sulfurs] = np.outer([0.0, 2.2], [1.0, 0.0, 0.0]) + 50.0
    assert len(judge.bridges(positions)) == 0
    assert faults(judge.judge(positions), "clash") == [0, 3]


def test_no_bead_to_compare_with_is_no_perfect_re_mapping(
    judge: Judge, positions: FloatArray
) -> None:
    nowhere = np.full((judge.plan.n_beads, 3), np.nan)
    assert np.isnan(judge.judge(positions, nowhere).figures()["remap_error"])


def test_beads_that_count_hydrogens_are_not_compared() -> None:
    maps = Path(__file__).parents[3] / "plugins/custom_ligand/src/herobm_custom_ligand/maps"
    library = compile_library(load_set([maps / "cff.map"], "ligands"))
    atoms = conformer(library.templates[0].mapping)
    layout = AtomLayout.of(atoms, library)
    judge = Judge(layout.topology)
    beads = coarsen(atoms, library).positions
    verdict = judge.judge(layout.place(atoms.positions, None), beads)
    assert judge.vague.any()
    assert verdict.counts["beads"] == int((~judge.vague).sum())
