"""Structures from files: PDB, GRO, mmCIF (each also packed), and what else MDAnalysis reads.

Only the first model is read. Residues are unbroken runs of one chain, number, insertion code and
name in file order, numbered as in the file (also where numbers wrap). The chain is that of the
chain column, else the segment id, else "". Alternate locations: see `herobm.io.altlocs`.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from herobm.errors import StructureError
from herobm.io.altlocs import keep_one_place
from herobm.io.box import LEAST_EDGE, box_or_none, check_angles, no_box
from herobm.io.columns import Columns, runs
from herobm.io.mda import PARSER_ERRORS, quiet, reason
from herobm.io.selection import select
from herobm.io.source import check_readable, format_of, read_text
from herobm.io.vet import Vetted, blown_up
from herobm.io.vet_cif import vet_cif
from herobm.io.vet_gro import vet_gro
from herobm.io.vet_pdb import vet_pdb
from herobm.types import Atoms, Beads, BoolArray, FloatArray, IntArray, StrArray

logger = logging.getLogger(__name__)

#: Endings of files that hold frames and no names.
_TRAJECTORIES = {".xtc", ".trr", ".dcd"}
#: Å, within which two particles of one name are one that the file has twice.
SAME_PLACE = 1e-3
_VETS = {"pdb": vet_pdb, "gro": vet_gro, "cif": vet_cif}


@dataclass(frozen=True, eq=False)
class Loaded:
    """The chosen particles of a file.

    Attributes
    ----------
    columns : Columns
        n particles.
    box : FloatArray or None, shape (6,)
        Å and degrees.
    index : IntArray, shape (n,)
        Where they stand among all particles of the file.
    n_particles : int
        How many the file holds in all.
    """

    columns: Columns
    box: FloatArray | None
    index: IntArray
    n_particles: int


def read_atoms(path: Path | str, selection: str = "all") -> Atoms:
    """Read the atoms of a structure file.

    Parameters
    ----------
    path : Path or str
        A PDB, GRO or mmCIF file, packed or not, or another one that MDAnalysis reads.
    selection : str
        Atoms to keep, in the selection language of MDAnalysis.

    Returns
    -------
    Atoms
        Positions in Å, elements guessed from the names where the file has none.

    Raises
    ------
    StructureError
        Where the file or the selection is at fault.
    """
    loaded = load(Path(path), selection)
    return loaded.columns.as_atoms(loaded.box)


def read_beads(path: Path | str, selection: str = "all") -> Beads:
    """Read the beads of a coarse-grained structure file.

    Parameters
    ----------
    path : Path or str
        A PDB, GRO or mmCIF file, packed or not, or another one that MDAnalysis reads.
    selection : str
        Beads to keep, in the selection language of MDAnalysis.

    Returns
    -------
    Beads
        Positions in Å.

    Raises
    ------
    StructureError
        Where the file or the selection is at fault.
    """
    loaded = load(Path(path), selection)
    return loaded.columns.as_beads(loaded.box)


def load(path: Path, selection: str = "all") -> Loaded:
    """Read the chosen particles of a file, one place for each.

    Raises
    ------
    StructureError
        Where the file or the selection is at fault.
    """
    with quiet():
        universe, vetted = _open(path)
        columns = _columns(universe, vetted, path)
        _check_finite(columns, path)
        index = select(universe, columns, selection, path)
        dimensions = universe.trajectory.ts.dimensions
        box = box_or_none(dimensions)
    check_angles(box, str(path))
    if box is None and dimensions is not None and not no_box(dimensions):
        what = f"{LEAST_EDGE:g} Å at least on each edge"
        known = _listed(dimensions)
        logger.warning("%s: this is no periodic box (%s; %s), and left out", path, known, what)
    chosen = columns.take(index)
    keep = keep_one_place(chosen)
    if not keep.all():
        n_dropped = int((~keep).sum())
        logger.info("%s: %d alternate locations are left out", path, n_dropped)
    chosen, index = chosen.take(keep), index[keep]
    once = _keep_one_of_a_name(chosen, path)
    return Loaded(chosen.take(once), box, index[once], len(columns))


def _listed(dimensions: Any) -> str:
    return " ".join(f"{float(value):g}" for value in dimensions)


def _open(path: Path) -> tuple[Any, Vetted | None]:
    """Return the universe of a file, and what was found in its text."""
    import MDAnalysis
    from MDAnalysis.lib.util import NamedStream

    kind = format_of(path)
    vetted = None
    source: Any = str(path)
    if kind == "other":
        check_readable(path)
        _refuse_trajectory(path)
    else:
        vetted = _VETS[kind](read_text(path), path)
        source = NamedStream(io.StringIO(vetted.text), f"structure.{kind}")
    try:
        universe = MDAnalysis.Universe(source, to_guess=())
    except PARSER_ERRORS as error:
        raise StructureError(
            f"{path}: this structure cannot be read ({reason(error)})",
            "Give a PDB, GRO or mmCIF file, named .pdb, .gro or .cif.",
        ) from None
    if not hasattr(universe, "trajectory"):
        raise StructureError(
            f"{path}: the file names particles, but holds no coordinates",
            "Give a PDB, GRO or mmCIF file with the same particles.",
        )
    if not universe.trajectory.n_atoms:
        raise StructureError(f"{path}: the file holds no particles", "Choose another file.")
    if vetted is not None and vetted.chains:
        _name_chains(universe, vetted.chains)
    return universe, vetted


def _refuse_trajectory(path: Path) -> None:
    """Stop at files of frames alone, to which MDAnalysis would put others of its own."""
    if {suffix.lower() for suffix in path.suffixes[-2:]} & _TRAJECTORIES:
        raise StructureError(
            f"{path}: this is a trajectory, which names no atoms or residues",
            f"Name the structure that goes with it first, and this one with -f {path.name}.",
        )


def _name_chains(universe: Any, known: Mapping[str, str]) -> None:
    """Give chains the names that the file has, where it was parsed with others."""
    for part, name in ((universe.atoms, "chainIDs"), (universe.segments, "segids")):
        if hasattr(part, name):
            given = [known.get(value, value) for value in getattr(part, name)]
            setattr(part, name, np.array(given, dtype=object))


def _columns(universe: Any, vetted: Vetted | None, path: Path) -> Columns:
    atoms = universe.atoms
    if not (hasattr(atoms, "names") and hasattr(atoms, "resnames")):
        raise StructureError(
            f"{path}: this format names no atoms or residues",
            "Give a PDB, GRO or mmCIF file.",
        )
    resids: IntArray = np.asarray(atoms.resids, dtype=np.int64)
    icodes = _strings(atoms, "icodes")
    if vetted is not None and vetted.resids is not None:
        resids = vetted.resids
        icodes = icodes if vetted.icodes is None else vetted.icodes
    chains, segids = _strings(atoms, "chainIDs"), _strings(atoms, "segids")
    segids = np.where(segids == "SYSTEM", "", segids)  # what MDAnalysis says for none
    names = _strings(atoms, "names")
    if (names == "").any():
        first = int(np.flatnonzero(names == "")[0])
        raise StructureError(
            f"{path}: particle {first + 1} of the file has no name", "Give every particle a name."
        )
    chains = np.where(chains == "", segids, chains)
    pieces = None if vetted is None else vetted.pieces
    return Columns(
        names=names,
        resnames=_strings(atoms, "resnames"),
        resids=resids,
        icodes=icodes,
        places=runs(chains, resids, icodes),
        pieces=np.zeros(len(names), dtype=np.int64) if pieces is None else pieces,
        chains=chains,
        altlocs=_strings(atoms, "altLocs"),
        elements=_strings(atoms, "elements"),
        hetero=_strings(atoms, "record_types") == "HETATM",
        occupancies=_floats(atoms, "occupancies", 1.0),
        bfactors=_floats(atoms, "tempfactors", 0.0),
        positions=atoms.positions.astype(np.float64),
    )


def _strings(atoms: Any, name: str) -> StrArray:
    if not hasattr(atoms, name):
        return np.zeros(len(atoms), dtype="<U1")
    return np.asarray(getattr(atoms, name)).astype(np.str_)


def _floats(atoms: Any, name: str, default: float) -> FloatArray:
    if not hasattr(atoms, name):
        return np.full(len(atoms), default)
    return np.asarray(getattr(atoms, name), dtype=np.float64)


def _check_finite(columns: Columns, path: Path) -> None:
    bad = np.flatnonzero(~np.isfinite(columns.positions).all(axis=1))
    if len(bad):
        label = columns.as_beads(None).label(int(bad[0]))
        raise blown_up(path, len(bad), len(columns), label)


def _keep_one_of_a_name(columns: Columns, path: Path) -> BoolArray:
    """Choose the particles that are not there already, and say how many are.

    Raises
    ------
    StructureError
        Where two particles of a residue have one name, and do not lie at one place.
    """
    first: dict[tuple[int, str], int] = {}
    keep = np.ones(len(columns), dtype=bool)
    twice = []
    for row, key in enumerate(zip(columns.residue_index().tolist(), columns.names, strict=True)):
        known = first.setdefault(key, row)
        if known == row:
            continue
        keep[row] = False
        if np.abs(columns.positions[row] - columns.positions[known]).max() > SAME_PLACE:
            twice.append(row)
    beads = None if keep.all() else columns.as_beads(None)
    if beads is not None and twice:
        labels = ", ".join(beads.label(row) for row in twice[:5])
        more = f" and {len(twice) - 5} more" if len(twice) > 5 else ""
        raise StructureError(
            f"{path}: the same name occurs twice within a residue: {labels}{more}",
            "Number neighbouring residues differently, or leave these out with --selection.",
        )
    if beads is not None:
        again = np.flatnonzero(~keep)
        logger.info(
            "%s: %d particle(s) that the file has twice, at one place, count once (first: %s)",
            *(path, len(again), beads.label(int(again[0]))),
        )
    return keep
