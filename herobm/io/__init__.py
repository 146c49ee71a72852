"""Structures and trajectories in and out of files.

Everything here is loaded on first use, so that importing this package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herobm.aside import check_writable, written_aside
    from herobm.io.frames import Frame
    from herobm.io.read import read_atoms, read_beads
    from herobm.io.trajectory import Trajectory, TrajectoryWriter, open_trajectory
    from herobm.io.write import check_fits, check_holds_models, write_models, write_structure

__all__ = [
    "Frame",
    "Trajectory",
    "TrajectoryWriter",
    "check_fits",
    "check_holds_models",
    "check_writable",
    "open_trajectory",
    "read_atoms",
    "read_beads",
    "write_models",
    "write_structure",
    "written_aside",
]

_HOMES = {
    "Frame": ".frames",
    "Trajectory": ".trajectory",
    "TrajectoryWriter": ".trajectory",
    "check_fits": ".write",
    "check_holds_models": ".write",
    "check_writable": "..aside",
    "open_trajectory": ".trajectory",
    "read_atoms": ".read",
    "read_beads": ".read",
    "write_models": ".write",
    "write_structure": ".write",
    "written_aside": "..aside",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
