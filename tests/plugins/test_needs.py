"""Which versions of the core a plug-in asks for."""

from __future__ import annotations

import json

import pytest

from .conftest import Site


@pytest.mark.parametrize(
    ("requires", "works"),
    [
        ("herobm", True),
        ("herobm>=0.1,<1", True),
        ("herobm (>=0.1)", True),
        ("herobm[dev]>=0.1", True),
        ("herobm-martini3>=9", True),  # another distribution
        ("herobm>=9; extra == 'next'", True),
        ("HeroBM>=9", False),
        ("herobm<0.1", False),
    ],
)
def test_the_version_of_the_core_is_held_against_the_metadata(
    site: Site, requires: str, works: bool
) -> None:
    site.install("pack", requires=requires)
    rows = json.loads(site.run("plugins", "list", "--json", HEROBM_PLUGINS="pack").out)
    status = {row["name"]: row["status"] for row in rows}
    assert status["pack"] == ("ok" if works else "failed")
