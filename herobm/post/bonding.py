"""Atoms as OpenMM has them: chains without a gap, and all bonds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from herobm.elements import ion_element
from herobm.plan.bonds import plan_atoms, plan_bonds
from herobm.plugins.step_context import StepContext
from herobm.post.layout import owners, plan_residues
from herobm.post.residue_names import standard_atom, standard_name
from herobm.system.disulfides import near_sulfurs, within_image
from herobm.system.matching import match_atoms
from herobm.types import Atoms, BoolArray, IntArray

#: Water, as files call it, and its atoms where they are not O, H1 and H2.
WATERS = frozenset({"HOH", "WAT", "SOL", "TIP3"})
OF_WATER = {"OW": "O", "OH2": "O", "HW1": "H1", "HW2": "H2"}
#: Å, the longest bond from one residue to the next where no topology tells: between two amino
#: acids of the force fields, and where one of the two is of another kind (a modified residue).
PEPTIDE_CUTOFF, STRANGE_CUTOFF = 2.5, 1.8
#: Å, farther than any two atoms of a residue are from each other.
APART = 1e4


@dataclass(frozen=True, eq=False)
class Places:
    """Atoms and residues of a plan among those of a structure.

    Attributes
    ----------
    atom : IntArray, shape (n_atoms,)
        Atom of the plan, -1 where there is none.
    residue : IntArray, shape (n_residues,)
        Residue of the plan, -1 where there is none.
    listed : IntArray, shape (n_atoms,)
        Index among the atoms of the residue's mapping, -1 where it lacks the atom.
    """

    atom: IntArray
    residue: IntArray
    listed: IntArray


@dataclass(frozen=True, eq=False)
class Assembly:
    """What is bonded to what.

    Attributes
    ----------
    atoms : Atoms
    topology : openmm.app.Topology
        The same atoms and residues in the same order; one chain for each run of bonded residues.
    bonds : IntArray, shape (n_bonds, 2)
    linked : BoolArray, shape (n_residues,)
        Whether a residue is bonded to the one before it in the file.
    standard : tuple of str
        `standard_name` of each residue.
    places : Places
    """

    atoms: Atoms
    topology: Any
    bonds: IntArray
    linked: BoolArray
    standard: tuple[str, ...]
    places: Places

    @property
    def heavy(self) -> BoolArray:
        """Which atoms are no hydrogens, shape (n_atoms,)."""
        return self.atoms.heavy

    def bound_residues(self) -> IntArray:
        """Pairs of different residues that share a bond, shape (n, 2)."""
        pairs = self.atoms.residue_index[self.bonds]
        return np.unique(pairs[pairs[:, 0] != pairs[:, 1]].reshape(-1, 2), axis=0)


def locate(atoms: Atoms, context: StepContext) -> Places:
    """Find the plan's atoms in a structure that may have hydrogens, and residues, besides."""
    n_residues = len(atoms.residues)
    if context.topology is None:
        none = np.full(len(atoms), -1, dtype=np.int64)
        return Places(none, np.full(n_residues, -1, dtype=np.int64), none)
    plan = context.topology.plan
    residue = owners(plan_residues(atoms.residues, context), n_residues)
    listed = match_atoms(atoms, plan.library).atom
    owner = residue[atoms.residue_index]
    listed = np.where(owner >= 0, listed, -1)
    return Places(plan_atoms(plan, owner, listed), residue, listed)


def assemble(atoms: Atoms, context: StepContext) -> Assembly:
    """Find chains and bonds of atoms, with or without hydrogens.

    Bonds are those of the mapping and those that every amino acid has. Without a topology two
    amino acids in a row are bonded if they are near enough, and so are sulfur atoms.

    Parameters
    ----------
    atoms : Atoms
    context : StepContext

    Returns
    -------
    Assembly
    """
    places = locate(atoms, context)
    standard = tuple(standard_name(str(name)) for name in atoms.residues.names)
    planned = _planned_bonds(atoms, context, places.atom)
    linked, peptides = _linked(atoms, places.residue, standard, planned)
    planned = np.concatenate([planned, peptides])
    topology = _openmm_topology(atoms, standard, linked)
    topology.createStandardBonds()
    named = [(bond[0].index, bond[1].index) for bond in topology.bonds()]
    bonds = {(min(pair), max(pair)) for pair in named}
    fresh = {(int(min(pair)), int(max(pair))) for pair in planned.tolist()} - bonds
    fresh |= _bonds_to_listed_hydrogens(atoms, context, places, bonds | fresh)
    fresh |= _bonds_to_hydrogens(atoms, bonds | fresh)
    rows = list(topology.atoms())
    for one, two in sorted(fresh - bonds):
        topology.addBond(rows[one], rows[two])
    table = np.array(sorted(bonds | fresh), dtype=np.int64).reshape(-1, 2)
    return Assembly(atoms, topology, table, linked, standard, places)


