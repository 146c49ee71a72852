"""``herobm backmap``: beads to atoms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herobm.cli.options import Device, open_registry, show_notes
from herobm.cli.structures import (
    Overwrite,
    Rename,
    Selection,
    SkipUnmapped,
    check_outputs,
    parse_renames,
)

if TYPE_CHECKING:
    from herobm.pipeline import Rebuilder

#: Endings of trajectories that can be written.
TRAJECTORIES = (".xtc", ".trr", ".dcd")


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
        Path | None, typer.Option("-f", "--trajectory", help="Coarse-grained trajectory.")
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(help="Mapping set, mapping file or folder; the pack that fits by default."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model or weights file; the mapping's own by default.")
    ] = None,
    selection: Selection = "all",
    rename: Rename = None,
    skip_unmapped: SkipUnmapped = False,
    begin: Annotated[int | None, typer.Option("-b", "--begin", help="First frame, from 0.")] = None,
    end: Annotated[int | None, typer.Option("-e", "--end", help="Frame to stop before.")] = None,
    stride: Annotated[int | None, typer.Option("--stride", help="Every n-th frame.")] = None,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    seed: Annotated[
        int, typer.Option(help="Of directions that beads do not tell (a lone bead).")
    ] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Turn a coarse-grained structure, or every frame of a trajectory, back into atoms.

    With -f the atoms go to a trajectory, and the first frame to a PDB file beside it.
    """
    from herobm.errors import OutputError
    from herobm.io import read_beads

    show_notes()
    renames = parse_renames(rename)
    is_trajectory = output.suffix.lower() in TRAJECTORIES
    if is_trajectory != (trajectory is not None):
        raise OutputError(
            f"{output}: a trajectory is written from a trajectory (-f), a structure from a "
            "structure",
            f"Name an output that ends in {', '.join(TRAJECTORIES)} with -f, in .pdb, .gro or "
            ".cif without.",
        )
    frames = slice(begin, end, stride)
    if trajectory is None and frames != slice(None):
        raise typer.BadParameter("--begin, --end and --stride choose frames of a trajectory (-f)")
    structure = output.with_suffix(".pdb") if is_trajectory else output
    inputs = [beads] if trajectory is None else [beads, trajectory]
    check_outputs(dict.fromkeys((output, structure)), inputs, overwrite)
    given = read_beads(beads, selection)

    import torch

    from herobm.pipeline import prepare

    torch.set_num_threads(threads)
    prepared = prepare(
        given,
        mapping=mapping,
        model=model,
        rename=renames,
        skip_unmapped=skip_unmapped,
        device=device.resolve(),
        seed=seed,
        source=str(beads),
        registry=open_registry(context),
    )
    prepared.check_fits(structure)
    if trajectory is None:
        result = prepared.result(prepared.topology.beads)
        result.write(output, overwrite=overwrite)
        typer.echo(f"{result.summary}\natoms written to {output}")
    else:
        _trajectory(prepared, beads, trajectory, selection, frames, output, overwrite)


def _trajectory(
    prepared: Rebuilder,
    structure: Path,
    trajectory: Path,
    selection: str,
    frames: slice,
    output: Path,
    overwrite: bool,
) -> None:
    """Rebuild frame by frame; no more than the first and the current one are in memory."""
    import sys

    from herobm.chem.quality import Totals
    from herobm.io import TrajectoryWriter, open_trajectory

    first = output.with_suffix(".pdb")
    n_atoms = prepared.topology.plan.n_atoms
    with (
        open_trajectory(
            structure,
            trajectory,
            selection,
            start=frames.start,
            stop=frames.stop,
            step=frames.step,
        ) as read,
        TrajectoryWriter(output, n_atoms, overwrite) as written,
        typer.progressbar(length=len(read), label="frames", file=sys.stderr) as bar,
    ):
        totals, opening = Totals(), None
        for frame in read:
            result = prepared.result(prepared.topology.place(frame.positions, frame.box))
            opening = opening or result
            written.write(result.atoms.positions, frame.box, frame.time, frame.step)
            totals.add(frame.index, result.summary)
            bar.update(1)
        if opening is not None:  # written last, so that a damaged frame leaves nothing behind
            opening.write(first, overwrite=overwrite)
    typer.echo(f"{totals}\natoms written to {output}, first frame to {first}")
