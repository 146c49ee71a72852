"""The conformance suite of herobm on this pack."""

from __future__ import annotations

from pathlib import Path

from herobm.testing import MappingPackSuite


class TestCaffeine(MappingPackSuite):
    """The mapping set ``custom_ligand/caffeine``."""

    mapping = "custom_ligand/caffeine"
    structures = (Path(__file__).parent / "caffeine.pdb",)


class TestZma(MappingPackSuite):
    """The mapping set ``custom_ligand/zma``, as suggested."""

    mapping = "custom_ligand/zma"


class TestNeca(MappingPackSuite):
    """The mapping set ``custom_ligand/neca``, as suggested."""

    mapping = "custom_ligand/neca"
