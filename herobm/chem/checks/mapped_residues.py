"""The residues of a structure that a mapping describes, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from herobm.chem.checks.subject import Subject
from herobm.dsl.syntax import Span
from herobm.plan.template import Template
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

#: Residues that are measured.
MOST_RESIDUES = 200


@dataclass(frozen=True)
class MappedResidues:
    """The residues of a structure that a mapping describes.

    Attributes
    ----------
    subject : Subject
    atoms : Atoms
        Of those residues only.
    matched : IntArray, shape (n_atoms,)
        Atom of the mapping, -1 for strangers.
    source : str
    """

    subject: Subject
    atoms: Atoms
    matched: IntArray
    source: str

    @property
    def template(self) -> Template:
        """The mapping, with its patches."""
        return self.subject.template

    @cached_property
    def names(self) -> list[str]:
        """Atoms of the mapping, in order."""
        return [a.name for a in self.template.mapping.atoms]

    @cached_property
    def rows(self) -> IntArray:
        """Atom of the structure for each residue and atom of the mapping, -1 where it lacks."""
        rows = np.full((len(self.atoms.residues), len(self.names)), -1, dtype=np.int64)
        known = np.flatnonzero(self.matched >= 0)
        rows[self.atoms.residue_index[known], self.matched[known]] = known
        return rows

    @cached_property
    def places(self) -> FloatArray:
        """Positions (n_residues, n_atoms, 3) of at most `MOST_RESIDUES`, NaN where one lacks."""
        rows = self.rows[:MOST_RESIDUES]
        places = np.where((rows >= 0)[..., None], self.atoms.positions[rows], np.nan)
        return np.asarray(places, dtype=float)

    @cached_property
    def light(self) -> BoolArray:
        """Which atoms of the mapping are hydrogens."""
        elements = [a.element in ("H", "D") for a in self.template.mapping.atoms]
        return np.array(elements, dtype=bool)

    def residue(self, index: int) -> str:
        """Name a residue."""
        return self.atoms.residues.label(index)

    def span(self, name: str) -> Span:
        """Where the file names an atom, else where it names the molecule."""
        return self.subject.names.get(name, self.subject.head)
