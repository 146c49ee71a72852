"""What the callables of a plug-in work with: protocols, so that nothing need be subclassed.

A network of one's own, a reconstructor without any network and a wrapper around another program
are all a `Reconstructor`; a step of post-processing is a `PostProcessor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from herobm.chem.rotor_shares import RotorShares
    from herobm.plan.template import Template
    from herobm.system.topology import Topology
    from herobm.types import Atoms, Beads, FloatArray, IntArray, Residues


@runtime_checkable
class Reconstructor(Protocol):
    """Places atoms from beads; what `ModelSpec.load` returns.

    One instance serves many topologies and frames; what it returns depends on nothing but its
    arguments.
    """

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        """Place the atoms of one frame.

        Parameters
        ----------
        topology : Topology
            ``topology.plan`` says which atoms there are: names, elements, residues, beads.
        beads : Beads
            The frame: beads in the order of the plan, residues and chains whole; there may be
            none.

        Returns
        -------
        FloatArray, shape (n_atoms, 3)
            Å, finite, in the order of ``topology.plan``.
        """


@runtime_checkable
class UniversalReconstructor(Reconstructor, Protocol):
    """A reconstructor for residues of any mapping; its record has the mapping `ANY_MAPPING`.

    It is given the residues that it rebuilds, and no others.
    """

    def refuses(self, template: Template) -> str:
        """Say why it cannot rebuild a residue kind, in half a sentence; "" if it can.

        This is asked of every residue kind of a structure and should take no time.
        """


class StepContext(Protocol):
    """What a step of post-processing may know besides the atoms; it is frozen.

    Attributes
    ----------
    beads : Beads or None
        The beads that the atoms were rebuilt from.
    topology : Topology or None
        Its plan names the same atoms in the same order, until a step adds some.
    bonds : IntArray or None, shape (n_bonds, 2)
        Between heavy atoms.
    disulfides : tuple of (int, int)
        Pairs of sulfur atoms that are bonded.
    torsions : FloatArray or None, shape (n_beads, 2, 2)
        Cosine and sine of phi and psi as the network predicts them.
    rotors : RotorShares or None
        How often side branches are turned where, as the models tell it.
    error : FloatArray or None, shape (n_residues of the plan,)
        Å, root mean square error that the models expect of the atoms of each residue.
    reference : mapping of str to (float, float)
        Kind of bond -> mean length and its standard deviation in Å.
    device : str
        ``cpu`` or ``cuda``.
    seed : int
        Of all that is random.
    options : mapping of str to object
        What the command line asks of the step.
    report : callable
        ``report("...")`` hands a line to the summary: what the step did, and what it cost.
    residue_of : IntArray or None, shape (n_residues of the plan,)
        Residue of the atoms for each residue of the plan; None where they are the same.
    residues : Residues or None
        Of the atoms before any step, in which `residue_of` counts; None for those of the topology.
    kept : dict
        Empty at first; what a step keeps for the next frame, by a key of its own.
    """

    @property
    def beads(self) -> Beads | None:
        """The beads that the atoms were rebuilt from."""

    @property
    def topology(self) -> Topology | None:
        """The topology of the beads."""

    @property
    def bonds(self) -> IntArray | None:
        """Bonds between heavy atoms, shape (n_bonds, 2)."""

    @property
    def disulfides(self) -> tuple[tuple[int, int], ...]:
        """Pairs of sulfur atoms that are bonded."""

    @property
    def torsions(self) -> FloatArray | None:
        """Predicted phi and psi, shape (n_beads, 2, 2)."""

    @property
    def rotors(self) -> RotorShares | None:
        """How often side branches are turned where."""

    @property
    def error(self) -> FloatArray | None:
        """Error expected of each residue, shape (n_residues of the plan,), Å."""

    @property
    def reference(self) -> Mapping[str, tuple[float, float]]:
        """Bond lengths by kind."""

    @property
    def device(self) -> str:
        """Where to compute."""

    @property
    def seed(self) -> int:
        """Of all that is random."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What the command line asks of the step."""

    @property
    def report(self) -> Callable[[str], None]:
        """Hand a line to the summary."""

    @property
    def residue_of(self) -> IntArray | None:
        """Residue of the atoms for each residue of the plan."""

    @property
    def residues(self) -> Residues | None:
        """Residues of the atoms before any step."""

    @property
    def kept(self) -> dict[Any, Any]:
        """What steps keep for the next frame."""


class PostProcessor(Protocol):
    """Works on atoms after they are rebuilt; what `PostProcessorSpec.run` is."""

    def __call__(self, atoms: Atoms, context: Any, /) -> Atoms:
        """Return the atoms as they should be; what is given is not changed.

        Parameters
        ----------
        atoms : Atoms
        context : StepContext
            None of its optional parts need be there: a step that needs one says so by a
            `HerobmError`.

        Returns
        -------
        Atoms
            The same atoms in the same order; a step of the stage ``hydrogens`` may add to them.
        """
