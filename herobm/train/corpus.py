"""A dataset laid out for training: every array that a batch is cut from, on one device."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree

from herobm.chem.geometry import bond_statistics, dihedrals
from herobm.chem.protein.backbone import torsion_atoms
from herobm.chem.rotors import find_rotors
from herobm.chem.symmetry import interchangeable
from herobm.nn.config import ModelConfig
from herobm.nn.graph import asked_beads
from herobm.nn.strain import N_NEAR
from herobm.plan import Library, compile_library
from herobm.plan.bonds import angles_of, lay_out_atoms, plan_atoms, plan_bonds
from herobm.plan.context import context_places, relations, sequence_steps
from herobm.plan.plan import Plan, project
from herobm.system.coarsen import coarsen, drop_incomplete
from herobm.system.matching import match_atoms
from herobm.system.topology import Topology, build_topology
from herobm.train.dataset import Dataset
from herobm.train.derive import Derived, check_derived, derive_residues
from herobm.types import Atoms, BoolArray, FloatArray, IntArray
from herobm.weights.vocabulary import Vocabulary

#: Lengths or distances of a kind below which nothing is said of it.
MIN_SEEN = 20
#: Å beyond the cutoff, from where beads may come within it when they are moved.
MARGIN = 1.0
#: Å, an atom that is nearer to its bead than this is the bead.
ON_BEAD = 1e-3


@dataclass(frozen=True, eq=False)
class Corpus:
    """Tensors over all residues, beads, rows and atoms of a dataset.

    Attributes
    ----------
    structure : (n_residues,)
    bead_start, atom_start, row_start, bond_start, angle_start, swap_start, rotor_start :
        (n_residues + 1,), first entry of each residue; bonds and angles belong to the residue of
        their last atom.
    beads : (n_beads, 3), Å, noise-free.
    types : (n_beads,)
    places : (n_beads, n_places), -1 for none.
    neighbours : (n_beads, n_neighbours), -1 for none; also those a little beyond the cutoff, since
        beads are going to be moved (see `herobm.train.shake`).
    relations : (n_beads, n_neighbours)
    path : (n_rows, depth), flat ``bead * n_slots + slot``, -1 for none.
    row_bead : (n_rows,)
    atom_rows, atom_weights : (n_atoms, n_shares)
    targets : (n_atoms, 3), Å, NaN where the structure has no such atom.
    bfactors : (n_atoms,), Å², 0 where the structure tells none.
    bonds : (n_bonds, 2)
    angles : (n_angles, 3)
    swaps : (n_swaps, n_alternatives, n_swapped)
        Atoms that may swap names: order 0 as they are, then the alternatives; -1 for padding.
    rotors : (n_rotors, n_names, 4)
        Atoms of the torsion of each bond about which a side branch turns, under each of the names
        that its atoms may bear; -1 for padding.
    rotor_bead, rotor_slot : (n_rotors,)
        Bead that places the first atom that turns, and by which of its vectors.
    rotor_before : (n_rotors,), rotor at whose outer atom each begins, -1 for none.
    torsions : (n_beads, 2, 2), (cos, sin) of phi and psi, NaN where there is none.
    asked : (n_beads,), bool
        Whether there is anything to ask of a bead: not of one that has nothing to place.
    n_types : int, size of the vocabulary, and the type of a bead that is not there.
    cutoff : float, Å, how far the network sees.
    """

    structure: torch.Tensor
    bead_start: torch.Tensor
    atom_start: torch.Tensor
    row_start: torch.Tensor
    bond_start: torch.Tensor
    angle_start: torch.Tensor
    swap_start: torch.Tensor
    rotor_start: torch.Tensor
    beads: torch.Tensor
    types: torch.Tensor
    places: torch.Tensor
    neighbours: torch.Tensor
    relations: torch.Tensor
    path: torch.Tensor
    row_bead: torch.Tensor
    atom_rows: torch.Tensor
    atom_weights: torch.Tensor
    targets: torch.Tensor
    bfactors: torch.Tensor
    bonds: torch.Tensor
    angles: torch.Tensor
    swaps: torch.Tensor
    rotors: torch.Tensor
    rotor_bead: torch.Tensor
    rotor_slot: torch.Tensor
    rotor_before: torch.Tensor
    torsions: torch.Tensor
    asked: torch.Tensor
    n_types: int
    cutoff: float

    @property
    def bead_structure(self) -> torch.Tensor:
        """Structure of each bead, shape (n_beads,)."""
        return torch.repeat_interleave(self.structure, self.bead_start.diff())

    @property
    def n_residues(self) -> int:
        """Number of residues."""
        return len(self.structure)

    def to(self, device: torch.device | str) -> Corpus:
        """Return the corpus on another device."""
        held: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        tensors = {k: t.to(device) for k, t in held.items() if isinstance(t, torch.Tensor)}
        return Corpus(**(held | tensors))


@dataclass(frozen=True, eq=False)
class Statistics:
    """What the structures say about lengths, kept with the weights.

    Attributes
    ----------
    typical, longest : Tensor, shape (n_types, n_slots)
        Å, root mean square length of each vector and a bound on it; a bound of 0 where a bead is
        the atom.
    usual, spread : Tensor, shape (n_types, N_NEAR)
        Å, mean and standard deviation of the distances between beads (see `herobm.nn.strain`).
    bonds : dict
        Kind of bond -> mean and standard deviation in Å.
    """

    typical: torch.Tensor
    longest: torch.Tensor
    usual: torch.Tensor
    spread: torch.Tensor
    bonds: dict[str, tuple[float, float]]


def build_corpus(
    dataset: Dataset,
    vocabulary: Vocabulary,
    model: ModelConfig,
    derived: tuple[Derived, ...] = (),
    *,
    longest: torch.Tensor | None = None,
) -> tuple[Corpus, Statistics]:
    """Coarse-grain a dataset and lay it out.

    Parameters
    ----------
    dataset : Dataset
    vocabulary : Vocabulary
    model : ModelConfig
        Of the network that is trained; it says how far a bead sees.
    derived : tuple of Derived
        Residue kinds that are cut from others (see `herobm.train.derive`).
    longest : Tensor, shape (n_types, n_slots), optional
        Å, as in `Statistics`, where other structures have told (those to learn from of those to
        validate with); what the dataset says itself by default.

    Raises
    ------
    ConfigError
        If the mapping lacks such a residue kind, or atoms of it.
    """
    library = compile_library(dataset.mappings)
    check_derived(derived, library)
    atoms = derive_residues(drop_incomplete(dataset.atoms, library), derived)
    topology = build_topology(coarsen(atoms, library, skip_unmapped=True), library)
    plan = topology.plan
    match = match_atoms(atoms, library)
    targets = lay_out_atoms(plan, atoms.residue_index, match.atom, atoms.positions)
    names = np.char.partition(atoms.residues.chains, ":")[:, 0]
    structure = np.unique(names, return_inverse=True)[1]
    steps = sequence_steps(topology.links.previous, topology.links.following)
    positions = topology.beads.positions
    types = vocabulary.types(plan)
    torsions = _torsions(topology, targets)
    typical, found = _vector_lengths(plan, positions, targets, types, vocabulary)
    found[_on_bead(plan, positions, targets, types, torsions, vocabulary)] = 0.0
    longest = found if longest is None else longest
    asked = asked_beads(types, plan.used, longest.numpy() > 0)
    neighbours = _neighbours(positions, structure[plan.bead_residue], asked, model)
    related = relations(plan.bead_residue, steps, np.maximum(neighbours, 0))
    bonds = plan_bonds(plan, topology.links.previous)
    corpus = Corpus(
        structure=torch.as_tensor(structure),
        bead_start=torch.as_tensor(plan.bead_start),
        atom_start=torch.as_tensor(plan.atom_start),
        row_start=_starts(plan, plan.bead_residue[plan.bead]),
        beads=torch.as_tensor(positions, dtype=torch.float32),
        types=torch.as_tensor(types),
        places=torch.as_tensor(context_places(plan, topology.link_beads, steps), dtype=torch.int32),
        neighbours=torch.as_tensor(neighbours, dtype=torch.int32),
        relations=torch.as_tensor(related, dtype=torch.int8),
        path=torch.as_tensor(_path(plan, vocabulary.n_slots)),
        row_bead=torch.as_tensor(plan.bead),
        atom_rows=torch.as_tensor(plan.atom_rows),
        atom_weights=torch.as_tensor(plan.atom_weights, dtype=torch.float32),
        targets=torch.as_tensor(targets, dtype=torch.float32),
        bfactors=_bfactors(plan, atoms, match.atom),
        **_of_atoms(plan, library, bonds),
        **_rotors(plan, library),
        torsions=torch.as_tensor(torsions, dtype=torch.float32),
        asked=torch.as_tensor(asked),
        n_types=vocabulary.n_types,
        cutoff=model.cutoff,
    )
    usual, spread = _bead_distances(corpus, vocabulary.n_types)
    return corpus, Statistics(
        typical, longest, usual, spread, bond_statistics(plan, bonds, targets)
    )


def _bfactors(plan: Plan, atoms: Atoms, local: IntArray) -> torch.Tensor:
    """B-factors (n_atoms of the plan,) of atoms, of which `local` says where they belong."""
    found = np.zeros(plan.n_atoms)
    if atoms.bfactors is not None:
        place = plan_atoms(plan, atoms.residue_index, local)
        found[place[place >= 0]] = atoms.bfactors[place >= 0]
    return torch.as_tensor(found, dtype=torch.float32)


def _neighbours(
    positions: FloatArray, owner: IntArray, asked: BoolArray, model: ModelConfig
) -> IntArray:
    """Beads (n_beads, n_neighbours) that each bead may see, those that are asked before the others.

    `owner` (n_beads,) is the structure of each bead.
    """
    reach = model.cutoff + MARGIN
    if model.n_single is None:
        return _nearest(positions, owner, reach, model.n_neighbours)
    kinds = ((asked, model.n_neighbours), (~asked, model.n_single))
    return np.concatenate([_nearest(positions, owner, reach, n, k) for k, n in kinds], axis=1)


def _of_atoms(plan: Plan, library: Library, bonds: IntArray) -> dict[str, Any]:
    """Bonds, angles and swaps of a `Corpus`, and the first ones of each residue."""
    angles = angles_of(bonds, plan.n_atoms)
    angles = angles[np.argsort(angles.max(axis=1), kind="stable")]
    swaps, swap_residue = _swaps(plan, library)
    return {
        "bonds": torch.as_tensor(bonds.copy()),
        "angles": torch.as_tensor(angles),
        "swaps": torch.as_tensor(swaps),
        "bond_start": _starts(plan, plan.atom_residue[bonds.max(axis=1)]),
        "angle_start": _starts(plan, plan.atom_residue[angles.max(axis=1)]),
        "swap_start": _starts(plan, swap_residue),
    }


def _rotors(plan: Plan, library: Library) -> dict[str, Any]:
    """Return the rotors of a `Corpus`, those of a residue from the inside outward."""
    found = find_rotors(plan)
    found = found.take(np.argsort(found.residue, kind="stable"))
    quads = found.quads
    row = plan.atom_rows[quads[:, 3], 0]
    return {
        "rotors": torch.as_tensor(_under_all_names(plan, library, found.residue, quads)),
        "rotor_bead": torch.as_tensor(plan.bead[row]),
        "rotor_slot": torch.as_tensor(plan.slot[row]),
        "rotor_before": torch.as_tensor(found.before),
        "rotor_start": _starts(plan, found.residue),
    }


def _under_all_names(plan: Plan, library: Library, residue: IntArray, quads: IntArray) -> IntArray:
    """Torsions (n, 4) with each of the names that their atoms may bear, (n, n_names, 4)."""
    index, kinds = plan.atom_index(), plan.template[residue]
    names = [quads]
    for kind, template in enumerate(library):
        mine = np.flatnonzero(kinds == kind)
        local, further = plan.atom_local[quads[mine]], 1
        for swap in interchangeable(template) if len(mine) else ():
            for order in swap.alternatives:
                renamed = np.arange(len(template.atoms))
                renamed[list(swap.atoms)] = order
                other = index[residue[mine][:, None], renamed[local]]
                changed = (renamed[local] != local).any(axis=1) & (other >= 0).all(axis=1)
                if changed.any():
                    if further == len(names):
                        names.append(np.full_like(quads, -1))
                    names[further][mine[changed]] = other[changed]
                    further += 1
    return np.stack(names, axis=1)


def _starts(plan: Plan, residue: IntArray) -> torch.Tensor:
    """First entry (n_residues + 1,) of each residue, where `residue` of the entries ascends."""
    return torch.as_tensor(np.searchsorted(residue, np.arange(plan.n_residues + 1)))


def _path(plan: Plan, n_slots: int) -> IntArray:
    """Ways to the rows of a plan where each bead has `n_slots` vectors, -1 for padding."""
    bead, slot = np.divmod(plan.path, plan.n_slots)
    path: IntArray = np.where(plan.path == plan.n_beads * plan.n_slots, -1, bead * n_slots + slot)
    return path


def _bead_distances(corpus: Corpus, n_types: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread of the distances to the near places, by type; 0 where fewer than 20."""
    places = corpus.places[:, :N_NEAR].long()
    there = places >= 0
    length = (corpus.beads[places] - corpus.beads.unsqueeze(1)).norm(dim=-1).double() * there
    total = torch.zeros(3, n_types, N_NEAR, dtype=torch.float64)
    for moment, values in zip(total, (there.double(), length, length.square()), strict=True):
        moment.index_add_(0, corpus.types, values)
    count, first, second = total
    mean = first / count.clamp(min=1)
    spread = (second / count.clamp(min=1) - mean.square()).clamp(min=1e-6).sqrt()
    spread[count < MIN_SEEN] = 0.0
    return mean.float(), spread.float()


