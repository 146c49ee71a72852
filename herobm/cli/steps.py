"""Options of the steps that run after the atoms are rebuilt, where a verb has others besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from herobm.cli.options import finite
from herobm.cli.post import Ends, ForceField, Restraints, Unmapped

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

OfPh: TypeAlias = Annotated[
    float | None,
    typer.Option("--ph", min=0, max=14, help="For hydrogens. [default: 7]"),
]
OfForceField: TypeAlias = Annotated[
    ForceField | None, typer.Option("--forcefield", help="For minimise. [default: amber14]")
]
OfPlatform: TypeAlias = Annotated[
    str | None,
    typer.Option("--platform", help="For minimise: of OpenMM; the fastest by default."),
]
OfRestraints: TypeAlias = Annotated[
    Restraints | None,
    typer.Option("--restraints", help="For minimise: what is held. [default: beads]"),
]
OfTolerance: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--tolerance",
        callback=finite,
        help="For minimise: force at which it ends, kJ/mol/nm. [default: 500]",
    ),
]
OfUnmapped: TypeAlias = Annotated[
    Unmapped | None,
    typer.Option(
        "--unmapped",
        help="For minimise: molecules that the force field lacks. [default: relax]",
    ),
]
OfEnds: TypeAlias = Annotated[
    Ends | None,
    typer.Option(
        "--ends", help="For hydrogens: what breaks within chains become. [default: charged]"
    ),
]


def step_options(post: str | None, registry: Registry, **given: object) -> dict[str, Any]:
    """Return the options that are given; the steps know what the others are.

    Parameters
    ----------
    post : str or None
        The steps, as for `herobm.post.chain.resolve`.
    registry : Registry
    given : object
        By name; None for those that are not given.

    Raises
    ------
    typer.BadParameter
        If one is given for steps that do not run.
    """
    from herobm.assembly.rebuilder import LIGHT
    from herobm.post.chain import resolve

    known = {name: value for name, value in given.items() if value is not None}
    if known and all(spec.stage in LIGHT for spec in resolve(post, registry)):
        names = ", ".join(f"--{name}" for name in known)
        raise typer.BadParameter(
            f"{names}: for hydrogens and minimise, which do not run; ask for them with --post"
        )
    return known
