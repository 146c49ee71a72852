"""Atoms to beads."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from herobm.dsl.model import MappingSet
from herobm.errors import StructureError
from herobm.plan.plan import Plan
from herobm.plan.template import ANYWHERE, Library, Template, atom_weights, compile_library
from herobm.system.matching import match_atoms, require_mapped
from herobm.system.periodic import whole_residues
from herobm.types import Atoms, Beads, BoolArray, FloatArray, IntArray

log = logging.getLogger(__name__)

#: Share of a bead that may be atoms that are not rebuilt.
VAGUE = 0.01


def coarsen(
    atoms: Atoms,
    mappings: MappingSet | Library,
    *,
    skip_unmapped: bool = False,
    source: str = "structure",
) -> Beads:
    """Put the beads of a mapping where their atoms are.

    A bead sits at the mean of those of its atoms that the structure has, weighted by mass (or
    equally) times their share; nothing is guessed for atoms that are not there. Residues cut by
    a periodic box are made whole first. A bead none of whose atoms is there is left out.

    Parameters
    ----------
    atoms : Atoms
    mappings : MappingSet or Library
    skip_unmapped : bool
        Leave out residues, and atoms of mapped residues, that the mapping lacks, instead of
        raising.
    source : str
        What to call the structure in messages.

    Returns
    -------
    Beads
        Ordered by residue and, within one, as in the mapping.

    Raises
    ------
    UnmappedResidueError
        If the mapping lacks a residue.
    StructureError
        If the mapping lacks a heavy atom of a residue that it has.
    """
    library = mappings if isinstance(mappings, Library) else compile_library(mappings)
    atoms = require_mapped(atoms, library, skip_unmapped=skip_unmapped, source=source)
    match = match_atoms(atoms, library)
    _report_strangers(atoms, match.atom < 0, library, skip_unmapped, source)
    positions = whole_residues(atoms.positions, atoms.residue_index, atoms.box)
    bead_start = _bead_starts(library, match.template)
    bead, weight, atom = _contributions(
        library, match.template, match.atom, atoms.residue_index, bead_start
    )
    mean = _weighted_means(bead, weight, positions[atom], int(bead_start[-1]))
    return _as_beads(atoms, library, match.template, bead_start, mean)


def _as_beads(
    atoms: Atoms,
    library: Library,
    template: IntArray,
    bead_start: IntArray,
    mean: FloatArray,
) -> Beads:
    names = [library.templates[t].beads for t in template.tolist()]
    present: BoolArray = np.isfinite(mean[:, 0])
    if not present.all():
        residue = np.repeat(np.arange(len(template)), np.diff(bead_start))
        lacking = np.unique(residue[~present])
        log.info(
            "%d residue(s) lack all atoms of a bead, which is left out (first: %s)",
            len(lacking),
            atoms.residues.label(int(lacking[0])),
        )
    beads = Beads(
        positions=mean,
        names=np.array([b for group in names for b in group], dtype=np.str_),
        residue_index=np.repeat(np.arange(len(template)), np.diff(bead_start)),
        residues=replace(atoms.residues, hetero=library.by_itself[template]),
        box=atoms.box,
    )
    return beads if present.all() else beads.subset(present)


def _bead_starts(library: Library, template: IntArray) -> IntArray:
    counts = np.array([len(t.beads) for t in library], dtype=np.int64)[template]
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _mapped(atoms: Atoms, library: Library) -> tuple[BoolArray, Atoms]:
    """Which residues (n_residues,) are mapped, and these alone."""
    mapped: BoolArray = match_atoms(atoms, library).template >= 0
    return mapped, atoms.subset(mapped[atoms.residue_index])


def _counting(
    atoms: Atoms, library: Library
) -> tuple[IntArray, IntArray, IntArray, FloatArray, IntArray]:
    """Templates of mapped residues, their first beads, and bead, weight and atom that count."""
    match = match_atoms(atoms, library)
    bead_start = _bead_starts(library, match.template)
    owner = atoms.residue_index
    counting = _contributions(library, match.template, match.atom, owner, bead_start)
    return match.template, bead_start, *counting


def _contributions(
    library: Library, template: IntArray, matched: IntArray, owner: IntArray, bead_start: IntArray
) -> tuple[IntArray, FloatArray, IntArray]:
    """(bead, weight, atom) of every pair that counts."""
    bead_of, weight_of = _stacked([_share_table(t) for t in library])
    known = np.flatnonzero(matched >= 0)
    residue = owner[known]
    local = bead_of[template[residue], matched[known]]
    weight = weight_of[template[residue], matched[known]]
    row, column = np.nonzero(local >= 0)
    bead = bead_start[residue[row]] + local[row, column]
    return bead, weight[row, column], known[row]


def _stacked(tables: list[tuple[IntArray, FloatArray]]) -> tuple[IntArray, FloatArray]:
    """Share tables of all templates, padded: shape (n_templates, n_atoms, n_shares)."""
    longest = max(len(bead) for bead, _ in tables)
    widest = max(bead.shape[1] for bead, _ in tables)
    beads = np.full((len(tables), longest, widest), -1, dtype=np.int64)
    weights = np.zeros(beads.shape)
    for kind, (bead, weight) in enumerate(tables):
        beads[kind, : bead.shape[0], : bead.shape[1]] = bead
        weights[kind, : bead.shape[0], : bead.shape[1]] = weight
    return beads, weights


def _share_table(template: Template) -> tuple[IntArray, FloatArray]:
    """Beads (-1 for none) and weights of each atom of a mapping, shape (n_atoms, n_shares)."""
    weights = atom_weights(template.mapping)
    atoms = template.mapping.atoms
    widest = max((len(w) for w in weights.values()), default=1)
    beads = np.full((len(atoms), widest), -1, dtype=np.int64)
    share = np.zeros((len(atoms), widest))
    for row, atom in enumerate(atoms):
        for column, (bead, weight) in enumerate(weights.get(atom.name, [])):
            beads[row, column] = template.beads.index(bead)
            share[row, column] = weight
    return beads, share


def _report_strangers(
    atoms: Atoms, unknown: BoolArray, library: Library, skip: bool, source: str
) -> None:
    if not unknown.any():
        return
    if unknown.all():
        raise StructureError(
            f"{source}: mapping '{library.name}' knows none of the {len(unknown)} atoms (first: "
            f"{atoms.label(0)})",
            "Is the structure coarse-grained already? Give one with atoms, or another mapping.",
        )
    heavy = unknown & atoms.heavy
    where = heavy if heavy.any() else unknown
    first = atoms.label(int(np.flatnonzero(where)[0]))
    if heavy.any() and not skip:
        raise StructureError(
            f"{source}: mapping '{library.name}' has no place for {int(heavy.sum())} heavy atom(s) "
            f"(first: {first})",
            "Leave them out (--skip-unmapped), name the residue as its mapping does "
            "(--rename OLD=NEW), or add the atom names to the mapping as aliases.",
        )
    kind = "heavy atom(s)" if heavy.any() else "hydrogen(s)"
    log.info("%d %s not in the mapping do not count (first: %s)", int(where.sum()), kind, first)


def drop_incomplete(atoms: Atoms, library: Library) -> Atoms:
    """Leave out residues that lack every atom of one of their beads.

    Parameters
    ----------
    atoms : Atoms
    library : Library

    Returns
    -------
    Atoms
    """
    return atoms.subset(complete_residues(atoms, library)[atoms.residue_index])


def complete_residues(atoms: Atoms, library: Library) -> BoolArray:
    """Find the residues that are mapped and have an atom of each of their beads.

    Parameters
    ----------
    atoms : Atoms
    library : Library

    Returns
    -------
    BoolArray, shape (n_residues,)
    """
    complete, kept = _mapped(atoms, library)
    template, bead_start, bead, _, _ = _counting(kept, library)
    filled = np.bincount(bead, minlength=bead_start[-1]) > 0
    residue = np.repeat(np.arange(len(template)), np.diff(bead_start))
    lacking = np.bincount(residue[~filled], minlength=len(template)) > 0
    complete[np.flatnonzero(complete)[lacking]] = False
    return complete


def partial_residues(atoms: Atoms, library: Library) -> IntArray:
    """Find the residues that have some heavy atoms of a bead, but not all: it lies elsewhere.

    Atoms that residues have at the ends of chains alone are not asked for.

    Parameters
    ----------
    atoms : Atoms
    library : Library

    Returns
    -------
    IntArray, shape (n,)
        Ascending.
    """
    mapped, kept = _mapped(atoms, library)
    template, bead_start, bead, weight, atom = _counting(kept, library)
    whole = []
    for kind in library:
        bead_of, weight_of = _share_table(kind)
        listed = kind.mapping.atoms
        heavy = [a.element not in ("H", "D") and kind.place[a.name] == ANYWHERE for a in listed]
        counts = (bead_of >= 0) & (weight_of > 0) & np.array(heavy)[:, None]
        whole.append(np.bincount(bead_of[counts], minlength=len(kind.beads)))
    wanted = np.concatenate([np.zeros(0, np.int64), *(whole[k] for k in template.tolist())])
    found = np.bincount(bead[(weight > 0) & kept.heavy[atom]], minlength=len(wanted))
    residue = np.repeat(np.arange(len(template)), np.diff(bead_start))
    return np.flatnonzero(mapped)[np.unique(residue[(found > 0) & (found < wanted)])]


def coarsen_plan(plan: Plan, positions: FloatArray) -> FloatArray:
    """Put beads where rebuilt atoms are, by the same weights as `coarsen`.

    Parameters
    ----------
    plan : Plan
    positions : FloatArray, shape (n_atoms, 3)
        Å, in the order of the plan.

    Returns
    -------
    FloatArray, shape (n_beads, 3)
        Å; NaN for a bead that lacks an atom that counts, or none of whose rebuilt atoms counts.
    """
    bead, weight, atom = bead_shares(plan)
    return _weighted_means(bead, weight, positions[atom], plan.n_beads)


def rough_beads(plan: Plan, positions: FloatArray) -> FloatArray:
    """Tell where beads are about, shape (n_beads, 3), also those that lack an atom.

    These are where the atoms of their residue are that are there, or not known (NaN) if none is.
    Good enough to tell periodic images apart. Parameters are those of `coarsen_plan`.
    """
    there = np.isfinite(positions).all(axis=1)
    owner = plan.atom_residue[there]
    count = np.bincount(owner, minlength=plan.n_residues)[:, None]
    total = np.zeros((plan.n_residues, 3))
    np.add.at(total, owner, positions[there])
    with np.errstate(invalid="ignore"):
        middle = np.where(count > 0, total / count, np.nan)
    beads = coarsen_plan(plan, positions)
    return np.where(np.isfinite(beads), beads, middle[plan.bead_residue])


def bead_shares(plan: Plan) -> tuple[IntArray, FloatArray, IntArray]:
    """List which rebuilt atom counts in which bead, and how much.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    bead : IntArray, shape (n,)
    weight : FloatArray, shape (n,)
        Mass (or 1) times share.
    atom : IntArray, shape (n,)
    """
    tables = []
    for template in plan.library:
        order = {a.name: i for i, a in enumerate(template.mapping.atoms)}
        rows = [order[name] for name in template.atoms]
        bead_of, weight_of = _share_table(template)
        tables.append((bead_of[rows], weight_of[rows]))
    beads, weights = _stacked(tables)
    kind = plan.template[plan.atom_residue]
    local = beads[kind, plan.atom_local]
    atom, column = np.nonzero(local >= 0)
    bead = plan.bead_start[plan.atom_residue[atom]] + local[atom, column]
    weight = weights[kind, plan.atom_local][atom, column]
    return bead, weight, atom


def listed_shares(
    plan: Plan, owner: IntArray, listed: IntArray
) -> tuple[IntArray, FloatArray, IntArray]:
    """List which atom of a structure counts in which bead, hydrogens that do among them.

    Parameters
    ----------
    plan : Plan
    owner : IntArray, shape (n_atoms,)
        Residue of the plan.
    listed : IntArray, shape (n_atoms,)
        Index among the atoms of the residue's mapping, -1 where it lacks the atom or the plan the
        residue.

    Returns
    -------
    bead, weight, atom
        As those of `bead_shares`, atoms of the structure.
    """
    return _contributions(plan.library, plan.template, listed, owner, plan.bead_start)


def vague_beads(plan: Plan) -> BoolArray:
    """Beads of molecules that are no chains whose mean needs atoms that are not rebuilt.

    Where the rebuilt atoms of such a bead should have their mean is not known. In chains the few
    hydrogens that count weigh little, and files of heavy atoms count none.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    BoolArray, shape (n_beads,)
    """
    linked = [(t.link_previous, t.link_next) != (None, None) for t in plan.library]
    alone = ~np.array(linked)[plan.template]
    return np.asarray((unbuilt_shares(plan) > VAGUE) & alone[plan.bead_residue])


def unbuilt_shares(plan: Plan) -> FloatArray:
    """Tell how much of each bead is atoms that are not rebuilt, as hydrogens mostly are not.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    FloatArray, shape (n_beads,)
        Share of the weight, between 0 and 1.
    """
    shares = []
    for template in plan.library:
        bead_of, weight_of = _share_table(template)
        built = np.isin([a.name for a in template.mapping.atoms], template.atoms)
        totals = [
            np.bincount(bead_of[kept][used], weight_of[kept][used], len(template.beads))
            for kept in (built, slice(None))
            for used in (bead_of[kept] >= 0,)
        ]
        shares.append(1.0 - totals[0] / np.where(totals[1] > 0, totals[1], 1.0))
    widest = max(len(s) for s in shares)
    table = np.stack([np.pad(s, (0, widest - len(s))) for s in shares])
    found: FloatArray = table[plan.template[plan.bead_residue], plan.bead_local]
    return found


def _weighted_means(
    bead: IntArray, weight: FloatArray, points: FloatArray, n_beads: int
) -> FloatArray:
    """Means of the points of each bead, shape (n_beads, 3), NaN where there is none."""
    total = np.bincount(bead, weights=weight, minlength=n_beads)
    summed = [np.bincount(bead, weights=weight * points[:, i], minlength=n_beads) for i in range(3)]
    mean: FloatArray = np.stack(summed, axis=1) / np.where(total > 0, total, np.nan)[:, None]
    return mean
