"""Coarse-grained files of real simulations: the protein in them becomes atoms."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from herobm.io import open_trajectory, read_atoms, read_beads
from herobm.types import Atoms

pytestmark = pytest.mark.shared_data


class Case(NamedTuple):
    """A file, and what must become of its protein."""

    path: str
    n_residues: int
    n_chains: int
    flags: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


CASES = {
    "ubiquitin": Case("martinize2_outputs/1UBQ_cg.pdb", 76, 1, (), ("GLY 76 of chain A",)),
    "lysozyme with Go sites": Case(
        "martinize2_outputs/lysozyme_GO_cg.pdb", 129, 1, (), ("LEU 129 of chain A",)
    ),
    "YidC": Case("m3_6al2_pope_popg/martinize_6AL2_CG.pdb", 484, 1),
    "YidC in a membrane": Case("m3_6al2_pope_popg/nvt_nowater.gro", 484, 1, ("--skip-unmapped",)),
    "6ZH9": Case("m3_6zh9_elastic/npt_dry.pdb", 323, 2),
    "1200 dipeptides": Case("m3_peptides_assembly/FW_v3opt_1200.gro", 2400, 1200),
    "condensate": Case("m3idp_condensate_gy23/GY23_nowater.gro", 1242, 54),
}


def atoms_of(herobm: Callable[..., tuple], path: Path, out: Path, *flags: object) -> Atoms:
    result = herobm("backmap", path, "-o", out, *flags)
    assert result.code == 0, result.err
    return read_atoms(out)


LARGE = ("1200 dipeptides", "condensate")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in LARGE else []) for n in CASES],
)
def test_real_structures(herobm, shared_data: Path, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    path = shared_data / "cg" / case.path
    result = herobm("backmap", path, "-o", tmp_path / "out.cif", *case.flags)
    assert result.code == 0, result.err
    assert f"beads of {case.n_residues} residues in {case.n_chains} chain(s)" in result.out
    atoms, beads = read_atoms(tmp_path / "out.cif"), read_beads(path, "protein")
    assert len(atoms.residues) == case.n_residues
    assert atoms.residues.names.tolist() == beads.residues.names[: case.n_residues].tolist()
    assert atoms.residues.ids.tolist() == beads.residues.ids[: case.n_residues].tolist()
    oxt = [atoms.residues.label(i) for i in atoms.residue_index[atoms.names == "OXT"].tolist()]
    assert len(oxt) == case.n_chains
    if case.ends:
        assert tuple(oxt) == case.ends
    backbone = Counter(atoms.names.tolist())
    assert all(backbone[atom] == case.n_residues for atom in ("N", "CA", "C", "O"))
    if beads.box is not None:
        assert atoms.box == pytest.approx(beads.box, abs=0.01)


@pytest.mark.slow
def test_no_protein_is_torn(herobm, shared_data: Path, tmp_path: Path) -> None:
    """Neighbours of the condensate are bonded, though the box cuts chains and residues."""
    path = shared_data / "cg/m3idp_condensate_gy23/GY23_nowater.gro"
    atoms = atoms_of(herobm, path, tmp_path / "out.cif")
    carbon = atoms.positions[atoms.names == "C"]
    nitrogen = atoms.positions[atoms.names == "N"]
    follows = np.diff(atoms.residues.ids) == 1
    gaps = np.linalg.norm(nitrogen[1:] - carbon[:-1], axis=1)[follows]
    assert len(gaps) == 1242 - 54
    assert gaps.max() < 3.0


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("m3idp_condensate_gy23/GY23_nowater.gro", marks=pytest.mark.slow),
        "m3_6al2_pope_popg/nvt_nowater.gro",
    ],
)
def test_no_peptide_stays_twisted(herobm, shared_data: Path, tmp_path: Path, path: str) -> None:
    """The network leaves dozens in the condensate; one may be left for ``consistency``."""
    flags = ["-o", tmp_path / "out.cif", "--skip-unmapped"]
    result = herobm("backmap", shared_data / "cg" / path, *flags)
    assert result.code == 0, result.err
    assert re.search(r"peptides off by more than 30 degrees  [1-9]\d* -> [01]\n", result.out)
    assert "peptides          0 cis (not proline), 0 twisted" in result.out


@pytest.mark.parametrize(
    "path", ["m3_6zh9_elastic/npt_dry.pdb", "m3_6al2_pope_popg/nvt_nowater.gro"]
)
def test_a_minimised_frame_is_sound(herobm, shared_data: Path, tmp_path: Path, path: str) -> None:
    """Beads that no atoms reach may not turn peptides, nor keep bonds and angles bent."""
    out = tmp_path / "out.pdb"
    flags = ["-o", out, "--selection", "protein", "--post", "default,minimise"]
    result = herobm("backmap", shared_data / "cg" / path, *flags)
    assert result.code == 0, result.err
    judged = herobm("report", out, "--json", tmp_path / "report.json")
    assert judged.code == 0, judged.err
    found = json.loads((tmp_path / "report.json").read_text())["figures"]
    assert found["twisted_peptides"] == 0
    assert found["cis_peptides"] == 0
    assert found["bond_outliers"] < 0.005
    assert found["angle_outliers"] < 0.08
    assert found["chirality_errors"] == 0


def test_disulfides_of_lysozyme_are_named(herobm, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "cg/martinize2_outputs/lysozyme_GO_cg.pdb"
    result = herobm("backmap", path, "-o", tmp_path / "out.pdb")
    assert "left out: 129 virtual sites" in result.err
    bridges = [(6, 127), (30, 115), (64, 80), (76, 94)]
    listed = ", ".join(f"CYS {i} of chain A-CYS {j} of chain A" for i, j in bridges)
    assert f"disulfides        {listed}" in result.out
    records = (tmp_path / "out.pdb").read_text().splitlines()
    named = [(int(r[17:21]), int(r[31:35])) for r in records if r.startswith("SSBOND")]
    assert named == bridges


def test_lipids_stop_the_run_unless_they_are_left_out(
    herobm, shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "cg/m3_6al2_pope_popg/nvt_nowater.gro"
    result = herobm("backmap", path, "-o", tmp_path / "out.pdb")
    assert result.code == 1
    assert "no residue POPE: 346 (first: POPE 485); POPG: 92 (first: POPG 662)" in result.err
    assert "--skip-unmapped" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("flags", [(), ("--skip-unmapped",), ("--mapping", "martini3")])
def test_lipids_alone_are_refused(
    herobm, shared_data: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    path = shared_data / "cg/m3_mix8_419lipids/mix8_419lipids_nowater.gro"
    result = herobm("backmap", path, "-o", tmp_path / "out.pdb", *flags)
    assert result.code == 1
    for lipid in ("CHOL", "POPC", "SSM", "DLPE", "PAPC", "PAPS", "POPE", "SAP6"):
        assert f" {lipid}: " in result.err
    assert "--mapping my.map" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "path",
    [
        "martinize2_outputs/bpti_cg.pdb",
        "martinize2_outputs/mini-protein1_betasheet_cg.pdb",
        "m2_lspa_cg2at/CG_input_nowater.pdb",
    ],
)
def test_martini_2_is_known_and_rebuilt(
    herobm, shared_data: Path, tmp_path: Path, path: str
) -> None:
    flags = ["-o", tmp_path / "out.pdb", "--skip-unmapped"]
    result = herobm("backmap", shared_data / "cg" / path, *flags)
    assert result.code == 0
    assert "note: mapping: martini3/martini2" in result.err
    assert "chirality errors  0" in result.out
    assert len(read_atoms(tmp_path / "out.pdb")) > 200


def test_alpha_carbons_of_a_disordered_chain(herobm, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "cg/ca_ped_ensembles/PED00003_ca.pdb"
    result = herobm("backmap", path, "-o", tmp_path / "out.pdb")
    assert "has no residue UNK: 2 (first: UNK 1 of chain X)" in result.err
    flags = ["-o", tmp_path / "out.pdb", "--skip-unmapped"]
    result = herobm("backmap", path, *flags)
    assert result.code == 0, result.err
    atoms = read_atoms(tmp_path / "out.pdb")
    assert {"N", "CA", "C", "O", "CB"} <= set(atoms.names.tolist())
    assert "chirality errors  0" in result.out


def test_a_packed_file(herobm, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "cg/martinize2_outputs/lysozyme_GO_cg.pdb"
    (tmp_path / "cg.pdb.gz").write_bytes(gzip.compress(path.read_bytes()))
    plain = atoms_of(herobm, path, tmp_path / "1.pdb")
    packed = atoms_of(herobm, tmp_path / "cg.pdb.gz", tmp_path / "2.pdb")
    assert np.array_equal(plain.positions, packed.positions)


@pytest.mark.slow
def test_a_trajectory(herobm, shared_data: Path, tmp_path: Path) -> None:
    folder, out = shared_data / "cg/m3_6zh9_elastic", tmp_path / "out.xtc"
    flags = ["-f", folder / "traj_100.xtc", "-o", out]
    result = herobm("backmap", folder / "npt_dry.pdb", *flags)
    assert result.code == 0, result.err
    assert result.out.startswith("100 frames of 791 beads of 323 residues in 2 chain(s)")
    first = read_atoms(tmp_path / "out.pdb")
    with (
        open_trajectory(tmp_path / "out.pdb", out) as atoms,
        open_trajectory(folder / "npt_dry.pdb", folder / "traj_100.xtc") as beads,
    ):
        assert len(atoms) == len(beads) == 100
        for fine, coarse in zip(atoms, beads, strict=True):
            assert fine.time == coarse.time
            assert fine.box == pytest.approx(coarse.box)
            alpha = fine.positions[first.names == "CA"]
            backbone = coarse.positions[beads.topology.names == "BB"]
            away = alpha - backbone
            away -= coarse.box[:3] * np.rint(away / coarse.box[:3])
            assert np.linalg.norm(away, axis=1).max() < 3.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "n_residues"),
    [
        ("martinize2_outputs/1UBQ_aa.pdb", 76),
        ("m3_6al2_pope_popg/aa_6AL2_A.pdb", 484),
        ("m3_6al2_pope_popg/aa_charmm36_frame.gro", 484),
        ("m3_6zh9_elastic/aa_crystal_6ZH9_clean.pdb", 323),
        ("m2_a2a_membrane/aa_A2a_atomistic.pdb", 308),
        ("m2_lspa_cg2at/aa_AT_input.pdb", 156),
        ("cg2all_1ab1_formats/1ab1_A.pdb", 46),
    ],
)
def test_real_atoms_there_and_back(
    herobm, shared_data: Path, tmp_path: Path, path: str, n_residues: int
) -> None:
    source = shared_data / "cg" / path
    flags = ["--mapping", "martini3", "-o", tmp_path / "cg.cif", "--skip-unmapped"]
    result = herobm("coarsen", source, *flags)
    assert result.code == 0, result.err
    assert f"beads of {n_residues} residues" in result.out
    back = atoms_of(herobm, tmp_path / "cg.cif", tmp_path / "back.cif")
    given = read_atoms(source, "protein")
    assert len(back.residues) == n_residues
    assert back.residues.ids.tolist() == given.residues.ids.tolist()
    assert back.residues.names.tolist() == given.residues.names.tolist()


def test_no_centre_is_left_flat(herobm, shared_data: Path, tmp_path: Path) -> None:
    """In this frame ``backbone`` used to flatten C-alpha of PHE 131, which came out as D."""
    folder, out = shared_data / "cg/m3_6zh9_elastic", tmp_path / "out.xtc"
    frames = ("-f", folder / "traj_100.xtc", "-b", 40, "-e", 41)
    result = herobm("backmap", folder / "npt_dry.pdb", *frames, "-o", out)
    assert result.code == 0, result.err
    assert "flat centres" not in result.out
    judged = herobm("report", out.with_suffix(".pdb"), out, "--json", tmp_path / "report.json")
    assert judged.code == 0, judged.err
    counts = json.loads((tmp_path / "report.json").read_text())["counts"]
    assert (counts["chirality_errors"], counts["flat_centres"]) == (0, 0)
