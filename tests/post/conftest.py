"""Peptides with their beads, and the context that the steps get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from herobm.dsl import load_set
from herobm.plan import Library, compile_library
from herobm.plan.bonds import plan_bonds
from herobm.plugins.step_context import StepContext
from herobm.system import build_topology, coarsen
from herobm.types import Atoms, FloatArray, Residues

SEQUENCE = "MAGPSHFW"


class Case(NamedTuple):
    """Atoms in the order of their plan, and the context of a step on them."""

    atoms: Atoms
    context: StepContext
    told: list[str]

    def shaken(self, by: float, seed: int = 1) -> Atoms:
        """Return the atoms with noise of a standard deviation in Å on them."""
        noise = np.random.default_rng(seed).normal(0.0, by, self.atoms.positions.shape)
        return replace(self.atoms, positions=self.atoms.positions + noise)

    def beads_moved(self, shift: FloatArray) -> StepContext:
        """Return the context with the beads moved."""
        beads = self.context.beads
        assert beads is not None
        return replace(self.context, beads=replace(beads, positions=beads.positions + shift))


@pytest.fixture
def case(peptide: Callable[[str], Atoms], martini3: Library) -> Case:
    """A peptide of every kind of residue that matters, and its Martini 3 beads."""
    atoms = peptide(SEQUENCE)
    topology = build_topology(coarsen(atoms, martini3), martini3)
    told: list[str] = []
    context = StepContext(
        beads=topology.beads,
        topology=topology,
        bonds=plan_bonds(topology.plan, topology.links.previous),
        report=told.append,
    )
    return Case(atoms, context, told)


#: Caffeine without hydrogens, and what its mapping calls the atoms.
CAFFEINE = "CN1C=NC2=C1C(=O)N(C)C(=O)N2C"
CAFFEINE_NAMES = "C14 N7 C8 N9 C4 C5 C6 O13 N1 C10 C2 O11 N3 C12".split()
LIGANDS = (
    Path(__file__).resolve().parents[2] / "plugins/custom_ligand/src/herobm_custom_ligand/maps"
)


@pytest.fixture(scope="session")
def caffeine() -> tuple[Atoms, StepContext]:
    """Heavy atoms of caffeine, and a context that knows its mapping."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    mol = Chem.AddHs(Chem.MolFromSmiles(CAFFEINE))
    assert AllChem.EmbedMolecule(mol, randomSeed=5) == 0
    mol = Chem.RemoveHs(mol)
    residues = Residues(np.array(["CFF"]), np.array([900]), np.array([""]), np.array(["L"]))
    atoms = Atoms(
        positions=mol.GetConformer().GetPositions(),
        names=np.array(CAFFEINE_NAMES),
        residue_index=np.zeros(14, dtype=np.int64),
        residues=residues,
        elements=np.array([a.GetSymbol() for a in mol.GetAtoms()]),
    )
    library = compile_library(load_set([LIGANDS / "cff.map"], "ligands"))
    topology = build_topology(coarsen(atoms, library), library)
    return atoms, StepContext(topology=topology, beads=topology.beads)
