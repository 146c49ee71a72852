"""An example: the mapping of one small molecule, caffeine, as a package of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from herobm.plugins import MappingSpec, hookimpl

MAPS = Path(__file__).parent / "maps"


@hookimpl
def herobm_register_mappings() -> Iterator[MappingSpec]:
    """Offer the mapping set ``custom_ligand/caffeine``."""
    yield MappingSpec("caffeine", (MAPS / "cff.map",), "caffeine, four beads", default=True)
