"""Frames of two trajectories that belong together, found by their times or by their numbers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from herobm.errors import StructureError
from herobm.io.frames import Frame
from herobm.io.trajectory import open_trajectory

log = logging.getLogger(__name__)

#: ps by which the times of frames that belong together may differ, and the share of the time by
#: which they may besides: DCD keeps the time between frames in single precision.
TIME, TIME_SHARE = 0.01, 2e-7


def pair_frames(
    frames: Iterable[Frame],
    source: tuple[Path, Path] | None,
    others: tuple[Path, Path],
    stop: int | None = None,
) -> Iterator[tuple[Frame, Frame]]:
    """Find for each frame the one of another trajectory that belongs to it.

    The one that is nearest in time; that of the same number, said in the log, where the times of
    either trajectory do not tell its frames apart.

    Parameters
    ----------
    frames : iterable of Frame
        In the order of their times.
    source : (Path, Path) or None
        Structure and trajectory that they come from; None for a structure alone.
    others : (Path, Path)
        Structure and trajectory of the others.
    stop : int, optional
        Frame of `source` from which on none is among `frames`.

    Yields
    ------
    Frame
        One of `frames`.
    Frame
        Its other one, with all particles.

    Raises
    ------
    StructureError
        If nothing tells which belong together, a frame has no other one, or a file is at fault.
    """
    timed = source is None or _tell_time(source, others, stop)
    with open_trajectory(*others) as opened:
        if not timed:
            log.info("frames of %s are found by their numbers", others[1])
        later = iter(opened)
        other, ahead = next(later), next(later, None)
        for frame in frames:
            while ahead is not None and _belongs(ahead, other, frame, timed):
                other, ahead = ahead, next(later, None)
            if timed and abs(other.time - frame.time) > TIME + TIME_SHARE * abs(frame.time):
                raise StructureError(
                    f"{others[1]}: has no frame of {frame.time:.3f} ps, as the atoms do",
                    "Give the trajectory that the atoms were made from.",
                )
            yield frame, other


def _tell_time(source: tuple[Path, Path], others: tuple[Path, Path], stop: int | None) -> bool:
    """Tell whether frames of two trajectories can be found by time, or by number.

    Raises
    ------
    StructureError
        If by neither.
    """
    timed, counts = True, []
    for files, end in ((source, stop), (others, None)):
        with open_trajectory(*files, stop=end) as opened:
            counts.append(len(range(len(opened))[:stop]))
        with open_trajectory(*files, stop=2) as opened:
            times = [frame.time for frame in opened]
        timed &= len(times) < 2 or times[1] - times[0] > TIME
    if not timed and counts[0] != counts[1]:
        raise StructureError(
            f"{others[1]}: its first frames or those of {source[1]} have the same time, and they "
            f"are {counts[1]} where the others are {counts[0]}: nothing tells which belong "
            "together",
            "Write the frames with their times, or as many of the one as of the other.",
        )
    return timed


def _belongs(later: Frame, other: Frame, frame: Frame, timed: bool) -> bool:
    """Whether a later frame belongs to a frame rather than another one, by time or by number."""
    if not timed:
        return other.index < frame.index
    return abs(later.time - frame.time) <= abs(other.time - frame.time)
