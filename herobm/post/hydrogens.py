"""Hydrogens: those of proteins by pdbfixer at a pH, all others by the chemistry of the mapping."""

from __future__ import annotations

import io
import random
import re
from collections import Counter
from typing import Any

import numpy as np

from herobm.elements import ion_element
from herobm.errors import MinimisationError
from herobm.plugins.step_context import StepContext
from herobm.post.bonding import WATERS, Assembly, assemble
from herobm.post.ends import Placed, close_ends, with_added
from herobm.post.molecules import ResiduePart, missing_hydrogens, residue_part
from herobm.post.residue_names import STATES
from herobm.post.settings import Settings, cpu_platform
from herobm.types import Atoms, FloatArray

#: Å, bonds to hydrogen, rounded (neutron diffraction: Allen, Bruno, Acta Cryst. B66, 380 (2010)).
LENGTHS = {"C": 1.09, "N": 1.01, "O": 0.97, "S": 1.34}
#: How OpenMM names a residue: HIS residue (4), residue 4.
_BY_INDEX = re.compile(r"(?:\w+ )?residue \(?(\d+)\)?")
#: One atom, so that pdbfixer has a file to begin with.
_SEED_FILE = "ATOM      1  N   GLY A   1       0.000   0.000   0.000  1.00  0.00           N\nEND\n"


def hydrogens(atoms: Atoms, context: StepContext) -> Atoms:
    """Add the hydrogens that atoms lack, and the heavy atoms that chain ends lack.

    No heavy atom moves. Amino acids get the protonation that pdbfixer gives them at the pH
    (option ``ph``, 7.0), or the one that their name says (HID, ASH, LYN ...). Molecules of other
    kinds get what the valences in their mapping leave open. Breaks within a chain get charged or
    capped ends (option ``ends``).

    Parameters
    ----------
    atoms : Atoms
    context : StepContext

    Returns
    -------
    Atoms
        Residue by residue the atoms that were there, in their order, then the hydrogens.

    Raises
    ------
    MinimisationError
        If an amino acid lacks atoms, or the chemistry of a mapping makes no sense.
    """
    settings = Settings.of(context.options)
    closed, breaks = close_ends(assemble(atoms, context), context, settings.ends)
    assembly = assemble(closed, context)
    added, states = _of_proteins(assembly, settings.ph, context.seed)
    unknown = _of_others(assembly, context, added)
    full = with_added(
        closed, closed.residues, list(range(len(closed.residues))),
        [added.get(i, []) for i in range(len(closed.residues))],
    )  # fmt: skip
    _tell(context, settings, assembly, added, states)
    joined = {tuple(sorted(pair)) for pair in assembly.places.atom[assembly.bonds].tolist()}
    n_open = sum(pair not in joined for pair in context.disulfides)
    if n_open:
        context.report(f"{n_open} disulfide(s) between periodic images are left open")
    if breaks:
        first = f"the first: {breaks[0]}"
        context.report(f"{len(breaks)} break(s) with {settings.ends} ends ({first})")
    if unknown:
        names = ", ".join(sorted(set(unknown)))
        context.report(f"without hydrogens, since no mapping tells their chemistry: {names}")
    return full


def lacks_hydrogens(atoms: Atoms) -> bool:
    """Whether any amino acid, water, or other molecule with carbon has no hydrogen at all."""
    heavy = atoms.heavy
    n = len(atoms.residues)
    carbon = np.bincount(atoms.residue_index[atoms.symbols == "C"], minlength=n) > 0
    hydrogen = np.bincount(atoms.residue_index[~heavy], minlength=n) > 0
    water = np.isin(atoms.residues.names, list(WATERS))
    return bool(((carbon | water) & ~hydrogen).any())


