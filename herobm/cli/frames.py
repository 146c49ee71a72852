"""Frames that are worked on one by one, each as soon as it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import typer

from herobm.cli.progress import counting, track
from herobm.cli.structures import check_outputs
from herobm.errors import HerobmError, OutputError

if TYPE_CHECKING:
    from herobm.io.frames import Frame
    from herobm.io.trajectory import Trajectory
    from herobm.types import Atoms

Told = TypeVar("Told")
Told_co = TypeVar("Told_co", covariant=True)
#: Frames, the atoms that became of each, and what there is to tell of them.
Made = Iterable[tuple["Frame", tuple["Atoms", Told]]]


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


def require_frames(jobs: int, trajectory: Path | None) -> None:
    """See to it that there are frames which processes can share.

    Raises
    ------
    typer.BadParameter
    """
    if jobs > 1 and trajectory is None:
        raise typer.BadParameter(
            "--jobs shares the frames of a trajectory (-f), and there is none; nothing else is "
            "shared here, samples neither"
        )


class FrameWork(Protocol[Told_co]):
    """What is done to each frame; it is sent to other processes where several share the work."""

    def place(self, frame: Frame) -> object:
        """See to it that the frame can be worked on; an error where it cannot."""

    def __call__(self, frame: Frame) -> tuple[Atoms, Told_co]:
        """Make atoms of the frame, and what there is to tell of them."""


def write_frames(
    read: Trajectory,
    output: Path,
    work: FrameWork[Told],
    overwrite: bool,
    *,
    jobs: int = 1,
    begin: Callable[[], object] | None = None,
    take: Callable[[int, Told], object] | None = None,
) -> HerobmError | KeyboardInterrupt | None:
    """Write what becomes of each frame; no more than the first and a few others are in memory.

    All frames are read and placed once before, which is soon done, so that one that is damaged
    does not end the work of hours. The first one is worked on in this process, for it settles what
    all have in common.

    Parameters
    ----------
    read : Trajectory
    output : Path
        XTC, TRR or DCD, written aside.
    work : FrameWork
    overwrite : bool
    jobs : int
        Processes that share the frames.
    begin : callable, optional
        Called in each of them, before its first frame.
    take : callable, optional
        Given the number of each frame, and what `work` told of it.

    Returns
    -------
    HerobmError, KeyboardInterrupt or None
        What a frame failed with, or that the run was told to end during one; those before it are
        written then. It is to be raised once all is told of them.

    Raises
    ------
    HerobmError
        If the first frame fails, or the file cannot be written.
    KeyboardInterrupt
        If the run was told to end during the first frame, or where a part of the frames would
        replace a file. Nothing is written then.
    """
    from herobm.io import TrajectoryWriter
    from herobm.processes import in_order, packed, signals_held

    if jobs > 1:
        packed(work, begin)  # before the first frame has taken its time
    for frame in track(read, "check"):
        work.place(frame)
    frames = iter(read)
    failures: list[HerobmError | KeyboardInterrupt] = []
    replaces = output.exists()  # by a part of the frames only where one of them fails
    n_written = 0
    with counting("frames", len(read)) as advance, ExitStack() as stack:
        for first in islice(frames, 1):
            opening = work(first)  # only now the number of hydrogens is known
            n_atoms = len(opening[0])
            written = stack.enter_context(TrajectoryWriter(output, n_atoms, overwrite))
            others = in_order(work, frames, jobs, begin)
            stack.callback(others.close)
            made = chain([(first, opening)], others)
            try:
                for frame, (atoms, told) in _until_failure(made, failures):
                    with signals_held():
                        written.write(atoms.positions, atoms.box, frame.time, frame.step)
                        n_written += 1
                        if take is not None:
                            take(frame.index, told)
                    advance()
            except KeyboardInterrupt as told_to_end:
                if replaces:
                    raise
                failures.append(told_to_end)
    if not failures or n_written == len(read):
        return None
    error, number = failures[0], read.frames[n_written]
    if isinstance(error, KeyboardInterrupt):
        rest = f"--begin {number} does the others."
        typer.echo(f"stopped at frame {number}. {_written(n_written)} {rest}", err=True)
    else:
        hint = f"{_written(n_written)} --begin goes on from another one."
        error.message = f"frame {number}: {error.message}"
        error.hint = hint if error.hint is None else f"{error.hint}\n{hint}"
    return error


def _written(n_frames: int) -> str:
    return f"The {n_frames} frame(s) before it are written;"


def _until_failure(made: Made[Told], failures: list[HerobmError | KeyboardInterrupt]) -> Made[Told]:
    """Pass on what became of frames; an error ends them, and is put with the failures."""
    opening: Atoms | None = None
    try:
        for frame, (atoms, told) in made:
            opening = atoms if opening is None else opening
            check_alike(opening, atoms)
            yield frame, (atoms, told)
    except HerobmError as error:
        failures.append(error)


def check_alike(opening: Atoms, atoms: Atoms, noun: str = "frame") -> None:
    """See to it that a frame has the atoms of the first one: a trajectory has one topology.

    Raises
    ------
    OutputError
    """
    if len(atoms) != len(opening) or (atoms.names != opening.names).any():
        raise OutputError(
            f"it has {len(atoms)} atoms, the first {noun} has {len(opening)}, or they have other "
            "names",
            f"Hydrogens depend on the surroundings in each {noun}. Leave the step that adds them "
            f"out, or write each {noun} by itself.",
        )
