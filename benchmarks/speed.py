"""CPU seconds and memory of backmapping one protein, and of commands that should start at once.

python benchmarks/speed.py [STRUCTURE] [--selection SELECTION] [-n 5]

STRUCTURE holds beads of Martini 3, or atoms, which are coarse-grained first. By default it is
chain A of PDB entry 2QWO (387 residues) from the test data of vermouth, the chain nearest to the
376 residues for which others publish their times. One thread; medians of n runs after one run
that warms the caches.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from runner import run_main
from startup import MAPPING, processor

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
STAGES = ("graph", "network", "reconstruction", "all of it, beads to atoms")


class Line(NamedTuple):
    """A line of the table."""

    what: str
    value: str
    target: str = ""


def default_structure() -> tuple[Path, str]:
    """Find the structure that is taken where none is named, and the selection from it."""
    spec = importlib.util.find_spec("vermouth")
    if spec is None or spec.origin is None:
        sys.exit("error: vermouth is not installed; name a structure")
    return Path(spec.origin).parent / "tests" / "data" / "2QWO.pdb", "protein and chainID A"


def write_beads(structure: Path, selection: str, path: Path) -> None:
    """Write the beads of a structure that holds either beads or atoms."""
    import herobm
    from herobm.plan import compile_library
    from herobm.system.coarsen import drop_incomplete

    atoms = herobm.read_atoms(structure, selection)
    if "BB" in atoms.names:
        herobm.write_structure(path, herobm.read_beads(structure, selection))
        return
    library = compile_library(herobm.load_registry().mapping("martini3"))
    beads = herobm.coarsen(drop_incomplete(atoms, library), library, skip_unmapped=True)
    herobm.write_structure(path, beads)


def median_cpu(call: Callable[[], Any], runs: int) -> float:
    """Median CPU seconds (user + system) of a call, after one that warms the caches."""
    call()
    taken = []
    for _ in range(runs):
        before = time.process_time()
        call()
        taken.append(time.process_time() - before)
    return statistics.median(taken)


def measure_stages(path: Path, runs: int) -> tuple[int, int, dict[str, float]]:
    """Residues, atoms, and CPU seconds of each stage from beads to atoms."""
    import numpy as np
    import torch

    import herobm
    from herobm.assembly.network import NetworkShare
    from herobm.heap import keep_freed
    from herobm.nn.graph import build_graph
    from herobm.pipeline import prepare
    from herobm.plan import reconstruct

    torch.set_num_threads(1)
    keep_freed()  # as the command line does
    ready = prepare(herobm.read_beads(path), mapping="martini3", post="none")
    beads, plan = ready.topology.beads, ready.topology.plan
    (share,) = ready.shares
    assert isinstance(share, NetworkShare)

    def build() -> list[Any]:
        return [
            build_graph(share.context, beads.positions, beads.box, n.reach, n.strain)
            for n in share.networks
        ]

    graphs = build()

    def predict() -> list[Any]:
        with torch.inference_mode():
            pairs = zip(share.networks, graphs, strict=True)
            return [network(graph).vectors.numpy() for network, graph in pairs]

    vectors = predict()[0][:, : plan.n_slots].astype(np.float64)
    calls = (
        build,
        predict,
        lambda: reconstruct(plan, beads.positions, vectors),
        lambda: ready.rebuild(beads),
    )
    seconds = {name: median_cpu(call, runs) for name, call in zip(STAGES, calls, strict=True)}
    return plan.n_residues, plan.n_atoms, seconds


def measure_command(arguments: list[str], runs: int) -> tuple[float, float]:
    """Median CPU seconds of a whole command, and its peak resident memory in MB."""
    cpu, memory = [], []
    for _ in range(runs + 1):
        child = subprocess.Popen(
            [sys.executable, "-m", "herobm", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | ONE_THREAD,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"error: herobm {' '.join(arguments)} failed")
        cpu.append(used.ru_utime + used.ru_stime)
        memory.append(used.ru_maxrss / 1024)
    return statistics.median(cpu[1:]), max(memory)


def measure(structure: Path, selection: str, runs: int, folder: Path) -> list[Line]:
    """Measure everything, in the order in which it is shown."""
    beads, mapping = folder / "cg.pdb", folder / "gly.map"
    write_beads(structure, selection, beads)
    mapping.write_text(MAPPING)
    command = ["backmap", str(beads), "-o", str(folder / "atoms.pdb"), "--overwrite"]
    whole, memory = measure_command(command, runs)
    starts = {
        "`herobm --help`": measure_command(["--help"], runs)[0],
        "`herobm mapping validate gly.map`": measure_command(
            ["mapping", "validate", str(mapping)], runs
        )[0],
    }
    n_residues, n_atoms, seconds = measure_stages(beads, runs)
    total = seconds[STAGES[-1]]
    print(f"{structure.name}: {n_residues} residues, {n_atoms} heavy atoms\n")
    return [
        *(Line(name, f"{seconds[name]:.4f} s") for name in STAGES[:-1]),
        Line(STAGES[-1], f"{total:.4f} s", "0.15 s"),
        Line("residues a second", f"{n_residues / total:.0f}"),
        Line("`herobm backmap`, whole command", f"{whole:.2f} s", "6 s"),
        Line("its peak resident memory", f"{memory:.0f} MB", "1200 MB"),
        *(Line(shown, f"{cpu:.3f} s", "0.5 s") for shown, cpu in starts.items()),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description="CPU seconds and memory of backmapping one protein."
    )
    parser.add_argument("structure", type=Path, nargs="?", help="beads or atoms")
    parser.add_argument("--selection", default=None, help="what to take from it")
    parser.add_argument("-n", "--runs", type=int, default=5, help="runs of each")
    chosen = parser.parse_args()
    structure, selection = chosen.structure, chosen.selection or "all"
    if structure is None:
        structure, selection = default_structure()
    print(f"{processor()}, Python {platform.python_version()}, one thread, medians of", end=" ")
    print(f"{chosen.runs} runs")
    with tempfile.TemporaryDirectory() as folder:
        lines = measure(structure, selection, chosen.runs, Path(folder))
    print("| | CPU time, memory | at most |\n|-|-|-|")
    for line in lines:
        print(f"| {line.what} | {line.value} | {line.target} |")


if __name__ == "__main__":
    run_main(main)
