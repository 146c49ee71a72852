"""Tasks shared out among processes, and what becomes of them in their order.

Processes are started anew ("spawn"), which all systems can do and which is safe where threads run.
Each has a pipe of its own, whose end tells that it is gone; what is worked with is sent once.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, TypeVar

from herobm.errors import HerobmError
from herobm.heap import keep_freed

Task = TypeVar("Task")
Made = TypeVar("Made")

#: Tasks in memory for each process: one that it works on, and one that is done before its turn.
AHEAD = 2
#: Seconds after which what waits for an answer looks whether it is told to stop.
PATIENCE = 0.5


def in_order(
    work: Callable[[Task], Made],
    tasks: Iterable[Task],
    jobs: int,
    begin: Callable[[], object] | None = None,
) -> Generator[tuple[Task, Made], None, None]:
    """Work on tasks in several processes; no more than a few of them are in memory.

    A script that calls this does so behind ``if __name__ == "__main__":``, for the processes read
    it as well.

    Parameters
    ----------
    work : callable
        What is done to each task. It can be pickled, as the tasks and what it returns can: it is a
        function of a module, or an object of a class of one.
    tasks : iterable
        Read as processes become free.
    jobs : int
        Processes at most, started as there are tasks for them; with 1 all is done in this one.
    begin : callable, optional
        Called once in each process, before its first task. It can be pickled.

    Yields
    ------
    tuple
        Each task and what became of it, in the order of the tasks.

    Raises
    ------
    HerobmError
        Where something cannot be sent, or a process is ended from outside. What `work` raises
        comes through.
    """
    if jobs == 1:
        for task in tasks:
            yield task, work(task)
        return
    team = _Team(packed(work, begin), jobs)
    try:
        yield from team.share(enumerate(tasks))
    finally:
        team.dismiss()


def packed(work: Callable[[Any], object], begin: Callable[[], object] | None = None) -> bytes:
    """Pickle what processes work with.

    Raises
    ------
    HerobmError
        Where that cannot be.
    """
    try:
        return pickle.dumps((work, begin))
    except Exception as error:  # what an object raises that is not made to be sent is its own
        raise HerobmError(
            f"what is to be done cannot be sent to other processes ({error})",
            "Leave --jobs out. What a plug-in registers has to be picklable for that.",
        ) from error


class _Answer(NamedTuple):
    """What became of a task, or the error that it ended with, and what was logged meanwhile."""

    made: Any
    error: Exception | None
    records: list[logging.LogRecord]


class _Team:
    """The processes, each with the number of the task that it is at."""

    def __init__(self, given: bytes, jobs: int) -> None:
        self._given, self._jobs = given, jobs
        self._level = logging.getLogger("herobm").getEffectiveLevel()
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[Connection, BaseProcess] = {}
        self._idle: list[Connection] = []
        self._busy: dict[Connection, int] = {}

    def share(self, tasks: Iterator[tuple[int, Task]]) -> Iterator[tuple[Task, Any]]:
        """Give tasks out, and pass on what became of them."""
        kept: dict[int, Task] = {}
        done: dict[int, _Answer] = {}
        due, left = 0, True
        while True:
            while left and len(self._busy) < self._jobs and len(kept) < AHEAD * self._jobs:
                given = next(tasks, None)
                if left := given is not None:
                    number, kept[number] = given
                    self._give(number, kept[number])
            if due in done:
                yield kept.pop(due), self._told(done.pop(due))
                due += 1
            elif not self._busy:
                return
            else:
                for answered in wait([*self._busy], PATIENCE):
                    assert isinstance(answered, Connection)
                    number = self._busy[answered]
                    done[number] = self._answer(answered)
                    del self._busy[answered]
                    self._idle.append(answered)

    def dismiss(self) -> None:
        """End all processes; nobody waits for what they are at."""
        for connection, process in self._processes.items():
            if connection in self._busy:
                process.kill()
            connection.close()  # which ends those that wait for a task
        for process in self._processes.values():
            process.join()

    def _give(self, number: int, task: object) -> None:
        if not self._idle:
            self._idle.append(self._started())
        connection = self._idle.pop()
        self._busy[connection] = number
        try:
            connection.send(task)  # which does not wait, for the process does
        except OSError:
            raise self._gone(connection) from None

    def _started(self) -> Connection:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(there, self._given, self._level), daemon=True
        )
        resource_tracker.ensure_running()  # or the first start does so, and lets signals in again
        with signals_held():
            process.start()
        there.close()
        self._processes[here] = process
        return here

    def _answer(self, connection: Connection) -> _Answer:
        try:
            answer = connection.recv()
        except (EOFError, OSError):
            raise self._gone(connection) from None
        assert isinstance(answer, _Answer)
        return answer

    def _told(self, answer: _Answer) -> Any:
        for record in answer.records:  # said here, where what was said before is known
            logging.getLogger(record.name).handle(record)
        if answer.error is not None:
            raise answer.error
        return answer.made

    def _gone(self, connection: Connection) -> HerobmError:
        process = self._processes[connection]
        process.join()
        code = process.exitcode or 0
        if code < 0:
            name = signal.Signals(-code).name
            return HerobmError(
                f"one of the processes was ended by {name}, perhaps for want of memory",
                "Take fewer --jobs.",
            )
        return HerobmError(
            f"one of the processes ended by itself (exit code {code}); what it said is above",
            "A script that starts processes does so behind: if __name__ == '__main__':",
        )


@contextmanager
def signals_held() -> Iterator[None]:
    """Let what would end this process wait until the end of the block.

    Processes that are started in it never hear of it: Ctrl-C reaches all of them, and so does what
    a batch system sends, but this one ends the others.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    ends = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Collecting(logging.Handler):
    """Keeps what is logged, in a form that can be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = record.getMessage(), None, None
        self.records.append(record)

    def taken(self) -> list[logging.LogRecord]:
        records, self.records = self.records, []
        return records


def _serve(connection: Connection, given: bytes, level: int) -> None:
    """Answer tasks until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where signals cannot be held
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    keep_freed()
    logged = _Collecting()
    logger = logging.getLogger("herobm")
    logger.handlers[:] = [logged]
    logger.setLevel(level)
    logger.propagate = False
    work: Callable[[Any], Any] | None = None
    while True:
        try:
            task = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            if work is None:
                work = _begun(given)
            answer = pickle.dumps(_Answer(work(pickle.loads(task)), None, logged.taken()))
        except Exception as error:
            answer = pickle.dumps(_Answer(None, _portable(error), logged.taken()))
        connection.send_bytes(answer)


def _begun(given: bytes) -> Callable[[Any], Any]:
    work: Callable[[Any], Any]
    work, begin = pickle.loads(given)
    if begin is not None:
        begin()
    return work


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent, with where it was raised."""
    error.add_note("".join(traceback.format_exception(error)))
    error.__cause__ = error.__context__ = None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        if isinstance(error, HerobmError):
            return HerobmError(error.message, error.hint)
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _leave_with_parent() -> None:
    """End the process when its parent is gone, which may have had no time to tell."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
