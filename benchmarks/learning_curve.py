"""How the error falls with the number of structures that a network has learnt from.

::

    python benchmarks/learning_curve.py CONFIG... [--shares 0.0625 0.25 0.5 1] [--aim 0.8]
        [--folder runs/learning] [-o docs/images/learning_curve.png]

Each configuration (without `initial`, which has seen all structures, and without `also`) is trained
on shares of its structures, chosen at random, smaller ones parts of larger ones. A run on a share
has more epochs, by one over the root of the share, since it sees less in each; the weights of its
best epoch count, as always. Runs that were stopped go on, and those that are there are read.

The last lines go on with the power law through the two largest shares: what twice as many
structures would have, and how many would bring the RMSD to `--aim`. That is a guess, and more so
the farther it goes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from runner import run_main
from trainer import trained

from herobm.train.config import TrainConfig, read_config
from herobm.train.dataset import Dataset, read_dataset, write_dataset
from herobm.types import Atoms, IntArray

matplotlib.use("Agg")
import matplotlib.pyplot as plt

#: Of the order in which structures are taken.
SEED = 0


@dataclass(frozen=True)
class Point:
    """A run: structures that it learnt from, and RMSD (Å) on those that it was judged by."""

    structures: int
    epochs: int
    rmsd: float


def main() -> None:
    """Train, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("configs", type=Path, nargs="+", metavar="CONFIG")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0625, 0.25, 0.5, 1.0])
    parser.add_argument("--aim", type=float, help="RMSD in Å to reach")
    parser.add_argument("--folder", type=Path, default=Path("runs/learning"))
    parser.add_argument("-o", "--output", type=Path, help="picture")
    chosen = parser.parse_args()
    if any(not 0.0 < share <= 1.0 for share in chosen.shares):
        parser.error("--shares are greater than 0, and 1 at most")
    if chosen.aim is not None and not 0.0 < chosen.aim < math.inf:
        parser.error("--aim is greater than 0")
    configs = {path.stem: read_config(path) for path in chosen.configs}
    if len(configs) < len(chosen.configs):
        parser.error("two configurations have the same name; call this once for each")
    for name, config in configs.items():
        if config.initial is not None or config.also:
            parser.error(f"{name}: begins with weights that know all structures, or has 'also'")
    curves = {name: curve(c, chosen.shares, chosen.folder / name) for name, c in configs.items()}
    print("| configuration | structures | epochs | RMSD of heavy atoms, Å |")
    print("|-|-|-|-|")
    for name, points in curves.items():
        for point in points:
            print(f"| `{name}` | {point.structures} | {point.epochs} | {point.rmsd:.3f} |")
    for name, points in curves.items():
        if len(points) > 1:
            print(f"\n`{name}`: {outlook(points[-2], points[-1], chosen.aim)}")
    if chosen.output is not None:
        draw(curves, chosen.output)
        print(f"\n{chosen.output}")


def curve(config: TrainConfig, shares: Sequence[float], folder: Path) -> list[Point]:
    """Train on shares of the structures, or read what an earlier call has trained."""
    folder.mkdir(parents=True, exist_ok=True)
    data = read_dataset(config.train)
    counts = {max(round(share * len(data.names)), 1) for share in shares}
    return [measure(config, data, count, folder) for count in sorted(counts)]


def measure(config: TrainConfig, data: Dataset, count: int, folder: Path) -> Point:
    """Train on so many of the structures, or read what an earlier call has trained."""
    epochs = max(round(config.epochs / math.sqrt(count / len(data.names))), 1)
    packed, output = folder / f"{count}.safetensors", folder / str(count)
    mine = config.model_copy(update={"train": packed, "output": output, "epochs": epochs})
    if not (output / "weights.safetensors").is_file():
        order = np.random.default_rng(SEED).permutation(len(data.names))
        write_dataset(packed, some(data, order[:count]), data.mappings)
    training = trained(mine).header.training
    return Point(training["data"]["structures"], epochs, training["figures"]["valid_rmsd"])


def some(data: Dataset, chosen: IntArray) -> Iterator[tuple[str, Atoms]]:
    """Return structures of a dataset, as they are written to another one."""
    for number in chosen.tolist():
        mine = data.structure == number
        yield data.names[number], data.atoms.subset(mine[data.atoms.residue_index])


def outlook(less: Point, more: Point, aim: float | None) -> str:
    """Say what the law RMSD = a * structures^-b, through two points, makes of more structures."""
    power = math.log(less.rmsd / more.rmsd) / math.log(more.structures / less.structures)
    twice = more.rmsd * 2.0**-power
    told = f"with twice as many structures {twice:.3f} Å, if it goes on as from {less.structures}"
    told += f" to {more.structures} (power -{power:.3f})"
    if aim is None or power <= 0.0:
        return told
    needed = more.structures * (more.rmsd / aim) ** (1.0 / power)
    return f"{told}; {aim:g} Å with some {needed:.2g}"


def draw(curves: dict[str, list[Point]], path: Path) -> None:
    """Draw the curves, both axes logarithmic."""
    fig, axes = plt.subplots(
        1, len(curves), figsize=(3.2 * len(curves), 2.6), layout="constrained", squeeze=False
    )
    for panel, (name, points) in zip(axes.flat, curves.items(), strict=True):
        panel.loglog([p.structures for p in points], [p.rmsd for p in points], "o-", markersize=4)
        panel.set_title(name, fontsize=8)
        panel.grid(which="both", linewidth=0.3)
        panel.tick_params(which="both", labelsize=7)
        panel.yaxis.set_minor_formatter(matplotlib.ticker.FormatStrFormatter("%.2f"))
        panel.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%.2f"))
    fig.supxlabel("structures", fontsize=8)
    fig.supylabel("RMSD of heavy atoms, validation / Å", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=130)


if __name__ == "__main__":
    run_main(main)
