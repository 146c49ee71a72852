"""What the root of the command line tells its verbs."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

#: Environment variable that stands for ``--debug``.
DEBUG_VARIABLE = "HEROBM_DEBUG"


#: Numbers beyond this are slips, whatever their unit.
LARGEST = 1e6

#: Threads: more of them than any machine has are a slip, and end some libraries.
MOST_THREADS = 1024

#: ``--threads``.
Threads = Annotated[int, typer.Option("--threads", min=1, max=MOST_THREADS, help="CPU threads.")]

#: ``--jobs``.
Jobs = Annotated[
    int,
    typer.Option(
        *("-j", "--jobs"),
        min=1,
        max=MOST_THREADS,
        help="Processes that share frames or structures, each with so many --threads.",
    ),
]


class Device(StrEnum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"

    def resolve(self) -> str:
        """Name the device; CUDA where there is one, if the choice was left open.

        Raises
        ------
        ModelError
            If CUDA is asked for and there is none.
        """
        import torch

        from herobm.errors import ModelError

        available = torch.cuda.is_available()
        if self is Device.cuda and not available:
            raise ModelError("there is no CUDA device here", "Use --device cpu or auto.")
        return "cuda" if available and self is not Device.cpu else "cpu"


@dataclass(frozen=True)
class RootOptions:
    """Options that stand before the verb."""

    debug: bool = False
    blocked: tuple[str, ...] = ()


def root_options(context: typer.Context) -> RootOptions:
    """Return the options before the verb (the defaults where a verb runs alone)."""
    found = context.find_root().obj
    return found if isinstance(found, RootOptions) else RootOptions()


def finite(value: float | None) -> float | None:
    """See to it that an option is a number that can be worked with; as ``callback=finite``.

    Raises
    ------
    typer.BadParameter
    """
    if value is not None and not abs(value) < LARGEST:
        raise typer.BadParameter(f"{value:g} is no number that makes sense here")
    return value


def positive(value: float | None) -> float | None:
    """See to it that an option is above 0; as ``callback=positive``.

    Raises
    ------
    typer.BadParameter
    """
    if value is not None and not value > 0:
        raise typer.BadParameter(f"{value:g} is not above 0")
    return finite(value)


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
    for line in (line for plugin in registry.plugins for line in plugin.lines()):
        typer.echo(f"warning: {line}", err=True)
    return registry


def show_notes() -> None:
    """Show on stderr what the library logs: one line for each thing that a user should know.

    A file that is opened twice, as a structure and as a trajectory, is told of once.
    """
    import logging
    import sys

    said: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        new = text not in said
        said.add(text)
        return new

    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(is_new)
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    logger = logging.getLogger("herobm")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def limit_threads(threads: int) -> None:
    """Let torch and the linear algebra of numpy and scipy use so many threads."""
    import torch

    torch.set_num_threads(threads)
    limit_algebra(threads)


def limit_algebra(threads: int) -> None:
    """Let the linear algebra of numpy and scipy use so many threads, and leave torch alone."""
    from importlib import import_module

    from threadpoolctl import threadpool_limits

    import_module("scipy.linalg")  # only libraries that are loaded are limited
    threadpool_limits(threads)
