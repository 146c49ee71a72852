"""Single frames out of trajectory files, whatever their format."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from herobm.errors import StructureError
from herobm.io.box import box_of_vectors, box_or_none
from herobm.io.dcd_size import check_whole
from herobm.io.mda import PARSER_ERRORS, reason
from herobm.io.source import PACKED, format_of, read_text
from herobm.io.vet_gro import gro_count, vet_gro
from herobm.io.vet_pdb import cell_of
from herobm.io.xtc_index import index_frames
from herobm.types import FloatArray

_FORMATS = (
    "Trajectories are read by their extension: .xtc, .trr, .dcd; also .gro, and .pdb with MODEL "
    "records."
)
#: Time in ps and step in the title of a frame of a GRO file.
_TIME = re.compile(r"\bt=\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=\s|$)")
_STEP = re.compile(r"\bstep=\s*(\d+)")


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


def frame_reader(path: Path, n_particles: int, stop: int | None = None) -> FrameReader:
    """Open a trajectory file.

    Parameters
    ----------
    path : Path
    n_particles : int
        How many the structure has; formats that do not say so themselves are read by it.
    stop : int, optional
        Frame from which on nothing is wanted, so that it does not matter how the file ends.

    Raises
    ------
    StructureError
        Where the file is damaged, or of no format that is known.
    """
    suffix = path.suffix.lower()
    if suffix in PACKED and format_of(path) == "other":
        raise StructureError(
            f"{path}: packed trajectories are not read, but GRO and PDB of several frames",
            f"Unpack it first, for example with gunzip -k {path.name}.",
        )
    try:
        if suffix == ".xtc":
            return _open_xtc(path, stop)
        if suffix == ".trr":
            return _open_trr(path)
        if format_of(path) == "gro":
            return _open_gro(path)
        if format_of(path) == "cif":
            raise StructureError(f"{path}: no frames are read from mmCIF files", _FORMATS)
        return _open_other(path, n_particles, stop)
    except PARSER_ERRORS as error:
        raise StructureError(
            f"{path}: this trajectory cannot be read ({reason(error)})", _FORMATS
        ) from None


def _open_xtc(path: Path, stop: int | None) -> FrameReader:
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    offsets, n_atoms = index_frames(path, stop)
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


def _open_gro(path: Path) -> FrameReader:
    """Open a GRO file with a frame or several, as Gromacs writes them one behind the other."""
    from MDAnalysis.coordinates.GRO import GROReader
    from MDAnalysis.lib.util import NamedStream

    lines = read_text(path).rstrip().splitlines()
    starts, sizes, at = [], [], 0
    while at < len(lines):
        size = gro_count(lines, path, at)
        starts.append(at)
        sizes.append(size)
        at += size + 3

    first = _called(lines[2 : sizes[0] + 2], 0, 15) if sizes else []

    def fetch(number: int) -> Frame:
        start = starts[number]
        _check_order(
            _called(lines[start + 2 : start + sizes[number] + 2], 0, 15),
            first,
            f"{path}, frame {number}",
        )
        text = "\n".join(lines[start : start + sizes[number] + 3])
        stream = NamedStream(StringIO(vet_gro(text, path, start).text), "frame.gro")
        now = GROReader(stream).ts
        time, step = _TIME.search(lines[start]), _STEP.search(lines[start])
        return Frame(
            number,
            np.asarray(now.positions, dtype=np.float64),
            box_or_none(now.dimensions),
            float(time[1]) if time else float(number),
            int(step[1]) if step else number,
        )

    return FrameReader(len(starts), sizes[0], fetch, lambda: None)


def _called(lines: Sequence[str], begin: int, end: int) -> list[str]:
    """Return what particles are called, from the columns that name them."""
    return [line[begin:end] for line in lines]


def _check_order(called: list[str], first: list[str], where: str) -> None:
    """Refuse a frame whose particles are not those of the first one, in their order.

    Raises
    ------
    ValueError
        If there are more or fewer.
    StructureError
        If they are others.
    """
    if len(called) != len(first):
        raise ValueError(f"it has {len(called)} particles, the first one {len(first)}")
    if called != first:
        row = next(i for i, (one, two) in enumerate(zip(called, first, strict=True)) if one != two)
        here, there = (" ".join(names[row].split()) for names in (called, first))
        raise StructureError(
            f"{where}: particle {row + 1} is '{here}', and '{there}' in the first frame",
            "Write all frames with the same particles in the same order.",
        )


def _with_models(text: str) -> str:
    """Put MODEL records around frames that END or ENDMDL alone part, as VMD writes them."""
    lines = text.splitlines()
    if any(line.startswith("MODEL") for line in lines):
        return text
    frames: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("END"):
            frames.append([])
        else:
            frames[-1].append(line)
    frames = [f for f in frames if any(line.startswith(("ATOM", "HETATM")) for line in f)]
    if len(frames) < 2:
        return text
    numbered = [[f"MODEL     {i:4d}", *f, "ENDMDL"] for i, f in enumerate(frames, 1)]
    return "\n".join(line for frame in numbered for line in frame) + "\nEND\n"


def _models(text: str) -> tuple[list[list[str]], list[FloatArray | None]]:
    """Return what particles of each model of a PDB file are called, and the box of each.

    That is the one of the last CRYST1 record before its atoms; one at the head of the file holds
    for all models. Names of models that are alike are kept once.
    """
    models: list[list[str]] = []
    boxes: list[FloatArray | None] = []
    box: FloatArray | None = None
    now: list[str] = []

    def close() -> None:
        nonlocal now
        if now:
            models.append(models[0] if models and models[0] == now else now)
            boxes.append(box)
            now = []

    for line in text.splitlines():
        if line.startswith("MODEL"):
            close()
        elif line.startswith("ENDMDL"):
            close()
        elif line.startswith("CRYST1") and not now:
            sides = cell_of(line)
            box = None if sides is None else box_or_none(sides)
        elif line.startswith(("ATOM", "HETATM")):
            now.append(line[12:27])
    close()
    return models or [[]], boxes or [None]


def _open_other(path: Path, n_particles: int, stop: int | None) -> FrameReader:
    from MDAnalysis.coordinates.core import reader
    from MDAnalysis.lib.util import NamedStream

    if path.suffix.lower() == ".dcd":
        check_whole(path, stop)
    models: list[list[str]] | None = None
    boxes: list[FloatArray | None] = []
    source: Any = str(path)
    if format_of(path) == "pdb":
        given = read_text(path)
        text = _with_models(given)
        models, boxes = _models(text)
        if text is not given:
            source = NamedStream(StringIO(text), "frames.pdb")
    file = reader(source, n_atoms=n_particles if models is None else len(models[0]))

    def fetch(number: int) -> Frame:
        known = models is not None and len(models) == file.n_frames
        if models is not None and known:
            _check_order(models[number], models[0], f"{path}, frame {number}")
        now = file[number]
        box = boxes[number] if known else box_or_none(now.dimensions)
        step = int(now.data.get("step", number))
        return Frame(number, np.asarray(now.positions), box, float(now.time), step)

    return FrameReader(int(file.n_frames), int(file.n_atoms), fetch, file.close)
