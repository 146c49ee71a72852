"""``herobm mapping convert``, as a user runs it."""

from __future__ import annotations

import pytest

from herobm.dsl import check, load_mapping, read_file

NAMES = ["C1", "C2", "O2", "C3", "C4"]
GLY = "[ molecule ]\nGLY\n[ atoms ]\n1 N BB\n2 CA BB\n3 C BB\n4 O BB\n"
YAML = "molecule: X\natoms:\n  C1: A P1A\n  C2: A P2AA\n"


@pytest.fixture
def structure(molecule_pdb):
    """R-butan-2-ol with all its hydrogens."""
    return molecule_pdb("C[C@@H](O)CC", NAMES, "BUOH")


def test_from_backward_with_a_structure(convert, butanol, structure, tmp_path):
    target = tmp_path / "buoh.map"
    result = convert(butanol, "--structure", structure, "-o", target)
    mapping = load_mapping(target)

    assert result.exit_code == 0, result.output
    assert not [d for d in check(read_file(target)) if d.is_error]
    assert [(s.atoms, s.label) for s in mapping.stereo] == [(("C2",), "R")]
    assert {f"{b.a}{b.symbol}{b.b}" for b in mapping.bonds} >= {"C1-C2", "C2-O2", "C2-C3", "C3-C4"}
    assert all(a.rebuilt == (a.element != "H") for a in mapping.atoms)
    hydrogen = next(a for a in mapping.atoms if a.name == "HC21")
    assert [(p.bead, p.counts) for p in hydrogen.placements] == [("OH", False), ("HY", False)]
    assert "1 line of [ out ] not carried over" in result.output
    assert "[ chiral ]" not in result.output  # it became the label of C2


def test_the_bonds_are_asked_for(convert, butanol):
    result = convert(butanol)

    assert result.exit_code == 1
    assert f"{butanol}:2:1: error[M605]" in result.output
    assert "--structure" in result.output


def test_without_hydrogens_orders_are_called_guessed(convert, molecule_pdb, tmp_path):
    source = tmp_path / "acr.map"
    source.write_text("[ molecule ]\nACR\n[ atoms ]\n1 C1 A\n2 C2 A\n3 C3 B\n4 O4 B\n5 N5 B\n")
    pdb = molecule_pdb("C=CC(=O)N", ["C1", "C2", "C3", "O4", "N5"], "ACR", hydrogens=False)
    result = convert(source, "--structure", pdb)

    assert result.exit_code == 0
    assert "W605" in result.output
    assert "C1=C2, C2-C3, C3=O4, C3-N5" in result.output


def test_residues_of_installed_mappings_need_no_structure(convert, tmp_path):
    source = tmp_path / "gly.map"
    source.write_text(GLY)
    result = convert(source)

    assert result.exit_code == 0
    assert "N-CA, CA-C, C=O, C-+N" in result.output


def test_a_structure_without_the_residue(convert, butanol, molecule_pdb, tmp_path):
    other = molecule_pdb("CCO", ["C1", "C2", "O"], "EOH")
    two = tmp_path / "two.pdb"
    lines = other.read_text().split("\n")
    two.write_text("\n".join([*lines[:9], *(n.replace("EOH     1", "EOX     2") for n in lines)]))
    result = convert(butanol, "--structure", two)

    assert result.exit_code == 1
    assert "error[M606]" in result.output
    assert "has no residue BUOH" in result.output


