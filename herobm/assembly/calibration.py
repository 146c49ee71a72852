"""Fit the errors that are expected of networks to those that they make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from herobm.assembly.draft import Draft
from herobm.assembly.network import Network
from herobm.chem.naming import best_names, find_naming
from herobm.errors import MappingMismatchError, StructureError
from herobm.plan import reconstruct
from herobm.plan.template import Library
from herobm.system.atomistic import coarse_grain
from herobm.system.noise import shaken
from herobm.types import Atoms, FloatArray, IntArray
from herobm.weights.expected import NOISES, Judged, fit_errors, join_judged
from herobm.weights.file import load_weights, rewrite_errors


def calibrate(
    path: Path,
    library: Library,
    structures: Iterable[tuple[str, Atoms]],
    faulty: list[tuple[str, str]] | None = None,
) -> tuple[float, float]:
    """Fit what is expected of the networks of a weights file to the errors that they make.

    The file is written anew. See `herobm.weights.expected`; networks of a committee agree more than
    they are right, so that what they expect apart is not what is to be expected of their mean.

    Parameters
    ----------
    path : Path
        Weights file.
    library : Library
        Of their mapping.
    structures : iterable of (name, Atoms)
        That none of the networks learnt from.
    faulty : list of (name, reason), optional
        Takes the structures of which nothing is mapped; without it, they stop the run.

    Returns
    -------
    float, float
        Root mean square errors (Å) over all atoms, with noise on the beads and without, that are
        expected now and that were found.

    Raises
    ------
    WeightsFormatError, WeightsNotFoundError
    MappingMismatchError
        If they know nothing of the mapping.
    StructureError
        If nothing of the structures is mapped.
    """
    weights = load_weights(path)
    network = Network(weights)
    if not any(network.knows(template) for template in library):
        raise MappingMismatchError(
            f"{path}: knows nothing of mapping '{library.name}': it was made for "
            f"'{network.mapping}'",
            "Name the mapping that it was trained with (--mapping).",
        )
    parts: list[list[Judged]] = []
    for name, atoms in structures:
        try:
            parts.append(list(_judged(network, library, name, atoms)))
        except StructureError as error:
            if faulty is None:
                raise
            faulty.append((name, error.message))
    if not sum(float(part.n_atoms.sum()) for of_one in parts for part in of_one):
        raise StructureError(
            f"{path}: cannot be calibrated by these structures, which have no bead all of whose "
            "atoms are there",
            "Name structures that are complete.",
        )
    by_noise = [join_judged(noise) for noise in zip(*parts, strict=True)]
    errors = fit_errors(weights.networks, by_noise)
    judged = join_judged(by_noise)
    rewrite_errors(path, weights, errors)
    expected = errors.squares(weights.networks, judged.held)
    means = [np.average(squares, weights=judged.n_atoms) for squares in (expected, judged.found)]
    return math.sqrt(means[0]), math.sqrt(means[1])


def _judged(network: Network, library: Library, name: str, atoms: Atoms) -> Iterator[Judged]:
    """Let a network rebuild a structure with each of `NOISES`."""
    topology, reference = coarse_grain(atoms, library, name)
    plan, naming = topology.plan, find_naming(topology.plan)
    owned = np.array([network.knows(t) for t in plan.library.templates])[plan.template]
    share = network.share(topology, owned, seed=0)
    for number, noise in enumerate(NOISES):
        beads, draft = shaken(topology.beads, noise, number, name), Draft.of(topology)
        held, asked = share.rebuild(beads, draft)
        placed = reconstruct(plan, beads.positions, draft.vectors)
        off = placed - best_names(naming, reference, placed)
        found, count = mean_squares(off, plan.bead[plan.atom_rows[:, 0]], plan.n_beads)
        there = (count[share.rows] > 0) & asked
        rows = share.rows[there]
        squares, n_atoms = (torch.as_tensor(a[rows]).float() for a in (found, count))
        told = tuple(h.take(torch.as_tensor(there)) for h in held)
        yield Judged(told, squares, n_atoms).cpu()


def mean_squares(off: FloatArray, owner: IntArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Mean squared errors of what atoms belong to, and how many atoms that has.

    Parameters
    ----------
    off : FloatArray, shape (n_atoms, 3)
        Å, NaN where an atom is not known.
    owner : IntArray, shape (n_atoms,)
    n : int

    Returns
    -------
    FloatArray, shape (n,)
        Å^2.
    FloatArray, shape (n,)
        0 where not all atoms are known.
    """
    squares = (off**2).sum(axis=1)
    known = np.isfinite(squares)
    count = np.bincount(owner, minlength=n).astype(float)
    count[owner[~known]] = 0.0
    total = np.bincount(owner, np.where(known, squares, 0.0), minlength=n)
    return total / np.maximum(count, 1.0), count
