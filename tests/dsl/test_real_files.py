"""The mapping files that HEroBM and CGmap ship, as they are."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herobm.dsl import build_mapping, check, check_files, mapping_files, parse, read_file
from herobm.errors import DslError

#: Every error in them, by hand: rules with a letter or digit too many, ids used twice.
ERRORS = {
    "cgmap/martini2/trp.yaml": ["19:13 M303"],
    "cgmap/martini2/tyr.yaml": ["15:13 M303"],
    "cgmap/martini3.membrane/popc.charmm36.yaml": [
        "42:31 M303", "43:31 M303", "44:31 M303", "138:31 M303", "139:31 M303",
    ],
    "cgmap/neca/neca.amber.yaml": ["14:13 M201", "41:13 M201"],
    "cgmap/protein.ca/tyr.yaml": ["24:12 M201"],
    "cgmap/protein.cm/tyr.yaml": ["24:12 M201"],
    "membrane_chl.amber.yaml": ["12:14 M301", "76:14 M303"],
    "neca_neca.amber.yaml": ["14:13 M201", "41:13 M201"],
}  # fmt: skip


@pytest.mark.shared_data
def test_each_file_is_read_or_refused_for_a_known_fault(shared_data):
    root = shared_data / "mappings" / "herobm"
    files = [read_file(path) for path in mapping_files(root)]
    found: dict[str, list[str]] = {}
    for d in check_files(files, one_set=False):
        if d.is_error:
            name = d.path.removeprefix(f"{root}/")
            found.setdefault(name, []).append(f"{d.span} {d.code}")

    assert len(files) == 178
    assert found == ERRORS
    for file in files:
        if file.path.removeprefix(f"{root}/") not in ERRORS:
            mapping = build_mapping(file)
            assert len(mapping.atoms) == len(file.atoms) == _atom_lines(file.text)


def _atom_lines(text: str) -> int:
    lines = text.split("atoms:")[1].split("\n")
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


@pytest.mark.shared_data
def test_warnings_of_the_originals(shared_data):
    files = [read_file(p) for p in mapping_files(shared_data / "mappings" / "herobm" / "cgmap")]
    counts = Counter(d.code for d in check_files(files) if not d.is_error)

    assert counts["W201"] > 20  # protein.cm: `CA: BB P0A` on a centre of mass
    assert counts["W202"] == 2  # `C: RE P2A` in the two ace.yaml


@pytest.mark.shared_data
def test_lists_of_bead_types_are_refused_in_one_line(shared_data):
    lists = sorted((shared_data / "mappings" / "herobm").rglob("bead_types*.yaml"))

    assert lists
    for path in lists:
        (only,) = check(read_file(path))
        assert only.code == "M103"


ZMA = """molecule: ZMA

atoms:
  C1:  B8       P2AA
  C10: B1,B3    P2AA,P1A    1/2,1/2
  C2, CX:  B8       P1A
  C16: B1,B2    P2AB,P1B   # shared
  O1:  B1       P1A !
  "C2'": "B8 P2AB"
  H1:  B8 !
bonds: C1-C2, C1=O1, C-+N, "C2'"#C10
charges:
  O1: -1
stereo:
  C1=C2: Z
beads:
  B1: TC5
"""
_PIECES = st.sampled_from(
    ["", "\n", " ", ",", ":", "!", "CM", "P2AA", "P", "0", "1/2", "1/0", "#", '"', "'", "-", "+N",
     "=", "atoms:", "bonds:", "molecule:", "at: chain-end", "beads", "\t", "\r", "\u00a0", "\x0c",
     "é", "٣", "$END", "{", "P99ZZ", "BB"]
)  # fmt: skip


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_mutation_raises_anything_but_a_dsl_error(data):
    text = ZMA
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 6)))
        piece = data.draw(st.one_of(_PIECES, st.text(max_size=3)))
        text = text[:start] + piece + text[end:]
    file = parse(text, "mutant.map")
    diagnostics = check(file)
    n_lines = text.count("\n") + 1
    assert all(1 <= d.span.line <= n_lines for d in diagnostics if d.span)
    if not any(d.is_error for d in diagnostics):
        mapping = build_mapping(file)
        assert mapping.molecules
        assert all(sum(p.weight for p in a.placements) == 1 for a in mapping.atoms)


@given(st.binary(max_size=200))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_bytes_raise_anything_but_a_dsl_error(tmp_path, content):
    from herobm.dsl import load_mapping

    path = tmp_path / "noise.map"
    path.write_bytes(content)
    with pytest.raises(DslError):
        load_mapping(path)
