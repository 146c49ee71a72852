"""One fault of a mapping file, and how it is shown to people and to programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from herobm.dsl.codes import CODES, Severity
from herobm.dsl.syntax import Span

_WIDTH = 120  # of a source line that is shown


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A fault, where it lies and what helps.

    Attributes
    ----------
    code : ``M...`` for an error, ``W...`` for a warning; see `herobm.dsl.codes`.
    message : one sentence, no full stop.
    span : None where the file as a whole is meant (it cannot be read).
    path : of the file, for messages.
    help : what to write instead.
    note : what else is worth knowing.
    """

    code: str
    message: str
    span: Span | None
    path: str = ""
    help: str | None = None
    note: str | None = None

    @property
    def severity(self) -> Severity:
        """``error`` or ``warning``, as `herobm.dsl.codes` says."""
        return CODES[self.code].severity

    @property
    def is_error(self) -> bool:
        """Whether it keeps the mapping from being used."""
        return self.severity == "error"


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort by severity, then by place; drop repeats."""

    def key(d: Diagnostic) -> tuple[bool, int, int, str]:
        line, column = (0, 0) if d.span is None else (d.span.line, d.span.column)
        return (not d.is_error, line, column, d.code)

    return sorted(dict.fromkeys(diagnostics), key=key)


def render(
    diagnostics: Iterable[Diagnostic], texts: Mapping[str, str], strict: bool = False
) -> str:
    """Write diagnostics for people.

    Parameters
    ----------
    diagnostics : Iterable[Diagnostic]
    texts : Mapping[str, str]
        Path -> text of the file, for the source lines; a file may lack.
    strict : bool
        Call warnings errors.

    Returns
    -------
    str
        For each ``path:line:column: error[CODE]: sentence``, the source line, carets, help.
    """
    lines = {path: text.split("\n") for path, text in texts.items()}
    return "\n".join(_render_one(d, lines.get(d.path, []), strict) for d in diagnostics)


def _severity(diagnostic: Diagnostic, strict: bool) -> Severity:
    return "error" if strict else diagnostic.severity


def _render_one(diagnostic: Diagnostic, lines: list[str], strict: bool) -> str:
    span = diagnostic.span
    place = diagnostic.path if span is None else f"{diagnostic.path}:{span}"
    out = [f"{place}: {_severity(diagnostic, strict)}[{diagnostic.code}]: {diagnostic.message}"]
    if span is not None and span.line <= len(lines):
        out += _excerpt(lines[span.line - 1].rstrip("\r"), span)
    for label, text in (("note", diagnostic.note), ("help", diagnostic.help)):
        if text is not None:
            out.append(f"  {label}: {text}")
    return "\n".join(out)


def _excerpt(line: str, span: Span) -> list[str]:
    """Return the source line, a window of it if it is long, and carets under the span."""
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    skip = max(0, start - _WIDTH // 2) if len(line) > _WIDTH else 0
    shown = line[skip : skip + _WIDTH]
    n_carets = max(1, min(end, skip + len(shown)) - start)
    pad = "".join("\t" if c == "\t" else " " for c in shown[: start - skip])
    number = f"{span.line:5d} | "
    return [number + shown, " " * (len(number) - 2) + "| " + pad + "^" * n_carets]


def to_json(diagnostics: Iterable[Diagnostic], strict: bool = False) -> str:
    """Write diagnostics for programs: a JSON list, one object each, null for what lacks."""
    return json.dumps([_as_object(d, strict) for d in diagnostics], indent=2, ensure_ascii=False)


def _as_object(diagnostic: Diagnostic, strict: bool) -> dict[str, str | int | None]:
    span = diagnostic.span
    place = (
        (None,) * 4 if span is None else (span.line, span.column, span.end_line, span.end_column)
    )
    return {
        "path": diagnostic.path,
        **dict(zip(("line", "column", "end_line", "end_column"), place, strict=True)),
        "severity": _severity(diagnostic, strict),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "note": diagnostic.note,
    }


def to_github(diagnostics: Iterable[Diagnostic], strict: bool = False) -> str:
    """Write diagnostics as workflow commands of GitHub, which shows them at their lines."""
    return "\n".join(_as_command(d, strict) for d in diagnostics)


def _as_command(diagnostic: Diagnostic, strict: bool) -> str:
    span = diagnostic.span
    fields = {"file": diagnostic.path, "title": diagnostic.code}
    if span is not None:
        fields |= {"line": str(span.line), "endLine": str(span.end_line)}
        fields |= {"col": str(span.column), "endColumn": str(max(span.column, span.end_column - 1))}
    listed = ",".join(f"{key}={_escaped(value, ',:')}" for key, value in fields.items())
    parts = [diagnostic.message]
    parts += [f"{k}: {t}" for k, t in (("note", diagnostic.note), ("help", diagnostic.help)) if t]
    return f"::{_severity(diagnostic, strict)} {listed}::{_escaped(chr(10).join(parts))}"


def _escaped(text: str, special: str = "") -> str:
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + special else c for c in text)
