"""``herobm mapping``: everything about mapping files; one module a command, imported when run."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Command(NamedTuple):
    """Where a command lives: `module` has a function called `function`."""

    module: str
    function: str
    summary: str


COMMANDS = {
    "validate": Command(
        "herobm.cli.mapping.validate", "validate", "Tell every fault of mapping files."
    ),
    "fmt": Command("herobm.cli.mapping.fmt", "fmt", "Lay mapping files out in one manner."),
    "show": Command(
        "herobm.cli.mapping.show", "show", "Show a mapping: a table, its hierarchy, a drawing."
    ),
    "suggest": Command(
        "herobm.cli.mapping.suggest", "suggest", "Suggest a mapping for a molecule."
    ),
    "list": Command("herobm.cli.mapping.list", "list_mappings", "List the mapping sets."),
    "convert": Command(
        "herobm.cli.mapping.convert", "convert", "Convert mapping files from and to other formats."
    ),
}


class LazyCommands(TyperGroup):
    """Knows the summaries of its commands, and imports one only to run it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, command in COMMANDS.items():
            summary = TyperCommand(name, help=command.summary, rich_markup_mode=None)
            self.add_command(summary, name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that is called, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load_command(name), rest


def load_command(name: str) -> Any:
    """Import a command.

    Returns
    -------
    TyperCommand
    """
    found = COMMANDS[name]
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(getattr(import_module(found.module), found.function))
    command = typer.main.get_command(app)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyCommands,
    help="Check, lay out, show, suggest and convert mapping files.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback()
def mapping() -> None:
    """Check, lay out, show, suggest and convert mapping files."""
