"""Where the frames of an XTC file begin, found by walking over their headers.

The decoder of compressed frames trusts what it is given: a header that does not fit makes it
write past its buffers. So every header is checked before the first frame is decoded, and a file
that is cut short is told from one that ends. Nothing is left on disk.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from herobm.errors import StructureError
from herobm.io.cut import copy_again, cut_short
from herobm.types import IntArray

_MAGIC = 1995
_START = struct.Struct(">iii40xi")  # magic, n_atoms, step, (time, box), n_atoms once more
_PACKED = struct.Struct(">f3i3iii")  # precision, lowest, highest, small index, bytes
_SMALLEST, _LARGEST = 9, 72  # of the table of small numbers


def index_frames(path: Path, stop: int | None = None) -> tuple[IntArray, int]:
    """Walk over the frames of an XTC file.

    Parameters
    ----------
    path : Path
    stop : int, optional
        Frame before which to end the walk, so that it and those behind it may be damaged.

    Returns
    -------
    offsets : IntArray, shape (n_frames,)
        Bytes from the start of the file to each frame.
    n_atoms : int

    Raises
    ------
    StructureError
        Naming the first frame that is cut short or damaged.
    """
    size = path.stat().st_size
    offsets: list[int] = []
    n_atoms = 0
    with path.open("rb") as stream:
        at = 0
        while at < size and (stop is None or len(offsets) < stop):
            frame = len(offsets)
            stream.seek(at)
            head = stream.read(_START.size + _PACKED.size)
            found, length = _frame(head, path, frame)
            if frame and found != n_atoms:
                what = f"frame {frame} has {found} particles and those before have {n_atoms}"
                raise StructureError(f"{path}: {what}", copy_again(frame))
            if at + length > size:
                raise cut_short(path, frame)
            n_atoms = found
            offsets.append(at)
            at += length
    return np.array(offsets, dtype=np.int64), n_atoms


def _frame(head: bytes, path: Path, frame: int) -> tuple[int, int]:
    """Return the number of particles and the length in bytes of a frame from its header."""
    damaged = StructureError(
        f"{path}: frame {frame} is damaged" if frame else f"{path}: this is no XTC file",
        copy_again(frame)
        if frame
        else "Trajectories are read by their extension: .xtc, .trr, .dcd.",
    )
    if len(head) >= 4 and struct.unpack(">i", head[:4])[0] != _MAGIC:
        raise damaged
    if len(head) < _START.size:
        raise cut_short(path, frame)
    _, n_atoms, _, again = _START.unpack(head[: _START.size])
    if n_atoms < 1 or again != n_atoms:
        raise damaged
    if n_atoms <= 9:  # so few are not packed
        return n_atoms, _START.size + 12 * n_atoms
    if len(head) < _START.size + _PACKED.size:
        raise cut_short(path, frame)
    precision, *limits, small, n_bytes = _PACKED.unpack(head[_START.size :])
    ordered = all(low <= high for low, high in zip(limits[:3], limits[3:], strict=True))
    if not (precision > 0 and ordered and _SMALLEST <= small <= _LARGEST and n_bytes > 0):
        raise damaged
    return n_atoms, _START.size + _PACKED.size + (n_bytes + 3) // 4 * 4
