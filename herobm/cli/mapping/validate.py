"""``herobm mapping validate``: every fault of mapping files, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from herobm.dsl.diagnostics import Diagnostic
    from herobm.dsl.syntax import File
    from herobm.plugins.registry import Registry


class Format(StrEnum):
    """How diagnostics are written."""

    text = "text"
    json = "json"
    github = "github"


def validate(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Mapping files (.map, HEroBM YAML), folders, patterns, names of mapping sets or "
            "plug-ins; - for stdin.",
        ),
    ],
    format: Annotated[Format, typer.Option(help="How the faults are written.")] = Format.text,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    chemistry: Annotated[
        bool, typer.Option("--chemistry", help="Check valence, connectedness and stereo, too.")
    ] = False,
    structure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Hold the mappings against the atoms of this structure, too.",
        ),
    ] = None,
) -> None:
    """Tell every fault of the mapping files, each with its place and a remedy.

    The exit status is 1 if there is an error, else 0; 2 if a name or pattern means nothing. A
    folder stands for the mappings in it and in its subfolders, a plug-in for all of its mapping
    sets; what is there as a path is taken as a path. Patches for chain ends are checked with the
    residues among the files.
    """
    from herobm.cli.options import open_registry

    groups = _read(paths, lambda: open_registry(context))
    found = _check(groups)
    if chemistry or structure is not None:
        found = _with_chemistry(groups, found, structure)
    files = [file for group, _ in groups for file in group]
    if format is Format.text:
        _write_text(files, found, strict)
    else:
        _write_for_programs(format, found, strict)
    if not files or any(d.is_error or strict for d in found):
        raise typer.Exit(1)


def _read(words: list[str], registry: Callable[[], Registry]) -> list[tuple[list[File], bool]]:
    """Read the files; those that are no registered set form one group, each but once."""
    from herobm.cli.mapping.sources import STDIN, find, read_stdin
    from herobm.dsl.load import read_file

    found = find(words, registry)
    loose = dict.fromkeys(path for group in found if not group.one_set for path in group.paths)
    files = [read_file(path) for path in loose]
    if STDIN in words:
        files.append(read_stdin())
    sets = dict.fromkeys(group.paths for group in found if group.one_set)
    groups = [([read_file(path) for path in paths], True) for paths in sets]
    return [(files, False), *groups] if files or not groups else groups


def _check(groups: Sequence[tuple[list[File], bool]]) -> list[Diagnostic]:
    from herobm.dsl.load import check_files

    return [d for files, one_set in groups for d in check_files(files, one_set)]


def _with_chemistry(
    groups: Sequence[tuple[list[File], bool]], found: list[Diagnostic], structure: Path | None
) -> list[Diagnostic]:
    # RDKit and the readers of structures take long to import.
    from herobm.chem.checks.mapping import check_chemistry_files

    atoms = None
    if structure is not None:
        from herobm.io import read_atoms

        atoms = read_atoms(structure)
    found = list(found)
    for files, _ in groups:
        found += check_chemistry_files(files, atoms, str(structure))
    order = {file.path: i for i, file in enumerate(f for files, _ in groups for f in files)}
    # `sorted` is stable: within a file and kind, the order of the lines comes last.
    return sorted(dict.fromkeys(found), key=lambda d: (order[d.path], not d.is_error))


def _write_for_programs(format: Format, found: list[Diagnostic], strict: bool) -> None:
    from herobm.dsl.diagnostics import to_github, to_json

    if format is Format.json:
        typer.echo(to_json(found, strict))
    elif found:
        typer.echo(to_github(found, strict))


def _write_text(files: list[File], found: list[Diagnostic], strict: bool) -> None:
    from herobm.dsl.diagnostics import render

    if not files:
        typer.echo("no mapping file (*.map, or YAML with 'molecule:') lies there", err=True)
        return
    if found:
        typer.echo(render(found, {f.path: f.text for f in files}, strict) + "\n")
    n_errors = sum(d.is_error or strict for d in found)
    counts = (len(files), "file"), (n_errors, "error"), (len(found) - n_errors, "warning")
    typer.echo(", ".join(f"{n} {word}" + ("" if n == 1 else "s") for n, word in counts))
