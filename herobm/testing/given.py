"""A structure made ready for a suite: its atoms, the beads they make, and the plan of these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from herobm.errors import PluginError
from herobm.io import read_atoms
from herobm.plan import Library, Plan, compile_library
from herobm.plugins import Registry, load_registry
from herobm.system import Topology
from herobm.system.atomistic import coarse_grain
from herobm.types import Atoms, Beads, FloatArray


@dataclass(frozen=True, eq=False)
class Given:
    """A structure, seen through a mapping.

    Attributes
    ----------
    beads : Beads
        As the atoms make them.
    topology : Topology
    positions : FloatArray, shape (n_atoms of the plan, 3)
        Å, of the structure's atoms; NaN where it lacks one.
    """

    beads: Beads
    topology: Topology
    positions: FloatArray

    @property
    def plan(self) -> Plan:
        """The plan of the topology."""
        return self.topology.plan

    def atoms(self) -> Atoms:
        """Return the atoms that the plan has, named as in the mapping."""
        plan = self.plan
        return Atoms(
            positions=self.positions,
            names=plan.atom_names,
            residue_index=plan.atom_residue,
            residues=self.topology.beads.residues,
            box=self.topology.beads.box,
            elements=plan.elements,
        )


def given(path: Path | str, registry: Registry, mapping: str, periodic: bool = True) -> Given:
    """Read a structure and see it through a mapping set; a copy for each test.

    Parameters
    ----------
    path : Path or str
        Of a structure with atoms; residues that the mapping lacks are left out.
    registry : Registry
    mapping : str
        Name of the set.
    periodic : bool
        Whether a periodic box of the file counts.
    """
    seen = _read(path, registry, mapping, periodic)
    beads = seen.topology.beads
    return Given(
        seen.beads.with_positions(seen.beads.positions.copy()),
        replace(seen.topology, beads=beads.with_positions(beads.positions.copy())),
        seen.positions.copy(),
    )


@cache
def _read(path: Path | str, registry: Registry, mapping: str, periodic: bool) -> Given:
    library = library_of(registry, mapping)
    atoms = read_atoms(path)
    atoms = atoms if periodic else replace(atoms, box=None)
    topology, placed = coarse_grain(atoms, library, str(path))
    return Given(topology.beads, topology, placed)


@cache
def installed() -> Registry:
    """Return the installed plug-ins, the same ones for all tests."""
    return load_registry()


@cache
def library_of(registry: Registry, mapping: str) -> Library:
    """Compile a mapping set of plug-ins."""
    return compile_library(registry.mapping(mapping))


def sound(registry: Registry, name: str) -> None:
    """See to it that the plug-in of a record was not set aside and does nothing it should not.

    Raises
    ------
    PluginError
        As it was raised when the plug-in was set aside.
    """
    plugin = name.partition("/")[0]
    for failed in registry.failures:
        if failed.name == plugin:
            raise failed.error
    lines = [line for p in registry.plugins if p.name == plugin for line in p.lines()]
    if lines:
        raise PluginError("; ".join(lines))


def together(one: Beads, two: Beads) -> Beads:
    """Return the beads of two systems as one; the chains of the second get names of their own."""
    parts = (one.residues, replace(two.residues, chains=np.char.add(two.residues.chains, "'")))
    residues = replace(
        one.residues,
        names=np.concatenate([p.names for p in parts]),
        ids=np.concatenate([p.ids for p in parts]),
        icodes=np.concatenate([p.icodes for p in parts]),
        chains=np.concatenate([p.chains for p in parts]),
        hetero=None,
    )
    return Beads(
        positions=np.concatenate([one.positions, two.positions]),
        names=np.concatenate([one.names, two.names]),
        residue_index=np.concatenate([one.residue_index, two.residue_index + len(one.residues)]),
        residues=residues,
    )


def turned(positions: FloatArray, seed: int = 3) -> tuple[FloatArray, FloatArray]:
    """Return positions (n, 3) rotated about the origin, and the rotation (3, 3) itself."""
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    q[:, 0] *= np.sign(np.linalg.det(q))
    rotated: FloatArray = positions @ q.T
    return rotated, q
