"""Small coarse-grained systems, made in code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from herobm.types import Beads, Residues

MakeBeads = Callable[..., Beads]

#: Beads of the residues used here, in the order of Martini 3.
BEADS = {"GLY": ("BB",), "ALA": ("BB", "SC1"), "ARG": ("BB", "SC1", "SC2"), "W": ("W",)}


def make(
    names: Sequence[str],
    *,
    ids: Sequence[int] | None = None,
    chains: Sequence[str] | str = "A",
    icodes: Sequence[str] | None = None,
    places: Sequence[float] | None = None,
    box: float | None = None,
) -> Beads:
    """Residues in a row along x, 3.5 Å apart or at `places`; side chains along y."""
    n = len(names)
    x = 3.5 * np.arange(n) if places is None else np.asarray(places, float)
    rows = [(i, j, bead) for i, name in enumerate(names) for j, bead in enumerate(BEADS[name])]
    return Beads(
        positions=np.array([[x[i], 2.5 * j, 0.0] for i, j, _ in rows]).reshape(-1, 3),
        names=np.array([bead for *_, bead in rows], dtype=np.str_),
        residue_index=np.array([i for i, *_ in rows], dtype=np.int64),
        residues=Residues(
            names=np.array(names, dtype=np.str_),
            ids=np.arange(1, n + 1) if ids is None else np.array(ids),
            icodes=np.array(icodes if icodes is not None else [""] * n, dtype=np.str_),
            chains=np.array([chains] * n if isinstance(chains, str) else chains, dtype=np.str_),
        ),
        box=None if box is None else np.array([box, box, box, 90.0, 90.0, 90.0]),
    )


@pytest.fixture(scope="session")
def make_beads() -> MakeBeads:
    """Make the beads of a few residues; see `make`."""
    return make
