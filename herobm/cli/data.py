"""``herobm data``: pack structures into one file to train from, and look at beads to be met."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herobm.cli.options import open_registry, show_notes
from herobm.cli.progress import track
from herobm.cli.structures import (
    Overwrite,
    Selection,
    SkipUnmapped,
    check_outputs,
    pair_trajectories,
)

if TYPE_CHECKING:
    from herobm.plan import Library
    from herobm.train.bead_statistics import Distances
    from herobm.types import Atoms

#: Distances of a kind in both sets that it takes to be listed.
FREQUENT = 20
#: Kinds listed, and residues named of each.
SHOWN, NAMED = 20, 3

app = typer.Typer(
    no_args_is_help=True,
    help="Pack structures to train from; compare beads.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def data() -> None:
    """Pack structures to train from; compare beads."""


@app.command()
def build(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Structure files, or folders of them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Dataset file (.safetensors).")],
    mapping: Annotated[
        str, typer.Option("--mapping", help="Mapping set that travels with the atoms.")
    ] = "martini3",
    selection: Selection = "all",
    overwrite: Overwrite = False,
) -> None:
    """Pack the atoms of all structures into one file that a bare machine can train from."""
    from herobm.errors import StructureError
    from herobm.io import read_atoms
    from herobm.io.find import structure_files
    from herobm.plan import compile_library
    from herobm.train.dataset import check_structure, in_chains, write_dataset

    show_notes()
    files = structure_files(paths)
    check_outputs([output], files, overwrite)
    mappings = open_registry(context).mapping(mapping)
    library = compile_library(mappings)
    faulty: list[str] = []

    def structures() -> Iterator[tuple[str, Atoms]]:
        for path in track(files, "packing"):
            try:
                atoms = read_atoms(path, selection)
                check_structure(atoms, library, str(path))
                packed = in_chains(atoms, library, str(path))
            except StructureError as error:
                faulty.append(error.message)
            else:
                yield path.name.partition(".")[0], packed

    try:
        counts = write_dataset(output, structures(), mappings)
    finally:
        for message in faulty:
            typer.echo(f"warning: left out: {message}", err=True)
    size = output.stat().st_size / 1e6
    typer.echo(
        f"{output}: {counts[0]} structures, {counts[1]} residues, {counts[2]} atoms, {size:.1f} MB"
        + (f"; {len(faulty)} files left out" if faulty else "")
    )


@app.command()
def statistics(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="CG...",
            help="Coarse-grained structures; one that is followed by a trajectory (XTC, TRR, DCD) "
            "stands for its frames.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Statistics file (.json).")],
    against: Annotated[
        Path | None,
        typer.Option("--against", help="Dataset that a network was trained on, to compare with."),
    ] = None,
    mapping: Annotated[str, typer.Option("--mapping", help="Mapping set.")] = "martini3",
    selection: Selection = "all",
    skip_unmapped: SkipUnmapped = False,
    stride: Annotated[int | None, typer.Option("--stride", help="Every n-th frame.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure how far beads are from their neighbours along the chain in simulations.

    For each bead type the distances to the beads of its own residue and to those of the residues
    before and after; with --against also how far they are off those of the training structures.
    """
    from herobm.plan import compile_library
    from herobm.train.bead_statistics import Distances, training_distances
    from herobm.train.dataset import read_dataset

    show_notes()
    check_outputs([output], [*paths, *([] if against is None else [against])], overwrite)
    systems = pair_trajectories(paths)
    if stride is not None and all(trajectory is None for _, trajectory in systems):
        raise typer.BadParameter("--stride chooses frames of a trajectory, and there is none")
    library = compile_library(open_registry(context).mapping(mapping))
    trained = None
    if against is not None:
        trained = training_distances(read_dataset(against), library)
    found = Distances(library, trained)
    n_frames = sum(
        _count_system(*system, library, selection, skip_unmapped, stride, found)
        for system in systems
    )
    about = {
        "mapping": library.name,
        "systems": [[str(p) for p in system if p is not None] for system in systems],
        "frames": n_frames,
        "against": None if against is None else str(against),
    }
    _write_statistics(found, about, output, overwrite)


def _count_system(
    structure: Path,
    trajectory: Path | None,
    library: Library,
    selection: str,
    skip_unmapped: bool,
    stride: int | None,
    found: Distances,
) -> int:
    """Count in one structure, or the frames of its trajectory; return how many."""
    from herobm.io import open_trajectory, read_beads
    from herobm.system.topology import build_topology, report_box
    from herobm.train.bead_statistics import frame_distances

    beads = read_beads(structure, selection)
    topology = build_topology(beads, library, skip_unmapped=skip_unmapped, source=str(structure))
    report_box(topology)
    if trajectory is None:
        frame_distances(topology, [topology.beads.positions], found)
        return 1
    with open_trajectory(structure, trajectory, selection, step=stride) as frames:
        placed = (
            topology.place(f.positions, f.box, f"{trajectory}: frame {f.index}").positions
            for f in track(frames, trajectory.name)
        )
        frame_distances(topology, placed, found)
        return len(frames)


def _write_statistics(
    found: Distances, about: dict[str, object], output: Path, overwrite: bool
) -> None:
    import json

    from herobm.cli.tables import print_table
    from herobm.io import written_aside
    from herobm.train.bead_statistics import by_place, compare

    rows, places = compare(found), by_place(found)
    with written_aside(output, overwrite) as aside:
        aside.write_text(json.dumps(about | {"places": places, "kinds": rows}, indent=1) + "\n")
    frames = "1 frame" if about["frames"] == 1 else f"{about['frames']} frames"
    typer.echo(f"{frames}, {len(rows)} kinds of distances: {output}")
    if not places:
        return
    typer.echo("\nall bead types together, distances in Å:")
    print_table(
        ("place", "n", "off training", "sd", "sd trained", "beyond 3 sd"),
        [
            (
                row["place"],
                str(row["n"]),
                f"{row['difference']:+.3f}",
                f"{row['sd']:.3f}",
                f"{row['training_sd']:.3f}",
                f"{100 * row['beyond']:.1f} %",
            )
            for row in places
        ],
    )
    frequent = [r for r in rows if "shift" in r and min(r["n"], r["training"]["n"]) >= FREQUENT]
    typer.echo(f"\nfarthest from training, of those seen {FREQUENT} times at least, in Å:")
    print_table(
        ("from", "to", "n", "mean ± sd", "trained", "shift in sd", "beyond 3 sd"),
        [
            (
                f"{_short(row['residue'])} {row['bead']}",
                row["place"],
                str(row["n"]),
                f"{row['mean']:.2f} ± {row['sd']:.2f}",
                f"{row['training']['mean']:.2f} ± {row['training']['sd']:.2f}",
                f"{row['shift']:+.1f}",
                f"{100 * row['beyond']:.0f} %",
            )
            for row in frequent[:SHOWN]
        ],
    )


def _short(residues: str) -> str:
    names = residues.split("/")
    return "/".join([*names[:NAMED], *["..."] * (len(names) > NAMED)])
