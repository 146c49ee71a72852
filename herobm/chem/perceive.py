"""The chemistry of one residue as a structure shows it: bonds, orders, charges, CIP labels."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

import networkx as nx
import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdCIPLabeler
from rdkit.Geometry import Point3D

from herobm.chem.bonds import Orders, perceive_bonds, perceive_orders
from herobm.dsl.convert.sketch import Reference
from herobm.dsl.model import AtomRef, Bond, Stereo
from herobm.elements import element_of
from herobm.errors import StructureError
from herobm.system.periodic import whole_residues
from herobm.types import Atoms, FloatArray, IntArray

log = logging.getLogger(__name__)

_TYPES = {
    "-": Chem.BondType.SINGLE,
    "=": Chem.BondType.DOUBLE,
    "#": Chem.BondType.TRIPLE,
}
_NO_HYDROGENS = "the structure has no hydrogens"


def reference_from(
    atoms: Atoms, molecules: Iterable[str], names: Iterable[str], source: str
) -> Reference:
    """Take the chemistry of a residue from a structure.

    Of several residues of one name the one is taken whose atoms fit best. It is read as it lies,
    and through the periodic box where it is in pieces, or apart from its neighbours, otherwise:
    some boxes are smaller than what is in them.

    Parameters
    ----------
    atoms : Atoms
    molecules : Iterable[str]
        Residue names that will do. If the structure has one residue only, its name is not
        looked at.
    names : Iterable[str]
        Atoms that the residue should have.
    source : str
        What to call the structure in messages.

    Returns
    -------
    Reference

    Raises
    ------
    StructureError
        If there is no such residue.
    """
    wanted = set(molecules)
    residues = atoms.residues
    fit = [i for i, name in enumerate(residues.names) if str(name) in wanted]
    if len(residues) == 1:
        fit = [0]
    if not fit:
        present = ", ".join(dict.fromkeys(str(n) for n in residues.names[:2000]))
        raise StructureError(
            f"{source} has no residue {' or '.join(sorted(wanted))}",
            f"It has {present}. Name the residue with --molecule.",
        )
    index = _best(atoms, fit, set(names))
    rows: dict[int, IntArray] = {
        k: np.flatnonzero(atoms.residue_index == k) for k in (index - 1, index, index + 1)
    }
    patch = _Patch(replace(atoms, box=None), rows, index)
    if atoms.box is not None:
        boxed = _Patch(atoms, rows, index)
        more = set(boxed.offsets.tolist()) > set(patch.offsets.tolist())
        if not patch.in_one_piece() or (more and boxed.inside() == patch.inside()):
            patch = boxed
    return patch.reference(source)


def _best(atoms: Atoms, fit: list[int], names: set[str]) -> int:
    """Return the residue with the most of the atoms wanted, then the fewest others."""

    def rank(i: int) -> tuple[int, int]:
        start, end = np.searchsorted(atoms.residue_index, [i, i + 1])
        own = {str(n) for n in atoms.names[start:end]}
        return len(names - own), len(own - names)

    return min(fit[:2000], key=rank)


class _Patch:
    """A residue with those before and behind it in the file."""

    def __init__(self, atoms: Atoms, rows: dict[int, IntArray], index: int) -> None:
        self.residue = str(atoms.residues.names[index])
        self.rows = np.concatenate(list(rows.values()))
        self.offsets = np.concatenate([np.full(len(r), k - index) for k, r in rows.items()])
        self.names = [str(n) for n in atoms.names[self.rows]]
        found = ["" for _ in self.rows]
        if atoms.elements is not None:
            found = [str(e) for e in atoms.elements[self.rows]]
        self.elements = [e or element_of(n) or "C" for e, n in zip(found, self.names, strict=True)]
        positions = atoms.positions[self.rows].astype(np.float64)
        one = np.zeros(len(positions), np.int64)
        self.positions = whole_residues(positions, one, atoms.box)
        self.bonds = self._without_shortcuts(perceive_bonds(self.elements, self.positions))
        self._keep_bonded()
        self.orders = perceive_orders(self.elements, self.positions, self.bonds)

    def inside(self) -> set[frozenset[str]]:
        """Bonds between atoms of the residue, by their names."""
        return {
            frozenset((self.names[a], self.names[b]))
            for a, b in self.bonds.tolist()
            if self.offsets[a] == self.offsets[b] == 0
        }

    def in_one_piece(self) -> bool:
        """Tell whether bonds join all atoms of the residue."""
        graph: nx.Graph = nx.Graph(tuple(bond) for bond in self.inside())
        graph.add_nodes_from(n for n, o in zip(self.names, self.offsets, strict=True) if o == 0)
        return bool(nx.is_connected(graph))

    def _without_shortcuts(self, bonds: IntArray) -> IntArray:
        """Drop bonds between the residue before and the one behind."""
        keep = [self.offsets[a] * self.offsets[b] >= 0 for a, b in bonds]
        kept: IntArray = bonds[np.array(keep, dtype=bool)]
        return kept

    def _keep_bonded(self) -> None:
        """Leave neighbours out that are not bonded to the residue."""
        linked = {
            int(self.offsets[a] + self.offsets[b])
            for a, b in self.bonds
            if self.offsets[a] != self.offsets[b]
        }
        keep = np.array([o == 0 or int(o) in linked for o in self.offsets])
        new = np.cumsum(keep) - 1
        inside = keep[self.bonds].all(axis=1) if len(self.bonds) else np.zeros(0, dtype=bool)
        self.bonds = new[self.bonds[inside]].reshape(-1, 2)
        self.names = [n for n, k in zip(self.names, keep, strict=True) if k]
        self.elements = [e for e, k in zip(self.elements, keep, strict=True) if k]
        self.offsets, self.positions = self.offsets[keep], self.positions[keep]

    def reference(self, source: str) -> Reference:
        own = [i for i, o in enumerate(self.offsets) if o == 0]
        explicit = any(self.elements[i] in ("H", "D") for i in own)
        place = {i: self.positions[i].tolist() for i in own}
        return Reference(
            source=source,
            residue=self.residue,
            elements={self.names[i]: self.elements[i] for i in own},
            positions={self.names[i]: (p[0], p[1], p[2]) for i, p in place.items()},
            bonds=tuple(self._own_bonds()),
            charges={
                self.names[i]: q for i, q in self.orders.charges.items() if self.offsets[i] == 0
            },
            stereo=tuple(self._stereo()),
            guessed="" if explicit else _NO_HYDROGENS,
        )

    def _own_bonds(self) -> Iterable[Bond]:
        for (a, b), symbol in zip(self.bonds.tolist(), self.orders.symbols, strict=True):
            if self.offsets[a] == 0 or self.offsets[b] == 0:
                first, second = (a, b) if self.offsets[a] == 0 else (b, a)
                yield Bond.model_validate(
                    {"a": self._ref(first), "b": self._ref(second), "symbol": symbol}
                )

    def _ref(self, i: int) -> AtomRef:
        return AtomRef.model_validate({"name": self.names[i], "offset": int(self.offsets[i])})

    def _stereo(self) -> Iterable[Stereo]:
        mol = _molecule(self.elements, self.positions, self.bonds, self.orders, self.residue)
        if mol is None:
            return
        for atom in mol.GetAtoms():
            i = atom.GetIdx()
            label = atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else ""
            # The oxygens of a phosphate are alike, although one of them is drawn with a charge.
            if label in ("R", "S") and atom.GetSymbol() == "C" and self.offsets[i] == 0:
                yield Stereo.model_validate({"atoms": (self.names[i],), "label": label})
        for bond in mol.GetBonds():
            ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
            label = bond.GetProp("_CIPCode") if bond.HasProp("_CIPCode") else ""
            if label in ("E", "Z") and not any(self.offsets[i] for i in ends):
                names = (self.names[ends[0]], self.names[ends[1]])
                yield Stereo.model_validate({"atoms": names, "label": label})


def _molecule(
    elements: list[str], positions: FloatArray, bonds: IntArray, orders: Orders, title: str
) -> Chem.Mol | None:
    """Build the molecule with its stereo from space; None (and a line in the log) if it cannot."""
    mol = Chem.RWMol()
    for i, element in enumerate(elements):
        atom = Chem.Atom("H" if element == "D" else element)
        atom.SetFormalCharge(orders.charges.get(i, 0))
        mol.AddAtom(atom)
    for (a, b), symbol in zip(bonds.tolist(), orders.symbols, strict=True):
        mol.AddBond(a, b, _TYPES[symbol])
    conformer = Chem.Conformer(len(elements))
    for i, (x, y, z) in enumerate(positions.tolist()):
        conformer.SetAtomPosition(i, Point3D(x, y, z))
    mol.AddConformer(conformer)
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
            Chem.AssignStereochemistryFrom3D(mol)
            rdCIPLabeler.AssignCIPLabels(mol)
        except (ValueError, RuntimeError) as error:
            log.info("no stereo is read for %s: %s", title, str(error).splitlines()[0])
            return None
    return mol
