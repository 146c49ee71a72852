"""A mapping laid out along a topology, and the two directions along it.

`reconstruct` turns predicted vectors into atoms, `project` turns atoms into the vectors that a
network should predict; each is the inverse of the other. The hierarchy is that of Angioletti,
Raniolo and Limongelli, "HEroBM", arXiv:2404.16911, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from herobm.plan.template import ANYWHERE, CHAIN_END, CHAIN_START, Library
from herobm.types import BoolArray, FloatArray, IntArray, StrArray


@dataclass(frozen=True, eq=False)
class Plan:
    """Index arrays that place the atoms of a system from its beads.

    A system is a run of residues; its beads are ordered by residue and, within one, as in the
    mapping. Row means one rule of one residue (see `herobm.plan.template.Rows`).

    Attributes
    ----------
    library : Library
    template : IntArray, shape (n_residues,)
        Index of each residue's template.
    bead_start : IntArray, shape (n_residues + 1,)
        First bead of each residue.
    atom_start : IntArray, shape (n_residues + 1,)
        First atom of each residue.
    atom_local : IntArray, shape (n_atoms,)
        Index of each atom in its template.
    bead_local : IntArray, shape (n_beads,)
        Index of each bead in its template.
    n_slots : int
        Vectors predicted for a bead (the largest number that any bead needs).
    bead, slot, level : IntArray, shape (n_rows,)
    path : IntArray, shape (n_rows, depth)
        Flat indices ``bead * n_slots + slot`` of the vectors that lead from the bead to the atom,
        padded with ``n_beads * n_slots`` (a zero vector).
    anchor_row : IntArray, shape (n_rows,)
        Row that the vector starts from, -1 for the bead.
    row_atom : IntArray, shape (n_rows,)
    atom_rows : IntArray, shape (n_atoms, n_shares)
        Rows whose weighted mean is the atom, padded with 0.
    atom_weights : FloatArray, shape (n_atoms, n_shares)
        Their weights, padded with 0; each line adds up to 1.
    """

    library: Library
    template: IntArray
    bead_start: IntArray
    atom_start: IntArray
    atom_local: IntArray
    bead_local: IntArray
    n_slots: int
    bead: IntArray
    slot: IntArray
    level: IntArray
    path: IntArray
    anchor_row: IntArray
    row_atom: IntArray
    atom_rows: IntArray
    atom_weights: FloatArray

    @property
    def n_residues(self) -> int:
        """Number of residues."""
        return len(self.template)

    @property
    def n_beads(self) -> int:
        """Number of beads."""
        return int(self.bead_start[-1])

    @property
    def n_atoms(self) -> int:
        """Number of atoms that are rebuilt."""
        return int(self.atom_start[-1])

    @cached_property
    def atom_residue(self) -> IntArray:
        """Residue of each atom, shape (n_atoms,)."""
        return np.repeat(np.arange(self.n_residues), np.diff(self.atom_start))

    @cached_property
    def bead_residue(self) -> IntArray:
        """Residue of each bead, shape (n_beads,)."""
        return np.repeat(np.arange(self.n_residues), np.diff(self.bead_start))

    @cached_property
    def atom_names(self) -> StrArray:
        """Name of each atom, shape (n_atoms,)."""
        return self._spread([np.array(t.atoms, dtype=np.str_) for t in self.library])

    @cached_property
    def elements(self) -> StrArray:
        """Element of each atom, shape (n_atoms,)."""
        return self._spread([np.array(t.elements, dtype=np.str_) for t in self.library])

    @cached_property
    def used(self) -> BoolArray:
        """Which vectors place an atom, shape (n_beads, n_slots)."""
        used = np.zeros((self.n_beads, self.n_slots), dtype=bool)
        used[self.bead, self.slot] = True
        return used

    def _spread(self, per_template: list[StrArray]) -> StrArray:
        offsets = np.cumsum([0] + [len(p) for p in per_template])
        flat = np.concatenate(per_template) if per_template else np.array([], dtype=np.str_)
        return flat[offsets[self.template[self.atom_residue]] + self.atom_local]

    def atom_index(self) -> IntArray:
        """Atom of the system for (residue, atom of its template), -1 where it does not exist.

        Returns
        -------
        IntArray, shape (n_residues, largest number of atoms of a template)
        """
        widest = max((len(t.atoms) for t in self.library), default=0)
        index = np.full((self.n_residues, widest), -1, dtype=np.int64)
        index[self.atom_residue, self.atom_local] = np.arange(self.n_atoms)
        return index


def compile_plan(
    library: Library,
    template: IntArray,
    chain_start: BoolArray | None = None,
    chain_end: BoolArray | None = None,
) -> Plan:
    """Lay the templates of a library out along a run of residues.

    Parameters
    ----------
    library : Library
    template : IntArray, shape (n_residues,)
        Index of each residue's template.
    chain_start, chain_end : BoolArray, shape (n_residues,), optional
        Where chains begin and end, so that the atoms of the termini exist; nowhere by default.

    Returns
    -------
    Plan
    """
    n_residues = len(template)
    first = np.zeros(n_residues, bool) if chain_start is None else chain_start
    last = np.zeros(n_residues, bool) if chain_end is None else chain_end
    bead_counts = np.array([len(t.beads) for t in library], dtype=np.int64)
    bead_start = np.concatenate([[0], np.cumsum(bead_counts[template])]).astype(np.int64)
    atoms = _lay_out([t.atom_place for t in library], template, first, last)
    atom_start = np.concatenate([[0], np.cumsum(np.bincount(atoms[0], minlength=n_residues))])
    rows = _lay_out([t.atom_place[t.rows.atom] for t in library], template, first, last)
    n_slots = max((int(t.n_slots.max(initial=0)) for t in library), default=0)

    atom_at = _inverse(atoms, n_residues)
    row_at = _inverse(rows, n_residues)
    residue, local = rows
    kind = template[residue]
    table = _stack_rows(library)
    bead = bead_start[residue] + table["bead"][kind, local]
    slot = table["slot"][kind, local]
    row_atom = atom_at[residue, table["atom"][kind, local]]
    local_anchor = table["anchor"][kind, local]
    anchor = np.where(local_anchor < 0, -1, row_at[residue, local_anchor])
    vector = np.append(bead * n_slots + slot, bead_start[-1] * n_slots)
    path_rows = table["path"][kind, local]
    path = np.where(path_rows < 0, -1, row_at[residue[:, None], path_rows])
    atom_rows, atom_weights = _shares(row_atom, table["weight"][kind, local], len(atoms[0]))
    return Plan(
        library=library,
        template=template,
        bead_start=bead_start,
        atom_start=atom_start.astype(np.int64),
        atom_local=atoms[1],
        bead_local=np.arange(bead_start[-1]) - np.repeat(bead_start[:-1], np.diff(bead_start)),
        n_slots=n_slots,
        bead=bead,
        slot=slot,
        level=table["level"][kind, local],
        path=vector[path],
        anchor_row=anchor,
        row_atom=row_atom,
        atom_rows=atom_rows,
        atom_weights=atom_weights,
    )


def reconstruct(plan: Plan, bead_positions: FloatArray, vectors: FloatArray) -> FloatArray:
    """Place the atoms.

    Parameters
    ----------
    plan : Plan
    bead_positions : FloatArray, shape (n_beads, 3)
        Å.
    vectors : FloatArray, shape (n_beads, n_slots, 3)
        Å, each from its anchor to its atom.

    Returns
    -------
    FloatArray, shape (n_atoms, 3)
        Å.
    """
    flat = np.concatenate([vectors.reshape(-1, 3), np.zeros((1, 3), vectors.dtype)])
    rows = bead_positions[plan.bead] + flat[plan.path].sum(axis=1)
    placed: FloatArray = (rows[plan.atom_rows] * plan.atom_weights[..., None]).sum(axis=1)
    return placed


def project(plan: Plan, bead_positions: FloatArray, atom_positions: FloatArray) -> FloatArray:
    """Read the vectors off given atoms; the inverse of `reconstruct`.

    Parameters
    ----------
    plan : Plan
    bead_positions : FloatArray, shape (n_beads, 3)
        Å.
    atom_positions : FloatArray, shape (n_atoms, 3)
        Å; NaN where an atom is missing.

    Returns
    -------
    FloatArray, shape (n_beads, n_slots, 3)
        Å; NaN where an atom or its anchor is missing, 0 in slots that no atom uses.
    """
    anchor_atom = plan.row_atom[plan.anchor_row]
    origin = np.where(
        (plan.anchor_row < 0)[:, None], bead_positions[plan.bead], atom_positions[anchor_atom]
    )
    vectors = np.zeros((plan.n_beads, plan.n_slots, 3))
    vectors[plan.bead, plan.slot] = atom_positions[plan.row_atom] - origin
    return vectors


def _lay_out(
    places: list[IntArray], template: IntArray, first: BoolArray, last: BoolArray
) -> tuple[IntArray, IntArray]:
    """(residue, local index) of every entry that exists, in order."""
    counts = np.array([len(p) for p in places], dtype=np.int64)[template]
    residue = np.repeat(np.arange(len(template)), counts)
    local = np.arange(len(residue)) - np.repeat(np.cumsum(counts) - counts, counts)
    widest = max((len(p) for p in places), default=0)
    padded = np.zeros((len(places), widest), dtype=np.int64)
    for row, place in zip(padded, places, strict=True):
        row[: len(place)] = place
    where = padded[template[residue], local]
    exists = (where == ANYWHERE) | ((where == CHAIN_START) & first[residue])
    exists |= (where == CHAIN_END) & last[residue]
    return residue[exists], local[exists]


def _inverse(entries: tuple[IntArray, IntArray], n_residues: int) -> IntArray:
    residue, local = entries
    index = np.full((n_residues, int(local.max(initial=-1)) + 1), -1, dtype=np.int64)
    index[residue, local] = np.arange(len(residue))
    return index


def _stack_rows(library: Library) -> dict[str, np.ndarray]:
    """Rows of all templates, padded to the longest: arrays of shape (n_templates, n_rows, ...)."""
    longest = max((len(t.rows.atom) for t in library), default=0)
    depth = max((t.rows.depth for t in library), default=1)
    stacked: dict[str, np.ndarray] = {}
    for name in ("atom", "bead", "slot", "level", "anchor", "weight"):
        example = np.float64 if name == "weight" else np.int64
        table = np.zeros((len(library.templates), longest), dtype=example)
        for line, t in zip(table, library, strict=True):
            line[: len(t.rows.atom)] = getattr(t.rows, name)
        stacked[name] = table
    path = np.full((len(library.templates), longest, depth), -1, dtype=np.int64)
    for page, t in zip(path, library, strict=True):
        page[: len(t.rows.atom)] = t.rows.path(depth)
    stacked["path"] = path
    return stacked


def _shares(row_atom: IntArray, weight: FloatArray, n_atoms: int) -> tuple[IntArray, FloatArray]:
    """Rows and weights of each atom, padded to the largest number of shares."""
    order = np.argsort(row_atom, kind="stable")
    counts = np.bincount(row_atom, minlength=n_atoms)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    widest = int(counts.max(initial=1))
    rows = np.zeros((n_atoms, widest), dtype=np.int64)
    weights = np.zeros((n_atoms, widest))
    rows[row_atom[order], rank] = order
    weights[row_atom[order], rank] = weight[order]
    return rows, weights
