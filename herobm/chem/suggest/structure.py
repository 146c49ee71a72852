"""A ligand found in a structure: its atoms get the names and positions that they have there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Geometry import Point3D

from herobm.chem.bonds import perceive_bonds
from herobm.chem.molecule import cip, label
from herobm.chem.suggest.ligand import Ligand
from herobm.elements import element_of
from herobm.errors import StructureError
from herobm.system.periodic import whole_residues
from herobm.types import Atoms, FloatArray

#: Ways to lay the molecule onto the structure that are looked at; more differ in nothing.
_MOST_MATCHES = 20_000


@dataclass(frozen=True)
class Placed:
    """A ligand in a structure.

    Attributes
    ----------
    ligand : Ligand
        Atoms named as in the structure, and in its order; hydrogens that it lacks behind them.
    positions : FloatArray, shape (n_atoms, 3)
        Å, of the atoms of the ligand; NaN for hydrogens that the structure lacks.
    """

    ligand: Ligand
    positions: FloatArray


@dataclass(frozen=True)
class _Residue:
    name: str
    names: list[str]
    elements: list[str]
    positions: FloatArray
    bonds: list[tuple[int, int]]

    @property
    def heavy(self) -> list[int]:
        return [i for i, e in enumerate(self.elements) if e != "H"]

    def hydrogens(self, i: int) -> list[int]:
        near = [a + b - i for a, b in self.bonds if i in (a, b)]
        return [n for n in near if self.elements[n] == "H"]


def place(mol: Any, atoms: Atoms, source: str, residue: str | None = None) -> Placed:
    """Find a molecule in a structure.

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized; where bond orders, charges and hydrogens come from, and stereo labels, too, if
        it has any; else the positions tell them.
    atoms : Atoms
        Of a structure with one residue of the molecule, or more.
    source : str
        What to call the structure in messages.
    residue : str, optional
        Name of the residue; needed if the structure has several.

    Returns
    -------
    Placed

    Raises
    ------
    StructureError
        If the residue is not there, or is not that molecule, or has another stereo.
    """
    found = _find(atoms, source, residue)
    heavy = Chem.RemoveHs(mol)
    matches = _matches(heavy, found, source)
    whole, refused = None, ""
    for match in matches:
        whole, refused = _laid(heavy, found, match)
        if whole is not None:
            break
    if whole is None:
        raise StructureError(
            f"{source}: residue {found.name} differs from the molecule given: {refused}",
            "Give the SMILES of what is in the structure, with its protonation and stereo.",
        )
    rows = _rows(found)
    ligand = Ligand.of(whole, found.name, [found.names[row] for row in rows], source)
    positions = found.positions[rows]
    if len(rows) == ligand.mol.GetNumAtoms():
        order = np.argsort(rows).tolist()
        names = tuple(ligand.names[i] for i in order)
        ligand = replace(ligand, mol=Chem.RenumberAtoms(ligand.mol, order), names=names)
        positions = positions[order]
    if ligand.mol.GetNumAtoms() > len(positions):
        missing = np.full((ligand.mol.GetNumAtoms() - len(positions), 3), np.nan)
        positions = np.concatenate([positions, missing])
    if not any(e == "H" for e in found.elements):
        note = f"{source}: {found.name} has no hydrogens there; they are called H1, H2, ..."
        ligand = replace(ligand, notes=(*ligand.notes, note))
    return Placed(ligand, positions)


def _find(atoms: Atoms, source: str, residue: str | None) -> _Residue:
    names = [str(n) for n in atoms.residues.names]
    if residue is None and len(names) > 1 and not _numbered_through(atoms):
        kinds = ", ".join(list(dict.fromkeys(names))[:8])
        raise StructureError(
            f"{source}: there are {len(names)} residues in it ({kinds})",
            "Say with --name which of them is the ligand.",
        )
    if residue is not None and residue not in names and len(names) > 1:
        kinds = ", ".join(list(dict.fromkeys(names))[:8])
        raise StructureError(f"{source}: there is no residue {residue} in it", f"It has {kinds}.")
    k = names.index(residue) if residue in names else 0
    rows = np.flatnonzero(atoms.residue_index == k)
    if _numbered_through(atoms):
        rows = np.arange(len(atoms.names))
    own = [str(n) for n in atoms.names[rows]]
    listed = [""] * len(rows) if atoms.elements is None else list(map(str, atoms.elements[rows]))
    elements = [e or element_of(n) for e, n in zip(listed, own, strict=True)]
    elements = ["H" if e == "D" else e for e in elements]
    positions: FloatArray = atoms.positions[rows].astype(np.float64)
    bonds = _bonds(elements, positions)
    if atoms.box is not None and not _connected(len(rows), bonds):
        positions = whole_residues(positions, np.zeros(len(rows), np.int64), atoms.box)
        bonds = _bonds(elements, positions)
    return _Residue(residue or names[k], own, elements, positions, bonds)


def _numbered_through(atoms: Atoms) -> bool:
    """Whether each atom bears a residue number of its own, as some tools write one molecule."""
    alike = len(set(atoms.residues.names.tolist())) == 1
    return alike and 1 < len(atoms.residues) == len(atoms.names)


def _bonds(elements: list[str], positions: FloatArray) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in perceive_bonds(elements, positions)]


def _connected(n_atoms: int, bonds: list[tuple[int, int]]) -> bool:
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(range(n_atoms))
    graph.add_edges_from(bonds)
    return bool(nx.is_connected(graph))


def _matches(heavy: Any, found: _Residue, source: str) -> Iterator[tuple[int, ...]]:
    """Lay the bonds of the molecule over those of the residue, orders left aside."""
    rows = found.heavy
    wanted = Counter(a.GetSymbol() for a in heavy.GetAtoms())
    there = Counter(found.elements[i] for i in rows)
    if wanted != there:
        formula = rdMolDescriptors.CalcMolFormula(heavy)
        text = " ".join(f"{e}{n}" for e, n in sorted(there.items()))
        raise StructureError(
            f"{source}: residue {found.name} has the heavy atoms {text}, the molecule is {formula}",
            "Give the SMILES, SDF or MOL2 of what is in the structure.",
        )
    place = {row: i for i, row in enumerate(rows)}
    pairs = [(place[a], place[b]) for a, b in found.bonds if a in place and b in place]
    query = _plain(
        [a.GetSymbol() for a in heavy.GetAtoms()],
        [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in heavy.GetBonds()],
    )
    target = _plain([found.elements[i] for i in rows], pairs)
    matches = target.GetSubstructMatches(query, uniquify=False, maxMatches=_MOST_MATCHES)
    if not matches or len(pairs) != heavy.GetNumBonds():
        raise StructureError(
            f"{source}: the distances in residue {found.name} give {len(pairs)} bonds of heavy "
            f"atoms, which are not those of the molecule ({heavy.GetNumBonds()})",
            "Is it the same molecule, whole and without clashes?",
        )
    return (tuple(rows[i] for i in match) for match in matches)


def _plain(elements: list[str], bonds: list[tuple[int, int]]) -> Any:
    mol = Chem.RWMol()
    for element in elements:
        mol.AddAtom(Chem.Atom(element))
    for a, b in bonds:
        mol.AddBond(a, b, Chem.BondType.SINGLE)
    return mol


def _laid(heavy: Any, found: _Residue, match: tuple[int, ...]) -> tuple[Any, str]:
    """Give the molecule the order and stereo of the residue; None and why if they differ."""
    explicit = any(e == "H" for e in found.elements)
    for i, row in enumerate(match):
        wanted, there = heavy.GetAtomWithIdx(i).GetTotalNumHs(), len(found.hydrogens(row))
        if explicit and wanted != there:
            return None, f"atom {found.names[row]} has {there} hydrogens, not {wanted}"
    order = sorted(range(len(match)), key=lambda i: match[i])
    laid = Chem.RenumberAtoms(heavy, order)
    rows = sorted(match)
    conformer = Chem.Conformer(len(rows))
    for i, row in enumerate(rows):
        conformer.SetAtomPosition(i, Point3D(*map(float, found.positions[row])))
    laid.RemoveAllConformers()
    laid.AddConformer(conformer)
    seen = Chem.Mol(laid)
    Chem.AssignStereochemistryFrom3D(seen)
    label(laid)
    label(seen)
    places: list[Any] = [*laid.GetAtoms(), *laid.GetBonds()]
    for given, real in zip(places, (*seen.GetAtoms(), *seen.GetBonds()), strict=True):
        if cip(given) and cip(real) and cip(given) != cip(real):
            ends = [given.GetIdx()]
            if isinstance(given, Chem.Bond):
                ends = [given.GetBeginAtomIdx(), given.GetEndAtomIdx()]
            title = "=".join(found.names[rows[i]] for i in ends)
            return None, f"{title} is {cip(real)} there, not {cip(given)}"
    return seen, ""


def _rows(found: _Residue) -> list[int]:
    """Heavy atoms and then hydrogens, in the order in which RDKit adds these."""
    return found.heavy + [h for row in found.heavy for h in found.hydrogens(row)]
