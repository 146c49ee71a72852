"""The molecule of a mapping as RDKit has it: elements, bonds, charges, stereo labels."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdCIPLabeler

from herobm.dsl.model import AtomRef, Mapping
from herobm.elements import element_of
from herobm.errors import DslCheckError
from herobm.plan.template import ANYWHERE, CHAIN_END, CHAIN_START

_ORDERS = {
    "-": Chem.BondType.SINGLE,
    "=": Chem.BondType.DOUBLE,
    "#": Chem.BondType.TRIPLE,
    ":": Chem.BondType.AROMATIC,
    "$": Chem.BondType.QUADRUPLE,
}
#: What hangs on the atom of the next or previous residue, by its element: enough for CIP ranks.
_BEYOND = {"C": (("=", "O"), ("-", "C")), "N": (("-", "C"),), "P": (("=", "O"), ("-", "O"))}
_CCW = Chem.ChiralType.CHI_TETRAHEDRAL_CCW


@dataclass(frozen=True)
class Molecule:
    """A molecule or residue as RDKit has it, and what the mapping calls its atoms.

    Attributes
    ----------
    mol : Chem.RWMol or Chem.Mol
    index : dict of str to int
        Name of an atom in the mapping -> its number in `mol`.
    beyond : dict of int to AtomRef
        Numbers in `mol` that stand for bonded atoms of the next and previous residue; what hangs
        on those in turn (for CIP ranks) has no name.
    """

    mol: Any
    index: dict[str, int]
    beyond: dict[int, AtomRef]

    def name_of(self, atom: int) -> str | None:
        """Name of an atom of `mol`; None for one that the mapping does not list."""
        return next((n for n, i in self.index.items() if i == atom), None)


def molecule(mapping: Mapping) -> Molecule:
    """Build the molecule of a mapping, with stereo, and with hydrogens where it lists them.

    Parameters
    ----------
    mapping : Mapping
        Of a molecule, or of a residue within a chain: its neighbours' bonded atoms are hinted at.

    Returns
    -------
    Molecule
        Sanitized. Labels that no arrangement of the neighbours gives are left out.

    Raises
    ------
    DslCheckError
        Where RDKit does not accept the bonds.
    """
    built = assemble(mapping, [a.name for a in mapping.atoms])
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(built.mol)
        except Chem.MolSanitizeException as error:
            raise DslCheckError(
                f"{mapping.source or mapping.name}: RDKit does not accept the bonds: {error}",
                "Run 'herobm mapping validate --chemistry' on the file: it shows the line.",
            ) from error
    index = built.index
    settle_centers(
        built.mol,
        {index[s.atoms[0]]: s.label for s in mapping.stereo if len(s.atoms) == 1},
    )
    for stereo in mapping.stereo:
        if len(stereo.atoms) == 2:
            settle_bond(built.mol, index[stereo.atoms[0]], index[stereo.atoms[1]], stereo.label)
    Chem.AssignStereochemistry(built.mol, cleanIt=False, force=True)
    return Molecule(built.mol.GetMol(), index, built.beyond)


def bonded_molecule(mapping: Mapping) -> Molecule:
    """Build a molecule that a structure can be made of.

    Raises
    ------
    DslCheckError
        If the mapping states no bonds, or as `molecule` does.
    """
    if len(mapping.atoms) > 1 and not mapping.bonds:
        where = mapping.source or mapping.name
        raise DslCheckError(
            f"{where}: has no bonds, so that no structure can be made of it",
            "Write a section 'bonds:', or take them from a structure: "
            "herobm mapping convert FILE --to map --structure STRUCTURE -o NEW.map",
        )
    return molecule(mapping)


def assemble(
    mapping: Mapping,
    names: Collection[str],
    charged: Collection[str] | None = None,
    place: int = ANYWHERE,
) -> Molecule:
    """Put atoms and bonds of a mapping together, whether or not chemistry allows them.

    Parameters
    ----------
    mapping : Mapping
    names : Collection[str]
        Atoms to take; bonds to others are left out.
    charged : Collection[str], optional
        Those whose charge counts, all by default.
    place : int
        ANYWHERE for a residue with neighbours, CHAIN_START or CHAIN_END for one that lacks the
        previous or the next one.

    Returns
    -------
    Molecule
        Not sanitized.
    """
    mol = Chem.RWMol()
    chosen = [a for a in mapping.atoms if a.name in set(names)]
    index = {atom.name: _add(mol, atom.element) for atom in chosen}
    for name, charge in mapping.charges.items():
        if name in index and (charged is None or name in charged):
            mol.GetAtomWithIdx(index[name]).SetFormalCharge(charge)
    for bond in mapping.bonds:
        if bond.within and {bond.a.name, bond.b.name} <= index.keys():
            _join(mol, index[bond.a.name], index[bond.b.name], bond.symbol)
    beyond = {
        _hint(mol, index[here], there, symbol, mapping): there
        for here, there, symbol in chain_links(mapping, place)
        if here in index
    }
    return Molecule(mol, index, beyond)


def _add(mol: Any, element: str) -> int:
    known = {"": 0, "D": 1}
    return int(mol.AddAtom(Chem.Atom(known[element] if element in known else element)))


def _join(mol: Any, a: int, b: int, symbol: str) -> None:
    if a == b or mol.GetBondBetweenAtoms(a, b) is not None:
        return
    mol.AddBond(a, b, _ORDERS[symbol])
    if symbol == ":":
        for atom in (a, b):
            mol.GetAtomWithIdx(atom).SetIsAromatic(True)
        mol.GetBondBetweenAtoms(a, b).SetIsAromatic(True)


def chain_links(mapping: Mapping, place: int = ANYWHERE) -> list[tuple[str, AtomRef, str]]:
    """List (atom here, atom there, symbol) of the bonds to the next and the previous residue.

    A residue that names only the bond to the next one (``C-+N``) is bonded in the same way to
    the previous one (``N--C``), if it has that atom.
    """
    found: list[tuple[str, AtomRef, str]] = []
    for bond in mapping.bonds:
        for here, there in ((bond.a, bond.b), (bond.b, bond.a)):
            if here.offset == 0 and there.offset:
                found.append((here.name, there, bond.symbol))
    names = {a.name for a in mapping.atoms}
    following = next((link for link in found if link[1].offset == 1), None)
    if following and following[1].name in names and all(t.offset == 1 for _, t, _ in found):
        last, first, order = following
        found.append((first.name, AtomRef(name=last, offset=-1), order))
    cut = {ANYWHERE: 0, CHAIN_START: -1, CHAIN_END: 1}[place]
    return [link for link in found if link[1].offset != cut]


def _hint(mol: Any, here: int, there: AtomRef, symbol: str, mapping: Mapping) -> int:
    """Add the atom of another residue, and what its CIP rank may depend on; return the atom."""
    known = {a.name: a.element for a in mapping.atoms}
    element = known.get(there.name) or element_of(there.name)
    beyond = _add(mol, element)
    _join(mol, here, beyond, "-" if symbol == ":" else symbol)
    substituents: tuple[tuple[str, str], ...] = ()
    if symbol in "-:":
        plain = mol.GetAtomWithIdx(here).GetSymbol() != "N" and element == "C"
        substituents = (("-", "O"), ("-", "C")) if plain else _BEYOND.get(element, ())
    for order, kind in substituents:
        _join(mol, beyond, _add(mol, kind), order)
    return beyond


def settle_centers(mol: Any, wanted: Dict[int, str]) -> set[int]:
    """Give stereocentres the hand that their labels ask for.

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized; its chiral tags are changed.
    wanted : Mapping of int to str
        Atom -> R or S.

    Returns
    -------
    set of int
        Those of `wanted` that got their label; the others have no chiral tag.
    """
    atoms = {i: mol.GetAtomWithIdx(i) for i in wanted}
    for atom in atoms.values():
        atom.SetChiralTag(_CCW)
    for _ in range(len(atoms) + 1):  # a label may depend on other labels
        label(mol)
        wrong = [a for i, a in atoms.items() if cip(a) not in ("", wanted[i])]
        for atom in wrong:
            atom.InvertChirality()
        if not wrong:
            break
    settled = {i for i, atom in atoms.items() if cip(atom) == wanted[i]}
    for i in atoms.keys() - settled:
        atoms[i].SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    return settled


def settle_bond(
    mol: Any, a: int, b: int, wanted: str, among: Collection[int] | None = None
) -> bool:
    """Lay the neighbours of a double bond on the sides that its label asks for.

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized; the stereo of the bond is changed.
    a, b : int
        Atoms of the bond.
    wanted : str
        E or Z.
    among : Collection[int], optional
        Atoms that the sides may be told by, all by default.

    Returns
    -------
    bool
        Whether the bond has the label now. Its stereo atoms are set if so.
    """
    bond = mol.GetBondBetweenAtoms(a, b)
    x, y = _beside(mol, a, b, among), _beside(mol, b, a, among)
    if bond is None or bond.GetBondType() != Chem.BondType.DOUBLE or x is None or y is None:
        return False
    bond.SetStereoAtoms(*((x, y) if bond.GetBeginAtomIdx() == a else (y, x)))
    for side in (Chem.BondStereo.STEREOCIS, Chem.BondStereo.STEREOTRANS):
        bond.SetStereo(side)
        label(mol)
        if cip(bond) == wanted:
            return True
    bond.SetStereo(Chem.BondStereo.STEREONONE)
    return False


def _beside(mol: Any, atom: int, other: int, among: Collection[int] | None) -> int | None:
    near = [n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors()]
    return next((n for n in near if n != other and (among is None or n in among)), None)


def label(mol: Any) -> None:
    """Assign CIP labels anew (``_CIPCode``) to all atoms and bonds that have stereo."""
    for part in (*mol.GetAtoms(), *mol.GetBonds()):
        part.ClearProp("_CIPCode")
    rdCIPLabeler.AssignCIPLabels(mol)


def cip(part: Any) -> str:
    """CIP label of an atom or bond in upper case, "" for none."""
    return str(part.GetProp("_CIPCode")).upper() if part.HasProp("_CIPCode") else ""
