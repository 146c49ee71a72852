"""Martini 3: mapping sets and the networks that were trained with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from herobm.plugins import MappingSpec, ModelSpec, hookimpl

_HERE = Path(__file__).parent

#: Name of each mapping set, with a line to describe it.
_SETS = {
    "protein": "proteins in Martini 3, as martinize2 has them",
    "elnedyn": "proteins in Martini 3 with BB on the C-alpha atom, as Elnedyn has it",
    "martini2": "proteins in Martini 2.2, as martinize has them",
}


@hookimpl
def herobm_register_mappings() -> Iterator[MappingSpec]:
    """Offer the mapping sets, ``martini3/protein`` first."""
    for name, description in _SETS.items():
        files = tuple(sorted((_HERE / "mappings" / name).glob("*.map")))
        yield MappingSpec(name, files, description, default=name == "protein")


#: Mapping sets that have weights, with what these rebuild.
_TRAINED = {
    "protein": "Martini 3 proteins",
    "elnedyn": "proteins with BB on the C-alpha atom",
    "martini2": "Martini 2.2 proteins",
}


@hookimpl
def herobm_register_models() -> Iterator[ModelSpec]:
    """Offer the networks, ``martini3/protein`` first."""
    for name, what in _TRAINED.items():
        weights = _HERE / "weights" / f"{name}.safetensors"
        words = f"rebuilds the heavy atoms of {what}"
        yield ModelSpec(name, name, weights, words, default=name == "protein")
