"""What a user must know about a rebuilt structure before trusting it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from herobm.chem.geometry import reference_lengths
from herobm.chem.judging.verdict import OUTLIER, Judge, Verdict
from herobm.chem.planarity import BENT, ring_depths
from herobm.chem.stereo import chirality_errors, count_double_bonds, double_bond_errors
from herobm.plan.plan import Plan
from herobm.system.coarsen import coarsen_plan
from herobm.system.neighbours import near_pairs, pair_distances
from herobm.types import Beads, FloatArray, IntArray

#: Å, unbonded heavy atoms that are nearer to each other overlap.
OVERLAP = 1.2
#: What a conformer without is stereochemically valid.
FAULTS = (
    "bond outliers",
    "wrong hands",
    "wrong double bonds",
    "twisted peptides",
    "bent rings",
    "overlaps",
)
#: Kinds of bonds without a reference that are named.
NAMED = 3


@dataclass(frozen=True)
class Contribution:
    """What one model rebuilt as one mapping set has it.

    Attributes
    ----------
    mapping, model : str
    n_residues, n_atoms : int
    untrained : tuple of str
        Names of the residues, if the model was not trained.
    """

    mapping: str
    model: str
    n_residues: int
    n_atoms: int
    untrained: tuple[str, ...] = ()


def contribution_table(contributions: Sequence[Contribution]) -> list[str]:
    """Say who rebuilt what, a line for each, and what was rebuilt without training.

    There is no table where one model did it all.
    """
    said = [
        f"without training  {', '.join(c.untrained)} ({c.n_residues} residue(s), by {c.model})"
        for c in contributions
        if c.untrained
    ]
    return [*_table(contributions), *said]


def _table(contributions: Sequence[Contribution]) -> list[str]:
    if len(contributions) < 2:
        return []
    rows = [("mapping", "model", "residues", "atoms")]
    rows += [(c.mapping, c.model, str(c.n_residues), str(c.n_atoms)) for c in contributions]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return [
        f"  {row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  "
        f"{row[3]:>{widths[3]}}"
        for row in rows
    ]


@dataclass(frozen=True)
class Summary:
    """Figures of one rebuilt frame.

    Attributes
    ----------
    n_residues, n_beads, n_atoms, n_chains : int
    remap_mean, remap_max : float
        Å, from the beads of the result to the beads that were given.
    worst_bead : str
    bond_outliers : int
        Bonds more than 4 standard deviations from the mean of their kind in the training
        structures.
    n_bonds : int
        Bonds that were judged.
    n_other_bonds : int
        Bonds of kinds without a reference, as those of molecules that no model was trained on.
    other_bonds : tuple of str
        What they are, each kind once.
    n_vague : int
        Beads that count hydrogens, which are re-mapped by their heavy atoms alone.
    worst_bond : str
        The one farthest from the mean of its kind, with its length.
    chirality_errors : tuple of str
        Centres with the wrong hand.
    overlaps : int
        Pairs of heavy atoms that are not bonded and nearer than 1.2 Å.
    double_bond_errors : tuple of str
        Labelled double bonds with the wrong side.
    n_double_bonds : int
        Those that were judged.
    bent_rings : tuple of str
        Aromatic rings that are not flat.
    n_rings : int
        Those that were judged.
    disulfides : tuple of str
    verdict : Verdict
        Figures that need no reference, see `herobm.chem.judging.verdict`.
    contributions : tuple of Contribution
        Who rebuilt what.
    n_hydrogens : int
        Atoms that were added to those of the mapping.
    steps : tuple of str
        What the post-processors say they did.
    confidence_lines : tuple of str
        What the models say of their own error.
    expected_error : float
        Å, the mean of it; NaN where none is told.
    n_strained : int
        Residues whose beads lie as those of no training structure do.
    before : Summary or None
        The figures before hydrogens were added and the energy was minimised.
    """

    n_residues: int
    n_beads: int
    n_atoms: int
    n_chains: int
    remap_mean: float
    remap_max: float
    worst_bead: str
    bond_outliers: int
    n_bonds: int
    worst_bond: str
    chirality_errors: tuple[str, ...]
    overlaps: int
    disulfides: tuple[str, ...]
    verdict: Verdict
    n_other_bonds: int = 0
    other_bonds: tuple[str, ...] = ()
    n_vague: int = 0
    double_bond_errors: tuple[str, ...] = ()
    n_double_bonds: int = 0
    bent_rings: tuple[str, ...] = ()
    n_rings: int = 0
    contributions: tuple[Contribution, ...] = ()
    n_hydrogens: int = 0
    steps: tuple[str, ...] = ()
    confidence_lines: tuple[str, ...] = ()
    expected_error: float = float("nan")
    n_strained: int = 0
    before: Summary | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with it, of `FAULTS`; nothing with one that is valid."""
        found = (
            self.bond_outliers,
            self.chirality_errors,
            self.double_bond_errors,
            self.verdict.counts["twisted_peptides"],
            self.bent_rings,
            self.overlaps,
        )
        return tuple(fault for fault, there in zip(FAULTS, found, strict=True) if there)

    @property
    def size(self) -> str:
        """What became what, in one line."""
        added = f" and {self.n_hydrogens} hydrogens" if self.n_hydrogens else ""
        return (
            f"{self.n_beads} beads of {self.n_residues} residues in {self.n_chains} chain(s) -> "
            f"{self.n_atoms} heavy atoms{added}"
        )

    def __str__(self) -> str:
        wrong = ", ".join(self.chirality_errors[:5])
        lines = [
            self.size,
            *contribution_table(self.contributions),
            *self.steps,
            f"re-mapping error  {self.remap_mean:.3f} Å mean, {self.remap_max:.3f} Å at most "
            f"({self.worst_bead}){_vague(self.n_vague)}",
            f"bond outliers     {self.bond_outliers} of {self.n_bonds}"
            + (f" (worst: {self.worst_bond})" if self.bond_outliers else "")
            + _not_judged(self.n_other_bonds, self.other_bonds),
            f"chirality errors  {len(self.chirality_errors)}" + (f" ({wrong})" if wrong else ""),
        ]
        lines += plausibility(self.verdict)
        lines += _overlaps(self.overlaps)
        if self.n_double_bonds:
            lines.append(_judged("E/Z errors", self.double_bond_errors, self.n_double_bonds))
        if self.n_rings:
            lines.append(_judged("bent rings", self.bent_rings, self.n_rings))
        lines += _bridges(self.disulfides)
        lines += self.confidence_lines
        if self.before is not None:
            was = self.before
            lines.append(
                f"before hydrogens and minimisation: re-mapping error {was.remap_mean:.3f} Å mean, "
                f"{was.remap_max:.3f} Å at most; bond outliers {was.bond_outliers} of "
                f"{was.n_bonds}; chirality errors {len(was.chirality_errors)}"
            )
        return "\n".join(lines)


