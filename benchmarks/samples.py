"""How different and how sound samples are that are drawn for the beads of known structures.

python benchmarks/samples.py STRUCTURE... --mapping ca_only [--model MODEL] [-n 10] [--seed 0]
    [-o docs/samples.md]

Each STRUCTURE, or --frames of its models, is coarse-grained by the mapping, and samples are drawn
from the beads. With --error, in Å, the structure itself stands for what a model says, with that
expected error: what the sampling does by itself, for mappings that have no model yet. Figures are
means over models of the file, those of samples also over samples. With -o the table goes into a
file between two marks.

- own: RMSD of the model's own answer from the structure, heavy atoms; samples: the same, mean
  over samples; best: the nearest sample
- diversity: mean RMSD of two samples
- clash ratio: pairs of unbonded atoms nearer than 1.2 Å among all pairs nearer than 5 Å, in %;
  bonded pairs count among the latter only
- GED: pairs that are nearer than bonded atoms are (sum of covalent radii and 0.4 Å) but not
  bonded, and bonds that are longer, by the number of bonds
- EMD: earth mover's distance on the circle, in radians, between the angles of all residues in
  all samples and those in all structures (bins of 5 degrees for phi and psi, of 10 for chi1)
- valid: samples without a bond outlier, a wrong hand or double bond, a twisted peptide, a bent
  ring, or atoms within 1.2 Å
"""

from __future__ import annotations

import argparse
import functools
import operator
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from page import put_between
from runner import run_main
from scipy.spatial import cKDTree
from startup import processor

import herobm
from herobm.assembly.sampling import Sampler
from herobm.chem.bonds import COVALENT_RADII
from herobm.chem.judging.diversity import pairwise_rmsd
from herobm.chem.judging.summary import OVERLAP, summarise
from herobm.chem.judging.verdict import Judge, Verdict
from herobm.errors import HerobmError
from herobm.io import open_trajectory
from herobm.pipeline import prepare
from herobm.plan import Library, compile_library
from herobm.plan.bonds import plan_bonds
from herobm.system import Topology
from herobm.system.atomistic import AtomLayout
from herobm.system.coarsen import drop_incomplete
from herobm.system.disulfides import find_disulfides
from herobm.system.neighbours import pair_distances
from herobm.types import Atoms, Beads, FloatArray, IntArray

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

#: Å: nearer pairs are counted; farther than the sum of their radii by this, two are not bonded.
NEIGHBOURS, SLACK = 5.0, 0.4
COLUMNS = (
    "structure by residues models own samples best diversity clash_ratio_% GED EMD_phi EMD_psi "
    "EMD_chi1 valid CPU_s_a_sample"
)
#: Marks in the file between which the table stands.
BEGIN = "<!-- the table below is written by benchmarks/samples.py -->"
END = "<!-- end of the table -->"
#: Structure -> what the paper of GenZProt (arXiv:2303.01569) prints for its samples of it.
GENZPROT = {
    "PED00151val": {
        "diversity": "1.711", "clash_ratio_%": "0.637", "GED": "0.019",
        "EMD_phi": "0.034", "EMD_psi": "0.053", "EMD_chi1": "0.262",
    },
    "PED00055": {
        "diversity": "1.871", "clash_ratio_%": "0.473", "GED": "0.054",
        "EMD_phi": "0.065", "EMD_psi": "0.073", "EMD_chi1": "0.268",
    },
}  # fmt: skip


class Case(NamedTuple):
    """Samples of one structure, in the order of the plan, and what is to be said of them."""

    topology: Topology
    truth: FloatArray
    own: FloatArray
    samples: list[FloatArray]
    n_valid: int
    seconds: float


class Drawn(NamedTuple):
    """The model's own answer, samples, and how many of these are valid."""

    own: FloatArray
    samples: list[FloatArray]
    n_valid: int