def _tell(
    context: StepContext,
    settings: Settings,
    assembly: Assembly,
    added: dict[int, Placed],
    states: Counter[str],
) -> None:
    protein = sum(len(h) for i, h in added.items() if assembly.standard[i])
    others = sum(len(h) for i, h in added.items() if not assembly.standard[i])
    lines = [f"{protein} hydrogens on proteins at pH {settings.ph:g}"]
    if states:
        counts = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
        lines[0] += f" ({counts})"
    if others:
        lines.append(f"{others} on other molecules")
    context.report(", ".join(lines))


def _of_proteins(
    assembly: Assembly, ph: float, seed: int
) -> tuple[dict[int, Placed], Counter[str]]:
    """Hydrogens that amino acids lack, by residue, and the counts of protonation states."""
    if not any(assembly.standard) and not WATERS & set(assembly.atoms.residues.names.tolist()):
        return {}, Counter()
    known = random.getstate()
    random.seed(seed)  # pdbfixer draws the first places of hydrogens from the module's own state
    try:
        topology, positions = _protonated(assembly, ph)
    except (ValueError, KeyError) as error:
        raise MinimisationError(
            f"pdbfixer cannot give the structure hydrogens: {_named(str(error), assembly)}",
            "An amino acid may lack heavy atoms, or bear the name of another one.",
        ) from error
    finally:
        random.setstate(known)
    added: dict[int, Placed] = {}
    states: Counter[str] = Counter()
    called = _names_in_residues(assembly.atoms)
    for i, (old, new) in enumerate(
        zip(assembly.topology.residues(), topology.residues(), strict=True)
    ):
        if not assembly.standard[i] and old.name != "HOH":
            continue
        had = {atom.name for atom in old.atoms()}
        names = {atom.name for atom in new.atoms()}
        heavy = {a.index: a for a in new.atoms() if a.name in had and _is_heavy(a)}
        added[i] = [
            (_called(a.name, called[i]), "H", _at_length(positions[a.index], heavy, positions))
            for a in new.atoms()
            if a.name not in had
        ]
        states.update(_state(assembly.standard[i], names))
    return added, states


def _is_heavy(atom: Any) -> bool:
    return atom.element is not None and atom.element.symbol != "H"


def _names_in_residues(atoms: Atoms) -> list[set[str]]:
    found: list[set[str]] = [set() for _ in range(len(atoms.residues))]
    for owner, name in zip(atoms.residue_index.tolist(), atoms.names.tolist(), strict=True):
        found[owner].add(name)
    return found


def _called(name: str, others: set[str]) -> str:
    """Name a new hydrogen as the other atoms of its residue are: HW1 and HW2 beside OW."""
    return f"HW{name[1:]}" if "OW" in others else name


def _named(message: str, assembly: Assembly) -> str:
    """Name a residue as in the file, where pdbfixer and OpenMM name it by its index."""
    residues = assembly.atoms.residues
    found = _BY_INDEX.search(message)
    if found is None or int(found[1]) >= len(residues):
        return message
    return message.replace(found[0], residues.label(int(found[1])))


def _at_length(place: FloatArray, heavy: dict[int, Any], positions: FloatArray) -> FloatArray:
    """Bring a hydrogen to the length of its bond: pdbfixer leaves it 0.1 to 0.2 Å too far out."""
    rows = list(heavy)
    gaps = place - positions[rows]
    lengths = np.linalg.norm(gaps, axis=1)
    nearest = int(lengths.argmin())
    wanted = LENGTHS.get(heavy[rows[nearest]].element.symbol, lengths[nearest])
    moved: FloatArray = positions[rows[nearest]] + gaps[nearest] * wanted / lengths[nearest]
    return moved


