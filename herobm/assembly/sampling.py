"""Different conformers for one frame: side branches turned about single bonds.

Multiple-proposal Metropolis sampling (Tjelmeland, NTNU Statistics preprint 4/2004) of the torsions
of `herobm.chem.rotors`, in random order and, where branches are too far apart to meet, at once.
The energy of a conformer, in units of kT, is the sum of

- minus the logarithm of the share of each torsion, where the model tells how often a branch is
  turned where (`herobm.chem.rotor_shares`);
- elsewhere, the squared distance of its atoms from where the model put them, for each residue
  scaled so that on average the error is reached that the model expects of itself (equipartition
  over the torsions of the residue: all of its expected error is put down to them), and
  2.5 (1 + cos 3 chi) where both atoms of the bond are tetrahedral (5 kT, the barrier of butane);
- the squared shift of each bead, coarse-grained again, over 2 (0.1 Å)^2;
- a quadratic penalty for atoms nearer than 0.9 of the sum of their van der Waals radii, over the
  boundaries of a box, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from herobm.assembly.told_rotors import ToldRotors
from herobm.chem.contacts import radii_of
from herobm.chem.geometry import dihedrals, turn_about
from herobm.chem.rotor_shares import RotorShares
from herobm.chem.rotors import Rotors, find_rotors
from herobm.plan import Plan
from herobm.system.coarsen import bead_shares
from herobm.system.neighbours import within_reach
from herobm.system.periodic import minimum_image
from herobm.types import BoolArray, FloatArray, IntArray

#: Å, standard deviation of a bead that is coarse-grained again.
BEAD_SPREAD = 0.1
#: kT, half the barrier of a threefold torsion.
BARRIER = 2.5
#: Share of the sum of two radii at which atoms begin to feel each other, and Å that make half a kT.
CONTACT, SOFTNESS = 0.9, 0.15
#: Angles that each torsion chooses from; half of the sweeps look all around, half near by.
CANDIDATES, SWEEPS, NEAR = 24, 8, np.radians(15.0)
#: Å, a coordinate of atoms that have no place; nothing meets them.
FAR = 1e6
#: Distances that are computed at once; bounds the memory, changes no result.
CHUNK = 2_000_000


class Sampler:
    """What serves all samples of a frame.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
        Å, where the model put the atoms; NaN for atoms that have no place.
    error : FloatArray, shape (n_residues,)
        Å, root mean square error that the model expects; residues with NaN stay as they are.
    fixed : IntArray, shape (n_fixed,)
        Atoms that must not turn.
    shares : RotorShares, optional
        How often side branches are turned where, for those of which the model tells it.
    box : FloatArray or None, shape (6,)
        Over whose boundaries atoms meet, Å and degrees.
    """

    def __init__(
        self,
        plan: Plan,
        positions: FloatArray,
        error: FloatArray,
        fixed: IntArray,
        shares: RotorShares | None = None,
        box: FloatArray | None = None,
    ) -> None:
        self._box = box
        rotors = find_rotors(plan, fixed)
        told = np.nan_to_num(error)[rotors.residue] > 0
        rotors = rotors.take(told & _is_finite(rotors, positions))
        self.rotors = rotors
        self._known = np.isfinite(positions).all(axis=1, keepdims=True)
        self.origin = np.where(self._known, positions, FAR)
        self._radius = radii_of(plan.elements)
        self._widest = CONTACT * 2.0 * float(self._radius.max(initial=0.0))
        n_atoms = np.bincount(plan.atom_residue, minlength=plan.n_residues)
        n_torsions = np.bincount(rotors.residue, minlength=plan.n_residues)
        squares = (error**2 * n_atoms)[rotors.residue]
        self._told = ToldRotors.of(rotors, shares)
        is_told = np.zeros(len(rotors), bool) if self._told is None else self._told.rows >= 0
        self._stiffness = np.where(is_told, 0.0, n_torsions[rotors.residue] / (2.0 * squares))
        self._barrier = np.where(rotors.threefold & ~is_told, BARRIER, 0.0)
        columns = np.arange(rotors.moved.shape[1]) + 1
        self._width = (columns * (rotors.moved >= 0)).max(axis=1, initial=0)
        self._mates = _mates(rotors.residue)
        self._beads, self._shares = _bead_blocks(plan, rotors)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw a conformer, shape (n_atoms, 3), Å."""
        state = _State(self.origin.copy(), np.zeros((int(self._beads.max(initial=-1)) + 2, 3)))
        self._begin(state, rng)
        for sweep in range(SWEEPS):
            for rows in self._rounds(state.positions, rng):
                angles = _angles(len(rows), sweep % 2 == 1, rng)
                noise = rng.gumbel(size=angles.shape)
                for part, near in self._chunks(rows, state.positions):
                    self._turn(rows[part], near, state, angles[part], noise[part])
        return np.where(self._known, state.positions, np.nan)

    def _reach(self, positions: FloatArray) -> FloatArray:
        """Largest distance of an atom that turns from the axis, shape (n,)."""
        arms = positions[self.rotors.moved] - positions[self.rotors.axis[:, 1:]]
        reach: FloatArray = (np.linalg.norm(arms, axis=2) * (self.rotors.moved >= 0)).max(
            axis=1, initial=0.0
        )
        return reach

    def _rounds(self, positions: FloatArray, rng: np.random.Generator) -> Iterator[IntArray]:
        """Rotors in random order, in sets whose branches cannot meet (Luby's algorithm).

        As they are when the sweep begins: a branch whose inner bond turns first may come to lie
        elsewhere, where it can meet one of its set after all.
        """
        one, two = self._meeting(positions)
        order = rng.permutation(len(self.rotors))
        waiting = np.ones(len(order), bool)
        while waiting.any():
            both = waiting[one] & waiting[two]
            one, two = one[both], two[both]
            first = waiting.copy()
            first[np.where(order[one] < order[two], two, one)] = False
            waiting &= ~first
            yield np.flatnonzero(first)

    def _meeting(self, positions: FloatArray) -> tuple[IntArray, IntArray]:
        """Pairs of rotors that belong to one residue, or whose branches can meet."""
        reach = self._reach(positions)
        centre = positions[self.rotors.axis[:, 1]]
        found = within_reach(centre, centre, 2.0 * reach + self._widest, self._box)
        one, two = _flat(found)
        gap = np.linalg.norm(minimum_image(centre[one] - centre[two], self._box), axis=1)
        meet = (one != two) & (gap < reach[one] + reach[two] + self._widest)
        mates = self._mates.T
        return np.append(one[meet], mates[0]), np.append(two[meet], mates[1])

    def _chunks(
        self, rows: IntArray, positions: FloatArray
    ) -> Iterator[tuple[IntArray, list[list[int]]]]:
        """Parts of a round, of like size, each with the atoms that may be met."""
        reach = self._reach(positions)[rows]
        centre = positions[self.rotors.axis[rows, 1]]
        there = np.where(self._known, positions, np.nan)
        near = within_reach(there, centre, reach + self._widest, self._box)
        cost = CANDIDATES * self._width[rows] * np.array([len(atoms) for atoms in near])
        order = np.argsort(cost, kind="stable")
        begin = 0
        while begin < len(order):
            sizes = cost[order[begin:]] * np.arange(1, len(order) - begin + 1)
            end = begin + max(1, int(np.searchsorted(sizes, CHUNK)))
            part = order[begin:end]
            yield part, [near[i] for i in part]
            begin = end

    def _begin(self, state: _State, rng: np.random.Generator) -> None:
        """Turn rotors that are told by what their shares alone say, from the inside outward.

        A chain that began at the network's answer would hardly leave it where several of a
        branch only turn together.
        """
        if self._told is None:
            return
        for rows in self._told.layers:
            turns = self._told.turns(rows, state.positions, rng)
            self._put(self._proposed(rows, state, turns), np.zeros(len(rows), np.int64), state)

    def _proposed(self, rows: IntArray, state: _State, angles: FloatArray) -> _Proposed:
        """Turn rotors by candidate angles, shape (n, n_candidates), radians."""
        rotors = self.rotors.take(rows)
        width = int(self._width[rows].max())
        moved = rotors.moved[:, :width]
        centre = state.positions[rotors.axis[:, 1], None]
        arms = (state.positions[moved] - centre) * (moved >= 0)[..., None]
        turned = turn_about(centre[:, 0] - state.positions[rotors.axis[:, 0]], arms, angles)
        shares, beads = self._shares[rows][..., :width], self._beads[rows]
        shifts = state.shifts[beads][:, None] + shares[:, None] @ (turned - arms[:, None])
        return _Proposed(rotors, moved, centre, turned, beads, shifts)

    def _put(self, proposed: _Proposed, chosen: IntArray, state: _State) -> None:
        """Take one candidate (n,) of each rotor."""
        pick = np.arange(len(chosen)), chosen
        there = proposed.moved >= 0
        state.positions[proposed.moved[there]] = (proposed.turned[pick] + proposed.centre)[there]
        moved_by = proposed.shifts[pick] - state.shifts[proposed.beads]
        np.add.at(state.shifts, proposed.beads, moved_by)  # several rotors may share a bead

    def _turn(
        self,
        rows: IntArray,
        near: list[list[int]],
        state: _State,
        angles: FloatArray,
        noise: FloatArray,
    ) -> None:
        """Give each rotor one of its candidate angles, shape (n, n_candidates), radians."""
        proposed = self._proposed(rows, state, angles)
        rotors, moved, turned = proposed.rotors, proposed.moved, proposed.turned
        home = (self.origin[moved] - proposed.centre) * (moved >= 0)[..., None]
        energy = self._stiffness[rows, None] * _squares(turned - home[:, None])
        energy += _squares(proposed.shifts) / (2.0 * BEAD_SPREAD**2)
        energy += self._torsion_energy(rows, rotors, state.positions, angles)
        direct = rotors.direct[:, : moved.shape[1]]
        energy += self._contacts(rotors, moved, direct, near, state.positions, turned)
        self._put(proposed, (noise - energy).argmax(axis=1), state)

    def _torsion_energy(
        self, rows: IntArray, rotors: Rotors, positions: FloatArray, angles: FloatArray
    ) -> FloatArray:
        """Energy of each candidate, shape (n, n_candidates), for what is known of its torsion."""
        chi = dihedrals(positions, rotors.quads)[:, None] + np.degrees(angles)
        energy: FloatArray = self._barrier[rows, None] * (1.0 + np.cos(3.0 * np.radians(chi)))
        if self._told is not None:
            energy += self._told.energy(rows, chi, positions)
        return energy

    def _contacts(
        self,
        rotors: Rotors,
        moved: IntArray,
        direct: BoolArray,
        near: list[list[int]],
        positions: FloatArray,
        turned: FloatArray,
    ) -> FloatArray:
        """Penalty of each candidate for what it comes too near to, shape (n, n_candidates)."""
        others = _others(near, np.concatenate([moved, rotors.axis], axis=1), len(positions))
        away = positions[others] - positions[rotors.axis[:, 1], None]
        points = minimum_image(away, self._box)
        limit = CONTACT * (self._radius[moved][:, :, None] + self._radius[others][:, None])
        behind = (others[:, :, None] == rotors.behind[:, None]).any(axis=2)
        apart = (moved >= 0)[:, :, None] & (others >= 0)[:, None]
        apart &= ~(direct[:, :, None] & behind[:, None])
        limit = np.where(apart, limit, 0.0)[:, None]
        squares = (turned**2).sum(axis=3)[..., None] + (points**2).sum(axis=2)[:, None, None]
        squares -= 2.0 * turned @ points.transpose(0, 2, 1)[:, None]
        deep = np.maximum(limit - np.sqrt(np.maximum(squares, 0.0)), 0.0)
        return _squares(deep) / (2.0 * SOFTNESS**2)


