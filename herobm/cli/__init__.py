"""The command line: one file a verb, and `main`, which catches `HerobmError` once."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    Exit codes: 0 for success, 1 for a `HerobmError`, 2 for wrong usage, 130 for Ctrl-C, 143 where
    the process is told to end (SIGTERM), 129 where its terminal closes (SIGHUP).

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the name of the program; by default those of the process.
    """
    import signal

    from herobm.cli.app import run
    from herobm.heap import keep_freed

    keep_freed()

    told: list[int] = []

    def leave(signal_number: int, _: object) -> None:
        told.append(signal_number)
        raise KeyboardInterrupt  # which nobody takes for an error of a plug-in

    # A batch system, or a terminal that closes; what is written aside is to be cleared away.
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, leave)
    code = run(sys.argv[1:] if arguments is None else list(arguments))
    sys.exit(128 + told[0] if told else code)
