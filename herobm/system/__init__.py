"""Coarse-graining, chains and breaks, periodic boxes: what a structure is before any network."""

from herobm.system.chains import Links, find_links, name_chains
from herobm.system.coarsen import coarsen
from herobm.system.matching import AtomMatch, match_atoms, rename_residues
from herobm.system.recognise import count_fitting, fitting_residues
from herobm.system.topology import Topology, build_topology

__all__ = [
    "AtomMatch",
    "Links",
    "Topology",
    "build_topology",
    "coarsen",
    "count_fitting",
    "find_links",
    "fitting_residues",
    "match_atoms",
    "name_chains",
    "rename_residues",
]
