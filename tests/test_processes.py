"""Tasks shared out among processes."""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from herobm.errors import HerobmError, StructureError
from herobm.io import read_atoms
from herobm.processes import AHEAD, in_order

SAY = logging.getLogger("herobm.said").info


def soon(is_so: Callable[[], bool]) -> bool:
    """Whether something is so within ten seconds."""
    for _ in range(100):
        if is_so():
            return True
        time.sleep(0.1)
    return False


def none_left() -> bool:
    """Whether all processes that were started are gone."""
    return soon(lambda: not multiprocessing.active_children())


def of_session(number: int) -> list[int]:
    """Processes of a session that are at work, told by /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == number and state != "Z":
                found.append(int(path.parent.name))
    return found


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
    assert 2 <= len(read) <= 2 * AHEAD
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


MINE = """
import logging

from herobm.errors import HerobmError


class Mine(HerobmError):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}", "Neither.")


def fail(task):
    logging.getLogger("herobm.mine").info("before %d", task)
    raise Mine(task, task)


def fail_to_begin():
    raise Mine("begin", "nothing")


def stumble(task):
    raise LookupError("nowhere")
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module whose errors cannot be made anew from their message alone."""
    (tmp_path / "of_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "of_mine", raising=False)
    return importlib.import_module("of_mine")


def test_errors_that_cannot_be_sent_are_told_all_the_same(
    mine: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level("INFO", logger="herobm"),
        pytest.raises(HerobmError, match="7 and 7") as error,
    ):
        list(in_order(mine.fail, [7], 2))
    assert error.value.hint == "Neither."
    assert [record.getMessage() for record in caplog.records] == ["before 7"]
    with pytest.raises(HerobmError, match="begin and nothing"):
        list(in_order(abs, [1], 2, mine.fail_to_begin))
    with pytest.raises(LookupError, match="nowhere") as stumbled:
        list(in_order(mine.stumble, [1], 2))
    assert "in stumble" in stumbled.value.__notes__[0]


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        (partial(os._exit, 9), "exit code 9"),
        (partial(signal.raise_signal, signal.SIGKILL), "ended by SIGKILL"),
    ],
)
def test_a_process_that_is_gone_is_told(ends: Callable[[], None], told: str) -> None:
    with pytest.raises(HerobmError, match=told):
        list(in_order(_call, [ends, ends], 2))
    assert none_left()


def test_what_is_not_waited_for_ends_at_once() -> None:
    """Also where a process is in the midst of telling a long answer."""
    shared = in_order(bytes, [50_000_000] * 6, 2)
    assert len(next(shared)[1]) == 50_000_000
    shared.close()
    assert none_left()


def test_work_that_cannot_be_sent_is_told() -> None:
    with pytest.raises(HerobmError, match="cannot be sent to other processes") as error:
        list(in_order(lambda task: task, [1], 2))
    assert "--jobs" in (error.value.hint or "")
    assert list(in_order(lambda task: task, [1], 1)) == [(1, 1)]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="tells processes by /proc")
@pytest.mark.parametrize("after", [0.0, 0.05, 0.3, 1.5])
def test_ctrl_c_leaves_nothing_and_says_nothing(after: float) -> None:
    program = (
        "import time\n"
        "from herobm.processes import in_order\n"
        "if __name__ == '__main__':\n"
        "    print('begins', flush=True)\n"
        "    list(in_order(time.sleep, [30.0] * 4, 2))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert err.count("Traceback") == 1  # that of the program itself
    assert soon(lambda: not of_session(process.pid))
