"""Frames that are worked on one by one, each as soon as it is read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from herobm.errors import OutputError

if TYPE_CHECKING:
    from herobm.io.frames import Frame
    from herobm.io.trajectory import Trajectory
    from herobm.types import Atoms


def write_frames(
    read: Trajectory, output: Path, work: Callable[[Frame], Atoms], overwrite: bool
) -> None:
    """Write what becomes of each frame; no more than the first and the current one are in memory.

    Parameters
    ----------
    read : Trajectory
    output : Path
        XTC, TRR or DCD; written aside, so that a damaged frame leaves nothing behind.
    work : callable
        Makes atoms of a frame.
    overwrite : bool

    Raises
    ------
    OutputError
        If a frame comes out with other atoms than the first one.
    """
    from herobm.io import TrajectoryWriter

    opening: Atoms | None = None
    with ExitStack() as stack:
        bar = stack.enter_context(
            typer.progressbar(length=len(read), label="frames", file=sys.stderr)
        )
        for frame in read:
            atoms = work(frame)
            if opening is None:  # only now the number of hydrogens is known
                opening = atoms
                written = stack.enter_context(TrajectoryWriter(output, len(atoms), overwrite))
            check_alike(opening, atoms, frame.index)
            written.write(atoms.positions, atoms.box, frame.time, frame.step)
            bar.update(1)


def check_alike(opening: Atoms, atoms: Atoms, number: int, noun: str = "frame") -> None:
    """See to it that a frame has the atoms of the first one: a trajectory has one topology.

    Raises
    ------
    OutputError
    """
    if len(atoms) != len(opening) or (atoms.names != opening.names).any():
        raise OutputError(
            f"{noun} {number} has {len(atoms)} atoms, the first one has {len(opening)}, "
            "or they have other names",
            f"Hydrogens depend on the surroundings in each {noun}. Leave the step that adds them "
            f"out, or write each {noun} by itself.",
        )
