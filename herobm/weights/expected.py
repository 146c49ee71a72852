"""What squared errors to expect, fitted to those that networks make of other structures.

Structures that a network learns from it comes to know by heart, and what it expects there says
little about others. So its readout (`herobm.nn.errors`) is fitted when it has learnt all, on
structures that it has not learnt from, with noise on their beads and without. A part of the beads
is left out, which tells when the fit no longer gets better, and by how much what it expects is too
little or too much on average.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from herobm.nn.errors import ErrorHead
from herobm.nn.model import Backmapper
from herobm.types import FloatArray

#: Å a coordinate, bead noise under which networks are judged.
NOISES = (0.0, 0.1, 0.2, 0.3, 0.45)
#: Atoms that what the fit says of what was left out is worth.
PRIOR = 200.0
#: Å^2, added to squared errors found.
SMALLEST = 1e-4
#: Share of what was expected where errors are known, beyond which no more is ever expected.
USUAL = 0.999
#: Every so manieth run of beads is left out of the fit, and how many beads such a run has at most.
EVERY, RUN = 4, 50
#: Steps of the fit, beads in one, learning rate, and how slowly the average follows, which is kept.
STEPS, BATCH, RATE, AVERAGE = 2000, 1024, 3e-3, 0.99
#: Steps between two looks at what was left out, and for how many to go on if that gets no better.
LOOK, PATIENCE = 50, 600
#: Beads that are looked at once.
CHUNK = 1 << 15


class Held(NamedTuple):
    """What a network tells of beads whose errors are to be expected; arrays over them.

    Attributes
    ----------
    hidden : Tensor, shape (n_beads, width)
        What they hold, see `herobm.nn.model.Prediction`.
    types : Tensor, shape (n_beads,)
    strain : Tensor, shape (n_beads,)
        Å.
    """

    hidden: torch.Tensor
    types: torch.Tensor
    strain: torch.Tensor

    def take(self, index: slice | torch.Tensor) -> Held:
        """Return what belongs to some beads."""
        return Held(*(t[index] for t in self))


class ErrorFit(NamedTuple):
    """How the squared errors to expect follow from those that the networks of a file expect.

    Attributes
    ----------
    offset : float
        Added to the logarithm of what they expect.
    most : float
        Å^2, no squared error is expected to be larger.
    """

    offset: float = 0.0
    most: float = 1e4

    def squares(self, networks: Sequence[Backmapper], held: Sequence[Held]) -> FloatArray:
        """Return what to expect of what networks make together, shape (n_beads,), Å^2.

        Parameters
        ----------
        networks : sequence of Backmapper
        held : sequence of Held
            By each of them; of one that is lost, the others make it less.
        """
        each = [log_errors(n.errors, h) for n, h in zip(networks, held, strict=True)]
        told = np.mean(each, axis=0) + self.offset
        expected: FloatArray = np.minimum(np.exp(told), self.most)
        return expected


class Judged(NamedTuple):
    """Beads that were rebuilt where the atoms are known, those that are near stand together.

    Attributes
    ----------
    held : tuple of Held
        By each network of a file.
    found : Tensor, shape (n_beads,)
        Å^2, mean squared error of the atoms.
    n_atoms : Tensor, shape (n_beads,)
        Atoms.
    """

    held: tuple[Held, ...]
    found: torch.Tensor
    n_atoms: torch.Tensor

    def cpu(self) -> Judged:
        """Return a copy in the memory of the CPU."""
        held = tuple(Held(*(t.cpu() for t in one)) for one in self.held)
        return Judged(held, self.found.cpu(), self.n_atoms.cpu())


def join_judged(parts: Sequence[Judged]) -> Judged:
    """Gather what was judged apart, of the same networks."""
    each = zip(*(part.held for part in parts), strict=True)
    held = tuple(Held(*(torch.cat(t) for t in zip(*one, strict=True))) for one in each)
    found = torch.cat([part.found for part in parts])
    return Judged(held, found, torch.cat([part.n_atoms for part in parts]))


def fit_errors(networks: Sequence[Backmapper], judged: Sequence[Judged], seed: int = 0) -> ErrorFit:
    """Fit what networks expect to the errors that they were found to make together.

    Parameters
    ----------
    networks : sequence of Backmapper
        Their `errors` are made anew.
    judged : sequence of Judged
        Of structures that none of them learnt from, with each of `NOISES`; the same beads each
        time.
    seed : int

    Returns
    -------
    ErrorFit
        What the means of what they expect fall short of, on average.
    """
    every = join_judged(judged)
    rest = _left_out(len(judged[0].found)).repeat(len(judged))
    each = []
    for network, held in zip(networks, every.held, strict=True):
        head = _fitted(network.n_types, held, every, rest, seed)
        network.errors.load_state_dict(head.state_dict())
        each.append(log_errors(head, held))
    told = np.mean(each, axis=0)
    weight = every.n_atoms[rest].double().numpy()
    ratio = (every.found[rest].double().numpy() + SMALLEST) * np.exp(-told[rest.numpy()])
    offset = np.log((weight @ ratio + PRIOR) / (weight.sum() + PRIOR))
    most = np.exp(np.quantile(told + offset, USUAL))
    return ErrorFit(float(offset), float(most))


@torch.no_grad()
def log_errors(head: ErrorHead, held: Held) -> FloatArray:
    """Return what a network expects, shape (n_beads,): logarithms of Å^2."""
    parts = [
        head(*held.take(slice(begin, begin + CHUNK)))
        for begin in range(0, max(len(held.types), 1), CHUNK)
    ]
    told: FloatArray = torch.cat(parts).double().cpu().numpy()
    return told


def _left_out(n_beads: int) -> torch.Tensor:
    """Choose beads that are left out of a fit, shape (n_beads,), bool.

    They are runs of beads, spread over all structures, and are left out whatever the noise.
    """
    run = min(RUN, max(n_beads // (2 * EVERY), 1))
    return torch.arange(n_beads) // run % EVERY == EVERY - 1


def _fitted(n_types: int, held: Held, judged: Judged, rest: torch.Tensor, seed: int) -> ErrorHead:
    """Return the readout under which the errors found are likeliest, were they exponential.

    That is least where what is expected is the mean of what is found. Of all that the fit passes
    the one is kept which says most of what was left out (`rest`, bool); where nothing is, the mean.
    """
    usual = (judged.found @ judged.n_atoms) / judged.n_atoms.sum().clamp(min=1.0)
    used, others = torch.nonzero(~rest).squeeze(1), torch.nonzero(rest).squeeze(1)
    seen = held.take(others)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = ErrorHead(n_types, held.hidden.shape[1])
        nn.init.constant_(head.leave.bias, math.log(float(usual) + SMALLEST))
        optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
        average = AveragedModel(head, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE)).eval()
        mean = cast(ErrorHead, average.module)
        least, when, best = math.inf, 0, copy.deepcopy(mean)
        for step in range(STEPS + 1 if len(others) else 0):
            if step % LOOK == 0:
                told = torch.as_tensor(log_errors(mean, seen))
                unlikely = float(_unlikely(told, judged.found[others], judged.n_atoms[others]))
                if unlikely < least:
                    least, when, best = unlikely, step, copy.deepcopy(mean)
                elif step - when >= PATIENCE:
                    break
            index = used[torch.randint(len(used), (min(BATCH, len(used)),))]
            loss = _unlikely(head(*held.take(index)), judged.found[index], judged.n_atoms[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update_parameters(head)
    return best


def _unlikely(log_error: torch.Tensor, found: torch.Tensor, n_atoms: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of exponential distributions, mean over atoms."""
    terms = (found + SMALLEST) * torch.exp(-log_error) + log_error
    return (terms * n_atoms).sum() / n_atoms.sum().clamp(min=1.0)
