"""The loss: positions, bonds, angles and backbone torsions.

The terms and their weights, 1 : 5 : 5 for positions, bonds and angles, and a term for phi and psi
are those of Angioletti, Raniolo and Limongelli, "HEroBM", arXiv:2404.16911 (equations 4 to 8).
Their forms are ours: squared errors of the atom positions, bond lengths and cosines of angles
(which need no arc cosine), and 1 - cos of the difference for phi and psi of backbone beads. To the
squares of the distances from where atoms should be, the distances themselves can be added, without
which the few atoms that no bead tells leave nothing to learn from the many that are nearly right.
Names that chemistry cannot tell apart are swapped in the target where that is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from herobm.nn.model import Prediction
from herobm.nn.rotors import BINS, RotorHead
from herobm.train.batch import Batch, Rotors

#: Degrees, standard deviation of the angle that a structure shows.
ROTOR_SPREAD = 7.0
#: Å, distance from where an atom should be below which it counts by its square alone.
NEAR = 0.02


class Halves(NamedTuple):
    """What makes the error of an atom count half; None for what all atoms are alike in.

    Attributes
    ----------
    strain : float or None
        Å, of the bead that places the atom.
    bfactor : float or None
        Å^2, of the atom in the structure.
    """

    strain: float | None = None
    bfactor: float | None = None

    def weights(self, batch: Batch) -> torch.Tensor:
        """Return the weight of each atom of a batch, shape (n_atoms,), between 0 and 1."""
        weight = torch.ones_like(batch.bfactors)
        if self.strain is not None:
            strain = batch.graph.strain[batch.row_bead[batch.atom_rows[:, 0]]]
            weight = weight / (1.0 + (strain / self.strain).square())
        if self.bfactor is not None:
            weight = weight / (1.0 + (batch.bfactors / self.bfactor).square())
        return weight


#: All atoms count alike.
ALIKE = Halves()


@dataclass(frozen=True)
class LossTerms:
    """Mean loss of each kind; position and bond in Å^2, distance in Å, the others without unit."""

    position: torch.Tensor
    distance: torch.Tensor
    bond: torch.Tensor
    angle: torch.Tensor
    torsion: torch.Tensor

    def total(self, geometry: float, torsion: float, distance: float = 0.0) -> torch.Tensor:
        """Weighted sum; `geometry` weighs bonds and angles (5 in the paper), `distance` in Å."""
        shape = self.position + geometry * (self.bond + self.angle) + torsion * self.torsion
        return shape + distance * self.distance


def loss_terms(
    batch: Batch,
    placed: torch.Tensor,
    prediction: Prediction,
    halves: Halves = ALIKE,
) -> LossTerms:
    """Compare a prediction with its batch.

    Parameters
    ----------
    batch : Batch
    placed : Tensor, shape (n_atoms, 3)
        Å.
    prediction : Prediction
        Of which `placed` are the atoms.
    halves : Halves
        Which atoms count less than others.
    """
    wanted, known, squares = _squares(batch, placed)
    weight = _shares(batch, known, halves)
    bond = _mean_square(_lengths(placed, batch.bonds) - _lengths(wanted, batch.bonds))
    angle = _mean_square(_cosines(placed, batch.angles) - _cosines(wanted, batch.angles))
    defined = torch.isfinite(batch.torsions).all(dim=-1)
    agreement = (prediction.torsions * torch.nan_to_num(batch.torsions)).sum(dim=-1)
    torsion = ((1.0 - agreement) * defined).sum() / defined.sum().clamp(min=1)
    position, distance = (weight * squares).sum(), (weight * _distances(squares)).sum()
    return LossTerms(position, distance, bond, angle, torsion)


def position_loss(
    batch: Batch, placed: torch.Tensor, halves: Halves = ALIKE, distance: float = 0.0
) -> torch.Tensor:
    """Return what the places of the atoms alone add to the loss, Å^2.

    The arguments are those of `loss_terms` and `LossTerms.total`.
    """
    _, known, squares = _squares(batch, placed)
    weight = _shares(batch, known, halves)
    return (weight * (squares + distance * _distances(squares))).sum()


def _squares(batch: Batch, placed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where atoms should be (Å), of which that is known, and squared errors (Å^2)."""
    targets = best_names(batch.targets, batch.swaps, placed.detach())
    known = torch.isfinite(targets).all(dim=1)
    wanted = torch.where(known.unsqueeze(-1), targets, placed.detach())
    return wanted, known, (placed - wanted).square().sum(dim=-1)


def _distances(squares: torch.Tensor) -> torch.Tensor:
    """Distances (Å) from their squares (Å^2), smooth at 0."""
    return torch.sqrt(squares + NEAR**2) - NEAR


def _shares(batch: Batch, known: torch.Tensor, halves: Halves) -> torch.Tensor:
    """Weights of the atoms that are known, which add up to 1."""
    weight = halves.weights(batch) * known
    return weight / weight.sum().clamp(min=1e-6)


def bond_errors(batch: Batch, placed: torch.Tensor) -> torch.Tensor:
    """How far bonds are longer than they should be, shape (n_bonds that are known,), Å.

    Parameters
    ----------
    batch : Batch
    placed : Tensor, shape (n_atoms, 3)
        Å.
    """
    wanted = best_names(batch.targets, batch.swaps, placed)
    off = _lengths(placed, batch.bonds) - _lengths(wanted, batch.bonds)
    return off[torch.isfinite(off)]


