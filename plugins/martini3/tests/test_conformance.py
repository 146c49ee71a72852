"""The conformance suites of herobm on this pack."""

from __future__ import annotations

from pathlib import Path

import vermouth

from herobm.testing import MappingPackSuite, ModelSuite

#: Structures with atoms that martinize2 is tested with.
PAIRS = Path(vermouth.__file__).parent / "tests" / "data" / "integration_tests"


class TestProteinMapping(MappingPackSuite):
    """The mapping set ``martini3/protein``."""

    mapping = "martini3/protein"
    structures = (
        PAIRS / "tier-0/dipro-termini/aa.pdb",
        PAIRS / "tier-1/1UBQ/aa.pdb",
        PAIRS / "tier-1/3i40/3i40.pdb",
        PAIRS / "tier-1/6LFO_gap/6LFO_gap.pdb",
    )


class TestElnedynMapping(MappingPackSuite):
    """The mapping set ``martini3/elnedyn``."""

    mapping = "martini3/elnedyn"
    structures = TestProteinMapping.structures


class TestMartini2Mapping(MappingPackSuite):
    """The mapping set ``martini3/martini2``."""

    mapping = "martini3/martini2"
    structures = TestProteinMapping.structures


class TestProteinModel(ModelSuite):
    """The networks ``martini3/protein``.

    They see beads within their cutoff of 8 Å; one looks twice, and sees what is as far from those.
    """

    model = "martini3/protein"
    structure = PAIRS / "tier-0/mini-protein3_trp-cage/aa.pdb"
    reach = 24.0


class TestElnedynModel(ModelSuite):
    """The network ``martini3/elnedyn``; it sees beads within its cutoff of 8 Å."""

    model = "martini3/elnedyn"
    structure = PAIRS / "tier-0/mini-protein3_trp-cage/aa.pdb"
    reach = 8.0


class TestMartini2Model(ModelSuite):
    """The network ``martini3/martini2``; it sees beads within its cutoff of 8 Å."""

    model = "martini3/martini2"
    structure = PAIRS / "tier-0/mini-protein3_trp-cage/aa.pdb"
    reach = 8.0
