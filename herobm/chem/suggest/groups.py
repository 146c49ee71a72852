"""What it costs to cut a bond: functional groups are kept in one bead."""

from __future__ import annotations

from functools import cache
from typing import Any

from rdkit import Chem

#: (SMARTS, numbers of the two atoms in it, cost of a cut between them). The first that fits a
#: bond counts. Bonds within one ring may be cut freely.
_GROUPS: tuple[tuple[str, tuple[int, int], float], ...] = (
    ("[#6]#[#6,#7]", (0, 1), 6.0),  # alkyne, nitrile
    ("[#7]=[#7]", (0, 1), 4.0),  # azo, azide
    ("[CX3;!R]=[CX3;!R]", (0, 1), 2.5),  # alkene
    ("[#6]=[#7;!R]", (0, 1), 3.0),  # imine, oxime, amidine, guanidine
    ("[#7;!R]-[#8;!R]", (0, 1), 3.0),  # nitro, oxime, hydroxamic acid
    ("[PX4]-[#8,#7]", (0, 1), 3.0),  # phosphate
    ("[SX4](=O)(=O)-[#7,#8]", (0, 3), 3.0),  # sulfonamide, sulfate
    ("[CX3](=[O,S])-[#7]", (0, 2), 3.0),  # amide
    ("[CX3](=O)-[#8]", (0, 2), 2.0),  # ester
    ("[CX3](=[#7])-[#7]", (0, 2), 2.0),  # amidine, guanidine
    ("[#6]-[#16]", (0, 1), 0.8),  # thioether
    ("[#6]-[#7,#8]", (0, 1), 0.5),  # amine, ether: not from both carbons at once
)
#: The bond that two flat rings share: Martini 3 has its atoms in one bead (naphthalene).
_FUSED = 0.3


@cache
def _patterns() -> tuple[tuple[Any, tuple[int, int], float], ...]:
    return tuple((Chem.MolFromSmarts(s), ends, cost) for s, ends, cost in _GROUPS)


def cut_costs(mol: Any) -> dict[frozenset[int], float]:
    """Tell what it costs to put the two atoms of a bond into different beads.

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized.

    Returns
    -------
    dict of frozenset of int to float
        Two bonded atoms -> cost; what is not listed costs nothing.
    """
    costs: dict[frozenset[int], float] = {}
    for pattern, (i, j), cost in _patterns():
        for match in mol.GetSubstructMatches(pattern, maxMatches=100_000):
            bond = mol.GetBondBetweenAtoms(match[i], match[j])
            if not bond.IsInRing():
                costs.setdefault(frozenset((match[i], match[j])), cost)
    rings = mol.GetRingInfo()
    for bond in mol.GetBonds():
        if bond.GetIsAromatic() and rings.NumBondRings(bond.GetIdx()) > 1:
            costs[frozenset((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))] = _FUSED
    return costs
