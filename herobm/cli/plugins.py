"""``herobm plugins``: what is installed, and what is wrong with it."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herobm.cli.options import open_registry, root_options
from herobm.errors import HerobmError, UnknownNameError

if TYPE_CHECKING:
    from herobm.plugins.records import ModelSpec
    from herobm.plugins.registry import FailedPlugin, Plugin, Registry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class Licence(StrEnum):
    """Licences whose text can be written."""

    mit = "MIT"
    apache = "Apache-2.0"
    bsd = "BSD-3-Clause"
    gpl = "GPL-3.0"


@app.callback()
def _plugins() -> None:
    """List, check and write plug-ins."""


@app.command("list")
def list_plugins(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the plug-ins: name, version, source, status, and what each gives."""
    from herobm.plugins.manager import load_registry

    registry = load_registry(blocked=root_options(context).blocked)
    working = [
        (_head(plugin, "warning" if plugin.remarks else "ok"), _given(plugin))
        for plugin in registry.plugins
    ]
    failed = [(_head(failed, "failed"), [failed.error.message]) for failed in registry.failures]
    if as_json:
        rows: list[dict[str, Any]] = [{**head, "gives": given} for head, given in working]
        for row, plugin in zip(rows, registry.plugins, strict=True):
            row["remarks"] = list(plugin.remarks)
        rows += [{**head, "gives": [], "error": error[0]} for head, error in failed]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not working and not failed:
        typer.echo("no plug-in is installed")
        return
    header = {"name": "NAME", "version": "VERSION", "source": "SOURCE", "status": "STATUS"}
    shown = [
        (head, [*given, *plugin.remarks])
        for (head, given), plugin in zip(working, registry.plugins, strict=True)
    ]
    _print_table([(header, ["GIVES"]), *shown, *failed])


@app.command("check")
def check_plugin(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the plug-in.")],
) -> None:
    """Load all that a plug-in gives; exit with 1 if something is wrong.

    Wrong is, too, what lets the plug-in work but should not be: to print, or to import torch and
    the like, when it is imported.
    """
    from herobm.plugins.manager import load_registry

    # Alone first: what another plug-in has imported before would not be noticed.
    blocked = root_options(context).blocked
    alone = load_registry(allowed=[] if name in blocked else [name], blocked=blocked)
    registry = open_registry(context)
    for failed in registry.failures:
        if failed.name == name:
            raise failed.error
    plugin = next((plugin for plugin in registry.plugins if plugin.name == name), None)
    if plugin is None:
        names = ", ".join(plugin.name for plugin in registry.plugins) or "none"
        raise UnknownNameError(f"plug-in {name!r} is not installed", f"installed: {names}")
    remarks = [line for p in alone.plugins if p.name == name for line in p.lines()]
    faults = [*remarks, *_faults(registry, plugin)]
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{name}: {', '.join(_given(plugin)) or 'gives nothing'}: ok")


@app.command("new")
def new_plugin(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the package, for example my-pack.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A mapping file with bonds; by default an example (paracetamol).",
        ),
    ] = None,
    licence: Annotated[
        Licence, typer.Option("--licence", "--license", help="Licence of the package.")
    ] = Licence.mit,
    author: Annotated[str, typer.Option(help="Who holds the copyright.")] = "The authors",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where; by default ./NAME."),
    ] = None,
) -> None:
    """Write a package with a plug-in that works: mapping, model, post-processor, tests.

    It can be installed as it is (pip install ./NAME); its README says what is in it and what to
    put in place of what.
    """
    from herobm.cli.new_plugin import write_package
    from herobm.errors import PluginContractError
    from herobm.plugins.manager import load_registry
    from herobm.plugins.scaffold import Names

    registry = load_registry(blocked=root_options(context).blocked)
    there = {p.name for p in registry.plugins} | {p.name for p in registry.failures}
    if Names.of(name).plugin in there:
        raise PluginContractError(
            f"a plug-in '{Names.of(name).plugin}' is installed, and two of one name are set aside",
            "Choose another name.",
        )
    folder = Path(name) if output is None else output
    written = write_package(name, folder, source, licence.value, author)
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(f"next: pip install {folder if folder.is_absolute() else f'./{folder}'}")


def _faults(registry: Registry, plugin: Plugin) -> list[HerobmError]:
    """Load the mappings and the models."""
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
    """Load a model, and see whether its weights know all that its mapping rebuilds.

    Raises
    ------
    HerobmError
    """
    from herobm.plugins.records import ANY_MAPPING

    named = model.mapping not in ("", ANY_MAPPING)
    mappings = registry.mapping(model.mapping) if named else None
    if model.load is not None:
        from herobm.assembly.models import open_model

        open_model(model.name, registry)
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
