"""Packs at fault, installed side by side with a sound one: each is named with its cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import GOOD, Site

#: Plug-in -> its code, what it requires, and what is said of it.
FAILING = {
    "raises": ("1 / 0", "", "ZeroDivisionError: division by zero"),
    "misspelt": (
        "from herobm.plugins import hookimpl\n"
        "@hookimpl\ndef herobm_register_mapings():\n    return []\n",
        "",
        "herobm_register_mapings, which is no hook",
    ),
    "wrong": (
        "from herobm.plugins import hookimpl\n"
        "@hookimpl\ndef herobm_register_models():\n    yield ('a', 'b')\n",
        "",
        "gives a tuple, not a ModelSpec",
    ),
    "newer": (GOOD, "herobm>=99.1", "newer needs herobm>=99.1, this is herobm"),
}
PRINTING = GOOD + "print('hello from a plug-in')\n"


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    for name, (code, requires, _) in FAILING.items():
        shared_site.install(name, code, requires=requires)
    shared_site.install("prints", PRINTING)
    shared_site.install("taken", distribution="first-claimant")
    shared_site.install("taken", distribution="second-claimant")
    shared_site.install("herobm", distribution="impostor")
    shared_site.install("good", requires="herobm>=0.1 ; python_version > '3'")
    return shared_site


@pytest.fixture(scope="module")
def listed(site: Site) -> dict[str, list[dict[str, Any]]]:
    done = site.run("plugins", "list", "--json")
    assert done.code == 0
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(done.out):
        rows.setdefault(row["name"], []).append(row)
    return rows


@pytest.mark.parametrize("name", FAILING)
def test_a_failing_pack_is_listed_with_its_cause(
    name: str, listed: dict[str, list[dict[str, Any]]], site: Site
) -> None:
    (row,) = listed[name]
    assert row["status"] == "failed"
    assert FAILING[name][2] in row["error"]
    checked = site.run("plugins", "check", name)
    assert checked.code == 1
    assert FAILING[name][2] in checked.err
    assert "Traceback" not in checked.err


def test_a_pack_that_prints_works_and_is_told(
    listed: dict[str, list[dict[str, Any]]], site: Site
) -> None:
    (row,) = listed["prints"]  # the JSON could be read, so nothing else was on stdout
    assert row["status"] == "warning"
    assert row["gives"] == ["mapping prints/beads"]
    assert row["remarks"] == ["prints when it is imported: 'hello from a plug-in'"]
    checked = site.run("plugins", "check", "prints")
    assert checked.code == 1
    assert "plug-in 'prints' prints when it is imported" in checked.err


def test_a_pack_that_imports_torch_works_and_is_told(tmp_path: Path) -> None:
    alone = Site(tmp_path)
    alone.install("heavy", GOOD + "import torch\n")
    alone.install("another", GOOD + "import torch\n")
    checked = alone.run("plugins", "check", "heavy")
    assert checked.code == 1
    assert "error: plug-in 'heavy' imports torch when it is imported" in checked.err
    done = alone.run("plugins", "list", "--json")
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert done.code == 0
    assert rows["heavy"]["gives"] == ["mapping heavy/beads"]
    assert {rows["heavy"]["status"], rows["another"]["status"]} == {"ok", "warning"}


def test_a_name_claimed_twice_belongs_to_none(listed: dict[str, list[dict[str, Any]]]) -> None:
    (row,) = listed["taken"]
    assert row["status"] == "failed"
    assert "first-claimant and second-claimant both claim its name" in row["error"]


def test_the_name_of_the_core_cannot_be_claimed(listed: dict[str, list[dict[str, Any]]]) -> None:
    own, impostor = sorted(listed["herobm"], key=lambda row: str(row["status"]), reverse=True)
    assert own["status"] == "ok"
    assert "post-processor herobm/backbone" in own["gives"]
    assert "impostor claims the name of the core's own plug-in" in impostor["error"]


def test_the_others_work_and_every_fault_is_a_line(site: Site) -> None:
    assert site.run("plugins", "check", "good").code == 0
    done = site.run("mapping", "list", "--json", HEROBM_PLUGINS="good")
    assert [row["name"] for row in json.loads(done.out)] == ["good/beads"]
    assert not done.err
    done = site.run("mapping", "list")
    assert done.code == 0
    assert "good/beads" in done.out
    for name in (*FAILING, "prints", "taken", "herobm"):
        assert len([line for line in done.err.splitlines() if f"plug-in '{name}'" in line]) == 1


def test_what_a_failed_pack_would_give_is_not_found_with_the_reason(site: Site) -> None:
    done = site.run("mapping", "show", "raises/beads")
    assert done.code != 0
    assert "ZeroDivisionError" in done.err