def _vector_lengths(
    plan: Plan, beads: FloatArray, targets: FloatArray, types: IntArray, vocabulary: Vocabulary
) -> tuple[torch.Tensor, torch.Tensor]:
    """Typical and largest length of each vector; those from a bead get room for its noise."""
    length = np.linalg.norm(project(plan, beads, targets), axis=2)
    from_bead = np.zeros(length.shape, bool)
    from_bead[plan.bead, plan.slot] = plan.anchor_row < 0
    length[~plan.used] = np.nan
    typical = np.ones((vocabulary.n_types, vocabulary.n_slots))
    longest = np.full(typical.shape, 4.0)
    for kind in np.unique(types).tolist():
        mine = length[types == kind]
        for slot in range(mine.shape[1]):
            seen = mine[:, slot][np.isfinite(mine[:, slot])]
            if len(seen) < MIN_SEEN:
                continue
            typical[kind, slot] = max(np.sqrt((seen**2).mean()), 0.3)
            room = 1.0 if from_bead[types == kind, slot].any() else 0.15
            longest[kind, slot] = np.quantile(seen, 0.999) + room
    return (
        torch.as_tensor(typical, dtype=torch.float32),
        torch.as_tensor(longest, dtype=torch.float32),
    )


def _on_bead(
    plan: Plan,
    beads: FloatArray,
    targets: FloatArray,
    types: IntArray,
    torsions: FloatArray,
    vocabulary: Vocabulary,
) -> torch.Tensor:
    """Vectors of no length, (n_types, n_slots): their beads are one atom, and tell nothing else.

    At the end of a chain they may have another atom.
    """
    length = np.nan_to_num(np.linalg.norm(project(plan, beads, targets), axis=2))
    alone = plan.used.sum(axis=1) == 1
    turned = np.isfinite(torsions).reshape(-1, 4).max(axis=1, keepdims=True)
    told = (length > ON_BEAD) | turned
    found = torch.zeros(vocabulary.n_types, vocabulary.n_slots, dtype=torch.bool)
    for slot in range(plan.n_slots):
        mine = plan.used[:, slot]
        seen = np.bincount(types[mine & alone], minlength=vocabulary.n_types) >= MIN_SEEN
        other = np.bincount(types[mine], told[mine, slot], vocabulary.n_types) > 0
        found[:, slot] = torch.as_tensor(seen & ~other)
    return found


