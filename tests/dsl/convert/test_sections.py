"""Text in ``[ sections ]``, cut where something begins."""

from __future__ import annotations

import pytest

from herobm.dsl.convert.sections import cut_sections, read_sections

TEXT = "[ macros ]\na b\n[ block ]\n[ from ]\nc\n[ modification ]\n[ block ]\n[ from ]\nd\n"


@pytest.mark.parametrize(
    ("apart", "found"),
    [
        (True, ["macros", "block from", "modification", "block from"]),
        (False, ["macros block from", "modification", "block from"]),
    ],
)
def test_sections_are_cut_where_something_begins(apart: bool, found: list[str]) -> None:
    sections, faults = read_sections(TEXT, "x.mapping")
    assert not faults
    parts = cut_sections(sections, ("block", "modification"), apart=apart)
    assert [" ".join(s.title.text for s in part) for part in parts] == found


def test_where_nothing_begins_all_is_one_part() -> None:
    sections, _ = read_sections(TEXT, "x.mapping")
    for apart in (True, False):
        assert list(cut_sections(sections, ("molecule",), apart=apart)) == [sections]
    assert list(cut_sections([], ("molecule",), apart=True)) == []