def plausibility(verdict: Verdict) -> list[str]:
    """Say how the backbone, the side chains and the contacts look, a line for each there is."""
    found = verdict.figures()
    lines = []
    if verdict.counts["flat_centres"]:
        lines.append(f"flat centres      {found['flat_centres']:.0f}, right by little")
    if verdict.counts["angles"]:
        lines.append(f"angle outliers    {100 * found['angle_outliers']:.1f} %")
    if verdict.counts["rama"]:
        lines.append(
            f"Ramachandran      {100 * found['rama_favoured']:.1f} % favoured, "
            f"{100 * found['rama_outliers']:.1f} % outliers"
        )
        lines.append(
            f"peptides          {found['cis_peptides']:.0f} cis (not proline), "
            f"{found['twisted_peptides']:.0f} twisted"
        )
    if verdict.counts["rotamers"]:
        lines.append(f"rotamers          {100 * found['rotamer_outliers']:.1f} % outliers")
    lines.append(f"clashes           {found['clashes']:.1f} per 1000 heavy atoms")
    return lines


def _vague(n_beads: int) -> str:
    if n_beads == 1:
        return "; 1 bead without the hydrogens that it counts"
    return f"; {n_beads} beads without the hydrogens that they count" if n_beads else ""


def _not_judged(n_bonds: int, kinds: tuple[str, ...]) -> str:
    if not n_bonds:
        return ""
    named = ", ".join(kinds[:NAMED]) + (", ..." if len(kinds) > NAMED else "")
    return f", and {n_bonds} of kinds that no reference is known for ({named})"


def _overlaps(count: int) -> list[str]:
    return [f"overlaps          {count} pairs of atoms within {OVERLAP} Å"] if count else []


def _bridges(disulfides: Sequence[str]) -> list[str]:
    return [f"disulfides        {', '.join(disulfides)}"] if disulfides else []


def _judged(what: str, wrong: Sequence[str], n_all: int) -> str:
    which = f" ({', '.join(wrong[:5])})" if wrong else ""
    return f"{what:<17} {len(wrong)} of {n_all}{which}"


