"""The beads of a molecule: the cheapest set of groups that holds every atom once."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
from scipy import optimize, sparse

from herobm.chem.suggest.candidates import Shares, candidates, describe
from herobm.chem.suggest.likeness import likeness
from herobm.errors import HerobmError

#: What a bead costs more if its images under the symmetry of the molecule are no beads, too.
_UNLIKE = 0.6
#: Prefers one of several solutions that are equally good, always the same.
_TIE = 1e-5


def partition(heavy: Any) -> list[Shares]:
    """Divide a molecule into beads.

    Every group of atoms that may be a bead has a cost (`herobm.chem.suggest.candidates`); the
    cheapest choice in which the shares of each atom add up to one is found by integer
    programming. Groups that the symmetry of the molecule maps onto each other are chosen
    together, unless that is impossible or far dearer (benzene in three beads).

    Parameters
    ----------
    heavy : Chem.Mol
        Sanitized, without hydrogens, in canonical order (`herobm.chem.suggest.graph.canonical`).

    Returns
    -------
    list of Shares
        Beads, each as (atom, share) pairs, by their first atoms.

    Raises
    ------
    HerobmError
        If the solver fails.
    """
    alike = likeness(heavy)
    costs = candidates(describe(heavy, alike.classes))
    orbits = _orbits(list(costs), alike.moves)
    choices: list[tuple[tuple[Shares, ...], float]] = []
    for orbit in orbits:
        if _fits(orbit):
            choices.append((orbit, sum(costs[group] for group in orbit)))
        if len(orbit) > 1:
            choices += [((group,), costs[group] + _UNLIKE) for group in orbit]
    chosen = _cheapest(choices, heavy.GetNumAtoms())
    return sorted(group for groups in chosen for group in groups)


def _orbits(groups: list[Shares], moves: tuple[tuple[int, ...], ...]) -> list[tuple[Shares, ...]]:
    """Gather the groups that the moves take to each other."""
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(groups)
    known = set(groups)
    for move in moves:
        for group in groups:
            image = tuple(sorted((move[i], share) for i, share in group))
            if image != group and image in known:
                graph.add_edge(group, image)
    return sorted(tuple(sorted(piece)) for piece in nx.connected_components(graph))


def _fits(orbit: tuple[Shares, ...]) -> bool:
    """Whether no atom is wanted more than once."""
    used: dict[int, Any] = {}
    for group in orbit:
        for i, share in group:
            used[i] = used.get(i, 0) + share
    return bool(max(used.values()) <= 1)


def _cheapest(
    choices: list[tuple[tuple[Shares, ...], float]], n_atoms: int
) -> list[tuple[Shares, ...]]:
    costs = np.array([cost for _, cost in choices])
    ties = np.array([groups[0][0][0] / n_atoms + len(groups[0]) for groups, _ in choices])
    rows, columns, values = [], [], []
    for column, (groups, _) in enumerate(choices):
        for group in groups:
            for i, share in group:
                rows.append(i)
                columns.append(column)
                values.append(2.0 * float(share))
    matrix = sparse.csr_array((values, (rows, columns)), shape=(n_atoms, len(choices)))
    solved = optimize.milp(
        costs + _TIE * ties * np.arange(len(choices)) / len(choices),
        constraints=optimize.LinearConstraint(matrix, 2.0, 2.0),
        integrality=np.ones(len(choices)),
        bounds=optimize.Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    if solved.x is None:
        raise HerobmError(f"no division into beads is found: {solved.message}")
    return [choices[k][0] for k in np.flatnonzero(solved.x > 0.5)]
