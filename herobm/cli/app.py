"""The root of the command line; a verb's module is imported when the verb is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

import herobm
from herobm.cli.options import DEBUG_VARIABLE, RootOptions
from herobm.errors import DslError, HerobmError


class Verb(NamedTuple):
    """Where a verb lives: `module` has a function called like the verb, or a Typer ``app``."""

    module: str
    summary: str


VERBS = {
    "backmap": Verb("herobm.cli.backmap", "Turn coarse-grained structures back into atoms."),
    "coarsen": Verb("herobm.cli.coarsen", "Turn atoms into beads."),
    "mapping": Verb("herobm.cli.mapping", "Check, show, suggest and convert mapping files."),
    "post": Verb("herobm.cli.post", "Run a post-processor on a structure with atoms."),
    "data": Verb("herobm.cli.data", "Pack structures to train from; compare beads."),
    "train": Verb("herobm.cli.train", "Train a network."),
    "evaluate": Verb("herobm.cli.evaluate", "Measure a model on atomistic structures."),
    "report": Verb("herobm.cli.report", "Judge atomistic structures without a reference."),
    "models": Verb("herobm.cli.models", "See which models are installed, and what they are."),
    "plugins": Verb("herobm.cli.plugins", "List, check and write plug-ins."),
}


class LazyGroup(TyperGroup):
    """Knows the summaries of its verbs, and imports one only to run it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the verb that is called, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load_verb(name), rest


def load_verb(name: str) -> Any:
    """Import a verb.

    Returns
    -------
    TyperCommand or TyperGroup
    """
    module = import_module(VERBS[name].module)
    app = getattr(module, "app", None)
    if app is not None:
        command: Any = typer.main.get_group(app)
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(getattr(module, name))
        command = typer.main.get_command(app)
    command.name = name
    return command


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"herobm {herobm.__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    no_plugin: Annotated[
        list[str] | None,
        typer.Option("--no-plugin", metavar="NAME", help="Leave a plug-in out; may be repeated."),
    ] = None,
) -> None:
    """Turn coarse-grained structures and trajectories back into atoms."""
    context.obj = RootOptions(debug=debug or _debug_by_variable(), blocked=tuple(no_plugin or ()))


def build() -> Any:
    """Assemble the root command.

    Returns
    -------
    TyperGroup
    """
    app = typer.Typer(
        cls=LazyGroup,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    group = typer.main.get_group(app)
    for name, verb in VERBS.items():
        group.add_command(TyperCommand(name, help=verb.summary, rich_markup_mode=None), name)
    return group


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit code."""
    arguments = _debug_first(arguments)
    try:
        build().main(arguments, prog_name="herobm")
    except HerobmError as error:
        if arguments[:1] == ["--debug"] or _debug_by_variable():
            raise
        typer.echo(_report(error), err=True)
        return 1
    except OSError as error:  # of a path that cannot even be looked at
        if error.filename is None or arguments[:1] == ["--debug"] or _debug_by_variable():
            raise
        typer.echo(_report(_of_path(error)), err=True)
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as left:
        return _flushed(left.code)
    return 0


def _report(error: HerobmError) -> str:
    # The diagnostics of a mapping file say themselves which of them are errors.
    rendered = isinstance(error, DslError) and ": error[" in error.message
    message = error.message if rendered else f"error: {error.message}"
    if error.hint is None:
        return message
    return message + "\nhint: " + error.hint.replace("\n", "\n      ")


def _of_path(error: OSError) -> HerobmError:
    return HerobmError(
        f"{error.filename}: {error.strerror or error}",
        "Check the path, and who may read its folder; --debug shows where it is needed.",
    )


def _debug_first(arguments: list[str]) -> list[str]:
    """Let ``--debug`` stand behind the verb, too."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--debug" not in arguments[:end]:
        return arguments
    return ["--debug", *(a for a in arguments[:end] if a != "--debug"), *arguments[end:]]


def _debug_by_variable() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _flushed(code: object) -> int:
    """Write what is left; the reader of a pipe that has gone away is no error of ours."""
    status = code if isinstance(code, int) else int(code is not None)
    try:
        if sys.stdout is not None:  # as it is where a shell has closed it
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status
