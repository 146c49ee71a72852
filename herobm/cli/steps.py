"""Options of the steps that run after the atoms are rebuilt, where a verb has others besides."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer

from herobm.cli.post import Ends, ForceField, Restraints, Unmapped

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
        "--tolerance", help="For minimise: force at which it ends, kJ/mol/nm. [default: 500]"
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


def step_options(**given: object) -> dict[str, Any]:
    """Return the options that are given; the steps know what the others are."""
    return {name: value for name, value in given.items() if value is not None}
