"""The bytes of an input file: found, unpacked and told from rubbish before anything parses them."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path

from herobm.errors import StructureError

#: Endings of packed files.
PACKED = {".gz", ".bz2"}
_FORMATS = {".pdb": "pdb", ".ent": "pdb", ".gro": "gro", ".cif": "cif", ".mmcif": "cif"}
#: Endings of structure files, each also with that of a packed one.
ENDINGS = tuple(_FORMATS)
_EXTENSIONS = "Structures are read by their extension: .pdb, .gro, .cif, each also with .gz."


def format_of(path: Path) -> str:
    """Return ``pdb``, ``gro`` or ``cif`` by the extension of `path`, ``other`` for all else."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return _FORMATS.get(suffixes[-1], "other") if suffixes else "other"


def check_readable(path: Path) -> None:
    """See to it that `path` is a file that holds something and may be read.

    Raises
    ------
    StructureError
        Where it is not.
    """
    try:
        with path.open("rb") as stream:
            first = stream.read(1)
    except FileNotFoundError:
        folder = "" if path.parent.is_dir() else f" (and no folder {path.parent})"
        raise StructureError(
            f"{path}: there is no such file{folder}", "Check the path for a typing error."
        ) from None
    except IsADirectoryError:
        raise StructureError(
            f"{path}: this is a folder, not a structure file", "Name one file inside it."
        ) from None
    except OSError as error:
        raise StructureError(
            f"{path}: the file cannot be read ({error.strerror})", "Check its permissions."
        ) from None
    if not first:
        raise StructureError(
            f"{path}: the file is empty", "Write or download it again; nothing is in it."
        )


def read_text(path: Path) -> str:
    """Return the text of a file, unpacked where it is compressed by gzip or bzip2.

    Raises
    ------
    StructureError
        Where the file is missing, unreadable, empty, binary, or its compression is damaged.
    """
    check_readable(path)
    data = _unpacked(path.read_bytes(), path)
    if b"\0" in data:
        raise StructureError(f"{path}: this is a binary file, not a text structure", _EXTENSIONS)
    text = data.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise StructureError(
            f"{path}: the file is empty", "Write or download it again; nothing is in it."
        )
    return text


def _unpacked(data: bytes, path: Path) -> bytes:
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data)
        if data.startswith(b"BZh"):
            return bz2.decompress(data)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise StructureError(
            f"{path}: the compressed file is cut short or damaged ({error})",
            "Copy or download it again.",
        ) from None
    # Browsers unpack what they download and keep the name, so .gz may well be plain text.
    return data
