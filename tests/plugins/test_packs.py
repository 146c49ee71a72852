"""The core without plug-ins: it works, and says which pack would supply what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from herobm.plugins import load_registry
from herobm.plugins.packs import PACKS, fitting

from .conftest import Site

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("residues", "beads", "expected"),
    [
        (["ALA", "GLY"], ["BB", "SC1"], ["martini3"]),
        (["ALA"], ["CA"], ["ca_only"]),
        (["CFF"], ["B1", "B2"], ["custom_ligand"]),
        (["ALA"], ["XX"], []),
        (["QQQ"], ["BB"], []),
    ],
)
def test_names_tell_which_pack_is_meant(
    residues: list[str], beads: list[str], expected: list[str]
) -> None:
    assert [pack.plugin for pack in fitting(residues, beads)] == expected


def test_the_packs_of_this_repository_are_known() -> None:
    folders = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()}
    assert folders == {pack.plugin for pack in PACKS}
    for pack in PACKS:
        text = (ROOT / "plugins" / pack.plugin / "pyproject.toml").read_text()
        assert f'name = "{pack.distribution}"' in text
        assert f"{pack.plugin} =" in text


def test_a_structure_names_the_pack_that_is_missing() -> None:
    assert load_registry([]).missing_packs(["ALA"], ["BB"]) == (PACKS[0].line(),)
    assert "pip install herobm-martini3" in PACKS[0].line()


def test_the_core_alone_works(site: Site, tmp_path: Path) -> None:
    done = site.run("plugins", "list", HEROBM_PLUGINS="")
    assert done.code == 0
    assert "post-processor herobm/minimise" in done.out
    beads = str(ROOT / "examples/1ubq/cg.pdb")
    out = str(tmp_path / "out.pdb")
    done = site.run("backmap", beads, "-o", out, HEROBM_PLUGINS="")
    assert done.code == 1
    assert "pip install herobm-martini3" in done.err
    done = site.run("backmap", beads, "-o", out, "--mapping", "martini3", HEROBM_PLUGINS="")
    assert done.code == 1
    assert "'martini3' is installed, but left out" in done.err
