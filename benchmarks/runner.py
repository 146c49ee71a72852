"""Benchmarks end with one message where a file or a name is wrong, as the command line does."""

from __future__ import annotations

import sys
from collections.abc import Callable

from herobm.errors import HerobmError


def run_main(main: Callable[[], None]) -> None:
    """Run a benchmark, and leave the process with exit code 1 where herobm refuses something."""
    try:
        main()
    except HerobmError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        sys.exit(f"error: {error.message}{hint}")
    except (FileNotFoundError, NotADirectoryError) as error:
        sys.exit(f"error: {error.filename}: there is no such file or folder")
