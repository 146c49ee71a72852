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
    """Return the last line of an error, where MDAnalysis says what went wrong."""
    lines = str(error).strip().splitlines()
    return lines[-1].removeprefix("Error: ") if lines else type(error).__name__
