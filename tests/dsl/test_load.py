"""Files on disk: models, sets with patches, and files that are none."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from fractions import Fraction

import pytest

from herobm.dsl import build_mapping, check_files, load_mapping, load_set, parse, read_file
from herobm.dsl.model import Mapping, Rule
from herobm.errors import DslCheckError, DslError, DslSyntaxError

ALA = """molecule: ALA, DAL
atoms:
  N:      BB   P1A
  H, HN:  BB
  CA:     BB   P1B
  CB:     SC1  P1A
  C:      BB   P1C
  O, OT1: BB   P2CA
beads:
  BB: P2
bonds:
  N-CA, CA-CB, CA-C, C=O, C-+N
stereo:
  CA: S
"""
CTER = "molecule: ALA\nat: chain-end\natoms:\n  OXT, OT2: BB P2CB\nbonds: C-OXT\ncharges: OXT: -1\n"


@pytest.fixture
def write(tmp_path):
    """Write texts to files, return their paths."""

    def write(**texts):
        paths = []
        for name, text in texts.items():
            path = tmp_path / f"{name}.map"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            paths.append(path)
        return paths

    return write


def test_a_file_becomes_a_model(write):
    (path,) = write(ala=ALA)
    mapping = load_mapping(path)

    assert mapping.molecules == ("ALA", "DAL")
    assert mapping.weights == "mass"
    assert mapping.beads == {"BB": "P2", "SC1": ""}
    assert mapping.source == str(path)
    oxygen = mapping.atoms[-1]
    assert (oxygen.names, oxygen.element) == (("O", "OT1"), "O")
    assert oxygen.placements[0].rule == Rule(level=2, anchor="C", id="A")
    assert mapping.atoms[1].placements[0].rule is None
    assert [f"{b.a}{b.symbol}{b.b}" for b in mapping.bonds][-1] == "C-+N"
    assert mapping.stereo[0].label == "S"


def test_shared_atoms_flags_and_weights(write):
    (path,) = write(
        x="molecule: X\nweights: equal\natoms:\n  C1: A P0A CM\n  C2: B P1A\n  C3: C P1A\n"
        "  C4: A, B, C  P1AB, P2AB, P2AB\n  C5: A, B 1/4, 3/4 P1AC, P2AC\n  H: A, B !,\n"
    )
    mapping = load_mapping(path)
    c1, *_, c4, c5, h = mapping.atoms

    assert mapping.weights == "equal"
    assert (c1.placements[0].center, c1.placements[0].rule) == (
        True,
        Rule(level=0, anchor=None, id="A"),
    )
    assert [p.weight for p in c4.placements] == [Fraction(1, 3)] * 3
    assert [p.weight for p in c5.placements] == [Fraction(1, 4), Fraction(3, 4)]
    assert [p.counts for p in h.placements] == [False, True]


def test_level_zero_on_a_mean_of_atoms_goes_one_level_down_with_what_hangs_on_it(write):
    (path,) = write(
        x="molecule: X\natoms:\n  CA: BB P0A\n  N: BB P1AA\n  C: BB P1AB\n  O: BB P2BA\n"
    )

    assert [d.code for d in check_files([read_file(path)])] == ["W201"]
    assert [str(a.placements[0].rule) for a in load_mapping(path).atoms] == [
        "P1A", "P2AA", "P2AB", "P3BA",
    ]  # fmt: skip


def test_level_zero_stays_where_one_atom_alone_counts(write):
    (path,) = write(x="molecule: X\natoms:\n  CA: BB P0A\n  N: BB P1AA !\n")

    assert check_files([read_file(path)]) == []
    assert str(load_mapping(path).atoms[0].placements[0].rule) == "P0A"


def test_all_faults_are_in_the_error(write):
    (path,) = write(ala=ALA.replace("P1B", "P1BB1").replace("C=O", "C=OX"))

    with pytest.raises(DslCheckError) as caught:
        load_mapping(path)
    assert f"{path}:5:16: error[M201]" in caught.value.message
    assert f"{path}:12:24: error[M401]" in caught.value.message


def test_a_patch_is_checked_with_the_residue_it_is_added_to(write):
    paths = write(ala=ALA, cter=CTER)
    chosen = load_set(paths, "mine", "of two files")

    assert chosen.description == "of two files"
    patch = chosen.mappings[1]
    assert patch.at == "end"
    assert patch.charges == {"OXT": -1}
    assert load_mapping(paths[1]) == patch


@pytest.mark.parametrize(
    ("right", "wrong", "code", "place"),
    [
        ("P2CB", "P2XB", "M301", "4:16"),
        ("P2CB", "P2CA", "M303", "4:16"),
        ("OXT, OT2: BB", "O: BB", "M302", "4:3"),
        ("bonds: C-OXT", "bonds: CX-OXT", "M401", "5:8"),
        ("chain-end", "chain-ends", "M202", "2:5"),
    ],
)
def test_a_wrong_patch_is_told_at_its_own_place(write, right, wrong, code, place):
    paths = write(ala=ALA, cter=CTER.replace(right, wrong))

    with pytest.raises(DslError) as caught:
        load_set(paths, "mine")
    assert f"{paths[1]}:{place}: error[{code}]" in caught.value.message
    assert f"{paths[0]}:4:" not in caught.value.message.split("\n")[0]


def test_a_patch_for_a_residue_that_lacks_is_a_warning(write):
    paths = write(ala=ALA, cter=CTER.replace("molecule: ALA", "molecule: ALA, GLY"))

    (only,) = check_files([read_file(p) for p in paths])
    assert (only.code, str(only.span)) == ("W101", "1:16")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found the end of the file"),
        (b"\x00\x01\x02ELF", "binary"),
        (b"molecule: \xff\xfe\n", "not UTF-8 text (line 1)"),
        (b"x" * 20_000, "20000 characters"),
        (b" " * 1_100_000, "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_mapping(write, content, message):
    (path,) = write(odd=content)

    with pytest.raises(DslSyntaxError, match="error") as caught:
        load_mapping(path)
    assert message in caught.value.message
    assert len(caught.value.message.split("error[")) == 2


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.map", tmp_path):
        with pytest.raises(DslError, match="cannot be read"):
            load_mapping(path)


def test_a_byte_order_mark_is_no_fault(write):
    (path,) = write(ala=b"\xef\xbb\xbf" + ALA.encode())

    assert load_mapping(path).name == "ALA"


def test_beads_in_another_order_are_another_mapping():
    """Their numbers follow from it, and so does what a network knows them by."""
    one, two = (
        build_mapping(parse(f"molecule: X\natoms:\n  N: A P1A\n  C: B P1A\nbeads:\n{beads}"))
        for beads in ("  A: P1\n  B: P2\n", "  B: P2\n  A: P1\n")
    )
    assert dict(one.beads) == dict(two.beads)
    assert one != two
    assert len({one, two}) == 2
    assert one.rebuilding() != two.rebuilding()


def test_what_an_atom_counts_makes_another_mapping():
    """A bead lies elsewhere where an atom that it rebuilds does not count."""
    one, two = (
        build_mapping(parse(f"molecule: X\natoms:\n  N: B P1A\n  C: B P1B {mark}\n"))
        for mark in ("", "!")
    )
    assert one.rebuilding() != two.rebuilding()


def test_the_model_needs_no_grammar():
    script = "import sys, herobm.dsl.model; sys.exit('lark' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_mapping_is_frozen_down_to_its_beads_and_charges():
    mapping = build_mapping(parse("molecule: X\natoms:\n  N: B P1A\ncharges:\n  N: +1\n"))
    for change in (
        lambda: mapping.beads.update(C=""),
        lambda: mapping.charges.pop("N"),
        lambda: mapping.beads.__setitem__("B", "P2"),
    ):
        with pytest.raises(TypeError, match="frozen"):
            change()

    assert pickle.loads(pickle.dumps(mapping)) == mapping == copy.deepcopy(mapping)
    assert Mapping.model_validate_json(mapping.model_dump_json()).charges == {"N": 1}
    assert {mapping: 1}[copy.deepcopy(mapping)] == 1
