"""Options that the verbs on structures share."""

from __future__ import annotations

from typing import Annotated

import typer

from herobm.errors import HerobmError

Selection = Annotated[
    str, typer.Option("--selection", help="What to take from the file (MDAnalysis selection).")
]
Rename = Annotated[
    list[str] | None,
    typer.Option("--rename", metavar="OLD=NEW", help="Read a residue name as another; repeatable."),
]
SkipUnmapped = Annotated[
    bool, typer.Option("--skip-unmapped", help="Leave out residues that the mapping lacks.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]


def parse_renames(pairs: list[str] | None) -> dict[str, str]:
    """Read ``OLD=NEW`` pairs.

    Raises
    ------
    HerobmError
        If one has another form.
    """
    found = {}
    for pair in pairs or []:
        old, sign, new = pair.partition("=")
        if not (old and sign and new):
            raise HerobmError(f"--rename {pair}: write OLD=NEW, e.g. --rename HISD=HID")
        found[old] = new
    return found