def _state(residue: str, names: set[str]) -> list[str]:
    """Name the protonation of a residue where it is not the one that goes without saying."""
    if residue == "HIS":
        found = {(True, False): "HID", (False, True): "HIE", (True, True): "HIP"}
        return [found.get(("HD1" in names, "HE2" in names), "HIN")]
    if residue in ("ASP", "GLU"):
        neutral = {"ASP": "HD2", "GLU": "HE2"}[residue] in names
        return [{"ASP": "ASH", "GLU": "GLH"}[residue]] if neutral else []
    if residue == "LYS" and not {"HZ1", "HZ2", "HZ3"} <= names:
        return ["LYN"]
    return ["CYX"] if residue == "CYS" and "HG" not in names else []


def _protonated(assembly: Assembly, ph: float) -> tuple[Any, FloatArray]:
    """Topology with hydrogens, and positions in Å."""
    from openmm import Vec3, unit
    from openmm.app import Modeller
    from pdbfixer import PDBFixer

    class Offline(PDBFixer):  # type: ignore[misc]
        """Looks nothing up on the internet for residues that it does not know."""

        def _downloadCCDDefinition(self, residueName: str) -> None:  # noqa: N802, N803
            return None

    platform = cpu_platform()
    fixer = Offline(pdbfile=io.StringIO(_SEED_FILE), platform=platform)
    fixer.topology = assembly.topology
    fixer.positions = [Vec3(*p) for p in (assembly.atoms.positions / 10).tolist()] * unit.nanometer
    fixer.missingResidues = {}
    fixer.findMissingAtoms()
    if fixer.missingAtoms:
        residue, lacking = next(iter(fixer.missingAtoms.items()))
        n_others = len(fixer.missingAtoms) - 1
        raise MinimisationError(
            f"{assembly.atoms.residues.label(residue.index)} lacks "
            f"{', '.join(atom.name for atom in lacking)}, where hydrogens would be put"
            + (f" (and {n_others} more residues lack atoms)" if n_others else ""),
            "Complete the structure, leave such residues out (--selection), or, if one bears the "
            "name of another, rename it (--rename).",
        )
    fixer.addMissingHydrogens(ph)
    topology, placed = fixer.topology, fixer.positions
    named = [STATES.get(str(n), ("", ""))[1] or None for n in assembly.atoms.residues.names]
    bridged = _bridged(assembly)
    named = [None if i in bridged else n for i, n in enumerate(named)]
    if any(named):
        modeller = Modeller(topology, placed)
        modeller.addHydrogens(pH=ph, variants=named, platform=platform)
        topology, placed = modeller.topology, modeller.positions
    positions: FloatArray = np.array(placed.value_in_unit(unit.angstrom), dtype=np.float64)
    return topology, positions


def _bridged(assembly: Assembly) -> set[int]:
    """Cysteines that are bonded to another one."""
    atoms = assembly.atoms
    sulfur = atoms.names[assembly.bonds] == "SG"
    return set(atoms.residue_index[assembly.bonds[sulfur.all(axis=1)]].ravel().tolist())


def _is_ion(part: ResiduePart) -> bool:
    """Whether a part is a lone atom by the name of an ion, whatever its charge is."""
    names = [a.name for a in part.mapping.atoms]
    return len(names) == 1 and any(ion_element(m, names[0]) for m in part.mapping.molecules)


def _of_others(assembly: Assembly, context: StepContext, added: dict[int, Placed]) -> list[str]:
    """Add the hydrogens of all that is no protein; return the names of what is not known."""
    atoms = assembly.atoms
    n = len(atoms.residues)
    has = np.bincount(atoms.residue_index[~atoms.heavy], minlength=n) > 0
    carbon = np.bincount(atoms.residue_index[atoms.symbols == "C"], minlength=n) > 0
    unknown = []
    for i in range(n):
        if assembly.standard[i] or has[i]:
            continue
        part = residue_part(assembly, context, i)
        if part is not None and _is_ion(part):
            continue
        if part is not None and (part.mapping.bonds or len(part.rows) == 1):
            added[i] = missing_hydrogens(part, assembly, i)
        elif carbon[i]:
            unknown.append(str(atoms.residues.names[i]))
    return unknown
