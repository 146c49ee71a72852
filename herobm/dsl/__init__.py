"""The mapping language: text -> syntax with positions -> checks -> `Mapping`.

::

    parser.parse     text -> syntax.File (what can be read, and the faults of what cannot)
    checks.check     syntax.File -> list[Diagnostic]
    build.build_mapping  checked syntax -> model.Mapping
    load             files -> Mapping, MappingSet; raises DslError with every fault in it

    printer.format   text or syntax.File -> text, laid out
    codes.CODES      every code that a diagnostic may bear -> its title and severity

What a program needs, as a rule::

    from herobm.dsl import check, format, load_set, parse, render

    file = parse(text, "phe.map")          # never raises for bad text
    for d in check(file):                  # errors first, then warnings
        print(d.code, d.span, d.message, d.help)
    print(render(check(file), {file.path: file.text}))
    text = format(file)                    # DslSyntaxError if a line cannot be read
    martini = load_set(paths, "martini3")  # DslError with every error of all files

Every value is frozen. `parse` gives dataclasses with positions: a `File` holds a tuple of
`Header` and one of `Section`, a section its entries (`AtomEntry`, `BeadEntry`, `BondEntry`,
`ChargeEntry`, `StereoEntry`, `AngleEntry`), and each word is a `Name`, `Cell` or `Ref` with its
`Span`. `load_set` gives pydantic models without positions: a `MappingSet` holds a tuple of
`Mapping`, one for each file, a mapping its atoms (`MappedAtom` with a `Placement` for each bead,
which holds a `Rule` or None), bonds, stereo and angles as tuples.

Names are resolved when they are first used: `herobm.dsl.model` is importable without the
grammar.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herobm.dsl.build import build_mapping
    from herobm.dsl.checks import check
    from herobm.dsl.codes import CODES, Severity
    from herobm.dsl.diagnostics import Diagnostic, render, to_github, to_json
    from herobm.dsl.load import (
        build_set,
        check_files,
        load_mapping,
        load_set,
        mapping_files,
        read_file,
    )
    from herobm.dsl.model import Mapping, MappingSet
    from herobm.dsl.parser import parse
    from herobm.dsl.printer import format
    from herobm.dsl.syntax import File, Span

_HOMES = {
    "build_mapping": "build",
    "check": "checks",
    "Diagnostic": "diagnostics",
    "CODES": "codes",
    "Severity": "codes",
    "render": "diagnostics",
    "to_github": "diagnostics",
    "to_json": "diagnostics",
    "build_set": "load",
    "check_files": "load",
    "load_mapping": "load",
    "load_set": "load",
    "mapping_files": "load",
    "read_file": "load",
    "Mapping": "model",
    "MappingSet": "model",
    "parse": "parser",
    "format": "printer",
    "File": "syntax",
    "Span": "syntax",
}

__all__ = [
    "CODES",
    "Diagnostic",
    "File",
    "Mapping",
    "MappingSet",
    "Severity",
    "Span",
    "build_mapping",
    "build_set",
    "check",
    "check_files",
    "format",
    "load_mapping",
    "load_set",
    "mapping_files",
    "parse",
    "read_file",
    "render",
    "to_github",
    "to_json",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
