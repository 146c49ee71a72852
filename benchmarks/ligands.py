"""How well the atoms of a ligand come back: ``python benchmarks/ligands.py DATA [CASE...]``.

DATA is a folder with ``ligands/`` and ``mappings/`` (see the functions below for the files). A
case trains a network as ``herobm train --ligand`` does, and prints RMSD of heavy atoms over
snapshots that the training did not see.
"""

from __future__ import annotations

import argparse
import platform
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from runner import run_main
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from herobm.assembly.models import open_model
from herobm.chem.conformers.langevin import Sampling, sample_ensemble
from herobm.cli.app import run
from herobm.dsl.model import MappingSet
from herobm.evaluation.run import COUNTS, evaluate
from herobm.io import open_trajectory, read_atoms
from herobm.pipeline import Rebuilder
from herobm.plan import compile_library
from herobm.plugins.manager import load_registry
from herobm.post.chain import resolve
from herobm.system.atomistic import coarse_grain
from herobm.train.ligand import LigandSettings, only_mapping, train_ligand
from herobm.train.snapshots import Snapshots, Split, gather, split
from herobm.types import Beads, FloatArray

CASES = ("neca-md", "neca-md+sampled", "neca-sampled", "zma-sampled")


def neca_mapping(data: Path, folder: Path) -> Path:
    """Convert the mapping of HEroBM; two of its rules are misspelt, and its hydrogens have rules.

    Rules of hydrogens are left out: a post-processor adds hydrogens, and the network has more of
    itself for the heavy atoms.
    """
    text = (data / "mappings/herobm/neca_neca.amber.yaml").read_text()
    text = text.replace("P1B1", "P1B")
    text = re.sub(r"(?m)^(\s+H\d+\s*:\s+\w+)\s+P\S+", r"\1", text)
    source, result = folder / "neca.yaml", folder / "neca.map"
    source.write_text(text)
    structure = data / "ligands/neca/neca.gro"
    if run(
        [
            "mapping",
            "convert",
            str(source),
            "--structure",
            str(structure),
            "-o",
            str(result),
            "--overwrite",
        ]
    ):
        sys.exit(1)
    return result


def suggested(source: Path, folder: Path) -> Path:
    """Let herobm suggest the mapping."""
    result = folder / f"{source.stem}.map"
    if run(["mapping", "suggest", str(source), "-o", str(result)]):
        sys.exit(1)
    return result


def neca_frames(data: Path, mappings: MappingSet) -> Split:
    """Split 1000 of the 1001 frames: 200, 100 and 700, each spread over all of the time."""
    structure, path = (data / "ligands/neca" / name for name in ("neca.gro", "neca.xtc"))
    with open_trajectory(structure, path, stop=1000) as frames:
        found = gather(
            read_atoms(structure),
            ((frame.positions, frame.box) for frame in frames),
            compile_library(mappings),
            str(path),
        )
    return split(found, (0.2, 0.1, 0.7), str(path))


def sampled(mappings: MappingSet) -> Snapshots:
    """Sample the molecule at 300 K."""
    begin = time.process_time()
    found = sample_ensemble(only_mapping(mappings), Sampling())
    seconds = time.process_time() - begin
    print(f"  {len(found.positions)} snapshots sampled, {seconds:.0f} CPU s", flush=True)
    return Snapshots.sampled(found)


def ambiguity(parts: Split, mappings: MappingSet) -> str:
    """Tell how far atoms differ where beads are most alike: what beads alone cannot tell."""
    library = compile_library(mappings)

    def lay_out(snapshots: Snapshots) -> tuple[FloatArray, FloatArray]:
        pairs = [coarse_grain(atoms, library) for _, atoms in snapshots.structures()]
        return np.stack([t.beads.positions for t, _ in pairs]), np.stack([r for _, r in pairs])

    beads, atoms = lay_out(parts.train)
    pairs = np.stack([pdist(b) for b in beads])
    near, apart = [], []
    for b, a in zip(*lay_out(parts.test), strict=True):
        best = int(np.argmin(((pairs - pdist(b)) ** 2).sum(axis=1)))
        fit, rssd = Rotation.align_vectors(
            b - b.mean(axis=0), beads[best] - beads[best].mean(axis=0)
        )
        moved = fit.apply(atoms[best] - beads[best].mean(axis=0)) + b.mean(axis=0)
        near.append(rssd / np.sqrt(len(b)))
        apart.append(np.sqrt(((a - moved) ** 2).sum(axis=1).mean()))
    return (
        f"nearest beads of the training set: {np.mean(near):.3f} Å away, "
        f"their heavy atoms {np.mean(apart):.3f} Å"
    )


