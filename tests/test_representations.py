"""Protein representations other than Martini 3: against files that other programs made."""

from __future__ import annotations

import runpy
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from herobm.assembly.choice import choose_mapping
from herobm.io import read_atoms, read_beads
from herobm.nn.config import ModelConfig
from herobm.plan import Library, compile_library, project, reconstruct
from herobm.plugins import load_registry
from herobm.plugins.registry import Registry
from herobm.system import coarsen, count_fitting
from herobm.testing.given import given
from herobm.train.corpus import build_corpus
from herobm.train.dataset import read_dataset, write_dataset
from herobm.types import Atoms, Beads
from herobm.weights.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parent.parent
CG2ALL = "cg/cg2all_1ab1_formats/1ab1_A"
SETS = ("ca", "com", "sc", "ca-sc", "ca-com", "n-ca-c", "n-ca-c-o", "primo")
ALL = (*(f"ca_only/{name}" for name in SETS), "martini3/elnedyn", "martini3/martini2")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def crambin(shared_data: Path) -> Atoms:
    return read_atoms(shared_data / f"{CG2ALL}.pdb")


def library(registry: Registry, name: str) -> Library:
    return compile_library(registry.mapping(name))


def by_place(beads: Beads) -> dict[tuple[int, str], np.ndarray]:
    numbers = beads.residues.ids[beads.residue_index].tolist()
    return dict(zip(zip(numbers, beads.names.tolist(), strict=True), beads.positions, strict=True))


def off(ours: Beads, theirs: Beads) -> dict[str, np.ndarray]:
    """Å between beads of equal residue and name, by bead name."""
    a, b = by_place(ours), by_place(theirs)
    assert a.keys() == b.keys()
    found = defaultdict(list)
    for place in a:
        found[place[1]].append(np.linalg.norm(a[place] - b[place]))
    return {name: np.array(values) for name, values in found.items()}


def test_the_files_are_those_that_the_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "make_protein_maps.py"))
    for wanted in script["SETS"]:
        there = {p.stem: p.read_text() for p in wanted.folder.glob("*.map")}
        assert there == script["make"](wanted), "run python docs/make_protein_maps.py"


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("calpha", "ca_only/ca"),
        ("bb", "ca_only/n-ca-c"),
        ("mc", "ca_only/n-ca-c-o"),
        ("primo", "ca_only/primo"),
        ("martini", "martini3/martini2"),
    ],
)
def test_beads_lie_where_cg2all_has_them(
    shared_data: Path, registry: Registry, crambin: Atoms, file: str, name: str
) -> None:
    theirs = read_beads(shared_data / f"{CG2ALL}.{file}.pdb")
    distances = off(coarsen(crambin, library(registry, name)), theirs)
    for values in distances.values():
        assert (values > 0.2).sum() <= 2  # amide hydrogens, and OXT
        assert np.median(values) < 0.002


@pytest.mark.shared_data
def test_centres_of_mass_lie_near_those_of_cg2all(
    shared_data: Path, registry: Registry, crambin: Atoms
) -> None:
    theirs = read_beads(shared_data / f"{CG2ALL}.cacm.pdb")
    distances = off(coarsen(crambin, library(registry, "ca_only/ca-com")), theirs)
    assert distances["CA"].max() < 0.002
    assert distances["CM"].mean() < 0.10  # cg2all counts hydrogens
    both = off(
        coarsen(crambin, library(registry, "ca_only/com")),
        theirs.subset(theirs.names == "CM"),
    )
    assert both["CM"] == pytest.approx(distances["CM"], abs=1e-6)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("calpha", "ca_only/ca"),
        ("sc", "ca_only/sc"),
        ("casc", "ca_only/ca-sc"),
        ("cacm", "ca_only/ca-com"),
        ("bb", "ca_only/n-ca-c"),
        ("mc", "ca_only/n-ca-c-o"),
        ("primo", "ca_only/primo"),
        ("martini", "martini3/martini2"),
        ("martini3", "martini3/protein"),
    ],
)
def test_the_set_is_found_from_the_beads(
    shared_data: Path, registry: Registry, file: str, name: str
) -> None:
    beads = read_beads(shared_data / f"{CG2ALL}.{file}.pdb")
    assert choose_mapping(beads, registry) == name
    assert count_fitting(beads, library(registry, name)) == (46, 46)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "residues"),
    [
        ("m2_a2a_membrane/run1_protein_lipids.gro", 302),
        ("m2_lspa_cg2at/CG_input_nowater.pdb", 156),
    ],
)
def test_proteins_of_real_martini_2_systems_fit(
    shared_data: Path, registry: Registry, file: str, residues: int
) -> None:
    beads = read_beads(shared_data / "cg" / file)
    assert choose_mapping(beads, registry) == "martini3/martini2"
    assert count_fitting(beads, library(registry, "martini3/martini2"))[0] == residues


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("code", ["154l", "1aqb"])
def test_real_structures_come_back(
    shared_data: Path, registry: Registry, name: str, code: str
) -> None:
    seen = given(shared_data / "proteins" / "test" / f"{code}.pdb.gz", registry, name)
    beads = seen.topology.beads.positions
    back = reconstruct(seen.plan, beads, project(seen.plan, beads, seen.positions))
    known = np.isfinite(seen.positions[:, 0]) & np.isfinite(back[:, 0])
    assert known.mean() > 0.95
    np.testing.assert_allclose(back[known], seen.positions[known], atol=1e-6)


@pytest.mark.shared_data
def test_nothing_is_asked_of_beads_that_are_one_atom(
    shared_data: Path, registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "two.safetensors"
    folder = shared_data / "proteins" / "test"
    structures = [(code, read_atoms(folder / f"{code}.pdb.gz")) for code in ("154l", "1aqb")]
    write_dataset(path, structures, registry.mapping("ca_only/n-ca-c-o"))
    data = read_dataset(path)
    vocabulary = Vocabulary.of(compile_library(data.mappings))
    corpus, _ = build_corpus(data, vocabulary, ModelConfig())
    beads = [(entry.residue, bead) for entry in vocabulary.entries for bead in entry.beads]
    # Kinds of residue that are seen less often than twenty times are asked, to be safe.
    for residue in ("ALA", "ARG"):
        asked = {
            bead: corpus.asked[corpus.types == number]
            for number, (name, bead) in enumerate(beads)
            if name == residue
        }
        assert not asked["N"].any()
        assert not asked["O"].any()
        assert asked["CA"].all()
        assert len(asked["C"]) > 20
    ends = torch.tensor([number for number, (_, bead) in enumerate(beads) if bead == "C"])
    common = torch.bincount(corpus.types)[corpus.types] >= 20
    carbons = torch.isin(corpus.types, ends) & common
    assert corpus.asked[carbons].float().mean() < 0.05  # of OXT, at the end of a chain