def test_a_folder(convert, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "x.yaml").write_text(YAML)
    (folder / "gly.map").write_text(GLY)
    (folder / "bad.yaml").write_text(YAML.replace("P2AA", "P2AAc"))
    (folder / "bead_types.yaml").write_text("X_A: 0\n")
    result = convert(folder, "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["gly.map", "x.map"]
    assert "bad.yaml:4:9: error[M201]" in result.output
    assert "list of bead types" in result.output
    assert "4 sources, 2 results, 0 warnings, 2 refused" in result.output


def test_to_yaml_and_back(convert, tmp_path):
    source = tmp_path / "x.map"
    source.write_text("molecule: X\natoms:\n  C1: A, B P1A, P1A 1/3, 2/3\n  HO: A !\n  N: B P1C\n")
    assert convert(source, "-o", tmp_path / "x.yaml").exit_code == 0
    assert convert(tmp_path / "x.yaml", "-o", tmp_path / "again.map").exit_code == 0

    assert load_mapping(tmp_path / "again.map").atoms == load_mapping(source).atoms


def test_to_index_groups(convert, butanol, structure, tmp_path):
    target = tmp_path / "buoh.ndx"
    assert convert(butanol, "--structure", structure, "-o", target).exit_code == 0

    assert target.read_text() == "[ HY ]\n2 4 5\n\n[ OH ]\n1 2 3 4\n"
    refused = convert(butanol, "--to", "ndx")
    assert refused.exit_code == 2
    assert "--structure" in refused.output


def test_index_groups_read_other_names_by_column(convert, tmp_path):
    mapping, ending = tmp_path / "x.map", tmp_path / "end.map"
    mapping.write_text(
        "molecule: X\natoms:\n  CA: BB P1A\n  CB: SC P1A\n  HB2, HB1: BB\n  HB3, HB2: SC\n"
    )
    ending.write_text("molecule: X\nat: chain-end\natoms:\n  OXT: BB P1Z\n")
    structure = tmp_path / "x.pdb"
    names = ["CA", "CB", "HB1", "HB2", "OXT"]
    structure.write_text(
        "".join(
            f"ATOM  {i:5d}  {name:<4s}  X A   1    {1.5 * i:8.3f}{0.0:8.3f}{0.0:8.3f}"
            f"  1.00  0.00           {name[0]}\n"
            for i, name in enumerate(names, 1)
        )
        + "END\n"
    )
    target = tmp_path / "x.ndx"
    result = convert(mapping, ending, "--structure", structure, "-o", target)
    assert result.exit_code == 0, result.output

    assert target.read_text() == "[ BB ]\n1 3 5\n\n[ SC ]\n2 4\n"


def test_a_folder_may_have_a_dot_in_its_name(convert, tmp_path):
    sources = [tmp_path / "x.yaml", tmp_path / "y.yaml"]
    for source in sources:
        source.write_text(YAML)
    assert convert(*sources, "-o", tmp_path / "maps.v3").exit_code == 0
    assert sorted(p.name for p in (tmp_path / "maps.v3").iterdir()) == ["x.map", "y.map"]


def test_a_folder_without_mappings_is_told(convert, tmp_path):
    result = convert(tmp_path)
    assert result.exit_code == 1
    assert "no mapping file" in result.output


def test_a_file_is_not_replaced_unasked(convert, tmp_path):
    source = tmp_path / "x.yaml"
    source.write_text(YAML)
    target = tmp_path / "x.map"
    target.write_text("mine")

    assert convert(source, "-o", target).exit_code == 1
    assert target.read_text() == "mine"
    assert convert(source, "-o", target, "--overwrite").exit_code == 0
    assert convert(source, "-o", source, "--overwrite").exit_code == 1
    assert source.read_text() == YAML


@pytest.mark.parametrize("content", [b"\x00\x01", b"\xff\xfe\xfa", b""])
def test_what_is_no_text(convert, tmp_path, content):
    source = tmp_path / "x.map"
    source.write_bytes(content)
    result = convert(source)

    assert result.exit_code == 1
    assert "error[M" in result.output
    assert "Traceback" not in result.output


def test_cis_lines_become_labels_of_double_bonds(convert, molecule_pdb, tmp_path):
    source = tmp_path / "but.map"
    source.write_text(
        "[ molecule ]\nBUT\n[ atoms ]\n1 C1 A\n2 C2 A\n3 C3 B\n4 C4 B\n[ cis ]\nC1 C2 C3 C4\n"
    )
    result = convert(
        source, "--structure", molecule_pdb("C/C=C\\C", ["C1", "C2", "C3", "C4"], "BUT")
    )

    assert "C2=C3: Z" in result.output
    assert "[ cis ]" not in result.output


def test_a_structure_that_cannot_be_read_ends_it(convert, butanol, tmp_path):
    result = convert(butanol, "--structure", tmp_path / "none.pdb")

    assert result.exit_code == 1
    assert "none.pdb" in str(result.exception)
    assert "M606" not in result.output


def test_sources_of_one_name_go_into_folders_of_their_own(convert, tmp_path):
    for folder in ("one", "two", "two/one"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "x.yaml").write_text(YAML)
    (tmp_path / "in" / "two" / "y.yaml").write_text(YAML.replace("X", "Y"))
    result = convert(tmp_path / "in", "-o", tmp_path / "out", "--to", "yaml")
    assert result.exit_code == 0, result.output
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.yaml"))
    assert found == ["one/x.yaml", "two/one/x.yaml", "two/x.yaml", "y.yaml"]
