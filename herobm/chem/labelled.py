"""CIP labels of a mapping, turned into the order of the neighbours in space by RDKit."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, TypeAlias

from rdkit import Chem, rdBase
from rdkit.Chem import rdCIPLabeler

from herobm.dsl.model import AtomRef, Mapping
from herobm.elements import element_of
from herobm.plan.template import ANYWHERE, CHAIN_END, CHAIN_START, Template

log = logging.getLogger(__name__)

#: (centre, neighbour, neighbour, neighbour, sign of their triple product), rebuilt atoms.
Labelled: TypeAlias = list[tuple[int, int, int, int, int]]

_ORDERS = {
    "-": Chem.BondType.SINGLE,
    "=": Chem.BondType.DOUBLE,
    "#": Chem.BondType.TRIPLE,
    ":": Chem.BondType.AROMATIC,
    "$": Chem.BondType.QUADRUPLE,
}
_CCW, _CW = Chem.ChiralType.CHI_TETRAHEDRAL_CCW, Chem.ChiralType.CHI_TETRAHEDRAL_CW
#: What hangs on the atom of the next or previous residue, by its element: enough for CIP ranks.
_BEYOND = {"C": (("=", "O"), ("-", "C")), "N": (("-", "C"),), "P": (("=", "O"), ("-", "O"))}


@dataclass(frozen=True)
class Stereo:
    """What the labels of a template mean in space.

    Attributes
    ----------
    centers : list of (centre, three neighbours, sign)
    bonds : list of (x, a, b, y, whether x and y lie on the same side of a=b)
    """

    centers: Labelled
    bonds: list[tuple[int, int, int, int, bool]]


def label_template(template: Template) -> Stereo:
    """Read the labels of a template.

    Labels that RDKit cannot follow (no such stereocentre, an impossible valence) are left out,
    with a line in the log.

    Parameters
    ----------
    template : Template

    Returns
    -------
    Stereo
    """
    found = Stereo([], [])
    for place in (ANYWHERE, CHAIN_START, CHAIN_END):
        labels = [s for s in template.mapping.stereo if _places(template, s.atoms) == {place}]
        molecule = build_molecule(template, place) if labels else None
        if molecule is None:
            continue
        molecule.turn({s.atoms[0]: s.label for s in labels if len(s.atoms) == 1}, found.centers)
        for stereo in labels:
            if len(stereo.atoms) == 2:
                molecule.fold(stereo.atoms[0], stereo.atoms[1], stereo.label, found.bonds)
    return found


def _places(template: Template, names: tuple[str, ...]) -> set[int | None]:
    return {template.place.get(name) for name in names}


def label_prochiral(template: Template) -> Labelled:
    """Read the hands of like branches off their names (see `stereo.prochiral_centers`)."""
    found: Labelled = []
    if not any(_first_branch(a, template.atoms) for a in template.atoms):
        return found
    molecule = build_molecule(template, ANYWHERE)
    if molecule is None:
        return found
    labelled = {s.atoms[0] for s in template.mapping.stereo}
    for name, branch in molecule.like_branches():
        if name not in labelled:
            atom = molecule.mol.GetAtomWithIdx(molecule.index[branch])
            atom.SetIsotope(13)
            molecule.turn({name: "R"}, found)
            atom.SetIsotope(0)
    return found


def _first_branch(name: str, names: tuple[str, ...]) -> bool:
    return name.endswith("1") and name[:-1] + "2" in names


@dataclass(frozen=True)
class Molecule:
    """A residue as RDKit has it, its neighbours along the chain hinted at.

    Attributes
    ----------
    mol : Chem.Mol
        With all hydrogens as atoms.
    index : dict of str to int
        Atom of each name.
    rebuilt : dict of int to int
        Atom -> rebuilt atom of the template.
    title : str
        What to call it in messages.
    """

    mol: Any
    index: dict[str, int]
    rebuilt: dict[int, int]
    title: str

    def turn(self, wanted: dict[str, str], found: Labelled) -> None:
        """Give centres the hand that their label asks for, and note it."""
        atoms = {n: self.mol.GetAtomWithIdx(self.index[n]) for n in wanted if n in self.index}
        for atom in atoms.values():
            atom.SetChiralTag(_CCW)
        for _ in range(len(atoms) + 1):  # a label may depend on other labels
            self._label()
            wrong = [a for n, a in atoms.items() if _cip(a) not in ("", wanted[n])]
            for atom in wrong:
                atom.InvertChirality()
            if not wrong:
                break
        for name, atom in atoms.items():
            if _cip(atom) == wanted[name]:
                self._note(atom, found)
            else:
                log.warning("%s: %s is no stereocentre to RDKit, not checked", self.title, name)
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)

    def _note(self, atom: Any, found: Labelled) -> None:
        # Seen from the first neighbour the others run counter-clockwise (CCW), so that the triple
        # product of the others is negative; each transposition of the four turns the sign.
        around = [b.GetOtherAtomIdx(atom.GetIdx()) for b in atom.GetBonds()]
        ours = [n for n in around if n in self.rebuilt][:3]
        if len(around) != 4 or len(ours) < 3 or atom.GetIdx() not in self.rebuilt:
            return
        left_out = next(i for i, n in enumerate(around) if n not in ours)
        sign = (-1 if atom.GetChiralTag() == _CCW else 1) * (-1) ** left_out
        first, second, third = (self.rebuilt[n] for n in ours)
        found.append((self.rebuilt[atom.GetIdx()], first, second, third, sign))

    def fold(
        self, a: str, b: str, wanted: str, found: list[tuple[int, int, int, int, bool]]
    ) -> None:
        """Find the side that the label of a double bond asks for, and note it."""
        one, two = self.index[a], self.index[b]
        x, y = self._beside(one, two), self._beside(two, one)
        bond = self.mol.GetBondBetweenAtoms(one, two)
        if bond is None or x is None or y is None:
            log.warning("%s: %s=%s has no neighbours on both sides, not checked", self.title, a, b)
            return
        bond.SetStereoAtoms(x, y)
        bond.SetStereo(Chem.BondStereo.STEREOCIS)
        self._label()
        if _cip(bond) in ("E", "Z"):
            rebuilt = [self.rebuilt[i] for i in (x, one, two, y)]
            found.append((*rebuilt, _cip(bond) == wanted))  # type: ignore[arg-type]
        else:
            log.warning("%s: %s=%s has no sides to RDKit, not checked", self.title, a, b)

    def _beside(self, atom: int, other: int) -> int | None:
        near = [n.GetIdx() for n in self.mol.GetAtomWithIdx(atom).GetNeighbors()]
        return next((n for n in near if n != other and n in self.rebuilt), None)

    def _label(self) -> None:
        for part in (*self.mol.GetAtoms(), *self.mol.GetBonds()):
            part.ClearProp("_CIPCode")
        rdCIPLabeler.AssignCIPLabels(self.mol)

    def like_branches(self) -> list[tuple[str, str]]:
        """List (carbon, branch of the lower number) where two branches differ by name only."""
        ranks = list(Chem.CanonicalRankAtoms(self.mol, breakTies=False))
        names = {i: n for n, i in self.index.items() if i in self.rebuilt}
        found = []
        for i, name in names.items():
            atom = self.mol.GetAtomWithIdx(i)
            heavy = sorted(names[n.GetIdx()] for n in atom.GetNeighbors() if n.GetIdx() in names)
            if atom.GetSymbol() != "C" or atom.GetDegree() != 4 or len(heavy) < 3:
                continue
            for branch in heavy:
                twin = branch[:-1] + "2"
                if branch.endswith("1") and twin in heavy:
                    if ranks[self.index[branch]] == ranks[self.index[twin]]:
                        found.append((name, branch))
        return found


def _cip(part: Any) -> str:
    return str(part.GetProp("_CIPCode")).upper() if part.HasProp("_CIPCode") else ""


def build_molecule(template: Template, place: int) -> Molecule | None:
    """Build a residue within a chain (`place` ANYWHERE) or at one of its ends.

    Parameters
    ----------
    template : Template
    place : int
        ANYWHERE, CHAIN_START or CHAIN_END.

    Returns
    -------
    Molecule or None
        None, with a line in the log, where RDKit does not accept the chemistry.
    """
    mapping = template.mapping
    editable = Chem.RWMol()
    index: dict[str, int] = {}
    bonded = {ref.name for bond in mapping.bonds for ref in (bond.a, bond.b)}
    for atom in mapping.atoms:
        if atom.name in bonded and template.place[atom.name] in (ANYWHERE, place):
            index[atom.name] = _add(editable, atom.element)
    _charge(editable, template, index)
    for bond in mapping.bonds:
        if bond.a.offset == bond.b.offset == 0 and {bond.a.name, bond.b.name} <= index.keys():
            _join(editable, index[bond.a.name], index[bond.b.name], bond.symbol)
    for here, there in _links(template, place):
        _hint(editable, index[here], there, mapping)
    title = f"stereo of {template.name}"
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(editable)
        except Chem.MolSanitizeException as error:
            log.warning("%s is not checked: RDKit does not accept its bonds (%s)", title, error)
            return None
    mol = Chem.AddHs(editable.GetMol())
    rebuilt = {index[n]: i for i, n in enumerate(template.atoms) if n in index}
    return Molecule(mol, index, rebuilt, title)


def _add(mol: Any, element: str) -> int:
    known = {"": 0, "D": 1}
    return int(mol.AddAtom(Chem.Atom(known[element] if element in known else element)))


def _join(mol: Any, a: int, b: int, symbol: str) -> None:
    mol.AddBond(a, b, _ORDERS[symbol])
    if symbol == ":":
        for atom in (a, b):
            mol.GetAtomWithIdx(atom).SetIsAromatic(True)
        mol.GetBondBetweenAtoms(a, b).SetIsAromatic(True)


def _charge(mol: Any, template: Template, index: dict[str, int]) -> None:
    """Charge atoms, but those not whose charge comes with atoms that are not here."""
    absent = {n for n in template.place if n not in index}
    for name, charge in template.mapping.charges.items():
        partners = {
            b.name if a.name == name else a.name
            for a, b in ((bond.a, bond.b) for bond in template.mapping.bonds)
            if name in (a.name, b.name)
        }
        if name in index and not partners & absent:
            mol.GetAtomWithIdx(index[name]).SetFormalCharge(charge)


def _links(template: Template, place: int) -> list[tuple[str, AtomRef]]:
    """(atom here, atom there) of the bonds to the next and from the previous residue."""
    found: list[tuple[str, AtomRef]] = []
    for bond in template.mapping.bonds:
        for here, there in ((bond.a, bond.b), (bond.b, bond.a)):
            if here.offset == 0 and there.offset:
                found.append((here.name, there))
    following = template.link_next
    if following and template.link_previous is None and following[1] in template.place:
        found.append((following[1], AtomRef(name=following[0], offset=-1)))
    cut = {ANYWHERE: 0, CHAIN_START: -1, CHAIN_END: 1}[place]
    return [link for link in found if link[1].offset != cut]


def _hint(mol: Any, here: int, there: AtomRef, mapping: Mapping) -> None:
    """Add the atom of another residue, and what its CIP rank may depend on."""
    known = {a.name: a.element for a in mapping.atoms}
    element = known.get(there.name) or element_of(there.name)
    beyond = _add(mol, element)
    _join(mol, here, beyond, "-")
    if mol.GetAtomWithIdx(here).GetSymbol() != "N" and element == "C":
        substituents: tuple[tuple[str, str], ...] = (("-", "O"), ("-", "C"))
    else:
        substituents = _BEYOND.get(element, ())
    for symbol, kind in substituents:
        _join(mol, beyond, _add(mol, kind), symbol)
