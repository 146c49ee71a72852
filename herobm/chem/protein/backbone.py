"""Backbones, found as the pattern N-CA-C between bonds to the previous and the next residue."""

from __future__ import annotations

import numpy as np

from herobm.plan.plan import Plan
from herobm.plan.template import Template, within_residue
from herobm.system.topology import Topology
from herobm.types import BoolArray, IntArray


def backbone_atoms(template: Template) -> tuple[str, str, str] | None:
    """Names of the three atoms on the way from the previous residue to the next one.

    Parameters
    ----------
    template : Template

    Returns
    -------
    tuple of str or None
        N, CA and C of an amino acid; None for a residue whose ends are not nitrogen and carbon
        two bonds apart.
    """
    following, preceding = template.link_next, template.link_previous
    if following is None:
        return None
    last = following[0]
    first = preceding[0] if preceding else following[1]
    element = dict(zip(template.atoms, template.elements, strict=True))
    if element.get(first) != "N" or element.get(last) != "C":
        return None
    partners: dict[str, set[str]] = {}
    for a, b, _ in within_residue(template.mapping.bonds):
        partners.setdefault(a, set()).add(b)
        partners.setdefault(b, set()).add(a)
    between = partners.get(first, set()) & partners.get(last, set())
    between = {name for name in between if element.get(name) == "C"}
    return (first, between.pop(), last) if len(between) == 1 else None


def backbone_table(plan: Plan) -> IntArray:
    """N, CA and C of each residue, shape (n_residues, 3), -1 where it has none.

    Parameters
    ----------
    plan : Plan
    """
    table = np.full((plan.n_residues, 3), -1, dtype=np.int64)
    index = plan.atom_index()
    for kind, template in enumerate(plan.library):
        names = backbone_atoms(template)
        residues = np.flatnonzero(plan.template == kind)
        if names is not None and len(residues):
            table[residues] = index[residues][:, [template.atoms.index(n) for n in names]]
    return table


def omega_atoms(topology: Topology) -> IntArray:
    """Atoms CA, C, N, CA of the bonds between residues, shape (n, 4), ordered by residue.

    Parameters
    ----------
    topology : Topology
    """
    table = backbone_table(topology.plan)
    before = topology.links.previous
    whole: BoolArray = table.min(axis=1) >= 0
    here = whole & (before >= 0) & whole[before]
    quads: IntArray = np.concatenate([table[before[here], 1:], table[here, :2]], axis=1)
    return quads


def torsion_atoms(topology: Topology) -> tuple[tuple[IntArray, IntArray], ...]:
    """Atoms of phi and psi.

    Parameters
    ----------
    topology : Topology

    Returns
    -------
    tuple of two (bead, atoms)
        For phi and for psi: the beads of CA, shape (n,), and the four atoms, shape (n, 4).
    """
    plan = topology.plan
    table = backbone_table(plan)
    kinds = [backbone_atoms(t) for t in plan.library]
    local = [t.bead_of(k[1]) if k else -1 for t, k in zip(plan.library, kinds, strict=True)]
    central = plan.bead_start[:-1] + np.array(local, dtype=np.int64)[plan.template]
    whole: BoolArray = table.min(axis=1) >= 0
    before, after = topology.links.previous, topology.links.following
    phi = whole & (before >= 0) & whole[before]
    psi = whole & (after >= 0) & whole[after]
    phi_atoms = np.concatenate([table[before[phi], 2:], table[phi]], axis=1)
    psi_atoms = np.concatenate([table[psi], table[after[psi], :1]], axis=1)
    return (central[phi], phi_atoms), (central[psi], psi_atoms)
