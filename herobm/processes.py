"""Tasks shared out among processes, and what becomes of them in their order.

Processes are started anew ("spawn"), which all systems can do and which is safe where threads run.
What is worked with is sent to each of them once.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from herobm.errors import HerobmError
from herobm.heap import keep_freed

Task = TypeVar("Task")
Made = TypeVar("Made")

#: Tasks that are given out for each process, so that none waits for the next one.
AHEAD = 2


def in_order(
    work: Callable[[Task], Made],
    tasks: Iterable[Task],
    jobs: int,
    begin: Callable[[], object] | None = None,
) -> Generator[tuple[Task, Made], None, None]:
    """Work on tasks in several processes; no more than a few of them are in memory.

    Parameters
    ----------
    work : callable
        What is done to each task; it can be pickled, as the tasks and what it returns can.
    tasks : iterable
        Read as processes become free.
    jobs : int
        Processes; with 1 all is done in this one.
    begin : callable, optional
        Called once in each process, before the first task. It can be pickled.

    Yields
    ------
    tuple
        Each task and what became of it, in the order of the tasks.

    Raises
    ------
    HerobmError
        Where `work` cannot be sent to other processes, or one of these is ended from outside. What
        `work` raises comes through.
    """
    if jobs == 1:
        for task in tasks:
            yield task, work(task)
        return
    given = _packed(work, begin)
    level = logging.getLogger("herobm").getEffectiveLevel()
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_enter, initargs=(given, level)
    )
    waiting: deque[tuple[Task, Future[tuple[Any, _Records]]]] = deque()
    finished = False
    try:
        for task in tasks:
            waiting.append((task, pool.submit(_do, task)))
            if len(waiting) > AHEAD * jobs:
                yield _taken(*waiting.popleft())
        while waiting:
            yield _taken(*waiting.popleft())
        finished = True
    except BrokenProcessPool:
        raise HerobmError(
            f"one of {jobs} processes was ended from outside, perhaps for want of memory",
            "Take fewer --jobs.",
        ) from None
    finally:
        if not finished:  # nobody waits for what is under way
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
        pool.shutdown(wait=finished, cancel_futures=True)


_Records = list[logging.LogRecord]


def _packed(work: Callable[[Any], object], begin: Callable[[], object] | None) -> bytes:
    try:
        return pickle.dumps((work, begin))
    except Exception as error:  # what an object raises that is not made to be sent is its own
        raise HerobmError(
            f"what is done to the frames cannot be sent to other processes ({error})",
            "Leave --jobs out. What a plug-in registers has to be picklable for that.",
        ) from error


def _taken(task: Task, future: Future[tuple[Any, _Records]]) -> tuple[Task, Any]:
    made, records = future.result()
    for record in records:  # said here, where what was said before is known
        logging.getLogger(record.name).handle(record)
    return task, made


class _Worker:
    """What a process of the pool keeps from task to task."""

    work: Callable[[Any], Any]
    records: _Records


class _Collecting(logging.Handler):
    """Keeps what is logged, in a form that can be sent."""

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = record.getMessage(), None, None
        _Worker.records.append(record)


def _enter(given: bytes, level: int) -> None:
    """Make a process of the pool ready."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this one
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    keep_freed()
    _Worker.records = []
    logger = logging.getLogger("herobm")
    logger.handlers[:] = [_Collecting()]
    logger.setLevel(level)
    logger.propagate = False
    _Worker.work, begin = pickle.loads(given)
    if begin is not None:
        begin()


def _leave_with_parent() -> None:
    """End the process when its parent is gone, which may have had no time to tell."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(task: Any) -> tuple[Any, _Records]:
    _Worker.records.clear()
    made = _Worker.work(task)
    return made, list(_Worker.records)
