"""Conformations of one molecule: found in the frames of a simulation, split for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from herobm.chem.stereo import chirality_errors, double_bond_errors
from herobm.errors import StructureError
from herobm.plan import Library
from herobm.system.atomistic import coarse_grain
from herobm.system.matching import match_atoms
from herobm.system.periodic import whole_residues
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from herobm.chem.conformers.langevin import ThermalEnsemble

#: Fewest snapshots that are split, and conformers whose snapshots are split by them.
FEWEST, STARTS = 20, 10
#: Snapshots whose hands are looked at, and the share of them that may be wrong, by chance of noisy
#: places.
LOOKED_AT, FEW = 100, 0.1


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Conformations of one molecule.

    Attributes
    ----------
    atoms : Atoms
        One residue, with names and elements.
    positions : FloatArray, shape (n_frames, n_atoms, 3)
        Å, the molecule whole.
    group : IntArray, shape (n_frames,)
        Ascending; a split leaves the snapshots of a group together.
    """

    atoms: Atoms
    positions: FloatArray
    group: IntArray

    @classmethod
    def sampled(cls, ensemble: ThermalEnsemble) -> Snapshots:
        """Return snapshots that were sampled; those that began alike stay together.

        Where few conformers began, they are not enough to be split, and each is by itself.
        """
        apart = ensemble.n_starts >= STARTS  # so that what is held out stems from other conformers
        group = ensemble.start if apart else np.arange(len(ensemble.positions))
        return cls(ensemble.atoms, ensemble.positions, group)

    def __len__(self) -> int:
        return len(self.positions)

    def take(self, chosen: BoolArray) -> Snapshots:
        """Return some of the snapshots."""
        return Snapshots(self.atoms, self.positions[chosen], self.group[chosen])

    def joined(self, others: Snapshots) -> Snapshots:
        """Add snapshots of the same molecule, as many of ours again and again as there are others.

        Parameters
        ----------
        others : Snapshots
            With the atoms of ours, in any order; further ones are left out.
        """
        place = {name: i for i, name in enumerate(others.atoms.names.tolist())}
        order = [place[name] for name in self.atoms.names.tolist()]
        copies = max(round(len(others) / len(self)), 1)
        return Snapshots(
            self.atoms,
            np.concatenate([np.tile(self.positions, (copies, 1, 1)), others.positions[:, order]]),
            np.zeros(copies * len(self) + len(others), dtype=np.int64),
        )

    def structures(self) -> Iterator[tuple[str, Atoms]]:
        """Give the snapshots one by one, each with a name."""
        for number, positions in enumerate(self.positions):
            yield f"snapshot {number}", replace(self.atoms, positions=positions, box=None)


def gather(
    atoms: Atoms,
    frames: Iterable[tuple[FloatArray, FloatArray | None]],
    library: Library,
    source: str,
) -> Snapshots:
    """Take a molecule out of frames that may hold other things, and several copies of it.

    Parameters
    ----------
    atoms : Atoms
        Of one frame.
    frames : iterable of (FloatArray, FloatArray or None)
        Positions (n_atoms, 3) in Å and box (6,) of each frame.
    library : Library
        Of one molecule.
    source : str
        What to call the structure in messages.

    Returns
    -------
    Snapshots
        Copy by copy in each frame, atoms as the mapping names and orders them; a frame is a group.

    Raises
    ------
    StructureError
        If there is no copy, or a copy lacks atoms that are rebuilt or has others than the first.
    """
    rows, names = _copies(atoms, library, source)
    only = np.zeros(len(names), dtype=np.int64)
    found, group = [], []
    for number, (positions, box) in enumerate(frames):
        for mine in rows:
            found.append(whole_residues(positions[mine], only, box))
            group.append(number)
    elements = {atom.name: atom.element for atom in library.templates[0].mapping.atoms}
    one = Atoms(
        positions=found[0],
        names=np.array(names, dtype=np.str_),
        residue_index=only,
        residues=atoms.residues.take(atoms.residue_index[rows[0][:1]]),
        elements=np.array([elements[name] for name in names], dtype=np.str_),
    )
    return Snapshots(one, np.stack(found), np.array(group))


