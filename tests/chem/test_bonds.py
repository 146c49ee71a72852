"""Bonds and orders from distances, against the molecules they were made from."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from herobm.chem.bonds import perceive_bonds, perceive_orders

#: Phenylalanine, arginine, a histidine with two protons, a nitro group, sulfonamide, phosphate,
#: an alkyne, a nitrile, caffeine, an acid, thiophene.
SMILES = [
    "CC(=O)N[C@@H](Cc1ccccc1)C(=O)NC",
    "CC(=O)N[C@@H](CCCNC(N)=[NH2+])C(=O)NC",
    "c1c[nH]c[nH+]1",
    "c1ccccc1[N+](=O)[O-]",
    "CS(=O)(=O)Nc1ccccc1",
    "COP(=O)([O-])OCC[N+](C)(C)C",
    "CC#CCC#N",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "CC(=O)[O-]",
    "c1ccsc1Cl",
]


def embedded(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=5) == 0
    AllChem.MMFFOptimizeMolecule(mol)
    return mol


def rebuilt(elements: list[str], positions: np.ndarray) -> Chem.Mol:
    """What is perceived, as a molecule."""
    bonds = perceive_bonds(elements, positions)
    orders = perceive_orders(elements, positions, bonds)
    mol = Chem.RWMol()
    for i, element in enumerate(elements):
        atom = Chem.Atom(element)
        atom.SetFormalCharge(orders.charges.get(i, 0))
        mol.AddAtom(atom)
    kinds = {"-": Chem.BondType.SINGLE, "=": Chem.BondType.DOUBLE, "#": Chem.BondType.TRIPLE}
    for (a, b), symbol in zip(bonds.tolist(), orders.symbols, strict=True):
        mol.AddBond(a, b, kinds[symbol])
    Chem.SanitizeMol(mol)
    return mol


@pytest.mark.parametrize("smiles", SMILES)
def test_with_hydrogens_the_molecule_comes_back(smiles):
    mol = embedded(smiles)
    found = rebuilt([a.GetSymbol() for a in mol.GetAtoms()], mol.GetConformer().GetPositions())
    flat = Chem.MolFromSmiles(smiles)
    Chem.RemoveStereochemistry(flat)

    assert Chem.MolToSmiles(Chem.RemoveHs(found)) == Chem.MolToSmiles(flat)


@pytest.mark.parametrize(
    "smiles", ["CC(=O)N[C@@H](Cc1ccccc1)C(=O)NC", "CCOP(=O)([O-])OC", "CC(C)=CC", "CC(=O)OC"]
)
def test_without_hydrogens_lengths_decide(smiles):
    mol = Chem.RemoveHs(embedded(smiles))
    found = rebuilt([a.GetSymbol() for a in mol.GetAtoms()], mol.GetConformer().GetPositions())
    flat = Chem.MolFromSmiles(smiles)
    Chem.RemoveStereochemistry(flat)

    assert Chem.MolToSmiles(found) == Chem.MolToSmiles(flat)


def test_noise_of_a_simulation_does_no_harm():
    mol = embedded(SMILES[0])
    positions = mol.GetConformer().GetPositions()
    positions = positions + np.random.default_rng(1).normal(0, 0.05, positions.shape)
    elements = [a.GetSymbol() for a in mol.GetAtoms()]
    found = {tuple(sorted(pair)) for pair in perceive_bonds(elements, positions).tolist()}

    assert found == {
        tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()
    }


def test_ions_and_lone_atoms_bind_nothing():
    close = np.array([[0.0, 0, 0], [2.0, 0, 0]])

    assert len(perceive_bonds(["Na", "O"], close)) == 0
    assert perceive_bonds(["C"], close[:1]).shape == (0, 2)
