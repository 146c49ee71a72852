"""Is a structure a plausible one? Figures that need no reference structure.

They hold for atoms of any origin: rebuilt by this package or by another, or simulated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from herobm.chem.contacts import clashes
from herobm.chem.geometry import dihedrals
from herobm.chem.protein import geometry, ramachandran, rotamers
from herobm.chem.protein.backbone import omega_atoms, torsion_atoms
from herobm.chem.protein.chi import Chi, find_chi
from herobm.chem.protein.hands import hands
from herobm.chem.stereo import chirality_errors, double_bond_errors, prochiral_errors
from herobm.plan.bonds import angles_of, plan_bonds
from herobm.system.coarsen import coarsen_plan, vague_beads
from herobm.system.disulfides import near_sulfurs
from herobm.system.neighbours import pair_distances
from herobm.system.periodic import minimum_image
from herobm.system.topology import Topology
from herobm.types import BoolArray, FloatArray, IntArray

#: Standard deviations from the mean of its kind beyond which a bond or an angle is an outlier.
OUTLIER = 4.0
#: Degrees, least omega of a peptide that is not cis, and of one that is not twisted.
CIS, TRANS = 30.0, 150.0
#: Faults that a residue can have, in the order of the rows of `Verdict.faults`.
FAULTS = (
    "Ramachandran outlier",
    "rotamer outlier",
    "cis peptide",
    "twisted peptide",
    "bond outlier",
    "angle outlier",
    "wrong hand",
    "clash",
)
#: Degrees, width of the bins of the histograms of chi1 and chi2.
CHI_BIN = 10
#: Chi angles that have histograms.
N_CHI = 2


@dataclass(frozen=True)
class Metric:
    """How a figure is shown: its words, its unit, and what it is multiplied with for that unit."""

    words: str
    unit: str
    scale: float = 1.0


#: The figures, in the order in which they are shown.
FIGURES = {
    "rama_favoured": Metric("Ramachandran favoured", "%", 100.0),
    "rama_outliers": Metric("Ramachandran outliers", "%", 100.0),
    "rotamer_outliers": Metric("rotamer outliers", "%", 100.0),
    "cis_peptides": Metric("cis peptides, not proline", ""),
    "cis_prolines": Metric("cis prolines", ""),
    "twisted_peptides": Metric("omega 30 to 150 degrees", ""),
    "bond_outliers": Metric("bonds beyond 4 sd", "%", 100.0),
    "angle_outliers": Metric("angles beyond 4 sd", "%", 100.0),
    "chirality_errors": Metric("wrong chirality", ""),
    "flat_centres": Metric("nearly flat centres", ""),
    "prochiral_errors": Metric("swapped prochiral names", ""),
    "double_bond_errors": Metric("wrong double bonds", ""),
    "clashes": Metric("clashes per 1000 atoms", ""),
    "remap_error": Metric("beads re-mapped, mean", "Å"),
    "remap_error_max": Metric("beads re-mapped, largest", "Å"),
}
#: Å^3, triple product of three bonds up to which a centre is nearly flat; carbons have 2.5 to 2.8.
FLAT = 1.0
#: Figures that are numbers of things.
NUMBERS = (
    "cis_peptides",
    "cis_prolines",
    "twisted_peptides",
    "chirality_errors",
    "flat_centres",
    "prochiral_errors",
    "double_bond_errors",
)
#: Figure -> what was counted, and out of how many.
_SHARES = {
    "rama_favoured": ("rama_favoured", "rama"),
    "rama_outliers": ("rama_outliers", "rama"),
    "rotamer_outliers": ("rotamer_outliers", "rotamers"),
    "bond_outliers": ("bond_outliers", "bonds"),
    "angle_outliers": ("angle_outliers", "angles"),
}


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is to be said about one frame, or about several.

    Attributes
    ----------
    counts : Counter
        What was counted; sums over frames.
    remap_sum, remap_max : float
        Å, sum over beads and frames, and the largest; NaN without beads to compare with.
    faults : IntArray, shape (len(FAULTS), n_residues)
        Number of frames in which a residue has a fault.
    torsions : IntArray, shape (n_classes, n_cells, n_cells)
        Residues and frames by `herobm.chem.protein.ramachandran.CLASSES` and cells of phi and psi,
        those of D residues with the other sign.
    chi : IntArray, shape (N_CHI, 360 / CHI_BIN)
        Histograms of chi1 and chi2 over residues and frames, from -180 degrees on; an angle that
        half a turn leaves as it is counts from 0 to 180. Those of D residues are as they are.
    n_frames : int
    """

    counts: Counter[str]
    remap_sum: float
    remap_max: float
    faults: IntArray
    torsions: IntArray
    chi: IntArray
    n_frames: int = 1

    def __add__(self, other: Verdict) -> Verdict:
        counts = Counter(self.counts)
        counts.update(other.counts)  # a sum of counters would drop what was not found
        return Verdict(
            counts,
            self.remap_sum + other.remap_sum,
            float(np.fmax(self.remap_max, other.remap_max)),
            self.faults + other.faults,
            self.torsions + other.torsions,
            self.chi + other.chi,
            self.n_frames + other.n_frames,
        )

    def figures(self) -> dict[str, float]:
        """Return the keys of `FIGURES`.

        Shares lie between 0 and 1; numbers are those of all frames together. NaN where there is
        nothing to judge.
        """
        found = {key: float(self.counts[key]) for key in NUMBERS}
        for key, (what, of) in _SHARES.items():
            total = self.counts[of]
            found[key] = self.counts[what] / total if total else float("nan")
        atoms = self.counts["atoms"]
        found["clashes"] = 1000.0 * self.counts["clashes"] / atoms if atoms else float("nan")
        beads = self.counts["beads"]
        found["remap_error"] = self.remap_sum / beads if beads else float("nan")
        found["remap_error_max"] = self.remap_max
        return {key: found[key] for key in FIGURES}


