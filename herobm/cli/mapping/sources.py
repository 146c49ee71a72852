"""Which files the words of a command line mean: paths, folders, patterns, mapping sets, stdin."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from herobm.dsl.load import as_text, mapping_files
from herobm.dsl.parser import YAML_SUFFIXES
from herobm.dsl.syntax import File

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry

STDIN = "-"
_SUFFIXES = (".map", *YAML_SUFFIXES)
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class Group:
    """Files that one word of the command line means.

    Attributes
    ----------
    paths : in order; empty for stdin.
    one_set : whether they are used together as they are, as in a registered mapping set.
    """

    paths: tuple[Path, ...]
    one_set: bool = False


def find(words: Iterable[str], registry: Callable[[], Registry]) -> list[Group]:
    """Find out what the words mean; what exists as a path is taken as a path.

    Parameters
    ----------
    words : iterable of str
    registry : callable
        Opens the plug-ins; called once a word is no path.

    Raises
    ------
    typer.BadParameter
        If a pattern fits no file, or a name means nothing (or several things).
    """
    return [group for word in words if word != STDIN for group in _find(word, registry)]


def _find(word: str, registry: Callable[[], Registry]) -> list[Group]:
    path = Path(word).expanduser()
    if path.exists():
        return [Group(tuple(mapping_files(path)))]
    if _WILD & set(word):
        return [Group(_matching(word))]
    if path.suffix in _SUFFIXES or path.is_absolute() or word.startswith("."):
        return [Group((path,))]  # reading it says that it is not there
    return _registered(word, registry())


def _matching(pattern: str) -> tuple[Path, ...]:
    from glob import glob

    found = [p for name in sorted(glob(pattern, recursive=True)) for p in mapping_files(Path(name))]
    if not found:
        raise typer.BadParameter(f"no mapping file fits the pattern '{pattern}'")
    return tuple(found)


def _registered(name: str, registry: Registry) -> list[Group]:
    """Return the set of that name; for a bare plug-in all of its sets."""
    from herobm.errors import PluginError
    from herobm.plugins.catalogue import Catalogue

    plugin = next((p for p in registry.plugins if p.name == name and p.mappings), None)
    if plugin is not None:
        return [Group(spec.files, True) for spec in plugin.mappings]
    catalogue = Catalogue("mapping", {p.name: p.mappings for p in registry.plugins})
    try:
        spec = catalogue.full[catalogue.find(name)]
    except PluginError as error:
        message = f"there is no file '{name}', and {error.message}"
        raise typer.BadParameter("; ".join(filter(None, (message, error.hint)))) from None
    return [Group(spec.files, True)]


def read_stdin(name: str = "<stdin>") -> File:
    """Read a mapping from the standard input.

    Parameters
    ----------
    name : str
        What it is called in messages.
    """
    return as_text(sys.stdin.buffer.read(), name)
