"""Gathers the plug-ins of this installation; a bad one is set aside and the rest works."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from herobm import __version__
from herobm.errors import PluginContractError, PluginError, PluginLoadError
from herobm.plugins import hookspecs
from herobm.plugins.needs import refuse_newer
from herobm.plugins.records import ANY_MAPPING, STAGES, MappingSpec, ModelSpec, PostProcessorSpec
from herobm.plugins.registry import FailedPlugin, Plugin, PluginSource, Registry

#: The plug-in of the core: its own post-processors, by the same hooks as those of others. The
#: allow-list does not apply to it.
BUILT_IN = metadata.EntryPoint("herobm", "herobm.post", hookspecs.GROUP)
#: Environment variable that lists, by commas, the only plug-ins to load; empty for none.
ALLOW_LIST = "HEROBM_PLUGINS"

#: Libraries that take most of a second to import; a plug-in does so only when it is used.
HEAVY = frozenset(
    {"torch", "e3nn", "rdkit", "openmm", "MDAnalysis", "pdbfixer", "tensorflow", "jax"}
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_Spec = TypeVar("_Spec", MappingSpec, ModelSpec, PostProcessorSpec)


def load_registry(
    entry_points: Iterable[metadata.EntryPoint] | None = None,
    *,
    allowed: Collection[str] | None = None,
    blocked: Collection[str] = (),
) -> Registry:
    """Import the plug-ins and gather their records.

    Parameters
    ----------
    entry_points : iterable of EntryPoint, optional
        By default those of the group ``herobm`` that are installed, and the core's own.
    allowed : collection of str, optional
        The only plug-ins to load; by default those that ``HEROBM_PLUGINS`` lists, or all.
    blocked : collection of str
        Plug-ins not to load.

    Returns
    -------
    Registry
        `Registry.failures` holds the plug-ins that were set aside, and why.
    """
    if entry_points is None:
        entry_points = [BUILT_IN, *metadata.entry_points(group=hookspecs.GROUP)]
    if allowed is None:
        allowed = _allow_list(os.environ.get(ALLOW_LIST))
    by_name = _by_name(entry_points)
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    plugins: list[Plugin] = []
    failures = [_absent(name) for name in sorted({*(allowed or ()), *blocked} - by_name.keys())]
    if len(by_name.get(BUILT_IN.name, ())) > 1:
        if allowed is None:
            failures += [_impostor(entry) for entry in by_name[BUILT_IN.name] if entry != BUILT_IN]
        by_name[BUILT_IN.name] = [BUILT_IN]
    withheld = {
        name
        for name in by_name
        if name in blocked or not (allowed is None or name in allowed or name == BUILT_IN.name)
    }
    for name in sorted(by_name.keys() - withheld):
        entries = by_name[name]
        try:
            plugins.append(_load(manager, entries))
        except PluginError as error:
            failures.append(FailedPlugin(_source(entries[0]), error))
    return Registry(plugins, failures, withheld)


def _allow_list(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _by_name(entry_points: Iterable[metadata.EntryPoint]) -> dict[str, list[metadata.EntryPoint]]:
    """Group the entry points by name; one that is found twice on the path counts once."""
    found: dict[str, dict[PluginSource, metadata.EntryPoint]] = defaultdict(dict)
    for entry in entry_points:
        found[entry.name].setdefault(_source(entry), entry)
    return {name: [same[key] for key in sorted(same, key=repr)] for name, same in found.items()}


def _source(entry: metadata.EntryPoint) -> PluginSource:
    if entry == BUILT_IN:
        return PluginSource(entry.name, entry.value, "herobm", __version__)
    if entry.dist is None:
        return PluginSource(entry.name, entry.value)
    return PluginSource(entry.name, entry.value, entry.dist.name, entry.dist.version)


def _absent(name: str) -> FailedPlugin:
    error = PluginLoadError("it is asked for or blocked by name, but not installed")
    return FailedPlugin(PluginSource(name, ""), error)


def _impostor(entry: metadata.EntryPoint) -> FailedPlugin:
    whose = _source(entry).distribution or entry.value
    error = PluginContractError(f"{whose} claims the name of the core's own plug-in")
    return FailedPlugin(_source(entry), error)


def _load(manager: pluggy.PluginManager, entries: list[metadata.EntryPoint]) -> Plugin:
    """Load a plug-in; what it prints meanwhile is kept off the standard output."""
    source, before, printed = _source(entries[0]), _heavy(), io.StringIO()
    with contextlib.redirect_stdout(printed):
        plugin = _gathered(manager, entries, source)
    said = printed.getvalue().strip().splitlines()
    remarks = [f"prints when it is imported: {said[0]!r}"] if said else []
    heavier = sorted(_heavy() - before)
    if heavier:
        remarks.append(
            f"imports {', '.join(heavier)} when it is imported, which slows every command down"
        )
    return replace(plugin, remarks=tuple(remarks))


def _heavy() -> set[str]:
    return {name for name in HEAVY if name in sys.modules}


def _gathered(
    manager: pluggy.PluginManager, entries: list[metadata.EntryPoint], source: PluginSource
) -> Plugin:
    if len(entries) > 1:
        claims = " and ".join(sorted(_source(e).distribution or e.value for e in entries))
        raise PluginContractError(f"{claims} both claim its name", "uninstall all but one of them")
    if not _NAME.fullmatch(source.name):
        raise PluginContractError("its name has characters other than letters, digits and _.+-")
    refuse_newer(entries[0])
    module = _import(entries[0])
    _register(manager, module, source.name)
    mappings = _records(manager, "herobm_register_mappings", source.name, MappingSpec)
    for mapping in mappings:
        if not mapping.files:
            raise PluginContractError(f"its mapping {mapping.name!r} has no files")
    steps = _records(manager, "herobm_register_postprocessors", source.name, PostProcessorSpec)
    for step in steps:
        if step.stage not in STAGES:
            raise PluginContractError(
                f"its post-processor {step.name!r} has the stage {step.stage!r}, "
                f"which is none of {', '.join(STAGES)}"
            )
    models = _records(manager, "herobm_register_models", source.name, ModelSpec)
    for model in models:
        if model.load is not None and model.weights is not None:
            raise PluginContractError(f"its model {model.name!r} has both weights and load")
        if model.mapping == ANY_MAPPING and model.load is None:
            raise PluginContractError(f"its model {model.name!r} is for any mapping, without load")
    return Plugin(source, mappings, models, steps)


def _import(entry: metadata.EntryPoint) -> Any:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # the code of others may raise anything
        raise PluginLoadError(
            f"importing {entry.value} fails: {_in_one_line(error)}", "--debug shows the traceback"
        ) from error


def _register(manager: pluggy.PluginManager, module: Any, name: str) -> None:
    """Hand the module to pluggy, and refuse hooks that nobody calls."""
    try:
        manager.register(module, name)
    except (ValueError, pluggy.PluginValidationError) as error:
        raise PluginContractError(f"it cannot be registered: {_in_one_line(error)}") from error
    known = {hook for hook in vars(hookspecs) if hook.startswith("herobm_")}
    implemented = {caller.name for caller in manager.get_hookcallers(module) or ()}
    unknown = sorted(implemented - known)
    if unknown:
        raise PluginContractError(
            f"it implements {unknown[0]}, which is no hook", f"hooks: {', '.join(sorted(known))}"
        )
    unmarked = sorted(known & set(dir(module)) - implemented)
    if unmarked:
        raise PluginContractError(f"its {unmarked[0]} lacks the decorator @hookimpl")


def _records(
    manager: pluggy.PluginManager, hook: str, name: str, kind: type[_Spec]
) -> tuple[_Spec, ...]:
    """Call the hook of one plug-in and check what it gives."""
    module = manager.get_plugin(name)
    implementations = [i for i in getattr(manager.hook, hook).get_hookimpls() if i.plugin is module]
    given: list[Any] = []
    for implementation in implementations:
        try:
            given += implementation.function()
        except (Exception, SystemExit) as error:  # the code of others may raise anything
            raise PluginContractError(f"its {hook} fails: {_in_one_line(error)}") from error
    for record in given:
        if not isinstance(record, kind):
            raise PluginContractError(
                f"its {hook} gives a {type(record).__name__}, not a {kind.__name__}"
            )
        if not _NAME.fullmatch(record.name):
            raise PluginContractError(
                f"the name {record.name!r} has characters other than letters, digits and _.+-"
            )
        _require_paths(hook, record)
    _refuse_clashes(hook, given)
    return tuple(given)


def _require_paths(hook: str, record: Any) -> None:
    """Stop at files that a record names by something other than paths."""
    named: list[tuple[str, Any]] = []
    if isinstance(record, MappingSpec):
        files: Any = record.files
        if not isinstance(files, tuple | list):
            kind = type(files).__name__
            raise PluginContractError(
                f"its {hook} gives {record.name!r} with a {kind} for 'files', not a tuple of Path"
            )
        named = [("files", path) for path in files]
    elif isinstance(record, ModelSpec) and record.weights is not None:
        named = [("weights", record.weights)]
    for field, path in named:
        if not isinstance(path, Path):
            raise PluginContractError(
                f"its {hook} gives {record.name!r} with a {type(path).__name__} in {field!r}, not "
                "a Path"
            )


def _refuse_clashes(hook: str, given: list[Any]) -> None:
    names = [record.name for record in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PluginContractError(f"its {hook} gives two records called {twice[0]!r}")
    defaults = [record.name for record in given if record.default]
    if len(defaults) > 1:
        raise PluginContractError(f"its {hook} has several defaults: {', '.join(defaults)}")


def _in_one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
