"""The text of a PDB file (format 3.3, with residue names of four letters and hybrid-36 numbers)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import numpy as np

from herobm.errors import OutputError
from herobm.io.hybrid36 import encode
from herobm.types import Atoms, BoolArray, Particles, StrArray

_USE_CIF = "PDB has no column for that. Write mmCIF instead: name the file .cif."
#: Å, between which its columns hold coordinates.
_LOW, _HIGH = -999.9995, 9999.9995

#: That the columns of SSBOND can count.
MOST_BRIDGES = 999
#: Å, heavy atoms of two residues that are nearer to each other are bonded.
BONDED = 2.0

#: Particles that are bonded.
Pairs: TypeAlias = Sequence[tuple[int, int]]


def check_pdb(particles: Particles) -> None:
    """See to it that the columns of a PDB file can hold these particles.

    Raises
    ------
    OutputError
        Where a name, chain id, number or coordinate is too long.
    """
    residues = particles.residues
    _check_width("chain id", residues.chains, 1)
    _check_width("residue name", residues.names, 4)
    _check_width("insertion code", residues.icodes, 1)
    _check_width("atom name", particles.names, 4)
    for resid in (int(residues.ids.min(initial=0)), int(residues.ids.max(initial=0))):
        _number(resid, 4, "residue number")
    _number(len(particles) + len(residues), 5, "atom number")
    far = np.flatnonzero((particles.positions <= _LOW) | (particles.positions >= _HIGH)) // 3
    if len(far):
        where = particles.label(int(far[0]))
        raise OutputError(
            f"a coordinate of {where} is below -999.999 or above 9999.999 Å", _USE_CIF
        )


def _check_width(what: str, values: StrArray, width: int) -> None:
    long = np.flatnonzero(np.strings.str_len(values) > width)
    if len(long):
        limit = "one character" if width == 1 else f"{width} characters"
        found = str(values[long[0]])
        raise OutputError(f"the {what} {found!r} is longer than {limit}", _USE_CIF)


def _number(value: int, width: int, what: str) -> str:
    try:
        return encode(value, width)
    except ValueError:
        message = f"the {what} {value} does not fit into {width} columns, even in hybrid-36"
        raise OutputError(message, _USE_CIF) from None


def pdb_text(particles: Particles, title: str, disulfides: Pairs, connections: Pairs) -> str:
    """Return the text of a PDB file with TER after each chain and each closed piece of one.

    Parameters
    ----------
    particles : Particles
        n particles that passed `check_pdb`.
    title : str
    disulfides : sequence of (int, int)
        Particle indices; written as SSBOND and CONECT.
    connections : sequence of (int, int)
        Written as CONECT.
    """
    records, serials = _atom_records(particles)
    bonds = _bonds(serials, [*disulfides, *connections])
    return _file([*_before(particles, title, disulfides), *records, *bonds])


def pdb_models_text(models: Sequence[Particles], disulfides: Pairs, connections: Pairs) -> str:
    """Return the text of a PDB file with several models of the same particles.

    Parameters
    ----------
    models : sequence of Particles
        At least one; n particles each, that passed `check_pdb`.
    disulfides, connections : sequence of (int, int)
        As for `pdb_text`; the same in all models.
    """
    lines = _before(models[0], "", disulfides)
    serials: list[int] = []
    for number, particles in enumerate(models, 1):
        records, serials = _atom_records(particles)
        lines += [f"MODEL     {encode(number, 4)}", *records, "ENDMDL"]
    return _file([*lines, *_bonds(serials, [*disulfides, *connections])])


def _before(particles: Particles, title: str, disulfides: Pairs) -> list[str]:
    """Return what stands before the atoms."""
    lines = [*_head(title), *_disulfides(particles, disulfides)]
    if particles.box is not None:
        lengths = "".join(f"{length:9.3f}" for length in particles.box[:3])
        angles = "".join(f"{angle:7.2f}" for angle in particles.box[3:])
        lines.append(f"CRYST1{lengths}{angles} P 1           1")
    return lines


def _bonds(serials: list[int], bonds: Pairs) -> Iterator[str]:
    both = sorted({pair for i, j in bonds for pair in ((i, j), (j, i))})
    for one, pairs in groupby(both, itemgetter(0)):
        partners = [encode(serials[other], 5) for _, other in pairs]
        for first in range(0, len(partners), 4):
            yield "".join(["CONECT", encode(serials[one], 5), *partners[first : first + 4]])


def _file(lines: Sequence[str]) -> str:
    return "\n".join([*(line.ljust(80) for line in lines), "END".ljust(80), ""])


def _head(title: str) -> Iterator[str]:
    for number, part in enumerate(_pieces(title, 68), 1):
        yield f"TITLE     {part}" if number == 1 else f"TITLE   {number:2d} {part}"


def _pieces(text: str, width: int) -> list[str]:
    plain = " ".join(text.encode("ascii", "replace").decode().split())
    return [plain[at : at + width] for at in range(0, len(plain), width)]


def _atom_records(particles: Particles) -> tuple[list[str], list[int]]:
    """Return ATOM, HETATM and TER records, and the number that each particle got."""
    heads = _residue_columns(particles)
    elements = _elements(particles)
    factors = _factors(particles)
    owners = particles.residue_index.tolist()
    ends = _chain_ends(particles)
    kinds = particles.residues.record_names()
    records: list[str] = []
    serials: list[int] = []
    serial = 0
    for i, (x, y, z) in enumerate(particles.positions.tolist()):
        serial += 1
        serials.append(serial)
        owner = owners[i]
        name = _name_columns(str(particles.names[i]), elements[i])
        records.append(
            f"{kinds[owner]:6}{encode(serial, 5)} {name} {heads[owner]}   {x:8.3f}{y:8.3f}{z:8.3f}"
            f"  1.00{factors[i]:6.2f}          {elements[i]:>2}"
        )
        if ends[owner] and (i + 1 == len(owners) or owners[i + 1] != owner):
            serial += 1
            records.append(f"TER   {encode(serial, 5)}      {heads[owner]}".rstrip())
    return records, serials


def _chain_ends(particles: Particles) -> list[bool]:
    """Tell for each residue whether TER follows it.

    So it does where the chain id changes, where the file that was read had one, and within a
    chain after a carboxylate (OXT) or N-methyl amide (NME) that closes it before a break. Ligands
    stand after it, and between them there is none: programs take what TER ends for a polymer.
    """
    residues = particles.residues
    ends = np.ones(len(residues), dtype=bool)
    ends[:-1] = ~residues.same_chain()
    ends[particles.residue_index[particles.names == "OXT"]] = True
    ends[residues.names == "NME"] = True
    linked = _in_chains(particles)
    pieces = np.append(0, np.cumsum(ends[:-1]))
    last = np.zeros(len(residues), dtype=bool)
    rows = np.flatnonzero(linked)[::-1]
    last[rows[np.unique(pieces[rows], return_index=True)[1]]] = True
    found: list[bool] = last.tolist()
    return found


def _in_chains(particles: Particles) -> BoolArray:
    """Tell for each residue whether it may be a link of a chain.

    HETATM that are: beads, of which nothing is known, amino acids (MSE), and what is bonded to the
    residue before it or after it (caps, modified nucleotides).
    """
    from scipy.spatial import cKDTree

    residues = particles.residues
    linked = np.array([kind == "ATOM" for kind in residues.record_names()])
    if linked.all() or not isinstance(particles, Atoms):
        return np.ones_like(linked)
    owner, names = particles.residue_index, particles.names
    n_backbone = np.zeros(len(residues), dtype=np.int64)
    for name in ("N", "CA", "C"):
        n_backbone[np.unique(owner[names == name])] += 1
    linked |= n_backbone == 3
    heavy = np.flatnonzero(particles.heavy)
    pairs = cKDTree(particles.positions[heavy]).query_pairs(BONDED, output_type="ndarray")
    near = np.sort(owner[heavy[pairs]].reshape(-1, 2), axis=1)
    near = near[near[:, 1] == near[:, 0] + 1]
    near = near[residues.same_chain()[near[:, 0]]]
    linked[near.ravel()] = True
    return linked


def _residue_columns(particles: Particles) -> list[str]:
    """Return columns 18 to 27 of each residue: name, chain, number, insertion code."""
    residues = particles.residues
    columns = zip(
        residues.names.tolist(),
        residues.chains.tolist(),
        residues.ids.tolist(),
        residues.icodes.tolist(),
        strict=True,
    )
    return [
        f"{name:>3}".ljust(4) + f"{chain:1}{encode(resid, 4)}{icode:1}"
        for name, chain, resid, icode in columns
    ]


def _name_columns(name: str, element: str) -> str:
    """Return columns 13 to 16: the element ends in the second, where the name leaves room."""
    if len(name) < 4 and len(element) < 2:
        return f" {name:<3}"
    return f"{name:<4}"


def _elements(particles: Particles) -> list[str]:
    if isinstance(particles, Atoms) and particles.elements is not None:
        return [str(element).upper() for element in particles.elements]
    return [""] * len(particles)


def _factors(particles: Particles) -> list[float]:
    if isinstance(particles, Atoms) and particles.bfactors is not None:
        clipped: list[float] = np.clip(particles.bfactors, -99.99, 999.99).tolist()
        return clipped
    return [0.0] * len(particles)


def _disulfides(particles: Particles, disulfides: Pairs) -> Iterator[str]:
    heads = _residue_columns(particles) if disulfides else []
    for number, pair in enumerate(disulfides[:MOST_BRIDGES], 1):
        one, other = (heads[int(particles.residue_index[i])] for i in pair)
        length = float(np.linalg.norm(np.subtract(*particles.positions[list(pair)])))
        ends = [f"{head[:3]} {head[4]} {head[5:9]}{head[9]}" for head in (one, other)]
        yield f"SSBOND {number:3d} {ends[0]}   {ends[1]}".ljust(59) + f"  1555   1555 {length:5.2f}"
