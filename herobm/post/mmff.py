"""MMFF94 by RDKit, for molecules that the force fields of OpenMM do not know."""

from __future__ import annotations

from typing import Any

import numpy as np

from herobm.post.bonding import Assembly
from herobm.post.molecules import ResiduePart, heavy_molecule, sanitize, set_positions
from herobm.types import FloatArray, IntArray

#: Å, how far around a molecule the others keep it from running into them.
SURROUNDINGS = 7.0
#: kcal/mol/Å², what holds the heavy atoms of a relaxed molecule, beyond `SLACK` Å.
HOLD, SLACK = 100.0, 0.05


def relax(
    assembly: Assembly, parts: list[ResiduePart], positions: FloatArray, held: bool
) -> tuple[FloatArray, float, float] | None:
    """Relax one molecule by MMFF94 with everything else fixed.

    Parameters
    ----------
    assembly : Assembly
    parts : list of ResiduePart
        Its residues, with hydrogens.
    positions : FloatArray, shape (n_atoms, 3)
        Å, of all atoms.
    held : bool
        Whether heavy atoms are held near where they are.

    Returns
    -------
    positions : FloatArray, shape (n_atoms, 3)
    before, after : float
        Energies in kJ/mol.

    None is returned where MMFF94 has no parameters for the molecule.
    """
    from rdkit import rdBase
    from rdkit.Chem import rdForceFieldHelpers

    mol, rows = _whole_molecule(assembly, parts)
    n_own = len(rows)
    near = _near(assembly, positions, rows)
    _add_surroundings(mol, assembly.atoms.symbols[near].tolist())
    sanitize(mol, parts[0].mapping.name)
    every = np.concatenate([rows, near])
    set_positions(mol, dict(enumerate(positions[every])))
    with rdBase.BlockLogs():
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
        if properties is None:
            return None
        force = rdForceFieldHelpers.MMFFGetMoleculeForceField(
            mol, properties, ignoreInterfragInteractions=False
        )
    force.Initialize()
    for number in range(n_own, len(every)):
        force.AddFixedPoint(number)
    before = float(force.CalcEnergy())
    if held:
        for number in range(n_own):
            if mol.GetAtomWithIdx(number).GetAtomicNum() > 1:
                force.MMFFAddPositionConstraint(number, SLACK, HOLD)
    force.Minimize(maxIts=2000)
    moved = positions.copy()
    moved[rows] = np.array(force.Positions()).reshape(-1, 3)[:n_own]
    return moved, before * 4.184, _energy(mol, properties, moved[every]) * 4.184


def _energy(mol: Any, properties: Any, positions: FloatArray) -> float:
    from rdkit.Chem import rdForceFieldHelpers

    set_positions(mol, dict(enumerate(positions)))
    force = rdForceFieldHelpers.MMFFGetMoleculeForceField(
        mol, properties, ignoreInterfragInteractions=False
    )
    return float(force.CalcEnergy())


def _whole_molecule(assembly: Assembly, parts: list[ResiduePart]) -> tuple[Any, IntArray]:
    """Heavy atoms and hydrogens as the structure has them; row of each."""
    from rdkit import Chem

    residues = {int(assembly.atoms.residue_index[r]) for p in parts for r in p.rows.values()}
    owners = assembly.atoms.residue_index[assembly.bonds]
    within = np.isin(owners, list(residues)).all(axis=1)
    across = assembly.bonds[within & (owners[:, 0] != owners[:, 1])].tolist()
    mol, index = heavy_molecule(parts, [(one, two) for one, two in across])
    number = {p.rows[n]: i for p, table in zip(parts, index, strict=True) for n, i in table.items()}
    rows = [row for row, _ in sorted(number.items(), key=lambda item: item[1])]
    heavy = assembly.heavy
    for one, two in assembly.bonds[within].tolist():
        if heavy[one] == heavy[two]:
            continue
        parent, hydrogen = (one, two) if heavy[one] else (two, one)
        added = mol.AddAtom(Chem.Atom("H"))
        mol.AddBond(number[parent], added, Chem.BondType.SINGLE)
        rows.append(hydrogen)
    for atom in mol.GetAtoms():
        atom.SetNumExplicitHs(0)
        atom.SetNoImplicit(True)
    return mol, np.array(rows, dtype=np.int64)


def _near(assembly: Assembly, positions: FloatArray, rows: IntArray) -> IntArray:
    """Heavy atoms of other molecules around these."""
    from scipy.spatial import cKDTree

    others = np.setdiff1d(np.flatnonzero(assembly.heavy), rows)
    if not len(others):
        return others
    gaps, _ = cKDTree(positions[rows]).query(positions[others])
    near: IntArray = others[gaps < SURROUNDINGS]
    return near


def _add_surroundings(mol: Any, symbols: list[str]) -> None:
    """Add atoms that only take up room, each with as many hydrogens as its element has."""
    from rdkit import Chem

    for symbol in symbols:
        mol.AddAtom(Chem.Atom(symbol if symbol in ("C", "N", "O", "S") else "S"))