@dataclass
class Totals:
    """Figures over the frames of a trajectory, or whatever else `noun` says."""

    noun: str = "frame"
    n_frames: int = 0
    remap_sum: float = 0.0
    remap_max: float = 0.0
    remap_worst: str = ""
    bond_outliers: int = 0
    n_bonds: int = 0
    n_other_bonds: int = 0
    other_bonds: tuple[str, ...] = ()
    n_vague: int = 0
    chirality_errors: int = 0
    double_bond_errors: int = 0
    n_double_bonds: int = 0
    bent_rings: int = 0
    n_rings: int = 0
    expected_sum: float = 0.0
    n_strained: int = 0
    n_residues: int = 0
    size: str = ""
    opening: tuple[str, ...] = ()
    verdict: Verdict | None = None
    overlaps: int = 0
    disulfides: tuple[str, ...] = ()

    def add(self, frame: int, summary: Summary) -> None:
        """Count a frame in."""
        if self.n_frames == 0:
            self.size, self.disulfides = summary.size, summary.disulfides
            said = (
                [f"first {self.noun}: {summary.steps[0]}", *summary.steps[1:]]
                if summary.steps
                else []
            )
            self.opening = (*contribution_table(summary.contributions), *said)
        self.n_frames += 1
        self.remap_sum += summary.remap_mean
        if summary.remap_max > self.remap_max:
            self.remap_max = summary.remap_max
            self.remap_worst = f"{summary.worst_bead}, {self.noun} {frame}"
        self.bond_outliers += summary.bond_outliers
        self.n_bonds += summary.n_bonds
        self.n_other_bonds += summary.n_other_bonds
        self.other_bonds = tuple(dict.fromkeys((*self.other_bonds, *summary.other_bonds)))
        self.n_vague = max(self.n_vague, summary.n_vague)
        self.chirality_errors += len(summary.chirality_errors)
        self.verdict = summary.verdict if self.verdict is None else self.verdict + summary.verdict
        self.double_bond_errors += len(summary.double_bond_errors)
        self.n_double_bonds += summary.n_double_bonds
        self.bent_rings += len(summary.bent_rings)
        self.n_rings += summary.n_rings
        self.overlaps += summary.overlaps
        self.expected_sum += summary.expected_error**2
        self.n_strained += summary.n_strained
        self.n_residues += summary.n_residues

    def _confidence(self) -> list[str]:
        """Say what the models expect of themselves, over all frames."""
        lines = []
        told = self.n_frames > 0 and np.isfinite(self.expected_sum)
        if told:
            lines.append(f"expected error    {np.sqrt(self.expected_sum / self.n_frames):.2f} Å")
        if self.n_strained:
            share = 100 * self.n_strained / self.n_residues
            guess = "; their expected error is a guess" if told else ""
            lines.append(
                f"unlike training   {share:.1f} % of the residues of a {self.noun}, by their "
                f"beads{guess}"
            )
        return lines

    def __str__(self) -> str:
        judged = {
            "E/Z errors": (self.double_bond_errors, self.n_double_bonds),
            "bent rings": (self.bent_rings, self.n_rings),
        }
        return "\n".join(
            [
                f"{self.n_frames} {self.noun}{'s' * (self.n_frames != 1)} of {self.size}",
                *self.opening,
                f"re-mapping error  {self.remap_sum / max(self.n_frames, 1):.3f} Å mean, "
                f"{self.remap_max:.3f} Å at most ({self.remap_worst}){_vague(self.n_vague)}",
                f"bond outliers     {self.bond_outliers} of {self.n_bonds}"
                + _not_judged(self.n_other_bonds, self.other_bonds),
                f"chirality errors  {self.chirality_errors}",
                *(plausibility(self.verdict) if self.verdict is not None else []),
                *_overlaps(self.overlaps),
                *(f"{what:<17} {n} of {n_all}" for what, (n, n_all) in judged.items() if n_all),
                *_bridges(self.disulfides),
                *self._confidence(),
            ]
        )


