"""Figures that tell how well rebuilt atoms agree with those the beads were made from.

Atoms are compared in place, beads fix the frame. A residue counts where the reference has every
atom that is rebuilt of it; the bead of another one does not sit where its atoms would have it.
"""

from __future__ import annotations

import numpy as np

from herobm.chem.geometry import dihedrals
from herobm.chem.judging.summary import bond_deviations
from herobm.chem.judging.verdict import FIGURES, OUTLIER, Judge, Metric
from herobm.chem.naming import Naming, best_names, canonical_names, find_naming
from herobm.chem.protein.backbone import backbone_atoms, omega_atoms
from herobm.chem.protein.chi import find_chi
from herobm.chem.protein.geometry import bond_angles
from herobm.plan.bonds import angles_of, plan_bonds
from herobm.plan.plan import Plan
from herobm.system.coarsen import coarsen_plan
from herobm.system.topology import Topology
from herobm.types import BoolArray, FloatArray, IntArray

#: Degrees within which a chi angle agrees with the reference.
CHI_LIMIT = 30.0


#: Figures that need no reference, see `herobm.chem.judging.verdict`.
PLAUSIBLE = (
    "rama_favoured",
    "rama_outliers",
    "rotamer_outliers",
    "twisted_peptides",
    "angle_outliers",
    "chirality_errors",
    "prochiral_errors",
    "double_bond_errors",
    "clashes",
)

#: Figures that are measured when they are asked for, see `herobm.evaluation.clashscore`.
ASKED = ("clashscore", "clashscore_reference")

#: All figures, in the order in which they are shown.
METRICS = {
    "rmsd_backbone": Metric("RMSD of N CA C O", "Å"),
    "rmsd_sidechain": Metric("RMSD of side chains", "Å"),
    "rmsd_all": Metric("RMSD of heavy atoms", "Å"),
    "rmsd_all_named": Metric("the same, canonical names", "Å"),
    "chi1": Metric("chi1 within 30 degrees", "%", 100.0),
    "chi1+2": Metric("chi1 and chi2 within 30 degrees", "%", 100.0),
    "bond_mae": Metric("error of bond lengths", "Å"),
    "angle_mae": Metric("error of bond angles", "degrees"),
    "bond_outliers": Metric("bonds beyond 4 sd", "%", 100.0),
    "longest_bond": Metric("longest bond", "Å"),
    **{key: FIGURES[key] for key in PLAUSIBLE},
    "clashscore": Metric("clashscore, with hydrogens", ""),
    "clashscore_reference": Metric("the same of the references", ""),
    "cis_peptides": Metric("cis peptides made", ""),
    "remap_error": FIGURES["remap_error"],
    "remap_error_max": FIGURES["remap_error_max"],
}


def counted_residues(plan: Plan, reference: FloatArray) -> BoolArray:
    """Residues all of whose rebuilt atoms are known, shape (n_residues,).

    Parameters
    ----------
    plan : Plan
    reference : FloatArray, shape (n_atoms, 3)
        NaN where an atom is missing.
    """
    missing = ~np.isfinite(reference).all(axis=1)
    whole: BoolArray = np.bincount(plan.atom_residue[missing], minlength=plan.n_residues) == 0
    return whole


def measure(
    topology: Topology,
    reference: FloatArray,
    predicted: FloatArray,
    beads: FloatArray,
    bond_reference: dict[str, tuple[float, float]],
) -> dict[str, float]:
    """Compare rebuilt atoms with those that the beads were made from.

    Parameters
    ----------
    topology : Topology
    reference : FloatArray, shape (n_atoms, 3)
        Å, in the order of the plan; NaN where the structure lacks an atom.
    predicted : FloatArray, shape (n_atoms, 3)
        Å.
    beads : FloatArray, shape (n_beads, 3)
        Å, as they were rebuilt (noise included).
    bond_reference : dict
        Kind of bond -> mean and standard deviation in Å (`Header.bonds` of the weights).

    Returns
    -------
    dict
        The keys of `METRICS` but for those of `ASKED`. Shares lie between 0 and 1. NaN where there
        is nothing to measure, such as side chains of a lipid.
    """
    plan = topology.plan
    whole = counted_residues(plan, reference)
    counted = whole[plan.atom_residue]
    naming = find_naming(plan)
    named = best_names(naming, reference, predicted)
    bonds = plan_bonds(plan, topology.links.previous)
    return (
        _distances(plan, counted, named, predicted)
        | _named_distance(counted, naming, reference, predicted)
        | _chi_shares(plan, whole, named, predicted)
        | _bonds(plan, bonds, counted, named, predicted, bond_reference)
        | _plausibility(topology, counted, reference, predicted)
        | _made_cis(topology, counted, reference, predicted)
        | _remapping(plan, whole, predicted, beads)
    )


