"""Which steps run after the atoms are rebuilt, in which order, and what they say."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from herobm.errors import HerobmError, PluginContractError, PluginError, UnknownNameError
from herobm.plugins.records import LIGHT, STAGES, PostProcessorSpec
from herobm.plugins.step_context import StepContext
from herobm.types import Atoms

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

#: What runs if nothing is asked for.
DEFAULT = ("herobm/backbone", "herobm/consistency")
#: Options that are told to all steps, whether they take them or not.
ALWAYS = ("threads",)
#: What asks for no step at all.
NONE = "none"
#: What stands for `DEFAULT`.
USUAL = "default"


def resolve(names: str | None, registry: Registry) -> tuple[PostProcessorSpec, ...]:
    """Find the steps that are asked for.

    Parameters
    ----------
    names : str or None
        Names separated by commas; None for the default chain, for which ``default`` stands among
        others, too; ``none`` for no step.
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
    usual = [name for name in DEFAULT if name in registry.postprocessors()]
    asked = [USUAL] if names is None else [name.strip() for name in names.split(",")]
    asked = [name for name in asked if name]
    if not asked:
        raise UnknownNameError("no step is named", f"Name steps, or '{NONE}' for no step.")
    if asked == [NONE]:
        return ()
    if NONE in asked:
        others = ", ".join(name for name in asked if name != NONE)
        raise UnknownNameError(
            f"post-processor '{NONE}' stands for no step, and cannot stand beside {others}",
            f"Leave out '{NONE}', or the others.",
        )
    wanted = [step for name in asked for step in (usual if name == USUAL else [name])]
    specs = dict.fromkeys(registry.postprocessor(name) for name in wanted)
    return tuple(sorted(specs, key=lambda spec: STAGES.index(spec.stage)))


def check_options(options: Mapping[str, Any], specs: Iterable[PostProcessorSpec]) -> None:
    """See to it that some step takes each option.

    Parameters
    ----------
    options : mapping
        By name.
    specs : iterable of PostProcessorSpec
        The steps that run. Where one does not say what it takes, any option may be meant for it.

    Raises
    ------
    UnknownNameError
    """
    taken = {spec.name: spec.options for spec in specs}
    if None in taken.values():
        return
    known = [option for names in taken.values() for option in names or ()]
    for name in options:
        if name not in known and name not in ALWAYS:
            near = get_close_matches(name.lower(), known, 1)
            steps = ", ".join(taken) or "none"
            raise UnknownNameError(
                f"option '{name}' is taken by no step that runs (steps: {steps})",
                f"'{near[0]}' may be meant."
                if near
                else f"They take: {', '.join(dict.fromkeys(known)) or 'no options'}.",
            )


def run_chain(
    specs: Iterable[PostProcessorSpec], atoms: Atoms, context: StepContext
) -> tuple[Atoms, tuple[str, ...]]:
    """Run steps one after the other.

    Parameters
    ----------
    specs : iterable of PostProcessorSpec
    atoms : Atoms
    context : StepContext
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
        If it returns something other than atoms, or not those that it was given.
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


def _run_one(spec: PostProcessorSpec, atoms: Atoms, context: StepContext) -> Atoms:
    try:
        after = spec.run(atoms, context)
    except HerobmError:
        raise
    except (Exception, SystemExit) as error:  # the code of others may raise anything
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(
            f"post-processor '{spec.name}' fails: {words}", "--debug shows the traceback"
        ) from error
    if not isinstance(after, Atoms):
        raise PluginContractError(
            f"post-processor '{spec.name}' returns a {type(after).__name__}, not Atoms"
        )
    wrong = _fault(atoms, after, spec.stage in LIGHT)
    if wrong:
        raise PluginContractError(
            f"post-processor '{spec.name}' {wrong}",
            "Leave it out (--post), and tell its authors.",
        )
    return after


def _fault(before: Atoms, after: Atoms, light: bool) -> str:
    """Tell what is wrong with the atoms that a step returns, "" for nothing.

    Those of light stages are the atoms that it was given, in their order; of the others all that
    are no hydrogens are still there.
    """
    n_atoms = len(after.names)
    if after.positions.shape != (n_atoms, 3) or len(after.residue_index) != n_atoms:
        return f"returns {len(after.positions)} positions of {n_atoms} atoms"
    if not np.isfinite(after.positions).all() and np.isfinite(before.positions).all():
        return "returns positions that are no numbers"
    if not light:
        lost = int(before.heavy.sum()) - int(after.heavy.sum())
        return f"loses {lost} heavy atoms" if lost > 0 else ""
    if n_atoms != len(before.names):
        return f"returns {n_atoms} atoms of {len(before.names)}"
    for what, one, other in (
        ("names", before.names, after.names),
        ("residues", before.residue_index, after.residue_index),
    ):
        if not np.array_equal(one, other):
            first = int(np.flatnonzero(one != other)[0])
            where = before.residues.label(int(before.residue_index[first]))
            return f"changes the {what} of atoms (first: {before.names[first]} of {where})"
    return ""
