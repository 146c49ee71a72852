"""Proteins with a bead or a few a residue: C-alpha, centres of mass, backbone atoms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from herobm.plugins import MappingSpec, ModelSpec, hookimpl

_HERE = Path(__file__).parent
_MAPPINGS = _HERE / "mappings"

#: Name of each mapping set, with a line to describe it.
_SETS = {
    "ca": "proteins, bead CA on the C-alpha atom",
    "com": "proteins, bead CM at the centre of mass of the residue",
    "sc": "proteins, bead SC at the centre of mass of the side chain",
    "ca-sc": "proteins, beads CA and SC (centre of mass of the side chain)",
    "ca-com": "proteins, beads CA and CM (centre of mass of the residue)",
    "n-ca-c": "proteins, beads on the backbone atoms N, CA and C",
    "n-ca-c-o": "proteins, beads on the backbone atoms N, CA, C and O",
    "primo": "proteins, beads of PRIMO: N, CA, the middle of C and O, up to five of the side chain",
}


@hookimpl
def herobm_register_mappings() -> Iterator[MappingSpec]:
    """Offer the mapping sets, ``ca_only/ca`` first."""
    for name, description in _SETS.items():
        files = tuple(sorted((_MAPPINGS / name).glob("*.map")))
        yield MappingSpec(name, files, description, default=name == "ca")


#: Mapping sets that have weights, with what these rebuild proteins from.
_TRAINED = {
    "ca": "C-alpha alone",
    "com": "centres of mass of residues",
    "sc": "centres of mass of side chains",
    "ca-sc": "C-alpha and centres of mass of side chains",
    "ca-com": "C-alpha and centres of mass of residues",
    "n-ca-c": "the backbone atoms N, CA and C",
    "n-ca-c-o": "the backbone atoms N, CA, C and O",
    "primo": "beads of PRIMO",
}


@hookimpl
def herobm_register_models() -> Iterator[ModelSpec]:
    """Offer the networks, ``ca_only/ca`` first."""
    for name, source in _TRAINED.items():
        weights = _HERE / "weights" / f"{name}.safetensors"
        words = f"rebuilds the heavy atoms of proteins from {source}"
        yield ModelSpec(name, name, weights, words, default=name == "ca")
