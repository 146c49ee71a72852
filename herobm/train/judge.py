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

    Of beads, by batches; the mean distance of atoms from where they should be, and the root mean
    square error of bond lengths, 0 of none, both in Å; and minus the logarithm of the share of a
    torsion angle, NaN where none is told or there is none.
    """

    beads: list[Judged]
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
            n_atoms = sum(float(part.n_atoms.sum()) for part in found.beads)
            squares = sum(float((part.found * part.n_atoms).sum()) for part in found.beads)
            figures[name] = math.sqrt(squares / n_atoms) if n_atoms else math.nan
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
        noises = zip(*(self._judge(network, noise).beads for noise in NOISES), strict=True)
        judged = join_judged([part for parts in noises for part in parts])  # structure by structure
        return fit_errors([network], judged) if judged.n_atoms.sum() else None

    @torch.no_grad()
    def _judge(self, network: Backmapper, noise: float) -> _Judgement:
        generator = torch.Generator().manual_seed(1)
        shift = torch.randn(self.valid.beads.shape, generator=generator) * noise
        shaken = rest(self.valid, network.strain, shift.to(self.valid.beads.device))
        parts, distances, bonds, rotors = [], [], [], []
        for batch, prediction in self._predicted(network, shaken):
            placed = batch.place(prediction.vectors)
            wanted = best_names(batch.targets, batch.swaps, placed)
            error = (placed - wanted).square().sum(dim=1)
            known = torch.isfinite(error)
            distances.append(error[known].sqrt())
            found, n_atoms = bead_errors(batch, torch.nan_to_num(error), known)
            there = n_atoms > 0
            held = Held(prediction.hidden, batch.graph.types, batch.graph.strain).take(there)
            beads = Judged((held,), found[there], n_atoms[there])
            parts.append(beads.cpu())
            bonds.append(bond_errors(batch, placed))
            if network.rotors is not None:
                rotors.append(rotor_losses(network.rotors, batch, prediction.hidden))
        bond = _mean([bond.square() for bond in bonds])
        bond_rms = math.sqrt(bond) if math.isfinite(bond) else 0.0
        return _Judgement(parts, _mean(distances), bond_rms, _mean(rotors))

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
