"""Torsions that a structure should keep while its atoms are moved a little."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import networkx as nx
import numpy as np

from herobm.chem.protein.backbone import omega_atoms
from herobm.plan.plan import Plan
from herobm.plan.template import Template
from herobm.system.topology import Topology
from herobm.types import IntArray


def kept_torsions(topology: Topology, bonds: IntArray) -> IntArray:
    """Find the torsions that are to stay as they are.

    Those of side chains are among them: they are rotamers, which the network tells better than the
    beads do.

    Parameters
    ----------
    topology : Topology
    bonds : IntArray, shape (n_bonds, 2)

    Returns
    -------
    IntArray, shape (n, 4)
        About all bonds within residues, about peptide bonds, and, to keep chirality and planes,
        between the neighbours of each atom that has three of them.
    """
    plan = topology.plan
    return np.concatenate([_of_templates(plan), omega_atoms(topology), _corners(bonds, plan)])


def _of_templates(plan: Plan) -> IntArray:
    index = plan.atom_index()
    found: list[IntArray] = [np.zeros((0, 4), np.int64)]
    for kind, template in enumerate(plan.library):
        residues = np.flatnonzero(plan.template == kind)
        if len(residues):
            found.append(index[residues][:, _of_template(template)].reshape(-1, 4))
    quads = np.concatenate(found)
    return quads[(quads >= 0).all(axis=1)]


@lru_cache(maxsize=4096)
def _of_template(template: Template) -> IntArray:
    """Torsions about the bonds of a residue, as atoms of the template, shape (n, 4)."""
    graph = nx.Graph(template.bonds.tolist())
    quads = []
    for b, c in template.bonds.tolist():
        ends = product(set(graph[b]) - {c}, set(graph[c]) - {b})
        quads += [(a, b, c, d) for a, d in ends if a != d]
    return np.array(sorted(quads), dtype=np.int64).reshape(-1, 4)


def _corners(bonds: IntArray, plan: Plan) -> IntArray:
    """(neighbour, centre, neighbour, neighbour) of every atom with three or more neighbours."""
    both = np.concatenate([bonds, bonds[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    counts = np.bincount(both[:, 0], minlength=plan.n_atoms)
    starts = np.cumsum(counts) - counts
    found = []
    for third in range(2, int(counts.max(initial=0))):
        centre = np.flatnonzero(counts > third)
        one, two, other = (both[starts[centre] + k, 1] for k in (third - 2, third - 1, third))
        found.append(np.stack([one, centre, two, other], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 4), np.int64)
