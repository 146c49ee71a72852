"""Trajectories that end within a frame, or are damaged there."""

from __future__ import annotations

from pathlib import Path

from herobm.errors import StructureError


def cut_short(path: Path, frame: int) -> StructureError:
    """Return the error that a file ends within a frame (counted from 0)."""
    return StructureError(f"{path}: the file is cut short within frame {frame}", copy_again(frame))


def copy_again(frame: int) -> str:
    """Say what to do about a file that is whole before a frame (counted from 0) and no farther."""
    hint = "Write or copy the trajectory again."
    if frame:
        hint += (
            f" The frames before this one are whole: --end {frame} takes them alone where a "
            "command has it, and gmx trjconv writes them to a new file."
        )
    return hint
