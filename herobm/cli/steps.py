"""Options of the steps that add hydrogens and minimise."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from herobm.cli.options import positive

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
        callback=positive,
        help="For minimise: force at which it ends, kJ/mol/nm. [default: 100]",
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
    known = {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in given.items()
        if value is not None
    }
    if idle := _idle(known, post, registry):
        step = _taker(idle[0], registry)
        options = ", ".join(f"--{name}" for name in idle if _taker(name, registry) == step)
        raise typer.BadParameter(
            f"{options}: for {step}, which does not run; name it among the steps"
        )
    if "platform" in known:
        from herobm.post.settings import find_platform

        find_platform(str(known["platform"]), 1)  # before anything else is done
    return known


def _idle(names: Iterable[str], post: str | None, registry: Registry) -> list[str]:
    """Return the options that no step takes which runs; one that does not say may take any."""
    from herobm.post.chain import resolve

    taken = [spec.options for spec in resolve(post, registry)]
    if None in taken:
        return []
    return [name for name in names if not any(name in (options or ()) for options in taken)]


def _taker(option: str, registry: Registry) -> str:
    """Return the name, without that of its plug-in, of the first step that takes an option."""
    from herobm.plugins.records import STAGES

    specs = [registry.postprocessor(name) for name in registry.postprocessors()]
    takers = [spec for spec in specs if option in (spec.options or ())]
    first = min(takers, key=lambda spec: STAGES.index(spec.stage))
    return first.name.rpartition("/")[2]
