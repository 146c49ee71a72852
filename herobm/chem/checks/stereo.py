"""Whether the stereo labels of a mapping fit its bonds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rdkit import Chem, rdBase

from herobm.chem.checks.subject import Subject
from herobm.chem.molecule import Molecule, cip, label, settle_bond, settle_centers
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.syntax import StereoEntry

_WORDS = {1: "one", 2: "two", 3: "three"}


@dataclass(frozen=True)
class Sites:
    """Where the graph has stereo: atoms, and double bonds as sorted pairs of atoms."""

    centers: frozenset[int]
    bonds: frozenset[tuple[int, int]]


def check_stereo(subject: Subject) -> Iterator[Diagnostic]:
    """M404: labels where there is no stereo, or that cannot be; W405: stereo without a label.

    Parameters
    ----------
    subject : Subject
        Whose valences are right.
    """
    built = subject.assemble()
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(built.mol, catchErrors=True):
            return  # told by check_valence, unless it lies in another file
    full = Molecule(Chem.AddHs(built.mol.GetMol()), built.index, built.beyond)
    sites = find_sites(full.mol)
    yield from _repeats(subject)
    entries = [e for e in subject.file.stereo if all(r.name in full.index for r in e.atoms)]
    yield from _check_labels(entries, full, sites)
    yield from _unlabelled(subject, full, sites)


def find_sites(mol: Any) -> Sites:
    """Find the stereocentres and the double bonds with two sides.

    Parameters
    ----------
    mol : Chem.Mol
        Sanitized, with its hydrogens.

    Returns
    -------
    Sites
    """
    centers: set[int] = set()
    bonds: set[tuple[int, int]] = set()
    for site in Chem.FindPotentialStereo(Chem.Mol(mol), cleanIt=False, flagPossible=True):
        if site.type == Chem.StereoType.Atom_Tetrahedral:
            if not _exchanges(mol.GetAtomWithIdx(site.centeredOn)):
                centers.add(site.centeredOn)
        elif site.type == Chem.StereoType.Bond_Double:
            bond = mol.GetBondWithIdx(site.centeredOn)
            bonds.add(_pair(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
    return Sites(frozenset(centers), frozenset(bonds))


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _exchanges(atom: Any) -> bool:
    """Whether two bare oxygens (or sulfurs) make it the same in the mirror: a phosphate."""
    bare = [
        n
        for n in atom.GetNeighbors()
        if n.GetSymbol() == "O" and sum(o.GetSymbol() != "H" for o in n.GetNeighbors()) == 1
    ]
    return atom.GetSymbol() in ("P", "S") and len(bare) >= 2


def _repeats(subject: Subject) -> Iterator[Diagnostic]:
    seen: dict[frozenset[str], StereoEntry] = {}
    for entry in subject.file.stereo:
        site = frozenset(r.name for r in entry.atoms)
        first = seen.setdefault(site, entry)
        if first is not entry:
            message = f"{_called(entry)} is labelled {first.label.text} already, at "
            message += f"{first.label.span}"
            yield Diagnostic("M404", message, _span(entry), help="leave one of the two out")


def _called(entry: StereoEntry) -> str:
    return "'" + "=".join(r.name for r in entry.atoms) + "'"


def _span(entry: StereoEntry) -> Any:
    return entry.atoms[0].span.to(entry.label.span)


def _check_labels(entries: list[StereoEntry], full: Molecule, sites: Sites) -> Iterator[Diagnostic]:
    """Tell labels that stand nowhere; then settle the others, and tell those that cannot be."""
    wanted: dict[int, str] = {}
    for entry in entries:
        if len(entry.atoms) == 1:
            atom = full.index[entry.atoms[0].name]
            if atom in sites.centers:
                wanted.setdefault(atom, entry.label.text)
            else:
                yield _no_center(entry, full, atom)
    settled = settle_centers(full.mol, wanted)
    for entry in entries:
        atoms = [full.index[r.name] for r in entry.atoms]
        if len(atoms) == 1:
            if atoms[0] in wanted.keys() - settled:
                message = f"{_called(entry)} cannot be {entry.label.text} with the other labels"
                hint = "its branches differ by their labels only: check these"
                yield Diagnostic("M404", message, _span(entry), help=hint)
        elif _pair(*atoms) not in sites.bonds:
            yield _no_sides(entry, full, atoms)
        elif not settle_bond(full.mol, atoms[0], atoms[1], entry.label.text):
            message = f"{_called(entry)} cannot be {entry.label.text} with the other labels"
            yield Diagnostic("M404", message, _span(entry), help="check the labels beside it")


def _no_center(entry: StereoEntry, full: Molecule, atom: int) -> Diagnostic:
    message = f"{_called(entry)} is labelled {entry.label.text}, but is no stereocentre: "
    found = full.mol.GetAtomWithIdx(atom)
    message += _why_no_center(full, found)
    return Diagnostic("M404", message, _span(entry), help="take the label out, or mend the bonds")


def _why_no_center(full: Molecule, atom: Any) -> str:
    hydrogens = atom.GetTotalNumHs(includeNeighbors=True)
    if hydrogens > 1:
        return f"it bears {_WORDS.get(hydrogens, str(hydrogens))} hydrogens"
    if atom.GetTotalDegree() != 4:
        return f"it has {atom.GetTotalDegree()} neighbours, not 4"
    ranks = list(Chem.CanonicalRankAtoms(full.mol, breakTies=False))
    seen: dict[int, int] = {}
    for near in (n.GetIdx() for n in atom.GetNeighbors()):
        twin = seen.setdefault(ranks[near], near)
        if twin != near and full.name_of(twin) and full.name_of(near):
            return f"its branches {full.name_of(twin)} and {full.name_of(near)} are alike"
    return "its neighbours are not all different"


def _no_sides(entry: StereoEntry, full: Molecule, atoms: list[int]) -> Diagnostic:
    message = f"{_called(entry)} is labelled {entry.label.text}, but "
    bond = full.mol.GetBondBetweenAtoms(*atoms)
    one, two = (r.name for r in entry.atoms)
    hint = "take the label out, or mend the bonds"
    if bond is None:
        message += "the two are not bonded"
    elif bond.GetBondType() != Chem.BondType.DOUBLE:
        message += "is no double bond"
        hint = f"write {one}={two} below 'bonds:', or take the label out"
    elif bond.IsInRing():
        message += "lies in a small ring, which allows one side only"
    else:
        message += "has two like neighbours on one side"
    return Diagnostic("M404", message, _span(entry), help=hint)


def _unlabelled(subject: Subject, full: Molecule, sites: Sites) -> Iterator[Diagnostic]:
    """W405, for atoms that are rebuilt and named in this file."""
    labelled = {frozenset(r.name for r in e.atoms) for e in subject.file.stereo}
    seen = {frozenset(s.atoms): s.label for s in subject.mapping.stereo}
    rebuilt = set(subject.template.atoms)
    handed = _handed(
        full, sites.centers - {full.index[n] for s in labelled for n in s if n in full.index}
    )
    for name, atom in full.index.items():
        if name not in subject.names or name not in rebuilt or frozenset((name,)) in labelled:
            continue
        if atom in handed:
            message = f"'{name}' is a stereocentre without a label, so that its hand is not checked"
            hint = _as_seen(name, ("R", "S"), seen.get(frozenset((name,))))
            yield Diagnostic("W405", message, subject.names[name], help=hint)
    for a, b in sorted(sites.bonds):
        one, two = full.name_of(a), full.name_of(b)
        if one is None or two is None or {one, two} in labelled or not _sided(full.mol, a, b):
            continue
        entry = subject.bond(one, two)
        span = entry.span if entry else subject.names.get(one)
        message = f"double bond '{one}={two}' has two sides, but no label"
        known = seen.get(frozenset((one, two)))
        hint = _as_seen(f"{one}={two}", ("E", "Z"), known)
        if span is not None:
            yield Diagnostic("W405", message, span, help=hint)


def _handed(full: Molecule, centers: frozenset[int]) -> set[int]:
    """Those of some atoms without label that would have one if they were given a hand."""
    mol = Chem.Mol(full.mol)
    for i in centers:
        mol.GetAtomWithIdx(i).SetChiralTag(Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
    label(mol)
    return {i for i in centers if cip(mol.GetAtomWithIdx(i))}


def _as_seen(site: str, labels: tuple[str, str], seen: str | None) -> str:
    if seen:
        return f"write '{site}: {seen}' below 'stereo:', as in the structure"
    return f"write '{site}: {labels[0]}' or '{site}: {labels[1]}' below 'stereo:'"


def _sided(mol: Any, a: int, b: int) -> bool:
    """Whether heavy atoms lie on both ends (a C=NH may turn)."""
    return all(
        any(
            n.GetAtomicNum() > 1 and n.GetIdx() != far
            for n in mol.GetAtomWithIdx(near).GetNeighbors()
        )
        for near, far in ((a, b), (b, a))
    )
