"""Proteins with one bead a residue: ``CA``, on the C-alpha atom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from herobm.plugins import MappingSpec, hookimpl

MAPS = Path(__file__).parent / "maps"


@hookimpl
def herobm_register_mappings() -> Iterator[MappingSpec]:
    """Offer the mapping set ``ca_only/ca``."""
    files = tuple(sorted(MAPS.glob("*.map")))
    yield MappingSpec("ca", files, "proteins, one bead a residue on CA", default=True)
