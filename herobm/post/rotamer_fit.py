"""Side chains built in their likeliest rotamers, one residue at a time.

What they are weighed by is told in `herobm.post.rotamers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from herobm.chem.geometry import dihedrals
from herobm.chem.protein.side_chains import SideChain, frames
from herobm.chem.rotor_shares import RotorShares
from herobm.types import BoolArray, FloatArray, IntArray

#: Å, how far atoms are expected from where they were, where a rotamer is chosen and, if no model
#: tells the shares of its angles, where these are; share of its weight that an atom keeps with each
#: angle more that turns it.
SPREAD, CLOSE, FARTHER = 0.8, 0.15, 0.5
#: Å, error that a model expects of a residue, above which the shares that it tells count; and how
#: many times that error is expected of side chains, which are farther off than backbones.
UNSURE, FACTOR = 0.4, 1.5
#: Rotamers that a residue chooses from, those of the least energy by itself.
N_CHOICES = 12
#: Standard deviations, steps by which the angles of a rotamer are fitted, one of them at a time.
STEPS = (0.75, 0.75, 0.75, 0.375, 0.375, 0.19)
#: Å from where it should be, beyond which a C-beta is not on the side of an L residue.
ASTRAY = 1.0


@dataclass(frozen=True, eq=False)
class Choice:
    """The rotamers that a residue chooses from.

    Attributes
    ----------
    residue : int
    atoms : IntArray, shape (n,)
        Of the plan, C-beta and what hangs on it.
    far : BoolArray, shape (n,)
        Those that differ between rotamers.
    places : FloatArray, shape (n_choices, n, 3)
        Å.
    energy : FloatArray, shape (n_choices,)
        kT, without contacts.
    """

    residue: int
    atoms: IntArray
    far: BoolArray
    places: FloatArray
    energy: FloatArray


@dataclass(frozen=True, eq=False)
class _Told:
    """What a model tells of the side chains of some residues.

    Attributes
    ----------
    shares : RotorShares
    rows : IntArray, shape (n_residues, n_chi)
        Of their angles in `shares`.
    quads : IntArray, shape (n_chi, 4)
        Atoms of the angles, by their order in `SideChain.atoms`.
    before : IntArray, shape (n_chi,)
        Angle before each, -1 for none.
    """

    shares: RotorShares
    rows: IntArray
    quads: IntArray
    before: IntArray

    def energy(self, residue: int, built: FloatArray) -> FloatArray:
        """Energy (n,) of side chains built for a residue, (n, n_atoms, 3) in Å."""
        first = np.arange(len(built))[:, None, None] * built.shape[1]
        quads = (first + self.quads).reshape(-1, 4)
        angles = dihedrals(built.reshape(-1, 3), quads).reshape(len(built), -1)
        given = np.where(self.before >= 0, angles[:, self.before], 0.0)
        energy: FloatArray = self.shares.energy(self.rows[residue], angles.T, given.T).sum(axis=0)
        return energy


def _find(chain: SideChain, atoms: IntArray, shares: RotorShares | None) -> _Told | None:
    """Find the side chains with atoms (n_residues, n_atoms) among what a model tells.

    None where it does not tell all angles of all of them.
    """
    if shares is None or not len(atoms):
        return None
    axes = atoms[:, chain.chi[:, 1:3]]
    rows = shares.find(axes.reshape(-1, 2)).reshape(axes.shape[:2])
    if (rows < 0).any():
        return None
    first = shares.quads[rows[0]]
    if not np.isin(first, atoms[0]).all():
        return None
    order = np.argsort(atoms[0])
    quads = order[np.searchsorted(atoms[0], first, sorter=order)]
    same = shares.before[rows[0]][:, None] == rows[0]
    before = np.where(same.any(axis=1), same.argmax(axis=1), -1)
    return _Told(shares, rows, quads, before)


def fit(
    chain: SideChain,
    residues: IntArray,
    atoms: IntArray,
    positions: FloatArray,
    shares: RotorShares | None,
    error: FloatArray | None = None,
) -> Iterator[Choice]:
    """Fit rotamers to residues, whatever beads and neighbours say.

    Parameters
    ----------
    chain : SideChain
        Of all of them.
    residues : IntArray, shape (n,)
    atoms : IntArray, shape (n, n_atoms)
        In the order of `SideChain.atoms`.
    positions : FloatArray, shape (n_atoms of the plan, 3)
        Å.
    shares : RotorShares or None
        What a model tells of the angles.
    error : FloatArray, shape (n_residues of the plan,), optional
        Å, that it expects.

    Yields
    ------
    Choice
        Of residues whose C-beta is on the side of an L residue.
    """
    told = _find(chain, atoms, shares)
    places = positions[atoms]
    corner = places[:, chain.frame]
    axes, origin = frames(corner), corner[:, 1:2]
    local = (places - origin) @ axes.transpose(0, 2, 1)
    beta = chain.atoms.index("CB")
    true = np.linalg.norm(local[:, beta] - chain.place[beta], axis=1) < ASTRAY
    hung = np.append(chain.side, beta)
    usual = chain.build(chain.mean)
    for n in np.flatnonzero(true).tolist():
        expected = np.nan if error is None else float(error[residues[n]])
        known = None if expected < UNSURE else told
        spread = SPREAD if known is None else float(np.fmin(FACTOR * expected, SPREAD))
        built, energy = _likeliest(chain, usual, local[n], known, n, spread)
        placed = built[:, hung] @ axes[n] + origin[n]
        yield Choice(int(residues[n]), atoms[n, hung], hung != beta, placed, energy)


def _likeliest(
    chain: SideChain,
    usual: FloatArray,
    local: FloatArray,
    told: _Told | None,
    residue: int,
    spread: float,
) -> tuple[FloatArray, FloatArray]:
    """Find the rotamers of the least energy, their angles turned.

    Parameters
    ----------
    chain : SideChain
    usual : FloatArray, shape (n_rotamers, n_atoms, 3)
        Å, with the mean angles of each rotamer, in the frame of the residue.
    local : FloatArray, shape (n_atoms, 3)
        Å, where the atoms were.
    told : _Told or None
    residue : int
        Which one of those that `told` knows.
    spread : float
        Å, how far atoms are expected from where they were.

    Returns
    -------
    FloatArray, shape (n_choices, n_atoms, 3)
        Å.
    FloatArray, shape (n_choices,)
        kT.
    """
    side, log_share = chain.side, np.log(chain.share)
    weight = FARTHER ** (chain.beyond[:, side].sum(axis=0) - 1.0)

    def away(built: FloatArray, expected: float = spread) -> FloatArray:
        squares: FloatArray = ((built[:, side] - local[side]) ** 2).sum(axis=2) @ weight
        return squares / (2.0 * expected**2)

    def known(built: FloatArray) -> FloatArray:
        assert told is not None
        return away(built) + told.energy(residue, built)

    if told is None:
        first = away(usual) - log_share
        off, chosen, built = _turned(chain, first, lambda built: away(built, CLOSE))
        energy = away(built) - log_share[chosen]
    else:
        off, _, built = _turned(chain, known(usual), known)
        energy = known(built)
    return built, energy + (off**2).sum(axis=1) / 2.0


def _turned(
    chain: SideChain, first: FloatArray, pull: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Choose the rotamers of the least energy, and turn their angles by what pulls at them.

    Parameters
    ----------
    chain : SideChain
    first : FloatArray, shape (n_rotamers,)
        Energy with the mean angles of each rotamer.
    pull : callable
        Takes positions (n, n_atoms, 3), Å, in the frame of the residue; returns energies (n,).

    Returns
    -------
    FloatArray, shape (n_choices, n_chi)
        How far each angle is from that of the rotamer, in standard deviations.
    IntArray, shape (n_choices,)
        Which it is.
    FloatArray, shape (n_choices, n_atoms, 3)
        Å, in the frame of the residue.
    """
    chosen = np.argsort(first, kind="stable")[:N_CHOICES]
    off = np.zeros((len(chosen), chain.mean.shape[1]))
    one = np.eye(off.shape[1])
    moves = np.concatenate([np.zeros_like(one[:1]), one, -one])
    for step in STEPS:
        tried = off[:, None] + step * moves
        angles = chain.mean[chosen, None] + tried * chain.spread[chosen, None]
        pulled = pull(chain.build(angles.reshape(-1, off.shape[1]))).reshape(tried.shape[:2])
        energy = pulled + (tried**2).sum(axis=2) / 2.0
        off = tried[np.arange(len(off)), energy.argmin(axis=1)]
    return off, chosen, chain.build(chain.mean[chosen] + off * chain.spread[chosen])