def measure(weights: Path, test: Snapshots, mappings: MappingSet, post: str) -> None:
    """Rebuild snapshots and print how well they come back."""
    registry = load_registry()
    model = open_model(str(weights), registry, "cpu")
    steps = resolve(post, registry)
    library = compile_library(mappings)
    kept: list[FloatArray] = []

    class Kept(Rebuilder):
        """Keeps what it places."""

        def rebuild(self, beads: Beads) -> FloatArray:
            placed = super().rebuild(beads)
            kept.append(placed)
            return placed

    structures = list(test.structures())
    found = evaluate(
        structures,
        library,
        lambda topology: Kept(topology, [model], "cpu", steps=steps),
        bonds=dict(model.bonds),
    )
    wanted = [coarse_grain(atoms, library)[1] for _, atoms in structures]
    errors = ((np.stack(kept) - np.stack(wanted)) ** 2).sum(axis=2)
    by_atom = np.sqrt(errors.mean(axis=0))
    names = np.array(library.templates[0].atoms)
    rmsd = np.array([record.figures["rmsd_all"] for record in found.records])
    stereo = sum(int(found.summary()[key].total) for key in COUNTS[:3])
    worst = ", ".join(f"{names[i]} {by_atom[i]:.2f}" for i in np.argsort(-by_atom)[:5])
    print(
        f"  {len(rmsd)} snapshots, post {post}: RMSD {rmsd.mean():.3f} Å (sd {rmsd.std():.3f}, "
        f"median {np.median(rmsd):.3f}, 90 % below {np.quantile(rmsd, 0.9):.3f}), stereo errors "
        f"{stereo}\n  by atom: {worst}; median {np.median(by_atom):.3f}",
        flush=True,
    )


def bench(case: str, data: Path, folder: Path, args: argparse.Namespace) -> None:
    """Run one case."""
    molecule, _, source = case.partition("-")
    path = args.mapping
    if path is None and molecule == "neca":
        path = neca_mapping(data, folder)
    path = path or suggested(data / "ligands/ZMA241385.sdf", folder)
    mappings = load_registry().mapping(path)
    print(f"{case}, mapping {path.name}: {len(compile_library(mappings).templates[0].beads)} beads")
    if molecule == "neca":
        parts = neca_frames(data, mappings)
        if source == "sampled":  # no frame of the simulation is trained with
            parts = replace(
                split(sampled(mappings), (0.9, 0.09, 0.01), "sampling"), test=parts.test
            )
        elif source == "md+sampled":
            parts = replace(parts, train=parts.train.joined(sampled(mappings)))
    else:
        parts = split(sampled(mappings), (0.8, 0.1, 0.1), "sampling")
    weights = folder / f"{case}.safetensors"
    settings = LigandSettings(steps=args.steps, threads=args.threads)
    wall, cpu = time.monotonic(), time.process_time()
    train_ligand(mappings, parts, weights, settings, {"source": source})
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    print(f"  {len(parts.train)} snapshots, {args.steps} steps: {cpu:.0f} CPU s, {wall:.0f} s")
    for post in args.post:
        measure(weights, parts.test, mappings, post)
    print(f"  {ambiguity(parts, mappings)}", flush=True)


def main() -> None:
    """Run the cases that are asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--mapping", type=Path, help="instead of the case's own")
    parser.add_argument("--steps", type=int, default=LigandSettings.steps)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--post", nargs="*", default=["none", "consistency"])
    args = parser.parse_args()
    unknown = sorted(set(args.cases) - set(CASES))
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    print(f"{platform.machine()}, {args.threads} thread(s)")
    with tempfile.TemporaryDirectory() as folder:
        for case in args.cases or CASES:
            bench(case, args.data, Path(folder), args)


if __name__ == "__main__":
    run_main(main)
