"""``herobm mapping fmt``: mapping files laid out in one manner."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from herobm.dsl.syntax import File

STDIN = "-"


@dataclass(frozen=True)
class _Layout:
    """A file, and its text as it should be; None where it cannot be laid out."""

    file: File
    text: str | None
    complaint: str = ""

    @property
    def changed(self) -> bool:
        return self.text is not None and self.text != self.file.text


def fmt(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files (.map) or folders; - for stdin to stdout."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file would change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what would change.")
    ] = False,
) -> None:
    """Lay mapping files out in one manner: columns aligned, comments kept at their lines.

    What a file says does not change. A file with a line that cannot be read is left as it is,
    and told; the exit status is then 1.
    """
    layouts = [_lay_out(file) for file in _files(paths)]
    for layout in layouts:
        if layout.complaint:
            typer.echo(layout.complaint, err=True)
        if diff and layout.changed:
            typer.echo(_difference(layout), nl=False)
    from herobm.aside import write_bytes

    write = not (check or diff)
    for layout in layouts:
        if write and layout.text is not None and layout.file.path == STDIN:
            typer.echo(layout.text, nl=False)
        elif write and layout.changed:
            assert layout.text is not None
            write_bytes(layout.file.path, layout.text.encode())
    _summarize(layouts, write)
    n_changed = sum(layout.changed for layout in layouts)
    if any(layout.text is None for layout in layouts) or (check and n_changed):
        raise typer.Exit(1)


def _files(paths: list[str]) -> list[File]:
    from herobm.cli.mapping.sources import read_stdin
    from herobm.dsl.load import mapping_files, read_file
    from herobm.dsl.parser import YAML_SUFFIXES

    files: dict[str, File] = {}
    for path in paths:
        if path == STDIN:
            files[path] = read_stdin(STDIN)
            continue
        for found in mapping_files(Path(path)):
            if Path(path).is_dir() and found.suffix in YAML_SUFFIXES:
                continue
            files[str(found)] = read_file(found)
    return list(files.values())


def _lay_out(file: File) -> _Layout:
    from herobm.dsl.printer import format
    from herobm.errors import DslError

    try:
        return _Layout(file, format(file))
    except DslError as error:
        hint = f"\n  help: {error.hint}" if error.hint else ""
        return _Layout(file, None, error.message + hint)


def _difference(layout: _Layout) -> str:
    import difflib

    assert layout.text is not None
    before, after = (
        [f"{line}\n" for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n")]
        for text in (layout.file.text, layout.text)
    )
    path = layout.file.path
    return "".join(difflib.unified_diff(before, after, path, f"{path} (laid out)"))


def _summarize(layouts: list[_Layout], write: bool) -> None:
    """Say on stderr which files change, and how many stay."""
    changed = [layout.file.path for layout in layouts if layout.changed]
    for path in changed:
        if path != STDIN:
            typer.echo(f"{'laid out' if write else 'would lay out'} {path}", err=True)
    n_left = sum(layout.text is None for layout in layouts)
    counts = [
        (len(changed), "changed" if write else "would change"),
        (len(layouts) - len(changed) - n_left, "as it should be"),
    ]
    counts += [(n_left, "left as it is")] if n_left else []
    if not layouts:
        typer.echo("no mapping file (*.map) lies there", err=True)
        raise typer.Exit(1)
    sys.stdout.flush()
    typer.echo(", ".join(f"{n} {what}" for n, what in counts), err=True)
