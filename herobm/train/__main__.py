"""``python -m herobm.train CONFIG [MINUTES]``: training where only torch and e3nn are installed.

Options of the command line proper are in ``herobm train``; this entry needs no typer, prints a
line now and then, and takes the GPU where there is one.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch

from herobm.errors import HerobmError
from herobm.heap import keep_freed
from herobm.train.config import read_config
from herobm.train.loop import Progress, train


def _report(now: Progress) -> None:
    if now.step % 200 == 0:
        figures = "  ".join(f"{name} {value:.3f}" for name, value in now.figures.items())
        sys.stderr.write(f"{now.step}/{now.n_steps} steps, {now.seconds:.0f} s  {figures}\n")


def main(arguments: list[str]) -> int:
    """Train; return the exit code."""
    try:
        config, minutes = arguments[0], float(arguments[1]) if len(arguments) > 1 else math.inf
    except (IndexError, ValueError):
        config, minutes = "", math.nan
    if len(arguments) > 2 or not minutes >= 0.0:
        sys.stderr.write("usage: python -m herobm.train CONFIG [MINUTES]\n")
        return 2
    keep_freed()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        path = train(read_config(Path(config)), device=device, max_minutes=minutes, report=_report)
    except HerobmError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stderr.write("time is up\n" if path is None else f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
