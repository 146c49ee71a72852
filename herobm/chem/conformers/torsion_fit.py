"""Conformers laid onto beads: superposed, then turned about their single bonds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem

from herobm.types import BoolArray, FloatArray, IntArray

#: What may turn: single bonds outside rings, not next to a triple bond, each end with a further
#: heavy atom.
_TURNS = Chem.MolFromSmarts("[!$(*#*)&!D1&!#1]-&!@[!$(*#*)&!D1&!#1]")
#: Amides, esters and their like, which stay as flat as the conformer has them.
_STIFF = Chem.MolFromSmarts("[#6](=[O,S,N])-&!@[#7,#8,#16]")
#: Å²/rad², what keeps a torsion where it is that the beads do not tell.
IDLE = 0.02
#: rad, no torsion turns by more in one step.
LARGEST_TURN = 0.7
#: Of Levenberg and Marquardt.
N_STEPS = 15


@dataclass(frozen=True, eq=False)
class RotatableBonds:
    """Bonds about which a molecule turns.

    Attributes
    ----------
    axes : IntArray, shape (n_bonds, 2)
    moved : BoolArray, shape (n_bonds, n_atoms)
        Atoms beyond the second atom of each axis: the smaller side.
    """

    axes: IntArray
    moved: BoolArray


def find_rotatable_bonds(mol: Any) -> RotatableBonds:
    """Find the bonds of a molecule that turn freely enough to be fitted.

    Parameters
    ----------
    mol : Chem.Mol
        With hydrogens.
    """
    heavy = [a.GetAtomicNum() > 1 for a in mol.GetAtoms()]

    def ends_in_hydrogens(atom: int) -> bool:
        near = mol.GetAtomWithIdx(atom).GetNeighbors()
        return [heavy[n.GetIdx()] for n in near].count(True) < 2

    stiff = {frozenset((m[0], m[2])) for m in _of(mol, _STIFF)}
    axes, moved = [], []
    for a, b in _of(mol, _TURNS):
        if frozenset((a, b)) in stiff or ends_in_hydrogens(a) or ends_in_hydrogens(b):
            continue
        far = _beyond(mol, a, b)
        if 2 * far.sum() > mol.GetNumAtoms():
            a, b, far = b, a, ~far
        axes.append((a, b))
        moved.append(far)
    n_atoms = mol.GetNumAtoms()
    return RotatableBonds(
        np.array(axes, dtype=np.int64).reshape(-1, 2),
        np.array(moved, dtype=bool).reshape(-1, n_atoms),
    )


def _of(mol: Any, pattern: Any) -> list[tuple[int, ...]]:
    return list(mol.GetSubstructMatches(pattern, maxMatches=10000))


def _beyond(mol: Any, a: int, b: int) -> BoolArray:
    """Atoms (n_atoms,) on the side of b of the bond a-b, b among them."""
    far = np.zeros(mol.GetNumAtoms(), dtype=bool)
    waiting = [b]
    while waiting:
        atom = waiting.pop()
        far[atom] = True
        near = (n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors())
        waiting += [n for n in near if not far[n] and (atom, n) != (b, a)]
    return far


def superpose(centres: FloatArray, beads: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lay sets of points onto one set by proper rotations.

    Kabsch, Acta Cryst. A 34, 827 (1978).

    Parameters
    ----------
    centres : FloatArray, shape (n, n_beads, 3)
    beads : FloatArray, shape (n_beads, 3)

    Returns
    -------
    rotations : FloatArray, shape (n, 3, 3)
    shifts : FloatArray, shape (n, 3)
        ``points @ rotation + shift`` is the point laid on.
    """
    middle, aim = centres.mean(axis=1), beads.mean(axis=0)
    u, _, v = np.linalg.svd(np.swapaxes(centres - middle[:, None], 1, 2) @ (beads - aim))
    mirrored = np.linalg.det(u @ v) < 0
    u[mirrored, :, 2] *= -1.0
    rotations = u @ v
    return rotations, aim - (middle[:, None] @ rotations)[:, 0]


