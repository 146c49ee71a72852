"""``herobm train``: train a network from dataset files, or for one ligand from its mapping."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herobm.cli.options import MOST_THREADS, Device, show_notes
from herobm.cli.progress import make_bar
from herobm.cli.structures import Overwrite

if TYPE_CHECKING:
    from herobm.train.loop import Progress as Standing
    from herobm.train.loop import Report


def train(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Argument(help="Configuration (YAML), unless --ligand is given.")
    ] = None,
    device: Annotated[
        Device | None,
        typer.Option(
            help="Where to train with a configuration; a ligand is trained on CPU. [default: auto]"
        ),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Stop with a checkpoint after these minutes; call again to go on."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_THREADS, help="Threads, instead of the configuration's."),
    ] = None,
    ligand: Annotated[
        Path | None,
        typer.Option(help="Train for one molecule: its mapping file."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Weights file of the ligand; beside its mapping by default."
        ),
    ] = None,
    structure: Annotated[
        Path | None,
        typer.Option(help="Take the ligand from this all-atom structure instead of sampling it."),
    ] = None,
    trajectory: Annotated[Path | None, typer.Option(help="Frames of that structure.")] = None,
    selection: Annotated[
        str | None,
        typer.Option(
            metavar="MDANALYSIS",
            help="Atoms of the structure, in MDAnalysis' selection language. [default: all]",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="TRAIN,VALID,TEST", help="Shares of the snapshots. [default: 0.8,0.1,0.1]"
        ),
    ] = None,
    snapshots: Annotated[
        int | None,
        typer.Option(
            min=20,
            help="Snapshots to sample; with --structure, so many besides. [default: 6000; 0]",
        ),
    ] = None,
    conformers: Annotated[
        int | None,
        typer.Option(min=1, help="Conformers that sampling starts from. [default: 80]"),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(min=1.0, max=2000.0, help="Of the sampling, K. [default: 300]"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps of the optimiser, for each of two networks, in whole passes over the "
            "snapshots. [default: 4000]",
        ),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Largest width (Å) of noise on the beads of half of the snapshots. [default: 0]",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Of all that is random. [default: 0]"),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a network, or go on with a run that was interrupted.

    With a configuration: the folder named `output` in it gets a checkpoint every few minutes,
    log.jsonl and, at the end, weights.safetensors. The same command goes on where a run was
    killed. A folder with weights and no checkpoint is of another run: --overwrite replaces those.

    With --ligand: the molecule is sampled with a force field (or taken from --structure and
    --trajectory), coarse-grained by its mapping, learnt, and measured on snapshots held out.
    """
    show_notes()
    chosen = {
        "--output": output, "--structure": structure, "--trajectory": trajectory,
        "--selection": selection,
        "--split": split, "--snapshots": snapshots, "--conformers": conformers,
        "--temperature": temperature, "--steps": steps, "--noise": noise, "--seed": seed,
    }  # fmt: skip
    given = {name: value for name, value in chosen.items() if value is not None}
    if (config is None) == (ligand is None):
        raise typer.BadParameter("name a configuration, or a mapping file with --ligand")
    if config is not None:
        if given:
            raise typer.BadParameter(f"{next(iter(given))} goes with --ligand")
        _from_config(config, device or Device.auto, max_time, threads, overwrite)
        return
    if device not in (None, Device.auto, Device.cpu):
        raise typer.BadParameter("a ligand is trained on the CPU; leave --device out")
    if max_time is not None:
        raise typer.BadParameter("--max-time goes with a configuration; here --steps fix the run")
    from herobm.cli.ligand import train_from

    assert ligand is not None
    train_from(context, ligand, given, threads or 1, overwrite)


def _from_config(
    config: Path, device: Device, max_time: float | None, threads: int | None, overwrite: bool
) -> None:
    import math

    from herobm.train.config import read_config
    from herobm.train.loop import train as run

    settings = read_config(config)
    if threads is not None:
        settings = settings.model_copy(update={"threads": threads})
    try:
        with training_bar() as report:
            path = run(
                settings,
                overwrite=overwrite,
                device=device.resolve(),
                max_minutes=math.inf if max_time is None else max_time,
                report=report,
            )
    except KeyboardInterrupt:
        typer.echo(f"stopped; go on from the last checkpoint: herobm train {config}", err=True)
        raise
    if path is None:
        typer.echo(f"time is up; go on with: herobm train {config}")
    else:
        typer.echo(f"{path}: weights, ready for herobm backmap --model {path}")


@contextmanager
def training_bar() -> Iterator[Report]:
    """Show a bar on stderr; give what to call with each `Progress` of a run."""
    from rich.progress import BarColumn, TimeRemainingColumn

    steps, figures = "{task.completed}/{task.total} steps", "{task.fields[figures]}"
    with make_bar(steps, BarColumn(), TimeRemainingColumn(), figures) as bar:
        task = bar.add_task("training", total=0, figures="laying out the dataset")

        def report(now: Standing) -> None:
            figures = "  ".join(f"{name} {value:.3f}" for name, value in now.figures.items())
            bar.update(task, total=now.n_steps, completed=now.step, figures=figures)

        yield report
