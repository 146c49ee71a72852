"""Checked syntax -> `herobm.dsl.model.Mapping`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, cast

from herobm.dsl.arrange import Arranged, Place
from herobm.dsl.checks import PLACES
from herobm.dsl.model import (
    Angle,
    AtomRef,
    Bond,
    MappedAtom,
    Mapping,
    Placement,
    Rule,
    Stereo,
)
from herobm.dsl.model import Place as ChainPlace
from herobm.dsl.scene import Scene, lifted_beads
from herobm.dsl.syntax import File, Ref
from herobm.elements import element_among


def build_mapping(file: File, base: File | None = None) -> Mapping:
    """Make the model of a file in which `herobm.dsl.checks.check` finds no error.

    A bead with level 0 on a mean of several atoms (warning W201) has all its rules one level
    deeper in the model, so that level 1 hangs on the bead and what hung on level 0 follows.

    Parameters
    ----------
    file : File
    base : File, optional
        For a patch, the file of a residue that it is added to.
    """
    scene = Scene.of(file, base)
    lifted = frozenset() if scene.lone_patch else lifted_beads(scene)
    own = [a for a in scene.atoms if a.own]
    at, weights = file.header("at"), file.header("weights")
    return Mapping(
        molecules=file.molecules,
        at=cast(ChainPlace, PLACES[at.values[0].text]) if at else None,
        weights=cast(Literal["mass", "equal"], weights.values[0].text) if weights else "mass",
        atoms=tuple(_atom(a, lifted, _element(a, scene, file)) for a in own),
        beads=_beads(file, own),
        bonds=tuple(
            Bond(a=_ref(b.a), b=_ref(b.b), symbol=cast(Literal["-"], b.symbol)) for b in file.bonds
        ),
        charges={c.atom.text: int(c.value.text) for c in file.charges},
        stereo=tuple(
            Stereo(atoms=tuple(r.name for r in s.atoms), label=cast(Literal["R"], s.label.text))
            for s in file.stereo
        ),
        angles=tuple(
            Angle(
                atoms=(_ref(a.atoms[0]), _ref(a.atoms[1]), _ref(a.atoms[2])),
                degrees=float(a.degrees.text),
            )
            for a in file.angles
        ),
        source=file.path,
    )


def _element(atom: Arranged, scene: Scene, file: File) -> str:
    return element_among(atom.entry.names[0].text, file.molecules, len(scene.atoms))


def _atom(atom: Arranged, lifted: Collection[str], element: str) -> MappedAtom:
    names = tuple(dict.fromkeys(n.text for n in atom.entry.names))
    placements = tuple(_placement(p, lifted) for p in atom.places)
    return MappedAtom(names=names, element=element, placements=placements)


def _placement(place: Place, lifted: Collection[str]) -> Placement:
    rule = place.rule
    deeper = 1 if place.bead in lifted else 0
    return Placement(
        bead=place.bead,
        rule=None
        if rule is None
        else Rule(level=rule.level + deeper, anchor=rule.anchor, id=rule.id),
        counts=not place.excluded,
        center=place.center,
        weight=place.share,
    )


def _beads(file: File, own: list[Arranged]) -> dict[str, str]:
    """Beads with their types, in the order of `beads:`, then in that of the atoms."""
    used = {p.bead: "" for a in own for p in a.places}
    named = {e.bead.text: e.type.text for e in file.beads if e.bead.text in used}
    return named | {bead: "" for bead in used if bead not in named}


def _ref(ref: Ref) -> AtomRef:
    return AtomRef(name=ref.name, offset=ref.offset)
