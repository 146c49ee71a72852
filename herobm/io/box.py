"""Periodic boxes as files have them; `herobm.system.periodic` has their mathematics."""

from __future__ import annotations

from typing import Any

import numpy as np

from herobm.errors import StructureError
from herobm.system.periodic import box_matrix
from herobm.types import FloatArray

#: Å, edges of a box that molecules can be cut by; the cell of a crystal of peptides may be shorter,
#: and its molecules longer.
LEAST_EDGE = 10.0


def box_or_none(dimensions: Any) -> FloatArray | None:
    """Tell a periodic box from the absence of one.

    Parameters
    ----------
    dimensions : array_like or None, shape (6,)
        Edge lengths in Å and angles in degrees.

    Returns
    -------
    FloatArray or None, shape (6,)
        None where there are no dimensions, where they are no numbers, where an edge is shorter
        than `LEAST_EDGE`, and so for the cube of 1 Å that PDB files without a crystal carry.
    """
    if dimensions is None:
        return None
    box = np.asarray(dimensions, dtype=np.float64)
    lengths, angles = box[:3], box[3:]
    if not np.isfinite(box).all() or (lengths < LEAST_EDGE).any() or (angles <= 0).any():
        return None
    return box


def no_box(dimensions: Any) -> bool:
    """Tell whether dimensions are what files without a box have: all 0, or the cube of 1 Å."""
    box = np.asarray(dimensions, dtype=np.float64)
    return not box[:3].any() or bool(np.allclose(box[:3], 1.0, atol=1e-3))


def box_of_vectors(vectors: FloatArray) -> FloatArray | None:
    """Return edge lengths and angles of a box given by its vectors.

    Parameters
    ----------
    vectors : FloatArray, shape (3, 3)
        One vector a row, in Å.

    Returns
    -------
    FloatArray or None, shape (6,)
        Å and degrees; None for a box without volume.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.isfinite(vectors).all() or (lengths <= 0).any():
        return None
    pairs = ((1, 2), (0, 2), (0, 1))
    cosines = [vectors[i] @ vectors[j] / (lengths[i] * lengths[j]) for i, j in pairs]
    angles = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
    return box_or_none(np.concatenate([lengths, angles]))


def check_angles(box: FloatArray | None, where: str, hint: str | None = None) -> None:
    """See to it that there is a box with the angles that a file tells.

    Parameters
    ----------
    box : FloatArray or None, shape (6,)
    where : str
        What to call the file, and its frame, in the message.
    hint : str, optional
        By default, that the box should be corrected.

    Raises
    ------
    StructureError
        Where there is none.
    """
    if box is None:
        return
    try:
        box_matrix(box)
    except StructureError as error:
        raise StructureError(f"{where}: {error.message}", hint or error.hint) from None
