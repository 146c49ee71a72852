"""The command line: one file a verb, and `main`, which catches `HerobmError` once."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    Exit codes: 0 for success, 1 for a `HerobmError`, 2 for wrong usage, 130 for Ctrl-C, 143 where
    the process is told to end (SIGTERM).

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the name of the program; by default those of the process.
    """
    import signal

    from herobm.cli.app import run
    from herobm.heap import keep_freed

    keep_freed()

    # A batch system ends its jobs so; what is written aside is to be cleared away.
    signal.signal(signal.SIGTERM, _leave)
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def _leave(signal_number: int, _: object) -> None:
    raise SystemExit(128 + signal_number)
