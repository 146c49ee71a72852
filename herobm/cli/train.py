"""``herobm train``: train a network from dataset files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herobm.cli.options import Device, show_notes


def train(
    config: Annotated[Path, typer.Argument(help="Configuration (YAML).")],
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
    max_time: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Stop with a checkpoint after these minutes; call again to go on."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads, instead of the configuration's.")
    ] = None,
) -> None:
    """Train a network, or go on with a run that was interrupted.

    The folder named `output` in the configuration gets a checkpoint every few minutes, log.jsonl
    and, at the end, weights.safetensors. The same command goes on where a run was killed.
    """
    import math

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from herobm.train.config import read_config
    from herobm.train.loop import Progress as Standing
    from herobm.train.loop import train as run

    show_notes()
    settings = read_config(config)
    if threads is not None:
        settings = settings.model_copy(update={"threads": threads})
    columns = (
        TextColumn("{task.completed}/{task.total} steps"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("training", total=None, figures="laying out the dataset")

        def report(now: Standing) -> None:
            figures = "  ".join(f"{name} {value:.3f}" for name, value in now.figures.items())
            bar.update(task, total=now.n_steps, completed=now.step, figures=figures)

        path = run(
            settings,
            device=device.resolve(),
            max_minutes=math.inf if max_time is None else max_time,
            report=report,
        )
    if path is None:
        typer.echo(f"time is up; go on with: herobm train {config}")
    else:
        typer.echo(f"{path}: weights, ready for herobm backmap --model {path}")
