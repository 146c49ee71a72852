"""``python -m herobm``: the command line."""

from __future__ import annotations

from herobm.cli import main

main()
