"""Files written aside and put in place when they are whole, so that a failure loses nothing."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from herobm.errors import OutputError

#: What the system says of a disk or a quota that is full, or a disk that fails.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def check_writable(path: Path | str, overwrite: bool = False) -> None:
    """See to it that a file can be put at `path`, before any long work is done for it.

    Parameters
    ----------
    path : Path or str
        Where the file shall lie.
    overwrite : bool
        Whether a file that lies there already may be replaced.

    Raises
    ------
    OutputError
        Where the folder is missing or read-only, something else than a file is there, or a
        file is and may not be replaced.
    """
    target = Path(path).resolve()
    _check_target(target, Path(path), overwrite)
    try:
        probe = _reserve(target)
        probe.unlink()
    except OSError as error:
        raise cannot_write(Path(path), error) from None


@contextmanager
def written_aside(path: Path | str, overwrite: bool = False) -> Iterator[Path]:
    """Give a file beside `path` to write to; move it there when the block ends well.

    Parameters
    ----------
    path : Path or str
        Where the file shall lie in the end. A link is followed.
    overwrite : bool
        Whether a file that lies there already may be replaced, whose permissions go on.

    Yields
    ------
    Path
        An empty file in the same folder with the same extensions; gone after a failure.

    Raises
    ------
    OutputError
        As `check_writable`, and where there is no room. What else the block raises passes through.
    """
    target = Path(path).resolve()
    _check_target(target, Path(path), overwrite)
    try:
        aside = _reserve(target)
    except OSError as error:
        raise cannot_write(Path(path), error) from None
    try:
        yield aside
        _check_target(target, Path(path), overwrite)
        if target.exists():
            with suppress(OSError):  # of a file system that has none
                shutil.copymode(target, aside)
        _move(aside, target, Path(path))
    except OSError as error:
        if error.errno in NO_ROOM:
            raise cannot_write(Path(path), error) from None
        raise
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write a file that may replace another.

    For what safetensors makes, too, which by its own hand lets no other user read its files.

    Raises
    ------
    OutputError
        As `written_aside`.
    """
    with written_aside(path, overwrite=True) as aside:
        aside.write_bytes(data)


def _check_target(target: Path, path: Path, overwrite: bool) -> None:
    try:
        target.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise cannot_write(path, error) from None
    if target.is_dir():
        raise OutputError(f"{path}: this is a folder", "Name a file inside it.")
    if target.exists() and not target.is_file():
        raise OutputError(f"{path}: this is no ordinary file", "Name a file to be written.")
    if target.exists() and not overwrite:
        raise OutputError(
            f"{path}: there is such a file already",
            "Add --overwrite to replace it, or choose another name.",
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(f"{path}: the file is read-only", "Choose another name.")
    if not target.parent.is_dir():
        raise OutputError(
            f"{path}: there is no folder {path.parent}", "Make it first, or choose another."
        )


def _move(aside: Path, target: Path, path: Path) -> None:
    try:
        os.replace(aside, target)
    except OSError as error:
        raise cannot_write(path, error) from None


def _reserve(target: Path) -> Path:
    """Make an empty file beside `target`, with the permissions that a new file gets."""
    suffixes = "".join(target.suffixes[-2:])
    aside = target.with_name(f".herobm-{secrets.token_hex(6)}{suffixes}")
    with aside.open("xb"):
        return aside


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Say that `path` cannot be written, and why."""
    reason = error.strerror or str(error)
    return OutputError(
        f"{path}: the file cannot be written ({reason})",
        "Check the permissions and the space of the folder, or choose another.",
    )
