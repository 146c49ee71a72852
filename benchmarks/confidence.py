"""Compare the error that a network expects of each residue with the one it makes.

::

    python benchmarks/confidence.py FOLDER --model martini3/protein -o docs/images/confidence.png

Residues of all structures in the folder are sorted by the error expected of them and cut into ten
parts of one size; a calibrated network lies on the diagonal.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from runner import run_main
from scipy.stats import spearmanr

from herobm.assembly.calibration import mean_squares
from herobm.assembly.choice import open_library
from herobm.assembly.draft import Model
from herobm.assembly.models import open_model
from herobm.assembly.rebuilder import Rebuilder
from herobm.chem.naming import best_names, find_naming
from herobm.io import read_atoms
from herobm.io.find import spread, structure_files
from herobm.plan.template import Library
from herobm.plugins.manager import load_registry
from herobm.system.atomistic import coarse_grain
from herobm.system.noise import shaken
from herobm.types import Atoms, FloatArray

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PARTS = 10


def main() -> None:
    """Print the table and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="martini3/protein")
    parser.add_argument("--noise", type=float, nargs="*", default=[0.0], help="Å")
    parser.add_argument("--limit", type=int, help="structures at most, spread over all of them")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    files = spread(structure_files([arguments.folder]), arguments.limit)
    fig, axes = plt.subplots(figsize=(4.2, 4.0), layout="constrained")
    largest = 0.0
    for noise in arguments.noise:
        pairs = gather(files, arguments.model, noise)
        rows = reliability(pairs)
        rank = spearmanr(pairs[:, 0], pairs[:, 1]).statistic
        print(f"noise {noise} Å: {len(pairs)} residues, rank correlation {rank:.2f}")
        print("  expected  found    (Å, root mean square)")
        for expected, found in rows:
            print(f"  {expected:8.3f}  {found:8.3f}")
        axes.plot(*rows.T, "o-", label=f"bead noise {noise:g} Å")
        largest = max(largest, float(rows.max()))
    axes.plot([0, largest], [0, largest], color="0.7", zorder=0)
    axes.set(xlabel="expected error of a residue / Å", ylabel="error found / Å")
    axes.legend(frameon=False)
    fig.savefig(arguments.output, dpi=150)
    print(arguments.output)


def gather(files: list[Path], model_name: str, noise: float) -> FloatArray:
    """Gather expected and found errors of residues, shape (n_residues, 2), Å."""
    registry = load_registry()
    model = open_model(model_name, registry)
    pairs = []
    for path in files:
        atoms = read_atoms(path)
        library = open_library((model.mapping,), registry, atoms.residues.names.tolist())
        pairs.append(residue_errors(model, library, path.name, atoms, noise)[:, :2])
    return np.concatenate(pairs)


def residue_errors(
    model: Model, library: Library, name: str, atoms: Atoms, noise: float
) -> FloatArray:
    """Compare the errors expected of the residues of a structure with those found.

    Parameters
    ----------
    model : Model
    library : Library
        Of its mapping.
    name : str
        Of the structure, for messages.
    atoms : Atoms
    noise : float
        Å; standard deviation of what is added to each bead coordinate.

    Returns
    -------
    FloatArray, shape (n_residues, 3)
        Root mean square errors (Å) expected and found, and the number of atoms.

    Raises
    ------
    StructureError
        If nothing of the structure is mapped.
    """
    topology, reference = coarse_grain(atoms, library, name)
    plan = topology.plan
    result = Rebuilder(topology, [model]).result(shaken(topology.beads, noise, 0, name))
    wanted = best_names(find_naming(plan), reference, result.atoms.positions)
    found, count = mean_squares(result.atoms.positions - wanted, plan.atom_residue, plan.n_residues)
    whole = count > 0
    expected = result.confidence.error[whole]
    return np.stack([expected, np.sqrt(found[whole]), count[whole]], axis=1)


def reliability(pairs: FloatArray) -> FloatArray:
    """Root mean squares of the parts, shape (PARTS, 2), Å."""
    order = np.argsort(pairs[:, 0], kind="stable")
    return np.array(
        [np.sqrt((pairs[part] ** 2).mean(axis=0)) for part in np.array_split(order, PARTS)]
    )


if __name__ == "__main__":
    run_main(main)
