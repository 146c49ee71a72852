"""``herobm mapping validate``: every fault of mapping files, each with its place."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from herobm.dsl.diagnostics import Diagnostic
    from herobm.dsl.syntax import File

class Format(StrEnum):
    """How diagnostics are written."""

    text = "text"
    json = "json"


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Mapping files (.map, HEroBM YAML) or folders."),
    ],
    format: Annotated[Format, typer.Option(help="How the faults are written.")] = Format.text,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
) -> None:
    """Tell every fault of the mapping files, each with its place and a remedy.

    The exit status is 1 if there is an error, else 0. A folder stands for the mappings in it and
    in its subfolders; patches for chain ends are checked with the residues among the files.
    """
    from herobm.dsl.diagnostics import to_json
    from herobm.dsl.load import check_files, mapping_files, read_file

    found = list(dict.fromkeys(file for path in paths for file in mapping_files(path)))
    files = [read_file(path) for path in found]
    diagnostics = check_files(files, one_set=False)
    if format is Format.json:
        typer.echo(to_json(diagnostics))
    else:
        _write_text(files, diagnostics)
    n_errors = sum(d.is_error for d in diagnostics)
    if n_errors or not files or (strict and diagnostics):
        raise typer.Exit(1)


def _write_text(files: list[File], diagnostics: list[Diagnostic]) -> None:
    from herobm.dsl.diagnostics import render

    if not files:
        typer.echo("no mapping file (*.map, or YAML with 'molecule:') lies there", err=True)
        return
    if diagnostics:
        typer.echo(render(diagnostics, {f.path: f.text for f in files}) + "\n")
    n_errors = sum(d.is_error for d in diagnostics)
    counts = (len(files), "file"), (n_errors, "error"), (len(diagnostics) - n_errors, "warning")
    typer.echo(", ".join(f"{n} {word}" + ("" if n == 1 else "s") for n, word in counts))
