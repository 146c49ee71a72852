"""A sketch becomes a mapping: bonds and stereo joined to it, atoms without bead taken in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from herobm.dsl.convert.hierarchy import TooManyAtomsError, derive_rules, is_heavy
from herobm.dsl.convert.sketch import Mark, Reference, Sketch
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.model import AtomRef, Bond, MappedAtom, Mapping, Placement
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import Span
from herobm.elements import element_of


def needs_reference(sketch: Sketch) -> bool:
    """Whether bonds from elsewhere are needed to make a mapping of it."""
    return not sketch.has_rules and not _bonds_suffice(sketch)


def _bonds_suffice(sketch: Sketch) -> bool:
    bonded = {ref.name for bond in sketch.mapping.bonds for ref in (bond.a, bond.b)}
    heavy = [a.name for a in sketch.mapping.atoms if is_heavy(a)]
    alone = len(heavy) == 1 and not sketch.loose
    return alone or (not sketch.loose and all(name in bonded for name in heavy))


def complete(
    sketch: Sketch, reference: Reference | None = None
) -> tuple[Mapping | None, list[Diagnostic]]:
    """Make the mapping that a sketch stands for.

    Parameters
    ----------
    sketch : Sketch
    reference : Reference, optional
        Where bonds, positions, charges and stereo come from. A sketch keeps the rules
        and the chemistry that it has.

    Returns
    -------
    mapping : Mapping or None
        None if a fault keeps it from being made.
    diagnostics : list of Diagnostic
        M605-M607; W601 and W604-W606 for what is lost or uncertain.
    """
    joiner = _Joiner(sketch, reference)
    return joiner.run(), joiner.found


def known_as(sketch: Sketch, name: str, reference: Reference) -> str | None:
    """Return the name that an atom of the sketch has in the reference; None if it lacks there.

    Other names of the atom will do, and so will capitals for small letters (``CL0``, ``Cl0``).
    """
    names = next((a.names for a in sketch.mapping.atoms if a.name == name), (name,))
    found = next((n for n in names if n in reference.elements), None)
    if found is not None:
        return found
    wanted = {n.upper() for n in names}
    return next((n for n in reference.elements if n.upper() in wanted), None)


class _Joiner:
    def __init__(self, sketch: Sketch, reference: Reference | None) -> None:
        self.sketch = sketch
        self.reference = reference
        self.found: list[Diagnostic] = []

    def run(self) -> Mapping | None:
        mapping: Mapping | None = self.sketch.mapping
        if self.reference is None and needs_reference(self.sketch):
            return self._without_bonds()
        if self.reference is not None:
            mapping = self._join(self.reference)
        if mapping is None:
            return None
        self._tell_marks(mapping)
        self._tell_unbonded(mapping)
        if self.sketch.has_rules:
            return mapping
        try:
            return derive_rules(mapping, self.reference.positions if self.reference else {})
        except TooManyAtomsError as error:
            message = f"{error}, and there is no letter left for '{error.atom}'"
            hint = "split the bead, or give the source bonds that reach its atoms"
            self._tell("M607", message, self.sketch.spans.get(error.atom), hint)
            return None

    def _without_bonds(self) -> Mapping | None:
        sketch = self.sketch
        hint = "give a structure file of the molecule with --structure"
        if sketch.tolerant:
            message = "no atom has a rule, and the bonds to derive rules from are not known"
            self._tell("W301", message, sketch.span, hint)
            return sketch.mapping
        message = f"the bonds of {sketch.mapping.name} are not known, so that no hierarchy can be "
        self._tell("M605", message + "derived", sketch.span, hint)
        return None

    def _tell(self, code: str, message: str, span: Span | None, help: str | None = None) -> None:
        self.found.append(Diagnostic(code, message, span, self.sketch.path, help))

    def _join(self, reference: Reference) -> Mapping | None:
        """Match the atoms by name, take chemistry over, give every atom a bead."""
        if not self._all_there(reference) and not self.sketch.tolerant:
            return None
        self._tell_unmapped(reference)
        own = {self._known_as(n): n for n in self._names()}
        bonds = tuple(b for bond in reference.bonds if (b := _renamed(bond, own)) is not None)
        mapping = self._with_loose(bonds)
        update: dict[str, object] = {}
        if not mapping.bonds or not self.sketch.tolerant:
            update["bonds"] = bonds
            update["charges"] = {own[n]: q for n, q in reference.charges.items() if n in own and q}
        if not mapping.stereo:
            update["stereo"] = tuple(
                s.model_copy(update={"atoms": tuple(own[n] for n in s.atoms)})
                for s in reference.stereo
                if all(n in own for n in s.atoms)
            )
        if reference.guessed and update.get("bonds"):
            message = f"bond orders and charges are guessed: {reference.guessed}"
            self._tell("W605", message, self.sketch.span, "look through 'bonds:' and 'charges:'")
        mapping = mapping.model_copy(update=update)
        mapped = {a.name for a in mapping.atoms}
        return mapping.model_copy(update=_within(mapping, mapped))

    def _all_there(self, reference: Reference) -> bool:
        """Tell heavy atoms that the reference lacks: a tolerant sketch can do without them."""
        code = "W606" if self.sketch.tolerant else "M606"
        lacking = [n for n in self._names() if self._must_be(n) and self._known_as(n) is None]
        known = {self._known_as(n) for n in self._names()}
        strangers = [n for n in reference.elements if n not in known]
        for name in lacking:
            message = f"atom '{name}' is not in {reference.residue} of {reference.source}"
            guess = nearest(name, [n for n in strangers if element_of(n) == element_of(name)])
            hint = f"did you mean {guess}?" if guess else f"it has {_some(reference.elements)}"
            self._tell(code, message, self.sketch.spans.get(name), hint)
        return not lacking

    def _names(self) -> Iterable[str]:
        return self.sketch.order

    def _known_as(self, name: str) -> str | None:
        """Return the name of an atom in the reference."""
        assert self.reference is not None
        return known_as(self.sketch, name, self.reference)

    def _must_be(self, name: str) -> bool:
        """Hydrogens may lack: structures often do without them."""
        return element_of(name) not in ("H", "D")

    def _tell_unmapped(self, reference: Reference) -> None:
        known = {self._known_as(n) for n in self._names()}
        heavy = [n for n, e in reference.elements.items() if e not in ("H", "D")]
        lacking = [n for n in heavy if n not in known]
        if lacking and self.sketch.mapping.at is None:
            verb = "lies in no bead and is" if len(lacking) == 1 else "lie in no bead and are"
            message = f"{_some(lacking)} of {reference.source} {verb} left out"
            hint = "give each a bead in the source, if they are to be rebuilt"
            self._tell("W604", message, self.sketch.span, hint)

    def _with_loose(self, bonds: tuple[Bond, ...]) -> Mapping:
        """Put atoms without a bead into those of the nearest atom that has some, with ``!``."""
        mapping, loose = self.sketch.mapping, self.sketch.loose
        if not loose:
            return mapping
        places = {a.name: a.placements for a in mapping.atoms}
        for name in loose:
            source = self._nearest_mapped(name, bonds, places)
            if source:
                places[name] = _uncounted(places[source])
        adopted = [n for n in loose if n in places]
        if adopted:
            verbs = "has no bead; it joins" if len(adopted) == 1 else "have no bead; they join"
            message = f"{_some(adopted)} {verbs} that of the nearest atom along the bonds, without "
            message += "counting towards its position"
            hint = "give each a bead in the source, if another is meant"
            self._tell("W604", message, self.sketch.spans.get(adopted[0]), hint)
        lost = [n for n in loose if n not in places]
        if lost:
            verb = "has" if len(lost) == 1 else "have"
            message = f"{_some(lost)} {verb} no bead and no bond to an atom with one: left out"
            hint = "give each a bead in the source"
            self._tell("W604", message, self.sketch.spans.get(lost[0]), hint)
        own = {a.name: a for a in mapping.atoms}
        atoms = tuple(
            own.get(n) or MappedAtom(names=(n,), element=element_of(n), placements=places[n])
            for n in self.sketch.order
            if n in places
        )
        return mapping.model_copy(update={"atoms": atoms})

    def _nearest_mapped(
        self, name: str, bonds: tuple[Bond, ...], places: dict[str, tuple[Placement, ...]]
    ) -> str | None:
        graph: dict[str, list[str]] = {}
        for bond in bonds:
            if bond.within:
                graph.setdefault(bond.a.name, []).append(bond.b.name)
                graph.setdefault(bond.b.name, []).append(bond.a.name)
        seen, todo = {name}, deque([name])
        mapped = {a.name for a in self.sketch.mapping.atoms}
        while todo:
            here = todo.popleft()
            if here in mapped:
                return here
            for other in graph.get(here, []):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return self._above(name, places) if not graph.get(name) else None

    def _above(self, name: str, places: dict[str, tuple[Placement, ...]]) -> str | None:
        """Return the heavy atom listed above a hydrogen that the reference lacks."""
        if self._must_be(name):
            return None
        above = self.sketch.order[: self.sketch.order.index(name)]
        return next((n for n in reversed(above) if n in places and self._must_be(n)), None)

    def _tell_unbonded(self, mapping: Mapping) -> None:
        """W404 for heavy atoms of a chain end whose bond to the residue the source lacks."""
        bonded = {ref.name for bond in mapping.bonds for ref in (bond.a, bond.b)}
        bare = [a.name for a in mapping.atoms if is_heavy(a) and a.name not in bonded]
        if mapping.at is not None and bare:
            message = f"no bond of {_some(bare)} to the residue is known"
            hint = f"write it into the result, e.g. 'bonds: C-{bare[0]}', and a rule to go with it"
            self._tell("W404", message, self.sketch.spans.get(bare[0]), hint)

    def _tell_marks(self, mapping: Mapping) -> None:
        """Say which lines that place atoms are not carried over."""
        labelled = {frozenset(s.atoms) for s in mapping.stereo}
        centres = {next(iter(s)) for s in labelled if len(s) == 1}
        lost: dict[str, list[Mark]] = {}
        for mark in self.sketch.marks:
            kept = mark.centre in centres if mark.kind == "chiral" else mark.axis in labelled
            if not kept or mark.kind == "out":
                lost.setdefault(mark.kind, []).append(mark)
        for kind, marks in lost.items():
            lines = "1 line" if len(marks) == 1 else f"{len(marks)} lines"
            message = f"{lines} of [ {kind} ] not carried over: atoms are placed by the hierarchy"
            hint = "look at the hierarchy of the result: herobm mapping show"
            if kind == "chiral":
                hint = "write a label below 'stereo:' of the result, if it is a stereocentre"
                message = f"{lines} of [ chiral ] not carried over: no stereocentre is known at "
                message += ", ".join(dict.fromkeys(m.centre or "?" for m in marks))
            self._tell("W601", message, marks[0].span, hint)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _uncounted(places: tuple[Placement, ...]) -> tuple[Placement, ...]:
    return tuple(p.model_copy(update={"counts": False, "center": False}) for p in places)


def _renamed(bond: Bond, own: dict[str | None, str]) -> Bond | None:
    """Return the bond in the names of the mapping; None if an atom of the residue lacks there."""
    ends = []
    for ref in (bond.a, bond.b):
        name = ref.name if ref.offset else own.get(ref.name)
        if name is None:
            return None
        ends.append(AtomRef(name=name, offset=ref.offset))
    return Bond(a=ends[0], b=ends[1], symbol=bond.symbol)


def _within(mapping: Mapping, mapped: set[str]) -> dict[str, object]:
    """Leave out bonds, charges and stereo of atoms that found no bead."""
    refs = [(b, [r.name for r in (b.a, b.b) if r.offset == 0]) for b in mapping.bonds]
    return {
        "bonds": tuple(b for b, names in refs if mapped.issuperset(names)),
        "charges": {n: q for n, q in mapping.charges.items() if n in mapped},
        "stereo": tuple(s for s in mapping.stereo if mapped.issuperset(s.atoms)),
    }
