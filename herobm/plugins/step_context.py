"""What a step of post-processing is told besides the atoms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herobm.chem.rotor_shares import RotorShares
    from herobm.system.topology import Topology
    from herobm.types import Beads, FloatArray, IntArray, Residues


def _unheard(_: str) -> None:
    """Take a line that nobody asked for."""


@dataclass(frozen=True, eq=False)
class StepContext:
    """What a step of post-processing may use; whatever is not known is None or empty.

    Attributes
    ----------
    beads : Beads or None
        That the atoms were rebuilt from, in the order of the plan.
    topology : Topology or None
        Residues, chains and the plan by which the atoms were rebuilt.
    bonds : IntArray or None, shape (n_bonds, 2)
        Bonds between heavy atoms, as indices of the plan's atoms.
    disulfides : tuple of (int, int)
        Bonded sulfur atoms, as indices of the plan's atoms.
    torsions : FloatArray or None, shape (n_beads, 2, 2)
        (cos, sin) of phi and psi as the network predicts them; meaningful on backbone beads.
    rotors : RotorShares or None
        How often side branches are turned where, as the models tell it.
    error : FloatArray or None, shape (n_residues of the plan,)
        Å, root mean square error that the models expect of the atoms of each residue; NaN where
        none tells.
    reference : mapping
        Kind of bond -> mean and standard deviation in Å (`Header.bonds` of the weights).
    device : str
        ``cpu`` or ``cuda``.
    seed : int
        Of whatever is drawn at random.
    options : mapping
        What the user chose, e.g. ``{"ph": 7.0}``; each step knows its own.
    report : callable
        Takes a line for the summary: what the step did, and what it cost in accuracy.
    residue_of : IntArray or None, shape (n_residues of the plan,)
        Residue of the atoms for each residue of the plan; None where they are the same.
    residues : Residues or None
        Of the atoms before any step, in which `residue_of` counts; None for those of the topology.
    kept : dict
        What steps keep for the next frame, each by a key of its own; contexts made of one another
        (`dataclasses.replace`) share it.
    """

    beads: Beads | None = None
    topology: Topology | None = None
    bonds: IntArray | None = None
    disulfides: tuple[tuple[int, int], ...] = ()
    torsions: FloatArray | None = None
    rotors: RotorShares | None = None
    error: FloatArray | None = None
    reference: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    device: str = "cpu"
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    report: Callable[[str], None] = _unheard
    residue_of: IntArray | None = None
    residues: Residues | None = None
    kept: dict[Any, Any] = field(default_factory=dict)
