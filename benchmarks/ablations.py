"""Train a network once for each change of its configuration, and print what each is worth.

::

    python benchmarks/ablations.py [benchmarks/ablations.yaml] [--only NAME...]
        [--folder runs/ablations]

The file names a configuration (`base`), and rows: a name, what to print of it (`what`), and what of
the configuration is another (`change`). Rows that are trained are read, those that were stopped go
on; with `--only` several processes can share the work.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from runner import run_main
from trainer import trained

from herobm.train.config import TrainConfig, parse_config
from herobm.weights.file import Weights

DEFAULT = Path(__file__).with_suffix(".yaml")


def main() -> None:
    """Train what is not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", type=Path, nargs="?", default=DEFAULT, help="file of the rows")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="rows to train and print")
    parser.add_argument("--folder", type=Path, default=Path("runs/ablations"))
    chosen = parser.parse_args()
    rows = read_rows(chosen.rows)
    unknown = [name for name in chosen.only or () if name not in rows]
    if unknown:
        parser.error(f"{chosen.rows} has no row {', '.join(unknown)}; there are {', '.join(rows)}")
    print("| changed | parameters | epochs | minutes | exact beads | shifted by 0.3 Å |")
    print("|-|-|-|-|-|-|")
    for name in chosen.only or rows:
        what, config = rows[name]
        mine = config.model_copy(update={"output": chosen.folder / name})
        print(line(what, trained(mine)), flush=True)


def read_rows(path: Path) -> dict[str, tuple[str, TrainConfig]]:
    """Read what is to be trained: name -> what is said of it, configuration."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    base = path.parent / data["base"]
    values = yaml.safe_load(base.read_text(encoding="utf-8"))
    return {
        row["name"]: (row["what"], parse_config(changed(values, row.get("change", {})), base))
        for row in data["rows"]
    }


def changed(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with some keys changed, also keys of its parts."""
    parts = {
        key: changed(values.get(key, {}), value) if isinstance(value, dict) else value
        for key, value in change.items()
    }
    return {**values, **parts}


def line(what: str, weights: Weights) -> str:
    """Say of a row what it came to."""
    training = weights.header.training
    figures = training["figures"]
    size = sum(p.numel() for p in weights.network.parameters()) / 1e6
    minutes = training["seconds"] / 60
    return (
        f"| {what} | {size:.2f} M | {training['config']['epochs']} | {minutes:.0f} "
        f"| {figures['valid_rmsd']:.4f} | {figures['valid_rmsd_noise_0.3']:.3f} |"
    )


if __name__ == "__main__":
    run_main(main)
