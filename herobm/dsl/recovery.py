"""Runs the parser over a text and goes on behind each fault, which it puts into plain words."""

from __future__ import annotations

import re
from typing import Any, cast

from lark import Lark, Token, UnexpectedInput, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.spelling import nearest
from herobm.dsl.syntax import Name, Ref, Span
from herobm.dsl.transform import Names

HEADERS = ("molecule", "at", "weights")
SECTIONS = ("atoms", "beads", "bonds", "charges", "stereo", "angles")

#: What a terminal of the grammar is called in messages.
ENGLISH: dict[str, str] = {
    "MOLECULE": "'molecule'",
    "AT": "'at'",
    "WEIGHTS": "'weights'",
    **{section.upper(): "a section" for section in SECTIONS},
    "RULE": "a bead, rule, weight or flag",
    "WEIGHT": "a bead, rule, weight or flag",
    "EXCLUDE": "a bead, rule, weight or flag",
    "CENTER": "a bead, rule, weight or flag",
    "WORD": "a name",
    "QUOTED": "a name",
    "REF": "an atom",
    "SHIFT": "an atom",
    "HASH": "'#'",
    "DOLLAR": "'$'",
    "COLON": "':'",
    "COMMA": "','",
    "LEADING_COMMA": "','",
    "TRAILING_COMMA": "','",
    "EQUAL": "'='",
    "MINUS": "'-'",
    "_NL": "the end of the line",
    "COMMENT": "a comment",
    "BLANK": "a blank",
    "_BROKEN": "a line",
    "$END": "the end of the file",
}

_SUBJECTS = {
    "ATOMS": "atom name", "BEADS": "bead", "BONDS": "atom", "CHARGES": "atom", "STEREO": "atom",
    "ANGLES": "atom",
}  # fmt: skip
#: How a line is written, by the keyword above it.
_FORMS = {
    "ATOMS": "an atom's line is ATOM: BEAD [RULE] [FLAG] [WEIGHT]",
    "BEADS": "write BEAD: TYPE, e.g. BB: P2",
    "BONDS": "write two atoms with one of - = # : $ between, e.g. C=O, C-+N",
    "CHARGES": "write ATOM: CHARGE, e.g. NZ: +1",
    "STEREO": "write CA: S, or C9=C10: Z",
    "ANGLES": "write ATOM-ATOM-ATOM: DEGREES, e.g. N-CA-C: 111.0",
}
_MAX_FAULTS = 100
_WORD_AT = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[^\s,:]+|[^\n]")
_SECTION_LINE = re.compile(r"^([a-z_]{3,})[ \t]*:[ \t\r]*(?:[ \t]#[^\n]*)?$", re.MULTILINE)
_KEYWORD_LINE = re.compile(rf"^(?:{'|'.join(SECTIONS)})[ \t]*:", re.MULTILINE)
_NOT_NEWLINE = re.compile(r"[^\n]+")
_HELP_TOP = "write 'molecule: NAME' into the first line, with the residue names it is for"
_HELP_QUOTE = "close the quote, or leave it out"