def cases_of(path: Path, library: Library, chosen: argparse.Namespace) -> Iterator[Case]:
    """Coarse-grain the models of a structure and draw samples of each."""
    draw = None
    whole = herobm.read_atoms(path, chosen.selection)
    for positions, box in models_of(path, whole, chosen):
        atoms = drop_incomplete(whole.with_frame(positions, box), library)
        beads = herobm.coarsen(atoms, library, skip_unmapped=True)
        if draw is None:
            layout = AtomLayout.of(whole, library, str(path))
            topology = layout.topology
            alone = chosen.error is not None
            draw = by_itself(topology, chosen) if alone else by_model(topology.beads, chosen)
        truth = layout.place(positions, box)
        before = time.process_time()
        drawn = draw(topology.place(beads.positions, box), truth)
        yield Case(topology, truth, *drawn, (time.process_time() - before) / chosen.n)


def models_of(
    path: Path, atoms: Atoms, chosen: argparse.Namespace
) -> Iterator[tuple[FloatArray, FloatArray | None]]:
    """Positions in Å and boxes of the models of a file, or of the one that it has."""
    if chosen.frames == 1:
        yield atoms.positions, atoms.box
        return
    with open_trajectory(path, path, chosen.selection, limit=chosen.frames) as trajectory:
        yield from ((frame.positions, frame.box) for frame in trajectory)


Draw = Callable[[Beads, FloatArray], Drawn]


def by_model(beads: Beads, chosen: argparse.Namespace) -> Draw:
    """Draw samples as herobm backmap does."""
    ready = prepare(beads, mapping=chosen.mapping, model=chosen.model, post=chosen.post)

    def draw(beads: Beads, _: FloatArray) -> Drawn:
        own = ready.result(beads).atoms.positions
        results = list(ready.samples(beads, chosen.n, chosen.seed))
        samples = [result.atoms.positions for result in results]
        return Drawn(own, samples, sum(not r.summary.faults for r in results))

    return draw


def by_itself(topology: Topology, chosen: argparse.Namespace) -> Draw:
    """Draw samples about the structure itself."""
    plan = topology.plan
    errors = np.full(plan.n_residues, chosen.error)
    judge = Judge(topology)

    def draw(beads: Beads, truth: FloatArray) -> Drawn:
        bridges = find_disulfides(plan, beads).bonded(np.nan_to_num(truth, nan=1e6))
        sampler = Sampler(plan, truth, errors, np.array(bridges, dtype=np.int64).ravel())
        samples = [sampler.draw(np.random.default_rng([chosen.seed, k])) for k in range(chosen.n)]
        valid = sum(not summarise(judge, beads, x, {}, bridges).faults for x in samples)
        return Drawn(truth, samples, valid)

    return draw


def bonding(case: Case) -> Iterator[tuple[float, float]]:
    """Clash ratio in % and graph edit distance of each sample."""
    plan = case.topology.plan
    bonds = np.sort(plan_bonds(plan, case.topology.links.previous), axis=1)
    bridges = find_disulfides(plan, case.topology.beads)
    radius = np.array([COVALENT_RADII.get(str(e), 0.76) for e in plan.elements])
    for sample in case.samples:
        known = np.isfinite(sample).all(axis=1)
        places = np.arange(len(sample))[:, None] * [1e4, 0.0, 0.0]
        x = np.where(known[:, None], sample, places + 1e6)
        bridged = np.array(bridges.bonded(x), dtype=np.int64).reshape(-1, 2)
        bonded = np.concatenate([bonds, bridged])
        joined = keys(bonded[known[bonded].all(axis=1)], x)
        pairs = cKDTree(x).query_pairs(NEIGHBOURS, output_type="ndarray").reshape(-1, 2)
        gaps = pair_distances(x, pairs)
        strange = ~np.isin(keys(pairs, x), joined)
        like_bonds = gaps < radius[pairs].sum(axis=1) + SLACK
        broken = len(joined) - int((like_bonds & ~strange).sum())
        made = int((like_bonds & strange).sum())
        clash_ratio = 100.0 * int((strange & (gaps < OVERLAP)).sum()) / max(len(pairs), 1)
        yield clash_ratio, (broken + made) / max(len(joined), 1)


def keys(pairs: IntArray, x: FloatArray) -> IntArray:
    """One number for each pair of atoms."""
    numbers: IntArray = np.sort(pairs, axis=1) @ np.array([len(x), 1])
    return numbers


