"""Trajectories, frame by frame in and out, at a memory use that does not grow with their length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from herobm.aside import cannot_write, written_aside
from herobm.errors import OutputError, StructureError
from herobm.io.frames import Frame, FrameReader, frame_reader
from herobm.io.mda import PARSER_ERRORS, quiet, reason
from herobm.io.read import load
from herobm.io.source import check_readable
from herobm.types import Beads, FloatArray, IntArray

_WRITTEN = {".xtc", ".trr", ".dcd"}


class Trajectory:
    """The chosen frames and particles of a trajectory; iterate over it as often as you like.

    Attributes
    ----------
    topology : Beads
        The chosen particles where the structure file has them. For atoms, read that file with
        `herobm.io.read_atoms` and the same selection.
    frames : range
        Which frames of the file are visited.
    """

    def __init__(
        self, path: Path, reader: FrameReader, topology: Beads, index: IntArray, frames: range
    ) -> None:
        self.topology = topology
        self.frames = frames
        self._path = path
        self._reader = reader
        self._index = index

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Frame]:
        for number in self.frames:
            yield self._frame(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _frame(self, number: int) -> Frame:
        try:
            with quiet():
                frame = self._reader.fetch(number)
        except PARSER_ERRORS as error:
            raise StructureError(
                f"{self._path}: frame {number} is cut short or damaged ({reason(error)})",
                "Copy or write the trajectory again, or stop before that frame with --end.",
            ) from None
        positions = frame.positions[self._index].astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
        if len(bad):
            raise StructureError(
                f"{self._path}: in frame {number}, {len(bad)} particles have coordinates that are "
                f"no numbers; the first is {self.topology.label(int(bad[0]))}",
                "The simulation may have blown up; stop before that frame with --end.",
            )
        return Frame(number, positions, frame.box, frame.time, frame.step)


def open_trajectory(
    topology_path: Path | str,
    trajectory_path: Path | str,
    selection: str = "all",
    *,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
) -> Trajectory:
    """Open a trajectory of the particles of a structure file.

    Parameters
    ----------
    topology_path : Path or str
        The structure file that names the particles.
    trajectory_path : Path or str
        XTC, TRR, DCD, or another format that MDAnalysis reads.
    selection : str
        Particles to keep, in the selection language of MDAnalysis; made once, on the structure.
    start, stop, step : int, optional
        Frames to visit, as in a Python slice.

    Returns
    -------
    Trajectory
        A context manager that iterates over `Frame`.

    Raises
    ------
    StructureError
        Where a file or the selection is at fault, the numbers of particles differ, or no frame
        is left. Damage within the file is found when its frame is reached at the latest.
    """
    loaded = load(Path(topology_path), selection)
    path = Path(trajectory_path)
    check_readable(path)
    with quiet():
        reader = frame_reader(path, loaded.n_particles)
    try:
        _check_count(reader, loaded.n_particles, path, Path(topology_path))
        frames = _chosen(reader.n_frames, slice(start, stop, step), path)
    except StructureError:
        reader.close()
        raise
    return Trajectory(path, reader, loaded.columns.as_beads(loaded.box), loaded.index, frames)


def _check_count(reader: FrameReader, n_particles: int, path: Path, topology: Path) -> None:
    if reader.n_particles != n_particles:
        raise StructureError(
            f"{path} has {reader.n_particles} particles a frame, and {topology} has {n_particles}",
            "Give the structure file of this very trajectory; a frame of it written as GRO or "
            "PDB will do.",
        )


def _chosen(n_frames: int, wanted: slice, path: Path) -> range:
    if wanted.step is not None and wanted.step < 1:
        raise StructureError(f"every {wanted.step}th frame makes no sense", "Use 1 or more.")
    frames = range(n_frames)[wanted]
    if not frames:
        raise StructureError(
            f"{path}: none of its {n_frames} frames is chosen",
            "Frames count from 0; check --begin and --end.",
        )
    return frames


class TrajectoryWriter:
    """Writes frames to an XTC, TRR or DCD file, which appears when the block ends well.

    Parameters
    ----------
    path : Path or str
        The extension tells the format.
    n_particles : int
    overwrite : bool
        Whether a file that lies there already may be replaced.

    Raises
    ------
    OutputError
        On entering, where the file cannot be written or the extension is not known.

    Examples
    --------
    >>> with TrajectoryWriter("out.xtc", n_particles=3) as writer:  # doctest: +SKIP
    ...     writer.write(positions, box, time=10.0, step=5000)
    """

    def __init__(self, path: Path | str, n_particles: int, overwrite: bool = False) -> None:
        self.path = Path(path)
        self._n_particles = n_particles
        self._overwrite = overwrite
        self._n_written = 0
        self._stack = ExitStack()
        self._file: Any = None
        self._universe: Any = None

    def __enter__(self) -> Self:
        suffix = self.path.suffix.lower()
        if suffix not in _WRITTEN:
            raise OutputError(
                f"{self.path}: trajectories are not written in the format of this extension",
                "Name it .xtc, .trr or .dcd.",
            )
        with ExitStack() as stack, quiet():
            import MDAnalysis

            aside = stack.enter_context(written_aside(self.path, self._overwrite))
            self._universe = MDAnalysis.Universe.empty(self._n_particles, trajectory=True)
            self._file = MDAnalysis.Writer(str(aside), n_atoms=self._n_particles)
            stack.callback(self._file.close)
            self._stack = stack.pop_all()
        return self

    def write(
        self,
        positions: FloatArray,
        box: FloatArray | None = None,
        time: float = 0.0,
        step: int | None = None,
    ) -> None:
        """Add a frame.

        Parameters
        ----------
        positions : FloatArray, shape (n_particles, 3)
            Å.
        box : FloatArray or None, shape (6,)
            Å and degrees.
        time : float
            ps.
        step : int, optional
            Step of the simulation; the number of frames before this one where not given.

        Raises
        ------
        OutputError
            Where the frame cannot be written.
        """
        if not np.isfinite(positions).all():
            number = f"frame {self._n_written}"
            message = f"{self.path}: {number} has coordinates that are no numbers"
            raise OutputError(message, "Nothing was written. Check the input of that frame.")
        now = self._universe.trajectory.ts
        now.positions = positions
        now.dimensions = box
        now.time = time
        now.frame = self._n_written
        now.data["step"] = self._n_written if step is None else step
        try:
            with quiet():
                self._file.write(self._universe.atoms)
        except OSError as error:
            raise cannot_write(self.path, error) from None
        self._n_written += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)
