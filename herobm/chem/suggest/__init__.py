"""A mapping for a molecule that has none: beads, hierarchy and chemistry from the bonds.

::

    read.read_ligand     text of an SDF, MOL2 or SMILES file -> Ligand
    structure.place      a Ligand found in a structure: atom names and positions
    suggest              molecule -> Mapping
    cg.beads_of          the beads of a coarse-grained model -> which atoms lie in each

    from rdkit import Chem
    from herobm.chem.suggest import suggest

    mapping = suggest(Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O"), "ASP")
"""

from __future__ import annotations

from herobm.chem.suggest.ligand import Ligand
from herobm.chem.suggest.mapping import suggest

__all__ = ["Ligand", "suggest"]
