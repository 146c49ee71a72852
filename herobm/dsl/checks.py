"""Whether what a mapping file says makes sense: pure functions, syntax -> diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from string import ascii_uppercase

from herobm.dsl.bead_checks import (
    check_hierarchy,
    check_patch_beads,
    check_positions,
    check_short_rules,
    check_sizes,
)
from herobm.dsl.chemistry_checks import check_chemistry
from herobm.dsl.diagnostics import Diagnostic, ordered
from herobm.dsl.scene import Scene, repeats
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import AtomEntry, Cell, File, Name, Span
from herobm.elements import element_among, element_of

PLACES = {"chain-start": "start", "chain-end": "end"}
WEIGHTS = ("mass", "equal")


def check(file: File, base: File | None = None) -> list[Diagnostic]:
    """Check a mapping.

    Parameters
    ----------
    file : File
        As parsed; its `faults` are part of the result.
    base : File, optional
        For a patch (``at: chain-end``), the file of a residue that it is added to. Without it,
        anchors and bonded atoms that a patch does not hold itself go unchecked.

    Returns
    -------
    list[Diagnostic]
        Errors in the order of the file, then warnings.
    """
    found = list(file.faults)
    if not any(d.span is None for d in found):
        scene = Scene.of(file, base)
        for one in CHECKS:
            found += one(scene)
    return ordered(d if d.path else replace(d, path=file.path) for d in found)


def check_headers(scene: Scene) -> Iterator[Diagnostic]:
    """M103, M102, M202: the lines above the sections."""
    file = scene.file
    keywords = [h.keyword for h in file.headers] + [s.keyword for s in file.sections]
    first = min(keywords, key=lambda k: (k.span.line, k.span.column), default=None)
    told = any(d.code == "M103" or _above(d.span, first) for d in file.faults)
    if not told and (first is None or first.text != "molecule"):
        found = "the end of the file" if first is None else f"'{first.text}'"
        span = Span(1, 1, 1, 2) if first is None else first.span
        message = f"a mapping begins with 'molecule: NAME', found {found}"
        yield Diagnostic("M103", message, span, help=_top(file))
    elif not file.faults and not file.atoms:
        message = "a mapping lists its atoms below 'atoms:', found none"
        help = "write 'atoms:', and below it a line 'ATOM: BEAD' for each atom"
        yield Diagnostic("M103", message, keywords[-1].span, help=help)
    seen: dict[str, Name] = {}
    for keyword in keywords:
        if keyword.text in seen:
            place = seen[keyword.text].span
            message = f"'{keyword.text}' is given already, at {place}"
            yield Diagnostic("M102", message, keyword.span, help="join the two")
        seen.setdefault(keyword.text, keyword)
    yield from _header_values(file)


def _above(span: Span | None, keyword: Name | None) -> bool:
    """Whether a line above the first keyword cannot be read: the header, most likely."""
    return span is None or keyword is None or span.line < keyword.span.line


def _top(file: File) -> str:
    header = file.header("molecule")
    if header is not None:
        return "move the line with 'molecule:' to the top"
    return "write 'molecule: NAME' into the first line, with the residue names it is for"


def _header_values(file: File) -> Iterator[Diagnostic]:
    for keyword, words in (("at", tuple(PLACES)), ("weights", WEIGHTS)):
        header = file.header(keyword)
        if header is not None and header.values[0].text not in words:
            value = header.values[0]
            guess = nearest(value.text, words)
            hint = f"did you mean {guess}?" if guess else f"write {' or '.join(words)}"
            message = f"unknown word '{value.text}' after '{keyword}:'"
            yield Diagnostic("M202", message, value.span, help=hint)


def check_empty_names(scene: Scene) -> Iterator[Diagnostic]:
    """M101: a quoted name without a character in it."""
    names: list[Name | Cell] = [v for h in scene.file.headers for v in h.values]
    for entry in scene.file.atoms:
        names += entry.names
        names += [c for column in entry.columns for c in column.cells if c is not None]
    names += [n for e in scene.file.beads for n in (e.bead, e.type)]
    for name in names:
        if name.quoted and not name.text.strip():
            help = "write the name between the quotes, or leave both out"
            yield Diagnostic("M101", "expected a name in the quotes", name.span, help=help)


def check_lines(scene: Scene) -> Iterator[Diagnostic]:
    """M104, M201-M205: faults within one line."""
    for atom in scene.atoms:
        if atom.own:
            yield from atom.faults


def check_repeats(scene: Scene) -> Iterator[Diagnostic]:
    """M302: an atom that is mapped already."""
    for i, name, earlier in repeats(scene.atoms):
        if scene.atoms[i].own:
            first = next(a for a in scene.atoms if earlier in a.entry.names)
            message = f"'{name.text}' is mapped already, at {scene.where(first, earlier.span)}"
            yield Diagnostic("M302", message, name.span, help="leave one of the two lines out")


def check_own_repeats(scene: Scene) -> Iterator[Diagnostic]:
    """W103: a name that its line has already; M302: a patch that names an atom of its residue."""
    lines = [h.values for h in scene.file.headers] + [e.names for e in scene.file.atoms]
    for names in lines:
        for i, name in enumerate(names):
            if name.text in [n.text for n in names[:i]]:
                message = f"'{name.text}' is given twice in this line"
                yield Diagnostic("W103", message, name.span, help="leave one out")
    others = {n.text: a for a in scene.atoms if not a.own for n in a.entry.names[1:]}
    for atom in scene.atoms:
        if atom.own and atom.entry.name in others and id(atom) not in scene.repeated:
            other = others[atom.entry.name]
            place = scene.where(other, other.entry.names[0].span)
            message = f"'{atom.entry.name}' is another name of '{other.entry.name}', at {place}"
            help = "put a name in front that the residue does not have"
            yield Diagnostic("M302", message, atom.entry.names[0].span, help=help)


def check_rebuilt(scene: Scene) -> Iterator[Diagnostic]:
    """W301, W303: heavy atoms that no rule rebuilds; names without an element."""
    own = [a for a in scene.atoms if a.own]
    bare = [a for a in own if a.places and not _has_rule(a.entry) and not a.faults]
    heavy = [a.entry for a in bare if element_of(a.entry.name) not in ("", "H", "D")]
    if len(bare) == len(own) and heavy:
        message = "no atom has a rule: the model rebuilds nothing of this molecule"
        help = "write a rule behind the bead of each atom to rebuild, e.g. P1A"
        yield Diagnostic("W301", message, heavy[0].names[0].span, help=help)
    else:
        for entry in heavy:
            message = f"heavy atom '{entry.name}' has no rule, so that it is not rebuilt"
            help = f"write one behind its bead, e.g. {_free_rule(scene, entry)}"
            yield Diagnostic("W301", message, entry.names[0].span, help=help)
    for atom in own:
        if not element_among(atom.entry.name, scene.file.molecules, len(scene.atoms)):
            message = f"no element can be read from the name '{atom.entry.name}'"
            help = "put a name in front that begins with the element, e.g. C1; or write '!' and "
            help += "leave the atom out of its bead's position"
            yield Diagnostic("W303", message, atom.entry.names[0].span, help=help)


def _free_rule(scene: Scene, entry: AtomEntry) -> str:
    """Return a rule at level 1 that is free in the first bead of an atom."""
    bead = next(a.places[0].bead for a in scene.atoms if a.entry is entry)
    rules = [p.rule for _, p in scene.beads[bead] if p.rule]
    taken = {rule.id for rule in rules if rule.level == 1}
    anchor = next((rule.id for rule in rules if rule.level == 0), "")
    return f"P1{anchor}{next((c for c in ascii_uppercase if c not in taken), 'A')}"


def _has_rule(entry: AtomEntry) -> bool:
    return any(c is not None and c.kind == "rule" for col in entry.columns for c in col.cells)


CHECKS: tuple[Callable[[Scene], Iterator[Diagnostic]], ...] = (
    check_headers,
    check_empty_names,
    check_lines,
    check_repeats,
    check_own_repeats,
    check_hierarchy,
    check_positions,
    check_short_rules,
    check_patch_beads,
    check_sizes,
    check_rebuilt,
    lambda scene: check_chemistry(
        scene.file, scene.base, set(scene.beads), scene.lone_patch or scene.blind, scene.lost
    ),
)