def _planned_bonds(atoms: Atoms, context: StepContext, plan_atom: IntArray) -> IntArray:
    """Bonds of the mapping and disulfides, as pairs of atoms."""
    if context.topology is None:
        return _bridges(atoms)
    plan = context.topology.plan
    bonds = context.bonds
    if bonds is None:
        bonds = plan_bonds(plan, context.topology.links.previous)
    place = np.full(plan.n_atoms, -1, dtype=np.int64)
    known = np.flatnonzero(plan_atom >= 0)
    place[plan_atom[known]] = known
    bridges = place[np.array(context.disulfides, dtype=np.int64).reshape(-1, 2)]
    bridges = bridges[(bridges >= 0).all(axis=1)]
    near = within_image(bridges.tolist(), atoms.positions)
    found = place[bonds.reshape(-1, 2)]
    kept: IntArray = np.concatenate([found[(found >= 0).all(axis=1)], near])
    return kept


def _bridges(atoms: Atoms) -> IntArray:
    """Pairs of sulfur atoms of cysteine that lie at the length of a bond."""
    cysteine = np.array([standard_name(str(n)) == "CYS" for n in atoms.residues.names], bool)
    rows = np.flatnonzero((atoms.names == "SG") & cysteine[atoms.residue_index])
    return near_sulfurs(rows, atoms.positions)


def _linked(
    atoms: Atoms,
    plan_residue: IntArray,
    standard: tuple[str, ...],
    planned: IntArray,
) -> tuple[BoolArray, IntArray]:
    """Whether each residue is bonded to the one before it, and the bonds no plan tells of."""
    n = len(atoms.residues)
    linked = np.zeros(n, dtype=bool)
    owners = np.sort(atoms.residue_index[planned], axis=1).reshape(-1, 2)
    polymer = {("C", "N"), ("N", "C"), ("O3'", "P"), ("P", "O3'")}
    for (one, two), pair in zip(owners.tolist(), planned.tolist(), strict=True):
        if two == one + 1 and (tuple(atoms.names[pair].tolist()) in polymer or not standard[two]):
            linked[two] = True
    carbon = _rows_called(atoms, standard, "C")
    nitrogen = _rows_called(atoms, standard, "N")
    same_chain = atoms.residues.same_chain().tolist()
    found = []
    for two in range(1, n):
        one = two - 1
        if not same_chain[one] or not (standard[one] or standard[two]):
            continue
        if min(plan_residue[one], plan_residue[two]) >= 0 or linked[two]:
            continue
        if carbon[one] < 0 or nitrogen[two] < 0 or standard[one] == "NME":
            continue
        cutoff = PEPTIDE_CUTOFF if standard[one] and standard[two] else STRANGE_CUTOFF
        gap = atoms.positions[carbon[one]] - atoms.positions[nitrogen[two]]
        if float(np.linalg.norm(gap)) <= cutoff:
            linked[two] = True
            found.append((carbon[one], nitrogen[two]))
    return linked, np.array(found, dtype=np.int64).reshape(-1, 2)


def _rows_called(atoms: Atoms, standard: tuple[str, ...], name: str) -> list[int]:
    """Atom of each residue that is called so, -1 for none."""
    found = [-1] * len(standard)
    for row, owner in enumerate(atoms.residue_index.tolist()):
        if standard_atom(standard[owner], str(atoms.names[row])) == name:
            found[owner] = row
    return found


def _openmm_topology(atoms: Atoms, standard: tuple[str, ...], linked: BoolArray) -> Any:
    from openmm.app import Element, Topology

    topology = Topology()
    residues = atoms.residues
    chain = None
    made = []
    for i, name in enumerate(standard):
        if chain is None or not linked[i]:
            chain = topology.addChain(str(residues.chains[i]) or None)
        called = name or _stranger(str(residues.names[i]))
        made.append(
            topology.addResidue(called, chain, str(residues.ids[i]), str(residues.icodes[i]))
        )
    owners = atoms.residue_index.tolist()
    for name, symbol, owner in zip(
        atoms.names.tolist(), atoms.symbols.tolist(), owners, strict=True
    ):
        element = Element.getBySymbol("H" if symbol == "D" else symbol) if symbol else None
        called = standard_atom(standard[owner], name)
        if symbol == "D" and standard[owner]:  # deuterium: force fields call it H
            called = standard_atom(standard[owner], name.replace("D", "H", 1))
        if made[owner].name == "HOH":
            called = OF_WATER.get(name, name)
        topology.addAtom(called, element, made[owner])
    return topology


