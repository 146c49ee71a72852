"""Bars on stderr for work that takes long; nothing where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Counted(Iterable[T_co], Sized, Protocol[T_co]):
    """What can be gone through, and knows how much of it there is."""


def make_bar(*columns: str | ProgressColumn) -> Progress:
    """Make a bar of rich on stderr; these columns instead of the usual ones, where given."""
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def track(items: Counted[T], label: str) -> Iterator[T]:
    """Go through items under a bar."""
    with counting(label, len(items)) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def counting(label: str, n: int) -> Iterator[Callable[[], None]]:
    """Show a bar of `n` steps; give what to call after each of them."""
    with make_bar() as bar:
        task = bar.add_task(label, total=n)
        yield lambda: bar.advance(task)
