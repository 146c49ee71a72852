"""How far hydrogen bonds can tell which way amides are turned, in the structures themselves.

::

    python benchmarks/amides.py TRAIN_FOLDER TEST_FOLDER [--learn 1000] [--limit N]

Of each side-chain amide it counts which atoms of other residues lie around its O and around its N,
by kind and distance. A logistic regression learns from the training structures what that says
about which of the two is which, and judges those of the test. All atoms are where the
crystallographers put them, water left out: a network that has to rebuild them first can hardly be
told more by their bonds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from runner import run_main
from scipy.spatial import cKDTree

import herobm
from herobm.errors import HerobmError
from herobm.io.find import spread, structure_files
from herobm.types import Atoms, FloatArray

#: O and N of the amides.
AMIDES = {"ASN": ("OD1", "ND2"), "GLN": ("OE1", "NE2")}
#: What atoms are told apart, by residue and name; `*` is any other residue.
KINDS = {
    ("PRO", "N"): "other",
    ("*", "N"): "N of the backbone",
    ("*", "O"): "O of the backbone",
    ("*", "OXT"): "O of the backbone",
    **dict.fromkeys([("LYS", "NZ"), ("TRP", "NE1")], "donor"),
    **dict.fromkeys([("ARG", name) for name in ("NE", "NH1", "NH2")], "donor"),
    **dict.fromkeys([("ASP", "OD1"), ("ASP", "OD2"), ("GLU", "OE1"), ("GLU", "OE2")], "acceptor"),
    **dict.fromkeys([("SER", "OG"), ("THR", "OG1"), ("TYR", "OH")], "either"),
    **dict.fromkeys([("HIS", "ND1"), ("HIS", "NE2")], "either"),
    **{(name, amide[0]): "O of an amide" for name, amide in AMIDES.items()},
    **{(name, amide[1]): "N of an amide" for name, amide in AMIDES.items()},
}
NAMES = sorted({*KINDS.values(), "C", "S", "other"})
#: Å, limits of the distances that are told apart.
LIMITS = np.array([2.2, 2.7, 2.9, 3.1, 3.3, 3.6, 4.0])
#: Å, up to which N and O may be joined by a hydrogen bond; as in `errors.py`.
BONDED = 3.4
#: Weight of the squares of the regression's coefficients.
SHRINK = 2e-4


def kinds(atoms: Atoms) -> list[int]:
    """Index into `NAMES` for each atom."""
    residues = atoms.residues.names[atoms.residue_index]
    found = []
    for residue, name, element in zip(residues, atoms.names, atoms.symbols, strict=True):
        kind = KINDS.get((str(residue), str(name)), KINDS.get(("*", str(name)), str(element)))
        found.append(NAMES.index(kind if kind in NAMES else "other"))
    return found


def amides(atoms: Atoms) -> Iterable[tuple[str, bool, FloatArray]]:
    """Yield name, whether it has N or O nearby, and what tells its O from its N, of each amide."""
    atoms = atoms.subset(atoms.heavy)
    kind, tree = np.array(kinds(atoms)), cKDTree(atoms.positions)
    polar = np.isin(atoms.symbols, ("N", "O"))
    for residue in np.flatnonzero(np.isin(atoms.residues.names, list(AMIDES))).tolist():
        name = str(atoms.residues.names[residue])
        mine = np.flatnonzero(atoms.residue_index == residue)
        ends = [mine[atoms.names[mine] == end] for end in AMIDES[name]]
        if any(len(end) != 1 for end in ends):
            continue
        counts, bonded = np.zeros((2, len(NAMES), len(LIMITS))), False
        for side, end in enumerate(ends):
            here = atoms.positions[end[0]]
            near = np.array(tree.query_ball_point(here, LIMITS[-1]))
            near = near[atoms.residue_index[near] != residue]
            away = np.linalg.norm(atoms.positions[near] - here, axis=1)
            np.add.at(counts[side], (kind[near], np.searchsorted(LIMITS, away)), 1)
            bonded |= bool((polar[near] & (away <= BONDED)).any())
        yield name, bonded, (counts[0] - counts[1]).ravel()


def collect(files: Iterable[Path]) -> list[tuple[str, bool, FloatArray]]:
    """Return what `amides` says of all of some files."""
    found = []
    for file in files:
        try:
            found += list(amides(herobm.read_atoms(file)))
        except HerobmError as error:
            print(f"left out: {error.message}")
    return found


def fit(differences: FloatArray) -> FloatArray:
    """Return the coefficients of a logistic regression whose answer is always yes.

    Parameters
    ----------
    differences : FloatArray, shape (n, n_features)
        What lies around the O less what lies around the N.
    """
    x = torch.as_tensor(differences)
    weights = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = (
            torch.nn.functional.softplus(-(x @ weights)).mean() + SHRINK * weights.square().sum()
        )
        torch.autograd.backward(value)
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    found: FloatArray = weights.detach().numpy()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--learn", type=int, default=1000, help="structures to learn from")
    parser.add_argument("--limit", type=int, help="structures to judge, spread over all")
    chosen = parser.parse_args()
    learnt = collect(spread(structure_files([chosen.train]), chosen.learn))
    weights = fit(np.array([told for _, _, told in learnt]))
    judged = collect(spread(structure_files([chosen.test]), chosen.limit))
    print("| | N or O of another residue within 3.4 Å | amides | told right, % |")
    print("|-|-|-|-|")
    for name in AMIDES:
        for bonded in (True, False):
            scores = np.array([t @ weights for n, b, t in judged if n == name and b == bonded])
            right = 100.0 * ((scores > 0).mean() + 0.5 * (scores == 0).mean())
            print(f"| {name} | {'yes' if bonded else 'no'} | {len(scores)} | {right:.0f} |")


if __name__ == "__main__":
    run_main(main)
