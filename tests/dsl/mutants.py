"""Mapping files with random faults in them."""

from __future__ import annotations

import random
import re
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"

#: Every mapping that this repository ships.
SHIPPED = sorted(PLUGINS.glob("*/src/**/*.map"))

_TOKEN = re.compile(r"\w+|[^\w]")
_RULE = re.compile(rb"\bP[0-9][A-Z]{1,2}\b")
_SHARE = re.compile(rb"\b[0-9]/[0-9]\b")
_CELLS = [
    b"P0A CM", b"P0A", b"P0B", b"P1A", b"P1B", b"P1AA", b"P1AB", b"P1AC", b"P2A", b"P2AA", b"P2AB",
    b"P2BA", b"P2CA", b"P3AA", b"P3BA", b"P3AD", b"P1Z", b"!", b"CM", b"",
]  # fmt: skip
_WORDS = [
    "BB", "SC1", "CA", "N", "H", "OXT", "X", "P0A", "P1A", "P1AB", "P2AB", "P3BA", "P99Z", "P2ABC",
    "P", "CM", "!", "!!", "1/2", "1/0", "0/1", "1", ".5", "1/3, 2/3", ",", ",,", " ,", ":", "#",
    " #", "-", "=", "+N", "--C", '"', "'", '"C D"', "'CM'", "\n", "\r\n", "\r", "\t", "  ", "\n\n",
    "atoms:", "beads:", "bonds:", "charges:", "stereo:", "angles: N-CA-C: 111", "weights: equal",
    "weights:", "at: chain-end", "at: chain-start", "molecule:", "molecule: X", "bond:", "S", "Z",
    "+1", "180.0", "\u00a0", "\x0c", "é", "٣", "$END", "{", "_BROKEN", "\ufeff",
]  # fmt: skip


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Change a file in one to four places: bytes, tokens, rules and weights, or whole lines."""
    for _ in range(rng.randint(1, 4)):
        data = rng.choice((_bytes, _tokens, _tokens, _cells, _cells, _names, _lines))(data, rng)
    return data


def _cells(data: bytes, rng: random.Random) -> bytes:
    pattern, new = rng.choice(
        [(_RULE, rng.choice(_CELLS)), (_SHARE, rng.choice([b"0/1", b"1/1", b"2/3", b"1/3", b"1"]))]
    )
    found = list(pattern.finditer(data))
    if not found:
        return data
    match = rng.choice(found)
    return data[: match.start()] + new + data[match.end() :]


def _names(data: bytes, rng: random.Random) -> bytes:
    """Put a name of the file in the place of another."""
    found = list(re.finditer(rb"\b[A-Z][A-Z0-9]*\b", data))
    if not found:
        return data
    match = rng.choice(found)
    return data[: match.start()] + rng.choice(found)[0] + data[match.end() :]


def _bytes(data: bytes, rng: random.Random) -> bytes:
    start = rng.randint(0, len(data))
    new = bytes(rng.choice((rng.randrange(256), rng.randrange(32, 127))) for _ in range(2))
    return data[:start] + new[: rng.randint(0, 2)] + data[start + rng.randint(0, 3) :]


def _tokens(data: bytes, rng: random.Random) -> bytes:
    tokens = _TOKEN.findall(data.decode("utf-8", "surrogateescape"))
    if not tokens:
        return data
    i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    change = rng.randrange(5)
    if change == 0:
        tokens[i], tokens[j] = tokens[j], tokens[i]
    elif change == 1:
        del tokens[i]
    elif change == 2:
        tokens.insert(i, tokens[j])
    elif change == 3:
        tokens.insert(i, rng.choice(_WORDS))
    else:
        tokens[i] = rng.choice(_WORDS)
    return "".join(tokens).encode("utf-8", "surrogateescape")


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(3)
    if change == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif change == 1:
        del lines[i]
    else:
        lines.insert(i, lines[j])
    return b"\n".join(lines)
