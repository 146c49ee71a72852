"""``herobm data``: pack structures into one file to train from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herobm.cli.options import open_registry, show_notes

if TYPE_CHECKING:
    from herobm.types import Atoms

app = typer.Typer(
    no_args_is_help=True, help="Pack structures into a dataset to train from.", add_completion=False
)


@app.callback()
def data() -> None:
    """Pack structures into a dataset to train from."""


@app.command()
def build(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Structure files, or folders of them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Dataset file (.safetensors).")],
    mapping: Annotated[
        str, typer.Option("--mapping", help="Mapping set that travels with the atoms.")
    ] = "martini3",
    selection: Annotated[
        str, typer.Option("--selection", help="Atoms to take (MDAnalysis selection).")
    ] = "all",
    overwrite: Annotated[bool, typer.Option(help="Replace the output if it is there.")] = False,
) -> None:
    """Pack the atoms of all structures into one file that a bare machine can train from."""
    from herobm.errors import StructureError
    from herobm.io import check_writable, read_atoms
    from herobm.io.find import structure_files
    from herobm.plan import compile_library
    from herobm.train.dataset import check_structure, write_dataset

    show_notes()
    check_writable(output, overwrite)
    mappings = open_registry(context).mapping(mapping)
    library = compile_library(mappings)
    files = structure_files(paths)
    faulty: list[str] = []

    def structures() -> Iterator[tuple[str, Atoms]]:
        with typer.progressbar(files, label="packing", file=sys.stderr) as bar:
            for path in bar:
                try:
                    atoms = read_atoms(path, selection)
                    check_structure(atoms, library, str(path))
                    yield path.name.partition(".")[0], atoms
                except StructureError as error:
                    faulty.append(error.message)

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
