"""CIP labels of a mapping, turned into the order of the neighbours in space by RDKit."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, TypeAlias

from rdkit import Chem, rdBase

from herobm.chem.molecule import assemble, settle_bond, settle_centers
from herobm.plan.template import ANYWHERE, CHAIN_END, CHAIN_START, Template

log = logging.getLogger(__name__)

#: (centre, neighbour, neighbour, neighbour, sign of their triple product), rebuilt atoms.
Labelled: TypeAlias = list[tuple[int, int, int, int, int]]

_CCW = Chem.ChiralType.CHI_TETRAHEDRAL_CCW


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
class Labeller:
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
        numbers = {n: self.index[n] for n in wanted if n in self.index}
        settled = settle_centers(self.mol, {i: wanted[n] for n, i in numbers.items()})
        for name, number in numbers.items():
            atom = self.mol.GetAtomWithIdx(number)
            if number in settled:
                self._note(atom, found)
            else:
                log.warning("%s: %s is no stereocentre to RDKit, not checked", self.title, name)
        for number in numbers.values():
            self.mol.GetAtomWithIdx(number).SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)

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
        if not settle_bond(self.mol, one, two, wanted, self.rebuilt):
            log.warning("%s: %s=%s has no sides to RDKit, not checked", self.title, a, b)
            return
        bond = self.mol.GetBondBetweenAtoms(one, two)
        x, y = bond.GetStereoAtoms()
        if bond.GetBeginAtomIdx() != one:
            x, y = y, x
        left, first, second, right = (self.rebuilt[i] for i in (x, one, two, y))
        found.append((left, first, second, right, bond.GetStereo() == Chem.BondStereo.STEREOCIS))

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


def build_molecule(template: Template, place: int) -> Labeller | None:
    """Build a residue within a chain (`place` ANYWHERE) or at one of its ends.

    Parameters
    ----------
    template : Template
    place : int
        ANYWHERE, CHAIN_START or CHAIN_END.

    Returns
    -------
    Labeller or None
        None, with a line in the log, where RDKit does not accept the chemistry.
    """
    names = names_at(template, place)
    built = assemble(template.mapping, names, charged_at(template, names), place)
    title = f"stereo of {template.name}"
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(built.mol)
        except Chem.MolSanitizeException as error:
            log.warning("%s is not checked: RDKit does not accept its bonds (%s)", title, error)
            return None
    mol = Chem.AddHs(built.mol.GetMol())
    rebuilt = {built.index[n]: i for i, n in enumerate(template.atoms) if n in built.index}
    return Labeller(mol, built.index, rebuilt, title)


def names_at(template: Template, place: int) -> set[str]:
    """Atoms with a bond that a residue has within a chain, or at one of its ends."""
    bonded = {ref.name for bond in template.mapping.bonds for ref in (bond.a, bond.b)}
    return {n for n, where in template.place.items() if n in bonded and where in (ANYWHERE, place)}


def charged_at(template: Template, names: set[str]) -> set[str]:
    """Those of `names` whose charge does not come with atoms that are not among them."""
    absent = template.place.keys() - names
    partners: dict[str, set[str]] = {}
    for bond in template.mapping.bonds:
        partners.setdefault(bond.a.name, set()).add(bond.b.name)
        partners.setdefault(bond.b.name, set()).add(bond.a.name)
    return {n for n in names if not partners.get(n, set()) & absent}
