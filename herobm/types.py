"""Value types that every layer speaks: residues, beads and atoms of one frame.

Positions are in Å. Arrays of one record are parallel; nothing here is changed in place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from herobm.elements import element_of, ion_element

FloatArray: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.integer[Any]]
StrArray: TypeAlias = NDArray[np.str_]
BoolArray: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Residues:
    """The residues of a system, in file order.

    Attributes
    ----------
    names, chains, icodes : StrArray, shape (n_residues,)
        Residue name, chain id ("" where the file has none), insertion code ("" for none).
    ids : IntArray, shape (n_residues,)
        Residue number as in the file.
    pieces : IntArray or None, shape (n_residues,)
        Number of the piece of the file between two TER records of PDB; None for one piece. No
        molecule reaches from one piece into another.
    long_chains : StrArray or None, shape (n_residues,)
        Chain ids for formats that take more than one letter; None where `chains` serves them, too.
    hetero : BoolArray or None, shape (n_residues,)
        Which are no links of a chain, but ligands, lipids, ions: HETATM in PDB. The mapping says
        so, and of residues that none has the file. None where nothing tells.
    """

    names: StrArray
    ids: IntArray
    icodes: StrArray
    chains: StrArray
    pieces: IntArray | None = None
    long_chains: StrArray | None = None
    hetero: BoolArray | None = None

    def __len__(self) -> int:
        return len(self.names)

    def label(self, index: int) -> str:
        """Name one residue as a user would look it up, e.g. ``ARG 12 of chain A``."""
        number = f"{self.ids[index]}{self.icodes[index]}"
        chain = str(self.chains[index])
        return f"{self.names[index]} {number}" + (f" of chain {chain}" if chain else "")

    def take(self, index: IntArray | BoolArray) -> Residues:
        """Return the residues at `index`."""
        return Residues(
            self.names[index],
            self.ids[index],
            self.icodes[index],
            self.chains[index],
            None if self.pieces is None else self.pieces[index],
            None if self.long_chains is None else self.long_chains[index],
            None if self.hetero is None else self.hetero[index],
        )

    def record_names(self) -> list[str]:
        """Return ATOM or HETATM for each residue."""
        hetero = np.zeros(len(self), dtype=bool) if self.hetero is None else self.hetero
        found: list[str] = np.where(hetero, "HETATM", "ATOM").tolist()
        return found

    def same_chain(self) -> BoolArray:
        """Tell of each residue but the first whether it has the chain id of the one before it.

        Returns
        -------
        BoolArray, shape (n_residues - 1,)
            False also where a TER record stands between the two.
        """
        ids = self.chains if self.long_chains is None else self.long_chains
        same: BoolArray = ids[1:] == ids[:-1]
        return same if self.pieces is None else same & (self.pieces[1:] == self.pieces[:-1])


@dataclass(frozen=True, eq=False)
class Particles:
    """Named points that belong to residues; the common part of beads and atoms.

    Attributes
    ----------
    positions : FloatArray, shape (n, 3)
        Å.
    names : StrArray, shape (n,)
    residue_index : IntArray, shape (n,)
        Index into `residues`; does not fall from one particle to the next.
    residues : Residues
    box : FloatArray or None, shape (6,)
        Edge lengths in Å and angles in degrees, None for no periodic box.
    """

    positions: FloatArray
    names: StrArray
    residue_index: IntArray
    residues: Residues
    box: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.names)

    def with_positions(self, positions: FloatArray) -> Self:
        """Return the same particles elsewhere in the same box."""
        return replace(self, positions=positions)

    def with_frame(self, positions: FloatArray, box: FloatArray | None) -> Self:
        """Return the same particles in another frame of a trajectory, which has its own box."""
        return replace(self, positions=positions, box=box)

    def subset(self, keep: BoolArray) -> Self:
        """Return the particles where `keep` (n,) is True, and the residues they belong to."""
        old = self.residue_index[keep]
        used, new = np.unique(old, return_inverse=True)
        fields: dict[str, Any] = {
            "positions": self.positions[keep],
            "names": self.names[keep],
            "residue_index": new.astype(np.int64),
            "residues": self.residues.take(used),
        }
        return replace(self, **fields)

    def label(self, index: int) -> str:
        """Name one particle as a user would look it up, e.g. ``BB of ARG 12 of chain A``."""
        return f"{self.names[index]} of {self.residues.label(int(self.residue_index[index]))}"


@dataclass(frozen=True, eq=False)
class Beads(Particles):
    """Coarse-grained beads of one frame."""


@dataclass(frozen=True, eq=False)
class Atoms(Particles):
    """Atoms of one frame.

    Attributes
    ----------
    elements : StrArray or None, shape (n,)
        Element symbols, first letter upper case; None where nothing tells them.
    bfactors : FloatArray or None, shape (n,)
        As in the file (Å^2 in crystal structures); of atoms that herobm rebuilt, the error that is
        expected of their residue, Å.
    """

    elements: StrArray | None = None
    bfactors: FloatArray | None = None

    @property
    def symbols(self) -> StrArray:
        """Element symbols, shape (n,), guessed from the names where they are not told."""
        if self.elements is not None:
            return self.elements
        return np.array(self._guessed(), dtype=np.str_)

    def _guessed(self) -> list[str]:
        """Guess elements from names; an atom that is a residue by itself may be an ion."""
        names = self.names.tolist()
        known = {name: element_of(name) for name in set(names)}
        guessed = [known[name] for name in names]
        n_atoms = np.bincount(self.residue_index, minlength=len(self.residues))
        for row in np.flatnonzero(n_atoms[self.residue_index] == 1).tolist():
            residue = str(self.residues.names[self.residue_index[row]])
            guessed[row] = ion_element(residue, names[row]) or guessed[row]
        return guessed

    @property
    def heavy(self) -> BoolArray:
        """Which atoms are no hydrogens, shape (n,)."""
        heavy: BoolArray = ~np.isin(self.symbols, ("H", "D"))
        return heavy

    def subset(self, keep: BoolArray) -> Atoms:
        """Return the atoms where `keep` (n,) is True, and the residues they belong to."""
        kept = super().subset(keep)
        return replace(
            kept,
            elements=None if self.elements is None else self.elements[keep],
            bfactors=None if self.bfactors is None else self.bfactors[keep],
        )
