"""Backmap real Martini 3 simulations and judge the atoms.

::

    python benchmarks/real_cg.py [FOLDER] [--post none --post backbone ...] [--stride 10]

FOLDER holds the simulations (``m3_6zh9_elastic`` and so on); ``../shared/data/cg`` by default.
For each of them and each chain of steps the figures of ``herobm report``, over all frames, and the
CPU seconds a frame, on one thread.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from runner import run_main

import herobm
from herobm.chem.judging.verdict import FIGURES, NUMBERS, Judge, Verdict, divergence
from herobm.io import open_trajectory
from herobm.pipeline import Rebuilder, prepare
from herobm.plan import compile_library
from herobm.plugins import Registry
from herobm.system.atomistic import AtomLayout
from herobm.types import Beads

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

ROOT = Path(__file__).resolve().parents[1]
#: What is shown.
COLUMNS = [
    "rama_favoured",
    "rama_outliers",
    "rotamer_outliers",
    "cis_peptides",
    "twisted_peptides",
    "chirality_errors",
    "prochiral_errors",
    "bond_outliers",
    "angle_outliers",
    "clashes",
    "remap_error",
    "remap_error_max",
]


class Case(NamedTuple):
    """A simulation."""

    name: str
    structure: str
    trajectory: str | None = None
    reference: str | None = None


CASES = [
    Case(
        "6ZH9, elastic network",
        "m3_6zh9_elastic/npt_dry.pdb",
        "m3_6zh9_elastic/traj_100.xtc",
        "m3_6zh9_elastic/aa_crystal_6ZH9_clean.pdb",
    ),
    Case(
        "YidC (6AL2) in a membrane",
        "m3_6al2_pope_popg/nvt_nowater.gro",
        None,
        "m3_6al2_pope_popg/aa_6AL2_A.pdb",
    ),
    Case("GY23 condensate", "m3idp_condensate_gy23/GY23_nowater.gro"),
]


def frames_of(case: Case, folder: Path, ready: Rebuilder, stride: int) -> Iterator[Beads]:
    """Beads of each frame, whole and in order."""
    if case.trajectory is None:
        yield ready.topology.beads
        return
    with open_trajectory(
        folder / case.structure, folder / case.trajectory, step=stride
    ) as trajectory:
        for frame in trajectory:
            yield ready.topology.place(frame.positions, frame.box)


def run(
    case: Case, folder: Path, post: str | None, model: str | None, stride: int, registry: Registry
) -> tuple[Verdict, float]:
    """Backmap and judge all frames of a case; return the verdict and CPU seconds a frame."""
    beads = herobm.read_beads(folder / case.structure)
    ready = prepare(
        beads,
        mapping="martini3",
        model=model,
        post=post,
        skip_unmapped=True,
        source=case.structure,
        registry=registry,
    )
    total, seconds = None, 0.0
    for frame in frames_of(case, folder, ready, stride):
        before = time.process_time()
        positions = ready.rebuild(frame)
        seconds += time.process_time() - before
        verdict = ready.judge.judge(positions, frame.positions, frame.box)
        total = verdict if total is None else total + verdict
    if total is None:
        raise SystemExit(f"error: {case.trajectory} holds no frame")
    return total, seconds / total.n_frames


def judged(case: Case, folder: Path, registry: Registry) -> Verdict | None:
    """Judge the atomistic reference of a case by the same measures."""
    if case.reference is None:
        return None
    atoms = herobm.read_atoms(folder / case.reference)
    layout = AtomLayout.of(atoms, compile_library(registry.mapping("martini3")))
    return Judge(layout.topology).judge(layout.place(atoms.positions, atoms.box))


def line(verdict: Verdict, reference: Verdict | None, seconds: float | None) -> list[str]:
    """Return the cells of a line of the table."""
    figures = verdict.figures()
    cells = []
    for key in COLUMNS:
        value, scale = figures[key], FIGURES[key].scale
        if np.isnan(value):
            cells.append("")
        elif key in NUMBERS:
            cells.append(f"{value / verdict.n_frames:.2f}".rstrip("0").rstrip("."))
        else:
            cells.append(f"{value * scale:.3f}" if "remap" in key else f"{value * scale:.2f}")
    for number in (0, 1):
        known = reference is not None and reference is not verdict
        value = divergence(reference.chi[number], verdict.chi[number]) if known else np.nan
        cells.append("" if np.isnan(value) else f"{value:.3f}")
    cells.append("" if seconds is None else f"{seconds:.2f}")
    return cells


def main() -> None:
    """Run all cases and print a table for each."""
    parser = argparse.ArgumentParser(description="Backmap real simulations and judge the atoms.")
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT.parent / "shared/data/cg")
    parser.add_argument(
        "--post",
        action="append",
        help="steps after rebuilding; repeatable. Those of herobm backmap, and none, by default",
    )
    parser.add_argument("--model", help="name of a model or a weights file")
    parser.add_argument("--stride", type=int, default=1, help="every n-th frame of trajectories")
    parser.add_argument("--case", type=int, action="append", help="number of a case, from 0")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    registry = herobm.load_registry()
    heads = [f"{FIGURES[key].words} {FIGURES[key].unit}".strip() for key in COLUMNS]
    heads += ["KL chi1", "KL chi2", "CPU s a frame"]
    print("Numbers are those of a frame; shares and means are over all frames.\n")
    for number, case in enumerate(CASES):
        if chosen.case and number not in chosen.case:
            continue
        print(f"{case.name}\n\n| | {' | '.join(heads)} |\n|-|{'-|' * len(heads)}", flush=True)
        reference = judged(case, chosen.folder, registry)
        if reference is not None:
            shown = " | ".join(line(reference, reference, None))
            print(f"| atomistic reference | {shown} |", flush=True)
        for post in chosen.post or ["none", "default"]:
            steps = None if post == "default" else post
            found = run(case, chosen.folder, steps, chosen.model, chosen.stride, registry)
            shown = " | ".join(line(found[0], reference, found[1]))
            print(f"| {post}, {found[0].n_frames} frame(s) | {shown} |", flush=True)
        print()


if __name__ == "__main__":
    run_main(main)
