"""Text structure files, looked through line by line before MDAnalysis parses them.

What MDAnalysis would take in silently or fail on without naming the line is found here: files
that are cut short, columns that hold no numbers, models after the first. Residue numbers are
read here as the file has them; MDAnalysis unwraps them by a guess that renumbers a chain whose
predecessor ended above 5000, and knows no hybrid-36 there.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from herobm.errors import StructureError
from herobm.io.hybrid36 import decode
from herobm.types import IntArray, StrArray

logger = logging.getLogger(__name__)

_AGAIN = "Write or copy the file again; it is not complete."
_CIF_POSITION = re.compile(r"^string:(\d+):\S*\s*")


@dataclass(frozen=True)
class Vetted:
    """The first model of a file, as text that is safe to parse.

    Attributes
    ----------
    text : str
    resids : IntArray or None, shape (n,)
        Residue number of each particle as the file has it; None to take the parser's.
    icodes : StrArray or None, shape (n,)
        Insertion code of each particle; None to take the parser's.
    """

    text: str
    resids: IntArray | None = None
    icodes: StrArray | None = None


def vet(text: str, kind: str, path: Path) -> Vetted:
    """Look through the text of a file of format `kind` (``pdb``, ``gro`` or ``cif``).

    Raises
    ------
    StructureError
        Naming the line, where the file is malformed or cut short.
    """
    return {"pdb": vet_pdb, "gro": vet_gro, "cif": vet_cif}[kind](text, path)


def _at(path: Path, number: int, what: str, hint: str | None = None) -> StructureError:
    return StructureError(f"{path}, line {number}: {what}", hint)


# PDB


def vet_pdb(text: str, path: Path) -> Vetted:
    """Look through the first model of a PDB file.

    Raises
    ------
    StructureError
        Where a line is malformed, or the file cut short or without atoms.
    """
    lines = text.splitlines()
    cell, atoms, in_model, stopped = "", [], 0, False
    for number, line in enumerate(lines, 1):
        if line.startswith(("ATOM", "HETATM")):
            atoms.append((number, line))
        elif line.startswith("CRYST1") and not cell:
            cell = line
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
    )


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
        raise _at(path, len(lines), "the file is cut short within this line", _AGAIN)
    if in_model:
        what = f"the file is cut short: the model of line {in_model} has no ENDMDL"
        raise _at(path, len(lines), what, _AGAIN)


def _check_pdb_atom(line: str, number: int, path: Path) -> tuple[int, str]:
    """Return residue number and insertion code of one line."""
    try:
        if len(line) < 54:
            raise ValueError
        for start in (30, 38, 46):
            float(line[start : start + 8])
    except ValueError:
        what = f"no three coordinates in columns 31 to 54: {line.rstrip()!r}"
        raise _at(path, number, what, "The line is cut short, or not in PDB columns.") from None
    if not line[12:16].strip():
        raise _at(path, number, "no atom name in columns 13 to 16", "Give every atom a name.")
    try:
        return _resid_and_icode(line)
    except ValueError:
        what = f"no residue number in columns 23 to 26: {line[22:26]!r}"
        raise _at(path, number, what, "Number the residues; hybrid-36 is understood.") from None


def _resid_and_icode(line: str) -> tuple[int, str]:
    digits, icode = line[22:26], line[26:27].strip()
    if icode.isdigit() and digits.isdigit():  # five digits, one in the insertion code's column
        return int(digits + icode), ""
    return decode(digits, 4), icode


def _plain_atom(line: str, serial: int) -> str:
    record = "HETATM" if line.startswith("HETATM") else "ATOM  "
    return f"{record}{serial % 100_000:5d}{line[11:]}"


# GRO


def vet_gro(text: str, path: Path) -> Vetted:
    """Look through the first frame of a GRO file.

    Raises
    ------
    StructureError
        Where a line is malformed, or there are fewer lines than the file says.
    """
    lines = text.splitlines()
    n_particles = _gro_count(lines, path)
    atoms, box = lines[2 : 2 + n_particles], lines[2 + n_particles : 3 + n_particles]
    if len(atoms) < n_particles:
        what = f"cut short: line 2 says {n_particles} particles, and {len(atoms)} are there"
        raise StructureError(f"{path}: the file is {what}", _AGAIN)
    width = _gro_width(atoms, path)
    resids = [_check_gro_line(line, number, width, path) for number, line in enumerate(atoms, 3)]
    _check_gro_finite(atoms, width, path)
    _check_gro_box(box, 3 + n_particles, path)
    if any(line.strip() for line in lines[3 + n_particles :]):
        logger.warning("%s holds several frames; the first one is read", path)
    kept = [
        f"{line[:15]}{serial % 100_000:5d}{line[20 : 20 + 3 * width]}"
        for serial, line in enumerate(atoms, 1)
    ]
    whole = "\n".join(["title", f"{n_particles}", *kept, *box, ""])
    return Vetted(whole, np.array(resids, dtype=np.int64))


def _gro_count(lines: list[str], path: Path) -> int:
    try:
        count = int(lines[1])
    except (IndexError, ValueError):
        raise _at(
            path,
            2,
            "the number of particles should stand here",
            "Check that the extension fits the content.",
        ) from None
    if count < 1:
        raise _at(path, 2, "the file says that it holds no particles", "Choose another file.")
    return count


def _gro_width(atoms: list[str], path: Path) -> int:
    """Return the columns of a coordinate, which are the distance of two decimal points."""
    for line in atoms:
        points = [at for at, letter in enumerate(line) if letter == "." and at >= 20]
        if len(points) > 2:
            return points[1] - points[0]
    what = f"no three coordinates after column 20: {atoms[0].rstrip()!r}"
    raise _at(path, 3, what, "The particle has no place, or the line is not in GRO columns.")


def _check_gro_finite(atoms: list[str], width: int, path: Path) -> None:
    """Refuse coordinates that are no numbers: MDAnalysis takes its columns from the first line."""
    places = [
        [float(line[start : start + width]) for start in range(20, 20 + 3 * width, width)]
        for line in atoms
    ]
    bad = [line for line, xyz in zip(atoms, places, strict=True) if not all(map(isfinite, xyz))]
    if bad:
        name, resname, resid = bad[0][10:15].strip(), bad[0][5:10].strip(), bad[0][:5].strip()
        raise blown_up(path, len(bad), len(atoms), f"{name} of {resname} {resid}")


def blown_up(path: Path, n_bad: int, n_particles: int, first: str) -> StructureError:
    """Say that coordinates are no numbers, and where that begins."""
    return StructureError(
        f"{path}: {n_bad} of {n_particles} particles have coordinates that are no numbers; the "
        f"first is {first}",
        "The simulation may have blown up; take an earlier frame.",
    )


def _check_gro_line(line: str, number: int, width: int, path: Path) -> int:
    """Return the residue number of one line."""
    try:
        if len(line) < 20 + 3 * width:
            raise ValueError
        for start in range(20, 20 + 3 * width, width):
            float(line[start : start + width])
    except ValueError:
        what = f"no three coordinates after column 20: {line.rstrip()!r}"
        raise _at(path, number, what, "The line is cut short, or not in GRO columns.") from None
    if not line[10:15].strip():
        raise _at(path, number, "no name in columns 11 to 15", "Give every particle a name.")
    try:
        return int(line[:5])
    except ValueError:
        what = f"no residue number in columns 1 to 5: {line[:5]!r}"
        raise _at(path, number, what, "Number the residues; they wrap at 99999.") from None


def _check_gro_box(box: list[str], number: int, path: Path) -> None:
    fields = box[0].split() if box else []
    if not fields:
        raise _at(path, number, "the file is cut short before its box", _AGAIN)
    try:
        np.array(fields, dtype=np.float64)
    except ValueError:
        fields = re.findall(r"\d+\.\d{5}", box[0])
    if len(fields) not in (3, 9):
        what = f"the box should stand here, three or nine numbers: {box[0].rstrip()!r}"
        raise _at(path, number, what, "Check the number of particles in line 2.")


# mmCIF


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
        position = _CIF_POSITION.match(str(error))
        what = f"this is not mmCIF, or cut short ({_CIF_POSITION.sub('', str(error))})"
        hint = "Write or download the file again."
        if position is None:
            raise StructureError(f"{path}: {what}", hint) from None
        raise _at(path, int(position[1]), what, hint) from None
    if not len(document) or not document[0].find_values("_atom_site.Cartn_x"):
        raise StructureError(
            f"{path}: no coordinates (_atom_site) in this mmCIF file",
            "Component dictionaries and structure factors have none; choose a model file.",
        )
    if len(document) > 1:
        logger.warning("%s holds several data blocks; the first one is read", path)
    return Vetted(text)
