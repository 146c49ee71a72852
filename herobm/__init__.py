"""herobm turns coarse-grained structures and trajectories back into atoms.

The names below are loaded when they are first used, so that ``import herobm`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herobm.dsl import load_mapping, load_set
    from herobm.errors import HerobmError
    from herobm.io import read_atoms, read_beads, write_structure
    from herobm.pipeline import backmap
    from herobm.plugins import load_registry
    from herobm.system import coarsen
    from herobm.types import Atoms, Beads

__version__ = "0.1.0"

__all__ = [
    "Atoms",
    "Beads",
    "HerobmError",
    "__version__",
    "backmap",
    "coarsen",
    "load_mapping",
    "load_registry",
    "load_set",
    "read_atoms",
    "read_beads",
    "write_structure",
]

_HOME = {
    "Atoms": "herobm.types",
    "Beads": "herobm.types",
    "HerobmError": "herobm.errors",
    "backmap": "herobm.pipeline",
    "coarsen": "herobm.system",
    "load_mapping": "herobm.dsl",
    "load_registry": "herobm.plugins",
    "load_set": "herobm.dsl",
    "read_atoms": "herobm.io",
    "read_beads": "herobm.io",
    "write_structure": "herobm.io",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
