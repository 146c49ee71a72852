"""Structures as a force field of OpenMM sees them, kept from one frame to the next."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from herobm.errors import MinimisationError
from herobm.post.bonding import Assembly
from herobm.post.settings import FORCE_FIELDS
from herobm.types import BoolArray


class Parametrised:
    """What a force field has for a structure; nothing in it depends on positions.

    Parameters
    ----------
    assembly : Assembly
    forcefield : str
        A key of `FORCE_FIELDS`.

    Attributes
    ----------
    loose : list of list of int
        Residues of each molecule that is no protein and lacks a template.
    unknown : BoolArray, shape (n_atoms,)
        Which atoms are theirs.
    """

    def __init__(self, assembly: Assembly, forcefield: str) -> None:
        self._name, self._field = forcefield, _force_field(forcefield)
        self._topology = assembly.topology
        self.loose = _unknown_molecules(assembly, self._field)
        gone = [residue for members in self.loose for residue in members]
        self.unknown: BoolArray = np.isin(assembly.atoms.residue_index, gone)
        self._system: Any = None
        self._n_forces = 0

    def system(self, assembly: Assembly) -> Any:
        """Return the openmm.System of the other molecules, with the forces of the force field.

        Those that the last frame added to it are gone.

        Parameters
        ----------
        assembly : Assembly
            Of this frame, for messages.

        Raises
        ------
        MinimisationError
            If a residue has no template.
        """
        if self._system is None:
            self._system = self._made(assembly)
            self._n_forces = self._system.getNumForces()
        while self._system.getNumForces() > self._n_forces:
            self._system.removeForce(self._n_forces)
        return self._system

    def _made(self, assembly: Assembly) -> Any:
        from openmm import app, unit

        topology = self._topology
        numbers = list(range(len(assembly.atoms.residues)))
        if self.unknown.any():
            gone = {residue for members in self.loose for residue in members}
            numbers = [i for i in numbers if i not in gone]
            modeller = app.Modeller(topology, [None] * len(assembly.atoms) * unit.nanometer)
            modeller.delete([r for r in topology.residues() if r.index in gone])
            topology = modeller.topology
        try:
            return self._field.createSystem(
                topology,
                nonbondedMethod=app.CutoffNonPeriodic,
                nonbondedCutoff=1.0 * unit.nanometer,
                constraints=None,
                rigidWater=False,
                removeCMMotion=False,
            )
        except ValueError as error:
            raise _no_template(assembly, self._name, numbers, str(error)) from error


def parametrised(assembly: Assembly, forcefield: str, kept: dict[Any, Any]) -> Parametrised:
    """Look a structure up in a force field, unless the last frame was the same one.

    Parameters
    ----------
    assembly : Assembly
    forcefield : str
        A key of `FORCE_FIELDS`.
    kept : dict
        `StepContext.kept`; the last one is in it.
    """
    atoms = assembly.atoms
    columns = (
        atoms.names, atoms.symbols, atoms.residue_index, atoms.residues.names,
        assembly.linked, assembly.bonds,
    )  # fmt: skip
    key = (forcefield, assembly.standard, *((c.dtype.str, c.tobytes()) for c in columns))
    last, found = kept.get(Parametrised, (None, None))
    if last != key:
        found = Parametrised(assembly, forcefield)
        kept[Parametrised] = key, found
    assert isinstance(found, Parametrised)
    return found


@lru_cache(maxsize=3)
def _force_field(name: str) -> Any:
    from openmm.app import ForceField

    return ForceField(*FORCE_FIELDS[name])


def _unknown_molecules(assembly: Assembly, field: Any) -> list[list[int]]:
    """Residues of each molecule that is no protein and lacks a template."""
    n = len(assembly.atoms.residues)
    pairs = assembly.bound_residues()
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, molecule = connected_components(graph, directed=False)
    protein = np.bincount(molecule, weights=[bool(s) for s in assembly.standard]) > 0
    if protein.all():
        return []
    unmatched = {residue.index for residue in field.getUnmatchedResidues(assembly.topology)}
    wrong = sorted({int(molecule[i]) for i in unmatched if not protein[molecule[i]]})
    return [np.flatnonzero(molecule == m).tolist() for m in wrong]


def _no_template(
    assembly: Assembly, forcefield: str, numbers: list[int], said: str
) -> MinimisationError:
    """Say which residue the force field does not know, and why."""
    found = re.search(r"for residue (\d+) \([^)]*\)\.\s*(.*?)\s*(?:For more information|$)", said)
    if found is None:
        return MinimisationError(
            f"the force field {forcefield} does not fit the structure: {said}",
            "Choose another one (--forcefield).",
        )
    label = assembly.atoms.residues.label(numbers[int(found[1])])
    reason = f" ({found[2].rstrip('.')})" if found[2] else ""
    return MinimisationError(
        f"{label} has no template in {forcefield}{reason}",
        "Where hydrogens are missing, add them first (--post hydrogens,minimise, or herobm post "
        "hydrogens,minimise). Otherwise choose another force field (--forcefield), or complete or "
        "remove the residue. Hydrogens with names of another convention can be left out of the "
        "input: they are added anew.",
    )
