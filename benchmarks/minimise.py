"""What `hydrogens` and `minimise` do to rebuilt proteins, and what they cost.

python benchmarks/minimise.py STRUCTURE... [--every N] [--at-most RESIDUES] [--dynamics N]
                              [--post NAMES] [--forcefield NAME] [--restraints KIND]

Each structure holds atoms, which are coarse-grained and rebuilt, so that the root mean square
deviation (RMSD, heavy atoms, Å, nothing superposed) is known, or beads of Martini 3. The table
tells the RMSD before and after, the re-mapping error (mean, Å), chirality errors after, the energy
(kJ/mol), and CPU seconds of the two steps on one thread. The first N structures then run 5 ps of
Langevin dynamics in vacuum at 300 K (1 fs); told are the RMSD in Å from the start and the
temperature over the last picosecond.
"""

from __future__ import annotations

import argparse
import os
import re
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

import numpy as np  # noqa: E402

import herobm  # noqa: E402
from herobm.chem.naming import best_names, find_naming  # noqa: E402
from herobm.chem.stereo import chirality_errors  # noqa: E402
from herobm.errors import HerobmError  # noqa: E402
from herobm.pipeline import prepare  # noqa: E402
from herobm.plan import compile_library  # noqa: E402
from herobm.plan.bonds import lay_out_atoms  # noqa: E402
from herobm.post.bonding import assemble, locate  # noqa: E402
from herobm.post.context import PostContext  # noqa: E402
from herobm.post.hydrogens import hydrogens  # noqa: E402
from herobm.post.minimise import minimise  # noqa: E402
from herobm.system.coarsen import coarsen_plan, drop_incomplete  # noqa: E402
from herobm.system.matching import match_atoms  # noqa: E402
from herobm.types import Atoms, Beads, FloatArray  # noqa: E402

HEAD = (
    f"{'structure':<14}{'residues':>9}{'RMSD':>7}{'after':>7}{'remap':>8}{'after':>7}{'worst':>7}"
    f"{'hands':>6}{'SS':>4}{'kJ/mol':>10}{'after':>9}{'H, s':>7}{'min, s':>8}  5 ps"
)


class Case(NamedTuple):
    """A structure that was rebuilt."""

    atoms: Atoms
    context: PostContext
    reference: FloatArray | None


def load(path: Path, post: str, options: dict[str, Any]) -> Case:
    """Rebuild a structure of atoms or beads."""
    library = compile_library(herobm.load_registry().mapping("martini3"))
    atoms = herobm.read_atoms(path)
    known: Atoms | None = None
    beads: Beads
    if "BB" in atoms.names:
        beads = herobm.read_beads(path)
    else:
        known = drop_incomplete(atoms, library)
        beads = herobm.coarsen(known, library, skip_unmapped=True)
    prepared = prepare(beads, mapping="martini3", post=post)
    first = next(prepared.stages(prepared.topology.beads))
    context = PostContext(
        beads=first.beads,
        topology=prepared.topology,
        bonds=prepared.tidier.bonds,
        disulfides=first.disulfides,
        options=options,
    )
    if known is None:
        return Case(first.atoms, context, None)
    plan, match = prepared.topology.plan, match_atoms(known, library)
    target = lay_out_atoms(plan, known.residue_index, match.atom, known.positions)
    named = best_names(find_naming(plan), target, first.atoms.positions)
    return Case(first.atoms, context, named)


def heavy(atoms: Atoms, context: PostContext) -> FloatArray:
    """Positions in the order of the plan."""
    places = locate(atoms, context).atom
    positions = np.full((context.topology.plan.n_atoms, 3), np.nan)
    positions[places[places >= 0]] = atoms.positions[places >= 0]
    return positions


def rmsd(one: FloatArray, two: FloatArray | None) -> float:
    """Root mean square deviation of the atoms that both have."""
    return float("nan") if two is None else float(np.sqrt(np.nanmean(((one - two) ** 2).sum(-1))))


