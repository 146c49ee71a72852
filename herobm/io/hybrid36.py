"""Hybrid-36: numbers too large for the decimal columns of a PDB file.

Decimal as long as the number fits; after that base 36 with a capital first letter, then base
36 with a small one (R. W. Grosse-Kunstleve, cci.lbl.gov/hybrid_36). Five columns reach
87,440,031 and four reach 2,436,111.
"""

from __future__ import annotations

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def encode(value: int, width: int) -> str:
    """Write `value` into `width` columns.

    Raises
    ------
    ValueError
        Where the number does not fit even so.
    """
    if -(10 ** (width - 1)) < value < 10**width:
        return f"{value:{width}d}"
    block = 26 * 36 ** (width - 1)
    rest = value - 10**width
    if value < 0 or rest >= 2 * block:
        raise ValueError(f"{value} does not fit into {width} columns")
    upper = rest < block
    digits = _base36(rest % block + 10 * 36 ** (width - 1))
    return digits if upper else digits.lower()


def decode(text: str, width: int) -> int:
    """Read a number that was written into `width` columns.

    Raises
    ------
    ValueError
        Where `text` is no such number.
    """
    first = text[:1]
    if len(text) != width or not first.isalpha():
        return int(text)
    if not text.isascii() or not text.isalnum() or not (text.isupper() or text.islower()):
        raise ValueError(f"{text!r} is no hybrid-36 number")
    start: int = 10**width + (26 * 36 ** (width - 1) if first.islower() else 0)
    value: int = int(text, 36) - 10 * 36 ** (width - 1) + start
    return value


def _base36(value: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
    return digits
