"""``herobm evaluate``: atoms to beads to atoms, and how well they come back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herobm.cli.options import (
    Device,
    Jobs,
    Threads,
    finite,
    limit_threads,
    open_registry,
    show_notes,
)
from herobm.cli.progress import track
from herobm.cli.structures import (
    Begin,
    End,
    Overwrite,
    Rename,
    Selection,
    Stride,
    check_outputs,
    parse_renames,
    read_each,
)

if TYPE_CHECKING:
    from herobm.evaluation.run import Evaluation
    from herobm.types import Atoms


def evaluate(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Atomistic structures (PDB, GRO, mmCIF, also .gz) or folders."
        ),
    ],
    model: Annotated[str, typer.Option(help="Model, or path of a weights file.")],
    trajectory: Annotated[
        Path | None,
        typer.Option("-f", "--trajectory", help="Frames of PATH, which is one structure then."),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="Mapping set, file or folder; the model's by default.")
    ] = None,
    noise: Annotated[
        float,
        typer.Option(
            min=0.0, callback=finite, help="Standard deviation (Å) of noise on the beads."
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise.")] = 0,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Take this many files or frames, spread over all of them."),
    ] = None,
    begin: Begin = None,
    end: End = None,
    stride: Stride = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write a line for each structure to this file.")
    ] = None,
    selection: Selection = "all",
    rename: Rename = None,
    post: Annotated[
        str,
        typer.Option(
            metavar="NAME,...|default|none",
            help="Steps after rebuilding, as of backmap; none shows what the network does.",
        ),
    ] = "none",
    clashscore: Annotated[
        bool,
        typer.Option(
            "--clashscore",
            help="Count overlaps with hydrogens, too, as MolProbity does (seconds a structure).",
        ),
    ] = False,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Threads = 1,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
) -> None:
    """Coarse-grain structures, rebuild them and measure what comes back.

    Residues count where the file has all their heavy atoms. Each figure is the mean and the
    standard deviation over structures. Files that cannot be read are named and left out. With -f
    every frame of a trajectory counts as a structure.
    """
    from herobm.assembly.models import open_model
    from herobm.errors import MappingMismatchError, StructureError
    from herobm.evaluation.run import evaluate as run
    from herobm.io.find import spread, structure_files
    from herobm.pipeline import Rebuilder
    from herobm.plan import compile_library
    from herobm.plugins.records import ANY_MAPPING
    from herobm.post.chain import resolve

    renames = parse_renames(rename)
    frames = slice(begin, end, stride)
    if trajectory is None and frames != slice(None):
        raise typer.BadParameter("--begin, --end and --stride choose frames of a trajectory (-f)")
    if trajectory is not None and not (len(paths) == 1 and paths[0].is_file()):
        raise typer.BadParameter("a trajectory (-f) needs one structure file, that of its atoms")
    read = [*structure_files(paths), *([] if trajectory is None else [trajectory])]
    check_outputs([path for path in (json_file, csv_file) if path is not None], read, overwrite)
    if trajectory is not None or len(read) == 1:  # of many files notes would be many
        show_notes()
    limit_threads(threads)
    registry = open_registry(context)
    steps = resolve(post, registry)
    where = device.resolve()
    rebuilds = open_model(model, registry, where)
    if mapping is None and rebuilds.mapping == ANY_MAPPING:
        raise typer.BadParameter(f"{rebuilds.name} rebuilds any mapping: name one (--mapping)")
    mappings = registry.mapping(mapping or rebuilds.mapping)
    library = compile_library(mappings)
    if not any(rebuilds.knows(template) for template in library):
        raise MappingMismatchError(
            f"{rebuilds.name} rebuilds nothing of mapping '{mappings.name}': it was made for "
            f"'{rebuilds.mapping}'",
            "Leave --mapping out, or name a model of that mapping.",
        )
    faulty: list[tuple[str, str]] = []
    evaluation = run(
        read_each(spread(structure_files(paths), limit), selection, faulty, renames=renames)
        if trajectory is None
        else _frames(paths[0], trajectory, selection, frames, limit, renames),
        library,
        partial(
            Rebuilder,
            models=[rebuilds],
            device=where,
            steps=steps,
            options={"threads": threads},
        ),
        bonds=dict(rebuilds.bonds),
        noise=noise,
        seed=seed,
        clashscores=clashscore,
        jobs=jobs,
        begin=partial(limit_threads, threads),
    )
    faulty += evaluation.set_aside
    for _, reason in faulty:
        typer.echo(f"warning: left out: {reason}", err=True)
    if not evaluation.records:
        raise StructureError("none of the structures could be measured", "See the warnings above.")
    about = {
        "model": rebuilds.name,
        "mapping": mappings.name,
        "post": [step.name for step in steps],
        "device": where,
        "threads": threads,
        "jobs": jobs,
    }
    _write(evaluation, about, faulty, json_file, csv_file, overwrite)
    typer.echo(table(evaluation, len(faulty), where, threads, jobs))


def _frames(
    structure: Path,
    trajectory: Path,
    selection: str,
    frames: slice,
    limit: int | None,
    renames: dict[str, str],
) -> Iterator[tuple[str, Atoms]]:
    from herobm.io import open_trajectory, read_atoms
    from herobm.system import rename_residues

    atoms = rename_residues(read_atoms(structure, selection), renames, str(structure))
    chosen = {"start": frames.start, "stop": frames.stop, "step": frames.step, "limit": limit}
    with open_trajectory(structure, trajectory, selection, **chosen) as opened:
        for frame in track(opened, "evaluating"):
            yield f"frame {frame.index}", atoms.with_frame(frame.positions, frame.box)


def _write(
    evaluation: Evaluation,
    about: dict[str, object],
    faulty: list[tuple[str, str]],
    json_file: Path | None,
    csv_file: Path | None,
    overwrite: bool,
) -> None:
    import csv
    import json

    from herobm.io import written_aside

    figures = evaluation.as_json()
    found = about | figures
    found["set_aside"] = [{"name": name, "reason": why} for name, why in faulty]
    if json_file is not None:
        with written_aside(json_file, overwrite) as aside:
            aside.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if csv_file is not None:
        rows = figures["structures"]
        with (
            written_aside(csv_file, overwrite) as aside,
            aside.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def table(evaluation: Evaluation, n_faulty: int, where: str, threads: int, jobs: int = 1) -> str:
    """Lay the figures of an evaluation out as text; `n_faulty` structures were left out."""
    from herobm.evaluation.metrics import METRICS
    from herobm.evaluation.run import COUNTS

    found = evaluation.as_json()
    seconds = max(found["seconds"], 1e-9)
    lines = [
        f"{found['n_structures']} structures, {found['n_residues']} residues "
        f"({found['n_counted']} of them whole), noise {evaluation.noise:g} Å",
        f"rebuilt in {seconds:.1f} s: {found['n_residues'] / seconds:.0f} residues a second "
        f"({where}, {threads} thread{'s' * (threads > 1)}"
        + (f", in each of {jobs} processes)" if jobs > 1 else ")"),
    ]
    if n_faulty:
        lines.append(f"{n_faulty} file{'s' * (n_faulty > 1)} left out")
    lines += ["", f"{'':32} {'mean':>9}   {'sd':>7} {'n':>6}"]
    for key, figure in evaluation.summary().items():
        metric = METRICS[key]
        line = (
            f"{metric.words:32} {figure.mean * metric.scale:9.3f} ± {figure.sd * metric.scale:7.3f}"
            f" {figure.n:6d}  {metric.unit}"
        )
        lines.append(line.rstrip() + (f"  {figure.total:.0f} in all" if key in COUNTS else ""))
    for key, value in evaluation.divergences().items():
        if math.isfinite(value):
            lines.append(f"{f'divergence of {key[3:]}, over all':32} {value:9.3f}")
    return "\n".join(lines)
