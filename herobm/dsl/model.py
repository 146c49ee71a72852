"""What a mapping file says, once it is parsed and checked: frozen pydantic models.

This module imports neither the grammar nor numpy, so that a training machine can read the
mapping that travels with a dataset.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Place = Literal["start", "end"]
K = TypeVar("K")
V = TypeVar("V")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FrozenDict(dict[K, V]):
    """A dict that cannot be changed, and that is another one in another order."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a mapping is frozen: make a changed copy of it, model_copy(update=...)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self, other) is True and list(self) == list(other)  # type: ignore[call-overload]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self),)


class Rule(_Frozen):
    """How an atom is rebuilt: ``P<level><anchor><id>``.

    `anchor` is the id, at ``level - 1`` of the same bead, of the atom that this one hangs on;
    None stands for the position of the bead itself.
    """

    level: int = Field(ge=0)
    anchor: str | None
    id: str

    def __str__(self) -> str:
        return f"P{self.level}{self.anchor or ''}{self.id}"


class Placement(_Frozen):
    """One bead that an atom belongs to.

    Attributes
    ----------
    bead : name of the bead.
    rule : how the bead rebuilds the atom; None if it does not.
    counts : whether the atom counts towards the position of the bead (False for ``!``).
    center : whether the bead sits on this atom (``CM``).
    weight : share of the atom that belongs to the bead; the shares of an atom add up to 1.
    """

    bead: str
    rule: Rule | None = None
    counts: bool = True
    center: bool = False
    weight: Fraction = Fraction(1)


class MappedAtom(_Frozen):
    """An atom with its alternative names (``names[0]`` is the one written) and its beads."""

    names: tuple[str, ...] = Field(min_length=1)
    element: str
    placements: tuple[Placement, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        """The name that is written."""
        return self.names[0]

    @property
    def rebuilt(self) -> bool:
        """Whether the model places this atom."""
        return any(p.rule is not None for p in self.placements)


class AtomRef(_Frozen):
    """An atom of this residue (`offset` 0), of the next (+1) or of the previous (-1)."""

    name: str
    offset: Literal[-1, 0, 1] = 0

    def __str__(self) -> str:
        return {-1: "-", 0: "", 1: "+"}[self.offset] + self.name


class Bond(_Frozen):
    """A covalent bond with its SMILES symbol (``- = # : $``)."""

    a: AtomRef
    b: AtomRef
    symbol: Literal["-", "=", "#", ":", "$"] = "-"

    @property
    def within(self) -> bool:
        """Whether both atoms are of this residue."""
        return self.a.offset == self.b.offset == 0


class Stereo(_Frozen):
    """A CIP label: R or S of one atom, E or Z of a double bond between two."""

    atoms: tuple[str, ...] = Field(min_length=1, max_length=2)
    label: Literal["R", "S", "E", "Z"]


class Angle(_Frozen):
    """An angle in degrees at the middle atom, listed where the bonds imply another."""

    atoms: tuple[AtomRef, AtomRef, AtomRef]
    degrees: float


class Mapping(_Frozen):
    """One mapping file: the atoms of a molecule or residue, their beads and their chemistry.

    Attributes
    ----------
    molecules : residue names it applies to.
    at : None for a whole residue; ``start`` or ``end`` for a file whose atoms are added to those
        residues where they begin or end a chain (``at: chain-end``).
    weights : what an atom counts for in its bead.
    atoms : in the order in which they are written.
    beads : bead name -> type name in the coarse-grained force field ("" if not given).
    source : path of the file, for messages; not part of its meaning.
    """

    molecules: tuple[str, ...] = Field(min_length=1)
    at: Place | None = None
    weights: Literal["mass", "equal"] = "mass"
    atoms: tuple[MappedAtom, ...]
    beads: Annotated[dict[str, str], AfterValidator(FrozenDict)]
    bonds: tuple[Bond, ...] = ()
    charges: Annotated[dict[str, int], AfterValidator(FrozenDict)] = FrozenDict()
    stereo: tuple[Stereo, ...] = ()
    angles: tuple[Angle, ...] = ()
    source: str = Field(default="", exclude=True)

    @property
    def name(self) -> str:
        """The first of the residue names."""
        return self.molecules[0]

    def rebuilding(self) -> str:
        """Text that is equal for two mappings that rebuild the same atoms in the same way.

        Beads, atom names, rules, shares, what counts, and order enter; aliases, hydrogens that
        only count, bonds and charges do not. Weights of a network depend on nothing else.
        """

        def row(p: Placement) -> list[str | bool]:
            return [p.bead, str(p.rule), str(p.weight), p.center, *([] if p.counts else ["!"])]

        rows = [[a.name, [row(p) for p in a.placements]] for a in self.atoms if a.rebuilt]
        return json.dumps([self.at, self.weights, list(self.beads), rows])


class MappingSet(_Frozen):
    """The mappings that belong to one coarse-grained representation.

    Where two mappings claim a residue name, the later one wins.
    """

    name: str
    mappings: tuple[Mapping, ...]
    description: str = ""

    def __iter__(self) -> Iterator[Mapping]:  # type: ignore[override]
        return iter(self.mappings)

    def digest(self) -> str:
        """SHA-256 over what the mappings rebuild (see `Mapping.rebuilding`), 64 hex digits."""
        parts = sorted({m.rebuilding() + "|" + ",".join(m.molecules[:1]) for m in self.mappings})
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
