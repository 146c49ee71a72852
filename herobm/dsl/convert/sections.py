"""Text in ``[ sections ]`` with ``;`` comments, as GROMACS, Backward and vermouth write it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.syntax import Name, Span

_WORD = re.compile(r"\S+")
_HEADER = re.compile(r"\[\s*([^\[\]]*?)\s*\]\s*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that says something: its words, without the comment."""

    words: tuple[Name, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The words."""
        return tuple(word.text for word in self.words)

    @property
    def span(self) -> Span:
        """From the first word to the last."""
        return self.words[0].span.to(self.words[-1].span)


@dataclass(frozen=True, slots=True)
class SectionOf:
    """A section and its lines."""

    title: Name
    lines: tuple[Line, ...]

    @property
    def words(self) -> tuple[Name, ...]:
        """The words of all lines."""
        return tuple(word for line in self.lines for word in line.words)


def read_sections(text: str, path: str) -> tuple[list[SectionOf], list[Diagnostic]]:
    """Split a text into its sections.

    Parameters
    ----------
    text : str
    path : str
        For messages.

    Returns
    -------
    sections : list of SectionOf
    faults : list of Diagnostic
        M602 for a header that is not closed and for lines above the first header.
    """
    found: list[tuple[Name, list[Line]]] = []
    faults: list[Diagnostic] = []
    for number, raw in enumerate(text.split("\n"), 1):
        bare = raw.split(";", 1)[0].rstrip()
        if not bare.strip():
            continue
        line = _line(bare, number)
        if bare.lstrip().startswith("["):
            match = _HEADER.fullmatch(bare.strip())
            if match is None:
                message = f"expected '[ name ]' on a line of its own, found '{bare.strip()}'"
                help = f"close the bracket: [ {bare.strip(' []')} ]"
                if "]" in bare:
                    help = "write what stands beside it into the next line"
                faults.append(Diagnostic("M602", message, line.span, path, help))
            else:
                found.append((Name(match[1].lower(), line.span), []))
        elif found:
            found[-1][1].append(line)
        else:
            message = f"expected a section such as [ molecule ], found '{line.texts[0]}'"
            help = "move the line below its section, or put ';' in front of a comment"
            faults.append(Diagnostic("M602", message, line.words[0].span, path, help))
    return [SectionOf(title, tuple(lines)) for title, lines in found], faults


def cut_sections(
    sections: Sequence[SectionOf], titles: Collection[str], *, apart: bool
) -> Iterator[list[SectionOf]]:
    """Cut sections before each one that begins something, such as ``[ molecule ]``.

    Parameters
    ----------
    sections : sequence of SectionOf
    titles : collection of str
        Of those that begin something.
    apart : bool
        Whether what stands above the first of them is a part of its own, rather than of the
        first one.

    Yields
    ------
    list of SectionOf
    """
    part: list[SectionOf] = []
    for section in sections:
        begun = apart or any(s.title.text in titles for s in part)
        if section.title.text in titles and part and begun:
            yield part
            part = []
        part.append(section)
    if part:
        yield part


def _line(text: str, number: int) -> Line:
    return Line(
        tuple(
            Name(m[0], Span(number, m.start() + 1, number, m.end() + 1))
            for m in _WORD.finditer(text)
        )
    )
