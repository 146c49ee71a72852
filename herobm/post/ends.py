"""What closes a chain, and the two sides of a break: a carboxylate, or caps."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from herobm.chem.geometry import third_place
from herobm.errors import MinimisationError
from herobm.plugins.step_context import StepContext
from herobm.post.bonding import STRANGE_CUTOFF, Assembly
from herobm.post.residue_names import AMINO_ACIDS, standard_atom
from herobm.types import Atoms, FloatArray, Residues

Ends: TypeAlias = Literal["charged", "capped"]
Placed: TypeAlias = list[tuple[str, str, FloatArray]]


def close_ends(
    assembly: Assembly, context: StepContext, ends: Ends
) -> tuple[Atoms, tuple[str, ...]]:
    """Give each run of amino acids the atoms that its ends lack.

    The end of a chain gets OXT. So do residues before a break, or, if capped, an N-methyl amide,
    with an acetyl group behind the break. A residue between two breaks is capped on one side in
    any case, since no force field knows an amino acid with both charges.

    Parameters
    ----------
    assembly : Assembly
    context : StepContext
    ends : "charged" or "capped"
        What to do at breaks within a chain.

    Returns
    -------
    Atoms
    tuple of str
        The breaks, by the residues on either side.

    Raises
    ------
    MinimisationError
        If a chain is closed to a ring, which has no ends.
    """
    _refuse_rings(assembly)
    atoms, residues = assembly.atoms, assembly.atoms.residues
    added: dict[int, Placed] = {}
    before: dict[int, Placed] = {}
    after: dict[int, Placed] = {}
    breaks = []
    for i, name in enumerate(assembly.standard):
        if name not in AMINO_ACIDS:
            continue
        broken = i + 1 < len(residues) and _is_break(assembly, context, i)
        if broken:
            breaks.append(f"{residues.label(i)} | {residues.label(i + 1)}")
            if ends == "capped" and {"N", "CA", "C"} <= _places(assembly, i + 1).keys():
                before[i + 1] = _acetyl(atoms, _places(assembly, i + 1))
        lone = _is_lone(assembly, context, i)
        places = _places(assembly, i)
        if lone and {"N", "CA", "C", "OXT"} <= places.keys():
            before[i] = _acetyl(atoms, places)
        whole = {"C", "CA", "O"} <= places.keys()  # what lacks them is told of later
        if whole and "OXT" not in places and not _bonded_on(assembly, i):
            if lone or (broken and ends == "capped"):
                after[i] = _amide(places)
            else:
                added[i] = [("OXT", "O", _opposite(places, 1.25))]
    if not (added or before or after):
        return atoms, tuple(breaks)
    return _inserted(atoms, added, before, after), tuple(breaks)


def _refuse_rings(assembly: Assembly) -> None:
    """Stop at a chain whose last C is bonded to its first N."""
    n = len(assembly.linked)
    begins = np.flatnonzero(~assembly.linked).tolist()
    for first, last in zip(begins, [*(b - 1 for b in begins[1:]), n - 1], strict=True):
        places = _places(assembly, last), _places(assembly, first)
        if last <= first or "C" not in places[0] or "N" not in places[1]:
            continue
        gap = float(np.linalg.norm(places[0]["C"] - places[1]["N"]))
        if gap <= STRANGE_CUTOFF:
            label = assembly.atoms.residues.label
            raise MinimisationError(
                f"C of {label(last)} lies {gap:.2f} Å from N of {label(first)}: a ring, which has "
                "no ends, and rings get no hydrogens",
                "Give the ring its hydrogens with a tool for cyclic peptides, or leave the step "
                "out (--post).",
            )


def _bonded_on(assembly: Assembly, i: int) -> bool:
    return i + 1 < len(assembly.linked) and bool(assembly.linked[i + 1])


def _is_lone(assembly: Assembly, context: StepContext, i: int) -> bool:
    """Whether a residue is a piece of a broken chain by itself."""
    if assembly.linked[i] or _bonded_on(assembly, i):
        return False
    sides = [j for j in (i - 1, i) if 0 <= j < len(assembly.linked) - 1]
    return any(
        assembly.standard[j] in AMINO_ACIDS and _is_break(assembly, context, j) for j in sides
    )


def _is_break(assembly: Assembly, context: StepContext, i: int) -> bool:
    """Whether a chain is interrupted between residues `i` and `i` + 1."""
    if assembly.linked[i + 1] or assembly.standard[i + 1] not in AMINO_ACIDS:
        return False
    one, two = assembly.places.residue[[i, i + 1]].tolist()
    if context.topology is not None and one >= 0 and two >= 0:
        chain = context.topology.links.chain
        return bool(chain[one] == chain[two])
    residues = assembly.atoms.residues
    same = residues.take(np.array([i, i + 1])).same_chain().all()
    ended = "OXT" in _places(assembly, i)
    return bool(same and residues.ids[i + 1] > residues.ids[i] and not ended)


def _places(assembly: Assembly, residue: int) -> dict[str, FloatArray]:
    atoms = assembly.atoms
    begin, end = np.searchsorted(atoms.residue_index, [residue, residue + 1])
    name = assembly.standard[residue]
    return {standard_atom(name, str(atoms.names[r])): atoms.positions[r] for r in range(begin, end)}


def _unit(vector: FloatArray) -> FloatArray:
    unit: FloatArray = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit


def _opposite(places: dict[str, FloatArray], length: float) -> FloatArray:
    """Place an atom on C, away from CA and O."""
    center = places["C"]
    return center + length * third_place(places["CA"] - center, places["O"] - center)


def _turned(
    a: FloatArray, b: FloatArray, c: FloatArray, length: float, angle: float, torsion: float
) -> FloatArray:
    """Place d so that c-d, b-c-d and a-b-c-d are these (Å and degrees)."""
    angle, torsion = np.radians(angle), np.radians(torsion)
    x = _unit(c - b)
    z = _unit(np.cross(b - a, x))
    y = np.cross(z, x)
    placed: FloatArray = c + length * (
        -np.cos(angle) * x
        + np.sin(angle) * np.cos(torsion) * y
        + np.sin(angle) * np.sin(torsion) * z
    )
    return placed


def _amide(places: dict[str, FloatArray]) -> Placed:
    """Place N and C of N-methyl amide after a residue, trans."""
    nitrogen = _opposite(places, 1.335)
    methyl = _turned(places["CA"], places["C"], nitrogen, 1.45, 121.9, 180.0)
    return [("N", "N", nitrogen), ("C", "C", methyl)]


def _acetyl(atoms: Atoms, places: dict[str, FloatArray]) -> Placed:
    """Place C, O and CH3 of an acetyl group before a residue, trans, with most room around it."""
    best: Placed = []
    room = -np.inf
    n, ca, c = places["N"], places["CA"], places["C"]
    others = atoms.positions[~np.isin(atoms.positions, np.stack([n, ca])).all(axis=1)]
    for phi in range(-180, 180, 15):
        carbon = _turned(c, ca, n, 1.335, 121.7, phi)
        methyl = _turned(ca, n, carbon, 1.52, 116.6, 180.0)
        oxygen = _turned(ca, n, carbon, 1.23, 122.7, 0.0)
        placed = np.stack([carbon, oxygen, methyl])
        near = float(np.linalg.norm(others[:, None] - placed, axis=2).min(initial=9.0))
        if near > room:
            room = near
            best = [("CH3", "C", methyl), ("C", "C", carbon), ("O", "O", oxygen)]
    return best


def _inserted(
    atoms: Atoms, added: dict[int, Placed], before: dict[int, Placed], after: dict[int, Placed]
) -> Atoms:
    """Return the atoms with those of `added` in their residues and caps around them."""
    residues = atoms.residues
    source: list[int] = []
    caps: dict[int, tuple[str, int, str]] = {}  # name, number, insertion code
    extra: list[Placed] = []
    numbers = _Numbers(residues)
    for i in range(len(residues)):
        if i in before:
            caps[len(source)] = ("ACE", *numbers.before(i))
            source.append(i)
            extra.append(before[i])
        source.append(i)
        extra.append(added.get(i, []))
        if i in after:
            caps[len(source)] = ("NME", *numbers.after(i))
            source.append(i)
            extra.append(after[i])
    taken = residues.take(np.array(source))
    names, ids, icodes = taken.names.tolist(), taken.ids.tolist(), taken.icodes.tolist()
    for place, cap in caps.items():
        names[place], ids[place], icodes[place] = cap
    named = replace(
        taken,
        names=np.array(names, dtype=np.str_),
        ids=np.array(ids, dtype=np.int64),
        icodes=np.array(icodes, dtype=np.str_),
    )
    kept = [-1 if place in caps else i for place, i in enumerate(source)]
    return with_added(atoms, named, kept, extra)


class _Numbers:
    """Residue numbers of each chain, to which those of caps come.

    A cap gets the number beside that of its residue. Where its chain has that number already, it
    gets an insertion code after the lower one of the two. Molecules of files without chain ids are
    told apart by numbers that start again.
    """

    def __init__(self, residues: Residues) -> None:
        self._residues = residues
        restarts = np.append(False, (np.diff(residues.ids) < 0) & (residues.chains[1:] == ""))
        self._chains = [*zip(residues.chains.tolist(), np.cumsum(restarts).tolist(), strict=True)]
        numbers = zip(self._chains, residues.ids.tolist(), residues.icodes.tolist(), strict=True)
        self._taken = set(numbers)

    def before(self, residue: int) -> tuple[int, str]:
        """Return number and insertion code of a cap before a residue."""
        number = int(self._residues.ids[residue]) - 1
        return self._free(residue, number, number, "")

    def after(self, residue: int) -> tuple[int, str]:
        """Return number and insertion code of a cap after a residue."""
        number = int(self._residues.ids[residue])
        return self._free(residue, number + 1, number, str(self._residues.icodes[residue]))

    def _free(self, residue: int, wanted: int, lower: int, icode: str) -> tuple[int, str]:
        """Return the number that is wanted, or the lower one with a free code after `icode`."""
        codes = sorted(string.ascii_uppercase, key=lambda code: (code <= icode, code))
        for number, code in ((wanted, ""), *((lower, code) for code in codes), (wanted, "")):
            key = (self._chains[residue], number, code)
            if key not in self._taken:
                break
        self._taken.add(key)
        return number, code


def with_added(atoms: Atoms, residues: Residues, source: list[int], extra: list[Placed]) -> Atoms:
    """Return atoms with others at the end of their residues.

    Parameters
    ----------
    atoms : Atoms
    residues : Residues
        Of the result.
    source : list of int
        Residue of `atoms` for each of the result, -1 for a new one.
    extra : list of list of (name, element, position)
        What each residue of the result gains.
    """
    starts = np.searchsorted(atoms.residue_index, np.arange(len(atoms.residues) + 1)).tolist()
    rows: list[int] = []
    owner: list[int] = []
    names: list[str] = []
    symbols: list[str] = []
    places: list[FloatArray] = []
    known = atoms.symbols.tolist()
    for i, old in enumerate(source):
        for row in range(starts[old], starts[old + 1]) if old >= 0 else ():
            rows.append(row)
            names.append(str(atoms.names[row]))
            symbols.append(known[row])
            places.append(atoms.positions[row])
        for name, symbol, place in extra[i]:
            rows.append(rows[-1] if rows else 0)
            names.append(name)
            symbols.append(symbol)
            places.append(place)
        owner += [i] * (len(names) - len(owner))
    return replace(
        atoms,
        positions=np.array(places, dtype=np.float64).reshape(-1, 3),
        names=np.array(names, dtype=np.str_),
        residue_index=np.array(owner, dtype=np.int64),
        residues=residues,
        elements=np.array(symbols, dtype=np.str_),
        bfactors=None if atoms.bfactors is None else atoms.bfactors[rows],
    )
