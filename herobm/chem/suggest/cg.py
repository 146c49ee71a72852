"""The atoms of the beads of a coarse-grained model, found from where the beads lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from herobm.chem.suggest.mapping import Beads, shares
from herobm.chem.suggest.structure import Placed
from herobm.elements import MASSES
from herobm.errors import StructureError
from herobm.types import Beads as Model
from herobm.types import FloatArray

#: Å: a bead that lies farther from the centre of its atoms is not that of the model.
LARGEST_GAP = 1.0
#: Beads that an atom may belong to: so many of the nearest.
_NEAREST = 3
_MOST_ROUNDS = 100
#: Å², what sharing an atom has to gain to be worth it.
_PER_SHARE = 1e-3


@dataclass(frozen=True)
class Found:
    """Beads with their atoms.

    Attributes
    ----------
    beads : Beads
    gaps : FloatArray, shape (n_beads,)
        Å from each bead to the centre of its atoms.
    """

    beads: Beads
    gaps: FloatArray

    def report(self) -> list[str]:
        """Say how well beads and centres agree, one line for all and one for each bad bead."""
        names = self.beads.names
        weighting = "mass centres" if self.beads.weights == "mass" else "mean positions"
        lines = [
            f"{len(names)} beads lie {np.sqrt((self.gaps**2).mean()):.3f} Å (root mean square), "
            f"{self.gaps.max():.3f} Å at most, from the {weighting} of their atoms"
        ]
        for name, gap in zip(names, self.gaps, strict=True):
            if gap > LARGEST_GAP / 4:
                lines.append(f"bead {name} lies {gap:.2f} Å from the centre of its atoms")
        return lines


def beads_of(
    placed: Placed, model: Model, source: str, types: Sequence[tuple[str, str]] | None = None
) -> Found:
    """Find out which atoms lie in which bead of a coarse-grained model.

    Every heavy atom, with its hydrogens, goes to the bead, or is shared equally by two bonded
    ring neighbours' beads, such that the centres of the atoms come as near as possible to the
    beads: exchanges of one or two atoms are tried until none helps. Centres by mass and plain
    means are both tried, and the better one is taken.

    Parameters
    ----------
    placed : Placed
        Atoms in the same frame as the beads.
    model : herobm.types.Beads
        The beads of one molecule.
    source : str
        What to call the model in messages.
    types : Sequence of (name, type), optional
        Of the beads in their order, from the topology.

    Returns
    -------
    Found

    Raises
    ------
    StructureError
        If the numbers do not fit, a bead gets no atom, or lies over 1 Å from its atoms.
    """
    mol = placed.ligand.mol
    names = [str(n) for n in model.names]
    if types is not None and len(types) != len(names):
        raise StructureError(
            f"{source}: has {len(names)} beads, the topology {len(types)}",
            "Give files of the same molecule, and of one molecule only.",
        )
    if types is not None:
        names = [name for name, _ in types]
    if len(set(names)) < len(names):
        names = [f"B{k}" for k in range(1, len(names) + 1)]
    n_heavy = sum(a.GetAtomicNum() > 1 for a in mol.GetAtoms())
    if len(names) > n_heavy:
        raise StructureError(
            f"{source}: has {len(names)} beads for {n_heavy} heavy atoms",
            "Give the beads of one molecule, without virtual sites that hold no atom.",
        )
    kinds: tuple[Literal["mass", "equal"], ...] = ("mass", "equal")
    searches = [_Search(placed, model.positions.astype(np.float64), kind) for kind in kinds]
    best = min(searches, key=lambda search: search.run())
    gaps = best.gaps()
    _check(gaps, names, source)
    kind_names = tuple(t for _, t in types) if types else ("",) * len(names)
    return Found(Beads(tuple(names), kind_names, shares(best.groups()), best.kind), gaps)


def _check(gaps: FloatArray, names: list[str], source: str) -> None:
    if not np.isfinite(gaps).all():
        bead = names[int(np.flatnonzero(~np.isfinite(gaps))[0])]
        raise StructureError(
            f"{source}: no atom lies near bead {bead}",
            "Give beads and atoms of the same conformation in the same frame.",
        )
    if gaps.max() > LARGEST_GAP:
        worst = int(gaps.argmax())
        raise StructureError(
            f"{source}: bead {names[worst]} lies {gaps[worst]:.2f} Å from the centre of any atoms "
            "that may belong to it",
            "Give beads and atoms of the same conformation in the same frame, as the mapping tool "
            "wrote them.",
        )


class _Search:
    """An assignment of heavy atoms (with their hydrogens) to beads, made better step by step."""

    def __init__(self, placed: Placed, beads: FloatArray, kind: Literal["mass", "equal"]) -> None:
        self.kind, self.beads = kind, beads
        mol = placed.ligand.mol
        self.heavy = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
        self.mass = np.zeros(len(self.heavy))
        self.moment = np.zeros((len(self.heavy), 3))
        for row, i in enumerate(self.heavy):
            for j in (i, *_hydrogens(mol, i)):
                if np.isfinite(placed.positions[j]).all():
                    weight = MASSES[mol.GetAtomWithIdx(j).GetSymbol()] if kind == "mass" else 1.0
                    self.mass[row] += weight
                    self.moment[row] += weight * placed.positions[j]
        place = self.moment / self.mass[:, None]
        apart = np.linalg.norm(place[:, None] - beads[None], axis=2)
        self.near = np.argsort(apart, axis=1, kind="stable")[:, :_NEAREST]
        self.homes: list[tuple[int, ...]] = [(int(row[0]),) for row in self.near]
        self.rows = {i: row for row, i in enumerate(self.heavy)}
        self.bonded = [
            (self.rows[b.GetBeginAtomIdx()], self.rows[b.GetEndAtomIdx()])
            for b in mol.GetBonds()
            if b.GetBeginAtomIdx() in self.rows and b.GetEndAtomIdx() in self.rows
        ]
        self.ring = [mol.GetAtomWithIdx(i).IsInRing() for i in self.heavy]

    def centers(self, homes: list[tuple[int, ...]]) -> FloatArray:
        mass, moment = np.zeros(len(self.beads)), np.zeros((len(self.beads), 3))
        for row, home in enumerate(homes):
            for bead in home:
                mass[bead] += self.mass[row] / len(home)
                moment[bead] += self.moment[row] / len(home)
        with np.errstate(invalid="ignore"):
            centers: FloatArray = moment / mass[:, None]
        return centers

    def gaps(self) -> FloatArray:
        gaps: FloatArray = np.linalg.norm(self.centers(self.homes) - self.beads, axis=1)
        return gaps

    def cost(self, homes: list[tuple[int, ...]]) -> float:
        gaps = np.linalg.norm(self.centers(homes) - self.beads, axis=1)
        gaps = np.where(np.isfinite(gaps), gaps, 10.0)
        return float((gaps**2).sum()) + _PER_SHARE * sum(len(h) - 1 for h in homes)

    def _options(self, row: int) -> Iterator[tuple[int, ...]]:
        near = [int(b) for b in self.near[row]]
        yield from ((b,) for b in near)
        if self.ring[row]:
            yield from (tuple(sorted(pair)) for pair in combinations(near, 2))

    def _trials(self) -> Iterator[list[tuple[int, ...]]]:
        for row in range(len(self.heavy)):
            for option in self._options(row):
                if option != self.homes[row]:
                    yield [*self.homes[:row], option, *self.homes[row + 1 :]]
        for a, b in self.bonded:
            for one in self._options(a):
                for two in self._options(b):
                    if one != self.homes[a] and two != self.homes[b]:
                        changed = list(self.homes)
                        changed[a], changed[b] = one, two
                        yield changed

    def run(self) -> float:
        """Take the best change until none helps; return the cost."""
        cost = self.cost(self.homes)
        for _ in range(_MOST_ROUNDS):
            best = min(self._trials(), key=self.cost, default=self.homes)
            new = self.cost(best)
            if new >= cost - 1e-9:
                break
            self.homes, cost = best, new
        return cost

    def groups(self) -> list[list[int]]:
        """Heavy atoms of the molecule in each bead."""
        return [
            [self.heavy[row] for row, home in enumerate(self.homes) if bead in home]
            for bead in range(len(self.beads))
        ]


def _hydrogens(mol: Any, i: int) -> list[int]:
    return [n.GetIdx() for n in mol.GetAtomWithIdx(i).GetNeighbors() if n.GetAtomicNum() == 1]


def read_itp(text: str, source: str) -> list[tuple[str, str]]:
    """Read names and types of the beads of the first molecule of a GROMACS topology.

    Parameters
    ----------
    text : str
        Of an ``.itp`` file.
    source : str
        Its path.

    Returns
    -------
    list of (name, type)

    Raises
    ------
    StructureError
        If there is no section ``[ atoms ]``, or a line of it cannot be read.
    """
    section = ""
    found: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(";")[0].split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith("["):
            if section == "atoms" and found:
                break
            section = line.split(";")[0].strip("[] \t").lower()
        elif section == "atoms":
            if len(words) < 5:
                raise StructureError(
                    f"{source}:{number}: not a line of [ atoms ]: {line.strip()}",
                    "It has number, type, residue number, residue and atom name.",
                )
            found.append((words[4], words[1]))
    if not found:
        raise StructureError(f"{source}: there is no section [ atoms ] in it")
    return found
