"""Measure `herobm mapping suggest`: how long it takes, and how far it agrees with others' mappings.

::

    python benchmarks/suggest.py [--mappings FOLDER]

FOLDER has the mapping files of other tools: ``cgbuilder/`` (index groups of the Martini 3 small
molecules with their structures) and ``herobm/`` (YAML of two ligands), and beside it
``ligands/``. Without it only times are told.

Agreement, for the heavy atoms of one molecule:

exact
    Share of their beads that are beads of ours with the same atoms (shared or not).
pairs
    Of the pairs of atoms that lie in one bead in either mapping, the share that do in both; a pair
    counts with the product of the two shares, summed over beads, the smaller of the two mappings
    over the larger (a weighted Jaccard index).
Rand
    Adjusted Rand index (Hubert and Arabie, J. Classif. 1985, 2, 193) over the atoms that lie in
    one bead only in both mappings.

An atom alike by the symmetry of the molecule may stand for another: of up to 2000 automorphisms
the one with most exact beads, then pairs, is taken.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Geometry import Point3D
from runner import run_main

from herobm.chem.bonds import perceive_bonds, perceive_orders
from herobm.chem.suggest import suggest
from herobm.dsl.model import Mapping
from herobm.elements import element_of
from herobm.io import read_atoms

Groups: TypeAlias = list[dict[int, Fraction]]

DRUGS = Path(__file__).parent.parent / "tests" / "data" / "drugs.smi"
MOST_AUTOMORPHISMS = 2000
ZMA = "Nc1nc(NCCc2ccc(O)cc2)nc2nc(-c3ccco3)nn12"
#: What the atoms of this SMILES are called in that mapping, told from its beads and hydrogens.
#: It has no bonds, and which nitrogens N2, N3, N7 are it leaves open: there are two ways.
ZMA_NAMES = {
    "ZMA (1)": "N4 C8 N2 C5 N1 C2 C1 C3 C7 C12 C13 O2 C11 C6 N3 C4 N5 C9 C16 C15 C14 C10 O1 N6 N7",
    "ZMA (2)": "N4 C8 N7 C5 N1 C2 C1 C3 C7 C12 C13 O2 C11 C6 N2 C4 N5 C9 C16 C15 C14 C10 O1 N6 N3",
}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mappings", type=Path)
    parser.add_argument("--no-times", action="store_true", help="compare only")
    arguments = parser.parse_args()
    if not arguments.no_times:
        time_drugs()
    if arguments.mappings is not None:
        compare(arguments.mappings)


def time_drugs() -> None:
    """Time the molecules of the tests."""
    lines = [line.split() for line in DRUGS.read_text().splitlines() if not line.startswith("#")]
    seconds = {}
    for smiles, name in lines:
        mol = Chem.MolFromSmiles(smiles)
        start = time.process_time()
        suggest(mol)
        seconds[name] = time.process_time() - start
    slowest = sorted(seconds, key=seconds.__getitem__)[-3:]
    print(f"{len(seconds)} molecules, CPU seconds each: median {median(seconds.values()):.2f}")
    print("slowest: " + ", ".join(f"{name} {seconds[name]:.1f}" for name in slowest))


def median(values: Any) -> float:
    """Median of some numbers."""
    return statistics.median(list(values))


def compare(folder: Path) -> None:
    """Print a line for each molecule that others have mapped."""
    print(
        f"\n{'molecule':10} {'atoms':>5} {'theirs':>6} {'ours':>5} {'exact':>6} {'pairs':>6} Rand"
    )
    rows = []
    for name, mol, theirs in [*cgbuilder(folder / "cgbuilder"), *yamls(folder)]:
        mapping = suggest(mol)  # its atoms come in the order of the molecule
        ours = groups_of(mapping, {a.name: i for i, a in enumerate(mapping.atoms)})
        exact, pairs, index = best(mol, ours, theirs)
        rows.append((exact, pairs, index))
        heavy = sum(a.GetAtomicNum() > 1 for a in mol.GetAtoms())
        print(
            f"{name:10} {heavy:5} {len(theirs):6} {len(ours):5} "
            f"{exact:6.2f} {pairs:6.2f} {index:.2f}"
        )
    exact, pairs, index = np.mean(rows, axis=0)
    print(f"mean over molecules: exact {exact:.2f}, pairs {pairs:.2f}, Rand {index:.2f}")


def cgbuilder(folder: Path) -> Iterator[tuple[str, Any, Groups]]:
    """Index groups over the atoms of a PDB file; atoms listed twice count double."""
    for structure in sorted(folder.glob("*_LigParGen.pdb")):
        stem = structure.name.split("_")[0]
        index = sorted(folder.glob(f"{stem}_*cgbuilder*.ndx"))[-1]
        mol = perceived(structure)
        found = []
        for part in index.read_text().split("[")[1:]:
            _title, _, rest = part.partition("]")
            numbers = Counter(int(w) - 1 for w in re.findall(r"\d+", rest))
            heavy = {i: n for i, n in numbers.items() if mol.GetAtomWithIdx(i).GetAtomicNum() > 1}
            if heavy:
                found.append(heavy)
        yield stem, mol, normalised(without_virtual_sites(found))


def without_virtual_sites(found: list[dict[int, int]]) -> list[dict[int, int]]:
    """Drop groups all of whose atoms lie in other groups, largest first: the middle of a ring."""
    kept = sorted(found, key=len, reverse=True)
    for group in list(kept):
        others = {i for other in kept if other is not group for i in other}
        if len(group) >= 5 and set(group) <= others:
            kept.remove(group)
    return kept


def normalised(found: list[dict[int, int]]) -> Groups:
    """Turn counts into shares that add up to one for each atom."""
    total = Counter[int]()
    for group in found:
        total.update(group)
    return [{i: Fraction(n, total[i]) for i, n in group.items()} for group in found]


def yamls(folder: Path) -> Iterator[tuple[str, Any, Groups]]:
    """Yield mappings of ligands in the YAML dialect, with the molecules beside them."""
    neca = perceived(folder.parent / "ligands" / "neca" / "neca.gro")
    names = [str(n) for n in read_atoms(folder.parent / "ligands" / "neca" / "neca.gro").names]
    beads = yaml_beads(folder / "herobm" / "neca_neca.amber.yaml")
    yield "NECA", neca, yaml_groups(beads, {n: i for i, n in enumerate(names)})
    zma = Chem.MolFromSmiles(ZMA)
    beads = yaml_beads(folder / "herobm" / "zma_zma.amber.yaml")
    for title, names in ZMA_NAMES.items():
        yield title, zma, yaml_groups(beads, {n: i for i, n in enumerate(names.split())})


def yaml_beads(path: Path) -> dict[str, list[str]]:
    """Heavy atom -> its beads; the rules are not read (some are no rules)."""
    lines = re.findall(r"^ +([A-Z]\w*) *: +([\w,]+)", path.read_text(), re.MULTILINE)
    return {name: beads.split(",") for name, beads in lines if element_of(name) != "H"}


def yaml_groups(beads: dict[str, list[str]], index: dict[str, int]) -> Groups:
    """Atoms of each bead, by number; shared equally."""
    found: dict[str, dict[int, Fraction]] = {}
    for name, own in beads.items():
        for bead in own:
            found.setdefault(bead, {})[index[name]] = Fraction(1, len(own))
    return list(found.values())


def perceived(path: Path) -> Any:
    """Molecule of a structure with hydrogens, its bonds from the distances."""
    atoms = read_atoms(path)
    elements = [str(e) for e in atoms.elements] if atoms.elements is not None else []
    names = [str(n) for n in atoms.names]
    elements = elements or [element_of(n) for n in names]
    elements = [e or element_of(n) for e, n in zip(elements, names, strict=True)]
    bonds = perceive_bonds(elements, atoms.positions)
    orders = perceive_orders(elements, atoms.positions, bonds)
    mol = Chem.RWMol()
    kinds = {"-": Chem.BondType.SINGLE, "=": Chem.BondType.DOUBLE, "#": Chem.BondType.TRIPLE}
    for i, element in enumerate(elements):
        atom = Chem.Atom(element)
        atom.SetNoImplicit(True)
        atom.SetFormalCharge(orders.charges.get(i, 0))
        mol.AddAtom(atom)
    for (a, b), symbol in zip(bonds.tolist(), orders.symbols, strict=True):
        mol.AddBond(a, b, kinds[symbol])
    conformer = Chem.Conformer(len(elements))
    for i, place in enumerate(atoms.positions.tolist()):
        conformer.SetAtomPosition(i, Point3D(*place))
    mol.AddConformer(conformer)
    with rdBase.BlockLogs():
        Chem.SanitizeMol(mol)
        Chem.AssignStereochemistryFrom3D(mol)
    return mol.GetMol()


def groups_of(mapping: Mapping, index: dict[str, int]) -> Groups:
    """Heavy atoms of each bead, by number."""
    found: dict[str, dict[int, Fraction]] = {}
    for atom in mapping.atoms:
        if atom.element not in ("H", "D"):
            for place in atom.placements:
                found.setdefault(place.bead, {})[index[atom.name]] = place.weight
    return list(found.values())


def best(mol: Any, ours: Groups, theirs: Groups) -> tuple[float, float, float]:
    """Compare under the automorphism that suits best."""
    bare = Chem.Mol(mol)
    for atom in bare.GetAtoms():
        atom.SetFormalCharge(0)
    matches = bare.GetSubstructMatches(bare, uniquify=False, maxMatches=MOST_AUTOMORPHISMS)
    moved = ([{m[i]: s for i, s in g.items()} for g in ours] for m in matches)
    return max(agreement(groups, theirs) for groups in moved)


def agreement(ours: Groups, theirs: Groups) -> tuple[float, float, float]:
    """Return exact, pairs and Rand."""
    mine = {frozenset(g) for g in ours}
    exact = sum(frozenset(g) in mine for g in theirs) / len(theirs)
    a, b = together(ours), together(theirs)
    keys = a.keys() | b.keys()
    shared = sum(min(a.get(k, 0.0), b.get(k, 0.0)) for k in keys)
    pairs = shared / max(sum(max(a.get(k, 0.0), b.get(k, 0.0)) for k in keys), 1e-9)
    return exact, pairs, rand(homes(ours), homes(theirs))


def together(groups: Groups) -> dict[tuple[int, int], float]:
    """Pair of atoms -> how much of it lies in one bead."""
    found: dict[tuple[int, int], float] = {}
    for group in groups:
        for i in group:
            for j in group:
                if i < j:
                    found[i, j] = found.get((i, j), 0.0) + float(group[i] * group[j])
    return found


def homes(groups: Groups) -> dict[int, int]:
    """Atom -> its bead, of the atoms that have but one."""
    times = Counter(i for group in groups for i in group)
    return {i: k for k, group in enumerate(groups) for i in group if times[i] == 1}


def rand(one: dict[int, int], two: dict[int, int]) -> float:
    """Return the adjusted Rand index of two partitions of the same atoms."""
    atoms = sorted(one.keys() & two.keys())
    both = sum(comb(n, 2) for n in Counter((one[i], two[i]) for i in atoms).values())
    a = sum(comb(n, 2) for n in Counter(one[i] for i in atoms).values())
    b = sum(comb(n, 2) for n in Counter(two[i] for i in atoms).values())
    chance = a * b / max(comb(len(atoms), 2), 1)
    most = (a + b) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


if __name__ == "__main__":
    run_main(main)
