"""Particles chosen in the selection language of MDAnalysis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from herobm.errors import StructureError
from herobm.io.columns import Columns
from herobm.io.mda import reason
from herobm.types import IntArray, StrArray

_KEPT = (
    "names", "chainIDs", "altLocs", "elements", "record_types", "occupancies", "tempfactors"
)  # fmt: skip


def select(universe: Any, columns: Columns, selection: str, path: Path) -> IntArray:
    """Return the particles that a selection names.

    Parameters
    ----------
    universe : MDAnalysis.Universe
        What the parser made of the file.
    columns : Columns
        What we made of it; residues are numbered as here.
    selection : str
    path : Path
        The file, for messages.

    Returns
    -------
    IntArray, shape (n_chosen,)
        Rising indices.

    Raises
    ------
    StructureError
        Where the selection cannot be understood, or chooses nothing.
    """
    if selection.strip() == "all":
        return np.arange(len(columns))
    from MDAnalysis.exceptions import SelectionError

    if not np.array_equal(universe.atoms.resids, columns.resids):
        universe = _renumbered(universe, columns)
    try:
        index = np.asarray(universe.select_atoms(selection).indices, dtype=np.int64)
    except (SelectionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise StructureError(
            f"{path}: the selection {selection!r} cannot be used ({reason(error)})",
            "Write it in the language of MDAnalysis, as 'protein', 'resname POPC CHOL' or "
            "'chainID A and resid 1:20'.",
        ) from None
    if not len(index):
        raise StructureError(
            f"{path}: the selection {selection!r} matches none of {len(columns)} particles",
            f"Residue names here: {_some_of(columns.resnames)}; chains: {_some_of(columns.chains)}",
        )
    return index


def _renumbered(universe: Any, columns: Columns) -> Any:
    """Return a universe whose residues are ours, where the parser renumbered them."""
    import MDAnalysis

    residue_index, residues = columns.residue_index(), columns.residues()
    first = np.unique(residue_index, return_index=True)[1]
    old = universe.atoms
    segids, segment = np.unique(old.segids[first].astype(np.str_), return_inverse=True)
    new = MDAnalysis.Universe.empty(
        len(columns),
        n_residues=len(residues),
        n_segments=len(segids),
        atom_resindex=residue_index,
        residue_segindex=segment,
        trajectory=True,
    )
    for name in _KEPT:
        if hasattr(old, name):
            new.add_TopologyAttr(name, getattr(old, name))
    new.add_TopologyAttr("resnames", residues.names.astype(object))
    new.add_TopologyAttr("resids", residues.ids)
    new.add_TopologyAttr("icodes", residues.icodes.astype(object))
    new.add_TopologyAttr("segids", segids.astype(object))
    new.atoms.positions = old.positions
    new.dimensions = universe.dimensions
    return new


def _some_of(values: StrArray) -> str:
    found = [str(value) or "(none)" for value in np.unique(values)]
    return ", ".join(found[:12]) + (" ..." if len(found) > 12 else "")
