"""Make the Ramachandran reference from a folder of protein structures.

::

    python benchmarks/ramachandran.py FOLDER -o herobm/chem/protein/ramachandran.npz
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import gemmi
import numpy as np
from runner import run_main

from herobm.chem.protein.ramachandran import CLASSES, classes_of, fold

#: Å², atoms with larger temperature factors do not count.
LARGEST_B = 40.0
#: Å, a longer bond C-N is a break of the chain.
LONGEST_PEPTIDE = 1.6


def main() -> None:
    """Count phi and psi of all structures in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    found: list[list[tuple[float, float]]] = [[] for _ in CLASSES]
    for path in sorted(arguments.folder.iterdir()):
        if path.name.endswith((".pdb", ".pdb.gz", ".cif", ".cif.gz")):
            for chain in gemmi.read_structure(str(path))[0]:
                count_chain(chain, found)
    density, limits = fold([np.array(pairs).reshape(-1, 2) for pairs in found])
    np.savez_compressed(arguments.output, density=density, limits=limits)
    for name, pairs, (favoured, allowed) in zip(CLASSES, found, limits, strict=True):
        print(f"{name}: {len(pairs)} residues, levels {favoured} and {allowed}")
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")


def count_chain(chain: gemmi.Chain, found: list[list[tuple[float, float]]]) -> None:
    """Add phi and psi of the residues between two others."""
    residues = list(chain.first_conformer())
    names = np.array([residue.name for residue in residues], dtype=np.str_)
    kinds = classes_of(names, np.append(np.arange(1, len(names)), -1)).tolist()
    threes = zip(residues, residues[1:], residues[2:], kinds[1:], strict=False)
    for before, here, after, kind in threes:
        chosen = [(before, "C"), (here, "N"), (here, "CA"), (here, "C"), (after, "N")]
        atoms = [residue.find_atom(name, "*") for residue, name in chosen]
        if any(a is None or a.b_iso > LARGEST_B or a.occ < 0.99 for a in atoms):
            continue
        c, n, ca, last, following = (a.pos for a in atoms)
        if max(c.dist(n), last.dist(following)) > LONGEST_PEPTIDE:
            continue
        phi = gemmi.calculate_dihedral(c, n, ca, last)
        psi = gemmi.calculate_dihedral(n, ca, last, following)
        found[kind].append((math.degrees(phi), math.degrees(psi)))


if __name__ == "__main__":
    run_main(main)
