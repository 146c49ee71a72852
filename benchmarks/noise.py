"""How every figure of a model changes with noise on the beads, as a table and as a picture.

::

    python benchmarks/noise.py FOLDER [--model martini3/protein] [--noise 0 0.1 0.3] [--limit 12]
        [-o docs/images/noise.png]

Structures are turned into beads, these are moved by Gaussian noise of each width (Å a coordinate),
and rebuilt. Nothing is done to the atoms afterwards unless --post says so.
"""

from __future__ import annotations

import argparse
import math
import warnings
from pathlib import Path

import matplotlib
import torch
from runner import run_main

import herobm
from herobm.assembly.models import open_model
from herobm.evaluation.metrics import METRICS
from herobm.evaluation.run import Spread, evaluate
from herobm.io.find import spread, structure_files
from herobm.pipeline import Rebuilder
from herobm.plan import compile_library
from herobm.post.chain import resolve

matplotlib.use("Agg")
import matplotlib.pyplot as plt

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

#: Columns of the picture, and the size of each panel in inches.
N_COLUMNS, PANEL = 5, (2.4, 1.8)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="martini3/protein")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.1, 0.2, 0.3, 0.4])
    parser.add_argument("--limit", type=int, help="structures at most, spread over all of them")
    parser.add_argument("--post", default="none", help="steps after rebuilding")
    parser.add_argument("-o", "--output", type=Path, help="picture")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    registry = herobm.load_registry()
    model = open_model(chosen.model, registry)
    library = compile_library(registry.mapping(model.mapping))
    steps = resolve(None if chosen.post == "default" else chosen.post, registry)
    files = spread(structure_files([chosen.folder]), chosen.limit)
    structures = [(path.name, herobm.read_atoms(path)) for path in files]
    curves: dict[str, list[Spread]] = {}
    for noise in chosen.noise:
        found = evaluate(
            structures,
            library,
            lambda topology: Rebuilder(topology, [model], steps=steps),
            bonds=dict(model.bonds),
            noise=noise,
        )
        for key, figure in found.summary().items():
            curves.setdefault(key, []).append(figure)
    whole = {key: curve for key, curve in curves.items() if len(curve) == len(chosen.noise)}
    print(f"| {model.name}, {len(structures)} structures; noise, Å | ", end="")
    print(" | ".join(f"{noise:g}" for noise in chosen.noise) + " |")
    print("|-|" + "-|" * len(chosen.noise))
    for key, curve in whole.items():
        metric = METRICS[key]
        cells = [f"{s.mean * metric.scale:.3f} ± {s.sd * metric.scale:.3f}" for s in curve]
        print(f"| {metric.words} {metric.unit} | {' | '.join(cells)} |")
    if chosen.output is not None:
        draw(chosen.noise, whole, chosen.output)
        print(chosen.output)


def draw(noise: list[float], curves: dict[str, list[Spread]], path: Path) -> None:
    """Draw a panel for each figure: mean and standard deviation over structures."""
    n_rows = math.ceil(len(curves) / N_COLUMNS)
    size = (N_COLUMNS * PANEL[0], n_rows * PANEL[1])
    fig, axes = plt.subplots(n_rows, N_COLUMNS, figsize=size, layout="constrained", squeeze=False)
    for panel in axes.flat[len(curves) :]:
        panel.remove()
    for panel, (key, curve) in zip(axes.flat, curves.items(), strict=False):
        metric = METRICS[key]
        mean = [s.mean * metric.scale for s in curve]
        width = [s.sd * metric.scale for s in curve]
        panel.errorbar(noise, mean, width, marker="o", markersize=3, capsize=2)
        panel.set_title(f"{metric.words}, {metric.unit}".removesuffix(", "), fontsize=7)
        panel.tick_params(labelsize=7)
    fig.supxlabel("noise on the beads / Å a coordinate", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=130)


if __name__ == "__main__":
    run_main(main)
