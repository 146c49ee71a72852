"""The conformance suite of herobm on this pack, with two peptides that have all amino acids."""

from __future__ import annotations

from pathlib import Path

from herobm.testing import MappingPackSuite, ModelSuite

HERE = Path(__file__).parent
PEPTIDES = (HERE / "acdefghikl.pdb", HERE / "mnpqrstvwy.pdb")


class TestCa(MappingPackSuite):
    """The mapping set ``ca_only/ca``."""

    mapping = "ca_only/ca"
    structures = PEPTIDES


class TestCom(MappingPackSuite):
    """The mapping set ``ca_only/com``."""

    mapping = "ca_only/com"
    structures = PEPTIDES


class TestSideChain(MappingPackSuite):
    """The mapping set ``ca_only/sc``."""

    mapping = "ca_only/sc"
    structures = PEPTIDES


class TestCaSideChain(MappingPackSuite):
    """The mapping set ``ca_only/ca-sc``."""

    mapping = "ca_only/ca-sc"
    structures = PEPTIDES


class TestCaCom(MappingPackSuite):
    """The mapping set ``ca_only/ca-com``."""

    mapping = "ca_only/ca-com"
    structures = PEPTIDES


class TestBackbone3(MappingPackSuite):
    """The mapping set ``ca_only/n-ca-c``."""

    mapping = "ca_only/n-ca-c"
    structures = PEPTIDES


class TestBackbone4(MappingPackSuite):
    """The mapping set ``ca_only/n-ca-c-o``."""

    mapping = "ca_only/n-ca-c-o"
    structures = PEPTIDES


class TestCaModel(ModelSuite):
    """The networks ``ca_only/ca``; they see beads within their cutoff of 12 Å."""

    model = "ca_only/ca"
    structure = PEPTIDES[0]
    reach = 12.0


class TestComModel(ModelSuite):
    """The networks ``ca_only/com``; one looks twice, each time as far as its cutoff of 10 Å."""

    model = "ca_only/com"
    structure = PEPTIDES[1]
    reach = 20.0


class TestSideChainModel(ModelSuite):
    """The network ``ca_only/sc``; it sees beads within its cutoff of 11 Å."""

    model = "ca_only/sc"
    structure = PEPTIDES[0]
    reach = 11.0


class TestCaComModel(ModelSuite):
    """The network ``ca_only/ca-com``, which sees beads within a cutoff of 12 Å, in eight rounds."""

    model = "ca_only/ca-com"
    structure = PEPTIDES[0]
    reach = 12.0


class TestCaSideChainModel(ModelSuite):
    """The network ``ca_only/ca-sc``; it looks twice, each time as far as its cutoff of 8 Å."""

    model = "ca_only/ca-sc"
    structure = PEPTIDES[0]
    reach = 16.0


class TestBackbone3Model(ModelSuite):
    """The network ``ca_only/n-ca-c``; it sees beads within its cutoff of 12 Å."""

    model = "ca_only/n-ca-c"
    structure = PEPTIDES[1]
    reach = 12.0


class TestBackbone4Model(ModelSuite):
    """The network ``ca_only/n-ca-c-o``; it sees beads within its cutoff of 12 Å."""

    model = "ca_only/n-ca-c-o"
    structure = PEPTIDES[1]
    reach = 12.0
