"""Bring the errors that are expected of networks to those that they make."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from herobm.assembly.draft import Draft, Model
from herobm.assembly.network import Network
from herobm.assembly.rebuilder import Rebuilder
from herobm.chem.naming import best_names, find_naming
from herobm.errors import StructureError
from herobm.plan import reconstruct
from herobm.plan.template import Library
from herobm.system import Topology
from herobm.system.atomistic import AtomLayout
from herobm.types import Atoms, Beads, FloatArray
from herobm.weights.errors import NOISES, ErrorFit, Judged, fit_errors, join_judged
from herobm.weights.file import load_weights, rewrite_errors


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
    topology, reference, shaken = _shaken(library, name, atoms, noise, seed)
    plan = topology.plan
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
) -> tuple[float, float]:
    """Fit what is expected of the networks of a weights file to the errors that they make.

    The file is written anew. See `herobm.weights.errors`; networks of a committee agree more than
    they are right, so that what they expect apart is not what is to be expected of their mean.

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
    float, float
        Root mean square errors (Å) over all atoms, with noise on the beads and without, that are
        expected now and that were found.

    Raises
    ------
    WeightsFormatError, WeightsNotFoundError
    StructureError
        If nothing of the structures is mapped.
    """
    weights = load_weights(path)
    plain = replace(weights, header=weights.header.model_copy(update={"errors": ErrorFit()}))
    parts = [
        _judged(Network(plain), library, name, atoms, noise)
        for name, atoms in structures
        for noise in NOISES
    ]
    if not sum(len(part.found) for part in parts):
        raise StructureError("the structures have no bead all of whose atoms are there")
    judged = join_judged(parts)
    errors = fit_errors(judged)
    rewrite_errors(path, errors)
    expected = errors.squares(judged.log_error, judged.strain)
    means = [np.average(squares, weights=judged.n_atoms) for squares in (expected, judged.found)]
    return math.sqrt(means[0]), math.sqrt(means[1])


def _judged(network: Network, library: Library, name: str, atoms: Atoms, noise: float) -> Judged:
    """Let a network, whose word is taken as it is, rebuild beads whose atoms are all known."""
    topology, reference, shaken = _shaken(library, name, atoms, noise)
    plan = topology.plan
    draft = Draft.of(topology)
    owned = np.array([network.knows(t) for t in plan.library.templates])[plan.template]
    network.share(topology, owned, seed=0).fill(shaken, draft)
    placed = reconstruct(plan, shaken.positions, draft.vectors)
    squares = ((placed - best_names(find_naming(plan), reference, placed)) ** 2).sum(axis=1)
    owner = plan.bead[plan.atom_rows[:, 0]]
    known = np.isfinite(squares)
    count = np.bincount(owner, known, minlength=plan.n_beads)
    total = np.bincount(owner, np.where(known, squares, 0.0), minlength=plan.n_beads)
    whole = (count > 0) & (count == np.bincount(owner, minlength=plan.n_beads))
    whole &= np.isfinite(draft.squared_error)
    return Judged(
        np.log(draft.squared_error[whole]),
        draft.strain[whole],
        total[whole] / count[whole],
        count[whole],
    )


def _shaken(
    library: Library, name: str, atoms: Atoms, noise: float, seed: int = 0
) -> tuple[Topology, FloatArray, Beads]:
    """Coarse-grain a structure, and put noise (Å a coordinate) on its beads.

    Returns
    -------
    Topology
    FloatArray, shape (n_atoms, 3)
        Å, where the atoms are.
    Beads
    """
    layout = AtomLayout.of(atoms, library, name)
    beads = layout.topology.beads
    shift = np.random.default_rng(seed).normal(0.0, noise, beads.positions.shape)
    shaken = replace(beads, positions=beads.positions + shift)
    return layout.topology, layout.place(atoms.positions, atoms.box), shaken
