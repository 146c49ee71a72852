"""Frames that are worked on one by one, each as soon as it is read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from herobm.cli.structures import check_outputs
from herobm.errors import OutputError

if TYPE_CHECKING:
    from herobm.io.frames import Frame
    from herobm.io.trajectory import Trajectory
    from herobm.types import Atoms

Placed = TypeVar("Placed")


def choose_beside(
    output: Path,
    fits: Callable[[Path], None],
    inputs: Iterable[Path],
    overwrite: bool,
    noun: str = "frame",
) -> Path:
    """Choose the file beside a trajectory that holds its first frame.

    Parameters
    ----------
    output : Path
        The trajectory.
    fits : callable
        Raises an OutputError if the format of a path cannot hold the atoms.
    inputs : iterable of Path
        Files that are read.
    overwrite : bool
    noun : str
        What the frames are.

    Returns
    -------
    Path
        PDB, or mmCIF with a note on stderr where PDB has no columns for the names.

    Raises
    ------
    OutputError
    """
    first = output.with_suffix(".pdb")
    try:
        fits(first)
    except OutputError as error:
        first = output.with_suffix(".cif")
        fits(first)
        check_outputs([first], inputs, overwrite)
        typer.echo(f"note: {error.message}; the first {noun} goes to {first}", err=True)
    return first


def write_frames(
    read: Trajectory,
    output: Path,
    place: Callable[[Frame], Placed],
    work: Callable[[Frame, Placed], Atoms],
    overwrite: bool,
) -> None:
    """Write what becomes of each frame; no more than the first and the current one are in memory.

    All frames are read and placed once before, which is soon done, so that one that is damaged
    does not end the work of hours.

    Parameters
    ----------
    read : Trajectory
    output : Path
        XTC, TRR or DCD; written aside, so that a run that ends early leaves nothing behind.
    place : callable
        Makes what is worked on of a frame; an error where that cannot be.
    work : callable
        Makes atoms of a frame and what was made of it.
    overwrite : bool

    Raises
    ------
    OutputError
        If a frame comes out with other atoms than the first one.
    """
    from herobm.io import TrajectoryWriter

    with typer.progressbar(read, label="check", file=sys.stderr) as checked:
        for frame in checked:
            place(frame)
    opening: Atoms | None = None
    with ExitStack() as stack:
        bar = stack.enter_context(
            typer.progressbar(length=len(read), label="frames", file=sys.stderr)
        )
        for frame in read:
            atoms = work(frame, place(frame))
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