class _Proposed(NamedTuple):
    """Rotors turned by several candidate angles.

    Attributes
    ----------
    rotors : Rotors
    moved : IntArray, shape (n, n_moved)
        Atoms, -1 pads.
    centre : FloatArray, shape (n, 1, 3)
        Å, of the turn.
    turned : FloatArray, shape (n, n_candidates, n_moved, 3)
        Å, from there to the atoms.
    beads : IntArray, shape (n, n_beads)
    shifts : FloatArray, shape (n, n_candidates, n_beads, 3)
        Å, how far the beads are then from their first place.
    """

    rotors: Rotors
    moved: IntArray
    centre: FloatArray
    turned: FloatArray
    beads: IntArray
    shifts: FloatArray


class _State(NamedTuple):
    """A conformer on its way: atoms, and how far each bead is from its first place, in Å.

    The last line of the shifts takes what pads.
    """

    positions: FloatArray
    shifts: FloatArray


def _squares(values: FloatArray) -> FloatArray:
    """Sum of squares for each candidate, shape (n, n_candidates)."""
    total: FloatArray = (values**2).sum(axis=(2, 3))
    return total


def _is_finite(rotors: Rotors, positions: FloatArray) -> BoolArray:
    known = np.array(np.isfinite(positions).all(axis=1))
    there: BoolArray = np.array((known[rotors.moved] | (rotors.moved < 0)).all(axis=1))
    there &= known[rotors.axis].all(axis=1)
    return there


