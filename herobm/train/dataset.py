"""The dataset file: atoms of many structures, packed so that a bare GPU machine can train.

It holds atoms, not beads, so that one file serves every mapping, and the mapping set to train
with beside them. Coordinates are int16 in milli-Å from an atom of their residue, B-factors (where
there are any) uint8 in Å² (safetensors, 7 bytes an atom). There are no boxes: chains are packed in
one piece.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from herobm.aside import write_bytes
from herobm.dsl.model import MappingSet
from herobm.elements import element_of
from herobm.errors import DatasetError, StructureError
from herobm.plan import Library, compile_library
from herobm.system.coarsen import coarsen, complete_residues, drop_incomplete
from herobm.system.matching import match_atoms
from herobm.system.periodic import whole_residues
from herobm.system.topology import build_topology
from herobm.types import Atoms, IntArray, Residues

FORMAT = "herobm-dataset-1"
#: Å, farthest that an atom may be from the first one of its residue, a coordinate.
LARGEST_SPAN = 32.0
#: Coordinates are stored in units of 0.001 Å.
UNIT = 1e-3
#: Å², the largest B-factor that is told from larger ones.
LARGEST_B = 255


@dataclass(frozen=True, eq=False)
class Dataset:
    """Structures read from a dataset file.

    Attributes
    ----------
    atoms : Atoms
        Of all structures, one after the other, each around its own origin; the chain ids are
        ``<structure>:<chain>``, so that no chain runs from one structure into the next. B-factors
        to 1 Å², 0 in structures without any; None if no structure has any.
    structure : IntArray, shape (n_residues,)
        Structure of each residue.
    names : tuple of str
        Of the structures.
    mappings : MappingSet
    digest : str
        SHA-256 of the atoms, residues and chains, 16 hex digits; neither the names of the
        structures nor B-factors nor the mappings count.
    bfactor_digest : str
        The same of the B-factors; "" where there are none.
    """

    atoms: Atoms
    structure: IntArray
    names: tuple[str, ...]
    mappings: MappingSet
    digest: str
    bfactor_digest: str


def write_dataset(
    path: Path, structures: Iterable[tuple[str, Atoms]], mappings: MappingSet
) -> tuple[int, int, int]:
    """Pack structures into one file.

    Parameters
    ----------
    path : Path
        Written aside and renamed.
    structures : iterable of (name, Atoms)
        Packed as `in_chains` has them.
    mappings : MappingSet
        Travels with the atoms.

    Returns
    -------
    tuple of int
        Number of structures, residues and atoms.

    Raises
    ------
    DatasetError
        If there is no structure, or a residue spans more than 32 Å.
    StructureError
        If beads of a structure could not be rebuilt (see `in_chains`).
    OutputError
        If it cannot be written.
    """
    patterns: dict[tuple[str, tuple[str, ...]], int] = {}
    names: list[str] = []
    parts: list[dict[str, np.ndarray]] = []
    library = compile_library(mappings)
    for name, atoms in structures:
        parts.append(_columns(name, in_chains(atoms, library, name), patterns))
        names.append(name)
    if not names:
        raise DatasetError("there is no structure to pack", "Name a folder of PDB or mmCIF files.")
    header = {
        "format": FORMAT,
        "names": json.dumps(names),
        "patterns": json.dumps(list(patterns)),
        "mappings": mappings.model_dump_json(),
    }
    tensors = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    tensors["pattern"] = tensors["pattern"].astype(np.min_scalar_type(len(patterns)))
    if not tensors["bfactors"].any():
        del tensors["bfactors"]
    write_bytes(path, save(tensors, header))
    return len(names), len(tensors["pattern"]), len(tensors["coordinates"])


def _columns(
    name: str, atoms: Atoms, patterns: dict[tuple[str, tuple[str, ...]], int]
) -> dict[str, np.ndarray]:
    """Columns of the file for one structure in one piece; its residues join `patterns`."""
    residues = atoms.residues
    starts = np.searchsorted(atoms.residue_index, np.arange(len(residues)))
    ends = np.append(starts[1:], len(atoms))
    atom_names = atoms.names.tolist()
    keys = [
        (str(residue), tuple(atom_names[a:b]))
        for residue, a, b in zip(residues.names, starts, ends, strict=True)
    ]
    milli = np.rint((atoms.positions - atoms.positions.mean(axis=0)) / UNIT).astype(np.int64)
    relative = milli - milli[starts][atoms.residue_index]
    if np.abs(relative).max() > np.iinfo(np.int16).max:
        raise DatasetError(f"{name}: a residue spans more than 32 Å", "Leave the file out.")
    return {
        "pattern": np.array([patterns.setdefault(key, len(patterns)) for key in keys]),
        "number": residues.ids.astype(np.int32),
        "icode": np.array([ord(c or " ") for c in residues.icodes.tolist()]).astype(np.uint8),
        "chain": _chains(residues),
        "count": np.array([len(residues)], dtype=np.int32),
        "origin": milli[starts].astype(np.int32),
        "coordinates": relative.astype(np.int16),
        "bfactors": _bfactors(atoms),
    }


def _chains(residues: Residues) -> np.ndarray:
    """Tell the chain of each residue, by number; TER parts those that share an id."""
    numbers: np.ndarray = np.unique(residues.chains, return_inverse=True)[1]
    if residues.pieces is not None:
        pairs = np.stack([numbers, residues.pieces])
        numbers = np.unique(pairs, axis=1, return_inverse=True)[1].ravel()
    return numbers.astype(np.int32)


def _bfactors(atoms: Atoms) -> np.ndarray:
    """B-factors (n_atoms,), Å²; 0 where all are alike, so that nothing has been measured."""
    told = np.zeros(len(atoms)) if atoms.bfactors is None else np.nan_to_num(atoms.bfactors)
    if not len(told) or np.ptp(told) == 0:
        return np.zeros(len(atoms), np.uint8)
    found: np.ndarray = np.rint(told.clip(0, LARGEST_B)).astype(np.uint8)
    return found


def in_chains(atoms: Atoms, library: Library, source: str = "structure") -> Atoms:
    """Put chains that the box cuts into one piece, and tell those without a chain id apart.

    A dataset has neither boxes nor residues without a chain id. This way training sees the chains,
    and their ends, that `herobm evaluate` and `herobm backmap` find in the file.

    Parameters
    ----------
    atoms : Atoms
    library : Library
        Of the mapping that says which residues can be bonded in a row.
    source : str
        What to call the structure in messages.

    Returns
    -------
    Atoms
        In no box; each residue has a chain id, made up by molecule where there was none.

    Raises
    ------
    StructureError
        If beads of the structure could not be rebuilt, for they are in another unit, say.
    """
    unnamed = atoms.residues.chains == ""
    if atoms.box is None and not unnamed.any():
        return atoms
    whole = whole_residues(atoms.positions, atoms.residue_index, atoms.box)
    complete = complete_residues(atoms, library)
    shift = np.zeros((len(complete), 3))
    molecule = np.zeros(len(complete), dtype=np.int64)
    if complete.any():
        known = match_atoms(atoms, library).atom >= 0
        placed = replace(atoms, positions=whole, box=None)
        kept = placed.subset(known & complete[atoms.residue_index])
        beads = replace(coarsen(kept, library, source=source), box=atoms.box)
        topology = build_topology(beads, library, source=source)
        first = topology.plan.bead_start[:-1]
        moved = topology.beads.positions[first] - beads.positions[topology.source_index[first]]
        shift[complete], molecule[complete] = moved, topology.links.chain
    made_up = np.char.add("molecule ", np.maximum.accumulate(molecule).astype(str))
    return replace(
        atoms,
        positions=whole + shift[atoms.residue_index],
        residues=replace(atoms.residues, chains=np.where(unnamed, made_up, atoms.residues.chains)),
        box=None,
    )


def check_structure(atoms: Atoms, library: Library, source: str) -> None:
    """See to it that a structure is of use for training with a mapping.

    Parameters
    ----------
    atoms : Atoms
    library : Library
    source : str
        What to call the structure in messages.

    Raises
    ------
    StructureError
        If none of its residues has the atoms of its mapping (a coarse-grained file, say), or one
        spans more than a dataset can hold, or has a longer insertion code.
    """
    if len(drop_incomplete(atoms, library)) == 0:
        raise StructureError(
            f"{source}: none of its residues has the atoms that mapping '{library.name}' knows",
            "A dataset is packed from all-atom structures of molecules that are mapped.",
        )
    long = np.flatnonzero(np.strings.str_len(atoms.residues.icodes) > 1)
    if len(long):
        raise StructureError(
            f"{source}: the insertion code {str(atoms.residues.icodes[long[0]])!r} of "
            f"{atoms.residues.label(int(long[0]))} has more than one character",
            "Number the residues of the file anew, or leave it out.",
        )
    whole = whole_residues(atoms.positions, atoms.residue_index, atoms.box)
    starts = np.searchsorted(atoms.residue_index, np.arange(len(atoms.residues)))
    span = np.abs(whole - whole[starts][atoms.residue_index]).max(axis=1)
    if span.max() > LARGEST_SPAN:
        raise StructureError(
            f"{source}: {atoms.residues.label(int(atoms.residue_index[span.argmax()]))} spans "
            f"{span.max():.0f} Å, and a dataset holds residues of up to {LARGEST_SPAN:.0f} Å",
            "Leave the residue out (--selection).",
        )


def read_dataset(path: Path) -> Dataset:
    """Read a dataset file.

    Raises
    ------
    DatasetError
        If the file is not there or is not a dataset of herobm.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (OSError, SafetensorError) as error:
        raise DatasetError(
            f"{path}: cannot be read as a dataset ({error})",
            "Make one with: herobm data build FOLDER --mapping martini3 -o NAME.safetensors",
        ) from None
    if header.get("format") != FORMAT:
        raise DatasetError(f"{path}: is no dataset of herobm (format {header.get('format')})")
    try:
        return _unpacked(header, tensors)
    except (KeyError, ValueError, IndexError, TypeError, OverflowError) as error:  # of JSON, too
        raise DatasetError(
            f"{path}: is damaged, or was packed by another version of herobm "
            f"({type(error).__name__}: {str(error).splitlines()[0]})",
            "Pack it anew: herobm data build FOLDER --mapping martini3 -o NAME.safetensors",
        ) from None


