"""Our own mapping language, and the YAML of HEroBM and CGmap, which has the same atom lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from herobm.dsl.build import build_mapping
from herobm.dsl.checks import check
from herobm.dsl.convert.sketch import Reading, Sketch
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.parser import parse
from herobm.dsl.syntax import Span

_YAML = (".yaml", ".yml")
_TYPE_LINE = re.compile(r"^[\w+*'-]+_[\w+*'-]+[ \t]*:[ \t]*\d+[ \t\r]*$")


def _said(text: str) -> list[tuple[int, str]]:
    """Return the lines that are neither blank nor comments, with their numbers."""
    lines = enumerate(text.split("\n"), 1)
    return [(n, line) for n, line in lines if line.strip() and not line.lstrip().startswith("#")]


def is_type_list(text: str) -> bool:
    """Whether it is a list of bead types (``PHE_BB: 13``), as lies beside HEroBM's mappings."""
    lines = _said(text)
    return bool(lines) and all(_TYPE_LINE.match(line) for _, line in lines)


def looks_like_map(path: Path, text: str) -> bool:
    """Whether it is in our own language."""
    lines = _said(text)
    return bool(lines) and path.suffix not in _YAML and _begins(lines)


def looks_like_yaml(path: Path, text: str) -> bool:
    """Whether it is HEroBM's or CGmap's YAML, or one of their lists of bead types."""
    lines = _said(text)
    return bool(lines) and (is_type_list(text) or (path.suffix in _YAML and _begins(lines)))


def _begins(lines: list[tuple[int, str]]) -> bool:
    return any(re.match(r"(molecule|atoms)[ \t]*:", line) for _, line in lines[:3])


def read(text: str, path: str, molecules: Sequence[str] = ()) -> Reading:
    """Read a mapping whose atom lines are ours.

    Parameters
    ----------
    text : str
    path : str
        For messages.
    molecules : Sequence[str]
        Residue names that replace those of the file.

    Returns
    -------
    Reading
    """
    if is_type_list(text):
        number, line = _said(text)[0]
        message = "this is a list of bead types (RESIDUE_BEAD: number), not a mapping"
        span = Span(number, 1, number, len(line.rstrip()) + 1)
        hint = "convert the files beside it that begin with 'molecule:'; types are not needed"
        return Reading((), (Diagnostic("M601", message, span, path, hint),))
    file = parse(text, path)
    found = check(file)
    if any(d.is_error for d in found):
        return Reading((), tuple(found))
    mapping = build_mapping(file)
    if molecules:
        mapping = mapping.model_copy(update={"molecules": tuple(molecules)})
    spans = {entry.name: entry.names[0].span for entry in file.atoms}
    header = file.header("molecule")
    sketch = Sketch(
        path=path,
        mapping=mapping,
        has_rules=mapping.at is not None or any(a.rebuilt for a in mapping.atoms),
        tolerant=True,
        order=tuple(a.name for a in mapping.atoms),
        spans=spans,
        span=header.keyword.span if header else None,
        title=mapping.name,
    )
    told = found if sketch.has_rules else [d for d in found if d.code != "W301"]
    return Reading((sketch,), tuple(told))
