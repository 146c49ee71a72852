"""The text of a GRO file (GROMACS): nm with three decimals, numbers that wrap at 99999."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from herobm.errors import OutputError
from herobm.system.periodic import box_matrix
from herobm.types import FloatArray, Particles

_WRAP = 100_000
_USE_CIF = "GRO has no column for that. Write mmCIF instead: name the file .cif."
#: Å, between which its columns hold coordinates.
_LOW, _HIGH = -9999.995, 99999.995
_BOX_ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))


def check_gro(particles: Particles) -> None:
    """See to it that the columns of a GRO file can hold these particles.

    Raises
    ------
    OutputError
        Where a name, a number or a coordinate is too long.
    """
    if particles.residues.ids.min(initial=0) < -9999:
        raise OutputError("a residue number is below -9999", _USE_CIF)
    for what, values in (("residue", particles.residues.names), ("atom", particles.names)):
        long = np.flatnonzero(np.strings.str_len(values) > 5)
        if len(long):
            message = f"the {what} name {str(values[long[0]])!r} is longer than 5 characters"
            raise OutputError(message, _USE_CIF)
    far = np.flatnonzero((particles.positions <= _LOW) | (particles.positions >= _HIGH)) // 3
    if len(far):
        where = particles.label(int(far[0]))
        raise OutputError(
            f"a coordinate of {where} is below -9999.99 or above 99999.99 Å", _USE_CIF
        )


def gro_text(
    particles: Particles,
    title: str,
    disulfides: Sequence[tuple[int, int]],
    connections: Sequence[tuple[int, int]],
) -> str:
    """Return the text of a GRO file.

    Parameters
    ----------
    particles : Particles
        n particles that passed `check_gro`.
    title : str
    disulfides, connections : sequence of (int, int)
        Left out.
    """
    residues = particles.residues
    heads = [
        f"{int(math.fmod(resid, _WRAP)):5d}{name:<5}"
        for resid, name in zip(residues.ids.tolist(), residues.names.tolist(), strict=True)
    ]
    owners = particles.residue_index.tolist()
    names = particles.names.tolist()
    lines = [" ".join(title.split()) or "Written by herobm", f"{len(particles):5d}"]
    for i, (x, y, z) in enumerate((particles.positions / 10.0).tolist()):
        number = (i + 1) % _WRAP
        lines.append(f"{heads[owners[i]]}{names[i]:>5}{number:5d}{x:8.3f}{y:8.3f}{z:8.3f}")
    return "\n".join([*lines, _box_line(particles.box), ""])


def _box_line(box: FloatArray | None) -> str:
    """Return the last line: three lengths, or nine numbers for a box that is not rectangular."""
    vectors = np.zeros((3, 3)) if box is None else box_matrix(box) / 10.0
    numbers = [float(vectors[row, column]) for row, column in _BOX_ORDER]
    rectangular = not np.round(numbers[3:], 5).any()
    return "".join(f"{number:10.5f}" for number in (numbers[:3] if rectangular else numbers))
