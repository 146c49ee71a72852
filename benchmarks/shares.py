"""Compare the shares of torsion angles that a network tells with how often they are found.

::

    python benchmarks/shares.py FOLDER --model ca_only/ca [--limit 12]

Of each rotor next to the backbone (chi1 of amino acids) the 70 degrees with the largest share are
taken. How often is the angle of the structure among them, and is that the share that was told?
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from runner import run_main

from herobm.assembly.choice import open_library
from herobm.assembly.draft import Draft, Model
from herobm.assembly.models import open_model
from herobm.chem.geometry import dihedrals
from herobm.io import read_atoms
from herobm.io.find import spread, structure_files
from herobm.plugins.manager import load_registry
from herobm.plugins.registry import Registry
from herobm.system.atomistic import coarse_grain
from herobm.types import FloatArray

#: Bins on both sides of the middle one; borders between the parts of the table.
REACH, BORDERS = 3, (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="ca_only/ca")
    parser.add_argument("--limit", type=int, help="structures at most, spread over all of them")
    arguments = parser.parse_args()
    chosen = spread(structure_files([arguments.folder]), arguments.limit)
    registry = load_registry()
    model = open_model(arguments.model, registry)
    told, found = np.concatenate([judge(path, model, registry) for path in chosen]).T
    print("| told | rotors | mean share | found |\n|-|-|-|-|")
    for low, high in pairwise(BORDERS):
        mine = (told > low) & (told <= high)
        if mine.any():
            means = f"{told[mine].mean():.3f} | {found[mine].mean():.3f}"
            print(f"| {low:g} to {high:g} | {mine.sum()} | {means} |")
    print(f"| all | {len(told)} | {told.mean():.3f} | {found.mean():.3f} |")


def judge(path: Path, model: Model, registry: Registry) -> FloatArray:
    """Shares told, and 1 where the angle is there, shape (n_rotors, 2), of a structure."""
    atoms = read_atoms(path)
    library = open_library((model.mapping,), registry, atoms.residues.names.tolist())
    topology, reference = coarse_grain(atoms, library, path.name)
    draft = Draft.of(topology)
    model.share(topology, np.ones(topology.plan.n_residues, bool), 0).fill(topology.beads, draft)
    if not draft.rotors:
        raise SystemExit(f"error: {model.name} tells no shares of torsion angles")
    (shares,) = draft.rotors
    angles = dihedrals(reference, shares.quads)
    first = (shares.before < 0) & np.isfinite(angles)
    of_bins = np.exp(shares.log_shares[first, 0])
    n_bins = of_bins.shape[1]
    around = sum(np.roll(of_bins, step, axis=1) for step in range(-REACH, REACH + 1))
    middle = around.argmax(axis=1)
    away = (angles[first] % 360.0 * n_bins / 360.0).astype(int) - middle + n_bins // 2
    there = np.abs(away % n_bins - n_bins // 2) <= REACH
    return np.stack([around.max(axis=1), there], axis=1)


if __name__ == "__main__":
    run_main(main)