def _angles(n: int, near: bool, rng: np.random.Generator) -> FloatArray:
    """Candidate angles in radians, shape (n, CANDIDATES), the present one (0) first.

    Either all around, or about a centre that is as far from the present angle as from the others:
    both ways the present angle and the others are drawn alike, as detailed balance asks for.
    """
    if near:
        drawn = rng.normal(0.0, NEAR, (n, 1)) + rng.normal(0.0, NEAR, (n, CANDIDATES - 1))
    else:
        drawn = rng.uniform(-np.pi, np.pi, (n, CANDIDATES - 1))
    return np.concatenate([np.zeros((n, 1)), drawn], axis=1)


def _flat(lists: Sequence[list[int]]) -> tuple[IntArray, IntArray]:
    """(row, member) of all members of all lists."""
    rows = np.repeat(np.arange(len(lists)), [len(members) for members in lists])
    flat = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=len(rows))
    return rows, flat


def _others(near: list[list[int]], own: IntArray, n_atoms: int) -> IntArray:
    """Atoms near each rotor that are not its own, shape (n, widest), -1 pads."""
    rows, atoms = _flat(near)
    keys = np.arange(len(own))[:, None] * n_atoms + own
    strange = ~np.isin(rows * n_atoms + atoms, keys[own >= 0])
    rows, atoms = rows[strange], atoms[strange]
    counts = np.bincount(rows, minlength=len(own))
    table = np.full((len(own), int(counts.max(initial=0))), -1, dtype=np.int64)
    table[rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)] = atoms
    return table


