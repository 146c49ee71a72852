"""Options of the steps that add hydrogens and minimise."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from herobm.cli.options import finite

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry


class ForceField(StrEnum):
    """Of the minimisation."""

    amber14 = "amber14"
    amber19 = "amber19"
    charmm36 = "charmm36"


class Restraints(StrEnum):
    """What the minimisation holds in place."""

    beads = "beads"
    heavy = "heavy"
    none = "none"


class Unmapped(StrEnum):
    """What becomes of molecules that the force field lacks."""

    relax = "relax"
    leave = "leave"


class Ends(StrEnum):
    """What the two sides of a break within a chain become."""

    charged = "charged"
    capped = "capped"


#: Option -> stages of the steps that it is for; a minimisation adds hydrogens where none are.
STAGES_OF = {
    "ph": ("hydrogens", "minimise"),
    "ends": ("hydrogens", "minimise"),
    "forcefield": ("minimise",),
    "platform": ("minimise",),
    "restraints": ("minimise",),
    "tolerance": ("minimise",),
    "unmapped": ("minimise",),
}

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
    MinimisationError
        If there is no platform of that name.
    """
    from herobm.post.chain import resolve

    steps = {spec.stage for spec in resolve(post, registry)}
    known = {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in given.items()
        if value is not None
    }
    for stages in dict.fromkeys(STAGES_OF.values()):
        idle = ", ".join(f"--{name}" for name in known if STAGES_OF[name] == stages)
        if idle and steps.isdisjoint(stages):
            raise typer.BadParameter(
                f"{idle}: for {stages[0]}, which does not run; name it among the steps"
            )
    if "platform" in known:
        from herobm.post.settings import find_platform

        find_platform(str(known["platform"]), 1)  # before anything else is done
    return known
