"""Which residues of a chain are D, by the labels of a mapping."""

from __future__ import annotations

import numpy as np

from herobm.chem.protein.backbone import backbone_atoms
from herobm.chem.stereo import stereo_centers
from herobm.plan.plan import Plan
from herobm.plan.template import Template
from herobm.types import FloatArray


def hands(plan: Plan) -> FloatArray:
    """Tell D residues, whose torsion angles are those of L ones with the other sign.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    FloatArray, shape (n_residues,)
        -1.0 where the mapping labels C-alpha as that of a D residue, else 1.0.
    """
    of_kind = np.array([-1.0 if _is_d(t) else 1.0 for t in plan.library])
    found: FloatArray = of_kind[plan.template]
    return found


def _is_d(template: Template) -> bool:
    """Whether N, C and the side chain are the other way round about C-alpha than in L residues."""
    names = backbone_atoms(template)
    if names is None:
        return False
    nitrogen, centre, carbon = (template.atoms.index(name) for name in names)
    centres = stereo_centers(template)
    for atoms, sign in zip(centres.atoms.tolist(), centres.sign.tolist(), strict=True):
        three = atoms[1:]
        if atoms[0] == centre and nitrogen in three and carbon in three:
            after = three[(three.index(nitrogen) + 1) % 3]  # N, C, side chain is right in L
            return bool(sign * (1 if after == carbon else -1) < 0)
    return False