def fit_torsions(
    bonds: RotatableBonds,
    shares: FloatArray,
    beads: FloatArray,
    positions: FloatArray,
) -> FloatArray:
    """Turn and move conformers until their beads are as near as torsions allow.

    Levenberg-Marquardt over torsions, rotation and shift, all conformers side by side; bonds,
    angles, rings and stereo stay as they are.

    Parameters
    ----------
    bonds : RotatableBonds
    shares : FloatArray, shape (n_beads, n_atoms)
        Of each atom in the position of a bead; each line adds up to 1.
    beads : FloatArray, shape (n_beads, 3)
        Å.
    positions : FloatArray, shape (n_conformers, n_atoms, 3)
        Å, superposed on the beads.

    Returns
    -------
    FloatArray, shape (n_conformers, n_atoms, 3)
    """
    damping = np.full(len(positions), 1e-2)
    cost = bead_errors(shares, beads, positions)
    for _ in range(N_STEPS):
        change = _step(bonds, shares, beads, positions, damping)
        tried = _turned(bonds, shares, positions, change)
        cost_there = bead_errors(shares, beads, tried)
        better = cost_there < cost
        positions = np.where(better[:, None, None], tried, positions)
        cost = np.where(better, cost_there, cost)
        damping = np.clip(np.where(better, damping / 3.0, damping * 5.0), 1e-6, 1e3)
    return positions


def bead_errors(shares: FloatArray, beads: FloatArray, positions: FloatArray) -> FloatArray:
    """Root mean square distance (n_conformers,) of bead centres from the beads, Å."""
    off = shares @ positions - beads
    errors: FloatArray = np.sqrt((off * off).sum(axis=2).mean(axis=1))
    return errors


def _step(
    bonds: RotatableBonds,
    shares: FloatArray,
    beads: FloatArray,
    positions: FloatArray,
    damping: FloatArray,
) -> FloatArray:
    """Change of torsions, rotation and shift (n_conformers, n_bonds + 6), in rad and Å."""
    n = len(positions)
    centres = shares @ positions
    off = (centres - beads).reshape(n, -1)
    axis, origin = _axes(bonds, positions)
    moving = bonds.moved[:, None, :] * shares  # (n_bonds, n_beads, n_atoms)
    arms = (
        moving[None] @ positions[:, None]
        - moving.sum(axis=2)[None, ..., None] * (origin[:, :, None])
    )
    turning = np.cross(axis[:, :, None], arms)
    around = centres - centres.mean(axis=1, keepdims=True)
    rolling = np.cross(np.eye(3)[None, :, None], around[:, None])
    shifting = np.broadcast_to(np.eye(3)[None, :, None], rolling.shape)
    slopes = np.concatenate([turning, rolling, shifting], axis=1).reshape(n, len(axis[0]) + 6, -1)
    normal = slopes @ np.swapaxes(slopes, 1, 2)
    diagonal = np.einsum("nii->ni", normal)
    idle = np.append(np.full(len(bonds.axes), IDLE), np.full(6, 1e-6))
    diagonal += damping[:, None] * (diagonal + 0.1) + idle * damping[:, None] / 1e-2
    change = -np.linalg.solve(normal, (slopes @ off[..., None]))[..., 0]
    n_bonds = len(bonds.axes)
    change[:, :n_bonds] = np.clip(change[:, :n_bonds], -LARGEST_TURN, LARGEST_TURN)
    return change


def _axes(bonds: RotatableBonds, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Direction and a point of each axis, both (n_conformers, n_bonds, 3)."""
    ends = positions[:, bonds.axes]
    along = ends[:, :, 1] - ends[:, :, 0]
    return along / np.linalg.norm(along, axis=2, keepdims=True), ends[:, :, 1]


def _turned(
    bonds: RotatableBonds, shares: FloatArray, positions: FloatArray, change: FloatArray
) -> FloatArray:
    moved = positions.copy()
    for number, far in enumerate(bonds.moved):
        ends = moved[:, bonds.axes[number]]
        along = ends[:, 1] - ends[:, 0]
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        turn = _rotations(along * change[:, number, None])
        moved[:, far] = (moved[:, far] - ends[:, 1:]) @ turn + ends[:, 1:]
    n_bonds = len(bonds.axes)
    middle = (shares @ moved).mean(axis=1, keepdims=True)
    turn = _rotations(change[:, n_bonds : n_bonds + 3])
    shifted: FloatArray = (moved - middle) @ turn + middle + change[:, None, n_bonds + 3 :]
    return shifted


def _rotations(vectors: FloatArray) -> FloatArray:
    """Rotations (n, 3, 3) by vectors (n, 3) in rad, to be multiplied from the right."""
    from scipy.spatial.transform import Rotation

    matrices: FloatArray = np.swapaxes(Rotation.from_rotvec(vectors).as_matrix(), 1, 2)
    return matrices
