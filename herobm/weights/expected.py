"""What squared errors to expect, from what networks say of theirs and from the strain of beads.

A network learns what to expect on the structures that it learns from, which it comes to know by
heart, and mostly on beads that sit where their atoms put them. So its word is taken for no more
than a hint, and how much it is worth may depend on the strain. What that comes to is found on other
structures, with noise on their beads and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple, TypeAlias

import numpy as np
import torch
from pydantic import Field

from herobm.nn.strain import N_FEATURES, expand
from herobm.types import FloatArray

#: Å a coordinate, bead noise under which networks are judged.
NOISES = (0.0, 0.1, 0.2, 0.3, 0.45)
#: Å, strain beyond which more of it tells nothing more, for none was seen.
LARGEST = 0.5
#: Atoms that what a network says itself is worth.
PRIOR = 200.0
#: Å^2, added to squared errors found.
SMALLEST = 1e-4
#: Share of what was expected where errors are known, beyond which no more is ever expected.
USUAL = 0.999
#: Of the functions of the strain, and 1.
WIDTH = 1 + N_FEATURES


_Numbers: TypeAlias = Annotated[tuple[float, ...], Field(min_length=WIDTH, max_length=WIDTH)]


class ErrorFit(NamedTuple):
    """How the squared errors to expect follow from those that a network expects.

    With x what the network says and f the functions of the strain, (1, ...), the logarithm of what
    to expect is ``offset @ f + (slope @ f) * x``.

    Attributes
    ----------
    offset, slope : tuple of float
        WIDTH each.
    most : float
        Å^2, no squared error is expected to be larger.
    """

    offset: _Numbers = (0.0,) * WIDTH
    slope: _Numbers = (1.0, *(0.0,) * N_FEATURES)
    most: float = 1e4

    def squares(self, log_error: FloatArray, strain: FloatArray) -> FloatArray:
        """Return what to expect, shape (n_beads,), Å^2.

        Parameters
        ----------
        log_error : FloatArray, shape (n_beads,)
            What the network says: logarithm of Å^2.
        strain : FloatArray, shape (n_beads,)
            Å.
        """
        told = _told(log_error, strain) @ np.array([*self.offset, *self.slope])
        expected: FloatArray = np.minimum(np.exp(told), self.most)
        return expected


class Judged(NamedTuple):
    """Beads that were rebuilt where the atoms are known; arrays over them.

    Attributes
    ----------
    log_error : FloatArray
        What the network says: logarithm of Å^2.
    strain : FloatArray
        Å.
    found : FloatArray
        Å^2, mean squared error of the atoms.
    n_atoms : FloatArray
        Atoms.
    """

    log_error: FloatArray
    strain: FloatArray
    found: FloatArray
    n_atoms: FloatArray


def join_judged(parts: Sequence[Judged]) -> Judged:
    """Gather what was judged apart."""
    return Judged(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def fit_errors(judged: Judged) -> ErrorFit:
    """Find the mixture that makes the errors found likeliest, were they exponentially distributed.

    Parameters
    ----------
    judged : Judged
        Of structures that the network did not learn from, with each of `NOISES`.
    """
    from scipy.optimize import minimize  # a tenth of a second, which those who rebuild need not pay

    told = _told(judged.log_error, judged.strain)
    n_atoms = judged.n_atoms.sum()
    weight, prior = judged.n_atoms / n_atoms, PRIOR / n_atoms
    alone = np.array([*ErrorFit().offset, *ErrorFit().slope])

    def unlikely(mixture: FloatArray) -> tuple[float, FloatArray]:
        expected = told @ mixture
        ratio = (judged.found + SMALLEST) * np.exp(-expected)
        off = (mixture - alone) * (np.arange(len(mixture)) > 0)
        value = weight @ (ratio + expected) + prior * (off @ off)
        return float(value), told.T @ (weight * (1.0 - ratio)) + 2.0 * prior * off

    mixture = minimize(unlikely, alone, jac=True, method="L-BFGS-B").x
    most = np.exp(np.quantile(told @ mixture, USUAL))
    offset, slope = mixture[:WIDTH].tolist(), mixture[WIDTH:].tolist()
    return ErrorFit(tuple(offset), tuple(slope), float(most))


def _told(log_error: FloatArray, strain: FloatArray) -> FloatArray:
    """Gather what is mixed, shape (n_beads, 2 * WIDTH)."""
    known = torch.as_tensor(np.minimum(strain, LARGEST))
    functions = np.concatenate([np.ones((len(strain), 1)), expand(known).numpy()], axis=1)
    return np.concatenate([functions, functions * log_error[:, None]], axis=1)
