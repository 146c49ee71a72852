"""Bond lengths and bond angles of proteins: mean and spread of each kind in crystal structures.

The table beside this module is made by ``python benchmarks/protein_references.py FOLDER``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from herobm.chem.protein.skeleton import group_labels
from herobm.plan.plan import Plan
from herobm.types import FloatArray, IntArray

#: Column of the atom whose residue names the kind: the later one of a bond, the middle one of an
#: angle.
BASE = 1

_TABLE = Path(__file__).with_name("geometry.npz")

Table = dict[str, tuple[float, float]]


def bond_angles(positions: FloatArray, triples: IntArray) -> FloatArray:
    """Angles in degrees, shape (n,), at the middle one of three atoms (n, 3)."""
    one = positions[triples[:, 0]] - positions[triples[:, 1]]
    two = positions[triples[:, 2]] - positions[triples[:, 1]]
    sine = np.linalg.norm(np.cross(one, two), axis=1)
    degrees: FloatArray = np.degrees(np.arctan2(sine, (one * two).sum(axis=1)))
    return degrees


def references(plan: Plan, groups: IntArray) -> FloatArray:
    """Mean and standard deviation of the kind of each bond or angle.

    Parameters
    ----------
    plan : Plan
    groups : IntArray, shape (n, 2) for bonds, (n, 3) for angles

    Returns
    -------
    FloatArray, shape (n, 2)
        Å or degrees; NaN for kinds that the table lacks.
    """
    table = tables()[groups.shape[1] - 2]
    labels, kind = np.unique(group_labels(plan, groups, BASE), return_inverse=True)
    known = [table.get(str(label), (np.nan, np.nan)) for label in labels]
    found: FloatArray = np.array(known).reshape(-1, 2)[kind]
    return found


@cache
def tables() -> tuple[Table, Table]:
    """Kind -> mean and standard deviation, of bonds (Å) and of angles (degrees)."""
    with np.load(_TABLE, allow_pickle=False) as stored:
        return _read(stored, "bond"), _read(stored, "angle")


def _read(stored: np.lib.npyio.NpzFile, what: str) -> Table:
    names, values = stored[f"{what}_names"].tolist(), stored[f"{what}_values"].tolist()
    return {name: (mean, sd) for name, (mean, sd) in zip(names, values, strict=True)}


def save(path: Path, bonds: Table, angles: Table) -> None:
    """Write the table."""
    columns = {}
    for what, table in (("bond", bonds), ("angle", angles)):
        columns[f"{what}_names"] = np.array(list(table))
        columns[f"{what}_values"] = np.array(list(table.values())).astype(np.float32)
    np.savez_compressed(path, **columns)  # type: ignore[arg-type]