def earth_mover(reference: IntArray, found: IntArray) -> float:
    """Earth mover's distance in radians between two histograms of angles over the circle.

    On a circle it is the integral of the absolute difference of the cumulative shares from its
    median (Rabin, Delon and Gousseau, arXiv:0906.5499).
    """
    if not (reference.sum() and found.sum()):
        return float("nan")
    lead = np.cumsum(reference / reference.sum() - found / found.sum())
    return float(np.abs(lead - np.median(lead)).mean() * 2.0 * np.pi)


def distances(cases: Sequence[Case]) -> list[float]:
    """Earth mover's distances of phi, psi and chi1."""
    judge = Judge(cases[0].topology)
    truth = sum_of(judge.judge(case.truth) for case in cases)
    found = sum_of(judge.judge(x) for case in cases for x in case.samples)
    # cells are counted by class, phi and psi
    pairs = [
        (v.torsions.sum(axis=(0, 2)), v.torsions.sum(axis=(0, 1)), v.chi[0]) for v in (truth, found)
    ]
    return [earth_mover(one, other) for one, other in zip(*pairs, strict=True)]


def sum_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Add verdicts up."""
    return functools.reduce(operator.add, verdicts)


def rmsds(case: Case) -> tuple[float, float, float, float]:
    """RMSD in Å of the own answer, mean and least of samples, and mean of pairs of samples."""
    known = np.isfinite(case.truth).all(axis=1)

    def away(x: FloatArray) -> float:
        return float(np.sqrt(((x - case.truth)[known] ** 2).sum(axis=1).mean()))

    there = np.isfinite(case.samples[0]).all(axis=1)
    diversity = pairwise_rmsd([x[there] for x in case.samples])
    far = [away(x) for x in case.samples]
    return away(case.own), float(np.mean(far)), min(far), diversity


def line_of(cases: Sequence[Case]) -> list[str]:
    """Figures of all models of a structure, as words."""
    figures = np.mean([rmsds(case) for case in cases], axis=0)
    clash_ratio, edits = np.mean([pair for case in cases for pair in bonding(case)], axis=0)
    return [
        str(cases[0].topology.plan.n_residues),
        str(len(cases)),
        *(f"{figure:.2f}" for figure in figures),
        f"{clash_ratio:.3f}",
        f"{edits:.4f}",
        *(f"{distance:.3f}" for distance in distances(cases)),
        f"{sum(case.n_valid for case in cases)}/{sum(len(case.samples) for case in cases)}",
        f"{np.mean([case.seconds for case in cases]):.2f}",
    ]


def main() -> None:
    """Draw, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("structures", type=Path, nargs="+", help="PDB, GRO or mmCIF with atoms")
    parser.add_argument("--mapping", default="martini3")
    parser.add_argument("--model", help="model or weights file; the mapping's own by default")
    parser.add_argument("--error", type=float, help="no model: the structure, and this error in Å")
    parser.add_argument("--post", help="steps, as of herobm backmap; must add no hydrogens")
    parser.add_argument("--selection", default="protein")
    parser.add_argument("-n", type=int, default=10, help="samples of each")
    parser.add_argument("--frames", type=int, default=1, help="models of each file, spread evenly")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, help="file with marks to write between")
    chosen = parser.parse_args()
    library = compile_library(herobm.load_registry().mapping(chosen.mapping))
    names = COLUMNS.split()
    lines = [f"| {' | '.join(names)} |", "|-" * len(names) + "|"]
    print("\n".join(lines))
    for path in chosen.structures:
        try:
            cases = list(cases_of(path, library, chosen))
            lines.append(f"| {path.stem} | {chosen.mapping} | {' | '.join(line_of(cases))} |")
            print(lines[-1], flush=True)
            if path.stem in GENZPROT:
                known = {"structure": path.stem, "by": "GenZProt"} | GENZPROT[path.stem]
                lines.append(f"| {' | '.join(known.get(name, '') for name in names)} |")
        except HerobmError as error:
            raise SystemExit(f"error: {error}") from None
    if chosen.output is not None:
        note = (
            f"herobm {herobm.__version__}, {processor()}, {chosen.n} samples of each of "
            f"{chosen.frames} frames at most."
        )
        put_between(chosen.output, BEGIN, END, f"{note}\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    run_main(main)
