"""Thermal ensembles: the temperature, the chemistry, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from herobm.chem.conformers.force_field import ForceField
from herobm.chem.conformers.langevin import BOLTZMANN, Langevin, Sampling, sample_ensemble
from herobm.dsl import load_set
from herobm.dsl.model import Mapping
from herobm.errors import DslCheckError

ROOT = Path(__file__).resolve().parents[3]
CAFFEINE = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps/cff.map"


def read(text: str, folder: Path) -> Mapping:
    path = folder / "one.map"
    path.write_text(text)
    return load_set([path], "one").mappings[0]


@pytest.fixture(scope="module")
def caffeine() -> Mapping:
    return load_set([CAFFEINE], "caffeine").mappings[0]


@pytest.mark.parametrize("temperature", [150.0, 300.0])
@pytest.mark.parametrize("stiffness", [5.0, 1000.0])  # a torsion, a double bond
def test_springs_are_sampled_at_the_temperature(temperature: float, stiffness: float) -> None:
    walk = Langevin(lambda x: stiffness * x, temperature, np.random.default_rng(0))
    motion = walk.begin(np.zeros((2000, 3)))
    squares = []
    for _ in range(8):
        motion = walk.run(motion, 500)
        squares.append((motion.positions**2).mean())
    expected = BOLTZMANN * temperature / stiffness
    assert np.mean(squares) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("permittivity", [None, 4.0])
def test_a_force_field_can_be_sent_to_another_process(permittivity: float | None) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("CC(=O)[O-]"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    here = ForceField(mol, permittivity=permittivity)
    there = pickle.loads(pickle.dumps(here))
    positions = mol.GetConformer().GetPositions()
    (energy, slopes), (again, same) = here(positions), there(positions)
    assert (there.name, again) == (here.name, pytest.approx(energy, abs=1e-12))
    np.testing.assert_allclose(same, slopes, atol=1e-12)
    assert np.abs(slopes).max() > 1.0


def test_a_molecule_is_sampled_at_the_temperature_with_its_chemistry(caffeine: Mapping) -> None:
    found = sample_ensemble(caffeine, Sampling(n_frames=60, n_starts=3, seed=1))
    assert found.positions.shape == (60, 24, 3)
    assert found.start.tolist() == [0] * 20 + [1] * 20 + [2] * 20
    assert found.temperature == pytest.approx(300.0, rel=0.08)
    names = found.atoms.names.tolist()
    assert names == [atom.name for atom in caffeine.atoms]
    carbonyl = found.positions[:, names.index("C2")] - found.positions[:, names.index("O11")]
    lengths = np.linalg.norm(carbonyl, axis=1)
    assert lengths.mean() == pytest.approx(1.22, abs=0.02)
    assert 0.01 < lengths.std() < 0.04  # sqrt(kT / k) is 0.02 Å for a carbonyl


def test_the_seed_fixes_an_ensemble(caffeine: Mapping) -> None:
    runs = [
        sample_ensemble(caffeine, Sampling(n_frames=2, n_starts=1, seed=seed)).positions
        for seed in (3, 3, 4)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert not np.allclose(runs[0], runs[2])


def test_labels_hold_in_every_snapshot(tmp_path: Path) -> None:
    alanine = read(
        "molecule: ALM\natoms:\n  N: B1 P1A\n  CA: B1 P1B\n  CB: B1 P2BA\n  C: B2 P1A\n"
        "  O: B2 P2AA\n  OXT: B2 P2AB\nbonds:\n  N-CA, CA-CB, CA-C, C=O, C-OXT\n"
        "charges:\n  N: +1\n  OXT: -1\nstereo:\n  CA: S\n",
        tmp_path,
    )
    found = sample_ensemble(alanine, Sampling(n_frames=20, n_starts=5))
    n, ca, cb, c = found.positions[:, :4].transpose(1, 0, 2)
    volume = np.einsum("fx,fx->f", np.cross(n - ca, c - ca), cb - ca)
    assert (volume < 0).all() or (volume > 0).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("atoms:\n  C1: B1 P1A\n  C2: B1 P1B\n  O1: B1 P1C\nbonds:\n  C1-C2\n", "do not hang"),
        ("atoms:\n  C1: B1 P1A\n  N1: B1 P1B\nbonds:\n  C1-N1, C1-+N1\n", "in a chain"),
        ("atoms:\n  C1: B1 P1A\n  C2: B1 P1B\n", "do not hang together"),
    ],
)
def test_what_is_no_whole_molecule_is_refused(text: str, message: str, tmp_path: Path) -> None:
    mapping = read("molecule: BAD\n" + text, tmp_path)
    with pytest.raises(DslCheckError, match=message):
        sample_ensemble(mapping, Sampling(n_frames=2, n_starts=1))
