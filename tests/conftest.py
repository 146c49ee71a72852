"""Fixtures that the whole suite shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from herobm.dsl import load_set
from herobm.plan import Library, compile_library
from herobm.types import Atoms, FloatArray, Residues

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every machine, so that none fails by chance on code that has not changed.
# To look for others: pytest --hypothesis-profile=default --hypothesis-seed=N
settings.register_profile("herobm", derandomize=True)
settings.load_profile("herobm")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real structures and trajectories, beside the project where there is one."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data is not here")
    return folder


@pytest.fixture(scope="session")
def martini3() -> Library:
    """Martini 3 proteins, from the plug-in of this repository."""
    folder = ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein"
    return compile_library(load_set(sorted(folder.glob("*.map")), "martini3/protein"))


#: Centre, its way back to the backbone, and its like branches, numbered as in PDB files: the
#: triple product of the vectors to the three is negative.
LIKE_BRANCHES = {"VAL": ("CB", "CA", "CG1", "CG2"), "LEU": ("CG", "CB", "CD1", "CD2")}


@cache
def embed(sequence: str) -> Atoms:
    """Heavy atoms of a peptide of L amino acids, in some conformation, with OXT at its end."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    mol = Chem.AddHs(Chem.MolFromSequence(sequence))
    assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
    mol = Chem.RemoveHs(mol)
    known = [atom.GetPDBResidueInfo() for atom in mol.GetAtoms()]
    for info in known:  # RDKit names these two the other way round
        if info.GetResidueName() == "ILE" and info.GetName().strip() in ("CG1", "CG2"):
            info.SetName("CG2" if info.GetName().strip() == "CG1" else "CG1")
    numbers = np.array([info.GetResidueNumber() for info in known])
    order = np.argsort(numbers, kind="stable")
    first = [int(np.flatnonzero(numbers == i)[0]) for i in range(1, len(sequence) + 1)]
    residues = Residues(
        names=np.array([known[i].GetResidueName().strip() for i in first]),
        ids=np.arange(1, len(sequence) + 1),
        icodes=np.full(len(sequence), ""),
        chains=np.full(len(sequence), "A"),
    )
    positions = mol.GetConformer().GetPositions()
    names = np.array([info.GetName().strip() for info in known])
    for number, i in enumerate(first, start=1):
        quad = LIKE_BRANCHES.get(known[i].GetResidueName(), ())
        rows = [int(np.flatnonzero((numbers == number) & (names == n))[0]) for n in quad]
        if rows and np.linalg.det(positions[rows[1:]] - positions[rows[0]]) > 0:
            names[rows[2:]] = names[rows[:1:-1]]
    return Atoms(
        positions=positions[order],
        names=names[order],
        residue_index=numbers[order] - 1,
        residues=residues,
        elements=np.array([atom.GetSymbol() for atom in mol.GetAtoms()])[order],
    )


@pytest.fixture(scope="session")
def peptide() -> Callable[[str], Atoms]:
    """Make heavy atoms of a peptide from its one-letter sequence, for each test anew."""

    def made(sequence: str) -> Atoms:
        atoms = embed(sequence)
        return replace(atoms, positions=atoms.positions.copy())

    return made


@pytest.fixture(scope="session")
def two_chains() -> Callable[[Atoms, FloatArray], Atoms]:
    """Make of a chain two, the second one with its atoms elsewhere."""

    def make(one: Atoms, positions: FloatArray) -> Atoms:
        residues, n = one.residues, len(one.residues)
        return replace(
            one,
            positions=np.concatenate([one.positions, positions]),
            names=np.tile(one.names, 2),
            residue_index=np.concatenate([one.residue_index, one.residue_index + n]),
            elements=np.tile(one.elements, 2),
            residues=Residues(
                np.tile(residues.names, 2),
                np.tile(residues.ids, 2),
                np.tile(residues.icodes, 2),
                np.repeat(["A", "B"], n),
            ),
        )

    return make
