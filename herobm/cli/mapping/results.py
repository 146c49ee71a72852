"""Puts what was made of several files to stdout, into one file or into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

#: Of what is written; a path that ends otherwise is a folder, where there are several results.
_SUFFIXES = (".map", ".yaml", ".yml", ".ndx")


@dataclass(frozen=True)
class Result:
    """A text, the name of its file, and the folder it lies in where others have that name, too."""

    name: str
    text: str
    folder: str = ""


def put(
    results: Sequence[Result],
    output: Path | None,
    overwrite: bool,
    sources: Sequence[Path],
    several: bool = False,
) -> None:
    """Write the results, each whole or not at all.

    Parameters
    ----------
    results : Sequence[Result]
    output : Path, optional
        A file, or a folder, which is made if several files need one; stdout if it is not given.
    overwrite : bool
        Whether files that are there may be replaced.
    sources : Sequence[Path]
        What was read, and is not to be replaced.
    several : bool
        Whether there might have been several results, for which a name is that of a folder.

    Raises
    ------
    typer.BadParameter
        If there are several results and no folder.
    OutputError
    """
    from herobm.cli.structures import check_outputs
    from herobm.io import written_aside

    if output is None:
        if len(results) > 1:
            raise typer.BadParameter("several results need a folder: -o FOLDER")
        for one in results:
            typer.echo(one.text, nl=False)
        return
    several |= len(results) > 1
    folder = output.is_dir() or (several and output.suffix not in _SUFFIXES)
    if not folder and len(results) > 1:
        raise typer.BadParameter(f"{len(results)} results do not go into one file: -o FOLDER")
    places = [output / one.folder / one.name if folder else output for one in results]
    _check_names(places)
    for place in places if folder else ():
        place.parent.mkdir(parents=True, exist_ok=True)
    check_outputs(places, sources, overwrite)
    for place, one in zip(places, results, strict=True):
        with written_aside(place, overwrite) as aside:
            aside.write_text(one.text, encoding="utf-8")


def _check_names(places: list[Path]) -> None:
    from herobm.errors import OutputError

    twice = next((p for i, p in enumerate(places) if p in places[:i]), None)
    if twice is not None:
        raise OutputError(
            f"{twice}: two sources would be written to this file",
            "Convert the folders that theirs lie in one by one.",
        )
