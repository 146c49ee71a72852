"""The mapping files that other projects publish: converted, or refused for a known reason."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(scope="module")
def script():
    """The script that tries them."""
    return runpy.run_path(str(DOCS / "make_converter_table.py"))


@pytest.fixture(scope="module")
def outcomes(script, shared_data):
    """Title -> what became of each file."""
    return {
        title: [script["try_file"](p, str(p.relative_to(folder)), shared_data) for p in paths]
        for title, folder, paths in script["collections"](shared_data)
    }


@pytest.mark.shared_data
def test_herobm_and_cgmap(outcomes):
    library, repository = list(outcomes.values())[:2]
    lists = [o for o in library if o.faults and o.faults[0].code == "M601"]
    refused = {o.path: {d.code for d in o.faults} for o in library if o.faults and o not in lists}

    assert len(library) + len(repository) - len(lists) == 147
    assert len(lists) == 16
    assert all("bead_types" in o.path for o in lists)
    assert not [o.path for o in repository if o.faults]
    assert refused == {
        "martini2/trp.yaml": {"M303"},
        "martini2/tyr.yaml": {"M303"},
        "martini3.membrane/popc.charmm36.yaml": {"M303"},
        "neca/neca.amber.yaml": {"M201"},
        "protein.ca/tyr.yaml": {"M201"},
        "protein.cm/tyr.yaml": {"M201"},
    }


@pytest.mark.shared_data
def test_backward_cgbuilder_and_vermouth(outcomes):
    others = list(outcomes.items())[3:]
    refused = {
        (title, o.path): {d.code for d in o.faults}
        for title, found in others
        for o in found
        if o.faults
    }

    faulty = {key: codes for key, codes in refused.items() if codes != {"M605"}}
    assert faulty == {("Backward", "popg.charmm36.map"): {"M603"}}
    assert all(len(o.mappings) >= 1 for _, found in others for o in found if not o.faults)
    converted = {title: sum(not o.faults for o in found) for title, found in others}
    assert converted["CGbuilder"] == 11
    assert converted["Backward"] >= 29


@pytest.mark.shared_data
def test_what_is_derived_reaches_every_heavy_atom(outcomes):
    for found in list(outcomes.values())[3:]:
        for outcome in found:
            for mapping in outcome.mappings:
                bare = [
                    a.name for a in mapping.atoms if a.element not in ("H", "D") and not a.rebuilt
                ]
                assert not bare, f"{outcome.path}: {bare}"


@pytest.mark.shared_data
def test_every_diagnostic_has_a_place_and_says_what_to_do(outcomes):
    for found in outcomes.values():
        for fault in (d for o in found for d in o.faults):
            assert fault.span is not None
            assert fault.help or fault.code in ("M602", "M607")


@pytest.mark.shared_data
def test_the_page_is_current(script, shared_data):
    page = (DOCS / "converters.md").read_text(encoding="utf-8")

    assert script["tables"](shared_data) in page, "run python docs/make_converter_table.py DATA"