def summarise(
    judge: Judge,
    beads: Beads,
    positions: FloatArray,
    reference: dict[str, tuple[float, float]],
    disulfides: tuple[tuple[int, int], ...],
) -> Summary:
    """Judge a rebuilt frame.

    Parameters
    ----------
    judge : Judge
        Of the topology.
    beads : Beads
        That the atoms were rebuilt from.
    positions : FloatArray, shape (n_atoms, 3)
        Å, in the order of the plan; NaN for an atom that is not there.
    reference : dict
        Kind of bond -> mean and standard deviation in Å.
    disulfides : tuple of (int, int)
        Bonded sulfur atoms.
    """
    plan = judge.plan
    away = np.linalg.norm(coarsen_plan(plan, positions) - beads.positions, axis=1)
    told = np.nan_to_num(away, nan=-1.0)
    bonds = judge.bonds
    bridges = np.array(disulfides, dtype=np.int64).reshape(-1, 2)
    length, deviation = bond_deviations(plan, bonds, positions, reference)
    untold = np.isfinite(length) & ~np.isfinite(deviation)
    residues = beads.residues

    def name(atom: int) -> str:
        residue = residues.label(int(plan.atom_residue[atom]))
        return f"{plan.atom_names[atom]} of {residue}"

    def bridge(pair: tuple[int, int]) -> str:
        return "-".join(residues.label(int(plan.atom_residue[a])) for a in pair)

    rings, depths = ring_depths(plan, positions)
    bent = [ring for ring, depth in zip(rings, depths.tolist(), strict=True) if depth > BENT]
    return Summary(
        n_residues=plan.n_residues,
        n_beads=plan.n_beads,
        n_atoms=int(np.isfinite(positions[:, 0]).sum()),
        n_chains=len(np.unique(judge.topology.links.chain)),
        remap_mean=float(away[told >= 0].mean()) if told.max() >= 0 else float("nan"),
        remap_max=float(told.max()) if told.max() >= 0 else float("nan"),
        worst_bead=beads.label(int(told.argmax())),
        bond_outliers=int((deviation > OUTLIER).sum()),
        n_bonds=int(np.isfinite(deviation).sum()),
        n_other_bonds=int(untold.sum()),
        other_bonds=_kinds(judge, bonds[untold]),
        n_vague=int((np.isfinite(away) & judge.vague).sum()),
        worst_bond=_worst_bond(name, bonds, length, deviation),
        chirality_errors=tuple(name(int(a)) for a in chirality_errors(plan, positions)),
        overlaps=_count_overlaps(positions, bonds, beads.box),
        double_bond_errors=tuple(
            f"{plan.atom_names[a]}={name(int(b))}" for a, b in double_bond_errors(plan, positions)
        ),
        n_double_bonds=count_double_bonds(plan, positions),
        bent_rings=tuple(f"ring of {name(int(ring[0]))}" for ring in bent),
        n_rings=len(rings),
        disulfides=tuple(bridge(pair) for pair in disulfides),
        verdict=judge.judge(positions, beads.positions, beads.box, bridges),
    )


def _count_overlaps(positions: FloatArray, bonds: IntArray, box: FloatArray | None) -> int:
    near, _ = near_pairs(positions, OVERLAP, box)
    keys = near @ (len(positions), 1)
    return int((~np.isin(keys, np.sort(bonds, axis=1) @ (len(positions), 1))).sum())


def bond_deviations(
    plan: Plan,
    bonds: IntArray,
    positions: FloatArray,
    reference: dict[str, tuple[float, float]],
) -> tuple[FloatArray, FloatArray]:
    """Lengths of bonds, and how far they are from the mean of their kind.

    Parameters
    ----------
    plan : Plan
    bonds : IntArray, shape (n_bonds, 2)
    positions : FloatArray, shape (n_atoms, 3)
        Å.
    reference : dict
        Kind of bond -> mean and standard deviation in Å.

    Returns
    -------
    lengths : FloatArray, shape (n_bonds,)
        Å.
    deviations : FloatArray, shape (n_bonds,)
        Standard deviations; NaN for kinds without a reference.
    """
    lengths = pair_distances(positions, bonds)
    mean, spread = reference_lengths(plan, bonds, reference).T
    return lengths, np.abs(lengths - mean) / spread


def _kinds(judge: Judge, bonds: IntArray) -> tuple[str, ...]:
    """Name the kinds of bonds (n, 2), each once: residue and atoms."""
    plan = judge.plan
    resnames = judge.topology.beads.residues.names

    def name(one: int, two: int) -> str:
        first, second = (str(resnames[plan.atom_residue[a]]) for a in (one, two))
        between = f"{plan.atom_names[one]}-{plan.atom_names[two]}"
        return f"{between} of {first}" if first == second else f"{between}, {first} to {second}"

    return tuple(dict.fromkeys(name(one, two) for one, two in bonds.tolist()))


def _worst_bond(
    name: Callable[[int], str], bonds: IntArray, lengths: FloatArray, deviations: FloatArray
) -> str:
    if not np.isfinite(deviations).any():
        return ""
    worst = int(np.nanargmax(deviations))
    one, two = (name(int(a)) for a in bonds[worst])
    return f"{one} to {two}, {lengths[worst]:.2f} Å"
