"""Molecules that are no proteins, by the chemistry of their mapping, and their hydrogens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from herobm.dsl.model import Mapping
from herobm.errors import MinimisationError
from herobm.plan.template import CHAIN_END, CHAIN_START, Template
from herobm.plugins.step_context import StepContext
from herobm.post.bonding import Assembly
from herobm.types import FloatArray


@dataclass(frozen=True)
class ResiduePart:
    """A residue as the mapping knows it, and where its atoms are."""

    mapping: Mapping
    rows: dict[str, int]


def template_of(assembly: Assembly, context: StepContext, residue: int) -> Template | None:
    """Template of a residue, None where no mapping has it."""
    planned = int(assembly.places.residue[residue])
    if context.topology is None or planned < 0:
        return None
    plan = context.topology.plan
    return plan.library.templates[int(plan.template[planned])]


def residue_part(assembly: Assembly, context: StepContext, residue: int) -> ResiduePart | None:
    """Take the mapping of one residue without the atoms that the structure lacks.

    Hydrogens that it lists stay if what they hang on is there.
    """
    template = template_of(assembly, context, residue)
    if template is None:
        return None
    atoms, mapping = assembly.atoms, template.mapping
    begin, end = np.searchsorted(atoms.residue_index, [residue, residue + 1])
    listed = assembly.places.listed
    rows = {
        mapping.atoms[int(listed[r])].name: r for r in range(int(begin), int(end)) if listed[r] >= 0
    }
    elsewhere = _elsewhere(assembly, context, residue)
    kept = {
        a.name
        for a in mapping.atoms
        if a.name in rows or (a.element == "H" and template.place[a.name] not in elsewhere)
    }
    patched = {
        other
        for b in mapping.bonds
        for here, other in ((b.a.name, b.b.name), (b.b.name, b.a.name))
        if template.place.get(here) in elsewhere
    }
    bonds = tuple(
        b for b in mapping.bonds if all(ref.offset or ref.name in kept for ref in (b.a, b.b))
    )
    charges = {n: q for n, q in mapping.charges.items() if n in kept and n not in patched}
    own = mapping.model_copy(
        update={
            "atoms": tuple(a for a in mapping.atoms if a.name in kept),
            "bonds": bonds,
            "charges": charges,
            "stereo": (),
        }
    )
    return ResiduePart(own, {name: row for name, row in rows.items() if name in kept})


def _elsewhere(assembly: Assembly, context: StepContext, residue: int) -> set[int]:
    """Kinds of chain ends that a residue is not."""
    planned = int(assembly.places.residue[residue])
    if context.topology is None:
        return {CHAIN_START, CHAIN_END}
    links = context.topology.links
    is_not = set() if links.chain_start[planned] else {CHAIN_START}
    return is_not if links.chain_end[planned] else is_not | {CHAIN_END}


def missing_hydrogens(
    part: ResiduePart, assembly: Assembly, residue: int
) -> list[tuple[str, str, FloatArray]]:
    """Place the hydrogens of a residue by the valences of its heavy atoms.

    Parameters
    ----------
    part : ResiduePart
        Without hydrogens of its own.
    assembly : Assembly
    residue : int

    Returns
    -------
    list of (name, element, position)
        Names are those of the mapping where it lists hydrogens.
    """
    from rdkit import Chem

    mol, index = heavy_molecule([part], ())
    parents = {number: name for name, number in index[0].items()}
    positions = {number: assembly.atoms.positions[part.rows[n]] for number, n in parents.items()}
    inside = list(parents)
    names = {row: name for name, row in part.rows.items()}
    for here, there in _outward(assembly, residue):
        name = names.get(here, "")
        if name not in index[0]:
            continue
        atom = Chem.Atom(str(assembly.atoms.symbols[there]))
        atom.SetNoImplicit(True)
        number = mol.AddAtom(atom)
        mol.AddBond(index[0][name], number, Chem.BondType.SINGLE)
        positions[number] = assembly.atoms.positions[there]
    sanitize(mol, part.mapping.name)
    set_positions(mol, positions)
    full = Chem.AddHs(mol, addCoords=True, onlyOnAtoms=inside)
    places = full.GetConformer().GetPositions()
    listed = _listed_hydrogens(part.mapping)
    taken = {a.name for a in part.mapping.atoms} | set(part.rows)
    found = []
    for atom in list(full.GetAtoms())[mol.GetNumAtoms() :]:
        parent = parents[atom.GetNeighbors()[0].GetIdx()]
        name = listed[parent].pop(0) if listed.get(parent) else _new_name(parent, taken)
        taken.add(name)
        found.append((name, "H", places[atom.GetIdx()]))
    return found


def _outward(assembly: Assembly, residue: int) -> list[tuple[int, int]]:
    """Bonds (atom here, atom there) to other residues."""
    owners = assembly.atoms.residue_index[assembly.bonds]
    across = owners[:, 0] != owners[:, 1]
    pairs = [
        pair if own[0] == residue else pair[::-1]
        for pair, own in zip(assembly.bonds[across].tolist(), owners[across].tolist(), strict=True)
        if residue in own
    ]
    return [(one, two) for one, two in pairs]


def _listed_hydrogens(mapping: Mapping) -> dict[str, list[str]]:
    hydrogens = {a.name for a in mapping.atoms if a.element in ("H", "D")}
    found: dict[str, list[str]] = {}
    for bond in mapping.bonds:
        for here, there in ((bond.a, bond.b), (bond.b, bond.a)):
            if there.name in hydrogens and not (here.offset or there.offset):
                found.setdefault(here.name, []).append(there.name)
    return found


def _new_name(parent: str, taken: set[str]) -> str:
    """Name a hydrogen after what it hangs on, in four letters."""
    tail = parent[1:] if len(parent) > 1 else parent
    wished = [f"H{tail}"[:4], *(f"H{tail}{i}" for i in range(1, 4))]
    spare = (f"H{i}" for i in range(1, 1000))
    candidates = [n for n in wished if len(n) <= 4] + list(spare)
    return next(name for name in candidates if name not in taken)


def heavy_molecule(
    parts: Iterable[ResiduePart], links: Iterable[tuple[int, int]]
) -> tuple[Any, list[dict[str, int]]]:
    """Heavy atoms of residues with their bonds and counts of hydrogens, not sanitized.

    Parameters
    ----------
    parts : iterable of ResiduePart
    links : iterable of (int, int)
        Bonds between residues, as rows of the atoms.
    """
    from rdkit import Chem

    from herobm.chem.molecule import assemble

    mol = Chem.RWMol()
    index: list[dict[str, int]] = []
    of_row: dict[int, int] = {}
    for part in parts:
        heavy = [n for n in part.rows if _is_heavy(part.mapping, n)]
        inner = tuple(b for b in part.mapping.bonds if b.within)
        alone = part.mapping.model_copy(update={"bonds": inner})
        built = assemble(alone, heavy)
        counts = {n: len(h) for n, h in _listed_hydrogens(part.mapping).items()}
        first = mol.GetNumAtoms()
        mol = Chem.RWMol(Chem.CombineMols(mol, built.mol))
        index.append({name: first + i for name, i in built.index.items()})
        for name, number in index[-1].items():
            mol.GetAtomWithIdx(number).SetNumExplicitHs(counts.get(name, 0))
            of_row[part.rows[name]] = number
    for one, two in links:
        if one in of_row and two in of_row:
            mol.AddBond(of_row[one], of_row[two], Chem.BondType.SINGLE)
    return mol, index


def _is_heavy(mapping: Mapping, name: str) -> bool:
    return next(a.element for a in mapping.atoms if a.name == name) not in ("H", "D")


def sanitize(mol: Any, name: str) -> None:
    """Have RDKit look at valences and aromatic rings.

    Raises
    ------
    MinimisationError
        Where it does not accept the bonds.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException as error:
            raise MinimisationError(
                f"{name}: RDKit does not accept the bonds that the mapping gives it: {error}",
                "Run 'herobm mapping validate --chemistry' on the mapping file.",
            ) from error


def set_positions(mol: Any, positions: dict[int, FloatArray]) -> None:
    """Give a molecule one conformer, with these places (Å) of its atoms."""
    from rdkit import Chem
    from rdkit.Geometry import Point3D

    conformer = Chem.Conformer(mol.GetNumAtoms())
    for number, place in positions.items():
        conformer.SetAtomPosition(number, Point3D(*(float(x) for x in place)))
    conformer.Set3D(True)
    mol.RemoveAllConformers()
    mol.AddConformer(conformer, assignId=True)
