"""How far the atoms of a bead lie from its position, over an ensemble of conformers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from herobm.chem.suggest.candidates import Shares
from herobm.elements import MASSES
from herobm.types import FloatArray

log = logging.getLogger(__name__)

#: Å: distances that differ by less are equal; the conformers are too few to tell them apart.
_RESOLUTION = 0.05
#: Attempts for a conformer; large rings take many, and none of them is worth waiting for.
_ATTEMPTS = 10


def embed(heavy: Any, n_conformers: int, seed: int) -> FloatArray | None:
    """Make an ensemble of conformers by ETKDG (Wang et al., J. Chem. Inf. Model. 2020, 60, 2044).

    Parameters
    ----------
    heavy : Chem.Mol
        In canonical order, hydrogens implicit.
    n_conformers : int
    seed : int
        The same seed gives the same ensemble.

    Returns
    -------
    FloatArray, shape (n, n_atoms, 3), or None
        Å, with the hydrogens behind the atoms of `heavy`; n is `n_conformers` or less. None if
        RDKit finds no conformer.
    """
    full = Chem.AddHs(heavy)
    options: Any = rdDistGeom.ETKDGv3()
    options.randomSeed = seed
    options.numThreads = 1
    options.maxIterations = _ATTEMPTS
    options.useMacrocycle14config = True
    with rdBase.BlockLogs():
        ids = list(rdDistGeom.EmbedMultipleConfs(full, n_conformers, options))
        if not ids:
            options.useRandomCoords = True
            ids = list(rdDistGeom.EmbedMultipleConfs(full, 1, options))
    if not ids:
        return None
    return np.array([full.GetConformer(i).GetPositions() for i in ids])


def distances(
    heavy: Any, beads: Sequence[Shares], ensemble: FloatArray, classes: Sequence[int]
) -> list[dict[int, float]]:
    """Measure how far atoms lie from the mass centre of their bead, on average.

    Parameters
    ----------
    heavy : Chem.Mol
    beads : Sequence[Shares]
    ensemble : FloatArray, shape (n, n_atoms, 3)
        Å, see `embed`.
    classes : Sequence[int]
        Atoms of one class that lie in like beads get the mean of their distances.

    Returns
    -------
    list of dict of int to float
        For each bead, atom -> Å, a multiple of 0.05 Å.
    """
    full = Chem.AddHs(heavy)
    masses = np.array([MASSES[a.GetSymbol()] for a in full.GetAtoms()])
    found: list[dict[int, float]] = []
    alike: dict[tuple[object, ...], list[float]] = {}
    for bead in beads:
        weights = np.zeros(len(masses))
        for atom, share in bead:
            near = full.GetAtomWithIdx(atom).GetNeighbors()
            for i in [atom, *(n.GetIdx() for n in near if n.GetAtomicNum() == 1)]:
                weights[i] = float(share) * masses[i]
        centers = np.einsum("a,nad->nd", weights / weights.sum(), ensemble)
        rows = np.array([i for i, _ in bead])
        away = np.linalg.norm(ensemble[:, rows] - centers[:, None], axis=2).mean(axis=0)
        found.append(dict(zip(rows.tolist(), away.tolist(), strict=True)))
        for atom, value in found[-1].items():
            alike.setdefault(_kind(atom, bead, classes), []).append(value)
    mean = {kind: round(float(np.mean(v)) / _RESOLUTION) * _RESOLUTION for kind, v in alike.items()}
    return [
        {atom: mean[_kind(atom, bead, classes)] for atom in away}
        for bead, away in zip(beads, found, strict=True)
    ]


def _kind(atom: int, bead: Shares, classes: Sequence[int]) -> tuple[object, ...]:
    return classes[atom], tuple(sorted((classes[i], share) for i, share in bead))
