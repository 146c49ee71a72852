"""Thermal ensembles of a molecule: Langevin dynamics in MMFF94 from several conformers.

RDKit gives the conformers (ETKDG: Riniker and Landrum, J. Chem. Inf. Model. 55, 2562 (2015)) and
the gradients of the force field (Halgren, J. Comput. Chem. 17, 490 (1996)). The integrator is
BAOAB (Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34). All atoms bear one mass, since
the distribution of positions does not depend on masses and hydrogens of their own mass would ask
for shorter steps.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem

from herobm.chem.conformers.conformer import as_residue
from herobm.chem.conformers.ensemble import embed
from herobm.chem.conformers.force_field import ForceField
from herobm.chem.molecule import molecule
from herobm.dsl.model import Mapping
from herobm.errors import DslCheckError
from herobm.types import Atoms, FloatArray, IntArray

log = logging.getLogger(__name__)

#: kcal/(mol K)
BOLTZMANN = 0.0019872043
#: fs, the unit of time that goes with Å, amu and kcal/mol.
UNIT_TIME = 48.88821
#: amu, of every atom.
MASS = 12.0
#: fs, of a step.
STEP = 2.0
#: 1/fs
FRICTION = 0.005
#: Steps that a conformer gets to warm up, and steps between two snapshots.
WARM_UP, INTERVAL = 500, 100
#: Of water, so that the charges of a molecule do not fold it up on itself.
PERMITTIVITY = 78.5

Gradient = Callable[[FloatArray], FloatArray]
Report = Callable[[int], None]


@dataclass(frozen=True)
class Sampling:
    """How an ensemble is made.

    Attributes
    ----------
    n_frames : int
        Snapshots in all.
    n_starts : int
        Conformers to start from; each gives an equal share of the snapshots.
    temperature : float
        K.
    seed : int
        Of conformers and velocities.
    """

    n_frames: int = 6000
    n_starts: int = 80
    temperature: float = 300.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class ThermalEnsemble:
    """Snapshots of a molecule.

    Attributes
    ----------
    atoms : Atoms
        One residue with the atoms of the mapping, in the first snapshot.
    positions : FloatArray, shape (n_frames, n_atoms, 3)
        Å; snapshots of one start follow each other.
    start : IntArray, shape (n_frames,)
        Conformer that each snapshot stems from.
    n_starts : int
        Conformers that were found.
    temperature : float
        K, mean of `kinetic_temperature`.
    forcefield : str
    """

    atoms: Atoms
    positions: FloatArray
    start: IntArray
    n_starts: int
    temperature: float
    forcefield: str


def sample_ensemble(
    mapping: Mapping, sampling: Sampling, report: Report = lambda _: None
) -> ThermalEnsemble:
    """Sample a molecule at a temperature, from the chemistry of its mapping alone.

    Parameters
    ----------
    mapping : Mapping
        Of a whole molecule, with bonds; hydrogens that it does not list take part, but are left
        out of the result.
    sampling : Sampling
    report : callable
        Called with the number of snapshots so far.

    Returns
    -------
    ThermalEnsemble

    Raises
    ------
    DslCheckError
        If the mapping is no whole molecule, RDKit finds no structure for it, or neither MMFF94
        nor UFF knows its atoms.
    """
    mol, rows = _hydrogenated(mapping)
    starts = _starts(mol, mapping, sampling)
    rng = np.random.default_rng(sampling.seed)
    share = np.diff(np.linspace(0, sampling.n_frames, len(starts) + 1).round().astype(int))
    snapshots: list[FloatArray] = []
    measured: list[float] = []
    for number, (field, wanted) in enumerate(zip(starts, share.tolist(), strict=True)):
        walk = Langevin(field.gradient, sampling.temperature, rng)
        state = walk.begin(np.asarray(mol.GetConformers()[number].GetPositions()))
        state = walk.run(state, WARM_UP)
        for _ in range(wanted):
            state = walk.run(state, INTERVAL)
            snapshots.append(state.positions[rows])
            measured.append(kinetic_temperature(state))
            report(len(snapshots))
    temperature = float(np.mean(measured))
    if not abs(temperature / sampling.temperature - 1.0) < 0.3:
        raise DslCheckError(
            f"{mapping.source or mapping.name}: the dynamics is not stable (it should be at "
            f"{sampling.temperature:g} K and is at {temperature:g} K)",
            "Sample at a lower --temperature, or give frames of a simulation: --structure and "
            "--trajectory.",
        )
    positions = np.stack(snapshots)
    positions = positions - positions.mean(axis=1, keepdims=True)
    return ThermalEnsemble(
        as_residue(mapping, positions[0]),
        positions,
        np.repeat(np.arange(len(starts)), share),
        len(starts),
        temperature,
        starts[0].name,
    )


@dataclass(frozen=True, eq=False)
class Motion:
    """Positions (n_atoms, 3) in Å, velocities in Å a unit of time, gradient in kcal/mol/Å."""

    positions: FloatArray
    velocities: FloatArray
    gradient: FloatArray


class Langevin:
    """Langevin dynamics by the splitting BAOAB.

    Parameters
    ----------
    gradient : callable
        Of the energy, kcal/mol/Å, shape (n_atoms, 3), at positions in Å.
    temperature : float
        K.
    rng : numpy.random.Generator
    """

    def __init__(self, gradient: Gradient, temperature: float, rng: np.random.Generator) -> None:
        self._gradient, self._rng = gradient, rng
        self._speed = math.sqrt(BOLTZMANN * temperature / MASS)
        self._keep = math.exp(-FRICTION * STEP)
        self._kick = self._speed * math.sqrt(1.0 - self._keep**2)

    def begin(self, positions: FloatArray) -> Motion:
        """Start at `positions` with velocities drawn at the temperature."""
        velocities = self._speed * self._rng.standard_normal(positions.shape)
        return Motion(positions, velocities, self._gradient(positions))

    def run(self, motion: Motion, n_steps: int) -> Motion:
        """Move on by some steps."""
        x, v, g = motion.positions, motion.velocities, motion.gradient
        half = 0.5 * STEP / UNIT_TIME
        push = half / MASS
        for kick in self._kick * self._rng.standard_normal((n_steps, *x.shape)):
            v = v - push * g
            x = x + half * v
            v = self._keep * v + kick
            x = x + half * v
            g = self._gradient(x)
            v = v - push * g
        return Motion(x, v, g)


def kinetic_temperature(motion: Motion) -> float:
    """Temperature of the velocities, K.

    At steps of this length it lies about 3 % below that of the positions, which BAOAB samples
    without error where the energy is harmonic.
    """
    return float(MASS * (motion.velocities**2).mean() / BOLTZMANN)


def _hydrogenated(mapping: Mapping) -> tuple[Any, IntArray]:
    """Give the molecule with all its hydrogens, and the rows of the atoms of the mapping."""
    where = mapping.source or mapping.name
    if any(not bond.within for bond in mapping.bonds):
        raise DslCheckError(
            f"{where}: is bonded to its neighbours in a chain, and cannot be sampled alone",
            "Train from structures of the whole chain: herobm data build, herobm train CONFIG.",
        )
    made = molecule(mapping)
    mol = Chem.AddHs(made.mol)
    parts = Chem.GetMolFrags(mol)
    if len(parts) > 1:
        names = ", ".join(n for n, i in made.index.items() if i in parts[1])
        raise DslCheckError(
            f"{where}: its bonds leave {len(parts)} parts that do not hang together ({names})",
            "Write the missing bonds below 'bonds:', or take them from a structure: herobm "
            "mapping convert FILE --to map --structure STRUCTURE -o NEW.map",
        )
    return mol, np.array([made.index[atom.name] for atom in mapping.atoms])


def _starts(mol: Any, mapping: Mapping, sampling: Sampling) -> list[ForceField]:
    """Give a molecule conformers, relaxed; return the force field of each."""
    where = mapping.source or mapping.name
    embed(mol, min(sampling.n_starts, sampling.n_frames), sampling.seed + 1, where)
    ids = [conformer.GetId() for conformer in mol.GetConformers()]
    fields = [ForceField(mol, number, permittivity=PERMITTIVITY) for number in ids]
    if not fields[0].name:
        raise DslCheckError(
            f"{where}: neither MMFF94 nor UFF knows all of its atoms",
            "Give frames of a simulation instead: --structure and --trajectory.",
        )
    if fields[0].name == "UFF":
        log.info("%s: MMFF94 does not know all atoms; UFF is taken", mapping.name)
    for field in fields:
        field.relax()
    return fields
