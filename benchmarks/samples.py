"""How different and how sound samples are that are drawn for the beads of known structures.

python benchmarks/samples.py STRUCTURE... --mapping ca_only [--model MODEL] [-n 10] [--seed 0]

Each STRUCTURE (its first model) is coarse-grained by the mapping, and samples are drawn from the
beads. With --error, in Å, the structure itself stands for what a model says, with that expected
error: what the sampling does by itself, for mappings that have no model yet.

- own: RMSD of the model's own answer from the structure, heavy atoms; samples: the same, mean
  over samples; best: the nearest sample
- diversity: mean RMSD of two samples
- clash ratio: pairs of unbonded atoms nearer than 1.2 Å among all pairs nearer than 5 Å, in %;
  bonded pairs count among the latter only
- GED: pairs that are nearer than bonded atoms are (sum of covalent radii and 0.4 Å) but not
  bonded, and bonds that are longer, by the number of bonds
- valid: samples without a bond outlier, a wrong hand, or atoms within 1.2 Å
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

import herobm
from herobm.assembly.sampling import Sampler
from herobm.chem.bonds import COVALENT_RADII
from herobm.chem.diversity import pairwise_rmsd
from herobm.chem.quality import OVERLAP, summarise
from herobm.chem.verdict import Judge
from herobm.errors import HerobmError
from herobm.pipeline import prepare
from herobm.plan import Library, compile_library
from herobm.plan.bonds import lay_out_atoms, plan_bonds
from herobm.system import Topology, build_topology
from herobm.system.coarsen import drop_incomplete
from herobm.system.disulfides import find_disulfides
from herobm.system.matching import match_atoms
from herobm.types import FloatArray, IntArray

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

#: Å: nearer pairs are counted; farther than the sum of their radii by this, two are not bonded.
NEIGHBOURS, SLACK = 5.0, 0.4
COLUMNS = "residues own samples best diversity clash_ratio_% GED valid CPU_s_a_sample"


class Case(NamedTuple):
    """Samples of one structure, in the order of the plan."""

    topology: Topology
    truth: FloatArray
    own: FloatArray
    samples: list[FloatArray]
    n_valid: int
    seconds: float


def case_of(path: Path, library: Library, chosen: argparse.Namespace) -> Case:
    """Coarse-grain a structure and draw samples."""
    atoms = drop_incomplete(herobm.read_atoms(path, chosen.selection), library)
    beads = herobm.coarsen(atoms, library, skip_unmapped=True)
    topology = build_topology(beads, library, source=str(path))
    local = match_atoms(atoms, library).atom
    truth = lay_out_atoms(topology.plan, atoms.residue_index, local, atoms.positions)
    if chosen.error is not None:
        return by_itself(topology, truth, chosen)
    ready = prepare(beads, mapping=chosen.mapping, model=chosen.model, post=chosen.post)
    own = ready.result(ready.topology.beads).atoms.positions
    before = time.process_time()
    results = list(ready.samples(ready.topology.beads, chosen.n, chosen.seed))
    seconds = (time.process_time() - before) / chosen.n
    samples = [result.atoms.positions for result in results]
    return Case(topology, truth, own, samples, sum(r.summary.valid for r in results), seconds)


def by_itself(topology: Topology, truth: FloatArray, chosen: argparse.Namespace) -> Case:
    """Draw samples about the structure itself."""
    plan, beads = topology.plan, topology.beads
    bridges = find_disulfides(plan, beads).bonded(np.nan_to_num(truth, nan=1e6))
    errors = np.full(plan.n_residues, chosen.error)
    before = time.process_time()
    sampler = Sampler(plan, truth, errors, np.array(bridges, dtype=np.int64).ravel())
    samples = [sampler.draw(np.random.default_rng([chosen.seed, k])) for k in range(chosen.n)]
    seconds = (time.process_time() - before) / chosen.n
    judge = Judge(topology)
    valid = sum(summarise(judge, beads, x, {}, bridges).valid for x in samples)
    return Case(topology, truth, truth, samples, valid, seconds)


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
        gaps = np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1)
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


def line_of(case: Case) -> list[str]:
    """Figures of a case, as words."""
    known = np.isfinite(case.truth).all(axis=1)

    def away(x: FloatArray) -> float:
        return float(np.sqrt(((x - case.truth)[known] ** 2).sum(axis=1).mean()))

    there = np.isfinite(case.samples[0]).all(axis=1)
    diversity = pairwise_rmsd([x[there] for x in case.samples])
    far = [away(x) for x in case.samples]
    clash_ratio, edits = np.mean(list(bonding(case)), axis=0)
    figures = (away(case.own), float(np.mean(far)), min(far), diversity)
    return [
        str(case.topology.plan.n_residues),
        *(f"{figure:.2f}" for figure in figures),
        f"{clash_ratio:.3f}",
        f"{edits:.4f}",
        f"{case.n_valid}/{len(case.samples)}",
        f"{case.seconds:.2f}",
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
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    library = compile_library(herobm.load_registry().mapping(chosen.mapping))
    names = COLUMNS.split()
    print(f"| structure | {' | '.join(names)} |\n|-{'|-' * len(names)}|")
    for path in chosen.structures:
        try:
            print(f"| {path.stem} | {' | '.join(line_of(case_of(path, library, chosen)))} |")
        except HerobmError as error:
            raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
