"""How far a network is off on the validation set, by which epochs are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from herobm.nn.model import Backmapper, Prediction
from herobm.train.batch import Batch, cut_batch, enclosed, segments, whole_structures
from herobm.train.config import TrainConfig
from herobm.train.corpus import Corpus
from herobm.train.loss import bead_errors, best_names, bond_errors, rotor_losses
from herobm.train.shake import Shaken, rest
from herobm.train.sight import sketches
from herobm.weights.expected import NOISES, ErrorFit, Held, Judged, fit_errors, join_judged

#: Residues in a piece of a chain, and pieces in a batch, of networks that see no whole structures.
SEGMENT, N_SEGMENTS = 64, 32


@dataclass(frozen=True)
class _Judgement:
    """What was found on a validation set.

    Root mean square and mean of the distances of atoms from where they should be, and the root mean
    square error of bond lengths, 0 of none, all in Å; and minus the logarithm of the share of a
    torsion angle, NaN where none is told or there is none.
    """

    rmsd: float
    distance: float
    bond_rms: float
    rotor: float


class Judge:
    """The validation set of a run.

    Parameters
    ----------
    config : TrainConfig
    valid : Corpus
    n_slots : int
        Of the vocabulary.
    """

    def __init__(self, config: TrainConfig, valid: Corpus, n_slots: int) -> None:
        self.config, self.valid, self.n_slots = config, valid, n_slots

    def residues(self, corpus: Corpus) -> int:
        """Residues in a batch of whole structures; the largest one fits in."""
        largest = torch.unique_consecutive(corpus.structure, return_counts=True)[1].max()
        return max(self.config.residues, int(largest))

    @torch.no_grad()
    def figures(self, network: Backmapper) -> dict[str, float]:
        """RMSD (Å) on the validation set, without and with bead noise.

        And the loss (Å^2) that the positions of the atoms, and the shares of torsion angles where
        they are told, come to, by which epochs are compared.
        """
        figures = {}
        for name, noise in (("valid_rmsd", 0.0), ("valid_rmsd_noise_0.3", 0.3)):
            found = self._judge(network, noise)
            figures[name] = found.rmsd
            figures[name.replace("rmsd", "bond_rms")] = found.bond_rms
            told = math.isfinite(found.rotor)
            if told:
                figures[name.replace("rmsd", "rotor")] = found.rotor
            if noise == 0.0:
                loss = figures[name] ** 2 + self.config.distance * found.distance
                figures["valid_loss"] = loss
                if told:
                    figures["valid_loss"] += self.config.rotor_weight * found.rotor
        return figures

    def errors(self, network: Backmapper) -> ErrorFit | None:
        """Fit the errors to expect of a network to those that it makes; None where it makes none.

        Its `errors` are made anew.
        """
        judged = [join_judged(list(self._beads(network, noise))) for noise in NOISES]
        return fit_errors([network], judged) if judged[0].n_atoms.sum() else None

    def _judge(self, network: Backmapper, noise: float) -> _Judgement:
        squares, bonds, rotors = [], [], []
        for batch, prediction, placed, error in self._rebuilt(network, noise):
            squares.append(error[torch.isfinite(error)])
            bonds.append(bond_errors(batch, placed).square())
            if network.rotors is not None:
                rotors.append(rotor_losses(network.rotors, batch, prediction.hidden))
        bond = _mean(bonds)
        bond_rms = math.sqrt(bond) if math.isfinite(bond) else 0.0
        distance = _mean([part.sqrt() for part in squares])
        return _Judgement(math.sqrt(_mean(squares)), distance, bond_rms, _mean(rotors))

    @torch.no_grad()
    def _beads(self, network: Backmapper, noise: float) -> Iterator[Judged]:
        """Beads that are asked for anything and have atoms that are known, batch by batch."""
        for batch, prediction, _, error in self._rebuilt(network, noise):
            known = torch.isfinite(error)
            found, n_atoms = bead_errors(batch, torch.nan_to_num(error), known)
            there = (n_atoms > 0) & batch.graph.asked
            held = Held(prediction.hidden, batch.graph.types, batch.graph.strain).take(there)
            yield Judged((held,), found[there], n_atoms[there]).cpu()

    def _rebuilt(
        self, network: Backmapper, noise: float
    ) -> Iterator[tuple[Batch, Prediction, torch.Tensor, torch.Tensor]]:
        """Batches, what is predicted of them, their atoms (Å) and squared errors (Å^2, or NaN).

        The batches are the same whatever the noise.
        """
        generator = torch.Generator().manual_seed(1)
        shift = torch.randn(self.valid.beads.shape, generator=generator) * noise
        shaken = rest(self.valid, network.strain, shift.to(self.valid.beads.device))
        for batch, prediction in self._predicted(network, shaken):
            placed = batch.place(prediction.vectors)
            wanted = best_names(batch.targets, batch.swaps, placed)
            yield batch, prediction, placed, (placed - wanted).square().sum(dim=1)

    def _predicted(self, network: Backmapper, shaken: Shaken) -> Iterator[tuple[Batch, Prediction]]:
        """Batches of the validation set, and what a network predicts of them."""
        valid, generator = self.valid, torch.Generator().manual_seed(0)
        if network.rounds is not None:
            for first, last in whole_structures(valid.structure, self.residues(valid), generator):
                batch = cut_batch(valid, shaken, first, last, self.n_slots)
                batch = enclosed(batch, len(valid.beads))
                yield batch, network(batch.graph)
            return
        sight = sketches(network, valid, shaken)[-1]
        runs = segments(valid.structure, SEGMENT, generator)
        for part in range(0, len(runs[0]), N_SEGMENTS):
            first, last = (run[part : part + N_SEGMENTS] for run in runs)
            batch = cut_batch(valid, shaken, first, last, self.n_slots)
            yield batch, sight.predict(network, batch)


def _mean(parts: list[torch.Tensor]) -> float:
    """Mean over all parts, NaN of nothing."""
    return float(torch.cat(parts).mean()) if parts else math.nan
