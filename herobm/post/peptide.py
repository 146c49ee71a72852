"""Peptide geometry: which atoms a backbone has, and how they should lie.

Lengths and angles are those of Engh and Huber, Acta Cryst. A47, 392 (1991).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.chem.protein.backbone import backbone_table
from herobm.post.layout import Layout
from herobm.types import BoolArray, FloatArray, IntArray, StrArray

#: Å for usual residues, GLY and PRO; "<C" is the C of the residue before, ">N" the N of the next.
LENGTHS: dict[tuple[str, ...], tuple[float, float, float]] = {
    ("N", "CA"): (1.458, 1.451, 1.466),
    ("CA", "C"): (1.525, 1.516, 1.525),
    ("C", "O"): (1.231, 1.231, 1.231),
    ("C", "OXT"): (1.249, 1.249, 1.249),
    ("CA", "CB"): (1.530, 1.530, 1.530),
    ("<C", "N"): (1.329, 1.329, 1.341),
}
#: Degrees, in the same way.
ANGLES: dict[tuple[str, ...], tuple[float, float, float]] = {
    ("N", "CA", "C"): (111.2, 112.5, 111.8),
    ("CA", "C", "O"): (120.8, 120.8, 120.8),
    ("CA", "C", "OXT"): (117.0, 117.0, 117.0),
    ("N", "CA", "CB"): (110.5, 110.5, 103.0),
    ("C", "CA", "CB"): (110.1, 110.1, 110.1),
    ("CA", "C", ">N"): (116.2, 116.4, 116.2),
    ("O", "C", ">N"): (123.0, 123.0, 123.0),
    ("<C", "N", "CA"): (121.7, 120.6, 122.6),
}
#: Degrees, what another residue name makes of an angle.
BETA_BRANCHED: dict[tuple[str, ...], float] = {("N", "CA", "CB"): 111.5, ("C", "CA", "CB"): 109.1}
#: Å, standard deviations of lengths, and of the distances that angles make.
BOND_SPREAD, ANGLE_SPREAD = 0.015, 0.04


@dataclass(frozen=True, eq=False)
class Backbone:
    """Backbones of a structure.

    Attributes
    ----------
    atoms : dict of str to IntArray, each of shape (n_residues,)
        N, CA, C, O, OXT, CB as atoms of the plan, -1 where a residue has none.
    names : StrArray, shape (n_residues,)
    before, after : IntArray, shape (n_residues,)
        Residue whose backbone is bonded to this one's, -1 for none.
    """

    atoms: dict[str, IntArray]
    names: StrArray
    before: IntArray
    after: IntArray

    @property
    def whole(self) -> BoolArray:
        """Residues that have N, CA, C and O."""
        found: BoolArray = np.min([self.atoms[n] for n in ("N", "CA", "C", "O")], axis=0) >= 0
        return found

    def column(self, token: str) -> IntArray:
        """Atom of each residue by name, of the residue before (``<C``) or after (``>N``)."""
        near = {"<": self.before, ">": self.after}.get(token[0])
        if near is None:
            return self.atoms[token]
        return np.where(near >= 0, self.atoms[token[1:]][near], -1)

    def torsion(self, which: str) -> tuple[IntArray, IntArray]:
        """Residues (n,) that have phi, psi or omega (with the one before), and atoms (n, 4)."""
        n, ca, c = (self.atoms[name] for name in ("N", "CA", "C"))
        here = np.flatnonzero((self.after if which == "psi" else self.before) >= 0)
        last, following = self.before[here], self.after[here]
        quads = {
            "phi": (c[last], n[here], ca[here], c[here]),
            "psi": (n[here], ca[here], c[here], n[following]),
            "omega": (ca[last], c[last], n[here], ca[here]),
            "oxygen": (self.atoms["O"][last], c[last], n[here], ca[here]),
        }[which]
        return here, np.stack(quads, axis=1)


def find_backbone(layout: Layout) -> Backbone:
    """Find the backbones of a structure; a residue that lacks one of their atoms has none."""
    plan = layout.plan
    table = backbone_table(plan)
    atoms = dict(zip(("N", "CA", "C"), table.T, strict=True))
    index = plan.atom_index()
    for name in ("O", "OXT", "CB"):
        where = np.array([t.atoms.index(name) if name in t.atoms else -1 for t in plan.library])
        local = where[plan.template]
        atoms[name] = np.where(local >= 0, index[np.arange(plan.n_residues), local], -1)
    for name, column in atoms.items():
        missing = (column < 0) | (layout.rows[column] < 0)
        atoms[name] = np.where(missing, -1, column)
    whole = np.min([atoms[n] for n in ("N", "CA", "C", "O")], axis=0) >= 0
    atoms = {name: np.where(whole, column, -1) for name, column in atoms.items()}
    links = layout.topology.links
    before = np.where(whole & (links.previous >= 0) & whole[links.previous], links.previous, -1)
    after = np.where(whole & (links.following >= 0) & whole[links.following], links.following, -1)
    return Backbone(atoms, layout.topology.beads.residues.names, before, after)


def ideal_distances(backbone: Backbone) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    """Distances that a backbone should have.

    Parameters
    ----------
    backbone : Backbone

    Returns
    -------
    pairs : IntArray, shape (n, 2)
    lengths, spreads : FloatArray, shape (n,)
        Å.
    residue : IntArray, shape (n,)
        That each distance belongs to.
    """
    pairs, lengths, spreads, residues = [], [], [], []
    for tokens in (*LENGTHS, *ANGLES):
        ends = np.stack([backbone.column(tokens[0]), backbone.column(tokens[-1])], axis=1)
        here = np.flatnonzero((ends >= 0).all(axis=1))
        length = _lengths(backbone, tokens) if len(tokens) == 2 else _spans(backbone, tokens)
        pairs.append(ends[here])
        lengths.append(length[here])
        spreads.append(np.full(len(here), BOND_SPREAD if len(tokens) == 2 else ANGLE_SPREAD))
        residues.append(here)
    return tuple(np.concatenate(x) for x in (pairs, lengths, spreads, residues))  # type: ignore[return-value]


def _lengths(backbone: Backbone, tokens: tuple[str, ...]) -> FloatArray:
    """Length of a bond in every residue, shape (n_residues,)."""
    if tokens in LENGTHS or tokens[::-1] in LENGTHS:
        values = LENGTHS.get(tokens) or LENGTHS[tokens[::-1]]
        return np.array(values)[_kind(backbone.names)]
    return _lengths(backbone, ("<C", "N"))[backbone.after]  # C to >N


def _spans(backbone: Backbone, tokens: tuple[str, ...]) -> FloatArray:
    """Distance between the ends of an angle in every residue, shape (n_residues,)."""
    angle: FloatArray = np.array(ANGLES[tokens])[_kind(backbone.names)]
    if tokens in BETA_BRANCHED:
        branched = np.isin(backbone.names, ("ILE", "THR", "VAL"))
        angle = np.where(branched, BETA_BRANCHED[tokens], angle)
    one, two = _lengths(backbone, tokens[:2]), _lengths(backbone, tokens[1:])
    span: FloatArray = np.sqrt(one**2 + two**2 - 2 * one * two * np.cos(np.radians(angle)))
    return span


def _kind(names: StrArray) -> IntArray:
    return np.where(names == "GLY", 1, np.where(names == "PRO", 2, 0))
