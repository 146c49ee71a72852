"""The clashscore of structures that have no hydrogens: these are added, then overlaps counted."""

from __future__ import annotations

import logging

from herobm.chem.judging.overlaps import bad_overlaps
from herobm.errors import MinimisationError
from herobm.system.topology import Topology
from herobm.types import Atoms, BoolArray, FloatArray

log = logging.getLogger(__name__)


def clashscore(topology: Topology, positions: FloatArray, counted: BoolArray) -> float:
    """Count bad overlaps per 1000 atoms, hydrogens included.

    Hydrogens are those of the step `hydrogens`, whose places pdbfixer chooses among what stands
    around; amides and histidines are not turned over for it, as MolProbity does.

    Parameters
    ----------
    topology : Topology
    positions : FloatArray, shape (n_atoms, 3)
        Å, in the order of the plan, heavy atoms.
    counted : BoolArray, shape (n_residues,)
        Residues that count, and that others can overlap with; they have all their atoms.

    Returns
    -------
    float
        NaN where there is no amino acid, or pdbfixer knows no hydrogens for them, which is logged.
    """
    from herobm.plugins.step_context import StepContext
    from herobm.post.bonding import assemble
    from herobm.post.hydrogens import hydrogens

    plan = topology.plan
    atoms = Atoms(
        positions=positions,
        names=plan.atom_names,
        residue_index=plan.atom_residue,
        residues=topology.beads.residues,
        elements=plan.elements,
    ).subset(counted[plan.atom_residue])
    context = StepContext(topology=topology)
    try:
        full = hydrogens(atoms, context)
    except MinimisationError as error:
        log.warning("no clashscore: %s", error.message)
        return float("nan")
    assembly = assemble(full, context)
    if not any(assembly.standard):
        return float("nan")
    found = bad_overlaps(full.positions, full.symbols, assembly.bonds)
    return 1000.0 * len(found) / len(full)
