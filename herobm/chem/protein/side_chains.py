"""Side chains of amino acids: one of ideal geometry of each kind, and the rotamers that it takes.

The table beside this module is made by ``python benchmarks/protein_references.py FOLDER --manifest
MANIFEST.csv``, from structures of 2.2 Å or better. A rotamer is, as in the libraries of Dunbrack
and Cohen (Protein Sci. 6, 1661 (1997)), a well of each chi angle, with the mean and the standard
deviation that the angles have in it and the share of the residues that lie there. It does not
depend on phi and psi: a network has seen what is around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from herobm.chem.geometry import dihedrals, turn_about
from herobm.types import BoolArray, FloatArray, IntArray

#: Names of the atoms that make the frame of a residue, by their order in `SideChain.frame`.
FRAME = ("N", "CA", "C")
#: Degrees, width of the wells of an angle about a bond of two tetrahedral atoms, and of others.
THREEFOLD, NARROW = 120.0, 30.0
#: Mean of cos 3 chi below which an angle keeps to three wells (-1 if all are staggered).
STAGGERED = -0.4
#: Rotamers that are seen less often, or in a smaller share of the residues, do not count.
FEWEST, LEAST = 5, 0.0005
#: Degrees, least standard deviation of an angle in a well.
SHARPEST = 4.0

_TABLE = Path(__file__).with_name("side_chains.npz")
#: What it holds of each kind.
_COLUMNS = ("place", "chi", "beyond", "mean", "spread", "share")


@dataclass(frozen=True, eq=False)
class SideChain:
    """A kind of residue.

    Attributes
    ----------
    atoms : tuple of str
        In the order of the alphabet, as in `herobm.chem.protein.skeleton.skeleton`.
    place : FloatArray, shape (n_atoms, 3)
        Å, of a residue whose bonds and angles are near the means of their kinds, in its `frame`.
    chi : IntArray, shape (n_chi, 4)
        Atoms of each angle.
    beyond : BoolArray, shape (n_chi, n_atoms)
        Atoms that turn with it.
    mean, spread : FloatArray, shape (n_rotamers, n_chi)
        Degrees.
    share : FloatArray, shape (n_rotamers,)
        Of all residues of the kind; rare wells are left out, so they add up to a little less
        than 1.
    """

    atoms: tuple[str, ...]
    place: FloatArray
    chi: IntArray
    beyond: BoolArray
    mean: FloatArray
    spread: FloatArray
    share: FloatArray

    @property
    def side(self) -> IntArray:
        """Atoms that an angle turns, shape (n_side,)."""
        return np.flatnonzero(self.beyond.any(axis=0))

    @property
    def frame(self) -> IntArray:
        """N, CA and C."""
        return np.array([self.atoms.index(name) for name in FRAME])

    @cached_property
    def angles(self) -> FloatArray:
        """Chi angles of `place`, shape (n_chi,), degrees."""
        return dihedrals(self.place, self.chi)

    def build(self, angles: FloatArray) -> FloatArray:
        """Turn the angles.

        Parameters
        ----------
        angles : FloatArray, shape (n, n_chi)
            Degrees.

        Returns
        -------
        FloatArray, shape (n, n_atoms, 3)
            Å, in the frame of the residue.
        """
        built = np.repeat(self.place[None], len(angles), axis=0)
        turns = np.radians(angles - self.angles)
        for (_, one, two, _), beyond, turn in zip(self.chi, self.beyond, turns.T, strict=True):
            centre = built[:, two, None]
            arms = built[:, beyond] - centre
            turned = turn_about(centre[:, 0] - built[:, one], arms, turn[:, None])[:, 0]
            built[:, beyond] = turned + centre
        return built


def frames(corners: FloatArray) -> FloatArray:
    """Axes of residues: along CA-C, in the plane of N, and across it.

    Parameters
    ----------
    corners : FloatArray, shape (n, 3, 3)
        Å, of N, CA and C.

    Returns
    -------
    FloatArray, shape (n, 3, 3)
        Unit vectors as rows; ``(positions - ca) @ axes.T`` are positions in the frame.
    """
    nitrogen, centre, carbon = np.moveaxis(corners, 1, 0)
    along = _unit(carbon - centre)
    back = nitrogen - centre
    aside = _unit(back - (back * along).sum(axis=1, keepdims=True) * along)
    return np.stack([along, aside, np.cross(along, aside)], axis=1)


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: FloatArray = vectors / np.maximum(length, 1e-9)
    return unit


def find_wells(angles: FloatArray, symmetric: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Find the rotamers of a kind.

    Parameters
    ----------
    angles : FloatArray, shape (n, n_chi)
        Degrees.
    symmetric : bool
        Whether half a turn of the last one makes no difference.

    Returns
    -------
    mean, spread : FloatArray, shape (n_rotamers, n_chi)
        Degrees.
    share : FloatArray, shape (n_rotamers,)
    """
    period = np.full(angles.shape[1], 360.0)
    period[-1] = 180.0 if symmetric else 360.0
    staggered = np.cos(3.0 * np.radians(angles)).mean(axis=0) < STAGGERED
    width = np.where(staggered & (period == 360.0), THREEFOLD, NARROW)
    wells = np.floor(angles % period / width).astype(np.int64)
    _, well, counts = np.unique(wells, axis=0, return_inverse=True, return_counts=True)
    found = []
    for number in np.flatnonzero(counts >= max(FEWEST, LEAST * len(angles))).tolist():
        inside = angles[well.ravel() == number]
        centre = inside[0]
        for _ in range(3):  # of angles on a circle, from one of them on
            off = (inside - centre + period / 2.0) % period - period / 2.0
            centre = centre + off.mean(axis=0)
        found.append((centre, np.maximum(off.std(axis=0), SHARPEST), len(inside) / len(angles)))
    mean, spread, share = (np.array(column) for column in zip(*found, strict=True))
    return mean, spread, share


@cache
def side_chains() -> dict[str, SideChain]:
    """All kinds that the table knows, by skeleton."""
    with np.load(_TABLE, allow_pickle=False) as table:
        return {
            kind: SideChain(tuple(kind.split()), *(table[f"{c}{i}"] for c in _COLUMNS))
            for i, kind in enumerate(table["kinds"].tolist())
        }


def save(path: Path, kinds: Sequence[SideChain]) -> None:
    """Write the table."""
    columns = {f"{c}{i}": getattr(kind, c) for i, kind in enumerate(kinds) for c in _COLUMNS}
    names = np.array([" ".join(kind.atoms) for kind in kinds])
    np.savez_compressed(path, kinds=names, **columns)
