"""Which steps run after the atoms are rebuilt, in which order, and what they say."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from herobm.errors import HerobmError, PluginContractError, PluginError
from herobm.plugins.records import STAGES, PostProcessorSpec
from herobm.post.context import PostContext
from herobm.types import Atoms

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

#: What runs if nothing is asked for.
DEFAULT = ("herobm/backbone", "herobm/consistency")
#: What asks for no step at all.
NONE = "none"


def resolve(names: str | None, registry: Registry) -> tuple[PostProcessorSpec, ...]:
    """Find the steps that are asked for.

    Parameters
    ----------
    names : str or None
        Names separated by commas; None for the default chain, ``none`` for no step.
    registry : Registry

    Returns
    -------
    tuple of PostProcessorSpec
        By stage, and in the order asked for within one. A step that is asked for twice runs once.

    Raises
    ------
    UnknownNameError, AmbiguousNameError
        If a name means nothing, or several things.
    """
    if names is None:
        wanted = [name for name in DEFAULT if name in registry.postprocessors()]
    else:
        wanted = [name.strip() for name in names.split(",") if name.strip()]
    if wanted == [NONE]:
        return ()
    specs = dict.fromkeys(registry.postprocessor(name) for name in wanted)
    return tuple(sorted(specs, key=lambda spec: STAGES.index(spec.stage)))


def run_chain(
    specs: Iterable[PostProcessorSpec], atoms: Atoms, context: PostContext
) -> tuple[Atoms, tuple[str, ...]]:
    """Run steps one after the other.

    Parameters
    ----------
    specs : iterable of PostProcessorSpec
    atoms : Atoms
    context : PostContext
        Its `report` is not called: the lines come back.

    Returns
    -------
    Atoms
    tuple of str
        What the steps say, each line with the name of its step, the first with the time it took.

    Raises
    ------
    PluginError
        If a step fails in a way that is no error of herobm's.
    PluginContractError
        If it returns something other than atoms.
    HerobmError
        As the step raises it.
    """
    told: list[str] = []
    for spec in specs:
        lines: list[str] = []
        begin = time.perf_counter()
        atoms = _run_one(spec, atoms, replace(context, report=lines.append))
        seconds = time.perf_counter() - begin
        first, *others = lines or ["done"]
        told.append(f"{spec.name:<17} {first} ({seconds:.1f} s)")
        told += [f"{'':<17} {line}" for line in others]
    return atoms, tuple(told)


def _run_one(spec: PostProcessorSpec, atoms: Atoms, context: PostContext) -> Atoms:
    try:
        after = spec.run(atoms, context)
    except HerobmError:
        raise
    except Exception as error:  # the code of others may raise anything
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(
            f"post-processor '{spec.name}' fails: {words}", "--debug shows the traceback"
        ) from error
    if not isinstance(after, Atoms):
        raise PluginContractError(
            f"post-processor '{spec.name}' returns a {type(after).__name__}, not Atoms"
        )
    return after