def _nearest(
    positions: FloatArray,
    group: IntArray,
    cutoff: float,
    count: int,
    kept: BoolArray | None = None,
) -> IntArray:
    """Nearest beads of the same structure, those `kept` or all, shape (n_beads, count).

    Padded with -1.
    """
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order], prepend=-1, append=-1))
    found = np.full((len(positions), count), -1, dtype=np.int32)
    for begin, end in pairwise(borders.tolist()):
        members = order[begin:end]
        others = members if kept is None else members[kept[members]]
        if not len(others):
            continue
        tree = cKDTree(positions[others])
        _, index = tree.query(positions[members], k=count + 1, distance_upper_bound=cutoff)
        near = np.where(index < len(others), others[index % len(others)], -1)
        near[near == members[:, None]] = -1
        first = np.argsort(near < 0, axis=1, kind="stable")[:, :count]
        found[members] = np.take_along_axis(near, first, axis=1)
    return found


def _swaps(plan: Plan, library: Library) -> tuple[IntArray, IntArray]:
    """Interchangeable atoms of every residue, and the residue they belong to, ordered by it."""
    index = plan.atom_index()
    kinds = [interchangeable(t) for t in library]
    every = [i for kind in kinds for i in kind]
    widest = max((len(i.atoms) for i in every), default=1)
    most = max((len(i.alternatives) for i in every), default=0) + 1
    found, owners = [], []
    for number, kind in enumerate(kinds):
        residues = np.flatnonzero(plan.template == number)
        for swap in kind:
            orders = [swap.atoms, *swap.alternatives]
            orders += [swap.atoms] * (most - len(orders))
            table = np.full((len(residues), most, widest), -1, dtype=np.int64)
            table[:, :, : len(swap.atoms)] = index[residues][:, np.array(orders)]
            whole = (table[:, 0, : len(swap.atoms)] >= 0).all(axis=1)
            found.append(table[whole])
            owners.append(residues[whole])
    if not found:
        return np.zeros((0, 1, 1), dtype=np.int64), np.zeros(0, dtype=np.int64)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(found)[order], owner[order]


def _torsions(topology: Topology, targets: FloatArray) -> FloatArray:
    """(cos, sin) of phi and psi on the beads of backbones, shape (n_beads, 2, 2), NaN elsewhere."""
    plan = topology.plan
    found = np.full((plan.n_beads, 2, 2), np.nan)
    for which, (bead, quads) in enumerate(torsion_atoms(topology)):
        angle = np.radians(dihedrals(targets, quads))
        found[bead, which] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return found
