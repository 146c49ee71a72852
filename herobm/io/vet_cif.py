"""mmCIF files: whether they parse, hold atoms, and keep their order when parsed.

gemmi, by which MDAnalysis reads mmCIF, puts atoms of one chain, residue number and name
together, wherever they stand. Where one number comes back later in a chain (molecules that each
count from 1, numbers that wrap), the residues are numbered afresh before they are parsed. Chains
with long names are named afresh, and entities with such names left out, since gemmi takes seven
letters at most.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from herobm.errors import StructureError
from herobm.io.columns import runs
from herobm.io.vet import Vetted, at
from herobm.types import StrArray

logger = logging.getLogger(__name__)

_POSITION = re.compile(r"^string:(\d+):\S*\s*")
#: A line of a PDB file: serial number, name and the places of coordinates.
_PDB = re.compile(r"^(?:ATOM  |HETATM)[ \w]{5} .{4}.{14}.{4}[ \d.-]{24}", re.MULTILINE)
_NUMBER = re.compile(r"^-?\d+$")
#: Letters that gemmi takes of the name of a chain or an entity.
_LONGEST = 7
#: Columns that gemmi needs, and those that say the same where they are missing.
_NEEDED = {
    "group_PDB": "",
    "id": "",
    "type_symbol": "",
    "label_alt_id": "",
    "label_atom_id": "auth_atom_id",
    "label_comp_id": "auth_comp_id",
    "label_asym_id": "auth_asym_id",
}
_MODEL, _ICODE = "pdbx_PDB_model_num", "pdbx_PDB_ins_code"


def vet_cif(text: str, path: Path) -> Vetted:
    """See to it that an mmCIF file parses and holds atoms.

    Raises
    ------
    StructureError
        Where it does not.
    """
    from gemmi import cif

    try:
        document = cif.read_string(text)
    except ValueError as error:
        raise _malformed(error, path, text) from None
    axes = [f"_atom_site.Cartn_{axis}" for axis in "xyz"]
    there = [len(document) > 0 and bool(document[0].find_values(tag)) for tag in axes]
    if any(there) and not all(there):
        missing = ", ".join(tag for tag, has in zip(axes, there, strict=True) if not has)
        raise StructureError(f"{path}: this mmCIF file lacks {missing}", "Write it again.")
    if not any(there):
        raise StructureError(
            f"{path}: no coordinates (_atom_site) in this mmCIF file",
            "Component dictionaries and structure factors have none; choose a model file.",
        )
    if len(document) > 1:
        logger.warning("%s holds several data blocks; the first one is read", path)
    changed = _fill_columns(document[0], path) | _forget_entities(document[0])
    chains = _shorten_chains(document[0])
    models = _column(document[0], _MODEL)
    if len(set(models.tolist())) > 1:
        logger.warning("%s holds several models; the first one is read", path)
    first_model = models == models[0]
    identity = [column[first_model] for column in _identity(document[0])]
    run = runs(*identity)
    if len(set(zip(*(column.tolist() for column in identity), strict=True))) == run[-1] + 1:
        return Vetted(document.as_string() if chains or changed else text, chains=chains)
    return replace(_numbered_afresh(document[0], first_model, run), chains=chains)


def _malformed(error: ValueError, path: Path, text: str) -> StructureError:
    if _PDB.search(text):
        return StructureError(
            f"{path}: this is a PDB file, not mmCIF", "Give it a name that ends in .pdb."
        )
    position = _POSITION.match(str(error))
    what = f"this is not mmCIF, or cut short ({_POSITION.sub('', str(error))})"
    hint = "Write or download the file again."
    if position is None:
        return StructureError(f"{path}: {what}", hint)
    return at(path, int(position[1]), what, hint)


def _fill_columns(block: Any, path: Path) -> bool:
    """Add columns without which gemmi reads no atoms; tell whether there were such.

    Raises
    ------
    StructureError
        Where atoms have no names, or are of no residue.
    """
    loop = block.find_loop("_atom_site.Cartn_x").get_loop()
    if loop is None:
        return False  # one atom, told in pairs
    there = {tag.removeprefix("_atom_site.") for tag in loop.tags}
    for column in ("atom_id", "comp_id"):
        if there.isdisjoint({f"auth_{column}", f"label_{column}"}):
            raise StructureError(
                f"{path}: this mmCIF file lacks _atom_site.label_{column}", "Write it again."
            )
    n_atoms = loop.length()
    added = False
    for column, instead in _NEEDED.items():
        if column in there:
            continue
        source = f"_atom_site.{instead}"
        if column == "group_PDB":
            values = ["ATOM"] * n_atoms
        elif column == "id":
            values = [str(row + 1) for row in range(n_atoms)]
        elif instead and instead in there:
            values = [str(value) for value in block.find_values(source)]
        else:
            values = ["."] * n_atoms
        loop.add_columns([f"_atom_site.{column}"], ".")
        for row, value in enumerate(values):
            loop[row, loop.width() - 1] = value
        added = True
    return added


def _forget_entities(block: Any) -> bool:
    """Take the entities from atoms where their names are too long for gemmi; tell whether so."""
    column = block.find_values("_atom_site.label_entity_id")
    if all(len(value) <= _LONGEST for value in column):
        return False
    for row in range(len(column)):
        column[row] = "?"
    return True


def _shorten_chains(block: Any) -> dict[str, str]:
    """Name chains with long names 1, 2, ...; return the long name of each of these."""
    from gemmi import cif

    columns = [block.find_values(f"_atom_site.{tag}_asym_id") for tag in ("auth", "label")]
    known = {cif.as_string(value) for column in columns for value in column}
    free = (str(number) for number in count(1) if str(number) not in known)
    short = {name: next(free) for name in sorted(known) if len(name) > _LONGEST}
    for column in columns if short else []:
        for row, value in enumerate(column):
            name = cif.as_string(value)
            column[row] = short.get(name, value)
    return {new: name for name, new in short.items()}


def _identity(block: Any) -> list[StrArray]:
    """Return chain, residue number, insertion code and residue name of all atoms."""
    tags = ("asym_id", "seq_id", "comp_id")
    columns = [_column(block, f"auth_{tag}", f"label_{tag}") for tag in tags]
    return [*columns, _column(block, _ICODE)]


def _column(block: Any, *tags: str) -> StrArray:
    """Return the first of the columns that the file has; blanks where it has none."""
    from gemmi import cif

    for tag in tags:
        values = block.find_values(f"_atom_site.{tag}")
        if values:
            return np.array([cif.as_string(value) for value in values], dtype=np.str_)
    return np.full(len(block.find_values("_atom_site.Cartn_x")), "")


def _numbered_afresh(block: Any, first_model: Any, run: Any) -> Vetted:
    """Return the first model with a number of its own for each run of one residue."""
    from gemmi import cif

    numbers, icodes = _identity(block)[1][first_model], _column(block, _ICODE)[first_model]
    loop = block.find_loop("_atom_site.Cartn_x").get_loop()
    renamed = {tag: tag.removeprefix("_atom_site.") for tag in loop.tags}
    document = cif.Document()
    new = document.add_new_block(block.name)
    for item in block:
        if item.pair is not None and item.pair[0].startswith("_cell."):
            new.set_pair(*item.pair)
    columns = []
    for tag in loop.tags:
        raw = np.array(list(block.find_values(tag)), dtype=object)[first_model]
        if renamed[tag] in ("auth_seq_id", "label_seq_id"):
            raw = (run + 1).astype(np.str_)
        elif renamed[tag] == _ICODE:
            raw = np.full(len(run), "?")
        columns.append([str(value) for value in raw])
    new.init_loop("_atom_site.", list(renamed.values())).set_all_values(columns)
    told = [int(n) if _NUMBER.match(n) else r + 1 for n, r in zip(numbers, run, strict=True)]
    return Vetted(document.as_string(), np.array(told, dtype=np.int64), icodes)