def rotor_loss(
    head: RotorHead, batch: Batch, hidden: torch.Tensor, halves: Halves = ALIKE
) -> torch.Tensor | None:
    """Return the mean of `rotor_losses`, weighted by the atoms that turn; None of none."""
    losses = rotor_losses(head, batch, hidden)
    if not len(losses):
        return None
    outer = batch.rotors.atoms[:, 0, 3]
    weight = halves.weights(batch)[outer[outer >= 0]]
    return (weight * losses).sum() / weight.sum()


def rotor_losses(head: RotorHead, batch: Batch, hidden: torch.Tensor) -> torch.Tensor:
    """Return minus the logarithms of the shares of the angles that are there, shape (n_known,).

    An angle is spread over the bins about it by `ROTOR_SPREAD`; under each of the names that its
    atoms may bear alike.

    Parameters
    ----------
    head : RotorHead
    batch : Batch
    hidden : Tensor, shape (n_beads, width)
        What its beads hold, see `Prediction`.
    """
    rotors = batch.rotors
    known = rotors.atoms[:, 0, 0] >= 0
    angles = _degrees(batch.targets, rotors.atoms)
    bins = torch.where(known, (angles[:, 0] * (BINS / 360.0)).long() % BINS, BINS)
    previous = torch.cat([bins, bins.new_full((1,), BINS)])[rotors.before]
    rotors, previous = Rotors(*(t[known] for t in rotors)), previous[known]
    begun, kind = head.begin(hidden[rotors.bead], batch.graph.types[rotors.bead], rotors.slot)
    said = head.log_shares(begun, kind, previous)
    middle = (torch.arange(BINS, device=angles.device) + 0.5) * (360.0 / BINS)
    off = (angles[known].unsqueeze(-1) - middle + 180.0) % 360.0 - 180.0
    wanted = torch.exp(-0.5 * (off / ROTOR_SPREAD).square())
    wanted = (wanted * (rotors.atoms[:, :, :1] >= 0)).sum(dim=1)
    wanted = wanted / wanted.sum(dim=1, keepdim=True)
    return -(wanted * said).sum(dim=1)


def _degrees(positions: torch.Tensor, quads: torch.Tensor) -> torch.Tensor:
    """Torsion angles (n, n_names) between 0 and 360 of quads (n, n_names, 4); of -1 any."""
    a, b, c, d = torch.nan_to_num(positions)[quads.clamp(min=0)].unbind(dim=2)
    axis = torch.nn.functional.normalize(c - b, dim=-1)
    one, two = a - b, d - c
    one = one - (one * axis).sum(dim=-1, keepdim=True) * axis
    two = two - (two * axis).sum(dim=-1, keepdim=True) * axis
    sine = (torch.linalg.cross(axis, one) * two).sum(dim=-1)
    return torch.rad2deg(torch.atan2(sine, (one * two).sum(dim=-1))) % 360.0


def bead_errors(
    batch: Batch, squares: torch.Tensor, known: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean squared error (Å^2) of the atoms of each bead, and the number of them.

    Parameters
    ----------
    batch : Batch
    squares : Tensor, shape (n_atoms,)
        Å^2.
    known : Tensor, shape (n_atoms,), bool
    """
    owner = batch.row_bead[batch.atom_rows[:, 0]]
    count = squares.new_zeros(len(batch.beads)).index_add_(0, owner, known.to(squares.dtype))
    total = squares.new_zeros(len(batch.beads)).index_add_(0, owner, squares * known)
    return total / count.clamp(min=1), count


def best_names(targets: torch.Tensor, swaps: torch.Tensor, placed: torch.Tensor) -> torch.Tensor:
    """Swap interchangeable atoms of the target where that brings it nearer to the prediction.

    Parameters
    ----------
    targets, placed : Tensor, shape (n_atoms, 3)
        Å.
    swaps : Tensor, shape (n_swaps, n_alternatives, n_swapped)
        Order 0 is the given one; -1 for padding.
    """
    if len(swaps) == 0:
        return targets
    used = (swaps >= 0).unsqueeze(-1)
    index = swaps.clamp(min=0)
    there = placed[index[:, :1]]
    errors = ((targets[index] - there).square() * used).sum(dim=(2, 3))
    best = errors.argmin(dim=1)
    chosen = torch.gather(index, 1, best.reshape(-1, 1, 1).expand(-1, 1, index.shape[2]))[:, 0]
    valid = swaps[:, 0] >= 0
    named = targets.clone()
    named[index[:, 0][valid]] = targets[chosen[valid]]
    return named


def _mean_square(errors: torch.Tensor) -> torch.Tensor:
    """Mean of the squares; 0 of none, as of the angles of a molecule of two atoms."""
    return errors.square().sum() / max(len(errors), 1)


def _lengths(x: torch.Tensor, bonds: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x[bonds[:, 0]] - x[bonds[:, 1]]).square().sum(dim=-1) + 1e-8)


def _cosines(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    one = x[angles[:, 0]] - x[angles[:, 1]]
    two = x[angles[:, 2]] - x[angles[:, 1]]
    scale = (one.square().sum(dim=-1) + 0.01) * (two.square().sum(dim=-1) + 0.01)
    return (one * two).sum(dim=-1) / torch.sqrt(scale)
