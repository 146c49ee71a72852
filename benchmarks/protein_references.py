"""Make the tables of side chains, bond lengths and bond angles from a folder of protein structures.

::

    python benchmarks/protein_references.py FOLDER -o herobm/chem/protein --only rotamers geometry
    python benchmarks/protein_references.py FOLDER -o herobm/chem/protein --manifest MANIFEST.csv
        --only side_chains

write ``rotamers.npz``, ``geometry.npz`` and ``side_chains.npz`` as they are shipped. Atoms with
temperature factors above 40 Å² do not count. With a manifest (columns ``id`` and ``resolution``)
only structures of 2.2 Å or better do. Structures are read by the mapping martini3, which knows the
amino acids.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
from runner import run_main

import herobm
from herobm.chem.protein import geometry, rotamers, side_chains
from herobm.chem.protein.chi import Chi, find_chi
from herobm.chem.protein.skeleton import group_labels
from herobm.errors import StructureError
from herobm.io.find import structure_files
from herobm.plan import Library, compile_library
from herobm.plan.bonds import angles_of, plan_bonds
from herobm.plan.plan import Plan
from herobm.plan.template import within_residue
from herobm.system.atomistic import coarse_grain
from herobm.system.neighbours import pair_distances
from herobm.types import FloatArray, IntArray

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

#: Å², atoms with larger temperature factors do not count.
LARGEST_B = 40.0
#: Å, worst resolution of structures that count.
WORST = 2.2
#: Residues of a kind that it takes to make a table.
FEWEST = 500
#: Kinds of bonds and angles that are seen less often have no reference.
FEWEST_VALUES = 50
#: Standard deviations beyond which a value does not count for the table (a fault of a model).
TRIM = 6.0
TABLES = ("rotamers", "side_chains", "geometry")


class Kind:
    """Residues of a kind, and what of them does not change.

    Parameters
    ----------
    skeleton : str
        See `herobm.chem.protein.skeleton.skeleton`.
    plan : Plan
        That has such a residue.
    residue : int
    chi : sequence of Chi
    """

    def __init__(self, skeleton: str, plan: Plan, residue: int, chi: Sequence[Chi]) -> None:
        self.atoms = skeleton.split()
        template = plan.library.templates[plan.template[residue]]
        place = {name: i for i, name in enumerate(self.atoms)}
        known = [(a, b) for a, b, _ in within_residue(template.mapping.bonds)]
        inside = [(place[a], place[b]) for a, b in known if a in place and b in place]
        self.bonds = np.array(inside)
        self.angles = angles_of(self.bonds, len(self.atoms))
        quads = [c.atoms[residue] for c in chi if c.atoms[residue].min() >= 0]
        self.chi = np.array([[place[str(plan.atom_names[i])] for i in quad] for quad in quads])
        self.parts: list[FloatArray] = []

    def beyond(self) -> np.ndarray | None:
        """Atoms that turn with each angle, shape (n_chi, n_atoms); None if a ring keeps them."""
        graph = nx.Graph(self.bonds.tolist())
        found = np.zeros((len(self.chi), len(self.atoms)), bool)
        for row, (_, one, two, _) in zip(found, self.chi.tolist(), strict=True):
            graph.remove_edge(one, two)
            row[list(nx.node_connected_component(graph, two) - {two})] = True
            if row[one]:
                return None
            graph.add_edge(one, two)
        return found

    def regular(self) -> FloatArray:
        """Positions (n_atoms, 3) of the residue whose bonds and angles are nearest to the medians.

        In Å, in the frame of `herobm.chem.protein.side_chains.frames`.
        """
        every = np.concatenate(self.parts)
        numbers = np.arange(len(every))[:, None, None] * len(self.atoms)
        flat = every.reshape(-1, 3)
        lengths = pair_distances(flat, (numbers + self.bonds).reshape(-1, 2))
        angles = geometry.bond_angles(flat, (numbers + self.angles).reshape(-1, 3))
        shape = np.concatenate([v.reshape(len(every), -1) for v in (lengths, angles)], axis=1)
        off = np.abs(shape - np.median(shape, axis=0))
        best = every[((off / np.median(off, axis=0)) ** 2).sum(axis=1).argmin()]
        corners = best[[self.atoms.index(name) for name in side_chains.FRAME]]
        found: FloatArray = (best - corners[1]) @ side_chains.frames(corners[None])[0].T
        return found


class Tally:
    """What is gathered over structures."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.kinds: dict[str, Kind] = {}
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
        chi = find_chi(plan)
        for kind, (residues, angles, half) in rotamers.angles_by_kind(plan, positions, chi).items():
            whole = np.isfinite(angles).all(axis=1)
            self.chi.setdefault(kind, []).append(angles[whole].astype(np.float32))
            self.symmetric[kind] = half
            if kind not in self.kinds:
                self.kinds[kind] = Kind(kind, plan, int(residues[0]), chi)
            self._keep(self.kinds[kind], plan, residues, positions)
        bonds = plan_bonds(plan, topology.links.previous)
        bonds = bonds[np.isfinite(positions[bonds]).all(axis=(1, 2))]
        lengths = pair_distances(positions, bonds)
        self.bonds.append((group_labels(plan, bonds, geometry.BASE), lengths))
        triples = angles_of(bonds, plan.n_atoms)
        degrees = geometry.bond_angles(positions, triples)
        self.angles.append((group_labels(plan, triples, geometry.BASE), degrees))

    def _keep(self, kind: Kind, plan: Plan, residues: IntArray, positions: FloatArray) -> None:
        """Keep residues that are complete."""
        index = plan.atom_index()
        for template in np.unique(plan.template[residues]).tolist():
            names = plan.library.templates[template].atoms
            rows = index[residues[plan.template[residues] == template]]
            found = positions[rows[:, [names.index(name) for name in kind.atoms]]]
            kind.parts.append(found[np.isfinite(found).all(axis=(1, 2))])


