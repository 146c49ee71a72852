"""The text of an mmCIF file: cell, atoms and disulfides of one model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from herobm.types import Atoms, Particles, Residues

_ATOM_TAGS = (
    "group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id",
    "label_asym_id", "label_entity_id", "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y",
    "Cartn_z", "occupancy", "B_iso_or_equiv", "auth_seq_id", "auth_comp_id", "auth_asym_id",
    "auth_atom_id", "pdbx_PDB_model_num",
)  # fmt: skip
_END_TAGS = ("asym_id", "comp_id", "seq_id", "atom_id")


def cif_text(
    particles: Particles,
    title: str,
    disulfides: Sequence[tuple[int, int]],
    connections: Sequence[tuple[int, int]],
) -> str:
    """Return the text of an mmCIF file.

    Parameters
    ----------
    particles : Particles
        n particles.
    title : str
        Becomes ``_struct.title``.
    disulfides : sequence of (int, int)
        Particle indices; written as ``_struct_conn`` of type ``disulf``.
    connections : sequence of (int, int)
        Not written: bonds within residues belong into a dictionary of residues.
    """
    from gemmi import cif

    document = cif.Document()
    block = document.add_new_block("herobm")
    block.set_pair("_entry.id", "herobm")
    if title:
        block.set_pair("_struct.entry_id", "herobm")
        block.set_pair("_struct.title", cif.quote(title))
    _add_cell(block, particles)
    columns = _atom_columns(particles)
    loop = block.init_loop("_atom_site.", list(_ATOM_TAGS))
    loop.set_all_values(columns)
    if disulfides:
        _add_bonds(block, columns, disulfides)
    text: str = document.as_string()
    return text


def _add_cell(block: Any, particles: Particles) -> None:
    if particles.box is None:
        return
    edges = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    block.set_pair("_cell.entry_id", "herobm")
    for edge, value in zip(edges, particles.box.tolist(), strict=True):
        block.set_pair(f"_cell.{edge}", f"{value:.3f}")
    block.set_pair("_symmetry.entry_id", "herobm")
    block.set_pair("_symmetry.space_group_name_H-M", "'P 1'")


def _atom_columns(particles: Particles) -> list[list[str]]:
    """Return the columns of `_ATOM_TAGS`."""
    owners = particles.residue_index.tolist()
    residues = particles.residues
    ids = chain_ids(residues)
    names, resnames, chains = (
        _quoted(values) for values in (particles.names.tolist(), residues.names.tolist(), ids)
    )
    icodes = [icode or "?" for icode in residues.icodes.tolist()]
    resids = [str(resid) for resid in residues.ids.tolist()]
    sequence = _sequence_numbers(residues, ids)
    xyz = [[f"{value:.3f}" for value in axis] for axis in particles.positions.T.tolist()]
    n = len(particles)

    def of_residue(values: Sequence[str]) -> list[str]:
        return [values[owner] for owner in owners]

    return [
        of_residue(residues.record_names()), [str(i) for i in range(1, n + 1)],
        _elements(particles), names, ["."] * n,
        of_residue(resnames), of_residue(chains), ["?"] * n, of_residue(sequence),
        of_residue(icodes), *xyz, ["1.00"] * n, _factors(particles), of_residue(resids),
        of_residue(resnames), of_residue(chains), names, ["1"] * n,
    ]  # fmt: skip


def chain_ids(residues: Residues) -> list[str]:
    """Return the chain of each residue, as an mmCIF file tells it.

    Readers put residues of one chain and number together, wherever they stand. So where those of
    a chain come back (a letter that a PDB file uses twice, numbers that wrap), it goes on under
    another name, with ``-2``, ``-3`` and so on behind it.
    """
    own = residues.chains if residues.long_chains is None else residues.long_chains
    known = set(own.tolist())
    now: dict[str, str] = {}
    copies: dict[str, Iterator[str]] = {}
    seen: set[tuple[str, int, str]] = set()
    found = []
    rows = zip(own.tolist(), residues.ids.tolist(), residues.icodes.tolist(), strict=True)
    for chain, number, icode in rows:
        if (now.get(chain, chain), number, icode) in seen:
            names = copies.setdefault(chain, (f"{chain}-{i}".strip("-") for i in count(2)))
            now[chain] = next(name for name in names if name not in known)
        found.append(now.get(chain, chain))
        seen.add((found[-1], number, icode))
    return found


def _quoted(values: Sequence[str]) -> list[str]:
    """Return values as mmCIF writes them; a chain without an id is ``.``."""
    from gemmi import cif

    return [cif.quote(value) if value else "." for value in values]


def _sequence_numbers(residues: Residues, chains: Sequence[str]) -> list[str]:
    """Return the place of each residue in its chain, from 1; ``.`` for what is no link of one."""
    places: Counter[str] = Counter()
    found = []
    for chain, record in zip(chains, residues.record_names(), strict=True):
        places[chain] += record == "ATOM"
        found.append(str(places[chain]) if record == "ATOM" else ".")
    return found


def _elements(particles: Particles) -> list[str]:
    if isinstance(particles, Atoms) and particles.elements is not None:
        return [str(element) or "X" for element in particles.elements]
    return ["X"] * len(particles)


def _factors(particles: Particles) -> list[str]:
    if isinstance(particles, Atoms) and particles.bfactors is not None:
        return [f"{factor:.2f}" for factor in particles.bfactors.tolist()]
    return ["0.00"] * len(particles)


def _add_bonds(block: Any, columns: list[list[str]], bonds: Sequence[tuple[int, int]]) -> None:
    tags = ["id", "conn_type_id"]
    for end in ("ptnr1", "ptnr2"):
        tags += [f"{end}_label_{tag}" for tag in _END_TAGS]
        tags += [f"{end}_auth_{tag}" for tag in _END_TAGS[:3]]
        tags += [f"pdbx_{end}_PDB_ins_code"]
    by_tag = dict(zip(_ATOM_TAGS, columns, strict=True))
    wanted = (
        "label_asym_id", "label_comp_id", "label_seq_id", "label_atom_id",
        "auth_asym_id", "auth_comp_id", "auth_seq_id", "pdbx_PDB_ins_code",
    )  # fmt: skip
    loop = block.init_loop("_struct_conn.", tags)
    for number, pair in enumerate(bonds, 1):
        ends = [by_tag[tag][i] for i in pair for tag in wanted]
        loop.add_row([f"disulf{number}", "disulf", *ends])
