"""Scale the errors that networks expect of their atoms to those that they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from herobm.assembly.draft import Model
from herobm.assembly.network import Network
from herobm.assembly.rebuilder import Rebuilder
from herobm.chem.naming import best_names, find_naming
from herobm.errors import StructureError
from herobm.plan.template import Library
from herobm.system.atomistic import AtomLayout
from herobm.types import Atoms, FloatArray
from herobm.weights.file import load_weights, rescale_errors


def residue_errors(
    model: Model, library: Library, name: str, atoms: Atoms, noise: float = 0.0, seed: int = 0
) -> FloatArray:
    """Compare the errors expected of the residues of a structure with those found.

    Parameters
    ----------
    model : Model
    library : Library
        Of its mapping.
    name : str
        Of the structure, for messages.
    atoms : Atoms
    noise : float
        Å; standard deviation of what is added to each bead coordinate.
    seed : int
        Of the noise.

    Returns
    -------
    FloatArray, shape (n_residues, 3)
        Root mean square errors (Å) expected and found, and the number of atoms.

    Raises
    ------
    StructureError
        If nothing of the structure is mapped.
    """
    layout = AtomLayout.of(atoms, library, name)
    topology, reference = layout.topology, layout.place(atoms.positions, atoms.box)
    plan, beads = topology.plan, topology.beads
    shift = np.random.default_rng(seed).normal(0.0, noise, beads.positions.shape)
    shaken = replace(beads, positions=beads.positions + shift)
    result = Rebuilder(topology, [model]).result(shaken)
    wanted = best_names(find_naming(plan), reference, result.atoms.positions)
    squares = ((result.atoms.positions - wanted) ** 2).sum(axis=1)
    known = np.isfinite(squares)
    owner = plan.atom_residue
    count = np.bincount(owner, known, minlength=plan.n_residues)
    total = np.bincount(owner, np.where(known, squares, 0.0), minlength=plan.n_residues)
    whole = (count > 0) & (count == np.bincount(owner, minlength=plan.n_residues))
    found = np.sqrt(total[whole] / count[whole])
    return np.stack([result.confidence.error[whole], found, count[whole]], axis=1)


def calibrate(
    path: Path, library: Library, structures: Iterable[tuple[str, Atoms]]
) -> tuple[float, float, float]:
    """Scale what the networks of a weights file expect, so that it is right on average.

    The file is written anew. Networks of a committee agree more than they are right, so that the
    mean of what they expect apart is not what is to be expected of their mean.

    Parameters
    ----------
    path : Path
        Weights file.
    library : Library
        Of their mapping.
    structures : iterable of (name, Atoms)
        That none of the networks learnt from.

    Returns
    -------
    float, float, float
        Root mean square errors (Å) over all atoms that were expected before and that were found,
        and the factor by which the expected squared errors were multiplied.

    Raises
    ------
    WeightsFormatError, WeightsNotFoundError
    StructureError
        If nothing of the structures is mapped.
    """
    model = Network(load_weights(path))
    parts = [residue_errors(model, library, name, atoms) for name, atoms in structures]
    rows = np.concatenate([np.zeros((0, 3)), *parts])
    if not len(rows):
        raise StructureError("the structures have no residue all of whose atoms are there")
    expected, found = (
        np.sqrt(np.average(rows[:, i] ** 2, weights=rows[:, 2])).item() for i in (0, 1)
    )
    factor = (found / expected) ** 2
    rescale_errors(path, factor)
    return expected, found, factor
