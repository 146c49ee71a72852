"""How near the atoms of real Martini 3 frames can come to their beads at all.

::

    python benchmarks/remap_bound.py [FOLDER]

The first frame of each simulation of benchmarks/real_cg.py is rebuilt by the default steps. Then
its atoms may go anywhere, through each other and out of every angle and hand, so long as no bond is
stretched or pressed by more than 0.05 Å; what is left between beads and atoms no post-processor
that keeps to that can take away. Angles within 10 degrees, besides, give the second line. A second
table tells in which residues the beads are that are left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import real_cg
import torch
from runner import run_main

import herobm
from herobm.pipeline import prepare
from herobm.plan.bonds import angles_of, plan_bonds
from herobm.system.coarsen import bead_shares
from herobm.system.neighbours import pair_distances

#: Å, by which a bond may be off.
STRETCH = 0.05
#: Degrees, by which an angle may be off in the second line.
BEND = 10.0
#: Å, a bead that is this near is met.
MET = 0.01
ROUNDS = (10.0, 100.0, 1e3, 1e4)
#: Residues whose side chain is, or closes, a ring, which no torsion opens.
RINGS = ("HIS", "PHE", "PRO", "TRP", "TYR")


def nearest(
    atoms: torch.Tensor,
    beads: torch.Tensor,
    shares: torch.Tensor,
    pairs: torch.Tensor,
    room: torch.Tensor,
) -> torch.Tensor:
    """Bring the means of atoms to the beads while distances keep within their room.

    Parameters
    ----------
    atoms : Tensor, shape (n_atoms, 3), Å.
    beads : Tensor, shape (n_beads, 3), Å.
    shares : Tensor, sparse, shape (n_beads, n_atoms)
    pairs : Tensor, shape (n, 2)
    room : Tensor, shape (n, 2), Å, the shortest and the longest that each pair may be apart.

    Returns
    -------
    Tensor, shape (n_beads,)
        Å, what is left.
    """
    places = atoms.clone().requires_grad_()
    for weight in ROUNDS:  # the penalty on distances hardens
        search = torch.optim.LBFGS([places], max_iter=400, line_search_fn="strong_wolfe")

        def loss(search: torch.optim.LBFGS = search, weight: float = weight) -> torch.Tensor:
            search.zero_grad()
            gap = (places[pairs[:, 0]] - places[pairs[:, 1]]).norm(dim=1)
            out = (gap - room[:, 1]).clamp(min=0) + (room[:, 0] - gap).clamp(min=0)
            total = (torch.sparse.mm(shares, places) - beads).square().sum()
            total = total + weight * out.square().sum()
            total.backward()
            return total

        search.step(loss)
    return (torch.sparse.mm(shares, places.detach()) - beads).norm(dim=1)


def across(places: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return how near and how far the ends of angles may be, shape (n, 2), Å.

    Parameters
    ----------
    places : shape (n_atoms, 3), Å.
    corners : shape (n, 3), atoms of each angle.
    """
    one, two = (
        np.linalg.norm(places[corners[:, k]] - places[corners[:, 1]], axis=1) for k in (0, 2)
    )
    span = np.linalg.norm(places[corners[:, 0]] - places[corners[:, 2]], axis=1)
    cosine = (one**2 + two**2 - span**2) / (2 * one * two)
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    bent = [np.radians(np.clip(angle + by, 0.0, 180.0)) for by in (-BEND, BEND)]
    spans = [np.sqrt(one**2 + two**2 - 2 * one * two * np.cos(a)) for a in bent]
    return np.stack(spans, axis=1) + np.array([-STRETCH, STRETCH])


def main() -> None:
    """Print what is left in each simulation."""
    parser = argparse.ArgumentParser(description="How near atoms can come to real beads.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=real_cg.ROOT.parent / "shared/data/cg"
    )
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    registry = herobm.load_registry()
    print("| | | mean Å | largest Å | beads met | mean without rings, Å |\n|-|-|-|-|-|-|")
    shares_of = []
    for case in real_cg.CASES:
        read = herobm.read_beads(chosen.folder / case.structure)
        ready = prepare(read, mapping="martini3", skip_unmapped=True, registry=registry)
        plan = ready.topology.plan
        beads = ready.topology.beads
        rebuilt = ready.rebuild(beads)
        bead, weight, atom = bead_shares(plan)
        weight = weight / np.bincount(bead, weight, plan.n_beads)[bead]
        shares = torch.sparse_coo_tensor(
            torch.as_tensor(np.stack([bead, atom])),
            torch.as_tensor(weight),
            (plan.n_beads, plan.n_atoms),
        ).coalesce()
        bonds = plan_bonds(plan, ready.topology.links.previous)
        lengths = pair_distances(rebuilt, bonds)
        room = np.stack([lengths - STRETCH, lengths + STRETCH], axis=1)
        corners = angles_of(bonds, plan.n_atoms)
        ends, bent_room = corners[:, [0, 2]], across(rebuilt, corners)
        before = np.linalg.norm(
            np.asarray(torch.sparse.mm(shares, torch.as_tensor(rebuilt))) - beads.positions, axis=1
        )
        lines = [("after the default steps", before)]
        for words, pairs, limits in (
            ("bonds alone kept", bonds, room),
            (
                "bonds and angles kept",
                np.concatenate([bonds, ends]),
                np.concatenate([room, bent_room]),
            ),
        ):
            left = nearest(
                torch.as_tensor(rebuilt),
                torch.as_tensor(beads.positions),
                shares,
                torch.as_tensor(pairs.copy()),
                torch.as_tensor(limits),
            )
            lines.append((words, left.numpy()))
        names = beads.residues.names[plan.bead_residue]
        for words, left in lines:
            met = 100.0 * (left < MET).mean()
            open_chain = left[~np.isin(names, RINGS)].mean()
            print(
                f"| {case.name} | {words} | {left.mean():.3f} | {left.max():.3f} | {met:.0f} % "
                f"| {open_chain:.3f} |",
                flush=True,
            )
        shares_of.append((case.name, by_residue(names, before)))
    print("\nAfter the default steps, residue by residue:\n")
    for name, table in shares_of:
        print(f"{name}\n\n| residue | beads | mean Å | share of all |\n|-|-|-|-|")
        for residue, count, mean, share in table:
            print(f"| {residue} | {count} | {mean:.3f} | {100.0 * share:.1f} % |")
        print()


def by_residue(names: np.ndarray, left: np.ndarray) -> list[tuple[str, int, float, float]]:
    """Return residue, number of beads, mean and share of what is left, largest share first."""
    found = [
        (str(name), int(mine.sum()), float(left[mine].mean()), float(left[mine].sum() / left.sum()))
        for name in np.unique(names)
        for mine in [names == name]
    ]
    return sorted(found, key=lambda line: -line[3])


if __name__ == "__main__":
    run_main(main)
