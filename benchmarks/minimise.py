"""What `hydrogens` and `minimise` do to rebuilt proteins, and what they cost.

python benchmarks/minimise.py STRUCTURE[=REFERENCE]... [--json FILE] [--selection SELECTION]
                              [--at-most RESIDUES] [--count N] [--dynamics PS] [--post NAMES]
                              [--forcefield NAME] [--restraints KIND]

A structure of beads (Martini 3) is rebuilt; one of atoms, or each file of a folder, is
coarse-grained before, so that it is its own reference. REFERENCE holds the atoms of a structure of
beads. Then the two steps run on one thread. A line for each structure tells, before > after:
favoured residues and outliers of the Ramachandran plot, chirality errors, root mean square
deviation of heavy atoms from the reference (RMSD, Å, nothing superposed), mean re-mapping error
(Å) and the largest one after, the bond farthest from the mean of its kind in crystal structures
(Å) and the number of bonds 4 standard deviations off, energy (kJ/mol), and CPU seconds of
hydrogens, minimisation and dynamics.

Dynamics: Langevin, 300 K, in vacuum (a cutoff of 10 Å, no box, no solvent), amber14-all, nothing
held, bonds to hydrogen constrained, 2 fs; told are the temperature over the last fifth and the
RMSD from the start.

With --json, structures that the file has already are not measured anew.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from runner import run_main

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

import numpy as np  # noqa: E402

import herobm  # noqa: E402
from herobm.chem.geometry import dihedrals, reference_lengths  # noqa: E402
from herobm.chem.judging.summary import Summary, summarise  # noqa: E402
from herobm.chem.naming import best_names, find_naming  # noqa: E402
from herobm.chem.protein.backbone import torsion_atoms  # noqa: E402
from herobm.chem.protein.ramachandran import FAVOURED, OUTLIER, classes_of, judge  # noqa: E402
from herobm.errors import HerobmError, StructureError  # noqa: E402
from herobm.pipeline import Rebuilder, prepare  # noqa: E402
from herobm.plan import Library, compile_library  # noqa: E402
from herobm.plan.bonds import lay_out_atoms  # noqa: E402
from herobm.plugins.step_context import StepContext  # noqa: E402
from herobm.post.bonding import assemble, locate  # noqa: E402
from herobm.post.hydrogens import hydrogens  # noqa: E402
from herobm.post.minimise import minimise  # noqa: E402
from herobm.system.coarsen import drop_incomplete  # noqa: E402
from herobm.system.matching import find_templates, match_atoms  # noqa: E402
from herobm.system.neighbours import pair_distances  # noqa: E402
from herobm.types import Atoms, FloatArray  # noqa: E402

GAS_CONSTANT = 0.0083144626  # kJ/mol/K
COLUMNS = (
    ("structure", 26), ("res", 5), ("favoured, %", 14), ("outliers, %", 13), ("hands", 7),
    ("RMSD", 12), ("re-mapping", 14), ("worst", 6), ("longest bond", 13), ("4 sd", 9),
    ("kJ/mol", 19), ("CPU s: H, min, MD", 20), ("K", 5), ("MD RMSD", 8),
)  # fmt: skip


class Case(NamedTuple):
    """A structure that was rebuilt."""

    rebuilder: Rebuilder
    atoms: Atoms
    context: StepContext
    reference: FloatArray | None


def load(path: Path, known: Path | None, args: argparse.Namespace) -> Case:
    """Rebuild a structure of atoms or beads."""
    library = compile_library(herobm.load_registry().mapping("martini3"))
    read = herobm.read_atoms(path, args.selection)
    reference: Atoms | None = None
    if "BB" in read.names:
        beads = herobm.read_beads(path, args.selection)
        reference = None if known is None else _mapped(herobm.read_atoms(known), library)
    else:
        reference = drop_incomplete(read, library)
        beads = herobm.coarsen(reference, library, skip_unmapped=True)
    rebuilder = prepare(beads, mapping="martini3", post=args.post, skip_unmapped=True)
    first = next(rebuilder.stages(rebuilder.topology.beads))
    context = StepContext(
        beads=first.beads,
        topology=rebuilder.topology,
        bonds=rebuilder.tidier.bonds,
        disulfides=first.disulfides,
        options={"forcefield": args.forcefield, "restraints": args.restraints},
    )
    if reference is None:
        return Case(rebuilder, first.atoms, context, None)
    plan, match = rebuilder.topology.plan, match_atoms(reference, library)
    if reference.residues.names.tolist() != rebuilder.topology.beads.residues.names.tolist():
        raise StructureError(f"{known or path}: not the residues of the beads")
    laid = lay_out_atoms(plan, reference.residue_index, match.atom, reference.positions)
    return Case(rebuilder, first.atoms, context, laid)


def _mapped(atoms: Atoms, library: Library) -> Atoms:
    return atoms.subset((find_templates(atoms.residues, library) >= 0)[atoms.residue_index])


def heavy(atoms: Atoms, context: StepContext) -> FloatArray:
    """Positions in the order of the plan."""
    assert context.topology is not None
    places = locate(atoms, context).atom
    positions = np.full((context.topology.plan.n_atoms, 3), np.nan)
    positions[places[places >= 0]] = atoms.positions[places >= 0]
    return positions


def rmsd(one: FloatArray, two: FloatArray) -> float:
    """Root mean square deviation of the atoms that both have."""
    return float(np.sqrt(np.nanmean(((one - two) ** 2).sum(-1))))


def figures(case: Case, positions: FloatArray) -> dict[str, Any]:
    """Judge heavy atoms (n_atoms, 3) in the order of the plan."""
    topology, beads = case.rebuilder.topology, case.context.beads
    assert beads is not None
    reference = case.rebuilder.reference
    summary: Summary = summarise(case.rebuilder.judge, beads, positions, reference, ())
    plan, bonds = topology.plan, case.rebuilder.tidier.bonds
    lengths = pair_distances(positions, bonds)
    off = np.abs(lengths - reference_lengths(plan, bonds, reference)[:, 0])
    phi, psi = (_by_residue(plan, bead, dihedrals(positions, quad))
                for bead, quad in torsion_atoms(topology))  # fmt: skip
    kind = classes_of(beads.residues.names, topology.links.following)
    verdict = judge(phi, psi, kind)
    judged = max(int((verdict >= 0).sum()), 1)
    found = {
        "favoured": 100.0 * int((verdict == FAVOURED).sum()) / judged,
        "outliers": 100.0 * int((verdict == OUTLIER).sum()) / judged,
        "hands": len(summary.chirality_errors),
        "remap": summary.remap_mean,
        "remap_max": summary.remap_max,
        "longest_bond": float(np.nanmax(off)),
        "bond_outliers": summary.bond_outliers,
        "n_bonds": summary.n_bonds,
    }
    if case.reference is not None:
        named = best_names(find_naming(plan), case.reference, positions)
        found["rmsd"] = rmsd(positions, named)
    return found


def _by_residue(plan: Any, bead: Any, angles: FloatArray) -> FloatArray:
    found = np.full(plan.n_residues, np.nan)
    found[plan.bead_residue[bead]] = angles
    return found


def run_dynamics(atoms: Atoms, context: StepContext, picoseconds: float) -> dict[str, float]:
    """Run dynamics in vacuum from a structure with hydrogens."""
    import openmm
    from openmm import app, unit

    topology = assemble(atoms, context).topology
    system = app.ForceField("amber14-all.xml").createSystem(
        topology,
        nonbondedMethod=app.CutoffNonPeriodic,
        nonbondedCutoff=1.0,
        constraints=app.HBonds,
    )
    walk = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 5 / unit.picosecond, 0.002)
    walk.setRandomNumberSeed(1)
    platform = openmm.Platform.getPlatformByName("CPU")
    begin = time.process_time()
    simulated = openmm.Context(system, walk, platform, {"Threads": "1"})
    simulated.setPositions(atoms.positions / 10)
    simulated.applyConstraints(1e-6)
    simulated.setVelocitiesToTemperature(300, 1)
    kinetic = []
    for part in range(20):
        walk.step(round(picoseconds / 0.002) // 20)
        state = simulated.getState(getEnergy=True, getPositions=True, getForces=True)
        if part >= 16:
            kinetic.append(state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole))
    end = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    force = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
    freedom = 3 * system.getNumParticles() - system.getNumConstraints() - 3
    return {
        "kelvin": 2 * float(np.mean(kinetic)) / (freedom * GAS_CONSTANT),
        "md_rmsd": rmsd(np.asarray(end), atoms.positions),
        "md_force": float(np.linalg.norm(force, axis=1).max()),
        "md_seconds": time.process_time() - begin,
    }


def measure(case: Case, picoseconds: float) -> dict[str, Any]:
    """Run the steps, and dynamics if it shall last."""
    told: list[str] = []
    context = replace(case.context, report=told.append)
    begin = time.process_time()
    full = hydrogens(case.atoms, context)
    middle = time.process_time()
    minimised = minimise(full, context)
    end = time.process_time()
    energies = {
        words[0]: float(words[-1])
        for words in map(str.split, told)
        if words[0] in ("before", "after")
    }
    row = {
        "residues": case.rebuilder.topology.plan.n_residues,
        "atoms": len(minimised),
        "before": figures(case, heavy(case.atoms, context)) | {"energy": energies["before"]},
        "after": figures(case, heavy(minimised, context)) | {"energy": energies["after"]},
        "h_seconds": middle - begin,
        "min_seconds": end - middle,
    }
    return row | (run_dynamics(minimised, context, picoseconds) if picoseconds else {})


def line(name: str, row: dict[str, Any]) -> str:
    """Return a line of the table."""
    if "error" in row:
        return f"{name:<26} {row['error']}"
    one, two = row["before"], row["after"]

    def pair(key: str, form: str) -> str:
        return f"{one.get(key, math.nan):{form}} > {two.get(key, math.nan):{form}}"

    cells = [
        name, str(row["residues"]), pair("favoured", ".1f"), pair("outliers", ".1f"),
        pair("hands", "d"), pair("rmsd", ".2f"), pair("remap", ".3f"), f"{two['remap_max']:.2f}",
        pair("longest_bond", ".2f"), pair("bond_outliers", "d"),
        f"{one['energy']:.3g} > {two['energy']:.0f}",
        f"{row['h_seconds']:.1f} {row['min_seconds']:.1f} {row.get('md_seconds', 0.0):.0f}",
        f"{row.get('kelvin', math.nan):.0f}", f"{row.get('md_rmsd', math.nan):.2f}",
    ]  # fmt: skip
    return "".join(
        f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}"
        for i, (cell, (_, width)) in enumerate(zip(cells, COLUMNS, strict=True))
    )


def pairs(given: list[str]) -> Iterator[tuple[Path, Path | None]]:
    """Files, and their references."""
    for words in given:
        name, _, known = words.partition("=")
        path = Path(name)
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            yield file, Path(known) if known else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("structures", nargs="+", help="files, or folders of them")
    parser.add_argument("--json", type=Path, help="where the figures are kept, line by line")
    parser.add_argument("--selection", default="all", help="of MDAnalysis")
    parser.add_argument("--count", type=int, default=1000, help="structures at most")
    parser.add_argument("--at-most", type=int, default=5000, help="residues")
    parser.add_argument("--dynamics", type=float, default=5.0, help="ps; 0 for none")
    parser.add_argument("--post", default="backbone,consistency", help="steps before these")
    parser.add_argument("--forcefield", default="amber14")
    parser.add_argument("--restraints", default="beads")
    args = parser.parse_args()
    done = _read(args.json)
    print("".join(f"{t:<{w}}" if i == 0 else f"{t:>{w}}" for i, (t, w) in enumerate(COLUMNS)))
    told = 0
    for path, known in pairs(args.structures):
        if told == args.count:
            break
        name = path.name.removesuffix(".gz").removesuffix(".pdb").removesuffix(".gro")
        row = done.get(name)
        if row is None:
            try:
                case = load(path, known, args)
                if case.rebuilder.topology.plan.n_residues > args.at_most:
                    continue
                row = measure(case, args.dynamics)
            except HerobmError as error:
                row = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
            if args.json is not None and "error" not in row:
                with args.json.open("a") as file:
                    file.write(json.dumps({"name": name} | row) + "\n")
        print(line(name, row), flush=True)
        told += 1


def _read(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None or not path.exists():
        return {}
    rows = [json.loads(words) for words in path.read_text().splitlines()]
    return {row.pop("name"): row for row in rows}


if __name__ == "__main__":
    run_main(main)
