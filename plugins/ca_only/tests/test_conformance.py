"""The conformance suite of herobm on this pack."""

from __future__ import annotations

from pathlib import Path

from herobm.testing import MappingPackSuite

HERE = Path(__file__).parent


class TestCa(MappingPackSuite):
    """The mapping set ``ca_only/ca``, with two peptides that have all amino acids."""

    mapping = "ca_only/ca"
    structures = (HERE / "acdefghikl.pdb", HERE / "mnpqrstvwy.pdb")
