"""What the root of the command line tells its verbs."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

#: Environment variable that stands for ``--debug``.
DEBUG_VARIABLE = "HEROBM_DEBUG"


@dataclass(frozen=True)
class RootOptions:
    """Options that stand before the verb."""

    debug: bool = False
    blocked: tuple[str, ...] = ()


def root_options(context: typer.Context) -> RootOptions:
    """Return the options before the verb (the defaults where a verb runs alone)."""
    found = context.find_root().obj
    return found if isinstance(found, RootOptions) else RootOptions()


def open_registry(context: typer.Context) -> Registry:
    """Load the plug-ins; say on stderr, in a line for each, which ones were set aside.

    Parameters
    ----------
    context : typer.Context
        The context of the verb (an argument ``context: typer.Context`` of its function).

    Returns
    -------
    Registry
    """
    from herobm.plugins.manager import load_registry

    options = root_options(context)
    registry = load_registry(blocked=options.blocked)
    for failed in registry.failures:
        typer.echo(f"warning: {failed.line()}", err=True)
        if options.debug:
            typer.echo("".join(traceback.format_exception(failed.error)), err=True)
    return registry
