"""Whether what a mapping file says makes sense: pure functions, syntax -> diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from string import ascii_uppercase

from herobm.dsl.arrange import Arranged, Place
from herobm.dsl.chemistry_checks import check_chemistry
from herobm.dsl.diagnostics import Diagnostic, ordered
from herobm.dsl.scene import Scene, lifted_beads, repeats
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import AtomEntry, Cell, File, Name, Span
from herobm.elements import element_of

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
    told = any(d.code == "M103" for d in file.faults)
    if not told and (first is None or first.text != "molecule"):
        found = "the end of the file" if first is None else f"'{first.text}'"
        span = Span(1, 1, 1, 2) if first is None else first.span
        yield Diagnostic("M103", f"a mapping begins with 'molecule: NAME', found {found}", span)
    elif not file.faults and not file.atoms:
        yield Diagnostic(
            "M103", "a mapping lists its atoms below 'atoms:', found none", keywords[-1].span
        )
    seen: dict[str, Name] = {}
    for keyword in keywords:
        if keyword.text in seen:
            place = seen[keyword.text].span
            message = f"'{keyword.text}' is given already, at {place}"
            yield Diagnostic("M102", message, keyword.span, help="join the two")
        seen.setdefault(keyword.text, keyword)
    yield from _header_values(file)


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
            yield Diagnostic("M101", "expected a name in the quotes", name.span)


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


def check_hierarchy(scene: Scene) -> Iterator[Diagnostic]:
    """M301, M303, M306: ids and anchors of each bead."""
    for bead, members in scene.beads.items():
        levels: dict[int, dict[str, tuple[Arranged, Place]]] = {}
        taken: list[tuple[Arranged, Place]] = []
        for atom, place in members:
            if place.rule is not None:
                ids = levels.setdefault(place.rule.level, {})
                if ids.setdefault(place.rule.id, (atom, place))[1] is not place:
                    taken.append((atom, place))
        for atom, place in taken:
            if atom.own and place.rule and id(atom) not in scene.repeated:
                ids = levels[place.rule.level]
                yield _id_taken(place, ids[place.rule.id][0], ids)
        if not (scene.lone_patch or scene.blind or bead in scene.unsure):
            for atom, place in members:
                if atom.own:
                    yield from _anchor(scene, atom, place, levels)


def _id_taken(place: Place, first: Arranged, ids: Collection[str]) -> Diagnostic:
    assert place.rule is not None
    rule = place.rule
    message = f"id {rule.id} is taken at level {rule.level} of bead {place.bead} "
    free = next((c for c in ascii_uppercase if c not in ids), None)
    hint = f"{free} is free: P{rule.level}{rule.anchor or ''}{free}" if free else None
    return Diagnostic("M303", message + f"by {first.entry.name}", rule.span, help=hint)


def _anchor(
    scene: Scene,
    atom: Arranged,
    place: Place,
    levels: dict[int, dict[str, tuple[Arranged, Place]]],
) -> Iterator[Diagnostic]:
    rule = place.rule
    if rule is None or rule.anchor is None:
        return
    above = rule.level - 1
    hint: str | None
    ids = levels.get(above, {})
    if not ids:
        message = f"'{atom.entry.name}' is at level {rule.level} of bead {place.bead}, "
        message += f"which has no atom at level {above}"
        hint = "the levels of a bead follow each other without a gap"
        if rule.level == 1:
            hint = f"did you mean P1{rule.id}, from the bead itself?"
        yield Diagnostic("M306", message, rule.span, help=hint)
    elif rule.anchor not in ids:
        has = ", ".join(f"{k}: {a.entry.name}" for k, (a, _) in sorted(ids.items()))
        message = f"anchor {rule.anchor} not found at level {above} of bead {place.bead}"
        spans = ", ".join(scene.where(a, p.rule.span) for a, p in ids.values() if p.rule)
        others = list(ids)
        hint = f"did you mean P{rule.level}{others[0]}{rule.id}?" if len(others) == 1 else None
        note = f"the ids of level {above} are set at {spans}"
        yield Diagnostic("M301", f"{message} (it has {has})", rule.span, help=hint, note=note)


def check_positions(scene: Scene) -> Iterator[Diagnostic]:
    """M304, M305, W201: where each bead sits."""
    for bead, members in scene.beads.items():
        centers = [(a, p) for a, p in members if p.center]
        for atom, place in centers[1:]:
            if atom.own:
                message = (
                    f"two CM atoms in bead {bead}: '{centers[0][0].entry.name}' has it already"
                )
                yield Diagnostic("M304", message, place.span, help="leave CM out of one line")
        own = [p for a, p in members if a.own]
        if own and not any(p.counts for _, p in members) and not scene.lone_patch:
            message = f"none of the atoms of bead {bead} counts towards its position"
            yield Diagnostic("M305", message, own[0].span, help="take the '!' off one of them")
        if bead in lifted_beads(scene) and not scene.lone_patch:
            yield from _level_zero(bead, members)


def _level_zero(bead: str, members: list[tuple[Arranged, Place]]) -> Iterator[Diagnostic]:
    for atom, place in members:
        if atom.own and place.rule is not None and place.rule.level == 0:
            message = (
                f"'{atom.entry.name}' is at level 0 of bead {bead}, which lies at the mean of "
            )
            message += "several atoms: it is read as level 1, with a vector from the bead"
            yield Diagnostic(
                "W201", message, place.rule.span, help=f"add CM, or write P1{place.rule.id}"
            )


def check_short_rules(scene: Scene) -> Iterator[Diagnostic]:
    """W202: one letter below the first level."""
    for bead, members in scene.beads.items():
        first = min((p.rule.level for _, p in members if p.rule), default=0)
        for atom, place in members:
            rule = place.rule
            if atom.own and rule and rule.anchor is None and rule.level > max(1, first):
                message = f"rule of '{atom.entry.name}' has no anchor, so that it is rebuilt from "
                message += f"bead {bead} itself, although it is at level {rule.level}"
                hint = f"write P{rule.level}<ANCHOR>{rule.id}, or P1{rule.id}"
                yield Diagnostic("W202", message, rule.span, help=hint)


def check_rebuilt(scene: Scene) -> Iterator[Diagnostic]:
    """W301, W303: heavy atoms that no rule rebuilds; names without an element."""
    own = [a for a in scene.atoms if a.own]
    bare = [a for a in own if not _has_rule(a.entry) and not a.faults]
    heavy = [a.entry for a in bare if element_of(a.entry.name) not in ("", "H", "D")]
    if len(bare) == len(own) and heavy:
        message = "no atom has a rule: the model rebuilds nothing of this molecule"
        yield Diagnostic("W301", message, heavy[0].names[0].span, help="add rules, e.g. P1A")
    else:
        for entry in heavy:
            message = f"heavy atom '{entry.name}' has no rule, so that it is not rebuilt"
            yield Diagnostic("W301", message, entry.names[0].span)
    for atom in own:
        if not element_of(atom.entry.name):
            message = f"no element can be read from the name '{atom.entry.name}'"
            yield Diagnostic("W303", message, atom.entry.names[0].span)


def _has_rule(entry: AtomEntry) -> bool:
    return any(c is not None and c.kind == "rule" for col in entry.columns for c in col.cells)


CHECKS: tuple[Callable[[Scene], Iterator[Diagnostic]], ...] = (
    check_headers,
    check_empty_names,
    check_lines,
    check_repeats,
    check_hierarchy,
    check_positions,
    check_short_rules,
    check_rebuilt,
    lambda scene: check_chemistry(
        scene.file, scene.base, set(scene.beads), scene.lone_patch or scene.blind
    ),
)
