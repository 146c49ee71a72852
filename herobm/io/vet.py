"""Text structure files, looked through before MDAnalysis parses them.

What MDAnalysis would take in silently or fail on without naming the line is found here: files
that are cut short, columns that hold no numbers, models after the first. Residue numbers are
read here as the file has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from herobm.errors import StructureError
from herobm.types import IntArray, StrArray

AGAIN = "Write or copy the file again; it is not complete."


@dataclass(frozen=True)
class Vetted:
    """The first model of a file, as text that is safe to parse.

    Attributes
    ----------
    text : str
    resids : IntArray or None, shape (n,)
        Residue number of each particle as the file has it; None to take the parser's.
    icodes : StrArray or None, shape (n,)
        Insertion code of each particle; None to take the parser's.
    pieces : IntArray or None, shape (n,)
        How many TER records stand before the residue of each particle; None for a format without.
    chains : mapping
        Names of chains in `text` -> those in the file, where the parser takes no such names.
    """

    text: str
    resids: IntArray | None = None
    icodes: StrArray | None = None
    pieces: IntArray | None = None
    chains: Mapping[str, str] = field(default_factory=dict)


def at(path: Path, number: int, what: str, hint: str | None = None) -> StructureError:
    """Say what is wrong with one line of a file."""
    return StructureError(f"{path}, line {number}: {what}", hint)


def blown_up(path: Path, n_bad: int, n_particles: int, first: str) -> StructureError:
    """Say that coordinates are no numbers, and where that begins."""
    return StructureError(
        f"{path}: {n_bad} of {n_particles} particles have coordinates that are no numbers; the "
        f"first is {first}",
        "The simulation may have blown up; take an earlier frame.",
    )
