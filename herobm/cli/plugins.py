"""``herobm plugins``: what is installed, and what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herobm.cli.options import open_registry, root_options
from herobm.errors import HerobmError, UnknownNameError

if TYPE_CHECKING:
    from herobm.plugins.records import ModelSpec
    from herobm.plugins.registry import FailedPlugin, Plugin, Registry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _plugins() -> None:
    """See which plug-ins are installed and what they give."""


@app.command("list")
def list_plugins(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the plug-ins: name, version, source, status, and what each gives."""
    from herobm.plugins.manager import load_registry

    registry = load_registry(blocked=root_options(context).blocked)
    working = [(_head(plugin, "ok"), _given(plugin)) for plugin in registry.plugins]
    failed = [(_head(failed, "failed"), [failed.error.message]) for failed in registry.failures]
    if as_json:
        rows = [{**head, "gives": given} for head, given in working]
        rows += [{**head, "gives": [], "error": error[0]} for head, error in failed]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not working and not failed:
        typer.echo("no plug-in is installed")
        return
    header = {"name": "NAME", "version": "VERSION", "source": "SOURCE", "status": "STATUS"}
    _print_table([(header, ["GIVES"]), *working, *failed])


@app.command("check")
def check_plugin(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the plug-in.")],
) -> None:
    """Load all that a plug-in gives; exit with 1 if something is wrong."""
    registry = open_registry(context)
    for failed in registry.failures:
        if failed.name == name:
            raise failed.error
    plugin = next((plugin for plugin in registry.plugins if plugin.name == name), None)
    if plugin is None:
        names = ", ".join(plugin.name for plugin in registry.plugins) or "none"
        raise UnknownNameError(f"plug-in {name!r} is not installed", f"installed: {names}")
    faults = _faults(registry, plugin)
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{name}: {', '.join(_given(plugin)) or 'gives nothing'}: ok")


def _faults(registry: Registry, plugin: Plugin) -> list[HerobmError]:
    faults: list[HerobmError] = []
    for mapping in plugin.mappings:
        try:
            registry.mapping(f"{plugin.name}/{mapping.name}")
        except HerobmError as error:
            faults.append(error)
    for short in plugin.models:
        try:
            _check_model(registry, registry.model(f"{plugin.name}/{short.name}"))
        except HerobmError as error:
            faults.append(error)
    return faults


def _check_model(registry: Registry, model: ModelSpec) -> None:
    """Load the weights of a model, and see whether they know all that its mapping rebuilds.

    Raises
    ------
    HerobmError
    """
    mappings = registry.mapping(model.mapping) if model.mapping else None
    if model.weights is None:
        return
    from herobm.plan import compile_library
    from herobm.weights.file import load_weights

    weights = load_weights(model.weights)
    if mappings is not None:
        weights.header.vocabulary.check(compile_library(mappings), f"the weights {model.weights}")


def _head(plugin: Plugin | FailedPlugin, status: str) -> dict[str, str]:
    source = plugin.source
    return {
        "name": source.name,
        "version": source.version or "-",
        "source": source.distribution or source.module or "-",
        "status": status,
    }


def _given(plugin: Plugin) -> list[str]:
    """Name all records of a plug-in with what they are."""
    kinds: list[tuple[str, tuple[Any, ...]]] = [
        ("mapping", plugin.mappings),
        ("model", plugin.models),
        ("post-processor", plugin.postprocessors),
    ]
    return [f"{kind} {plugin.name}/{record.name}" for kind, given in kinds for record in given]


def _print_table(rows: list[tuple[dict[str, str], list[str]]]) -> None:
    keys = list(rows[0][0])
    widths = [max(len(head[key]) for head, _ in rows) for key in keys]
    for head, given in rows:
        left = "  ".join(head[key].ljust(width) for key, width in zip(keys, widths, strict=True))
        for index, what in enumerate(given or ["nothing"]):
            typer.echo(f"{left if index == 0 else ' ' * len(left)}  {what}")
