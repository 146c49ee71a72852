"""Energy minimisation with a force field of OpenMM, the beads held where they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from herobm.chem.stereo import volumes
from herobm.errors import MinimisationError
from herobm.plugins.step_context import StepContext
from herobm.post.bonding import Assembly, assemble
from herobm.post.forces import (
    BACKBONE_ROOM,
    PEPTIDE_ROOM,
    TERMS,
    energies,
    hold_atoms,
    hold_beads,
    hold_hands,
    hold_torsions,
    keep_off,
    place,
    places,
    sort_terms,
)
from herobm.post.held import (
    BeadGroups,
    bead_groups,
    chiral_centres,
    of_rows,
    peptides,
    remapping,
    usual_backbones,
)
from herobm.post.hydrogens import hydrogens, lacks_hydrogens
from herobm.post.mmff import relax
from herobm.post.molecules import ResiduePart, residue_part
from herobm.post.settings import Settings, find_platform
from herobm.post.systems import Parametrised, parametrised
from herobm.types import Atoms, FloatArray


def minimise(atoms: Atoms, context: StepContext) -> Atoms:
    """Minimise the energy of a structure in vacuum.

    Atoms without hydrogens get them first (`herobm.post.hydrogens`). By default (option
    ``restraints``) the centre of each bead is held by a spring where the input had it, less so
    where its residue is strained, and phi and psi that are no outliers are held near what they
    are. Chiral centres, and those that names alone tell (CG of LEU), are
    kept from turning over, and peptides from turning out of their planes. Molecules that the force
    field does not know are relaxed by MMFF94 while all else is fixed, or left as they are (option
    ``unmapped``). Other options: ``forcefield``, ``platform``, ``tolerance``, ``threads`` and those
    of `hydrogens`.

    Parameters
    ----------
    atoms : Atoms
    context : StepContext

    Returns
    -------
    Atoms
        With all hydrogens.

    Raises
    ------
    MinimisationError
        If a residue has no template in the force field, or its energy is no number.
    """
    settings = Settings.of(context.options)
    if lacks_hydrogens(atoms):
        atoms = hydrogens(atoms, context)
    assembly = assemble(atoms, context)
    known = parametrised(assembly, settings.forcefield, context.kept)
    loose = known.loose
    parts = [_parts(assembly, context, settings, members) for members in loose]
    beads = bead_groups(assembly, context)
    positions: FloatArray = atoms.positions.astype(np.float64)
    if not known.unknown.all():
        positions = _minimised(assembly, context, settings, known, beads)
    if loose:
        positions = _relaxed(assembly, context, settings, parts, loose, positions)
    if beads is not None:
        context.report(remapping(beads, positions))
    return replace(atoms, positions=positions)


def _parts(
    assembly: Assembly, context: StepContext, settings: Settings, members: list[int]
) -> list[ResiduePart]:
    """Chemistry of a molecule that the force field does not know."""
    if settings.unmapped == "leave":
        return []
    parts = [residue_part(assembly, context, i) for i in members]
    known = [p for p in parts if p is not None and (p.mapping.bonds or len(p.rows) == 1)]
    if len(known) < len(parts):
        raise MinimisationError(
            f"{assembly.atoms.residues.label(members[0])} has no template in "
            f"{settings.forcefield}, and no mapping tells its bonds, so that MMFF94 cannot take "
            "its place",
            "Name a mapping with its bonds (--mapping my.map), or leave such molecules as they "
            "are (--unmapped leave) or out (--skip-unmapped).",
        )
    strange = np.isin(assembly.atoms.residue_index, members) & assembly.heavy
    strange[[row for part in known for row in part.rows.values()]] = False
    if strange.any():
        raise MinimisationError(
            f"{assembly.atoms.label(int(strange.argmax()))} has no place in its mapping, so that "
            "MMFF94 cannot take the place of a template",
            "Add the atom and its bonds to the mapping, leave such molecules as they are "
            "(--unmapped leave) or out (--skip-unmapped).",
        )
    return known


def _minimised(
    assembly: Assembly,
    context: StepContext,
    settings: Settings,
    known: Parametrised,
    beads: BeadGroups | None,
) -> FloatArray:
    """Positions (n_atoms, 3) in Å of all atoms, those of known molecules minimised."""
    import openmm

    positions = assembly.atoms.positions.astype(np.float64)
    unknown, heavy = known.unknown, assembly.heavy
    rows = np.flatnonzero(~unknown)
    system = known.system(assembly)
    held = "nothing held"
    if settings.restraints == "beads" and beads is not None:
        hold_beads(system, of_rows(beads, rows))
        usual = usual_backbones(assembly, context).among(rows)
        hold_torsions(system, usual.atoms, usual.rest, BACKBONE_ROOM)
        held = "bead centres, phi and psi held"
    elif settings.restraints == "beads":
        held += ", since no mapping tells the beads"
    elif settings.restraints == "heavy":
        hold_atoms(system, np.flatnonzero(heavy[rows]), positions[rows])
        held = "heavy atoms held"
    centres, hands = chiral_centres(assembly, context, rows)
    hold_hands(system, centres, hands)
    flat = peptides(assembly, context).among(rows)
    hold_torsions(system, flat.atoms, flat.rest, PEPTIDE_ROOM)
    keep_off(system, positions[rows], heavy[rows], positions[unknown], heavy[unknown])
    sort_terms(system)
    platform, properties = find_platform(settings.platform, settings.threads)
    try:
        simulated = openmm.Context(system, openmm.VerletIntegrator(0.001), platform, properties)
        place(simulated, positions[rows])
        before = energies(simulated)
        openmm.LocalEnergyMinimizer.minimize(simulated, settings.tolerance)
        after, moved = energies(simulated), places(simulated)
    except openmm.OpenMMException as error:
        raise MinimisationError(
            f"OpenMM cannot minimise the structure on platform {platform.getName()}: {error}",
            "Atoms may lie on each other; run the step 'consistency' or 'backbone' before.",
        ) from error
    if not np.isfinite(moved).all() or not np.isfinite(list(after.values())).all():
        raise MinimisationError(
            "the energy of the structure is no number after minimisation",
            "Atoms may lie on each other; run the step 'consistency' or 'backbone' before.",
        )
    context.report(f"{settings.forcefield} on {platform.getName()}, {held}")
    _tell(context, before, after)
    wrong, wrong_after = (volumes(x, centres) * hands < 0 for x in (positions[rows], moved))
    turned = wrong & ~wrong_after
    if turned.any():
        first = assembly.atoms.label(int(rows[centres[turned.argmax(), 0]]))
        context.report(
            f"{turned.sum()} centre(s) had another hand than their residue name says, and were "
            f"turned over (first: {first})"
        )
    positions[rows] = moved
    return positions


def _tell(context: StepContext, before: dict[str, float], after: dict[str, float]) -> None:
    columns = "".join(f"{term:>12}" for term in (*TERMS, "total"))
    context.report(f"kJ/mol {columns}")
    for name, terms in (("before", before), ("after", after)):
        values = [*(terms[term] for term in TERMS), sum(terms.values())]
        context.report(f"{name:<7}" + "".join(f"{_shown(value):>12}" for value in values))


def _shown(value: float) -> str:
    return f"{value:.0f}" if abs(value) < 1e8 else f"{value:.2e}"


def _relaxed(
    assembly: Assembly,
    context: StepContext,
    settings: Settings,
    parts: list[list[ResiduePart]],
    loose: list[list[int]],
    positions: FloatArray,
) -> FloatArray:
    """Relax the molecules that the force field does not know, and say so."""
    names = [str(assembly.atoms.residues.names[members[0]]) for members in loose]
    kinds = ", ".join(dict.fromkeys(names))
    if settings.unmapped == "leave":
        context.report(f"left as they were, without a template: {len(loose)} molecules ({kinds})")
        return positions
    before = after = 0.0
    failed, relaxed = [], []
    for members, name in zip(parts, names, strict=True):
        found = relax(assembly, members, positions, settings.restraints != "none")
        if found is None:
            failed.append(name)
            continue
        relaxed.append(name)
        positions, first, last = found
        before, after = before + first, after + last
    if relaxed:
        kinds = ", ".join(dict.fromkeys(relaxed))
        context.report(
            f"relaxed by MMFF94, without a template: {len(relaxed)} molecules "
            f"({kinds}), {_shown(before)} to {_shown(after)} kJ/mol"
        )
    if failed:
        kinds = ", ".join(dict.fromkeys(failed))
        context.report(
            f"left as they were, MMFF94 has no parameters either: {len(failed)} molecules ({kinds})"
        )
    return positions
