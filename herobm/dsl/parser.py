"""Text of a mapping file -> `syntax.File`.

A fault ends its line, not the file: the line is left out of the syntax, a diagnostic goes into
`File.faults`, and reading goes on with the next line.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from lark import Lark

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.recovery import Reader
from herobm.dsl.syntax import File, Header, Section
from herobm.dsl.transform import ToSyntax

#: Endings of files in the YAML dialect of HEroBM and CGmap.
YAML_SUFFIXES = (".yaml", ".yml")
_MAX_LINE = 5000
# `CA: "BB P1A"`, as YAML may have it: the quotes hold the whole value, not a name
_QUOTED_VALUE = re.compile(
    r"^([ \t]*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s:#]+)[ \t]*:[ \t]*)([\"'])"
    r"(?=[^\"'\n]*[ \t,])([^\"'\n]*)\2(?=[ \t\r]*(?:[ \t]#[^\n]*)?$)",
    re.MULTILINE,
)


@cache
def grammar() -> Lark:
    """Build the parser, once a process."""
    text = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        lexer="contextual",
        transformer=ToSyntax(),
        maybe_placeholders=False,
    )


def without_value_quotes(text: str) -> str:
    """Blank out quotes around whole values; nothing else moves."""
    return _QUOTED_VALUE.sub(r"\1 \3 ", text) if '"' in text or "'" in text else text


def parse(text: str, path: str = "<text>") -> File:
    """Read a mapping.

    Parameters
    ----------
    text : str
        A ``.map`` file, or HEroBM's YAML.
    path : str
        For messages.

    Returns
    -------
    File
        What could be read; `File.faults` tells of the rest. Never raises for bad text.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _MAX_LINE:
            message = f"cannot be read: line {number} has {len(line)} characters, more than any "
            message += "mapping"
            help = "name a mapping file, or break the line"
            return File(path, text, faults=(Diagnostic("M105", message, None, path, help),))
    blanked = without_value_quotes(text)
    reader = Reader(grammar(), blanked if blanked.endswith("\n") else blanked + "\n", path)
    items = reader.read()
    strays = [replace(i, path=path) for i in items if isinstance(i, Diagnostic)]
    return File(
        path=path,
        text=text,
        headers=tuple(i for i in items if isinstance(i, Header)),
        sections=tuple(i for i in items if isinstance(i, Section)),
        faults=(*reader.faults, *strays),
    )
