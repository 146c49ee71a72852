"""Options that the verbs on structures share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from herobm.errors import HerobmError, OutputError, StructureError

#: Endings of trajectories.
TRAJECTORIES = (".xtc", ".trr", ".dcd")

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
Post = Annotated[
    str | None,
    typer.Option(
        "--post",
        metavar="NAME,...|none",
        help="Steps after rebuilding: backbone, consistency, hydrogens, minimise or those of "
        "plug-ins. [default: backbone]",
    ),
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


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path], overwrite: bool) -> None:
    """See to it that the results can be put where they shall lie, and replace no input.

    Raises
    ------
    OutputError
    """
    from herobm.io import check_writable

    read = {path.resolve() for path in inputs}
    for output in outputs:
        if output.resolve() in read:
            raise OutputError(
                f"{output}: the result would replace the file that is read", "Choose another name."
            )
        check_writable(output, overwrite)


def pair_trajectories(paths: Iterable[Path]) -> list[tuple[Path, Path | None]]:
    """Pair each structure with the trajectory that follows it, None for none.

    Raises
    ------
    StructureError
        If a trajectory has no structure before it.
    """
    systems: list[tuple[Path, Path | None]] = []
    for path in paths:
        if path.suffix.lower() not in TRAJECTORIES:
            systems.append((path, None))
        elif systems and systems[-1][1] is None:
            systems[-1] = systems[-1][0], path
        else:
            raise StructureError(
                f"{path}: a trajectory stands behind the structure that names its particles",
                f"Name that structure first, as in: structure.gro {path.name}",
            )
    return systems
