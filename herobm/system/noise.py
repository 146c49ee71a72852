"""Noise on beads, as it is put on those of structures to see what becomes of them."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from herobm.types import Beads


def shaken(beads: Beads, noise: float, seed: int, name: str) -> Beads:
    """Move each bead by normal noise of its own.

    Parameters
    ----------
    beads : Beads
    noise : float
        Å, standard deviation of each coordinate.
    seed : int
    name : str
        Of the structure: each has other noise, the same whichever are looked at beside it.
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    shift = rng.normal(0.0, noise, beads.positions.shape)
    return replace(beads, positions=beads.positions + shift)
