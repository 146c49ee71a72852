"""Weights: how much of an atom each of its beads has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

_WEIGHT = re.compile(r"([0-9]{1,9})/([0-9]{1,9})|[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")


def repaired(shares: Sequence[Fraction]) -> str | None:
    """Guess the weights that were meant: the last one takes what is left."""
    left = 1 - sum(shares[:-1], Fraction())
    if left <= 0:
        return None
    return ", ".join(str(s) for s in [*shares[:-1], left])


def fraction(text: str) -> Fraction | None:
    """Read a weight; None for what is none."""
    match = _WEIGHT.fullmatch(text)
    if match is None or (match[2] is not None and int(match[2]) == 0):
        return None
    return Fraction(text)
