"""``herobm backmap``: beads to atoms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herobm.cli.frames import choose_beside, require_frames, write_frames
from herobm.cli.options import Device, Jobs, Threads, limit_threads, open_registry, show_notes
from herobm.cli.steps import (
    OfEnds,
    OfForceField,
    OfPh,
    OfPlatform,
    OfRestraints,
    OfTolerance,
    OfUnmapped,
    step_options,
)
from herobm.cli.structures import (
    TRAJECTORIES,
    Begin,
    End,
    Overwrite,
    Post,
    Rename,
    Selection,
    SkipUnmapped,
    Stride,
    check_outputs,
    choose_frames,
    parse_renames,
)

if TYPE_CHECKING:
    from herobm.chem.judging.summary import Summary
    from herobm.io.frames import Frame
    from herobm.pipeline import Rebuilder, Result
    from herobm.types import Atoms, Beads, FloatArray


def backmap(
    context: typer.Context,
    beads: Annotated[
        Path, typer.Argument(help="Coarse-grained structure (PDB, GRO, mmCIF, also .gz).")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="PDB, GRO or mmCIF; XTC, TRR or DCD with -f."),
    ],
    trajectory: Annotated[
        Path | None,
        typer.Option(
            "-f",
            "--trajectory",
            help="Coarse-grained trajectory: XTC, TRR, DCD, GRO or PDB of several frames.",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            help="Mapping set, mapping file or folder; the packs that fit by default. Repeatable: "
            "the last one that has a residue is taken for it."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Model or weights file; the mappings' own by default. Repeatable: the last one "
            "that knows a residue rebuilds it."
        ),
    ] = None,
    post: Post = None,
    ph: OfPh = None,
    forcefield: OfForceField = None,
    platform: OfPlatform = None,
    restraints: OfRestraints = None,
    tolerance: OfTolerance = None,
    unmapped: OfUnmapped = None,
    ends: OfEnds = None,
    selection: Selection = "all",
    rename: Rename = None,
    skip_unmapped: SkipUnmapped = False,
    begin: Begin = None,
    end: End = None,
    stride: Stride = None,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Threads = 1,
    jobs: Jobs = 1,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            min=1,
            help="Draw so many conformers; to a PDB file of several models, XTC, TRR or DCD.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=2**32 - 1,
            help="Of samples, and of directions that beads do not tell (a lone bead).",
        ),
    ] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Turn a coarse-grained structure, or every frame of a trajectory, back into atoms.

    With -f the atoms go to a trajectory, and the first frame to a PDB file beside it, or to mmCIF
    where PDB has no room for its names.
    """
    from herobm.io import read_beads

    show_notes()
    renames = parse_renames(rename)
    require_frames(jobs, trajectory)
    if samples is None:
        frames = choose_frames(output, trajectory, begin, end, stride)
    else:
        from herobm.cli.samples import check_samples

        frames = check_samples(output, trajectory, slice(begin, end, stride))
    structure = output.with_suffix(".pdb") if output.suffix.lower() in TRAJECTORIES else output
    inputs = [beads] if trajectory is None else [beads, trajectory]
    check_outputs(dict.fromkeys((output, structure)), inputs, overwrite)
    given = read_beads(beads, selection)
    if trajectory is not None and given.box is None:
        given = replace(given, box=_first_box(beads, trajectory, selection))

    from herobm.pipeline import prepare

    limit_threads(threads)
    registry = open_registry(context)
    options = step_options(
        post,
        registry,
        ph=ph,
        forcefield=forcefield,
        platform=platform,
        restraints=restraints,
        tolerance=tolerance,
        unmapped=unmapped,
        ends=ends,
    )
    prepared = prepare(
        given,
        mapping=mapping,
        model=model,
        post=post,
        options=options | {"threads": threads},
        rename=renames,
        skip_unmapped=skip_unmapped,
        device=device.resolve(),
        seed=seed,
        source=str(beads),
        registry=registry,
    )
    if samples is not None:
        from herobm.cli.samples import write_samples

        write_samples(prepared, samples, seed, output, inputs, overwrite)
    elif trajectory is None:
        prepared.check_fits(output)
        _structure(prepared, output, overwrite)
    else:
        first = choose_beside(output, prepared.check_fits, inputs, overwrite)
        _trajectory(
            *(prepared, beads, trajectory, selection, frames, output, first, overwrite),
            jobs=jobs,
            threads=threads,
        )


def _first_box(beads: Path, trajectory: Path, selection: str) -> FloatArray | None:
    """Return the box of the first frame, which a structure beside it may not tell."""
    from herobm.io import open_trajectory

    with open_trajectory(beads, trajectory, selection, stop=1) as opened:
        return next((frame.box for frame in opened), None)


def _structure(prepared: Rebuilder, output: Path, overwrite: bool) -> None:
    """Rebuild one structure; where a late step fails, what was there before it is kept."""
    from herobm.errors import HerobmError

    result: Result | None = None
    try:
        for stage in prepared.stages(prepared.topology.beads):
            result = stage
    except HerobmError:
        if result is not None:
            result.write(output, overwrite=overwrite)
            typer.echo(f"{result.summary}\natoms without the step that failed: {output}")
        raise
    if result is not None:
        result.write(output, overwrite=overwrite)
        typer.echo(f"{result.summary}\natoms written to {output}")


def _trajectory(
    prepared: Rebuilder,
    structure: Path,
    trajectory: Path,
    selection: str,
    frames: slice,
    output: Path,
    first: Path,
    overwrite: bool,
    jobs: int,
    threads: int,
) -> None:
    """Rebuild frame by frame, and write the first one as a structure as well."""
    from herobm.chem.judging.summary import Totals
    from herobm.io import open_trajectory

    totals = Totals()
    work = _Rebuilding(prepared, str(trajectory))
    with open_trajectory(
        structure,
        trajectory,
        selection,
        start=frames.start,
        stop=frames.stop,
        step=frames.step,
    ) as read:
        begin = partial(limit_threads, threads)
        failure = write_frames(
            read, output, work, overwrite, jobs=jobs, begin=begin, take=totals.add
        )
    if work.opening is not None:  # last, so that a run that ends early leaves nothing behind
        work.opening.write(first, overwrite=overwrite)
    typer.echo(f"{totals}\natoms written to {output}, first frame to {first}")
    if failure is not None:
        raise failure


@dataclass
class _Rebuilding:
    """What is done to each frame; `opening` is what became of the first one."""

    prepared: Rebuilder
    source: str
    opening: Result | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"opening": None}  # other processes have no use for it

    def place(self, frame: Frame) -> Beads:
        where = f"{self.source}: frame {frame.index}"
        return self.prepared.topology.place(frame.positions, frame.box, where)

    def __call__(self, frame: Frame) -> tuple[Atoms, Summary]:
        result = self.prepared.result(self.place(frame))
        if self.opening is None:
            self.opening = result
        return result.atoms, result.summary
