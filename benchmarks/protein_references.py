"""Make the tables of rotamers, bond lengths and bond angles from a folder of protein structures.

::

    python benchmarks/protein_references.py FOLDER -o herobm/chem

writes ``rotamers.npz`` and ``protein_geometry.npz``. Atoms with temperature factors above 40 Å²
do not count. With ``--manifest MANIFEST.csv`` (columns ``id`` and ``resolution``) only structures
of 2.2 Å or better do. Structures are read by the mapping martini3, which knows the amino acids.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

import herobm
from herobm.chem import protein_geometry, rotamers
from herobm.chem.chi import find_chi
from herobm.chem.skeleton import group_labels
from herobm.errors import StructureError
from herobm.io.find import structure_files
from herobm.plan import Library, compile_library
from herobm.plan.bonds import angles_of, plan_bonds
from herobm.train.evaluate import coarse_grain
from herobm.types import FloatArray

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

#: Å², atoms with larger temperature factors do not count.
LARGEST_B = 40.0
#: Å, worst resolution of structures that count.
WORST = 2.2
#: Residues of a kind that it takes to make a table.
FEWEST = 500


class Tally:
    """What is gathered over structures."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.chi: dict[str, list[FloatArray]] = {}
        self.symmetric: dict[str, bool] = {}
        self.bonds: list[tuple[np.ndarray, FloatArray]] = []
        self.angles: list[tuple[np.ndarray, FloatArray]] = []

    def add(self, path: Path) -> None:
        """Count in the atoms of one structure that are well resolved."""
        atoms = herobm.read_atoms(path)
        if atoms.bfactors is not None:
            atoms = atoms.subset(atoms.bfactors <= LARGEST_B)
        topology, positions = coarse_grain(replace(atoms), self.library, path.name)
        plan = topology.plan
        for kind, (_, angles, half) in rotamers.angles_by_kind(
            plan, positions, find_chi(plan)
        ).items():
            whole = np.isfinite(angles).all(axis=1)
            self.chi.setdefault(kind, []).append(angles[whole].astype(np.float32))
            self.symmetric[kind] = half
        bonds = plan_bonds(plan, topology.links.previous)
        bonds = bonds[np.isfinite(positions[bonds]).all(axis=(1, 2))]
        lengths = protein_geometry.bond_lengths(positions, bonds)
        self.bonds.append((group_labels(plan, bonds, protein_geometry.BOND_BASE), lengths))
        triples = angles_of(bonds, plan.n_atoms)
        degrees = protein_geometry.bond_angles(positions, triples)
        self.angles.append((group_labels(plan, triples, protein_geometry.ANGLE_BASE), degrees))


def spread(columns: list[tuple[np.ndarray, FloatArray]]) -> protein_geometry.Table:
    """Mean and standard deviation of each kind."""
    labels, values = zip(*columns, strict=True)
    numbers: dict[str, int] = {}
    codes = []
    for column in labels:  # one number a kind: the labels of a million angles are long
        names, inverse = np.unique(column, return_inverse=True)
        new = np.array([numbers.setdefault(str(n), len(numbers)) for n in names], np.int64)
        codes.append(new[inverse])
    names = np.array(list(numbers))
    found = protein_geometry.spread_of_kinds(np.concatenate(codes), np.concatenate(values))
    return {str(names[code]): figures for code, figures in found.items()}


def well_resolved(files: list[Path], manifest: Path) -> list[Path]:
    """Structures that are resolved well enough."""
    with manifest.open(encoding="utf-8") as file:
        resolution = {r["id"]: float(r["resolution"] or "inf") for r in csv.DictReader(file)}
    return [f for f in files if resolution.get(f.name.partition(".")[0], WORST + 1) <= WORST]


def main() -> None:
    """Count all structures in a folder and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the tables")
    parser.add_argument("--manifest", type=Path, help="CSV file that tells resolutions")
    chosen = parser.parse_args()
    tally = Tally(compile_library(herobm.load_registry().mapping("martini3")))
    files = structure_files([chosen.folder])
    if chosen.manifest is not None:
        files = well_resolved(files, chosen.manifest)
    for path in files:
        try:
            tally.add(path)
        except StructureError as error:
            print(f"left out: {error.message}")
    tables = {}
    for kind, parts in sorted(tally.chi.items()):
        angles = np.concatenate(parts)
        if len(angles) < FEWEST:
            continue
        tables[kind] = rotamers.fold(angles, tally.symmetric[kind])
        print(f"{kind}: {len(angles)} residues, {angles.shape[1]} angles")
    rotamers.save(chosen.output / "rotamers.npz", tables)
    bonds, angles_table = spread(tally.bonds), spread(tally.angles)
    protein_geometry.save(chosen.output / "protein_geometry.npz", bonds, angles_table)
    print(f"{len(files)} structures, {len(bonds)} kinds of bonds, {len(angles_table)} of angles")
    for name in ("rotamers.npz", "protein_geometry.npz"):
        print(f"{name}: {(chosen.output / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
