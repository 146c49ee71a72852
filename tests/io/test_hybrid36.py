"""Hybrid-36 numbers."""

from __future__ import annotations

import gemmi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herobm.io.hybrid36 import decode, encode


@given(st.integers(-999, 2_436_111))
def test_four_columns_there_and_back(value: int) -> None:
    text = encode(value, 4)
    assert len(text) == 4
    assert decode(text, 4) == value


@given(st.integers(-9999, 87_440_031))
def test_five_columns_there_and_back(value: int) -> None:
    text = encode(value, 5)
    assert len(text) == 5
    assert decode(text, 5) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(99_999, "99999"), (100_000, "A0000"), (43_770_015, "ZZZZZ"), (43_770_016, "a0000")],
)
def test_known_values(value: int, text: str) -> None:
    assert encode(value, 5) == text


@pytest.mark.parametrize(("value", "width"), [(-1000, 4), (2_436_112, 4), (87_440_032, 5)])
def test_what_does_not_fit(value: int, width: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(value, width)


@pytest.mark.parametrize("text", ["A0*0", "Aa00", "****", "A 00", ""])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(text, 4)


@given(st.integers(10_000, 1_000_000))
def test_gemmi_reads_the_same(value: int) -> None:
    line = f"ATOM      1  CA  ALA A{encode(value, 4)}       0.000   0.000   0.000  1.00  0.00"
    assert gemmi.read_pdb_string(line)[0][0][0].seqid.num == value
