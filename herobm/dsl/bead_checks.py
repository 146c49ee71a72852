"""Checks of beads: who hangs on whom, where they sit, and how many atoms they hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from statistics import median
from string import ascii_uppercase

from herobm.dsl.arrange import Arranged, Place, RuleText
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.scene import Scene, lifted_beads
from herobm.dsl.spelling import nearest
from herobm.elements import element_of

_MANY = 6  # heavy atoms: a bead with as many, and twice as many as the others, is unusual


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
                if ids[place.rule.id][0] is atom:
                    continue  # M205: the bead is named twice
                yield _id_taken(scene, place, ids[place.rule.id][0], ids)
        strange = scene.base is not None and all(a.own for a, _ in members)  # M307
        if not (scene.lone_patch or scene.blind or bead in scene.unsure or strange):
            for atom, place in members:
                if atom.own:
                    yield from _anchor(scene, atom, place, levels)


def _id_taken(scene: Scene, place: Place, first: Arranged, ids: Collection[str]) -> Diagnostic:
    assert place.rule is not None
    rule = place.rule
    message = f"id {rule.id} is taken at level {rule.level} of bead {place.bead} "
    free = next((c for c in ascii_uppercase if c not in ids), None)
    hint = f"{free} is free: P{rule.level}{rule.anchor or ''}{free}"
    if free is None:
        hint = f"a level holds 26 atoms: hang this one on another atom, at level {rule.level + 1}"
    taken = next(p.rule for p in first.places if p.bead == place.bead and p.rule)
    note = f"the rule of {first.entry.name} is at {scene.where(first, taken.span)}"
    message += f"by {first.entry.name}"
    return Diagnostic("M303", message, rule.span, help=hint, note=note)


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
    if scene.may_have(above, rule.anchor):
        return
    if not ids:
        message = f"'{atom.entry.name}' is at level {rule.level} of bead {place.bead}, "
        message += f"which has no atom at level {above}"
        hint = "the levels of a bead follow each other without a gap"
        near = [level for level in levels if level < above and rule.anchor in levels[level]]
        if near:
            hint = f"did you mean P{max(near) + 1}{rule.anchor}{rule.id}?"
        if rule.level == 1 or not any(level < rule.level for level in levels):
            hint = f"did you mean P1{rule.id}, from the bead itself?"
        yield Diagnostic("M306", message, rule.span, help=hint)
    elif rule.anchor not in ids:
        has = ", ".join(f"{k}: {a.entry.name}" for k, (a, _) in sorted(ids.items()))
        message = f"anchor {rule.anchor} not found at level {above} of bead {place.bead}"
        spans = ", ".join(scene.where(a, p.rule.span) for a, p in ids.values() if p.rule)
        texts = [f"P{rule.level}{k}{rule.id}" for k in sorted(ids)]
        hint = f"did you mean {_listed(texts)}?" if len(texts) < 5 else f"write {texts[0]}, or so"
        note = f"the ids of level {above} are set at {spans}"
        yield Diagnostic("M301", f"{message} (it has {has})", rule.span, help=hint, note=note)


def check_positions(scene: Scene) -> Iterator[Diagnostic]:
    """M304, M305, W201: where each bead sits."""
    lifted = lifted_beads(scene)
    for bead, members in scene.beads.items():
        centers = [(a, p) for a, p in members if p.center]
        for atom, place in centers[1:]:
            if atom.own:
                message = (
                    f"two CM atoms in bead {bead}: '{centers[0][0].entry.name}' has it already"
                )
                note = f"it is at {scene.where(centers[0][0], centers[0][1].span)}"
                help = "leave CM out of one line"
                yield Diagnostic("M304", message, place.span, help=help, note=note)
        own = [p for a, p in members if a.own]
        if own and not any(p.counts for _, p in members) and not scene.lone_patch:
            message = f"none of the atoms of bead {bead} counts towards its position"
            yield Diagnostic("M305", message, own[0].span, help="take the '!' off one of them")
        if bead in lifted and not scene.lone_patch:
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
    """W202, W203: one letter below the first level."""
    lifted = lifted_beads(scene)
    for bead, members in scene.beads.items():
        first = min((p.rule.level for _, p in members if p.rule), default=0)
        if bead not in lifted:
            yield from _without_anchor(bead, members)
        for atom, place in members:
            rule = place.rule
            if atom.own and rule and rule.anchor is None and rule.level > max(1, first):
                message = f"rule of '{atom.entry.name}' has no anchor, so that it is rebuilt from "
                message += f"bead {bead} itself, although it is at level {rule.level}"
                yield Diagnostic("W202", message, rule.span, help=_anchored(rule, members))


def _anchored(rule: RuleText, members: list[tuple[Arranged, Place]]) -> str:
    above = sorted({p.rule.id for _, p in members if p.rule and p.rule.level == rule.level - 1})
    if not above:
        return f"write P1{rule.id}"
    texts = [f"P{rule.level}{anchor}{rule.id}" for anchor in above[:4]]
    return f"write {_listed(texts)}, with the letter of the atom it hangs on"


def _without_anchor(bead: str, members: list[tuple[Arranged, Place]]) -> Iterator[Diagnostic]:
    """W203: one letter at level 1, though the bead has an atom at level 0."""
    tops = [(a, p.rule) for a, p in members if p.rule and p.rule.level == 0]
    for atom, place in members:
        rule = place.rule
        if tops and atom.own and rule and rule.level == 1 and rule.anchor is None:
            top, anchor = tops[0][0].entry.name, tops[0][1].id
            message = f"rule of '{atom.entry.name}' leaves its anchor out, so that it is rebuilt "
            message += f"from bead {bead} itself; '{top}' is at level 0 of it"
            help = f"write P1{anchor}{rule.id} to hang it on {top}"
            yield Diagnostic("W203", message, rule.span, help=help)


def check_patch_beads(scene: Scene) -> Iterator[Diagnostic]:
    """M307: a bead that the residue under a patch lacks."""
    if scene.base is None or scene.blind:
        return
    known = {p.bead for a in scene.atoms if not a.own for p in a.places}
    for atom in scene.atoms:
        for place in atom.places:
            if atom.own and known and place.bead not in known | scene.lost:
                message = f"'{place.bead}' is no bead of {scene.base.path}, which this is added to"
                guess = nearest(place.bead, known)
                help = f"did you mean {guess}?" if guess else f"write {_listed(sorted(known))}"
                yield Diagnostic("M307", message, place.span, help=help)


def check_sizes(scene: Scene) -> Iterator[Diagnostic]:
    """W302: a bead of hydrogens, or one far larger than the others that does not sit on an atom."""
    if scene.file.is_patch or scene.blind or scene.lost:
        return
    sizes = {
        bead: sum(element_of(a.entry.name) not in ("H", "D") for a, _ in members)
        for bead, members in scene.beads.items()
    }
    for bead, size in sizes.items():
        span = scene.beads[bead][0][1].span
        usual = median([n for b, n in sizes.items() if b != bead] or [size])
        if size == 0:
            message = f"bead {bead} holds hydrogens only"
            help = "put a heavy atom into it, or its hydrogens into another bead"
            yield Diagnostic("W302", message, span, help=help)
        elif any(place.center for _, place in scene.beads[bead]):
            continue  # it is where its atom is, however many hang on that
        elif len(sizes) > 2 and size >= _MANY and size > 2 * usual:
            message = f"bead {bead} holds {size} heavy atoms, the others about {usual:g}"
            help = "if that is meant, leave it; else look for a bead name that is written wrong"
            yield Diagnostic("W302", message, span, help=help)


def _listed(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
