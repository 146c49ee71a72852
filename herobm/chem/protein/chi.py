"""The side-chain angles chi1 to chi4 of amino acids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.chem.geometry import dihedrals
from herobm.chem.protein.backbone import backbone_atoms
from herobm.chem.symmetry import interchangeable
from herobm.plan.plan import Plan
from herobm.plan.template import Template
from herobm.types import BoolArray, FloatArray, IntArray

#: Last atoms of chi1 to chi4 in amino acids; of several, the first one counts.
_STEPS = (
    ("CG", "CG1", "OG", "OG1", "SG"),
    ("CD", "CD1", "OD1", "ND1", "SD", "SE"),
    ("CE", "NE", "OE1"),
    ("CZ", "NZ"),
)


@dataclass(frozen=True, eq=False)
class Chi:
    """One of the angles chi1 to chi4, of all residues of a system.

    Attributes
    ----------
    atoms : IntArray, shape (n_residues, 4)
        -1 where a residue has no such angle.
    symmetric : BoolArray, shape (n_residues,)
        Whether half a turn makes no difference.
    """

    atoms: IntArray
    symmetric: BoolArray

    def angles(self, positions: FloatArray) -> FloatArray:
        """Angle of each residue in degrees, shape (n_residues,), NaN where there is none.

        Those that half a turn leaves as they are lie between 0 and 180, all others between -180
        and 180.
        """
        result = np.full(len(self.atoms), np.nan)
        there = np.flatnonzero(self.atoms.min(axis=1) >= 0)
        result[there] = dihedrals(positions, self.atoms[there])
        return np.where(self.symmetric, result % 180.0, result)

    def within(self, reference: FloatArray, predicted: FloatArray, limit: float) -> FloatArray:
        """1 where the angle is within `limit` degrees of the reference, 0 where not, else NaN."""
        there = np.flatnonzero(self.atoms.min(axis=1) >= 0)
        quads = self.atoms[there]
        turned = dihedrals(predicted, quads) - dihedrals(reference, quads)
        period = np.where(self.symmetric[there], 180.0, 360.0)
        off = np.abs(turned - period * np.rint(turned / period))
        result = np.full(len(self.atoms), np.nan)
        result[there] = np.where(np.isfinite(off), off <= limit, np.nan)
        return result


def find_chi(plan: Plan) -> tuple[Chi, ...]:
    """Find chi1, chi2, chi3 and chi4 of the amino acids of a system (proline's among them).

    Parameters
    ----------
    plan : Plan
    """
    index = plan.atom_index()
    found = tuple(
        Chi(np.full((plan.n_residues, 4), -1, np.int64), np.zeros(plan.n_residues, bool))
        for _ in _STEPS
    )
    for kind in np.unique(plan.template).tolist():
        template = plan.library.templates[kind]
        residues = np.flatnonzero(plan.template == kind)
        like = {a for swap in interchangeable(template) if swap.torsion for a in swap.atoms}
        for chi, names in zip(found, _chi_names(template), strict=False):
            local = [template.atoms.index(name) for name in names]
            chi.atoms[residues] = index[residues][:, local]
            chi.symmetric[residues] = local[3] in like and local[2] not in like
    return found


def _chi_names(template: Template) -> list[tuple[str, str, str, str]]:
    """Atoms of chi1 and of those after it, as far as they go."""
    backbone = backbone_atoms(template)
    bonded = {frozenset((template.atoms[a], template.atoms[b])) for a, b in template.bonds.tolist()}
    if backbone is None or frozenset((backbone[1], "CB")) not in bonded:
        return []
    way = [backbone[0], backbone[1], "CB"]
    for choice in _STEPS:
        step = next((name for name in choice if frozenset((way[-1], name)) in bonded), None)
        if step is None:
            break
        way.append(step)
    return [(way[i], way[i + 1], way[i + 2], way[i + 3]) for i in range(len(way) - 3)]
