"""What a structure file tells about each particle, one array a column."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np

from herobm.types import Atoms, Beads, BoolArray, FloatArray, IntArray, Residues, StrArray


@dataclass(frozen=True, eq=False)
class Columns:
    """Parallel columns of n particles in file order.

    Attributes
    ----------
    names, resnames, icodes, chains, altlocs : StrArray, shape (n,)
        "" where the file has none.
    elements : StrArray, shape (n,)
        As the file has them; "" where it has none, or something that is no element.
    hetero : BoolArray, shape (n,)
        Whether the record is HETATM; False where the file has no such thing.
    resids : IntArray, shape (n,)
    places : IntArray, shape (n,)
        Number of the unbroken run of one chain, residue number and insertion code in the whole
        file; so residues that a selection brings together stay apart.
    pieces : IntArray, shape (n,)
        Number of the piece between two TER records; 0 where the file has none.
    occupancies, bfactors : FloatArray, shape (n,)
        1 and 0 where the file has none.
    positions : FloatArray, shape (n, 3)
        Å.
    """

    names: StrArray
    resnames: StrArray
    resids: IntArray
    places: IntArray
    pieces: IntArray
    icodes: StrArray
    chains: StrArray
    altlocs: StrArray
    elements: StrArray
    hetero: BoolArray
    occupancies: FloatArray
    bfactors: FloatArray
    positions: FloatArray

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: IntArray | BoolArray) -> Self:
        """Return the particles at `index`."""
        chosen: dict[str, Any] = {f.name: getattr(self, f.name)[index] for f in fields(self)}
        return type(self)(**chosen)

    def residue_index(self) -> IntArray:
        """Return residue numbers from 0: unbroken runs of one chain, number, icode and name."""
        return runs(self.places, self.resnames)

    def residues(self) -> Residues:
        """Return the residues that `residue_index` numbers."""
        first = np.unique(self.residue_index(), return_index=True)[1]
        return Residues(
            self.resnames[first],
            self.resids[first],
            self.icodes[first],
            self.chains[first],
            self.pieces[first] if self.pieces.any() else None,
            hetero=self.hetero[first] if self.hetero.any() else None,
        )

    def as_beads(self, box: FloatArray | None) -> Beads:
        """Return the particles as beads."""
        index = self.residue_index()
        return Beads(self.positions, self.names, index, self.residues(), box)

    def as_atoms(self, box: FloatArray | None) -> Atoms:
        """Return the particles as atoms, elements guessed from names where the file has none."""
        index = self.residue_index()
        atoms = Atoms(
            self.positions, self.names, index, self.residues(), box, bfactors=self.bfactors
        )
        elements = np.where(self.elements == "", atoms.symbols, self.elements)
        return replace(atoms, elements=elements)


def runs(*columns: IntArray | StrArray) -> IntArray:
    """Return the number of the unbroken run, equal in all `columns`, that a particle is in.

    Parameters
    ----------
    *columns : array, shape (n,)

    Returns
    -------
    IntArray, shape (n,)
        0 for the first run; does not fall.
    """
    begins = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        begins[1:] |= column[1:] != column[:-1]
    return np.cumsum(begins)