def divergence(reference: IntArray, found: IntArray) -> float:
    """Kullback-Leibler divergence of a histogram from that of a reference, in nats.

    ``sum P ln(P / Q)``, P the reference; half a count is added to every bin of both. NaN where
    one has no counts.

    Parameters
    ----------
    reference, found : IntArray, shape (n_bins,)
    """
    if not (reference.sum() and found.sum()):
        return float("nan")
    one, two = reference + 0.5, found + 0.5
    one, two = one / one.sum(), two / two.sum()
    return float((one * np.log(one / two)).sum())


class Judge:
    """A topology made ready for judging any number of its frames.

    Parameters
    ----------
    topology : Topology
    """

    def __init__(self, topology: Topology) -> None:
        plan = topology.plan
        names = topology.beads.residues.names
        self.topology, self.plan = topology, plan
        self.bonds = plan_bonds(plan, topology.links.previous)
        self.angles = angles_of(self.bonds, plan.n_atoms)
        self.bond_reference = geometry.references(plan, self.bonds)
        self.angle_reference = geometry.references(plan, self.angles)
        self.torsions = torsion_atoms(topology)
        self.hands = hands(plan)
        self.classes = ramachandran.classes_of(names, topology.links.following)
        self.omega = omega_atoms(topology)
        self.proline = names[plan.atom_residue[self.omega[:, 3]]] == "PRO"
        self.chi = find_chi(plan)
        self.vague = vague_beads(plan)
        n_bonds = np.bincount(self.bonds.ravel(), minlength=plan.n_atoms)
        self.thiols = (plan.elements == "S") & (n_bonds == 1)

    def judge(
        self,
        positions: FloatArray,
        beads: FloatArray | None = None,
        box: FloatArray | None = None,
        bridges: IntArray | None = None,
    ) -> Verdict:
        """Judge one frame.

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms, 3)
            Å, in the order of the plan, chains whole; NaN for atoms that are not there.
        beads : FloatArray, shape (n_beads, 3), optional
            Å, that the atoms were made from. Those that count hydrogens are not looked at, for the
            plan has none.
        box : FloatArray or None, shape (6,)
            That counts: beads may lie in another image by it, and atoms clash over its boundaries.
        bridges : IntArray, shape (n, 2), optional
            Sulfur atoms that are bonded; those close to each other by default.
        """
        counts: Counter[str] = Counter()
        faults = np.zeros((len(FAULTS), self.plan.n_residues), bool)
        torsions = self._backbone(positions, counts, faults)
        chi = self._side_chains(positions, counts, faults)
        self._geometry(positions, counts, faults)
        self._stereo(positions, counts, faults)
        self._contacts(positions, box, bridges, counts, faults)
        away = self._remapping(positions, beads, box, counts)
        return Verdict(counts, *away, faults.astype(np.int64), torsions, chi)

    def bridges(self, positions: FloatArray, box: FloatArray | None = None) -> IntArray:
        """Pairs of sulfur atoms that are near enough for a bridge, shape (n, 2).

        Those with one bond to a heavy atom count, as where beads tell of bridges
        (`herobm.system.disulfides`).

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms, 3)
            Å; NaN for atoms that are not there.
        box : FloatArray or None, shape (6,)
            Over whose boundaries they may lie.
        """
        return near_sulfurs(np.flatnonzero(self.thiols), positions, box)

    def _backbone(self, positions: FloatArray, counts: Counter[str], faults: BoolArray) -> IntArray:
        angles = np.full((self.plan.n_residues, 2), np.nan)
        for column, (bead, quads) in enumerate(self.torsions):
            angles[self.plan.bead_residue[bead], column] = dihedrals(positions, quads)
        angles *= self.hands[:, None]
        level = ramachandran.judge(angles[:, 0], angles[:, 1], self.classes)
        counts["rama"] = int((level >= 0).sum())
        counts["rama_favoured"] = int((level == ramachandran.FAVOURED).sum())
        counts["rama_outliers"] = int((level == ramachandran.OUTLIER).sum())
        faults[0] = level == ramachandran.OUTLIER
        omega = np.abs(dihedrals(positions, self.omega))
        cis, twisted = omega < CIS, (omega >= CIS) & (omega <= TRANS)
        owner = self.plan.atom_residue[self.omega[:, 3]]
        counts["cis_peptides"] = int((cis & ~self.proline).sum())
        counts["cis_prolines"] = int((cis & self.proline).sum())
        counts["twisted_peptides"] = int(twisted.sum())
        counts["peptides"] = int(np.isfinite(omega).sum())
        faults[2, owner[cis & ~self.proline]] = True
        faults[3, owner[twisted]] = True
        return ramachandran.histograms(angles[:, 0], angles[:, 1], self.classes)

    def _side_chains(
        self, positions: FloatArray, counts: Counter[str], faults: BoolArray
    ) -> IntArray:
        level = rotamers.judge(self.plan, positions, self.chi)
        counts["rotamers"] = int((level >= 0).sum())
        counts["rotamer_outliers"] = int((level == ramachandran.OUTLIER).sum())
        faults[1] = level == ramachandran.OUTLIER
        return chi_histograms(self.chi, positions)

    def _geometry(self, positions: FloatArray, counts: Counter[str], faults: BoolArray) -> None:
        lengths = pair_distances(positions, self.bonds)
        degrees = geometry.bond_angles(positions, self.angles)
        kinds = (
            ("bond", 4, lengths, self.bond_reference, self.bonds[:, 1]),
            ("angle", 5, degrees, self.angle_reference, self.angles[:, 1]),
        )
        for what, row, values, reference, atom in kinds:
            off = np.abs(values - reference[:, 0]) / reference[:, 1]
            counts[f"{what}s"] = int(np.isfinite(off).sum())
            counts[f"{what}_outliers"] = int((off > OUTLIER).sum())
            faults[row, self.plan.atom_residue[atom[off > OUTLIER]]] = True

    def _stereo(self, positions: FloatArray, counts: Counter[str], faults: BoolArray) -> None:
        wrong = chirality_errors(self.plan, positions)
        swapped = prochiral_errors(self.plan, positions)
        counts["chirality_errors"] = len(wrong)
        counts["flat_centres"] = len(chirality_errors(self.plan, positions, FLAT)) - len(wrong)
        counts["prochiral_errors"] = len(swapped)
        counts["double_bond_errors"] = len(double_bond_errors(self.plan, positions))
        faults[6, self.plan.atom_residue[np.concatenate([wrong, swapped]).astype(int)]] = True

    def _contacts(
        self,
        positions: FloatArray,
        box: FloatArray | None,
        bridges: IntArray | None,
        counts: Counter[str],
        faults: BoolArray,
    ) -> None:
        atoms = np.flatnonzero(np.isfinite(positions).all(axis=1))
        if bridges is None:
            bridges = self.bridges(positions, box)
        joined = np.concatenate([self.bonds, bridges])
        pairs = clashes(positions, self.plan.elements, atoms, joined, box=box)
        counts["atoms"], counts["clashes"] = len(atoms), len(pairs)
        faults[7, self.plan.atom_residue[pairs.ravel()]] = True

    def _remapping(
        self,
        positions: FloatArray,
        beads: FloatArray | None,
        box: FloatArray | None,
        counts: Counter[str],
    ) -> tuple[float, float]:
        if beads is None:
            return float("nan"), float("nan")
        away = minimum_image(coarsen_plan(self.plan, positions) - beads, box)
        lengths = np.linalg.norm(away, axis=1)
        known = lengths[np.isfinite(lengths) & ~self.vague]
        counts["beads"] = len(known)
        return float(known.sum()), float(known.max()) if len(known) else float("nan")


def chi_histograms(chi: Sequence[Chi], positions: FloatArray) -> IntArray:
    """Count chi1 and chi2 in bins of `CHI_BIN` degrees, shape (N_CHI, 360 / CHI_BIN)."""
    edges = np.arange(-180, 181, CHI_BIN)
    rows = []
    for one in chi[:N_CHI]:
        angles = one.angles(positions)
        rows.append(np.histogram(angles[np.isfinite(angles)], bins=edges)[0])
    return np.array(rows)
