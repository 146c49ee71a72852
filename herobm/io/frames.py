"""Single frames out of trajectory files, whatever their format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from herobm.errors import StructureError
from herobm.io.box import box_of_vectors, box_or_none
from herobm.io.dcd_size import check_whole
from herobm.io.mda import PARSER_ERRORS, reason
from herobm.io.xtc_index import index_frames
from herobm.types import FloatArray

_FORMATS = "Trajectories are read by their extension: .xtc, .trr, .dcd."


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a trajectory.

    Attributes
    ----------
    index : int
        Its number in the file, from 0.
    positions : FloatArray, shape (n, 3)
        Å.
    box : FloatArray or None, shape (6,)
        Å and degrees.
    time : float
        ps.
    step : int
        Step of the simulation; the number of the frame where the file has none.
    """

    index: int
    positions: FloatArray
    box: FloatArray | None
    time: float
    step: int


@dataclass(frozen=True)
class FrameReader:
    """How frames of one file are fetched: all particles, in Å."""

    n_frames: int
    n_particles: int
    fetch: Callable[[int], Frame]
    close: Callable[[], None]


def frame_reader(path: Path, n_particles: int) -> FrameReader:
    """Open a trajectory file.

    Parameters
    ----------
    path : Path
    n_particles : int
        How many the structure has; formats that do not say so themselves are read by it.

    Raises
    ------
    StructureError
        Where the file is damaged, or of no format that is known.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".xtc":
            return _open_xtc(path)
        if suffix == ".trr":
            return _open_trr(path)
        return _open_other(path, n_particles)
    except PARSER_ERRORS as error:
        raise StructureError(
            f"{path}: this trajectory cannot be read ({reason(error)})", _FORMATS
        ) from None


def _open_xtc(path: Path) -> FrameReader:
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    offsets, n_atoms = index_frames(path)
    file = XTCFile(str(path))
    file.set_offsets(offsets)
    return FrameReader(len(offsets), n_atoms, _xdr_fetch(file), file.close)


def _open_trr(path: Path) -> FrameReader:
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile

    file = TRRFile(str(path))
    return FrameReader(len(file), file.n_atoms, _xdr_fetch(file), file.close)


def _xdr_fetch(file: Any) -> Callable[[int], Frame]:
    def fetch(number: int) -> Frame:
        if file.tell() != number:
            file.seek(number)
        try:
            raw = file.read()
        except StopIteration:
            raise EOFError("the file ends here") from None
        if not getattr(raw, "hasx", True):
            raise ValueError("it holds no positions")
        box = box_of_vectors(np.asarray(raw.box, dtype=np.float64) * 10.0)
        positions = np.asarray(raw.x, dtype=np.float64) * 10.0
        return Frame(number, positions, box, float(raw.time), int(raw.step))

    return fetch


def _open_other(path: Path, n_particles: int) -> FrameReader:
    from MDAnalysis.coordinates.core import reader

    if path.suffix.lower() == ".dcd":
        check_whole(path)
    file = reader(str(path), n_atoms=n_particles)

    def fetch(number: int) -> Frame:
        now = file[number]
        box = box_or_none(now.dimensions)
        step = int(now.data.get("step", number))
        return Frame(number, np.asarray(now.positions), box, float(now.time), step)

    return FrameReader(int(file.n_frames), int(file.n_atoms), fetch, file.close)