def spread(columns: list[tuple[np.ndarray, FloatArray]]) -> geometry.Table:
    """Mean and standard deviation of each kind."""
    labels, values = zip(*columns, strict=True)
    numbers: dict[str, int] = {}
    codes = []
    for column in labels:  # one number a kind: the labels of a million angles are long
        names, inverse = np.unique(column, return_inverse=True)
        new = np.array([numbers.setdefault(str(n), len(numbers)) for n in names], np.int64)
        codes.append(new[inverse])
    names = np.array(list(numbers))
    found = spread_of_kinds(np.concatenate(codes), np.concatenate(values))
    return {str(names[code]): figures for code, figures in found.items()}


def spread_of_kinds(codes: IntArray, values: FloatArray) -> geometry.Table:
    """Mean and standard deviation of each kind, without values far off.

    Parameters
    ----------
    codes : IntArray, shape (n,)
    values : FloatArray, shape (n,)
        NaN for none.
    """
    known = np.isfinite(values)
    names, kind = np.unique(codes[known], return_inverse=True)
    values = values[known]
    kept = np.ones(len(values), bool)
    for _ in range(3):
        count = np.maximum(np.bincount(kind[kept], minlength=len(names)), 1)
        mean = np.bincount(kind[kept], values[kept], minlength=len(names)) / count
        off = values - mean[kind]
        squares = np.bincount(kind[kept], off[kept] ** 2, minlength=len(names))
        sd = np.sqrt(squares / count)
        kept = np.abs(off) <= TRIM * sd[kind]
    rows = zip(names.tolist(), mean.tolist(), sd.tolist(), count.tolist(), strict=True)
    return {code: (m, s) for code, m, s, n in rows if n >= FEWEST_VALUES}


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
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES, help="tables to write")
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
    tables, chains = {}, []
    for kind, parts in sorted(tally.chi.items()):
        angles = np.concatenate(parts)
        if len(angles) < FEWEST:
            continue
        tables[kind] = rotamers.fold(angles, tally.symmetric[kind])
        print(f"{kind}: {len(angles)} residues, {angles.shape[1]} angles")
        known = tally.kinds[kind]
        beyond = known.beyond()
        if beyond is not None:
            wells = side_chains.find_wells(angles.astype(float), tally.symmetric[kind])
            atoms = tuple(known.atoms)
            chain = side_chains.SideChain(atoms, known.regular(), known.chi, beyond, *wells)
            chains.append(chain)
            print(f"    {len(chain.share)} rotamers, {100 * chain.share.sum():.1f} %")
    bonds, angles_table = spread(tally.bonds), spread(tally.angles)
    print(f"{len(files)} structures, {len(bonds)} kinds of bonds, {len(angles_table)} of angles")
    paths = {name: chosen.output / f"{name}.npz" for name in chosen.only}
    if "rotamers" in paths:
        rotamers.save(paths["rotamers"], tables)
    if "side_chains" in paths:
        side_chains.save(paths["side_chains"], chains)
    if "geometry" in paths:
        geometry.save(paths["geometry"], bonds, angles_table)
    for path in paths.values():
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    run_main(main)
