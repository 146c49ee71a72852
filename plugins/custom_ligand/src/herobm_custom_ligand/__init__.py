"""Small molecules: a model that needs no training, and three mappings as examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from herobm.plugins import ANY_MAPPING, MappingSpec, ModelSpec, hookimpl

if TYPE_CHECKING:
    from herobm_custom_ligand.conformers import Conformers

MAPS = Path(__file__).parent / "maps"


@hookimpl
def herobm_register_mappings() -> Iterator[MappingSpec]:
    """Offer ``custom_ligand/caffeine``, written by hand, and two suggested mappings."""
    yield MappingSpec("caffeine", (MAPS / "cff.map",), "caffeine, four beads", default=True)
    yield MappingSpec("zma", (MAPS / "zma.map",), "ZM241385, eleven beads")
    yield MappingSpec("neca", (MAPS / "neca.map",), "NECA, nine beads")


@hookimpl
def herobm_register_models() -> Iterator[ModelSpec]:
    """Offer the model ``custom_ligand/conformers``."""
    yield ModelSpec(
        "conformers",
        ANY_MAPPING,
        description="whole molecules from conformers fitted to the beads, without training",
        default=True,
        load=_conformers,
    )


def _conformers(device: str) -> Conformers:
    """Load the model; it computes on the processor, whatever the device."""
    from herobm_custom_ligand.conformers import Conformers

    return Conformers()