def run_dynamics(atoms: Atoms, context: PostContext, steps: int = 5000) -> tuple[float, float]:
    """Run dynamics in vacuum; RMSD (Å) from the start after it, temperature (K) of the end."""
    import openmm
    from openmm import app, unit

    topology = assemble(atoms, context).topology
    system = app.ForceField("amber14-all.xml").createSystem(
        topology, nonbondedMethod=app.CutoffNonPeriodic, nonbondedCutoff=1.0
    )
    walk = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 5 / unit.picosecond, 0.001)
    walk.setRandomNumberSeed(1)
    platform = openmm.Platform.getPlatformByName("CPU")
    simulation = app.Simulation(topology, system, walk, platform, {"Threads": "1"})
    simulation.context.setPositions(atoms.positions / 10)
    simulation.context.setVelocitiesToTemperature(300, 1)
    kinetic = []
    for part in range(20):
        simulation.step(steps // 20)
        state = simulation.context.getState(getEnergy=True, getPositions=True)
        if part >= 16:
            kinetic.append(state.getKineticEnergy() / unit.kilojoule_per_mole)
    end = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    freedom = 3 * system.getNumParticles() - 3
    return rmsd(end, atoms.positions), 2 * float(np.mean(kinetic)) / (freedom * 0.0083144626)


def measure(path: Path, case: Case, dynamics: bool) -> str:
    """Return a line of the table."""
    plan, told = case.context.topology.plan, []
    context = replace(case.context, report=told.append)
    begin = time.process_time()
    full = hydrogens(case.atoms, context)
    middle = time.process_time()
    minimised = minimise(full, context)
    end = time.process_time()
    before, after = case.atoms.positions, heavy(minimised, context)
    away = [np.linalg.norm(coarsen_plan(plan, p) - context.beads.positions, axis=1)
            for p in (before, after)]  # fmt: skip
    total = {
        words[0]: words[-1] for words in map(str.split, told) if words[0] in ("before", "after")
    }
    line = (
        f"{re.sub(r'[.](pdb|gz)', '', path.name):<14}{plan.n_residues:>9}"
        f"{rmsd(before, case.reference):>7.2f}{rmsd(after, case.reference):>7.2f}"
        f"{np.nanmean(away[0]):>8.3f}{np.nanmean(away[1]):>7.3f}{np.nanmax(away[1]):>7.2f}"
        f"{len(chirality_errors(plan, after)):>6}{len(context.disulfides):>4}"
        f"{total['before']:>10}{total['after']:>9}{middle - begin:>7.1f}{end - middle:>8.1f}"
    )
    if dynamics:
        moved, kelvin = run_dynamics(minimised, context)
        line += f"  {moved:.2f} Å, {kelvin:.0f} K"
    return line


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("structures", nargs="+", type=Path, help="files, or folders of them")
    parser.add_argument("--every", type=int, default=1, help="take every n-th file of a folder")
    parser.add_argument("--count", type=int, default=20, help="structures at most")
    parser.add_argument("--at-most", type=int, default=300, help="residues")
    parser.add_argument("--dynamics", type=int, default=0, help="how many run dynamics")
    parser.add_argument("--post", default="backbone,consistency", help="steps before these")
    parser.add_argument("--forcefield", default="amber14")
    parser.add_argument("--restraints", default="beads")
    args = parser.parse_args()
    options = {"forcefield": args.forcefield, "restraints": args.restraints}
    paths = [
        f
        for p in args.structures
        for f in (sorted(p.iterdir())[:: args.every] if p.is_dir() else [p])
    ]
    print(HEAD)
    done = 0
    for path in paths:
        if done == args.count:
            break
        try:
            case = load(path, args.post, options)
            if case.context.topology.plan.n_residues > args.at_most:
                continue
            print(measure(path, case, done < args.dynamics), flush=True)
        except HerobmError as error:
            print(f"{path.name:<14} {type(error).__name__}: {error}", flush=True)
        done += 1


if __name__ == "__main__":
    main()
