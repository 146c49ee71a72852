"""``herobm mapping list``: the mapping sets that plug-ins give."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from herobm.cli.options import open_registry
from herobm.cli.tables import print_table


def list_mappings(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the mapping sets of the installed plug-ins: name, number of files, description.

    The files are not read; 'herobm mapping show NAME' shows what is in them.
    """
    registry = open_registry(context)
    found = registry.mappings()
    if as_json:
        rows = [
            {
                "name": name,
                "files": [str(path) for path in spec.files],
                "description": spec.description,
                "default": spec.default,
            }
            for name, spec in found.items()
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        typer.echo("no plug-in that is installed gives a mapping", err=True)
        return
    print_table(
        ("NAME", "FILES", "DESCRIPTION"),
        [(name, str(len(spec.files)), spec.description) for name, spec in found.items()],
    )
