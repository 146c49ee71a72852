"""What a check looks at: the atoms of a file, and for a patch those of the residue under it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from herobm.dsl.arrange import Arranged, Place, arrange, leading_beads
from herobm.dsl.syntax import File, Name, Span

_WORD = re.compile(r"[^\s,:\"']+")


@dataclass(frozen=True)
class Scene:
    """A file and, for a patch, the file of the residue that it is added to.

    Attributes
    ----------
    file : the file that is checked; only its own faults are told.
    base : for a patch, a residue it is added to; None if that is not known.
    atoms : lines of base and file, in this order.
    """

    file: File
    base: File | None
    atoms: tuple[Arranged, ...]

    @classmethod
    def of(cls, file: File, base: File | None = None) -> Scene:
        """Arrange the atoms of both files."""
        entries = [(e, False) for e in (base.atoms if base else ())]
        entries += [(e, True) for e in file.atoms]
        known = leading_beads(e for e, _ in entries)
        known |= {e.bead.text for f in (base, file) if f for e in f.beads}
        return cls(file, base, tuple(arrange(e, known, own) for e, own in entries))

    @property
    def lone_patch(self) -> bool:
        """Whether the atoms it refers to may lie in a file that is not at hand."""
        return self.file.is_patch and self.base is None

    def where(self, atom: Arranged, span: Span) -> str:
        """Say where something in the line of `atom` lies, with the path if it is the base's."""
        return str(span) if atom.own or self.base is None else f"{self.base.path}:{span}"

    @cached_property
    def blind(self) -> bool:
        """Whether whole sections are missing, so that nothing can be called absent."""
        faults = self.file.faults + (self.base.faults if self.base else ())
        return any(d.span is None or d.code != "M101" for d in faults)

    @cached_property
    def lost(self) -> frozenset[str]:
        """The words of lines that could not be read: what they name may well be there."""
        words: set[str] = set()
        for file in filter(None, (self.file, self.base)):
            lines = file.text.split("\n")
            own = [a for a in self.atoms if a.own is (file is self.file)]
            faults = [*file.faults, *(d for a in own for d in a.faults if d.code == "M104")]
            for span in (d.span for d in faults if d.span is not None):
                words.update(_WORD.findall(lines[span.line - 1]))
        return frozenset(words)

    def may_have(self, level: int, id: str = "") -> bool:
        """Whether a rule of that level (and id) may stand in a line that could not be read."""
        rule = re.compile(rf"{level}.*{id}", re.IGNORECASE)
        return any(rule.search(word) for word in self.lost)

    @cached_property
    def unsure(self) -> frozenset[str]:
        """Beads some of whose rules could not be read."""
        return frozenset(b for a in self.atoms for b in a.unsure)

    @cached_property
    def beads(self) -> dict[str, list[tuple[Arranged, Place]]]:
        """Bead -> atoms that lie in it."""
        out: dict[str, list[tuple[Arranged, Place]]] = {}
        for atom in self.atoms:
            for place in atom.places:
                out.setdefault(place.bead, []).append((atom, place))
        return out

    @cached_property
    def repeated(self) -> frozenset[int]:
        """The `id` of each line whose atom is mapped by an earlier line."""
        return frozenset(id(self.atoms[i]) for i, _, _ in repeats(self.atoms))


def repeats(atoms: tuple[Arranged, ...]) -> Iterator[tuple[int, Name, Name]]:
    """Find names that occur twice in one column of aliases.

    Column 0 holds the first name of each atom, column 1 the second where there is one, else the
    first, and so on.

    Yields
    ------
    tuple[int, Name, Name]
        Index of the later atom, its name, and the name of the earlier one; once an atom.
    """
    told: set[int] = set()
    names = [atom.entry.names for atom in atoms]
    firsts: dict[str, int] = {}
    for i, own in enumerate(names):
        earlier = firsts.setdefault(own[0].text, i)
        if earlier != i:
            told.add(i)
            yield i, own[0], names[earlier][0]
    for column in range(1, max((len(n) for n in names), default=0)):
        seen: dict[str, int] = {}
        for i in (i for i, n in enumerate(names) if len(n) > column):
            name = names[i][column]
            other = seen.setdefault(name.text, i)
            first = firsts.get(name.text, i)
            if other == i and len(names[first]) <= column:
                other = first
            if other != i and max(i, other) not in told:
                told.add(max(i, other))
                pair = {i: name}
                pair[other] = (
                    names[other][column] if len(names[other]) > column else names[other][0]
                )
                yield max(i, other), pair[max(i, other)], pair[min(i, other)]


def lifted_beads(scene: Scene) -> frozenset[str]:
    """Return beads whose level 0 cannot sit on them: no ``CM``, and not one atom that counts."""
    return frozenset(
        bead
        for bead, members in scene.beads.items()
        if any(p.rule is not None and p.rule.level == 0 for _, p in members)
        and not any(p.center for _, p in members)
        and sum(p.counts for _, p in members) != 1
    )
