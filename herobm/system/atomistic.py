"""Atomistic structures laid out along the plan of a mapping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herobm.errors import StructureError
from herobm.plan.bonds import lay_out_atoms
from herobm.plan.template import Library
from herobm.system.coarsen import coarsen, complete_residues, rough_beads
from herobm.system.matching import find_templates, match_atoms
from herobm.system.periodic import whole_residues
from herobm.system.topology import Topology, build_topology
from herobm.types import Atoms, BoolArray, FloatArray, IntArray

#: Beads of a residue that may have the name of an atom.
AS_ATOMS = 2


def hold_beads(atoms: Atoms, library: Library) -> BoolArray:
    """Tell which residues have beads where the mapping has atoms, shape (n_residues,).

    They have fewer particles than half of its atoms, and next to none with the name of one: beads
    CA may be the C-alpha atoms.
    """
    match = match_atoms(atoms, library)
    sizes = np.array([len(template.atoms) for template in library] + [0])[match.template]
    n_particles = np.bincount(atoms.residue_index, minlength=len(sizes))
    n_known = np.bincount(atoms.residue_index[match.atom >= 0], minlength=len(sizes))
    found: BoolArray = (2 * n_particles < sizes) & (n_known <= AS_ATOMS)
    return found


def require_atoms(atoms: Atoms, library: Library, source: str = "structure") -> None:
    """Stop at a structure most of whose residues that the mapping has are beads.

    Raises
    ------
    StructureError
    """
    beads = hold_beads(atoms, library)
    n_mapped = int((find_templates(atoms.residues, library) >= 0).sum())
    if 2 * beads.sum() > n_mapped:
        first = atoms.residues.label(int(np.flatnonzero(beads)[0]))
        raise StructureError(
            f"{source}: this holds beads, not atoms: {beads.sum()} of {n_mapped} residues lack "
            f"most atoms that mapping '{library.name}' has for them (first: {first})",
            f"Rebuild the atoms first: herobm backmap {source} -o atoms.pdb",
        )


@dataclass(frozen=True, eq=False)
class AtomLayout:
    """Where the atoms of a structure stand in a plan; serves every frame of a trajectory.

    Attributes
    ----------
    topology : Topology
        Of the residues that have all their beads, with these beads.
    index : IntArray, shape (n_kept,)
        Atoms of the structure that belong to such residues.
    residue_index : IntArray, shape (n_kept,)
        Residue of the plan of each.
    local : IntArray, shape (n_kept,)
        Place of each among the atoms of its residue's mapping, -1 for unknown ones.
    residues : IntArray, shape (n_residues of the plan,)
        Residue of the structure that each of the plan is.
    """

    topology: Topology
    index: IntArray
    residue_index: IntArray
    local: IntArray
    residues: IntArray

    @classmethod
    def of(cls, atoms: Atoms, library: Library, source: str = "structure") -> AtomLayout:
        """Recognise the atoms of a structure.

        Residues that the mapping lacks, or that lack every atom of a bead, are left out.

        Raises
        ------
        StructureError
            If nothing of it is mapped, or it holds beads.
        """
        require_atoms(atoms, library, source)
        complete = complete_residues(atoms, library)
        keep = complete[atoms.residue_index]
        kept = atoms.subset(keep)
        if len(kept) == 0:
            raise StructureError(
                f"{source}: no residue of it has all beads of mapping '{library.name}'",
                "Choose another mapping (--mapping), or look at the residue names.",
            )
        coarse = coarsen(kept, library, skip_unmapped=True, source=source)
        topology = build_topology(coarse, library, source=source)
        local = match_atoms(kept, library).atom
        residues = np.flatnonzero(complete)
        return cls(topology, np.flatnonzero(keep), kept.residue_index, local, residues)

    def place(self, positions: FloatArray, box: FloatArray | None) -> FloatArray:
        """Positions of a frame in the order of the plan, with chains in one piece.

        Parameters
        ----------
        positions : FloatArray, shape (n_atoms of the structure, 3)
            Å.
        box : FloatArray or None, shape (6,)

        Returns
        -------
        FloatArray, shape (n_atoms of the plan, 3)
            Å; NaN where the structure lacks an atom.
        """
        plan = self.topology.plan
        whole = whole_residues(positions[self.index], self.residue_index, box)
        laid = lay_out_atoms(plan, self.residue_index, self.local, whole)
        if box is None:
            return laid
        beads = rough_beads(plan, laid)
        shift = (self.topology.whole(beads, box) - beads)[plan.bead_start[:-1]]
        moved: FloatArray = laid + shift[plan.atom_residue]
        return moved


def usable_box(
    topology: Topology, positions: FloatArray, box: FloatArray | None
) -> FloatArray | None:
    """Return the box of atoms, or None if molecules would overlap in it.

    Parameters
    ----------
    topology : Topology
    positions : FloatArray, shape (n_atoms of the plan, 3)
        Å, chains in one piece; NaN for atoms that are not there.
    box : FloatArray or None, shape (6,)
    """
    return topology.usable(rough_beads(topology.plan, positions), box)


def coarse_grain(
    atoms: Atoms, library: Library, source: str = "structure"
) -> tuple[Topology, FloatArray]:
    """Turn a structure into beads, and lay its atoms out as they should come back.

    Residues that the mapping lacks, or that lack every atom of a bead, are left out.

    Parameters
    ----------
    atoms : Atoms
    library : Library
    source : str
        What to call the structure in messages.

    Returns
    -------
    topology : Topology
    reference : FloatArray, shape (n_atoms, 3)
        Å, in the order of the plan and in the periodic image of the beads; NaN where the
        structure lacks an atom.

    Raises
    ------
    StructureError
        If nothing of it is mapped.
    """
    layout = AtomLayout.of(atoms, library, source)
    return layout.topology, layout.place(atoms.positions, atoms.box)
