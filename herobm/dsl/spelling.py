"""Words of messages: did you mean ...? by edit distance, ordinals, plurals."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: What looks like a rule: P, a level and up to three letters, anywhere in a word.
LIKE_RULE = re.compile(r"[Pp]([0-9]{1,2})([A-Za-z]{0,3})")
_MANY = 500  # candidates: no real molecule has as many, and the search would take long


def distance(a: str, b: str) -> int:
    """Count the insertions, deletions, replacements and swaps of neighbours from `a` to `b`."""
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `word` is most likely a slip of, None if none is near.

    One slip is allowed, two in a word of five letters or more; case counts for nothing. Of words
    that are as near, those of the same length come first.
    """
    candidates = list(candidates)
    if len(word) > 40 or len(candidates) > _MANY:
        return None
    allowed = 2 if len(word) >= 5 else 1
    found = [
        (distance(word.lower(), c.lower()), abs(len(c) - len(word)), c)
        for c in dict.fromkeys(candidates)
        if c != word and abs(len(c) - len(word)) <= allowed and len(c) + len(word) > 2
    ]
    best = min(found, default=None)
    return best[2] if best is not None and best[0] <= allowed else None


def meant_rule(text: str) -> str | None:
    """Guess the rule that was meant: two letters below the first level, else one or two."""
    match = LIKE_RULE.search(text)
    if match is None or not match[2] or re.fullmatch("[A-Z]{3}", match[2]):
        return None
    upper = re.match("[A-Z]{1,2}", match[2])
    letters = match[2][:2] if int(match[1]) > 1 or upper is None else upper[0]
    return f"P{match[1]}{letters.upper()}"


def ordinal(i: int) -> str:
    """Say which of a row an index means: 0 is the 1st."""
    return {0: "1st", 1: "2nd", 2: "3rd"}.get(i, f"{i + 1}th")


def counted(n: int, what: str) -> str:
    """Write a number with its noun, in the plural where needed."""
    return f"{n} {what}" + ("" if n == 1 else "s")
