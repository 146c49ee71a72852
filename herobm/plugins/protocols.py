"""What the callables of a plug-in work with: protocols, so that nothing need be subclassed.

A network of one's own, a reconstructor without any network and a wrapper around another program
are all a `Reconstructor`; a step of post-processing is a `PostProcessor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from herobm.plan.template import Template
    from herobm.plugins.step_context import StepContext
    from herobm.system.topology import Topology
    from herobm.types import Atoms, Beads, FloatArray


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


class PostProcessor(Protocol):
    """Works on atoms after they are rebuilt; what `PostProcessorSpec.run` is."""

    def __call__(self, atoms: Atoms, context: StepContext, /) -> Atoms:
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