def _stranger(name: str) -> str:
    """Give what is neither protein nor water a name that no table of names has."""
    return "HOH" if name in WATERS else f"other {name}"


def _bonds_to_listed_hydrogens(
    atoms: Atoms, context: StepContext, places: Places, bonds: set[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Bond each hydrogen that has no bond yet to the atom that its mapping names."""
    if context.topology is None:
        return set()
    plan, heavy, bound = context.topology.plan, atoms.heavy, {i for p in bonds for i in p}
    parents = [
        {x.name: y.name for bond in t.mapping.bonds if bond.within
         for x, y in ((bond.a, bond.b), (bond.b, bond.a))}
        for t in plan.library
    ]  # fmt: skip
    owners, kinds = atoms.residue_index.tolist(), plan.template[places.residue].tolist()
    mappings = [t.mapping for t in plan.library]
    name_of = {
        row: mappings[kinds[owners[row]]].atoms[int(places.listed[row])].name
        for row in np.flatnonzero(places.listed >= 0).tolist()
    }
    row_of = {(owners[row], name): row for row, name in name_of.items() if heavy[row]}
    found = set()
    for row, name in name_of.items():
        parent = row_of.get((owners[row], parents[kinds[owners[row]]].get(name, "")))
        if not heavy[row] and row not in bound and parent is not None:
            found.add((min(row, parent), max(row, parent)))
    return found


def _bonds_to_hydrogens(
    atoms: Atoms, bonds: set[tuple[int, int]], among: BoolArray | None = None
) -> set[tuple[int, int]]:
    """Bond each hydrogen that has no bond yet to the nearest heavy atom of its residue.

    Parameters
    ----------
    atoms : Atoms
    bonds : set of (int, int)
    among : BoolArray, optional, shape (n_atoms,)
        Which atoms to look at; by default all.
    """
    free = ~atoms.heavy if among is None else among & ~atoms.heavy
    free[[i for pair in bonds for i in pair]] = False
    light, heavy = np.flatnonzero(free), np.flatnonzero(atoms.heavy)
    if not len(light) or not len(heavy):
        return set()
    owner = atoms.residue_index
    points = np.column_stack([atoms.positions, APART * owner])
    nearest = heavy[cKDTree(points[heavy]).query(points[light])[1]]
    same = owner[nearest] == owner[light]
    pairs = zip(nearest[same].tolist(), light[same].tolist(), strict=True)
    return {(min(pair), max(pair)) for pair in pairs}


def own_bonds(atoms: Atoms, context: StepContext) -> tuple[tuple[int, int], ...]:
    """List the bonds of the molecules that are no chain, those of their hydrogens included.

    Parameters
    ----------
    atoms : Atoms
        That steps may have given hydrogens.
    context : StepContext

    Returns
    -------
    tuple of (int, int)
        Of mapped molecules alone; of others nobody knows the bonds.
    """
    if context.topology is None:
        return ()
    places = locate(atoms, context)
    plan = context.topology.plan
    own = (places.residue >= 0) & plan.library.by_itself[plan.template[places.residue]]
    mine: BoolArray = own[atoms.residue_index]
    if not mine.any():
        return ()
    planned = _planned_bonds(atoms, context, places.atom)
    bonds = {(int(min(p)), int(max(p))) for p in planned[mine[planned].all(axis=1)].tolist()}
    listed = _bonds_to_listed_hydrogens(atoms, context, places, bonds)
    bonds |= {pair for pair in listed if mine[pair[0]]}
    return tuple(sorted(bonds | _bonds_to_hydrogens(atoms, bonds, mine)))


def with_hetero(atoms: Atoms, context: StepContext) -> Atoms:
    """Let the mapping say which residues are no links of a chain, and the file of what it lacks.

    Where the file cannot say (GRO), water and ions are told by their names.
    """
    told = atoms.residues.hetero
    if told is None:
        told = _water_or_ion(atoms)
    if context.topology is not None:
        residue = locate(atoms, context).residue
        plan = context.topology.plan
        told = np.where(residue >= 0, plan.library.by_itself[plan.template[residue]], told)
    return replace(atoms, residues=replace(atoms.residues, hetero=told))


def _water_or_ion(atoms: Atoms) -> BoolArray:
    """Residues (n_residues,) called like water, and those of one atom called like an ion."""
    names = atoms.residues.names
    found: BoolArray = np.isin(names, sorted(WATERS))
    size = np.bincount(atoms.residue_index, minlength=len(names))
    alone = size[atoms.residue_index] == 1
    for row in np.flatnonzero(alone).tolist():
        residue = int(atoms.residue_index[row])
        found[residue] |= bool(ion_element(str(names[residue]), str(atoms.names[row])))
    return found
