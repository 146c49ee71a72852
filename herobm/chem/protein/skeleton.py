"""Residue kinds told by the atoms that they have, whatever mapping they come from."""

from __future__ import annotations

import numpy as np

from herobm.plan.plan import Plan
from herobm.plan.template import ANYWHERE, Template
from herobm.types import IntArray, StrArray


def skeleton(template: Template) -> str:
    """Names of the atoms of a residue inside a chain, sorted, with blanks between them.

    Protonation states have the same skeleton, and so has a residue in all mappings that rebuild
    it whole.

    Parameters
    ----------
    template : Template
    """
    inside = (n for n in template.atoms if template.place[n] == ANYWHERE)
    return " ".join(sorted(inside))


def skeletons(plan: Plan) -> StrArray:
    """Skeleton of each residue of a plan, shape (n_residues,)."""
    kinds = np.array([skeleton(t) for t in plan.library], dtype=np.str_)
    found: StrArray = kinds[plan.template]
    return found


def group_labels(plan: Plan, groups: IntArray, base: int) -> StrArray:
    """Name the kinds of groups of atoms, such as bonds and angles.

    Parameters
    ----------
    plan : Plan
    groups : IntArray, shape (n, k)
    base : int
        Column of the atom whose residue gives the kind its name.

    Returns
    -------
    StrArray, shape (n,)
        ``SKELETON:+N~C~CA``; atoms of the residues before and after are marked ``-`` and ``+``.
        Outer atoms are named in the order of the alphabet.
    """
    home = plan.atom_residue[groups[:, base]]
    step = np.sign(plan.atom_residue[groups] - home[:, None])
    signs = np.array(["", "+", "-"])
    names = np.char.add(signs[step], plan.atom_names[groups])
    ends = np.sort(names[:, [0, -1]], axis=1)
    joined = ends[:, 0]
    for column in range(1, groups.shape[1] - 1):
        joined = np.char.add(np.char.add(joined, "~"), names[:, column])
    joined = np.char.add(np.char.add(joined, "~"), ends[:, 1])
    labels: StrArray = np.char.add(np.char.add(skeletons(plan)[home], ":"), joined)
    return labels
