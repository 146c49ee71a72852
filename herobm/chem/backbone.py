"""Backbones, found as the pattern N-CA-C between bonds to the previous and the next residue."""

from __future__ import annotations

import numpy as np

from herobm.plan.template import Template, within_residue
from herobm.system.topology import Topology
from herobm.types import IntArray


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
    table = np.full((plan.n_residues, 3), -1, dtype=np.int64)
    central = np.full(plan.n_residues, -1, dtype=np.int64)
    index = plan.atom_index()
    for kind, template in enumerate(plan.library):
        names = backbone_atoms(template)
        residues = np.flatnonzero(plan.template == kind)
        if names is None or len(residues) == 0:
            continue
        table[residues] = index[residues][:, [template.atoms.index(n) for n in names]]
        central[residues] = plan.bead_start[residues] + template.bead_of(names[1])
    whole = (table >= 0).all(axis=1)
    before, after = topology.links.previous, topology.links.following
    phi = whole & (before >= 0) & whole[before]
    psi = whole & (after >= 0) & whole[after]
    phi_atoms = np.concatenate([table[before[phi], 2:], table[phi]], axis=1)
    psi_atoms = np.concatenate([table[psi], table[after[psi], :1]], axis=1)
    return (central[phi], phi_atoms), (central[psi], psi_atoms)
