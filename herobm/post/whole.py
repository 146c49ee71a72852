"""Molecules of a structure with atoms put into one piece, where the periodic box cuts them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from herobm.plugins.step_context import StepContext
from herobm.post.bonding import PEPTIDE_CUTOFF
from herobm.post.layout import Layout, lay_out
from herobm.system.coarsen import rough_beads
from herobm.system.periodic import box_matrix, minimum_image, whole_residues
from herobm.types import Atoms, FloatArray, IntArray

#: Å, distance of the middles of two amino acids in a row that lack the atoms of their bond.
IN_A_ROW = 9.0
#: Atoms by which amino acids are known.
TRUNK = ("N", "CA", "C")


def whole(atoms: Atoms, context: StepContext) -> Atoms:
    """Put molecules that the box cuts into one piece, where their beads are if these are told.

    Residues go with the one before them that they are bonded to, by their mapping or from C to N;
    amino acids that lack these atoms, with the one before them in their chain.

    Parameters
    ----------
    atoms : Atoms
        Of one frame.
    context : StepContext
        See `herobm.post.alone.context_of`.

    Returns
    -------
    Atoms
        In the order of those given; the same ones where there is no box.
    """
    if atoms.box is None:
        return atoms
    matrix = box_matrix(atoms.box)
    inverse = np.linalg.inv(matrix)
    atoms = replace(
        atoms, positions=whole_residues(atoms.positions, atoms.residue_index, atoms.box)
    )
    layout = None if context.topology is None else lay_out(atoms, context, "post")
    first, second, gaps = _links(atoms, layout)
    images = np.zeros((len(atoms.residues), 3))
    molecule = np.arange(len(atoms.residues))
    jumps = -np.rint(gaps @ inverse)
    for one, two, jump in zip(first.tolist(), second.tolist(), jumps, strict=True):
        if molecule[two] == two:  # by its first bond
            images[two], molecule[two] = images[one] + jump, molecule[one]
    if layout is not None and context.beads is None:
        _join_bridges(layout, context, images, molecule, matrix)
    if layout is not None and context.beads is not None:
        images += _where_beads_are(layout, context, images @ matrix, inverse, molecule)
    return replace(atoms, positions=atoms.positions + (images @ matrix)[atoms.residue_index])


def _links(atoms: Atoms, layout: Layout | None) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of bonded residues (n,), the first before the second, and gaps (n, 3), Å.

    Ordered by the second residue, those by bonds of a mapping first.
    """
    owner, places = atoms.residue_index, atoms.positions
    rows = _named(atoms)
    if layout is not None:
        bonds = layout.rows[layout.bonds]
        rows = np.concatenate([bonds[owner[bonds[:, 0]] != owner[bonds[:, 1]]], rows])
    rows = np.where((owner[rows[:, 0]] > owner[rows[:, 1]])[:, None], rows[:, ::-1], rows)
    one, two = owner[rows].T
    gaps = places[rows[:, 1]] - places[rows[:, 0]]
    middles = _middles(atoms)
    row = _in_a_row(atoms, middles)
    one, two = np.concatenate([one, row]), np.concatenate([two, row + 1])
    gaps = np.concatenate([gaps, middles[row + 1] - middles[row]])
    order = np.argsort(two, kind="stable")
    return one[order], two[order], gaps[order]


def _named(atoms: Atoms) -> IntArray:
    """Pairs of atoms C and N of residues in a row that lie at the length of a bond, (n, 2)."""
    ends = np.full((2, len(atoms.residues) + 1), -1, dtype=np.int64)
    for line, name in zip(ends, ("C", "N"), strict=True):
        rows = np.flatnonzero(atoms.names == name)
        line[atoms.residue_index[rows]] = rows
    pairs = np.stack([ends[0, :-1], ends[1, 1:]], axis=1)
    pairs = pairs[(pairs >= 0).all(axis=1)]
    gaps = minimum_image(atoms.positions[pairs[:, 1]] - atoms.positions[pairs[:, 0]], atoms.box)
    found: IntArray = pairs[np.linalg.norm(gaps, axis=1) <= PEPTIDE_CUTOFF]
    return found


def _in_a_row(atoms: Atoms, middles: FloatArray) -> IntArray:
    """Amino acids (n,) that the next one of their chain may be bonded to, by their middles."""
    residues = atoms.residues
    known = np.zeros(len(residues), dtype=np.int64)
    for name in TRUNK:
        known[np.unique(atoms.residue_index[atoms.names == name])] += 1
    both = (known[:-1] > 1) & (known[1:] > 1)
    both &= residues.same_chain()
    both &= np.isin(residues.ids[1:] - residues.ids[:-1], (0, 1))
    gaps = np.linalg.norm(minimum_image(np.diff(middles, axis=0), atoms.box), axis=1)
    return np.flatnonzero(both & (gaps <= IN_A_ROW))


def _middles(atoms: Atoms) -> FloatArray:
    n = len(atoms.residues)
    count = np.bincount(atoms.residue_index, minlength=n)
    sums = [np.bincount(atoms.residue_index, axis, minlength=n) for axis in atoms.positions.T]
    middles: FloatArray = np.stack(sums, axis=1) / np.maximum(count, 1)[:, None]
    return middles


def _join_bridges(
    layout: Layout,
    context: StepContext,
    images: FloatArray,
    molecule: IntArray,
    matrix: FloatArray,
) -> None:
    """Bring molecules that a disulfide joins into one image; images (n_residues, 3) change."""
    owner, places = layout.atoms.residue_index, layout.atoms.positions
    for one, two in layout.rows[np.array(context.disulfides, dtype=np.int64).reshape(-1, 2)]:
        if min(one, two) < 0 or molecule[owner[one]] == molecule[owner[two]]:
            continue
        shift = (images[owner[two]] - images[owner[one]]) @ matrix
        boxes = np.rint((places[two] - places[one] + shift) @ np.linalg.inv(matrix))
        moved = molecule == molecule[owner[two]]
        images[moved] -= boxes
        molecule[moved] = molecule[owner[one]]


def _where_beads_are(
    layout: Layout,
    context: StepContext,
    moved: FloatArray,
    inverse: FloatArray,
    molecule: IntArray,
) -> FloatArray:
    """Boxes (n_residues, 3) from each molecule to its beads, by the first residue that has any."""
    assert context.beads is not None
    plan = layout.plan
    known = np.arange(plan.n_residues) if context.residue_of is None else context.residue_of
    begin = plan.bead_start[:-1]
    made = rough_beads(plan, layout.positions)[begin] + moved[known]
    boxes = np.nan_to_num(-np.rint((made - context.beads.positions[begin]) @ inverse))
    of_molecule = np.zeros(moved.shape)
    which, first = np.unique(molecule[known], return_index=True)
    of_molecule[which] = boxes[first]
    found: FloatArray = of_molecule[molecule]
    return found
