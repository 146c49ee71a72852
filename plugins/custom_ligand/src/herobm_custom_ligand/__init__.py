"""An example: the mappings of small molecules as a package of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from herobm.plugins import MappingSpec, hookimpl

MAPS = Path(__file__).parent / "maps"


@hookimpl
def herobm_register_mappings() -> Iterator[MappingSpec]:
    """Offer ``custom_ligand/caffeine``, written by hand, and two suggested mappings."""
    yield MappingSpec("caffeine", (MAPS / "cff.map",), "caffeine, four beads", default=True)
    yield MappingSpec("zma", (MAPS / "zma.map",), "ZM241385, eleven beads")
    yield MappingSpec("neca", (MAPS / "neca.map",), "NECA, nine beads")
