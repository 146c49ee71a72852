"""Martini 3: mapping sets and the networks that were trained with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from herobm.plugins import MappingSpec, ModelSpec, hookimpl

_HERE = Path(__file__).parent


@hookimpl
def herobm_register_mappings() -> Iterator[MappingSpec]:
    """Offer the mapping set ``martini3/protein``."""
    files = tuple(sorted((_HERE / "mappings" / "protein").glob("*.map")))
    yield MappingSpec(
        "protein", files, "proteins in Martini 3, as martinize2 has them", default=True
    )


@hookimpl
def herobm_register_models() -> Iterator[ModelSpec]:
    """Offer the network ``martini3/protein``."""
    yield ModelSpec(
        "protein",
        "protein",
        _HERE / "weights" / "protein.safetensors",
        "rebuilds the heavy atoms of Martini 3 proteins",
        default=True,
    )
