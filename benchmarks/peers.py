"""Programs of others that rebuild atoms, as ``pip install -e '.[peers]'`` installs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import herobm
from herobm.errors import StructureError
from herobm.plan.bonds import lay_out_atoms
from herobm.system import Topology
from herobm.system.matching import match_atoms
from herobm.types import Beads, FloatArray

#: Seconds after which a program is stopped.
PATIENCE = 1800


@dataclass(frozen=True)
class Peer:
    """A program and how it is called.

    Attributes
    ----------
    name : str
    mapping : str
        Mapping set whose beads it reads.
    command : tuple of str
        With ``{beads}`` and ``{atoms}`` for the files.
    output : str
        Name of the file that it writes.
    """

    name: str
    mapping: str
    command: tuple[str, ...]
    output: str

    def rebuilder(self, topology: Topology) -> Run:
        """Make it ready for a topology."""
        return Run(self, topology)


@dataclass(frozen=True, eq=False)
class Run:
    """A program at work on a topology."""

    peer: Peer
    topology: Topology

    def rebuild(self, beads: Beads) -> FloatArray:
        """Place the heavy atoms, shape (n_atoms, 3), Å; NaN for those that the program lacks.

        Raises
        ------
        StructureError
            If the program fails, or gives back other residues.
        """
        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder) / "beads.pdb", Path(folder) / self.peer.output
            herobm.write_structure(given, beads)
            command = [part.format(beads=given, atoms=made) for part in self.peer.command]
            command[0] = _find(command[0]) or command[0]
            run = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | {"OMP_NUM_THREADS": "1"},  # as herobm is measured, on one
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            if run.returncode or not made.exists():
                told = " ".join((run.stderr or run.stdout).split())[-200:]
                raise StructureError(f"{self.peer.name} fails: {told}")
            atoms = herobm.read_atoms(made)
        plan = self.topology.plan
        if atoms.residues.names.tolist() != beads.residues.names.tolist():
            raise StructureError(f"{self.peer.name} gives back other residues")
        local = match_atoms(atoms, plan.library).atom
        return lay_out_atoms(plan, atoms.residue_index, local, atoms.positions)


PEERS = (
    Peer("cgback", "ca_only/ca", ("cgback", "{beads}", "-o", "{atoms}"), "atoms.cif"),
    Peer("pulchra", "ca_only/ca", ("pulchra", "{beads}", "-O", "{atoms}"), "atoms.pdb"),
)


def installed() -> tuple[Peer, ...]:
    """Return the programs that are beside the Python in use, or on the PATH."""
    return tuple(peer for peer in PEERS if _find(peer.command[0]) is not None)


def _find(program: str) -> str | None:
    here = str(Path(sys.executable).parent)
    return shutil.which(program, path=here) or shutil.which(program)