def _copies(atoms: Atoms, library: Library, source: str) -> tuple[list[IntArray], list[str]]:
    """Atoms of each copy of the molecule in the order of the mapping, and what it calls them."""
    template = library.templates[0]
    match = match_atoms(atoms, library)
    residues = np.flatnonzero(match.template >= 0).tolist()
    if not residues:
        present = ", ".join(dict.fromkeys(atoms.residues.names[:2000].tolist()))
        raise StructureError(
            f"{source}: has no residue {' or '.join(sorted(library.by_residue))}",
            f"It has {present}. Name the molecule in the mapping as the structure does.",
        )
    known = [atom.name for atom in template.mapping.atoms]
    rows: list[IntArray] = []
    for residue in residues:
        mine = np.flatnonzero((atoms.residue_index == residue) & (match.atom >= 0))
        mine = mine[np.argsort(match.atom[mine], kind="stable")]
        lacking = set(template.atoms) - {known[i] for i in match.atom[mine].tolist()}
        if lacking:
            raise StructureError(
                f"{source}: {atoms.residues.label(residue)} lacks {', '.join(sorted(lacking))}, "
                "which the mapping rebuilds",
                "Call the atoms alike in the mapping and in the structure.",
            )
        if rows and not np.array_equal(match.atom[mine], match.atom[rows[0]]):
            raise StructureError(
                f"{source}: {atoms.residues.label(residue)} has other atoms than "
                f"{atoms.residues.label(residues[0])}",
                "Take those that are alike (--selection).",
            )
        rows.append(mine)
    return rows, [known[i] for i in match.atom[rows[0]].tolist()]


def require_hands(snapshots: Snapshots, library: Library, source: str) -> None:
    """Stop at snapshots of the other hand, or side of a double bond, than the mapping states.

    Parameters
    ----------
    snapshots : Snapshots
        Of which `LOOKED_AT` are drawn, whichever copy and frame they are of.
    library : Library
        Of one molecule.
    source : str
        What to call the snapshots in messages.

    Raises
    ------
    StructureError
        If more than a share `FEW` of them are.
    """
    some = np.random.default_rng(0).permutation(len(snapshots))[:LOOKED_AT]
    looked_at = snapshots.take(np.isin(np.arange(len(snapshots)), some))
    wrong: Counter[str] = Counter()
    for name, atoms in looked_at.structures():
        topology, places = coarse_grain(atoms, library, name)
        plan = topology.plan
        found = (chirality_errors(plan, places), double_bond_errors(plan, places).ravel())
        wrong.update(set(plan.atom_names[np.concatenate(found)].tolist()))
    other = sorted(name for name, count in wrong.items() if count > FEW * len(looked_at))
    if other:
        raise StructureError(
            f"{source}: in {max(wrong.values())} of {len(looked_at)} snapshots {', '.join(other)} "
            f"have the other hand (or side) than {library.name} states",
            "Correct 'stereo' in the mapping ('herobm mapping validate --structure' shows where), "
            "or give snapshots of this molecule.",
        )


@dataclass(frozen=True, eq=False)
class Split:
    """Snapshots to train with, to watch the training with, and to judge it by."""

    train: Snapshots
    valid: Snapshots
    test: Snapshots


def split(snapshots: Snapshots, shares: tuple[float, float, float], source: str) -> Split:
    """Split snapshots so that each part is spread over all of the time.

    Parameters
    ----------
    snapshots : Snapshots
    shares : tuple of float
        Shares of the groups to train, validate and test with; they add up to 1.
    source : str
        What to call the snapshots in messages.

    Raises
    ------
    StructureError
        If there are too few.
    """
    groups, index = np.unique(snapshots.group, return_inverse=True)
    if len(groups) == 1 and len(snapshots) >= FEWEST:  # copies in one frame
        groups, index = np.arange(len(snapshots)), np.arange(len(snapshots))
    counts = [max(round(share * len(groups)), 1) for share in shares[:2]]
    if len(snapshots) < FEWEST or sum(counts) >= len(groups):
        raise StructureError(
            f"{source}: has {len(snapshots)} snapshots in {len(groups)} independent parts, too few "
            "to train, validate and test with",
            f"Give at least {FEWEST}, or let herobm sample the molecule itself.",
        )
    part = np.full(len(groups), 2)
    for which, count in enumerate(counts):
        left = np.flatnonzero(part == 2)
        part[left[(np.arange(count) * len(left)) // count]] = which
    return Split(*(snapshots.take(part[index] == which) for which in range(3)))
