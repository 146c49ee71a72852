"""PDB files, looked through line by line.

MDAnalysis unwraps residue numbers by a guess that renumbers a chain whose predecessor ended
above 5000, and knows no hybrid-36 there; so they are read here.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path

import numpy as np

from herobm.errors import StructureError
from herobm.io.hybrid36 import decode
from herobm.io.vet import AGAIN, Vetted, at
from herobm.types import IntArray

logger = logging.getLogger(__name__)


def vet_pdb(text: str, path: Path) -> Vetted:
    """Look through the first model of a PDB file.

    Raises
    ------
    StructureError
        Where a line is malformed, or the file cut short or without atoms.
    """
    lines = text.splitlines()
    if any(line.startswith("_atom_site.") for line in lines):
        raise StructureError(
            f"{path}: this is an mmCIF file, not PDB", "Give it a name that ends in .cif."
        )
    cell, atoms, closed, in_model, stopped = "", [], set(), 0, False
    for number, line in enumerate(lines, 1):
        if line.startswith(("ATOM", "HETATM")):
            atoms.append((number, line))
        elif line.startswith("CRYST1") and not cell:
            cell = _cell(line, number, path)
        elif line.startswith("TER"):
            closed.add(len(atoms))
        elif atoms and line.startswith(("END", "MODEL")):
            stopped = True
            _tell_of_models(lines[number:], path)
            break
        elif line.startswith("MODEL"):
            in_model = number
    if not atoms:
        raise StructureError(
            f"{path}: no ATOM or HETATM records, so this is no PDB file with a structure",
            "Check that the extension fits the content.",
        )
    if not stopped:
        _check_pdb_end(text, lines, [line for _, line in atoms], in_model, path)
    numbers = [_check_pdb_atom(line, number, path) for number, line in atoms]
    kept = [_plain_atom(line, index) for index, (_, line) in enumerate(atoms, 1)]
    return Vetted(
        "\n".join([cell, *kept, "END", ""]),
        np.array([resid for resid, _ in numbers], dtype=np.int64),
        np.array([icode for _, icode in numbers], dtype=np.str_),
        _pieces([line for _, line in atoms], closed),
    )


def _pieces(atoms: list[str], closed: Collection[int]) -> IntArray:
    """Return the number of the piece between TER records that each atom is in.

    A record within a residue makes none, nor does one before the first or after the last atom.

    Parameters
    ----------
    atoms : list of str
        Lines of n atoms.
    closed : collection of int
        How many atoms stand before each TER.

    Returns
    -------
    IntArray, shape (n,)
    """
    begins = np.zeros(len(atoms), dtype=np.int64)
    for row in closed:
        if 0 < row < len(atoms):
            begins[row] = _residue(atoms[row]) != _residue(atoms[row - 1])
    return np.cumsum(begins)


def _residue(line: str) -> tuple[str, str]:
    """Return what names a residue: name, chain, number and insertion code; segment."""
    return line[17:27], line[72:76].strip()


def cell_of(line: str) -> list[float] | None:
    """Read a CRYST1 record: three lengths in Å, three angles in degrees; None if it has not six."""
    try:
        return [float(line[a:b]) for a, b in pairwise((6, 15, 24, 33, 40, 47, 54))]
    except ValueError:
        return None


def _cell(line: str, number: int, path: Path) -> str:
    """Return the line of a box, "" where it holds no numbers in the columns of one."""
    if cell_of(line) is None:
        logger.warning(
            "%s, line %d: CRYST1 has no six numbers in columns 7 to 54; no box is taken",
            path,
            number,
        )
        return ""
    return line


def _tell_of_models(rest: list[str], path: Path) -> None:
    if any(line.startswith(("ATOM", "HETATM")) for line in rest):
        logger.warning("%s holds several models; the first one is read", path)


def _check_pdb_end(
    text: str, lines: list[str], atoms: list[str], in_model: int, path: Path
) -> None:
    """Refuse a file that stops within a line or a model."""
    last = lines[-1]
    begun = any(record.startswith(last) for record in ("ATOM  ", "HETATM"))
    shorter = last == atoms[-1] and len(atoms) > 1 and len(last) < len(atoms[-2].rstrip())
    if not text.endswith(("\n", "\r")) and (begun or shorter):
        raise at(path, len(lines), "the file is cut short within this line", AGAIN)
    if in_model:
        what = f"the file is cut short: the model of line {in_model} has no ENDMDL"
        raise at(path, len(lines), what, AGAIN)


def _check_pdb_atom(line: str, number: int, path: Path) -> tuple[int, str]:
    """Return residue number and insertion code of one line."""
    try:
        if len(line) < 54:
            raise ValueError
        for start in (30, 38, 46):
            float(line[start : start + 8])
    except ValueError:
        what = f"no three coordinates in columns 31 to 54: {line.rstrip()!r}"
        raise at(path, number, what, "The line is cut short, or not in PDB columns.") from None
    if not line[12:16].strip():
        raise at(path, number, "no atom name in columns 13 to 16", "Give every atom a name.")
    try:
        return _resid_and_icode(line)
    except ValueError:
        what = f"no residue number in columns 23 to 26: {line[22:26]!r}"
        raise at(path, number, what, "Number the residues; hybrid-36 is understood.") from None


def _resid_and_icode(line: str) -> tuple[int, str]:
    digits, icode = line[22:26], line[26:27].strip()
    if icode.isdigit() and digits.isdigit():  # five digits, one in the insertion code's column
        return int(digits + icode), ""
    return decode(digits, 4), icode


def _plain_atom(line: str, serial: int) -> str:
    record = "HETATM" if line.startswith("HETATM") else "ATOM  "
    return f"{record}{serial % 100_000:5d}{line[11:]}"
