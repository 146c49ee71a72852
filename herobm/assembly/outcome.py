"""Rebuilt atoms and what is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from herobm.assembly.confidence import Confidence
from herobm.assembly.draft import Model
from herobm.chem.judging.summary import Contribution, Summary
from herobm.plan import Plan
from herobm.plugins.step_context import StepContext
from herobm.system.matching import find_residues
from herobm.types import Atoms, Beads, IntArray, Residues


@dataclass(frozen=True, eq=False)
class Result:
    """Rebuilt atoms.

    Attributes
    ----------
    atoms : Atoms
        With hydrogens, if a step added them.
    beads : Beads
        Those that were rebuilt, whole and in order.
    disulfides : tuple of (int, int)
        Pairs of sulfur atoms that are bonded.
    summary : Summary
    confidence : Confidence
        Expected error and strain of each residue; the error is in the B-factors of the atoms.
    context : StepContext
        What steps are told of every frame: topology, bonds, options.
    """

    atoms: Atoms
    beads: Beads
    disulfides: tuple[tuple[int, int], ...]
    summary: Summary
    confidence: Confidence
    context: StepContext = field(repr=False)

    @cached_property
    def connections(self) -> tuple[tuple[int, int], ...]:
        """Bonds of ligands, lipids and the like, which readers know from no residue name."""
        from herobm.post.bonding import own_bonds

        return own_bonds(self.atoms, self.context)

    def write(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the atoms as PDB, GRO or mmCIF, by the ending of `path`.

        Raises
        ------
        OutputError
        """
        from herobm.io import write_structure

        write_structure(
            path,
            self.atoms,
            overwrite=overwrite,
            disulfides=self.disulfides,
            connections=self.connections,
        )


def contributions(plan: Plan, owner: IntArray, models: Sequence[Model]) -> tuple[Contribution, ...]:
    """Tell who rebuilt what, in the order of the structure.

    Parameters
    ----------
    plan : Plan
    owner : IntArray, shape (n_templates,)
        Index of the model of each template.
    models : sequence of Model
    """
    atoms = np.diff(plan.atom_start)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    kinds, first = np.unique(plan.template, return_index=True)
    for kind in kinds[np.argsort(first)].tolist():
        mine = plan.template == kind
        key = plan.library.origin(kind), models[owner[kind]].name
        n_residues, n_atoms = counts.get(key, (0, 0))
        counts[key] = n_residues + int(mine.sum()), n_atoms + int(atoms[mine].sum())
    untrained = _untrained(plan, owner, models)
    return tuple(
        Contribution(*key, *numbers, untrained.get(key, ())) for key, numbers in counts.items()
    )


def _untrained(
    plan: Plan, owner: IntArray, models: Sequence[Model]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Residue names that models without training rebuild, by mapping and model."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for kind in np.unique(plan.template).tolist():
        model = models[owner[kind]]
        if not model.trained:
            key = plan.library.origin(kind), model.name
            found[key] = (*found.get(key, ()), plan.library.templates[kind].name)
    return found


def find_atoms(plan: Plan, residues: Residues, atoms: Atoms) -> IntArray:
    """Find the atoms of a plan in a structure that may have more, or fewer.

    Parameters
    ----------
    plan : Plan
    residues : Residues
        Of the plan.
    atoms : Atoms

    Returns
    -------
    IntArray, shape (plan.n_atoms,)
        Index of each, by place of the residue and name; -1 for atoms that are not there any more.
    """
    if len(atoms) == plan.n_atoms and np.array_equal(atoms.names, plan.atom_names):
        return np.arange(plan.n_atoms)
    places = find_residues(residues, atoms.residues)
    index: dict[tuple[int, str], int] = {}
    for i, key in enumerate(zip(atoms.residue_index.tolist(), atoms.names.tolist(), strict=True)):
        index.setdefault(key, i)
    pairs = zip(places[plan.atom_residue].tolist(), plan.atom_names.tolist(), strict=True)
    return np.array([index.get(pair, -1) for pair in pairs], dtype=np.int64)