def _rms(squares: FloatArray) -> float:
    return float(np.sqrt(squares.mean())) if len(squares) else float("nan")


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _squares(one: FloatArray, two: FloatArray) -> FloatArray:
    squares: FloatArray = ((one - two) ** 2).sum(axis=1)
    return squares


def _distances(
    plan: Plan, counted: BoolArray, named: FloatArray, predicted: FloatArray
) -> dict[str, float]:
    squares = _squares(named, predicted)
    has_backbone, in_backbone = _backbone(plan)
    return {
        "rmsd_backbone": _rms(squares[counted & in_backbone]),
        "rmsd_sidechain": _rms(squares[counted & has_backbone & ~in_backbone]),
        "rmsd_all": _rms(squares[counted]),
    }


def _backbone(plan: Plan) -> tuple[BoolArray, BoolArray]:
    """Atoms of residues that have a backbone, and the atoms N, CA, C and O of these."""
    kinds = [backbone_atoms(t) for t in plan.library]
    widest = max(len(t.atoms) for t in plan.library)
    table = np.zeros((len(kinds), widest), bool)
    for row, template, names in zip(table, plan.library, kinds, strict=True):
        chosen = {*names, "O"} if names else set()
        row[: len(template.atoms)] = [name in chosen for name in template.atoms]
    kind = plan.template[plan.atom_residue]
    return np.array([k is not None for k in kinds], bool)[kind], table[kind, plan.atom_local]


def _named_distance(
    counted: BoolArray, naming: Naming, reference: FloatArray, predicted: FloatArray
) -> dict[str, float]:
    """RMSD with canonical names on both sides; those of O and OXT are as near as can be."""
    ours = canonical_names(naming, predicted)
    theirs = best_names(naming, canonical_names(naming, reference), ours, decided=False)
    return {"rmsd_all_named": _rms(_squares(theirs, ours)[counted])}


def _chi_shares(
    plan: Plan, whole: BoolArray, named: FloatArray, predicted: FloatArray
) -> dict[str, float]:
    """Shares of the residues that have chi1, and of those that have chi2 as well."""
    one, two = (chi.within(named, predicted, CHI_LIMIT)[whole] for chi in find_chi(plan)[:2])
    return {"chi1": _mean(one), "chi1+2": _mean(one * two)}


def _bonds(
    plan: Plan,
    bonds: IntArray,
    counted: BoolArray,
    named: FloatArray,
    predicted: FloatArray,
    bond_reference: dict[str, tuple[float, float]],
) -> dict[str, float]:
    lengths, deviations = bond_deviations(plan, bonds, predicted, bond_reference)
    known = counted[bonds].all(axis=1)
    wanted = np.sqrt(_squares(named[bonds[:, 0]], named[bonds[:, 1]]))
    angles = angles_of(bonds[known], plan.n_atoms)
    judged = deviations[known & np.isfinite(deviations)]
    return {
        "bond_mae": _mean(np.abs(lengths - wanted)[known]),
        "angle_mae": _mean(np.abs(bond_angles(predicted, angles) - bond_angles(named, angles))),
        "bond_outliers": _mean((judged > OUTLIER).astype(float)),
        "longest_bond": float(lengths.max(initial=-np.inf)) if len(lengths) else float("nan"),
    }


def _plausibility(
    topology: Topology, counted: BoolArray, reference: FloatArray, predicted: FloatArray
) -> dict[str, float]:
    """Return what `herobm report` tells of a structure that it has nothing to compare with."""
    seen = np.where(counted[:, None], predicted, np.nan)
    judge = Judge(topology)
    box = topology.beads.box
    found = judge.judge(seen, box=box, bridges=judge.bridges(reference, box)).figures()
    return {key: found[key] for key in PLAUSIBLE}


def _made_cis(
    topology: Topology, counted: BoolArray, reference: FloatArray, predicted: FloatArray
) -> dict[str, float]:
    quads = omega_atoms(topology)
    quads = quads[counted[quads].all(axis=1)]
    made = (np.abs(dihedrals(predicted, quads)) < 90) & (np.abs(dihedrals(reference, quads)) >= 90)
    return {"cis_peptides": float(made.sum())}


def _remapping(
    plan: Plan, whole: BoolArray, predicted: FloatArray, beads: FloatArray
) -> dict[str, float]:
    away = np.linalg.norm(coarsen_plan(plan, predicted) - beads, axis=1)[whole[plan.bead_residue]]
    known = away[np.isfinite(away)]
    largest = float(known.max()) if len(known) else float("nan")
    return {"remap_error": _mean(known), "remap_error_max": largest}
