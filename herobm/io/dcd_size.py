"""Whether a DCD file ends with a whole frame, told from its size.

The number of frames in its header is not to be trusted: programs write it before they know.
"""

from __future__ import annotations

import struct
from pathlib import Path

from herobm.errors import StructureError
from herobm.io.cut import cut_short


def check_whole(path: Path, stop: int | None = None) -> None:
    """Refuse a file that is no DCD, or that ends within a frame.

    Files with fixed atoms, whose frames differ in length, are not measured.

    Parameters
    ----------
    path : Path
    stop : int, optional
        Frame from which on they do not matter.

    Raises
    ------
    StructureError
        Naming the frame that is cut short.
    """
    foreign = StructureError(
        f"{path}: this is no DCD file, or cut short within its head",
        "Trajectories are read by their extension: .xtc, .trr, .dcd.",
    )
    with path.open("rb") as stream:
        head = stream.read(92)
        order = {b"\x54\0\0\0": "<", b"\0\0\0\x54": ">"}.get(head[:4])
        if order is None or len(head) < 92 or head[4:8] != b"CORD":
            raise foreign
        control = struct.unpack(f"{order}20i", head[8:88])
        try:
            (n_title,) = struct.unpack(f"{order}i", stream.read(4))
            stream.seek(n_title + 4, 1)
            _, n_atoms, _ = struct.unpack(f"{order}3i", stream.read(12))
        except (struct.error, OSError):
            raise foreign from None
        start = stream.tell()
    n_fixed, charmm = control[8], control[19] != 0
    # X-PLOR and CNS, which set no version of CHARMM, keep half of a number of 8 bytes there.
    has_cell, has_fourth = charmm and control[10] != 0, charmm and control[11] != 0
    length = (3 + has_fourth) * (8 + 4 * n_atoms) + (56 if has_cell else 0)
    frame, rest = divmod(path.stat().st_size - start, length)
    if rest and not n_fixed and (stop is None or stop > frame):
        raise cut_short(path, frame)
