"""Write the grammar of the mapping language, as EBNF, into its reference.

    python docs/make_grammar.py [--check]

The grammar is `herobm/dsl/grammar.lark`. What the parser needs only to go on behind a fault is
left out, as are the looks ahead and back that tell its words apart. With ``--check`` nothing is
written, and the exit status is 1 if the reference is not current.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
GRAMMAR = DOCS.parent / "herobm" / "dsl" / "grammar.lark"
PAGE = DOCS / "mapping_language.md"
BEGIN, END = "<!-- grammar begin -->", "<!-- grammar end -->"

_STATEMENT = re.compile(r"^[?!]?(\w+)(?:\.\d+)?:[ ]*(.*(?:\n[ ]+\|.*)*)$", re.MULTILINE)
_LOOK = re.compile(r"\(\?<?[=!](?:[^()\[\]]|\[[^\]]*\]|\([^()]*\))*\)")
_KEYWORD = re.compile(r"/([a-z]+)/")
_WORD = re.compile(r"(\"[^\"]*\")|\b[A-Za-z_]+\b")
_RECOVERY = re.compile(r"\s*\|\s*(?:_BROKEN|misplaced)(?:\s+_NL)?")


def ebnf(grammar: str) -> str:
    """Turn a lark grammar into EBNF.

    Parameters
    ----------
    grammar : str
        Rules and terminals of `lark`, comments in ``//``.

    Returns
    -------
    str
        ``name ::= expression``, rules first; terminals are regular expressions in ``/.../``.
    """
    text = re.sub(r"^//.*\n", "", grammar, flags=re.MULTILINE)
    found = {name: body for name, body in _STATEMENT.findall(text) if name != "misplaced"}
    terminals = {n: _LOOK.sub("", body) for n, body in found.items() if n.strip("_").isupper()}
    keywords = {n: f'"{m[1]}"' for n, body in terminals.items() if (m := _KEYWORD.fullmatch(body))}
    lines = []
    for name, body in found.items():
        if name in keywords:
            continue
        shown = terminals.get(name) or _rule(body, keywords)
        lines.append((_plain(name), shown))
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}} ::= {shown}" for name, shown in lines)


def _rule(body: str, keywords: dict[str, str]) -> str:
    body = _RECOVERY.sub("", body)
    body = re.sub(
        r"\b_?[A-Za-z_]+\b(?![^\"]*\"(?:[^\"]*\"[^\"]*\")*[^\"]*$)", _name(keywords), body
    )
    return re.sub(r"\((\w+)\)", r"\1", body)


def _name(keywords: dict[str, str]) -> object:
    return lambda match: keywords.get(match[0], _plain(match[0]))


def _plain(name: str) -> str:
    return {"_NL": "NEWLINE", "start": "file"}.get(name, name.lstrip("_"))


def page_with(page: str, grammar: str) -> str:
    """Return the page with the grammar between its two markers."""
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n\n```text\n{ebnf(grammar)}\n```\n\n{END}{tail}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    current = page_with(page, GRAMMAR.read_text(encoding="utf-8"))
    if not options.check:
        PAGE.write_text(current, encoding="utf-8")
    elif current != page:
        print(f"{PAGE} is not current: run python docs/make_grammar.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
