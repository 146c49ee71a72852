"""Structure files among what a user names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from herobm.errors import StructureError
from herobm.io.source import ENDINGS, format_of

T = TypeVar("T")


def structure_files(paths: Iterable[Path]) -> list[Path]:
    """List files as named, and the structure files of folders (not of their subfolders), by name.

    A file that is named twice, or named and in a folder, too, is listed once.

    Raises
    ------
    StructureError
        If a path is not there, or there is no structure file at all.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            listed = sorted(f for f in path.iterdir() if format_of(f) != "other")
        elif path.exists():
            listed = [path]
        else:
            raise StructureError(f"{path}: there is no such file or folder", "Check the path.")
        for file in listed:
            found.setdefault(file.resolve(), file)
    if not found:
        raise StructureError(
            "there is no structure file in " + ", ".join(str(p) for p in paths),
            f"Looked for files that end in {', '.join(ENDINGS)}, also with .gz or .bz2.",
        )
    return list(found.values())


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """Take `limit` of them at even distances; all where they are no more, or there is no limit."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]
