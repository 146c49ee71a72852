"""Whether beads, bonds, charges, stereo and angles speak of atoms that are there.

Valence, connectedness and the like need a molecule graph and are not for this module.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import AngleEntry, File, Ref, Span, StereoEntry

_CHARGE = re.compile(r"[+-]?[0-9]{1,2}")
_DEGREES = re.compile(r"[0-9]{1,3}(\.[0-9]{0,9})?")


@dataclass(frozen=True)
class _Names:
    """Names of the atoms at hand; `open` where others may exist in a file not at hand.

    Those of `lost` stand in lines that could not be read.
    """

    first: dict[str, Span]
    others: dict[str, str]
    open: bool
    lost: Collection[str]

    def missing(self, name: str, span: Span, subject: str) -> Iterator[Diagnostic]:
        """M401 for an atom that is not there."""
        if self.open or name in self.first or name in self.lost:
            return
        message = f"{subject} '{name}', an atom that is not there"
        if name in self.others:
            hint: str | None = f"write {self.others[name]}, the first of its names"
        else:
            guess = nearest(name, self.first)
            hint = (
                f"did you mean {guess}?" if guess else "name an atom of 'atoms:', or add it there"
            )
        yield Diagnostic("M401", message, span, help=hint)


def check_chemistry(
    file: File,
    base: File | None,
    beads: Collection[str],
    partial: bool,
    lost: Collection[str] = (),
) -> Iterator[Diagnostic]:
    """M305, M401, M202, W401: entries of the sections other than ``atoms:``.

    Parameters
    ----------
    file, base : File
        See `herobm.dsl.scene.Scene`.
    beads : Collection[str]
        Names of the beads in ``atoms:``.
    partial : bool
        Whether atoms may exist that are not at hand.
    lost : Collection[str]
        Words of lines that could not be read: atoms and beads that may be there.
    """
    entries = [*(base.atoms if base else ()), *file.atoms]
    first = {e.name: e.names[0].span for e in entries}
    others = {n.text: e.name for e in entries for n in e.names[1:]}
    names = _Names(first, others, partial, lost)
    yield from _check_beads(file, beads, partial, lost)
    yield from _check_bonds(file, names)
    yield from _check_charges(file, names)
    for centre in file.stereo:
        yield from _check_centre(centre, names)
    for angle in file.angles:
        yield from _check_angle(angle, names)


def _check_beads(
    file: File, beads: Collection[str], partial: bool, lost: Collection[str]
) -> Iterator[Diagnostic]:
    seen: dict[str, Span] = {}
    for entry in file.beads:
        bead, span = entry.bead.text, entry.bead.span
        if bead in seen:
            message = f"bead '{bead}' has a type already, at {seen[bead]}"
            yield Diagnostic("M302", message, span, help="leave one of the two out")
        seen.setdefault(bead, span)
        if not partial and bead not in beads and bead not in lost:
            untyped = set(beads).difference(e.bead.text for e in file.beads)
            guess = nearest(bead, untyped) or nearest(bead, beads)
            hint = f"did you mean {guess}?" if guess else "leave it out, or put atoms into it"
            yield Diagnostic("M305", f"bead '{bead}' has no atom", span, help=hint)


def _check_bonds(file: File, names: _Names) -> Iterator[Diagnostic]:
    seen: dict[frozenset[str], Span] = {}
    symbol: dict[frozenset[str], str] = {}
    for bond in file.bonds:
        for ref in (bond.a, bond.b):
            if ref.offset == 0:
                yield from names.missing(ref.name, ref.span, "bond to")
        pair = frozenset((str(bond.a), str(bond.b)))
        if len(pair) == 1:
            help = "write the other atom, or leave the bond out"
            yield Diagnostic("M401", f"bond of '{bond.a}' to itself", bond.span, help=help)
        elif bond.a.offset and bond.b.offset:
            message = f"bond {bond.a}{bond.symbol}{bond.b} does not reach this residue"
            help = "take the sign off the atom that is in this residue"
            yield Diagnostic("M401", message, bond.span, help=help)
        elif pair in seen and symbol[pair] != bond.symbol:
            message = (
                f"bond {bond.a}{bond.symbol}{bond.b} is given already, with another order, at "
                f"{seen[pair]}"
            )
            yield Diagnostic("M302", message, bond.span, help="leave the wrong one out")
        elif pair in seen:
            message = f"bond {bond.a}{bond.symbol}{bond.b} is given already, at {seen[pair]}"
            yield Diagnostic("W401", message, bond.span, help="leave one out")
        seen.setdefault(pair, bond.span)
        symbol.setdefault(pair, bond.symbol)


def _check_charges(file: File, names: _Names) -> Iterator[Diagnostic]:
    seen: dict[str, Span] = {}
    for entry in file.charges:
        atom = entry.atom
        yield from names.missing(atom.text, atom.span, "charge of")
        if atom.text in seen:
            message = f"'{atom.text}' has a charge already, at {seen[atom.text]}"
            yield Diagnostic("M302", message, atom.span, help="leave one of the two out")
        seen.setdefault(atom.text, atom.span)
        if not _CHARGE.fullmatch(entry.value.text):
            message = f"'{entry.value.text}' is not a charge"
            yield Diagnostic("M202", message, entry.value.span, help="write +1 or -1")


def _local(ref: Ref, names: _Names, subject: str) -> Iterator[Diagnostic]:
    if ref.offset:
        message = f"{subject} '{ref}', an atom of another residue"
        help = f"write it in the mapping of that residue, or name the atom of this one: {ref.name}"
        yield Diagnostic("M401", message, ref.span, help=help)
    else:
        yield from names.missing(ref.name, ref.span, subject)


def _check_centre(entry: StereoEntry, names: _Names) -> Iterator[Diagnostic]:
    for ref in entry.atoms:
        yield from _local(ref, names, "stereo label of")
    labels = ("R", "S") if len(entry.atoms) == 1 else ("E", "Z")
    if entry.label.text not in labels:
        what = "an atom" if len(entry.atoms) == 1 else "a double bond"
        message = f"'{entry.label.text}' is not a stereo label of {what}"
        yield Diagnostic("M202", message, entry.label.span, help=f"write {' or '.join(labels)}")


def _check_angle(entry: AngleEntry, names: _Names) -> Iterator[Diagnostic]:
    for ref in entry.atoms:
        if ref.offset == 0:
            yield from names.missing(ref.name, ref.span, "angle at")
    text = entry.degrees.text
    if not _DEGREES.fullmatch(text) or not 0 < float(text) <= 180:
        message = f"'{text}' is not an angle"
        yield Diagnostic("M202", message, entry.degrees.span, help="write degrees, e.g. 120.0")
