"""Chemistry that one mapping lends to another of the same residue."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from herobm.dsl.convert.hierarchy import is_heavy
from herobm.dsl.convert.sketch import Reference, Sketch
from herobm.dsl.model import AtomRef, MappedAtom, Mapping


def find_lender(sketch: Sketch, mappings: Iterable[Mapping]) -> Mapping | None:
    """Return the mapping for the residue that has bonds and knows its heavy atoms.

    Of several the one that knows the most of its hydrogens, then the first.
    """
    names = set(sketch.mapping.molecules)
    heavy = {a.name for a in sketch.mapping.atoms if is_heavy(a)}
    best: tuple[int, Mapping | None] = (-1, None)
    for mapping in mappings:
        if mapping.at is None and mapping.bonds and names & set(mapping.molecules):
            known = {n for a in mapping.atoms for n in a.names}
            score = len(known & set(sketch.order))
            if heavy <= known and score > best[0]:
                best = (score, mapping)
    return best[1]


def lend(mapping: Mapping, names: Collection[str], source: str) -> Reference:
    """Give the bonds, charges and stereo of a mapping, in the names that the borrower uses.

    Parameters
    ----------
    mapping : Mapping
    names : Collection[str]
        Atoms of the borrower; where an atom has several names, the one among these is used.
    source : str
        What to call the mapping in messages.

    Returns
    -------
    Reference
        Without positions.
    """
    own = {a.name: _called(a, names) for a in mapping.atoms}
    bonds = tuple(
        bond.model_copy(update={"a": _ref(bond.a, own), "b": _ref(bond.b, own)})
        for bond in mapping.bonds
    )
    return Reference(
        source=source,
        residue=mapping.name,
        elements={own[a.name]: a.element for a in mapping.atoms},
        bonds=bonds,
        charges={own[n]: q for n, q in mapping.charges.items() if n in own},
        stereo=tuple(
            s.model_copy(update={"atoms": tuple(own.get(n, n) for n in s.atoms)})
            for s in mapping.stereo
        ),
    )


def _called(atom: MappedAtom, names: Collection[str]) -> str:
    return next((n for n in atom.names if n in names), atom.name)


def _ref(ref: AtomRef, own: dict[str, str]) -> AtomRef:
    return ref if ref.offset else AtomRef(name=own.get(ref.name, ref.name))
