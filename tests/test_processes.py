"""Tasks shared out among processes."""

from __future__ import annotations

import logging
import multiprocessing
import operator
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from herobm.errors import HerobmError, StructureError
from herobm.io import read_atoms
from herobm.processes import AHEAD, in_order

SAY = logging.getLogger("herobm.said").info


def none_left() -> bool:
    """Whether all processes that were started are gone, soon."""
    for _ in range(100):
        if not multiprocessing.active_children():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_becomes_of_tasks_comes_in_their_order(jobs: int) -> None:
    delays = [0.3, 0.0, 0.1, 0.0, 0.0]  # the first one is not the first to be ready
    assert [task for task, _ in in_order(time.sleep, delays, jobs)] == delays
    made = in_order(partial(operator.mul, 3), iter(range(7)), jobs)
    assert list(made) == [(n, 3 * n) for n in range(7)]
    assert list(in_order(abs, [], jobs)) == []
    assert none_left()


def test_tasks_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    shared = in_order(abs, tasks(), 2)
    assert next(shared) == (0, 0)
    assert len(read) == 2 * AHEAD + 1
    shared.close()
    assert none_left()


def test_the_work_is_done_elsewhere_if_there_is_more_than_one() -> None:
    def seen(jobs: int) -> set[int]:
        return {made for _, made in in_order(_call, [os.getpid] * 3, jobs)}

    assert seen(1) == {os.getpid()}
    assert os.getpid() not in seen(2)


#: Calls what it is given.
_call = operator.methodcaller("__call__")


def test_errors_come_through_with_their_hints(tmp_path: Path) -> None:
    missing = tmp_path / "nothing.pdb"
    with pytest.raises(StructureError, match="nothing") as here:
        read_atoms(missing)
    with pytest.raises(StructureError, match="nothing") as there:
        list(in_order(read_atoms, [missing], 2))
    assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)
    assert none_left()


def test_what_is_logged_there_is_logged_here(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="herobm"):
        assert list(in_order(SAY, ["first", "second"], 2)) == [("first", None), ("second", None)]
    assert [record.getMessage() for record in caplog.records] == ["first", "second"]
    caplog.clear()
    with caplog.at_level("ERROR", logger="herobm"):
        list(in_order(SAY, ["third"], 2))
    assert not caplog.records


def test_each_process_begins_before_its_first_task(tmp_path: Path) -> None:
    begin = partial(os.chdir, tmp_path)
    made = {where for _, where in in_order(_call, [os.getcwd] * 3, 2, begin)}
    assert made == {str(tmp_path)}
    assert os.getcwd() != str(tmp_path)


def test_a_process_that_is_ended_is_told() -> None:
    with pytest.raises(HerobmError, match="one of 2 processes was ended") as error:
        list(in_order(os._exit, [9], 2))
    assert "--jobs" in (error.value.hint or "")
    assert none_left()


def test_work_that_cannot_be_sent_is_told() -> None:
    with pytest.raises(HerobmError, match="cannot be sent to other processes") as error:
        list(in_order(lambda task: task, [1], 2))
    assert "--jobs" in (error.value.hint or "")
    assert list(in_order(lambda task: task, [1], 1)) == [(1, 1)]
