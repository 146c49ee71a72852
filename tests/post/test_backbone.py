"""``backbone``: what it makes regular, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from herobm.chem.geometry import dihedrals
from herobm.chem.protein.backbone import omega_atoms, torsion_atoms
from herobm.chem.protein.ramachandran import (
    FAVOURED,
    OUTLIER,
    classes_of,
    judge,
    towards_favoured,
)
from herobm.chem.stereo import chirality_errors
from herobm.post.backbone import (
    CENTRE_SHARE,
    CENTRE_TOLERANCE,
    TWISTED_TOLERANCE,
    run,
    settle_outliers,
)
from herobm.post.layout import lay_out
from herobm.post.peptide import find_backbone, ideal_distances
from herobm.post.refinement import RARE_REACH, Refinement, omega_targets
from herobm.post.untwist import trans_peptide
from herobm.system import coarsen
from herobm.types import Atoms, FloatArray


def flatness(case, atoms: Atoms) -> FloatArray:
    """Degrees that each peptide is off 180."""
    omega = dihedrals(atoms.positions, omega_atoms(case.context.topology))
    return 180.0 - np.abs(omega)


def strain(case, atoms: Atoms) -> FloatArray:
    layout = lay_out(atoms, case.context, "test")
    pairs, wanted, spread, _ = ideal_distances(find_backbone(layout))
    ends = layout.positions[pairs]
    return (np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) - wanted) / spread


def test_a_shaken_backbone_becomes_regular(case) -> None:
    shaken = case.shaken(0.12)
    after = run(shaken, case.context)
    assert np.sqrt((flatness(case, after) ** 2).mean()) < np.sqrt(
        (flatness(case, shaken) ** 2).mean()
    )
    assert np.abs(strain(case, after)).mean() < 0.5 * np.abs(strain(case, shaken)).mean()
    assert len(chirality_errors(case.context.topology.plan, after.positions)) == 0
    assert "residues made regular" in case.told[0]


def test_bead_centres_stay_within_the_stated_tolerance(case) -> None:
    shaken = case.shaken(0.12, seed=2)
    library = case.context.topology.plan.library
    beads = case.context.beads.positions
    before = np.linalg.norm(coarsen(shaken, library).positions - beads, axis=1)
    after = np.linalg.norm(coarsen(run(shaken, case.context), library).positions - beads, axis=1)
    residue = case.context.beads.residue_index
    worst = np.zeros((2, residue.max() + 1))
    np.maximum.at(worst[0], residue, before)
    np.maximum.at(worst[1], residue, after)
    assert (worst[1] <= worst[0] * (1 + CENTRE_SHARE) + CENTRE_TOLERANCE + 1e-6).all()


def test_only_the_backbone_and_cb_move(case) -> None:
    shaken = case.shaken(0.1)
    moved = np.linalg.norm(run(shaken, case.context).positions - shaken.positions, axis=1) > 0
    assert set(case.atoms.names[moved]) <= {"N", "CA", "C", "O", "OXT", "CB"}
    assert moved.any()


def test_phi_and_psi_go_towards_what_the_network_predicts(case) -> None:
    topology = case.context.topology
    torsions = np.full((topology.plan.n_beads, 2, 2), np.nan)
    wanted = {}
    for column, (bead, quads) in enumerate(torsion_atoms(topology)):
        angle = np.radians(dihedrals(case.atoms.positions, quads))
        torsions[bead, column] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        wanted[column] = quads, np.degrees(angle)
    shaken = case.shaken(0.12, seed=5)

    def error(atoms: Atoms) -> float:
        gaps = [dihedrals(atoms.positions, q) - goal for q, goal in wanted.values()]
        return float(np.abs((np.concatenate(gaps) + 180) % 360 - 180).mean())

    told = run(shaken, replace(case.context, torsions=torsions))
    untold = run(shaken, case.context)
    assert error(told) < 0.7 * error(shaken)
    assert error(told) < error(untold)


def phi_and_psi(case, atoms: Atoms) -> FloatArray:
    """Degrees, shape (n_residues, 2); NaN where there is none."""
    plan = case.context.topology.plan
    found = np.full((plan.n_residues, 2), np.nan)
    for column, (bead, quads) in enumerate(torsion_atoms(case.context.topology)):
        found[plan.bead_residue[bead], column] = dihedrals(atoms.positions, quads)
    return found


def test_what_is_predicted_and_rare_becomes_usual_where_beads_allow_it(
    case, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = case.context.topology.plan
    backbone = find_backbone(lay_out(case.atoms, case.context, "test"))
    kind = classes_of(backbone.names, backbone.after)
    n_rare = n_usual = n_believed = 0
    for seed in range(20):
        shaken = case.shaken(0.15, seed=seed)
        angles = phi_and_psi(case, shaken)
        turns = np.radians(angles)[plan.bead_residue]
        torsions = np.stack([np.cos(turns), np.sin(turns)], axis=2)  # as it is, rare or not
        goals = np.stack(towards_favoured(angles[:, 0], angles[:, 1], kind, RARE_REACH), axis=1)
        rare = (goals != angles).any(axis=1) & np.isfinite(angles).all(axis=1)
        found = []
        for reach in (RARE_REACH, 0.0):  # 0: what is predicted is believed
            monkeypatch.setattr("herobm.post.refinement.RARE_REACH", reach)
            after = run(shaken, replace(case.context, torsions=torsions))
            phi, psi = phi_and_psi(case, after)[rare].T
            found.append((judge(phi, psi, kind[rare]) == FAVOURED).sum())
        n_rare += rare.sum()
        n_usual += found[0]
        n_believed += found[1]
    assert n_rare > 5
    assert n_usual > n_believed


@pytest.mark.parametrize("degrees", [100.0, 140.0, 180.0, 220.0, 260.0])
def test_other_peptide_planes_are_sought_for_outliers(case, degrees: float) -> None:
    """A peptide is turned, as flat as it was, about the line of its CA; beads stay."""
    plan = case.context.topology.plan
    ca, c, n, after = omega_atoms(case.context.topology)[3]
    oxygen = (plan.atom_names == "O") & (plan.atom_residue == plan.atom_residue[c])
    positions = case.atoms.positions.copy()
    axis = positions[after] - positions[ca]
    turn = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis))
    for atom in (c, n, int(np.flatnonzero(oxygen)[0])):
        positions[atom] = turn.apply(positions[atom] - positions[ca]) + positions[ca]
    layout = lay_out(replace(case.atoms, positions=positions), case.context, "test")
    before = Refinement(layout, case.context).judge(positions)
    assert (before.verdict == OUTLIER).any()
    settled, state, moved = settle_outliers(layout, case.context, before)
    assert not (state.verdict == OUTLIER).any()
    assert moved[plan.atom_residue[[ca, after]]].all()
    assert (state.off <= before.off * (1 + CENTRE_SHARE) + TWISTED_TOLERANCE).all()
    assert flatness(case, settled.atoms).max() < 15.0
    assert len(chirality_errors(plan, settled.positions)) == 0


def test_outliers_that_no_plane_mends_stay_where_they_were(case, monkeypatch) -> None:
    shaken = case.shaken(0.35, seed=0)
    layout = lay_out(shaken, case.context, "test")
    before = Refinement(layout, case.context).judge(layout.positions)
    everywhere = replace(before, verdict=np.full_like(before.verdict, OUTLIER))
    monkeypatch.setattr(Refinement, "judge", lambda self, positions: everywhere)
    settled, state, moved = settle_outliers(layout, case.context, everywhere)
    assert settled is layout
    assert state is everywhere
    assert not moved.any()


@pytest.mark.parametrize(
    ("omega", "gap", "wanted"),
    [
        (5.0, 2.9, 0.0),
        (-29.0, 3.1, 0.0),
        (31.0, 3.0, 180.0),
        (95.0, 3.4, 180.0),
        (-170.0, 3.8, 180.0),
        (5.0, 3.8, 180.0),  # as far apart as no cis peptide is: the network was wrong
    ],
)
def test_cis_peptides_stay_cis(omega: float, gap: float, wanted: float) -> None:
    turn = np.radians(omega)
    side = np.array([0.0, np.cos(turn), np.sin(turn)])
    places = np.array([[0.0, 0.5, 0.0], [1.4, 0.0, 0.0], [2.7, 0.0, 0.0], [4.1, 0.0, 0.0]])
    places[3] += 0.5 * side
    quad = np.arange(4)[None]
    assert dihedrals(places, quad)[0] == pytest.approx(omega)
    along = places[3] - places[0]
    along[0] = 0.0
    places[3, 0] = places[0, 0] + np.sqrt(gap**2 - along @ along)
    places[1:3, 0] = places[0, 0] + np.array([0.3, 0.7]) * (places[3, 0] - places[0, 0])
    assert np.linalg.norm(places[3] - places[0]) == pytest.approx(gap)
    assert omega_targets(places, quad).tolist() == [wanted]


def test_a_twisted_peptide_is_laid_flat(case) -> None:
    """One that a network has put half-way between two faces, with its CA where they were."""
    plan = case.context.topology.plan
    omega = omega_atoms(case.context.topology)
    chosen = omega[3]
    ca, c, _, after = chosen
    oxygen = int(
        np.flatnonzero((plan.atom_names == "O") & (plan.atom_residue == plan.atom_residue[c]))[0]
    )
    positions = case.atoms.positions.copy()
    axis = positions[after] - positions[ca]
    turn = Rotation.from_rotvec(np.radians(140.0) * axis / np.linalg.norm(axis))
    for atom in (c, oxygen):
        positions[atom] = turn.apply(positions[atom] - positions[ca]) + positions[ca]
    before = replace(case.atoms, positions=positions)
    assert np.abs(dihedrals(positions, omega[3:4]))[0] < 150.0
    moved = run(before, case.context).positions
    assert np.abs(dihedrals(moved, omega[3:4]))[0] > 165.0
    assert len(chirality_errors(plan, moved)) == 0


def test_a_trans_peptide_of_ideal_geometry() -> None:
    places = trans_peptide()
    assert dihedrals(places, np.array([[0, 1, 3, 4], [2, 1, 3, 4]])) == pytest.approx([180.0, 0.0])
    gaps = np.linalg.norm(np.diff(places[[0, 1, 3, 4]], axis=0), axis=1)
    assert gaps == pytest.approx([1.525, 1.329, 1.458])
    assert np.linalg.norm(places[4] - places[0]) == pytest.approx(3.80, abs=0.02)


def test_a_gap_in_the_backbone_is_left_alone(case) -> None:
    lacking = case.atoms.subset(~((case.atoms.names == "N") & (case.atoms.residue_index == 5)))
    after = run(lacking, case.context)
    there = after.residue_index == 5
    assert after.positions[there] == pytest.approx(lacking.positions[there])
    assert np.isfinite(after.positions).all()


def test_a_structure_without_peptides_is_returned(case) -> None:
    backbone = ("N", "C", "O", "OXT")
    bare = case.atoms.subset(~np.isin(case.atoms.names, backbone))
    assert run(bare, case.context) is bare
    assert "nothing is moved" in case.told[0]
