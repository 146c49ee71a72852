"""A frame being rebuilt, and what models have to offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from herobm.chem.rotor_shares import RotorShares
from herobm.plan import Template
from herobm.system import Topology
from herobm.types import Beads, BoolArray, FloatArray


@dataclass(eq=False)
class Draft:
    """One frame being rebuilt; models write what is theirs.

    Attributes
    ----------
    vectors : FloatArray, shape (n_beads, n_slots, 3)
        Å, for `herobm.plan.reconstruct`.
    torsions : FloatArray, shape (n_beads, 2, 2)
        (cos, sin) of phi and psi; NaN where no model tells.
    placed : FloatArray, shape (n_atoms, 3)
        Å; atoms that a model places itself, NaN for all others.
    squared_error : FloatArray, shape (n_beads,)
        Å^2, expected of the atoms of each bead; NaN where no model tells.
    strain : FloatArray, shape (n_beads,)
        Å, how far the beads around each stray; NaN where no model tells.
    farthest : FloatArray, shape (n_beads,)
        Å, how far off a distance of each bead to a near one is that is unlike those of training;
        0 if none is, NaN where no model tells.
    rotors : list of RotorShares
        Of the models that tell how side branches may be turned.
    """

    vectors: FloatArray
    torsions: FloatArray
    placed: FloatArray
    squared_error: FloatArray
    strain: FloatArray
    farthest: FloatArray
    rotors: list[RotorShares] = field(default_factory=list)

    @classmethod
    def of(cls, topology: Topology) -> Draft:
        """Return a draft in which nothing stands yet."""
        plan = topology.plan
        return cls(
            np.zeros((plan.n_beads, plan.n_slots, 3)),
            np.full((plan.n_beads, 2, 2), np.nan),
            np.full((plan.n_atoms, 3), np.nan),
            np.full(plan.n_beads, np.nan),
            np.full(plan.n_beads, np.nan),
            np.full(plan.n_beads, np.nan),
        )


class Share(Protocol):
    """A model at work on its residues of a topology."""

    def fill(self, beads: Beads, draft: Draft) -> None:
        """Write what the model makes of a frame."""


class Model(Protocol):
    """Something that rebuilds certain residue kinds."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def mapping(self) -> str:
        """The mapping set that it was made for, "" if it does not say."""

    @property
    def trained(self) -> bool:
        """Whether it learnt from structures, as far as is known."""

    @property
    def bonds(self) -> Mapping[str, tuple[float, float]]:
        """Kind of bond -> mean and standard deviation in Å."""

    def knows(self, template: Template) -> bool:
        """Tell whether it rebuilds a residue kind."""

    def share(self, topology: Topology, owned: BoolArray, seed: int) -> Share:
        """Make ready for the residues `owned`, shape (n_residues,), of a topology."""
