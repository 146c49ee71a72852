"""Trajectories, frame by frame in and out.

Of XTC, TRR and DCD files no more than a frame is in memory; of GRO and PDB files of several frames
the text is, too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from herobm.aside import cannot_write, written_aside
from herobm.errors import OutputError, StructureError
from herobm.io.box import check_angles
from herobm.io.find import spread
from herobm.io.frames import Frame, FrameReader, frame_reader
from herobm.io.mda import PARSER_ERRORS, quiet, reason
from herobm.io.read import load
from herobm.io.source import check_readable
from herobm.types import Beads, FloatArray, IntArray

log = logging.getLogger(__name__)

_WRITTEN = {".xtc", ".trr", ".dcd"}
#: Steps of a simulation from here on have no room in a file.
STEPS = 2**31
#: Relative error of times in single precision, as files keep them.
SINGLE = 1.2e-7


class Trajectory:
    """The chosen frames and particles of a trajectory; iterate over it as often as you like.

    Attributes
    ----------
    topology : Beads
        The chosen particles where the structure file has them. For atoms, read that file with
        `herobm.io.read_atoms` and the same selection.
    frames : sequence of int
        Which frames of the file are visited.
    """

    def __init__(
        self,
        path: Path,
        reader: FrameReader,
        topology: Beads,
        index: IntArray,
        frames: Sequence[int],
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
        hint = "Correct the boxes of the trajectory, or choose frames without it (--begin, --end)."
        check_angles(frame.box, f"{self._path}, frame {number}", hint)
        return Frame(number, positions, frame.box, frame.time, frame.step)


def open_trajectory(
    topology_path: Path | str,
    trajectory_path: Path | str,
    selection: str = "all",
    *,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
    limit: int | None = None,
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
    limit : int, optional
        Take so many of these at most, at even distances.

    Returns
    -------
    Trajectory
        A context manager that iterates over `Frame`.

    Raises
    ------
    StructureError
        Where a file or the selection is at fault, the numbers of particles differ, or no frame
        is left. Damage within the file is found when its frame is reached at the latest, and not
        looked for from `stop` on.
    """
    loaded = load(Path(topology_path), selection)
    path = Path(trajectory_path)
    check_readable(path)
    with quiet():
        reader = frame_reader(path, loaded.n_particles, _end(start, stop))
    try:
        _check_count(reader, loaded.n_particles, path, Path(topology_path))
        if limit is not None and limit < 1:
            raise StructureError(f"{path}: {limit} frames are asked for", "Ask for 1 or more.")
        frames = spread(_chosen(reader.n_frames, slice(start, stop, step), path), limit)
    except StructureError:
        reader.close()
        raise
    return Trajectory(path, reader, loaded.columns.as_beads(loaded.box), loaded.index, frames)


def _end(start: int | None, stop: int | None) -> int | None:
    """Return the frame from which on nothing is wanted, if the number of frames does not matter."""
    begin = 0 if start is None else start
    return stop if stop is not None and 0 <= begin < stop else None


def _check_count(reader: FrameReader, n_particles: int, path: Path, topology: Path) -> None:
    if reader.n_particles != n_particles:
        raise StructureError(
            f"{path} has {reader.n_particles} particles a frame, and {topology} has {n_particles}",
            "Give the structure file of this very trajectory; a frame of it written as GRO or "
            "PDB will do.",
        )


def _chosen(n_frames: int, wanted: slice, path: Path) -> range:
    if wanted.step is not None and wanted.step < 1:
        raise StructureError(
            f"{path}: every n-th frame is visited for an n of 1 or more, not {wanted.step}",
            "Use --stride 1 or more.",
        )
    frames = range(n_frames)[wanted]
    if not frames:
        raise StructureError(
            f"{path}: none of its {n_frames} frames is chosen",
            "Frames count from 0; check --begin and --end.",
        )
    return frames


