"""The command line: one file a verb, and `main`, which catches `HerobmError` once."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    Exit codes: 0 for success, 1 for a `HerobmError`, 2 for wrong usage, 130 for Ctrl-C.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the name of the program; by default those of the process.
    """
    from herobm.cli.app import run

    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
