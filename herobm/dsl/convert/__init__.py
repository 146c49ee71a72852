"""Mapping files of other tools, in and out.

::

    dialects.read    text of any dialect -> Reading: sketches (what it says) and diagnostics
    complete         sketch + Reference (bonds, positions) -> model.Mapping, hierarchy derived
    write_map, write_yaml, write_ndx   model.Mapping -> text

A dialect is one module with ``looks_like`` and ``read``, listed in `dialects.DIALECTS`; formats
that are known but not read yet stand in `dialects.UNREAD`, where a new reader takes its place.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herobm.dsl.convert.completion import complete
    from herobm.dsl.convert.dialects import DIALECTS, read, sniff
    from herobm.dsl.convert.map_text import write_map
    from herobm.dsl.convert.ndx_text import NumberedResidue, write_ndx
    from herobm.dsl.convert.sketch import Reading, Reference, Sketch
    from herobm.dsl.convert.yaml_text import write_yaml

_HOMES = {
    "complete": "completion",
    "DIALECTS": "dialects",
    "read": "dialects",
    "sniff": "dialects",
    "Reading": "sketch",
    "Reference": "sketch",
    "Sketch": "sketch",
    "write_map": "map_text",
    "NumberedResidue": "ndx_text",
    "write_ndx": "ndx_text",
    "write_yaml": "yaml_text",
}

__all__ = [
    "DIALECTS",
    "NumberedResidue",
    "Reading",
    "Reference",
    "Sketch",
    "complete",
    "read",
    "sniff",
    "write_map",
    "write_ndx",
    "write_yaml",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
