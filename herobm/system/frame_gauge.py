"""Whether frames of a trajectory are of the molecules of a structure, by how near beads lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.stats import binom

from herobm.errors import StructureError
from herobm.system.chains import Links
from herobm.system.neighbours import pair_distances
from herobm.system.periodic import MOST_IN_ONE
from herobm.types import Beads, BoolArray, FloatArray, IntArray

#: Å, by which a quarter of the distances between beads that hang together may differ from those of
#: the structure. In simulations a tenth of them does by 0.4 Å, in those read in another order by
#: 5 Å.
OTHERS, QUARTER = 1.5, 0.75
#: Distances that it takes to tell.
ENOUGH = 10
#: Share of the distances, those that change most, that those over a boundary are compared with, and
#: the chance below which these do not change alike.
MOST, CHANCE = 0.1, 1e-6
#: Å, by which two beads were moved differently if a boundary lies between them.
MOVED = 1e-3


@dataclass(frozen=True, eq=False)
class FrameGauge:
    """Beads that hang together in a structure, and how far apart they are there.

    Attributes
    ----------
    beads : Beads
        Of the structure, whole.
    pairs : IntArray, shape (n_pairs, 2)
        Of a residue, by the shortest links that hold it together, and of residues that are bonded.
    gaps : FloatArray, shape (n_pairs,)
        Å.
    """

    beads: Beads
    pairs: IntArray
    gaps: FloatArray

    @classmethod
    def of(cls, beads: Beads, links: Links, link_beads: IntArray) -> FrameGauge:
        """Measure a structure.

        Parameters
        ----------
        beads : Beads
            Whole.
        links : Links
        link_beads : IntArray, shape (n_residues, 2)
        """
        here = np.flatnonzero(links.previous >= 0)
        bonded = np.stack([link_beads[links.previous[here], 1], link_beads[here, 0]], axis=1)
        pairs = np.concatenate([_holding(beads), bonded])
        gaps = pair_distances(beads.positions, pairs)
        known = np.isfinite(gaps)
        return cls(beads, pairs[known], gaps[known])

    def check(
        self, given: FloatArray, whole: FloatArray, borrowed: FloatArray | None, source: str
    ) -> None:
        """Stop at a frame of other molecules, of the same in another order, or cut by another box.

        Beads that all lie alike, as C-alpha do, tell nothing of their order. Distances over the
        boundaries of a wrong box change more than the others do.

        Parameters
        ----------
        given, whole : FloatArray, shape (n_beads, 3)
            Å, as the frame has them, and moved to images that lie together.
        borrowed : FloatArray or None, shape (6,)
            The box of the structure, where it moved them, for the frame has none.
        source : str
            What to call the frame.

        Raises
        ------
        StructureError
        """
        change = np.nan_to_num(np.abs(pair_distances(whole, self.pairs) - self.gaps))
        cut = np.zeros(len(change), dtype=bool)
        if borrowed is not None:
            moved = (whole - given)[self.pairs]
            cut = np.abs(moved[:, 0] - moved[:, 1]).max(axis=1) > MOVED
        self._check_order(change[~cut], source)
        if borrowed is not None and cut.any():
            self._check_box(change, cut, borrowed, source)

    def _check_order(self, change: FloatArray, source: str) -> None:
        if len(change) < ENOUGH or np.quantile(change, QUARTER) <= OTHERS:
            return
        raise StructureError(
            f"{source}: beads that lie together in the structure do not lie so here: a quarter of "
            f"their distances is {np.quantile(change, QUARTER):.1f} Å off, or more",
            "The trajectory has other molecules than the structure, or the same in another order: "
            "give a structure that was written from this very trajectory (one frame as GRO or "
            "PDB).",
        )

    def _check_box(self, change: FloatArray, cut: BoolArray, box: FloatArray, source: str) -> None:
        if cut.all():
            return
        usual = np.quantile(change[~cut], 1.0 - MOST)
        n_cut, n_off = int(cut.sum()), int((change[cut] > usual).sum())
        if binom.sf(n_off - 1, n_cut, MOST) >= CHANCE:
            return
        worst = np.flatnonzero(cut)[np.argmax(change[cut])]
        edges = " x ".join(f"{edge:g}" for edge in box[:3])
        raise StructureError(
            f"{source}: it has no box and was cut by another one than the {edges} Å of the "
            f"structure: {n_off} of {n_cut} distances over its boundaries do not fit (the most, by "
            f"{change[worst]:.1f} Å, at {self.beads.label(int(self.pairs[worst, 0]))})",
            "Write the trajectory with its boxes, or make molecules whole first (gmx trjconv -pbc "
            "whole).",
        )


def _holding(beads: Beads) -> IntArray:
    """Pairs of beads, shape (n, 2), that hold residues together: their minimum spanning trees.

    Residues of more than `MOST_IN_ONE` beads have none.
    """
    index, n = beads.residue_index, len(beads)
    size = np.bincount(index, minlength=len(beads.residues))[index]
    found = [np.empty((0, 2), dtype=np.int64)]
    for step in range(1, min(int(size.max(initial=0)), MOST_IN_ONE)):
        first = np.flatnonzero((index[step:] == index[:-step]) & (size[step:] <= MOST_IN_ONE))
        found.append(np.stack([first, first + step], axis=1))
    pairs = np.concatenate(found)
    gaps = pair_distances(beads.positions, pairs)
    known = np.isfinite(gaps)
    pairs, gaps = pairs[known], gaps[known] + 1e-6  # 0 would be no link
    tree = minimum_spanning_tree(coo_matrix((gaps, (pairs[:, 0], pairs[:, 1])), shape=(n, n)))
    rows, columns = tree.nonzero()
    return np.stack([rows, columns], axis=1).astype(np.int64)
