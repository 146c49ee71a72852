"""Mapping then backmapping: structures coarse-grained, rebuilt and compared with themselves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from herobm.chem.judging.verdict import CHI_BIN, N_CHI, chi_histograms, divergence
from herobm.chem.protein.chi import find_chi
from herobm.errors import MinimisationError, ModelError, StructureError
from herobm.evaluation.clashscore import clashscore
from herobm.evaluation.metrics import ASKED, METRICS, counted_residues, measure
from herobm.plan.template import Library
from herobm.processes import in_order
from herobm.system.atomistic import coarse_grain
from herobm.system.noise import shaken
from herobm.system.topology import Topology
from herobm.types import Atoms, Beads, FloatArray, IntArray

#: Figures that are added up over structures besides being averaged.
COUNTS = (
    "twisted_peptides",
    "chirality_errors",
    "prochiral_errors",
    "double_bond_errors",
    "cis_peptides",
)


class Rebuilds(Protocol):
    """Whatever places atoms, such as `herobm.assembly.rebuilder.Rebuilder`."""

    def rebuild(self, beads: Beads) -> FloatArray:
        """Place the atoms, shape (n_atoms, 3), Å, in the order of the plan."""


@dataclass(frozen=True)
class Record:
    """Figures of one structure.

    Attributes
    ----------
    name : str
    n_residues : int
        That were rebuilt.
    n_counted : int
        Those of them that enter the figures.
    seconds : float
        That rebuilding took, beads to atoms.
    figures : dict
        See `herobm.evaluation.metrics.METRICS`; NaN for what the structure does not have.
    chi : IntArray, shape (2, N_CHI, n_bins)
        Histograms of chi1 and chi2 of whole residues, of the reference and of what was rebuilt
        (`herobm.chem.judging.verdict.chi_histograms`).
    """

    name: str
    n_residues: int
    n_counted: int
    seconds: float
    figures: dict[str, float]
    chi: IntArray


@dataclass(frozen=True)
class Spread:
    """A figure over structures: mean, standard deviation, number of structures, sum."""

    mean: float
    sd: float
    n: int
    total: float


@dataclass(frozen=True)
class Evaluation:
    """Figures of all structures.

    Attributes
    ----------
    records : tuple of Record
    set_aside : tuple of (str, str)
        Name of each structure that could not be measured, and why.
    noise : float
        Å; standard deviation of what was added to each bead coordinate.
    seed : int
    """

    records: tuple[Record, ...]
    set_aside: tuple[tuple[str, str], ...]
    noise: float
    seed: int

    def summary(self) -> dict[str, Spread]:
        """Mean and standard deviation of each figure over the structures that have it."""
        found = {}
        for key in METRICS:
            values = np.array([r.figures[key] for r in self.records])
            values = values[np.isfinite(values)]
            if len(values):
                found[key] = Spread(
                    float(values.mean()), float(values.std()), len(values), float(values.sum())
                )
        return found

    def divergences(self) -> dict[str, float]:
        """Kullback-Leibler divergence of chi1 and chi2 from the references, over all structures.

        See `herobm.chem.judging.verdict.divergence`; NaN where there are no side chains.
        """
        both = sum((r.chi for r in self.records), np.zeros((2, N_CHI, 360 // CHI_BIN), np.int64))
        return {
            f"kl_chi{number}": divergence(reference, rebuilt)
            for number, (reference, rebuilt) in enumerate(both.swapaxes(0, 1), start=1)
        }

    def as_json(self) -> dict[str, Any]:
        """Return all figures as what JSON knows; null for what is not there."""
        metrics = {
            key: {"mean": s.mean, "sd": s.sd, "n": s.n}
            | ({"total": s.total} if key in COUNTS else {})
            for key, s in self.summary().items()
        }
        return {
            "noise": self.noise,
            "seed": self.seed,
            "n_structures": len(self.records),
            "n_residues": sum(r.n_residues for r in self.records),
            "n_counted": sum(r.n_counted for r in self.records),
            "seconds": sum(r.seconds for r in self.records),
            "metrics": metrics,
            **{k: v if math.isfinite(v) else None for k, v in self.divergences().items()},
            "structures": [_row(r) for r in self.records],
            "set_aside": [{"name": name, "reason": why} for name, why in self.set_aside],
        }


def _row(record: Record) -> dict[str, Any]:
    figures = {k: v if math.isfinite(v) else None for k, v in record.figures.items()}
    return {
        "name": record.name,
        "n_residues": record.n_residues,
        "n_counted": record.n_counted,
        "seconds": record.seconds,
        **figures,
    }


def evaluate(
    structures: Iterable[tuple[str, Atoms]],
    library: Library,
    rebuilder: Callable[[Topology], Rebuilds],
    *,
    bonds: dict[str, tuple[float, float]] | None = None,
    noise: float = 0.0,
    seed: int = 0,
    clashscores: bool = False,
    jobs: int = 1,
    begin: Callable[[], object] | None = None,
) -> Evaluation:
    """Measure how well structures come back from their beads.

    Parameters
    ----------
    structures : iterable of (name, Atoms)
    library : Library
        The mapping.
    rebuilder : callable
        Topology -> what rebuilds it, such as ``lambda t: Rebuilder(t, [model])``.
    bonds : dict, optional
        Kind of bond -> mean and standard deviation in Å, for `bond_outliers` (``header.bonds``
        of the weights).
    noise : float
        Å; standard deviation of the Gaussian noise on each bead coordinate, added once chains
        and breaks are settled.
    seed : int
        Of the noise; what a structure gets depends on its name, not on the others.
    clashscores : bool
        Measure these, too, of what is rebuilt and of the references; hydrogens take seconds for
        each structure.
    jobs : int
        Processes that share the structures; what they are sent has to be picklable then.
    begin : callable, optional
        Called in each of them, before its first structure.

    Returns
    -------
    Evaluation
        Structures that are at fault are set aside.
    """
    records: list[Record] = []
    faulty: list[tuple[str, str]] = []
    measuring = _Measuring(library, rebuilder, bonds or {}, noise, seed, clashscores)
    for (name, _), made in in_order(measuring, structures, jobs, begin):
        if isinstance(made, Record):
            records.append(made)
        else:
            faulty.append((name, made))
    return Evaluation(tuple(records), tuple(faulty), noise, seed)


@dataclass(frozen=True)
class _Measuring:
    """What is done to each structure; parameters as for `evaluate`."""

    library: Library
    rebuilder: Callable[[Topology], Rebuilds]
    bonds: dict[str, tuple[float, float]]
    noise: float
    seed: int
    clashscores: bool

    def __call__(self, structure: tuple[str, Atoms]) -> Record | str:
        """Return the figures, or what is at fault with the structure."""
        try:
            return self.record(*structure)
        except (StructureError, ModelError, MinimisationError) as error:
            return error.message

    def record(self, name: str, atoms: Atoms) -> Record:
        """Coarse-grain, rebuild and compare."""
        topology, reference = coarse_grain(atoms, self.library, name)
        counted = counted_residues(topology.plan, reference)
        if not counted.any():
            raise StructureError(
                f"{name}: no residue has all the heavy atoms of mapping '{self.library.name}'",
                "Figures need atoms to compare with.",
            )
        beads = (
            shaken(topology.beads, self.noise, self.seed, name) if self.noise else topology.beads
        )
        ready = self.rebuilder(topology)
        begin = time.perf_counter()
        predicted = ready.rebuild(beads)
        seconds = time.perf_counter() - begin
        plan = topology.plan
        figures = measure(topology, reference, predicted, beads.positions, self.bonds)
        figures |= dict.fromkeys(ASKED, math.nan)
        if self.clashscores:
            both = (clashscore(topology, x, counted) for x in (predicted, reference))
            figures |= dict(zip(ASKED, both, strict=True))
        known = counted[plan.atom_residue][:, None]
        chi = find_chi(plan)
        histograms = [
            chi_histograms(chi, np.where(known, p, np.nan)) for p in (reference, predicted)
        ]
        n_counted = int(counted.sum())
        return Record(name, plan.n_residues, n_counted, seconds, figures, np.stack(histograms))
