"""Whether the bonds of a mapping make a molecule, and whether its beads and anchors follow them.

`herobm.dsl.check` finds what can be found without a molecule graph; what it calls an error must
be mended first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from string import ascii_uppercase

import networkx as nx

from herobm.chem.checks.stereo import check_stereo
from herobm.chem.checks.structure import check_structure
from herobm.chem.checks.subject import Subject, listed
from herobm.chem.checks.valence import check_filled, check_valence
from herobm.chem.completion import complete
from herobm.dsl.build import build_mapping
from herobm.dsl.checks import check
from herobm.dsl.diagnostics import Diagnostic, ordered
from herobm.dsl.model import Mapping, Placement, Rule
from herobm.dsl.syntax import File
from herobm.elements import element_of
from herobm.errors import StructureError
from herobm.types import Atoms

__all__ = ["check_chemistry", "check_chemistry_files", "check_structure"]

#: Atoms of a bead that are more bonds apart than this are far apart.
_FAR = 2
#: Elements that stand alone as ions, though their name is read as a carbon's or a nitrogen's.
_IONS = {"CA": "CA2+", "NA": "NA+", "CD": "CD2+", "CO": "CO2+", "NI": "NI2+", "HG": "HG2+"}


def check_chemistry(file: File, mapping: Mapping, base: Mapping | None = None) -> list[Diagnostic]:
    """Check the chemistry of a mapping.

    Parameters
    ----------
    file : File
        As parsed, without errors; the places of the diagnostics lie in it.
    mapping : Mapping
        What `build_mapping` makes of it. It may have more bonds than the file (see
        `herobm.chem.completion.complete`).
    base : Mapping, optional
        For a patch (``at: chain-end``), a residue that it is added to. A patch without one is
        not checked.

    Returns
    -------
    list[Diagnostic]
        M402 to M405, W402 to W406, errors first. Faults that only show once others are mended
        (stereo where the valence is wrong) are not among them.
    """
    if mapping.at is not None and base is None:
        return []
    subject = Subject.of(file, mapping, base)
    found = list(_check_elements(subject))
    if subject.mapping.bonds:
        found += _check_pieces(subject)
        wrong = list(check_valence(subject))
        found += wrong or [*check_filled(subject), *check_stereo(subject)]
        found += _check_anchors(subject)
        found += _check_beads(subject)
    elif len(subject.heavy) > 1:
        found.append(_no_bonds(subject))
    return ordered(replace(d, path=file.path) for d in found)


def check_chemistry_files(
    files: Sequence[File], atoms: Atoms | None = None, source: str = "structure"
) -> list[Diagnostic]:
    """Check the chemistry of files that are used together, patches with each residue they name.

    Files in which `herobm.dsl.check` finds an error are passed over.

    Parameters
    ----------
    files : Sequence[File]
    atoms : Atoms, optional
        A structure: mappings without bonds take them from it, and are held against it
        (`check_structure`). Of several mappings those whose residue it lacks are passed over.
    source : str
        What to call the structure in messages.

    Returns
    -------
    list[Diagnostic]
        File by file, in the order given.
    """
    sound = [f for f in files if not any(d.is_error for d in check(f))]
    whole = {m: f for f in sound if not f.is_patch for m in f.molecules}
    built = {f.path: build_mapping(f) for f in sound if not f.is_patch}
    patches = [build_mapping(f) for f in sound if f.is_patch]
    there = set() if atoms is None else set(atoms.residues.names.tolist())
    found: list[Diagnostic] = []
    for file in sound:
        if file.is_patch:
            bases = {whole[m].path: whole[m] for m in file.molecules if m in whole}
            found += _check_patch(file, list(bases.values()))
            continue
        mapping = built[file.path]
        if atoms is not None and (there & set(mapping.molecules) or len(built) == 1):
            mine = [p for p in patches if set(p.molecules) & set(mapping.molecules)]
            found += _check_with(file, mapping, atoms, source, mine)
        else:
            found += check_chemistry(file, mapping)
    return found


def _check_patch(file: File, bases: Sequence[File]) -> list[Diagnostic]:
    told: dict[tuple[str, object], Diagnostic] = {}
    for base in bases:
        if not any(d.is_error for d in check(file, base)):
            for d in check_chemistry(file, build_mapping(file, base), build_mapping(base)):
                told.setdefault((d.code, d.span), d)
    return ordered(told.values())


def _check_with(
    file: File, mapping: Mapping, atoms: Atoms, source: str, patches: Sequence[Mapping]
) -> list[Diagnostic]:
    """Check a mapping with what a structure adds to it, and against the structure."""
    found = check_structure(file, mapping, atoms, source, patches)
    try:
        full = complete(mapping, atoms, source)
    except StructureError:  # beads, or none of its atoms: told above
        full = mapping
    return ordered([*found, *check_chemistry(file, full)])


def _no_bonds(subject: Subject) -> Diagnostic:
    message = "no bonds are given, so that valence, rings, stereo and anchors cannot be checked"
    hint = "write a section 'bonds:', or let --structure FILE show them"
    return Diagnostic("W404", message, subject.head, help=hint)


def _check_elements(subject: Subject) -> Iterator[Diagnostic]:
    """W406: an ion whose name is read as that of another element."""
    if len(subject.mapping.atoms) == 1:
        name = subject.mapping.atoms[0].name
        ion = _IONS.get(name.upper())
        element = subject.mapping.atoms[0].element
        if ion is not None and element != element_of(ion) and name in subject.names:
            message = f"'{name}' is read as an atom of {element}, though it stands alone"
            yield Diagnostic(
                "W406", message, subject.names[name], help=f"is it an ion? write {ion}"
            )


def _check_pieces(subject: Subject) -> Iterator[Diagnostic]:
    """M403: heavy atoms that no bond joins to the rest; W404: hydrogens without a bond."""
    heavy = set(subject.heavy)
    pieces = [p for p in nx.connected_components(subject.graph) if p & heavy]
    order = {name: i for i, name in enumerate(subject.elements)}
    pieces.sort(key=lambda p: (-len(p & heavy), min(order[n] for n in p)))
    for piece in pieces[1:]:
        own = [n for n in sorted(piece & heavy, key=order.__getitem__) if n in subject.names]
        if own:
            rest = sorted(pieces[0] & heavy, key=order.__getitem__)
            message = f"no bond joins {listed(own)} to the rest of the molecule ({listed(rest)})"
            hint = "add the missing bond below 'bonds:'" + _joining(subject, piece, pieces[0])
            yield Diagnostic("M403", message, subject.names[own[0]], help=hint)
    loose = [n for n in subject.elements if n not in heavy and subject.graph.degree(n) == 0]
    loose = [n for n in loose if n in subject.names]
    if loose:
        plural = len(loose) > 1
        message = f"hydrogen{'s' * plural} {listed(loose)} {'have' if plural else 'has'} no bond"
        yield Diagnostic("W404", message, subject.names[loose[0]], help="say which atoms bear them")


def _joining(subject: Subject, piece: set[str], rest: set[str]) -> str:
    """Guess the bond from the valences that are left, where there is one way only."""
    from herobm.chem.checks.valence import unfilled

    left = unfilled(subject)
    ends = [n for n in left if n in piece], [n for n in left if n in rest]
    return f", perhaps {ends[0][0]}-{ends[1][0]}" if len(ends[0]) == len(ends[1]) == 1 else ""


def _check_anchors(subject: Subject) -> Iterator[Diagnostic]:
    """W402: an atom that hangs on one which it is not bonded to."""
    by_id = {
        (p.bead, p.rule.level, p.rule.id): atom.name
        for atom in subject.mapping.atoms
        for p in atom.placements
        if p.rule is not None
    }
    for atom in subject.mapping.atoms:
        for place in atom.placements:
            rule = place.rule
            if rule is None or rule.anchor is None or (atom.name, place.bead) not in subject.rules:
                continue
            anchor = by_id.get((place.bead, rule.level - 1, rule.anchor))
            if anchor in subject.elements and not subject.graph.has_edge(atom.name, anchor):
                yield _long_vector(subject, atom.name, str(anchor), place)


def _long_vector(subject: Subject, name: str, anchor: str, place: Placement) -> Diagnostic:
    assert place.rule is not None
    apart = _distance(subject, name, anchor)
    far = f"{apart} bonds away" if apart else "not joined to it by bonds"
    message = f"'{name}' is rebuilt from {anchor}, {far}: a longer vector than needed"
    hint = _better_anchor(subject, name, place.bead, place.rule)
    return Diagnostic("W402", message, subject.rules[name, place.bead], help=hint)


def _better_anchor(subject: Subject, name: str, bead: str, rule: Rule) -> str | None:
    """Propose the bonded atom of the bead that lies nearest to the level above."""
    ruled = [
        (p.rule, a.name)
        for a in subject.mapping.atoms
        for p in a.placements
        if p.bead == bead and p.rule is not None and a.name != name
    ]
    # what lies at a deeper level may hang on this very atom
    near = [(r, n) for r, n in ruled if subject.graph.has_edge(name, n) and r.level <= rule.level]
    if near:
        anchor, atom = min(near, key=lambda pair: abs(pair[0].level - rule.level + 1))
        level = anchor.level + 1
        taken = {r.id for r, _ in ruled if r.level == level}
        free = next((c for c in (rule.id, *ascii_uppercase) if c not in taken), None)
        return f"write P{level}{anchor.id}{free} to hang it on {atom}" if free else None
    bonded = [n for n in subject.graph[name] if n in subject.heavy]
    inside = [n for _, n in ruled if n in bonded]
    if inside:
        return f"it is bonded to {listed(inside)}: give that a lower level, and hang it there"
    there = f"it is bonded to {listed(bonded)}, which no rule of bead {bead} rebuilds: "
    return f"{there}move it, unless this is meant" if bonded else "give it a bond below 'bonds:'"


def _distance(subject: Subject, a: str, b: str) -> int:
    """Count the bonds from atom to atom, 0 if there is no way."""
    if not nx.has_path(subject.graph, a, b):
        return 0
    return int(nx.shortest_path_length(subject.graph, a, b))


def _check_beads(subject: Subject) -> Iterator[Diagnostic]:
    """W403: beads whose atoms lie in several places of the molecule."""
    members: dict[str, list[str]] = {}
    for atom in subject.mapping.atoms:
        if atom.name in subject.heavy:
            for place in atom.placements:
                members.setdefault(place.bead, []).append(atom.name)
    for bead, names in members.items():
        groups = _groups(subject, names)
        if len(groups) > 1 and bead in subject.bead_words:
            message = f"the atoms of bead {bead} lie in {len(groups)} places far apart: "
            message += "; ".join(listed(sorted(group, key=names.index)) for group in groups)
            pairs = [_gap(subject, a, b) for a, b in pairwise(groups)]
            note = f"they are {listed(pairs)} bonds apart" if all(pairs) else None
            help = "move the smaller group to the bead it is bonded to, unless this is meant"
            yield Diagnostic("W403", message, subject.bead_words[bead], help=help, note=note)


def _groups(subject: Subject, names: list[str]) -> list[set[str]]:
    near: nx.Graph = nx.Graph()
    near.add_nodes_from(names)
    for name in names:
        reach = nx.single_source_shortest_path_length(subject.graph, name, cutoff=_FAR)
        near.add_edges_from((name, other) for other in names if other in reach)
    return sorted(nx.connected_components(near), key=lambda g: min(map(names.index, g)))


def _gap(subject: Subject, one: set[str], two: set[str]) -> int:
    apart = [_distance(subject, a, b) for a in one for b in two]
    return min(apart)
