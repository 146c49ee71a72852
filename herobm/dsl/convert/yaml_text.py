"""`model.Mapping` -> the YAML of HEroBM and CGmap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.model import MappedAtom, Mapping, Placement

_PLAIN = re.compile(r"[A-Za-z][\w*'+-]*(,[\w*'+-]+)*")
#: What YAML reads as true, false or nothing.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_DIGITS = 6  # of a share that has no fraction of one-digit numbers


def write_yaml(mapping: Mapping, comments: Sequence[str] = ()) -> str:
    """Write a mapping in the dialect of HEroBM and CGmap.

    Their files hold atoms, beads, rules, shares and flags only; see `lost_in_yaml`.

    Parameters
    ----------
    mapping : Mapping
    comments : Sequence[str]
        Lines for its head, without ``#``.

    Returns
    -------
    str
        One document for the first of its residue names.
    """
    out = [f"# {line}".rstrip() for line in comments]
    out += [f"molecule: {_scalar(mapping.name)}", "", "atoms:"]
    out += [_atom(atom) for atom in mapping.atoms]
    return "\n".join(out) + "\n"


def lost_in_yaml(mapping: Mapping, path: str) -> list[Diagnostic]:
    """Tell what the YAML dialect has no words for.

    Returns
    -------
    list[Diagnostic]
        M607 for a patch, W601 for the rest.
    """
    if mapping.at is not None:
        message = "atoms that are added at a chain end cannot be expressed in CGmap YAML"
        hint = "write a mapping for the residue as a whole"
        return [Diagnostic("M607", message, None, path, hint)]
    lost = []
    if len(mapping.molecules) > 1:
        lost.append(f"residue names {', '.join(mapping.molecules[1:])}")
    if mapping.weights == "equal":
        lost.append("'weights: equal'")
    if any(mapping.beads.values()):
        lost.append("bead types")
    lost += [s for s in ("bonds", "charges", "stereo", "angles") if getattr(mapping, s)]
    if not lost:
        return []
    message = f"CGmap YAML has no place for {', '.join(lost)}"
    return [Diagnostic("W601", message, None, path, "keep the .map file for these")]


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'


def _atom(atom: MappedAtom) -> str:
    places = atom.placements
    columns = [
        ",".join(p.bead for p in places),
        ",".join(str(p.rule) if p.rule else "" for p in places) if atom.rebuilt else "",
        _weights(places),
        _flags(places),
    ]
    key = _scalar(",".join(atom.names))
    return f"  {key}: {' '.join(c for c in columns if c)}"


def _flags(places: Sequence[Placement]) -> str:
    """Write a flag at the place of each bead it is for: there one does not hold for all."""
    signs = ["CM" if p.center else "" if p.counts else "!" for p in places]
    return ",".join(signs) if any(signs) else ""


def _weights(places: Sequence[Placement]) -> str:
    """Write the shares where they are not equal; the readers there know one digit a side."""
    if all(p.weight == Fraction(1, len(places)) for p in places):
        return ""
    shares = [p.weight for p in places]
    if all(s.numerator < 10 and s.denominator < 10 for s in shares):
        return ",".join(f"{s.numerator}/{s.denominator}" for s in shares)
    unit = 10**_DIGITS
    parts = [round(s * unit) for s in shares]
    parts[-1] = unit - sum(parts[:-1])
    return ",".join(f"{p / unit:.{_DIGITS}f}" for p in parts)
