"""`model.Mapping` -> text of our own language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from herobm.dsl.model import AtomRef, MappedAtom, Mapping, Placement
from herobm.dsl.printer import format

_NAME = re.compile(r"[^\s,:#\"'][^\s,:#\"]*")
_REF = re.compile(r"[^\s,:=#$+\-\"'][^\s,:=#$+\-\"]*")
_NOT_A_BEAD = re.compile(r"P[0-9].*|[0-9./]+|!|CM")
_WIDTH = 96
_PLACES = {"start": "chain-start", "end": "chain-end"}
_INDENT = "  "


def write_map(mapping: Mapping, comments: Sequence[str] = ()) -> str:
    """Write a mapping.

    Parameters
    ----------
    mapping : Mapping
    comments : Sequence[str]
        Lines for its head, without ``#``.

    Returns
    -------
    str
        Text that parses to the same mapping.
    """
    out = [f"# {line}".rstrip() for line in comments]
    out.append(f"molecule: {', '.join(map(_name, mapping.molecules))}")
    if mapping.at:
        out.append(f"at: {_PLACES[mapping.at]}")
    if mapping.weights != "mass":
        out.append(f"weights: {mapping.weights}")
    out += ["", "atoms:", *map(_atom_line, mapping.atoms)]
    types = {bead: kind for bead, kind in mapping.beads.items() if kind}
    if types:
        out += ["", "beads:", *(f"{_INDENT}{_name(b)}: {_name(t)}" for b, t in types.items())]
    bonds = [f"{_ref(b.a)}{b.symbol}{_ref(b.b)}" for b in mapping.bonds]
    charges = [f"{_name(n)}: {q:+d}" for n, q in mapping.charges.items()]
    stereo = ["=".join(_ref_name(n) for n in s.atoms) + f": {s.label}" for s in mapping.stereo]
    angles = [f"{'-'.join(_ref(r) for r in a.atoms)}: {_number(a.degrees)}" for a in mapping.angles]
    for title, entries in (
        ("bonds", _filled(bonds)),
        ("charges", charges),
        ("stereo", stereo),
        ("angles", angles),
    ):
        if entries:
            out += ["", f"{title}:", *(_INDENT + e for e in entries)]
    return format("\n".join(out) + "\n")


def as_written(mapping: Mapping, source: str) -> Mapping:
    """Return what a written mapping reads as: beads and their order are those of the text.

    Parameters
    ----------
    mapping : Mapping
    source : str
        Path of the text.
    """
    atoms = tuple(
        a.model_copy(update={"placements": tuple(sorted(a.placements, key=_by_gaps(a.placements)))})
        for a in mapping.atoms
    )
    named = {b: t for b, t in mapping.beads.items() if t}
    used = {p.bead: "" for a in atoms for p in a.placements}
    beads = named | {b: "" for b in used if b not in named}
    return mapping.model_copy(update={"atoms": atoms, "beads": beads, "source": source})


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _name(text: str) -> str:
    return text if _NAME.fullmatch(text) else _quoted(text)


def _bead(text: str) -> str:
    return _quoted(text) if _NOT_A_BEAD.fullmatch(text) else _name(text)


def _ref_name(text: str) -> str:
    return text if _REF.fullmatch(text) else _quoted(text)


def _number(value: float) -> str:
    """Return the shortest number that reads as the same one; the language has no exponents."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return text if float(text) == value else f"{value:g}"


def _ref(ref: AtomRef) -> str:
    return {-1: "-", 0: "", 1: "+"}[ref.offset] + _ref_name(ref.name)


def _atom_line(atom: MappedAtom) -> str:
    """Write names, beads, rules, shares and flags; `format` lines them up."""
    places = sorted(atom.placements, key=_by_gaps(atom.placements))
    columns = [_rules(places), _weights(places)]
    gapped = columns[0].endswith(",")
    flags = [
        flag([p.center for p in places], "CM"),
        flag([not p.counts for p in places], "!"),
    ]
    cells = [
        ", ".join(map(_name, atom.names)) + ":",
        ", ".join(_bead(p.bead) for p in places),
        "" if gapped else columns[0],
        columns[1],
        *flags,
        columns[0] if gapped else "",
    ]
    return _INDENT + "  ".join(cell for cell in cells if cell)


def _by_gaps(places: Sequence[Placement]) -> Callable[[Placement], tuple[bool, ...]]:
    """Sort what only some beads have to the front: a column may end, not begin, with gaps."""
    some_rules = 0 < sum(p.rule is not None for p in places) < len(places)
    some_centers = 0 < sum(p.center for p in places) < len(places)
    some_idle = 0 < sum(not p.counts for p in places) < len(places)
    return lambda p: (
        some_rules and p.rule is None,
        some_centers and not p.center,
        some_idle and p.counts,
    )


def _rules(places: Sequence[Placement]) -> str:
    if not any(p.rule for p in places):
        return ""
    if not all(p.rule for p in places):
        return ",".join(str(p.rule or "") for p in places)
    return ", ".join(str(p.rule) for p in places)


def _weights(places: Sequence[Placement]) -> str:
    """Write the shares where they are not equal."""
    if all(p.weight == Fraction(1, len(places)) for p in places):
        return ""
    return ", ".join(str(p.weight) for p in places)


def flag(given: Sequence[bool], sign: str) -> str:
    """Write a flag: once for all beads, or at the place of each it is for."""
    if all(given):
        return sign
    if not any(given):
        return ""
    return ",".join(sign if g else "" for g in given)


def _filled(entries: Iterable[str]) -> list[str]:
    """Put entries on lines, as many as fit."""
    lines: list[str] = []
    for entry in entries:
        if lines and len(lines[-1]) + len(entry) + 2 <= _WIDTH:
            lines[-1] += f", {entry}"
        else:
            lines.append(entry)
    return lines
