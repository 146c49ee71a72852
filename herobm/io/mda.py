"""MDAnalysis kept quiet, and its errors put into words."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# What parsers raise for files they cannot make sense of; not a net for our own mistakes.
PARSER_ERRORS = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError,
    StopIteration, TypeError, ValueError,
)  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to ourselves what MDAnalysis warns of (guessed masses, missing elements)."""
    logger = logging.getLogger("MDAnalysis")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def reason(error: Exception) -> str:
    """Return the line of an error where MDAnalysis says what went wrong.

    That is the last one, save for messages that end in a list of formats and a link.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = lines[0] if "http" in lines[-1] else lines[-1]
    return line.strip().removeprefix("Error: ")