def _mates(residue: IntArray) -> IntArray:
    """Pairs of rotors of one residue, shape (n, 2)."""
    order = np.argsort(residue, kind="stable")
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for gap in range(1, int(np.bincount(residue).max(initial=0))):
        both = np.stack([order[:-gap], order[gap:]], axis=1)
        pairs.append(both[residue[both[:, 0]] == residue[both[:, 1]]])
    return np.concatenate(pairs)


def _bead_blocks(plan: Plan, rotors: Rotors) -> tuple[IntArray, FloatArray]:
    """Beads that each rotor shifts (n, n_beads), -1 pads, and shares of its atoms in them.

    The shares have shape (n, n_beads, n_moved): what 1 Å of an atom shifts the bead by.
    """
    bead, weight, atom = bead_shares(plan)
    weight = weight / np.bincount(bead, weight, minlength=plan.n_beads)[bead]
    starts = np.searchsorted(atom, np.arange(plan.n_atoms + 1))
    tables: list[dict[int, dict[int, float]]] = []
    for moved in rotors.moved.tolist():
        table: dict[int, dict[int, float]] = {}
        for column, a in enumerate(moved):
            for entry in range(starts[a], starts[a + 1]) if a >= 0 else ():
                table.setdefault(int(bead[entry]), {})[column] = float(weight[entry])
        tables.append(table)
    widest = max((len(table) for table in tables), default=0)
    beads = np.full((len(rotors), widest), -1, dtype=np.int64)
    shares = np.zeros((len(rotors), widest, rotors.moved.shape[1]))
    for row, table in enumerate(tables):
        for line, (which, columns) in enumerate(table.items()):
            beads[row, line] = which
            shares[row, line, list(columns)] = list(columns.values())
    return beads, shares
