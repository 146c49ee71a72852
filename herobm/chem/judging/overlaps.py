"""Overlaps of atoms with hydrogens, as the clashscore of MolProbity counts them.

Radii are those of Probe for hydrogens at the places of their nuclei (Word et al., J. Mol. Biol.
285, 1711 (1999); Deis et al., Comput. Cryst. Newsl. 4, 9 (2013)), but that all carbon without a
doubly bonded oxygen has 1.70 Å, where Probe gives rings 1.75. Pairs of atoms count that are at
least four bonds apart, five where one is a hydrogen, and whose spheres overlap by 0.4 Å, by 1.0 Å
where they may be bonded by the hydrogen.
"""

from __future__ import annotations

import numpy as np

from herobm.chem.contacts import near_by_bonds
from herobm.system.neighbours import pair_distances
from herobm.types import BoolArray, FloatArray, IntArray, StrArray

#: Å, by element; hydrogens on nitrogen, oxygen, sulfur and aromatic carbon, and carbon that is
#: doubly bonded to oxygen, are smaller.
RADII = {"H": 1.17, "C": 1.70, "N": 1.55, "O": 1.40, "S": 1.80, "P": 1.80, "Se": 1.90}
SMALL_HYDROGEN, CARBONYL = 1.00, 1.65
#: Å, of an element that is not there.
OTHER = 1.70
#: Å, overlap from which two atoms clash, and how much more a hydrogen bond may have.
BAD, BOND = 0.4, 0.6
#: Bonds up to which two heavy atoms, and two atoms one of which is a hydrogen, are neighbours.
NEAR = 3, 4


def bad_overlaps(positions: FloatArray, elements: StrArray, bonds: IntArray) -> IntArray:
    """Find the pairs of atoms that overlap too far.

    Parameters
    ----------
    positions : FloatArray, shape (n_atoms, 3)
        Å, hydrogens included.
    elements : StrArray, shape (n_atoms,)
    bonds : IntArray, shape (n_bonds, 2)
        All of them, those to hydrogens too.

    Returns
    -------
    IntArray, shape (n_overlaps, 2)
    """
    from scipy.spatial import cKDTree

    if len(positions) == 0:
        return np.zeros((0, 2), dtype=np.int64)
    kinds = _Kinds(elements, bonds)
    reach = 2.0 * float(kinds.radius.max()) - BAD
    pairs = cKDTree(positions).query_pairs(reach, output_type="ndarray").reshape(-1, 2)
    gaps = pair_distances(positions, pairs)
    allowed = BAD + BOND * kinds.may_bond(pairs)
    pairs = pairs[kinds.radius[pairs].sum(axis=1) - gaps >= allowed]
    hydrogen = kinds.hydrogen[pairs].any(axis=1)
    heavy, light = (near_by_bonds(pairs, bonds, len(positions), n) for n in NEAR)
    found: IntArray = pairs[~np.where(hydrogen, light, heavy)]
    return found


class _Kinds:
    """Radii, and who gives and takes hydrogen bonds."""

    def __init__(self, elements: StrArray, bonds: IntArray) -> None:
        n = len(elements)
        self.hydrogen = np.array(np.isin(elements, ("H", "D")))
        n_bonds = np.bincount(bonds.ravel(), minlength=n)
        both = np.concatenate([bonds, bonds[:, ::-1]])
        n_hydrogens = np.bincount(both[self.hydrogen[both[:, 1]], 0], minlength=n)
        polar = np.isin(elements, ("N", "O", "S"))
        aromatic = (elements == "C") & (n_bonds == 3) & (n_hydrogens == 1)
        parent_is = np.zeros((2, n), bool)
        for row, kind in enumerate((polar, aromatic)):
            parent_is[row, both[kind[both[:, 1]], 0]] = True
        self.donated = self.hydrogen & parent_is[0]
        self.accepting = np.isin(elements, ("O", "S"))
        self.accepting |= (elements == "N") & (n_hydrogens == 0) & (n_bonds < 3)
        radius = np.array([RADII.get(str(e), OTHER) for e in elements])
        radius[self.hydrogen] = RADII["H"]
        radius[self.hydrogen & parent_is.any(axis=0)] = SMALL_HYDROGEN
        ends_in_oxygen = np.zeros(n, bool)
        ends_in_oxygen[both[((elements == "O") & (n_bonds == 1))[both[:, 1]], 0]] = True
        radius[(elements == "C") & ends_in_oxygen] = CARBONYL
        self.radius: FloatArray = radius

    def may_bond(self, pairs: IntArray) -> BoolArray:
        """Which pairs may be a hydrogen and what it is bonded to by it."""
        gives, takes = self.donated[pairs], self.accepting[pairs]
        may: BoolArray = (gives[:, 0] & takes[:, 1]) | (gives[:, 1] & takes[:, 0])
        return may