def _unpacked(header: dict[str, str], tensors: dict[str, np.ndarray]) -> Dataset:
    patterns = json.loads(header["patterns"])
    structure = np.repeat(np.arange(len(tensors["count"])), tensors["count"])
    lengths = np.array([len(p[1]) for p in patterns])[tensors["pattern"]]
    residue_index = np.repeat(np.arange(len(lengths)), lengths)
    milli = tensors["origin"].astype(np.int64)[residue_index] + tensors["coordinates"]
    flat_names = [name for p in tensors["pattern"].tolist() for name in patterns[p][1]]
    chains = np.char.add(np.char.add(structure.astype(str), ":"), tensors["chain"].astype(str))
    icodes = tensors["icode"]
    residues = Residues(
        names=np.array([p[0] for p in patterns], dtype=np.str_)[tensors["pattern"]],
        ids=tensors["number"].astype(np.int64),
        icodes=np.char.strip(icodes.astype(np.uint32).view("<U1")),
        chains=chains,
    )
    distinct = {name: element_of(name) for p in patterns for name in p[1]}
    atoms = Atoms(
        positions=milli * UNIT,
        names=np.array(flat_names, dtype=np.str_),
        residue_index=residue_index,
        residues=residues,
        elements=np.array([distinct[n] for n in flat_names], dtype=np.str_),
        bfactors=tensors["bfactors"].astype(float) if "bfactors" in tensors else None,
    )
    return Dataset(
        atoms,
        structure,
        tuple(json.loads(header["names"])),
        MappingSet.model_validate_json(header["mappings"]),
        _digest({k: t for k, t in tensors.items() if k != "bfactors"}, header["patterns"]),
        _digest({"bfactors": tensors["bfactors"]}, "") if "bfactors" in tensors else "",
    )


def _digest(tensors: dict[str, np.ndarray], patterns: str) -> str:
    """Name all that some tensors hold, 16 hex digits."""
    found = hashlib.sha256(patterns.encode())
    for key in sorted(tensors):
        found.update(key.encode())
        found.update(tensors[key].tobytes())
    return found.hexdigest()[:16]
