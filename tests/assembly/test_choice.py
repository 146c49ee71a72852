"""Which mapping sets a structure is read by, and how they are named."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from herobm.assembly.choice import open_library
from herobm.plugins import load_registry


def test_a_set_that_is_named_twice_counts_once_where_it_is_named_last(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry, mine = load_registry(), tmp_path / "mine.map"
    mine.write_text("molecule: GLY\natoms:\n  N: BB P1A\n  CA: BB P1B\nbonds:\n  N-CA\n")
    with caplog.at_level(logging.INFO, "herobm"):
        library = open_library(["martini3", "martini3/protein", "protein"], registry, ["GLY"])
    assert library.name == "martini3/protein"
    assert not caplog.messages
    with caplog.at_level(logging.INFO, "herobm"):
        library = open_library([mine, "martini3", str(mine)], registry, ["GLY"])
    assert library.name == "martini3/protein + mine"
    assert caplog.messages == [
        "GLY: mapping 'mine' is taken, for it is named after 'martini3/protein'"
    ]
