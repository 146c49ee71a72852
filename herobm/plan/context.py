"""Who a bead looks at: fixed places for its relatives, and how any two beads are related.

Both come from residues and bonds along the sequence alone, never from residue or bead names, so
that one network serves every mapping.
"""

from __future__ import annotations

import numpy as np

from herobm.plan.plan import Plan
from herobm.types import IntArray

#: Beads of the same residue that have a place of their own; the others are seen in the density.
N_OWN = 8
#: Residues before and after whose linking bead has a place.
REACH = 4
#: Residues before and after whose next bead (the first of the side chain) has a place as well.
REACH_SIDE = 2
N_PLACES = N_OWN + 2 * REACH + 2 * REACH_SIDE

#: How two beads are related: same residue, previous, next, 2 to 4 before or after along the
#: chain, elsewhere.
SAME, PREVIOUS, NEXT, NEAR, FAR = range(5)
N_RELATIONS = 5


def sequence_steps(previous: IntArray, following: IntArray) -> IntArray:
    """Residues reached by walking along the chain.

    Parameters
    ----------
    previous, following : IntArray, shape (n_residues,)
        Bonded neighbours, -1 for none.

    Returns
    -------
    IntArray, shape (n_residues, 2 * REACH)
        Residues -1, +1, -2, +2, ... from each, -1 where the chain has ended.
    """
    columns = []
    back = forth = np.arange(len(previous))
    for _ in range(REACH):
        back = np.where(back >= 0, previous[back], -1)
        forth = np.where(forth >= 0, following[forth], -1)
        columns += [back, forth]
    return np.stack(columns, axis=1)


def context_places(plan: Plan, link_beads: IntArray, steps: IntArray) -> IntArray:
    """Beads in the fixed places around each bead.

    Parameters
    ----------
    plan : Plan
    link_beads : IntArray, shape (n_residues, 2)
        Beads that carry the bond to the previous and to the next residue, -1 for none.
    steps : IntArray, shape (n_residues, 2 * REACH)
        See `sequence_steps`.

    Returns
    -------
    IntArray, shape (n_beads, N_PLACES)
        -1 where there is no such bead, and at a bead's own place.
    """
    sizes = np.diff(plan.bead_start)
    own = np.arange(N_OWN)
    mine = np.where(own < sizes[:, None], plan.bead_start[:-1, None] + own, -1)
    linking = np.where(steps >= 0, link_beads[steps, 0], -1)
    near = steps[:, : 2 * REACH_SIDE]
    side = np.where((near >= 0) & (sizes[near] > 1), plan.bead_start[near] + 1, -1)
    table = np.concatenate([mine, linking, side], axis=1)[plan.bead_residue]
    table[table == np.arange(plan.n_beads)[:, None]] = -1
    return table


def relations(bead_residue: IntArray, steps: IntArray, neighbours: IntArray) -> IntArray:
    """Relation of each bead to its neighbours.

    Parameters
    ----------
    bead_residue : IntArray, shape (n_beads,)
    steps : IntArray, shape (n_residues, 2 * REACH)
    neighbours : IntArray, shape (n_beads, n_neighbours)

    Returns
    -------
    IntArray, shape (n_beads, n_neighbours)
        SAME, PREVIOUS, NEXT, NEAR or FAR.
    """
    here = bead_residue[:, None]
    there = bead_residue[neighbours]
    found = np.full(neighbours.shape, FAR, dtype=np.int8)
    for column in range(2 * REACH):
        kind = (PREVIOUS, NEXT)[column] if column < 2 else NEAR
        found[steps[bead_residue, column][:, None] == there] = kind
    found[here == there] = SAME
    return found
