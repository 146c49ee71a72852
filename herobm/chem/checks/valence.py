"""Whether every atom of a mapping has the bonds that its element allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
from rdkit import Chem, rdBase

from herobm.chem.checks.subject import Subject, listed
from herobm.chem.molecule import Molecule
from herobm.dsl.diagnostics import Diagnostic

_WORTH = {"-": 1.0, "=": 2.0, "#": 3.0, ":": 1.5, "$": 4.0}
#: Charge that an atom with one bond too many usually has.
_CHARGED = {"N": 1, "P": 1, "O": 1, "S": 1, "B": -1}


def check_valence(subject: Subject) -> Iterator[Diagnostic]:
    """M402: more bonds than an atom can have; M405: aromatic bonds that cannot be aromatic."""
    astray = list(_check_rings(subject))
    yield from astray
    built = subject.assemble()
    crowded = _crowded(built)
    for name in crowded:
        yield from _exceeded(subject, built, name)
    for problem in _problems(built.mol):
        kind = problem.GetType()
        if kind == "AtomValenceException":
            number = problem.GetAtomIdx()
            at_fault = built.name_of(number)
            if at_fault is None:
                yield from _exceeded_beyond(subject, str(built.beyond.get(number, "")))
            elif at_fault not in crowded:
                yield from _exceeded(subject, built, at_fault)
        elif kind == "KekulizeException" and not astray and not crowded:
            atoms = [built.name_of(i) for i in problem.GetAtomIndices()]
            yield from _no_kekule(subject, [a for a in atoms if a is not None])


def _problems(mol: Any) -> list[Any]:
    """Ask RDKit; some faults of aromatic atoms it tells only when it is made to stop at them."""
    with rdBase.BlockLogs():
        found = list(Chem.DetectChemistryProblems(mol))
        if not found:
            try:
                Chem.SanitizeMol(Chem.RWMol(mol))
            except Chem.MolSanitizeException as error:
                found = [error.cause]  # type: ignore[attr-defined]
    return found


def _crowded(built: Molecule) -> list[str]:
    """Aromatic carbons with too many bonds, of which RDKit tells their rings only."""
    found = []
    for name, i in built.index.items():
        bonds = built.mol.GetAtomWithIdx(i).GetBonds()
        total = sum(b.GetBondTypeAsDouble() for b in bonds)
        aromatic = sum(b.GetIsAromatic() for b in bonds)
        carbon = built.mol.GetAtomWithIdx(i).GetSymbol() == "C"
        if carbon and aromatic and total > (4.5 if aromatic > 2 else 4):
            found.append(name)
    return found


def _exceeded(subject: Subject, built: Molecule, name: str) -> Iterator[Diagnostic]:
    atom = built.mol.GetAtomWithIdx(built.index[name])
    entries = subject.bonds_of(name)
    span = entries[-1].span if entries else subject.names.get(name)
    if span is None:
        return
    allowed, charge = most_bonds(atom), atom.GetFormalCharge()
    total = sum(b.GetBondTypeAsDouble() for b in atom.GetBonds())
    worth = max(0.0, total - sum(_WORTH[e.symbol] for e in entries))  # bonds of other files
    for entry in entries:
        worth += _WORTH[entry.symbol]
        if worth > allowed:
            span = entry.span
            break
    what = atom.GetSymbol() + (f" with charge {charge:+d}" if charge else "")
    message = f"valence of '{name}' exceeded: its bonds add up to {total:g}, {what} has at most "
    message += str(allowed)
    hint = "take a bond out, or lower its order"
    usual = _CHARGED.get(atom.GetSymbol())
    if usual is not None and charge == 0 and total == allowed + 1:
        hint += f"; if the atom is charged, write '{name}: {usual:+d}' below 'charges:'"
    note = "its bonds: " + listed(f"{e.a}{e.symbol}{e.b}" for e in entries) if entries else None
    yield Diagnostic("M402", message, span, help=hint, note=note)


def _exceeded_beyond(subject: Subject, ref: str) -> Iterator[Diagnostic]:
    """M402 for a bond to another residue that is too high for the atom there."""
    for entry in subject.file.bonds:
        if ref in (str(entry.a), str(entry.b)):
            message = f"valence of '{ref}' exceeded by {entry.a}{entry.symbol}{entry.b}"
            yield Diagnostic("M402", message, entry.span, help="lower the order of the bond")


def most_bonds(atom: Any) -> int:
    """Highest valence of an element with that charge: 4 for carbon, and for nitrogen with +1."""
    number = atom.GetAtomicNum()
    like = number - atom.GetFormalCharge() if number > 4 else number
    return max(int(v) for v in Chem.GetPeriodicTable().GetValenceList(max(like, 1)))


def _check_rings(subject: Subject) -> Iterator[Diagnostic]:
    """M405: a ``:`` bond outside of a ring, told once for each open ring."""
    aromatic: nx.Graph = nx.Graph()
    aromatic.add_edges_from(
        (a, b) for a, b, symbol in subject.graph.edges(data="symbol") if symbol == ":"
    )
    outside = {frozenset(edge) for edge in nx.bridges(subject.graph)} if aromatic else set()
    for piece in nx.connected_components(aromatic):
        edges = [e for e in subject.file.bonds if e.symbol == ":" and e.a.name in piece]
        astray = [e for e in edges if frozenset((e.a.name, e.b.name)) in outside]
        if not astray:
            continue
        entry = astray[0]
        message = f"bond {entry.a}:{entry.b} is aromatic, but lies in no ring"
        ends = sorted(n for n in piece if aromatic.degree(n) == 1)
        hint = f"write {entry.a}-{entry.b} or {entry.a}={entry.b}"
        if len(ends) == 2 and len(piece) >= 4:
            message += f": the ring of {listed(_walk(aromatic, *ends))} is not closed"
            hint = f"to close it, add {ends[0]}:{ends[1]}"
        yield Diagnostic("M405", message, entry.span, help=hint)


def _walk(graph: nx.Graph, start: str, end: str) -> list[str]:
    return list(nx.shortest_path(graph, start, end))


def _no_kekule(subject: Subject, atoms: list[str]) -> Iterator[Diagnostic]:
    """M405: a ring in which single and double bonds cannot alternate."""
    entries = [e for e in subject.file.bonds if e.symbol == ":" and e.a.name in atoms]
    if not entries:
        return
    message = f"the aromatic bonds of {listed(atoms)} cannot be single and double bonds in turn"
    bare = [n for n in atoms if subject.elements[n] == "N" and subject.graph.degree(n) == 2]
    hint = "write them as '-' and '='"
    if bare:
        hint = f"list the hydrogen of {' or '.join(bare)} and its bond, or {hint}"
    yield Diagnostic("M405", message, entries[0].span, help=hint)


def unfilled(subject: Subject) -> list[str]:
    """Atoms that lack a bond or hydrogen, in a mapping that lists hydrogens."""
    built = subject.assemble()
    for atom in built.mol.GetAtoms():
        atom.UpdatePropertyCache(strict=False)
    graph, elements = subject.graph, subject.elements
    bearing = {n for n in subject.heavy if any(elements[o] in ("H", "D") for o in graph[n])}
    kinds = {elements[n] for n in bearing}
    if "C" in kinds:  # else only the hydrogens of polar groups are listed
        kinds |= {"N", "O", "S"}
    lacking = []
    for name in subject.heavy:
        i = built.index.get(name)
        open_end = elements[name] == "S" and graph.degree(name) == 1  # of a disulfide
        if i is not None and elements[name] in kinds and not open_end:
            if built.mol.GetAtomWithIdx(i).GetNumImplicitHs() > 0:
                lacking.append(name)
    return lacking if 2 * len(lacking) <= len(bearing) else []


def check_filled(subject: Subject) -> Iterator[Diagnostic]:
    """W404: atoms with fewer bonds than their element has, where hydrogens are listed."""
    lacking = unfilled(subject)
    for name in lacking:
        if name not in subject.names:
            continue
        bonds = subject.bonds_of(name)
        span = bonds[-1].span if bonds else subject.names[name]
        message = f"'{name}' has fewer bonds than {subject.elements[name]} should have: "
        message += "a bond, a hydrogen or a charge is missing"
        others = [n for n in lacking if n != name]
        hint = None
        if len(others) == 1:
            a, b = sorted((name, others[0]), key=lacking.index)
            bonded = subject.graph.has_edge(a, b)
            hint = f"is it a double bond, {a}={b}?" if bonded else f"is {a}-{b} missing?"
        yield Diagnostic("W404", message, span, help=hint)