class Reader:
    """One run of the parser over one text, and the faults it meets."""

    def __init__(self, grammar: Lark, text: str, path: str) -> None:
        self.grammar = grammar
        self.path = path
        self.faults: list[Diagnostic] = []
        self.text = self._without_unknown_sections(text)

    def read(self) -> list[Any]:
        """Return the headers, sections and misplaced lines; empty if it is no mapping at all."""
        try:
            return cast(list[Any], self.grammar.parse(self.text, on_error=self._recover))
        except UnexpectedInput:
            return []  # `_recover` has said why

    def _fault(self, code: str, message: str, span: Span | None, help: str | None = None) -> None:
        self.faults.append(Diagnostic(code, message, span, self.path, help))

    def _without_unknown_sections(self, text: str) -> str:
        """Note sections that the language lacks, and blank them out."""
        parts, start, line, counted = [], 0, 1, 0
        for match in _SECTION_LINE.finditer(text):
            word = match[1]
            if match.start() < start or word in SECTIONS + HEADERS:
                continue
            line += text.count("\n", counted, match.start())
            counted = match.start()
            guess = nearest(word, SECTIONS)
            self._fault(
                "M102",
                f"unknown section '{word}'",
                Span(line, 1, line, len(word) + 1),
                f"did you mean {guess}?" if guess else f"the sections are {', '.join(SECTIONS)}",
            )
            known = _KEYWORD_LINE.search(text, match.end())
            end = known.start() if known else len(text)
            parts += [text[start : match.start()], _NOT_NEWLINE.sub("", text[match.start() : end])]
            start = end
        return "".join(parts) + text[start:]

    def _recover(self, error: UnexpectedInput) -> bool:
        """Note the fault, put _BROKEN in place of the line and go to its end."""
        parser = error.interactive_parser
        if not self._describe(error, parser):
            return False
        if len(self.faults) >= _MAX_FAULTS:
            message = f"more than {_MAX_FAULTS} lines cannot be read: is this a mapping?"
            self._fault("M101", message, None, "name a mapping file: 'molecule: NAME' at its top")
            return False
        state = parser.parser_state
        while "_BROKEN" not in _accepted(parser):
            state.state_stack.pop()
            state.value_stack.pop()
        parser.feed_token(Token("_BROKEN", ""))
        lexer = parser.lexer_thread.state
        if isinstance(error, UnexpectedToken) and error.token.type == "_NL":
            parser.feed_token(error.token)
        elif lexer is not None:
            start = lexer.line_ctr.char_pos
            lexer.line_ctr.feed(self.text[start : self.text.index("\n", start)])
        return True

    def _describe(self, error: UnexpectedInput, parser: InteractiveParser) -> bool:
        """Say what was expected and what was found; return whether it is worth to go on."""
        start = error.pos_in_stream or 0
        match = _WORD_AT.match(self.text, start)
        word = match[0] if match else ""
        found = f"'{word}'" if word.isprintable() else f"the character U+{ord(word[0]):04X}"
        span = Span(error.line, error.column, error.line, error.column + max(1, len(word)))
        accepted = _accepted(parser)
        if "MOLECULE" in accepted and "WORD" not in accepted and word:
            return self._unknown_keyword(word, found, span)
        stack = parser.parser_state.value_stack
        after = _after(stack, accepted)
        expected = "a bead" if "RULE" in accepted and _last(stack) == ":" else _expected(accepted)
        message = f"expected {expected}{after}, "
        message += f"found {found if word else 'the end of the line'}"
        self._fault("M101", message, span, _remedy(stack, accepted, word))
        return True

    def _unknown_keyword(self, word: str, found: str, span: Span) -> bool:
        """Describe a line above the sections that begins with no keyword."""
        guess = nearest(word, HEADERS + SECTIONS)
        hint = f"did you mean {guess}?" if guess else _HELP_TOP
        if word == "[":
            hint = "a file of another tool? herobm mapping convert makes a mapping of it"
        if word in HEADERS + SECTIONS:
            self._fault("M101", f"expected ':' after {found}", span, f"{word}:")
        elif not self.faults and not self.text[: self.text.index(word)].strip():
            message = f"a mapping begins with 'molecule: NAME', found {found}"
            self._fault("M103", message, span, hint)
            return _KEYWORD_LINE.search(self.text) is not None
        else:
            hint = hint if guess else f"the sections are {', '.join(SECTIONS)}"
            self._fault("M102", f"unknown section {found}", span, hint)
        return True


def _accepted(parser: InteractiveParser) -> set[str]:
    """Return the terminals that may come next."""
    return cast(set[str], parser.accepts())  # type: ignore[no-untyped-call]


def _expected(accepted: set[str]) -> str:
    """Say what could stand here, in few words."""
    if "HASH" in accepted:
        return "a bond symbol (- = # : $)"
    if "RULE" in accepted:
        return "a bead, rule, weight, flag or the end of the line"
    for main in ("COLON", "MINUS", "REF", "WORD"):
        if main in accepted:
            return ENGLISH[main]
    return " or ".join(sorted({ENGLISH[t] for t in accepted - {"_BROKEN"}}))


def _remedy(stack: list[Any], accepted: set[str], word: str) -> str:
    """Say what to write in the place of a line that cannot be read."""
    if word[:1] in ("'", '"'):
        return _HELP_QUOTE
    if word and not word.isprintable():
        return "take it out, or write a blank in its place"
    last = _last(stack)
    if last is not None and word.strip(",:!"):
        if "HASH" in accepted:
            return f"did you mean {last}-{word}?"
        if "COLON" in accepted and last != ":" and _section(stack) != "ANGLES":
            return f"did you mean {last}: {word}?"
        if "COMMA" in accepted and "RULE" not in accepted:
            return f"put a comma between the two: {last}, {word}"
    return _FORMS.get(_section(stack), "write 'molecule: NAME', more names by commas")


def _section(stack: list[Any]) -> str:
    return next((v.type for v in reversed(stack) if _is_section(v)), "")


def _after(stack: list[Any], accepted: set[str]) -> str:
    """Name what stands in front of the fault."""
    last = _last(stack)
    if last is None:
        return ""
    section = _section(stack)
    subject = _SUBJECTS.get(section, "") + " " if "COLON" in accepted and section else ""
    return f" after {subject}'{last}'"


def _last(stack: list[Any]) -> str | None:
    """Return the name or sign in front of the fault, None at the beginning of a line."""
    last = stack[-1] if stack else None
    if isinstance(last, Names):
        last = last.items[-1]
    if isinstance(last, (Name, Ref)):
        return last.text if isinstance(last, Name) else str(last)
    if isinstance(last, Token) and last.type.startswith("_"):
        return None
    return str(last) if isinstance(last, str) else None


def _is_section(value: Any) -> bool:
    return isinstance(value, Token) and value.type in _SUBJECTS