class TrajectoryWriter:
    """Writes frames to an XTC, TRR or DCD file, which appears when the block ends well.

    DCD holds the time of the first frame and that between two; frames that are not evenly spaced
    are given other times there, which is told.

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
        On entering, where the file cannot be written or the extension is not known; at the end of
        the block, where not all of it got to the disk.

    Examples
    --------
    >>> with TrajectoryWriter("out.xtc", n_particles=3) as writer:  # doctest: +SKIP
    ...     writer.write(positions, box, time=10.0, step=5000)
    """

    def __init__(self, path: Path | str, n_particles: int, overwrite: bool = False) -> None:
        self.path = Path(path)
        self._n_particles = n_particles
        self._overwrite = overwrite
        self._n_written = self._n_put = 0
        self._stack = ExitStack()
        self._aside = self.path
        self._held: list[Frame] = []
        self._evenly: tuple[float, float] | None = None
        self._file: Any = None
        self._universe: Any = None

    def __enter__(self) -> Self:
        if self.path.suffix.lower() not in _WRITTEN:
            raise OutputError(
                f"{self.path}: trajectories are not written in the format of this extension",
                "Name it .xtc, .trr or .dcd.",
            )
        with ExitStack() as stack, quiet():
            import MDAnalysis

            self._aside = stack.enter_context(written_aside(self.path, self._overwrite))
            stack.push(lambda kind, *_: None if kind else self._check_whole())
            stack.push(lambda kind, *_: self._close(bool(kind)))
            self._universe = MDAnalysis.Universe.empty(self._n_particles, trajectory=True)
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
            Step of the simulation; the number of frames before this one where not given, and from
            `STEPS` on, for which files have no room.

        Raises
        ------
        OutputError
            Where the frame cannot be written.
        """
        if not np.isfinite(positions).all():
            message = f"{self.path}: frame {self._n_written} has coordinates that are no numbers"
            raise OutputError(message, "Nothing was written. Check the input of that frame.")
        number = self._n_written
        frame = Frame(number, positions, box, time, number if step is None else step)
        self._n_written += 1
        if self._file is None:  # two frames tell what the head of a DCD file holds
            self._held.append(replace(frame, positions=positions.copy()))
            if len(self._held) == 2 or self.path.suffix.lower() != ".dcd":
                self._open()
        else:
            self._put(frame)

    def _open(self) -> None:
        """Open the file, and write the frames that were held back."""
        import MDAnalysis

        times: dict[str, Any] = {}
        if self.path.suffix.lower() == ".dcd":
            times = _dcd_times(self._held)
            self._evenly = self._held[0].time, times["dt"]
        with quiet(), self._told(self._held[0]):
            self._file = MDAnalysis.Writer(str(self._aside), n_atoms=self._n_particles, **times)
        for frame in self._held:
            self._put(frame)
        self._held.clear()

    def _put(self, frame: Frame) -> None:
        now = self._universe.trajectory.ts
        now.positions = frame.positions
        now.dimensions = frame.box
        now.time = frame.time
        now.frame = frame.index
        now.data["step"] = frame.step
        if frame.step >= STEPS:
            now.data["step"] = frame.index
            log.info("%s: has no room for steps from %d on: numbers of frames", self.path, STEPS)
        with quiet(), self._told(frame):
            self._file.write(self._universe.atoms)
        self._tell_time(frame)

    def _tell_time(self, frame: Frame) -> None:
        """Tell of the first frame that a DCD file gives another time."""
        if self._evenly is None:
            return
        start, dt = self._evenly
        given = start + self._n_put * dt
        self._n_put += 1
        rounded = self._n_put * SINGLE * abs(frame.time)  # what is off in dt adds up
        if abs(given - frame.time) <= max(1e-3 * dt, 1e-6 * abs(given), rounded):
            return
        self._evenly = None
        log.info(
            "%s: frames are not evenly spaced, which DCD has no room for: frame %d, at %.9g ps, is "
            "given %.9g ps, and those behind it go on so. XTC and TRR keep the times",
            *(self.path, frame.index, frame.time, given),
        )

    @contextmanager
    def _told(self, frame: Frame) -> Iterator[None]:
        """Turn what the libraries raise into errors of herobm."""
        try:
            yield
        except OSError as error:
            raise cannot_write(self.path, error) from None
        except (OverflowError, ValueError) as error:  # a number that the format has no room for
            raise OutputError(
                f"{self.path}: frame {frame.index} cannot be written ({reason(error)})",
                "Check the time and the box of that frame.",
            ) from None

    def _close(self, failed: bool) -> None:
        try:
            if self._held and not failed:
                self._open()
        finally:
            if self._file is not None:
                self._file.close()

    def _check_whole(self) -> None:
        """Read the end of what was written: the libraries do not tell of a close that failed."""
        if not self._n_written:
            return
        try:
            with quiet():
                reader = frame_reader(self._aside, self._n_particles)
                try:
                    reader.fetch(self._n_written - 1)
                finally:
                    reader.close()
        except (StructureError, *PARSER_ERRORS):
            raise OutputError(
                f"{self.path}: the file cannot be written: of {self._n_written} frames not all got "
                "there",
                "Check the space of the folder, or choose another.",
            ) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _dcd_times(frames: Sequence[Frame]) -> dict[str, Any]:
    """Tell the writer of MDAnalysis what the head of a DCD file says of times.

    A frame has the time (number + istart / nsavc) dt; `nsavc` are the steps between two.

    Parameters
    ----------
    frames : sequence of Frame
        The first one or two.
    """
    first, last = frames[0], frames[-1]
    dt, steps = last.time - first.time, last.step - first.step
    if dt <= 0:  # of one frame: it comes after the first interval
        dt, steps = (first.time, 1) if first.time > 0 else (1.0, 1)
    fine = [min(max(steps, 1), STEPS - 1), 1000]  # the latter where the steps do not tell the time
    starts = {nsavc: first.time / dt * nsavc for nsavc in fine}
    fitting = [n for n, s in starts.items() if abs(s - round(s)) < 1e-3 and s < STEPS]
    nsavc = (fitting or [1])[0]
    return {"dt": dt, "nsavc": nsavc, "istart": round(first.time / dt * nsavc)}
