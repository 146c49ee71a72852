"""GRO files, looked through line by line.

MDAnalysis adds 100,000 to residue numbers after each residue 0; they are read here as they are.
"""

from __future__ import annotations

import logging
import re
from math import isfinite
from pathlib import Path

import numpy as np

from herobm.errors import StructureError
from herobm.io.vet import AGAIN, Vetted, at, blown_up

logger = logging.getLogger(__name__)


def vet_gro(text: str, path: Path, before: int = 0) -> Vetted:
    """Look through the first frame of a GRO file, or of what is left of it.

    Parameters
    ----------
    text : str
    path : Path
        Of the file, for messages.
    before : int
        Lines of the file before the text.

    Raises
    ------
    StructureError
        Where a line is malformed, or there are fewer lines than the file says.
    """
    lines = text.splitlines()
    n_particles = gro_count(lines, path, before=before)
    atoms, box = lines[2 : 2 + n_particles], lines[2 + n_particles : 3 + n_particles]
    if len(atoms) < n_particles:
        says = f"line {before + 2} says {n_particles} particles"
        what = f"cut short: {says}, and {len(atoms)} are there"
        raise StructureError(f"{path}: the file is {what}", AGAIN)
    first = before + 3
    width = _gro_width(atoms, path, first)
    numbered = enumerate(atoms, first)
    resids = [_check_gro_line(line, number, width, path) for number, line in numbered]
    _check_gro_finite(atoms, width, path)
    _check_gro_box(box, first + n_particles, path)
    if any(line.strip() for line in lines[3 + n_particles :]):
        logger.warning("%s holds several frames; the first one is read", path)
    kept = [
        f"{line[:15]}{serial % 100_000:5d}{line[20 : 20 + 3 * width]}"
        for serial, line in enumerate(atoms, 1)
    ]
    whole = "\n".join(["title", f"{n_particles}", *kept, *box, ""])
    return Vetted(whole, np.array(resids, dtype=np.int64))


def gro_count(lines: list[str], path: Path, start: int = 0, before: int = 0) -> int:
    """Return the number of particles of the frame that begins at a line.

    Parameters
    ----------
    lines : list of str
    path : Path
    start : int
        Index of its title.
    before : int
        Lines of the file before `lines`.

    Raises
    ------
    StructureError
        Where it has none.
    """
    number = before + start + 2
    try:
        count = int(lines[start + 1])
    except (IndexError, ValueError):
        blank = before + start > 0 and not lines[start].strip()
        what = "the number of particles should stand here"
        if blank:
            what += ", for the line before it is the title of a frame"
        hint = (
            "Take blank lines between frames out."
            if blank
            else "Check that the extension fits the content."
        )
        raise at(path, number, what, hint) from None
    if count < 1:
        raise at(path, number, "the file says that it holds no particles", "Choose another file.")
    return count


def _gro_width(atoms: list[str], path: Path, first: int) -> int:
    """Return the columns of a coordinate, which are the distance of two decimal points."""
    for line in atoms:
        points = [at for at, letter in enumerate(line) if letter == "." and at >= 20]
        if len(points) > 2:
            return points[1] - points[0]
    what = f"no three coordinates after column 20: {atoms[0].rstrip()!r}"
    raise at(path, first, what, "The particle has no place, or the line is not in GRO columns.")


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


def _check_gro_line(line: str, number: int, width: int, path: Path) -> int:
    """Return the residue number of one line."""
    try:
        if len(line) < 20 + 3 * width:
            raise ValueError
        for start in range(20, 20 + 3 * width, width):
            float(line[start : start + width])
    except ValueError:
        what = f"no three coordinates after column 20: {line.rstrip()!r}"
        raise at(path, number, what, "The line is cut short, or not in GRO columns.") from None
    if not line[10:15].strip():
        raise at(path, number, "no name in columns 11 to 15", "Give every particle a name.")
    try:
        return int(line[:5])
    except ValueError:
        what = f"no residue number in columns 1 to 5: {line[:5]!r}"
        raise at(path, number, what, "Number the residues; they wrap at 99999.") from None


def _check_gro_box(box: list[str], number: int, path: Path) -> None:
    fields = box[0].split() if box else []
    if not fields:
        raise at(path, number, "the file is cut short before its box", AGAIN)
    try:
        np.array(fields, dtype=np.float64)
    except ValueError:
        fields = re.findall(r"\d+\.\d{5}", box[0])
    if len(fields) not in (3, 9):
        what = f"the box should stand here, three or nine numbers: {box[0].rstrip()!r}"
        raise at(path, number, what, "Check the number of particles above.")
