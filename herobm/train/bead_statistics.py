"""How far beads are from their relatives: in simulations, and in the structures trained on.

For each bead type and each of its fixed places (`herobm.plan.context`) the distance to the bead
there: mean, standard deviation and number. A network sees these distances first of all; where
those of a simulation lie outside those it was trained on, it has to guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from herobm.evaluation.metrics import counted_residues
from herobm.plan.context import N_OWN, N_PLACES, REACH, context_places, sequence_steps
from herobm.plan.template import Library
from herobm.system.atomistic import AtomLayout
from herobm.system.topology import Topology
from herobm.train.dataset import Dataset
from herobm.types import FloatArray, IntArray
from herobm.weights.vocabulary import Vocabulary

#: Standard deviations from the training mean beyond which a distance counts as never seen.
FAR = 3.0


@dataclass(eq=False)
class Distances:
    """Sums over the distances of each kind; frames are added one by one.

    Attributes
    ----------
    library : Library
    against : Distances or None
        What to count `beyond` by; of the same library.
    vocabulary : Vocabulary
        Numbers the bead types of the library.
    count, total, squares, beyond : FloatArray, shape (n_types, N_PLACES)
        Number of distances, their sum (Å) and sum of squares (Å²), number of those more than
        `FAR` standard deviations from the mean of `against`.
    """

    library: Library
    against: Distances | None = None
    vocabulary: Vocabulary = field(init=False)
    count: FloatArray = field(init=False)
    total: FloatArray = field(init=False)
    squares: FloatArray = field(init=False)
    beyond: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.vocabulary = Vocabulary.of(self.library)
        shape = (self.vocabulary.n_types, N_PLACES)
        self.count, self.total = np.zeros(shape), np.zeros(shape)
        self.squares, self.beyond = np.zeros(shape), np.zeros(shape)

    @property
    def mean(self) -> FloatArray:
        """Å, shape (n_types, N_PLACES); 0 where there is none."""
        found: FloatArray = self.total / np.maximum(self.count, 1)
        return found

    @property
    def sd(self) -> FloatArray:
        """Å, shape (n_types, N_PLACES); 0 where there is none."""
        spread = self.squares / np.maximum(self.count, 1) - self.mean**2
        found: FloatArray = np.sqrt(np.maximum(spread, 0.0))
        return found

    def add(self, types: IntArray, distance: FloatArray) -> None:
        """Count in the distances of one frame.

        Parameters
        ----------
        types : IntArray, shape (n_beads,)
        distance : FloatArray, shape (n_beads, N_PLACES)
            Å, NaN for none.
        """
        row, column = np.nonzero(np.isfinite(distance))
        values = distance[row, column]
        flat = types[row] * N_PLACES + column

        def added(weights: FloatArray) -> FloatArray:
            sums = np.bincount(flat, weights.astype(np.float64), minlength=self.count.size)
            return np.asarray(sums, dtype=np.float64).reshape(self.count.shape)

        self.count += added(np.ones(len(values)))
        self.total += added(values)
        self.squares += added(values**2)
        if self.against is not None:
            mean, sd = self.against.mean.ravel()[flat], self.against.sd.ravel()[flat]
            self.beyond += added((np.abs(values - mean) > FAR * sd).astype(float))


def place_distances(places: IntArray, positions: FloatArray) -> FloatArray:
    """Distance of each bead to those in its places, shape (n_beads, N_PLACES), Å.

    Parameters
    ----------
    places : IntArray, shape (n_beads, N_PLACES)
        -1 for none; the result is NaN there.
    positions : FloatArray, shape (n_beads, 3)
        Å.
    """
    away = np.linalg.norm(positions[places] - positions[:, None], axis=2)
    return np.where(places >= 0, away, np.nan)


def places_of(topology: Topology) -> IntArray:
    """Beads in the places of each bead, shape (n_beads, N_PLACES), -1 for none."""
    steps = sequence_steps(topology.links.previous, topology.links.following)
    return context_places(topology.plan, topology.link_beads, steps)


def training_distances(dataset: Dataset, library: Library) -> Distances:
    """Distances in a dataset, over residues whose atoms are all there.

    Parameters
    ----------
    dataset : Dataset
    library : Library
        The mapping to coarse-grain it with.
    """
    layout = AtomLayout.of(dataset.atoms, library)
    topology, laid = layout.topology, layout.place(dataset.atoms.positions, None)
    plan = topology.plan
    whole = counted_residues(plan, laid)[plan.bead_residue]
    positions = np.where(whole[:, None], topology.beads.positions, np.nan)
    found = Distances(library)
    found.add(found.vocabulary.types(plan), place_distances(places_of(topology), positions))
    return found


def frame_distances(
    topology: Topology, frames: Iterable[FloatArray], found: Distances
) -> Distances:
    """Add the frames of a simulation to distances.

    Parameters
    ----------
    topology : Topology
    frames : iterable of FloatArray, each of shape (n_beads, 3)
        Å, whole.
    found : Distances
    """
    types = found.vocabulary.types(topology.plan)
    places = places_of(topology)
    for positions in frames:
        found.add(types, place_distances(places, positions))
    return found


def compare(found: Distances) -> list[dict[str, Any]]:
    """Return a row for each kind of distance, those farthest from training first.

    Parameters
    ----------
    found : Distances
        With `against`, for a comparison.

    Returns
    -------
    list of dict
        Residue (all kinds that share the bead type), bead, place; mean, sd (Å) and n here and in
        training; ``shift`` in standard deviations of training, ``spread``, the ratio of the
        standard deviations, and ``beyond``, the share of distances more than 3 sd off.
    """
    rows = [_row(found, *cell) for cell in _cells(found)]
    return sorted(rows, key=lambda row: -abs(row.get("shift") or 0.0))


def _cells(found: Distances) -> Iterator[tuple[int, int, str, str, str]]:
    """Type, place, and names of residue, bead and place of all that was counted."""
    sharing: dict[str, list[str]] = {}
    for template in found.library:
        sharing.setdefault(template.key, []).append(template.name)
    kind = 0
    for entry in found.vocabulary.entries:
        residues = "/".join(sorted(sharing[entry.key]))
        for local, bead in enumerate(entry.beads):
            for place in np.flatnonzero(found.count[kind]).tolist():
                if local < place or place >= N_OWN:  # a pair within the residue once
                    yield kind, place, residues, bead, _place_name(place, entry.beads)
            kind += 1


def _place_name(place: int, beads: tuple[str, ...]) -> str:
    """Name a place: a bead of the residue, ``chain -1`` or ``side +2``."""
    if place < N_OWN:
        return beads[place]
    rank = place - N_OWN
    word = "chain" if rank < 2 * REACH else "side"
    rank %= 2 * REACH
    return f"{word} {'+' if rank % 2 else '-'}{rank // 2 + 1}"


def _row(
    found: Distances, kind: int, place: int, residue: str, bead: str, name: str
) -> dict[str, Any]:
    row: dict[str, Any] = {"residue": residue, "bead": bead, "place": name}
    row |= _figures(found, kind, place)
    if found.against is None:
        return row
    trained = _figures(found.against, kind, place)
    row["training"] = trained
    if trained["n"] > 1 and trained["sd"] > 0:
        row["shift"] = (row["mean"] - trained["mean"]) / trained["sd"]
        row["spread"] = row["sd"] / trained["sd"]
        row["beyond"] = float(found.beyond[kind, place]) / row["n"]
    return row


def _figures(found: Distances, kind: int, place: int) -> dict[str, Any]:
    return {
        "mean": float(found.mean[kind, place]),
        "sd": float(found.sd[kind, place]),
        "n": int(found.count[kind, place]),
    }


def by_place(found: Distances) -> list[dict[str, Any]]:
    """Return a row for each place, over all bead types: how distances differ from training.

    ``difference`` is the mean (Å) of what distances are off the training mean of their kind,
    ``sd`` and ``training_sd`` the standard deviations (Å) about the mean of each kind, and
    ``beyond`` the share more than 3 sd off. Places within a residue are taken together.

    Parameters
    ----------
    found : Distances
        With `against`.
    """
    trained = found.against
    if trained is None:
        return []
    groups = {"own residue": range(N_OWN)}
    for place in range(N_OWN, N_PLACES):
        groups[_place_name(place, ())] = range(place, place + 1)
    rows = []
    for name, places in groups.items():
        both = (found.count[:, places] > 0) & (trained.count[:, places] > 1)
        weight = np.where(both, found.count[:, places], 0.0)
        if not weight.any():
            continue
        off = found.mean[:, places] - trained.mean[:, places]
        rows.append(
            {
                "place": name,
                "n": int(weight.sum()),
                "difference": float(np.average(off, weights=weight)),
                "sd": _pooled(found, weight, places),
                "training_sd": _pooled(trained, weight, places),
                "beyond": float(np.where(both, found.beyond[:, places], 0.0).sum() / weight.sum()),
            }
        )
    return rows


def _pooled(found: Distances, weight: FloatArray, places: range) -> float:
    return float(np.sqrt(np.average(found.sd[:, places] ** 2, weights=weight)))
