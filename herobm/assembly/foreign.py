"""Reconstructors that plug-ins bring, at work on their residues of a topology."""

from __future__ import annotations

import numpy as np

from herobm.assembly.draft import Draft
from herobm.errors import HerobmError, PluginContractError, PluginError
from herobm.plan import Library, Template
from herobm.plugins.protocols import Reconstructor, UniversalReconstructor
from herobm.plugins.records import ANY_MAPPING
from herobm.system import Topology
from herobm.system.part import part_of
from herobm.types import Beads, BoolArray, FloatArray


class Foreign:
    """A reconstructor that a plug-in brings, for the residue kinds of its mapping set.

    Parameters
    ----------
    name, mapping : str
    reconstructor : Reconstructor
    library : Library
        Of the mapping set.
    """

    trained = True

    def __init__(
        self, name: str, mapping: str, reconstructor: Reconstructor, library: Library
    ) -> None:
        self.name, self.mapping, self.reconstructor = name, mapping, reconstructor
        self.bonds: dict[str, tuple[float, float]] = {}
        self._keys = {template.key for template in library}

    def knows(self, template: Template) -> bool:
        """Tell whether it rebuilds a residue kind."""
        return template.key in self._keys

    def share(self, topology: Topology, owned: BoolArray, seed: int) -> ForeignShare:
        """Make ready for the residues `owned`, shape (n_residues,), of a topology."""
        known = np.array([self.knows(t) for t in topology.plan.library])[topology.plan.template]
        return ForeignShare(self, topology, known, owned)


class Universal:
    """A reconstructor that a plug-in brings, for residue kinds of any mapping set.

    Parameters
    ----------
    name : str
    reconstructor : UniversalReconstructor
    """

    mapping = ANY_MAPPING
    trained = False

    def __init__(self, name: str, reconstructor: UniversalReconstructor) -> None:
        self.name, self.reconstructor = name, reconstructor
        self.bonds: dict[str, tuple[float, float]] = {}

    def refuses(self, template: Template) -> str:
        """Say why it cannot rebuild a residue kind, "" if it can.

        Raises
        ------
        PluginError
            If the reconstructor fails.
        """
        try:
            return self.reconstructor.refuses(template)
        except HerobmError:
            raise
        except Exception as error:  # the code of others may raise anything
            raise failed(self.name, error) from error

    def knows(self, template: Template) -> bool:
        """Tell whether it rebuilds a residue kind."""
        return not self.refuses(template)

    def share(self, topology: Topology, owned: BoolArray, seed: int) -> ForeignShare:
        """Make ready for the residues `owned`, shape (n_residues,), of a topology."""
        return ForeignShare(self, topology, owned, owned)


class ForeignShare:
    """A reconstructor at work; residues that it does not know are not there for it."""

    def __init__(
        self, model: Foreign | Universal, topology: Topology, known: BoolArray, owned: BoolArray
    ) -> None:
        self.model = model
        self.part = part_of(topology, known)
        self.own = owned[topology.plan.atom_residue[self.part.atoms]]

    def fill(self, beads: Beads, draft: Draft) -> None:
        """Write the atoms of one frame.

        Raises
        ------
        PluginError
            If the reconstructor fails, or places atoms nowhere.
        """
        alone = self.part.topology.beads
        seen = alone.with_frame(beads.positions[self.part.beads], beads.box)
        positions = self._rebuilt(seen)
        draft.placed[self.part.atoms[self.own]] = positions[self.own]

    def _rebuilt(self, beads: Beads) -> FloatArray:
        try:
            given = self.model.reconstructor.rebuild(self.part.topology, beads)
        except HerobmError:
            raise
        except Exception as error:  # the code of others may raise anything
            raise failed(self.model.name, error) from error
        positions = np.asarray(given)
        if positions.shape != (len(self.part.atoms), 3):
            raise PluginContractError(
                f"model '{self.model.name}' returns an array of shape {positions.shape} for "
                f"{len(self.part.atoms)} atoms",
                f"It should return positions of shape ({len(self.part.atoms)}, 3) in Å.",
            )
        if not np.isfinite(positions).all():
            raise PluginContractError(
                f"model '{self.model.name}' returns positions that are no finite numbers"
            )
        return positions.astype(np.float64)


def failed(name: str, error: Exception) -> PluginError:
    """Say that a model of a plug-in fails, and by what."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return PluginError(f"model '{name}' fails: {words}", "--debug shows the traceback")
