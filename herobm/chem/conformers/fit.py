"""A molecule rebuilt from its beads by its chemistry alone."""

from __future__ import annotations

import networkx as nx
import numpy as np

from herobm.chem.conformers.ensemble import ConformerEnsemble, ensemble
from herobm.chem.conformers.relaxation import Energy, hold_centres, minimise
from herobm.chem.conformers.torsion_fit import (
    bead_errors,
    find_rotatable_bonds,
    fit_torsions,
    superpose,
)
from herobm.chem.planarity import bent_rings
from herobm.chem.stereo import chirality_errors, double_bond_errors
from herobm.plan.plan import compile_plan
from herobm.plan.template import ANYWHERE, Library, Template, atom_weights
from herobm.types import FloatArray

#: kcal/mol/Å², of the springs that hold the centres of beads.
STIFFNESS = 1000.0
#: Conformers whose torsions are fitted: those that lie best on the beads as they are.
N_TURNED = 50
#: Å, RMSD of heavy atoms, conformers nearer than this to each other count as one.
ALIKE = 0.3
#: (conformers, steps of L-BFGS), of the rounds of relaxation: the best of one enter the next.
ROUNDS = ((8, 25), (2, 400))


class Fit:
    """Conformers of a molecule, ready to be fitted to its beads in any number of frames.

    Each conformer is superposed on the beads; the best are turned about their single bonds; the
    best of these are relaxed with the centres of the beads held, and the one of least energy
    (springs included) that has the stereo of the mapping and flat aromatic rings is taken.

    Parameters
    ----------
    template : Template
        Of a whole molecule, with bonds.
    n_conformers : int
    seed : int
        Of the conformers.

    Raises
    ------
    DslCheckError
        See `ensemble`.
    """

    def __init__(self, template: Template, n_conformers: int = 50, seed: int = 7) -> None:
        self.template = template
        self.ensemble = ensemble(template.mapping, n_conformers, seed)
        self.shares = bead_weights(template, self.ensemble)
        self.known = self.shares.sum(axis=1) > 0.5
        self.rows = np.array([self.ensemble.index[name] for name in template.atoms])
        self.heavy = np.array([a.GetAtomicNum() > 1 for a in self.ensemble.mol.GetAtoms()])
        self._plan = compile_plan(Library(template.name, (template,)), np.zeros(1, np.int64))
        self._bonds = find_rotatable_bonds(self.ensemble.mol)

    def __call__(self, beads: FloatArray) -> FloatArray:
        """Place the atoms of one frame.

        Parameters
        ----------
        beads : FloatArray, shape (n_beads, 3)
            Å, in the order of the mapping.

        Returns
        -------
        FloatArray, shape (n_atoms, 3)
            Å, the rebuilt atoms in the order of the template.
        """
        return np.asarray(self.whole(beads)[self.rows])

    def whole(self, beads: FloatArray) -> FloatArray:
        """Place all atoms of the molecule, hydrogens too; parameters as for a call.

        Returns
        -------
        FloatArray, shape (n, 3)
            Å, in the order of ``ensemble.mol``.
        """
        shares, aim = self.shares[self.known], beads[self.known]
        laid_on, back = self._superposed(shares, aim)
        fitted = fit_torsions(self._bonds, shares, aim @ back, laid_on)
        held = hold_centres(self.ensemble.field, shares, aim @ back, STIFFNESS)
        return np.asarray(self._relaxed(held, shares, aim @ back, fitted) @ back.T)

    def _superposed(self, shares: FloatArray, aim: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lay conformers on the beads as the first of them has them, and the rotation there."""
        conformers = self.ensemble.positions
        centres = shares @ conformers
        back = superpose(aim[None], centres[0])[0][0]
        turns, shifts = superpose(centres, aim @ back)
        laid_on = conformers @ turns + shifts[:, None]
        order = np.argsort(bead_errors(shares, aim @ back, laid_on), kind="stable")
        return laid_on[order[:N_TURNED]], back

    def _relaxed(
        self, held: Energy, shares: FloatArray, aim: FloatArray, fitted: FloatArray
    ) -> FloatArray:
        """Relax the best of the candidates, and return the best of those, (n_atoms, 3)."""
        order = np.argsort(bead_errors(shares, aim, fitted), kind="stable")
        candidates = self._distinct(fitted[order])
        for n_kept, n_steps in ROUNDS:
            tried = [minimise(held, c, n_steps) for c in candidates[:n_kept]]
            tried.sort(key=lambda found: (self.faults(found[1]), found[0]))
            candidates = [positions for _, positions in tried]
        if self.faults(candidates[0]) and not self.faults(fitted[order[0]]):
            return np.asarray(fitted[order[0]])
        return candidates[0]

    def _distinct(self, conformers: FloatArray) -> list[FloatArray]:
        """Leave out conformers that are like one before them."""
        kept: list[FloatArray] = []
        for conformer in conformers:
            places = conformer[self.heavy]
            if all(_rmsd(places, other[self.heavy]) > ALIKE for other in kept):
                kept.append(conformer)
        return kept

    def faults(self, positions: FloatArray) -> int:
        """Count wrong hands, wrong double bonds and bent rings of a conformer (n_atoms, 3)."""
        rebuilt = positions[self.rows]
        return sum(
            len(found(self._plan, rebuilt))
            for found in (chirality_errors, double_bond_errors, bent_rings)
        )


def _rmsd(one: FloatArray, other: FloatArray) -> float:
    return float(np.sqrt(((one - other) ** 2).sum(axis=1).mean()))


def unfit(template: Template) -> str:
    """Say why a residue kind cannot be rebuilt by its chemistry alone, "" if it can.

    Parameters
    ----------
    template : Template
    """
    mapping = template.mapping
    linked = any(not bond.within for bond in mapping.bonds)
    if linked or (template.atom_place != ANYWHERE).any():
        return "it is bonded to other residues; only whole molecules are rebuilt without training"
    if not template.atoms:
        return "no atom of its mapping has a rule"
    if len(mapping.atoms) > 1 and not mapping.bonds:
        return (
            "its mapping has no bonds (herobm mapping convert --structure takes them from a "
            "structure)"
        )
    graph = nx.Graph((b.a.name, b.b.name) for b in mapping.bonds)
    graph.add_nodes_from(atom.name for atom in mapping.atoms)
    pieces = sorted(nx.connected_components(graph), key=len)
    if len(pieces) > 1:
        return f"no bond of its mapping joins {', '.join(sorted(pieces[0]))} to the other atoms"
    return ""


def bead_weights(template: Template, made: ConformerEnsemble) -> FloatArray:
    """Share of each atom in the position of each bead.

    Parameters
    ----------
    template : Template
    made : ConformerEnsemble
        Of its mapping.

    Returns
    -------
    FloatArray, shape (n_beads, n_atoms of `made`)
        Each line adds up to 1, or to 0 for a bead none of whose atoms counts.
    """
    shares = np.zeros((len(template.beads), made.mol.GetNumAtoms()))
    for atom, placed in atom_weights(template.mapping).items():
        for bead, weight in placed:
            shares[template.beads.index(bead), made.index[atom]] += weight
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(shares / np.where(total > 0, total, 1.0))
