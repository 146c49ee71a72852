"""Structures to files: PDB, GRO and mmCIF, each packed where the name ends in .gz."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from herobm.aside import written_aside
from herobm.errors import OutputError
from herobm.io.cif_text import chain_ids, cif_text
from herobm.io.gro_text import check_gro, gro_text
from herobm.io.pdb_text import Pairs, check_pdb, pdb_models_text, pdb_text
from herobm.io.source import format_of
from herobm.types import Particles

log = logging.getLogger(__name__)

_WRITERS: dict[str, Callable[[Particles, str, Pairs, Pairs], str]] = {
    "pdb": pdb_text,
    "gro": gro_text,
    "cif": cif_text,
}
_CHECKS: dict[str, Callable[[Particles], None]] = {"pdb": check_pdb, "gro": check_gro}


def write_structure(
    path: Path | str,
    particles: Particles,
    *,
    overwrite: bool = False,
    title: str = "",
    disulfides: Pairs = (),
    connections: Pairs = (),
) -> None:
    """Write atoms or beads to a structure file, their names and order kept.

    The file appears when it is whole. GRO has no place for chains, insertion codes and bonds;
    they are left out there, insertion codes with a line in the log. mmCIF tells residues apart by
    chain and number: those that come back get another chain there, with a line in the log.

    Parameters
    ----------
    path : Path or str
        The extension tells the format: .pdb (.ent), .gro, .cif (.mmcif), each also with .gz.
    particles : Atoms or Beads
        One frame, in Å.
    overwrite : bool
        Whether a file that lies there already may be replaced.
    title : str
        One line.
    disulfides : sequence of (int, int)
        Pairs of particle indices.
    connections : sequence of (int, int)
        Other bonds, which PDB alone has a place for: those of ligands, lipids and the like, which
        readers know from no residue name.

    Raises
    ------
    OutputError
        Where the file cannot be written, or the format cannot hold the structure.
    """
    target = Path(path)
    _check(target, particles)
    if format_of(target) == "gro":
        _tell_icodes(target, particles)
    if format_of(target) == "cif":
        _tell_chains(target, particles)
    text = _WRITERS[format_of(target)](particles, title, disulfides, connections)
    _put(target, text, overwrite)


def write_models(
    path: Path | str,
    models: Sequence[Particles],
    *,
    overwrite: bool = False,
    disulfides: Pairs = (),
    connections: Pairs = (),
) -> None:
    """Write several conformers of the same atoms to one PDB file, each as a model.

    Parameters
    ----------
    path : Path or str
        It ends in .pdb (.ent), or that and .gz.
    models : sequence of Atoms or Beads
        At least one, in Å.
    overwrite : bool
        Whether a file that lies there already may be replaced.
    disulfides, connections : sequence of (int, int)
        Pairs of particle indices, see `write_structure`; the same in all models.

    Raises
    ------
    OutputError
        Where the file cannot be written, or the format cannot hold the structures.
    """
    target = Path(path)
    check_holds_models(target)
    for particles in models:
        _check(target, particles)
    _put(target, pdb_models_text(models, disulfides, connections), overwrite)


def check_holds_models(path: Path | str) -> None:
    """See to it that `write_models` knows the format of `path`.

    Raises
    ------
    OutputError
        Where it does not.
    """
    if format_of(Path(path)) != "pdb":
        raise OutputError(
            f"{path}: several structures go into no file of this format",
            "Name it .pdb, or .xtc, .trr or .dcd for a trajectory.",
        )


def _check(target: Path, particles: Particles) -> None:
    """Raise if the format cannot hold the particles, or a coordinate is no number."""
    check_fits(target, particles)
    bad = np.flatnonzero(~np.isfinite(particles.positions).all(axis=1))
    if len(bad):
        raise OutputError(
            f"{target}: {len(bad)} particles have coordinates that are no numbers; the first is "
            f"{particles.label(int(bad[0]))}",
            "Nothing was written. Check the input for beads far from all others.",
        )


def _tell_icodes(target: Path, particles: Particles) -> None:
    """Say in the log which insertion codes a GRO file loses."""
    lost = np.flatnonzero(particles.residues.icodes != "")
    if len(lost):
        log.info(
            "%s: GRO has no insertion codes, and %d residue(s) lose theirs (first: %s); PDB and "
            "mmCIF keep them",
            target,
            len(lost),
            particles.residues.label(int(lost[0])),
        )


def _tell_chains(target: Path, particles: Particles) -> None:
    """Say in the log which chains an mmCIF file has under other names."""
    residues = particles.residues
    own = residues.chains if residues.long_chains is None else residues.long_chains
    written = np.array(chain_ids(residues), dtype=np.str_)
    other = np.flatnonzero(written != own)
    if len(other):
        log.info(
            "%s: %d residue(s) go under other chains, since mmCIF may have each number of a "
            "chain once, and numbers come back (first: %s, in chain %s)",
            target,
            len(other),
            residues.label(int(other[0])),
            written[other[0]],
        )


def _put(target: Path, text: str, overwrite: bool) -> None:
    data = text.encode("utf-8")
    if target.suffix.lower() == ".gz":
        data = gzip.compress(data, mtime=0)
    with written_aside(target, overwrite) as aside:
        aside.write_bytes(data)


def check_fits(path: Path | str, particles: Particles) -> None:
    """See to it that the format of `path` is known and can hold these names, chains and places.

    Raises
    ------
    OutputError
        Where it cannot.
    """
    target = Path(path)
    kind = format_of(target)
    if kind not in _WRITERS or target.suffix.lower() == ".bz2":
        raise OutputError(
            f"{target}: structures are not written in the format of this extension",
            "Name it .pdb, .gro or .cif; add .gz to have it packed.",
        )
    try:
        _CHECKS.get(kind, _anything)(particles)
    except OutputError as error:
        raise OutputError(f"{target}: {error.message}", error.hint) from None


def _anything(particles: Particles) -> None:
    """Take all: mmCIF has no columns."""
