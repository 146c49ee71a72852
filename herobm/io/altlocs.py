"""One place for each atom where a file gives several (alternate locations).

Of each residue the conformer with the highest mean occupancy is kept, the first letter on a
tie; an atom that this conformer lacks keeps its own most occupied place. Where the conformers
are different residues (an ``ASER`` and a ``BTHR`` of one number), only the residue of the kept
conformer stays. So bonded atoms come from one conformer wherever the file has a whole one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from herobm.io.columns import Columns
from herobm.types import BoolArray, FloatArray


def keep_one_place(columns: Columns) -> BoolArray:
    """Say which particles stay when each keeps one of its alternate locations.

    Parameters
    ----------
    columns : Columns
        n particles.

    Returns
    -------
    BoolArray, shape (n,)
    """
    keep = np.ones(len(columns), dtype=np.bool_)
    if not (columns.altlocs != "").any():
        return keep
    for place in np.unique(columns.places[columns.altlocs != ""]):
        members = np.flatnonzero(columns.places == place)
        keep[members] = False
        keep[_choose(columns, [int(member) for member in members])] = True
    return keep


def _choose(columns: Columns, members: list[int]) -> list[int]:
    """Return those of the particles of one residue number that stay."""
    altlocs, occupancies = columns.altlocs, columns.occupancies
    by_letter = _grouped((str(altlocs[i]), i) for i in members if altlocs[i])
    letters = _by_occupancy(by_letter, occupancies)
    residues = _grouped((str(columns.resnames[i]), i) for i in members)
    rivals = {name for name, those in residues.items() if all(altlocs[i] for i in those)}
    if len(rivals) > 1:
        winner = next(str(columns.resnames[i]) for i in by_letter[letters[0]])
        members = [i for i in members if columns.resnames[i] not in rivals - {winner}]
    atoms = _grouped((f"{columns.resnames[i]} {columns.names[i]}", i) for i in members)
    return [i for places in atoms.values() for i in _one_of(columns, places, letters[0])]


def _one_of(columns: Columns, places: list[int], letter: str) -> list[int]:
    """Return one of the places of an atom; all of them where none is alternate."""
    if not any(columns.altlocs[i] for i in places):
        return places
    preferred = [i for i in places if columns.altlocs[i] == letter]
    ranked = sorted(places, key=lambda i: (-columns.occupancies[i], columns.altlocs[i]))
    return (preferred or ranked)[:1]


def _by_occupancy(groups: dict[str, list[int]], occupancies: FloatArray) -> list[str]:
    """Return the letters, that of the highest mean occupancy first."""
    mean = {letter: round(float(occupancies[those].mean()), 3) for letter, those in groups.items()}
    return sorted(groups, key=lambda letter: (-mean[letter], letter))


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups
