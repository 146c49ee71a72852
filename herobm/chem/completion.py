"""A mapping with what it does not say of its chemistry, taken from a structure."""

from __future__ import annotations

import numpy as np

from herobm.chem.perceive import reference_from
from herobm.dsl.model import AtomRef, Bond, Mapping, MappingSet, Stereo
from herobm.errors import StructureError
from herobm.plan.template import compile_library
from herobm.system.matching import match_atoms, rename_residues
from herobm.types import Atoms


def complete(mapping: Mapping, atoms: Atoms, source: str = "structure") -> Mapping:
    """Give a mapping the bonds, charges and stereo labels that a residue of a structure shows.

    Parameters
    ----------
    mapping : Mapping
        Bonds are taken from the structure where it has none at all; charges and labels where it
        has none for that atom.
    atoms : Atoms
    source : str
        What to call the structure in messages.

    Returns
    -------
    Mapping
        Bonds to the previous and the next residue of a chain are among those it gains.

    Raises
    ------
    StructureError
        If the structure lacks the residue, or its atoms bear other names.
    """
    names = {n for a in mapping.atoms for n in a.names}
    seen = reference_from(atoms, mapping.molecules, names, source)
    renamed = _names(mapping, atoms, seen.residue)
    if len(renamed.keys() & seen.elements.keys()) < min(2, len(mapping.atoms)):
        raise StructureError(
            f"{source}: the atoms of {seen.residue} bear other names than in the mapping",
            f"The structure has {', '.join(list(seen.elements)[:6])} ...; the mapping "
            f"{', '.join(a.name for a in mapping.atoms[:6])} ...",
        )
    charges = {renamed[n]: q for n, q in seen.charges.items() if n in renamed}
    stereo = [
        Stereo(atoms=tuple(renamed[n] for n in s.atoms), label=s.label)
        for s in seen.stereo
        if set(s.atoms) <= renamed.keys()
    ]
    told = {frozenset(s.atoms) for s in mapping.stereo}
    bonds = tuple(
        Bond(a=_renamed(b.a, renamed), b=_renamed(b.b, renamed), symbol=b.symbol)
        for b in seen.bonds
        if all(ref.offset or ref.name in renamed for ref in (b.a, b.b))
    )
    more = tuple(s for s in stereo if frozenset(s.atoms) not in told)
    if mapping.bonds:
        return mapping.model_copy(update={"stereo": mapping.stereo + more})
    charges |= mapping.charges
    return mapping.model_copy(
        update={"bonds": bonds, "charges": charges, "stereo": mapping.stereo + more}
    )


def _names(mapping: Mapping, atoms: Atoms, residue: str) -> dict[str, str]:
    """Name in the structure -> name in the mapping, read from all residues of that kind."""
    library = compile_library(MappingSet(name=mapping.name, mappings=(mapping,)))
    kind = np.isin(atoms.residues.names, (*mapping.molecules, residue))[atoms.residue_index]
    view = atoms.subset(kind)
    as_mapped = dict.fromkeys(view.residues.names.tolist(), mapping.name)
    matched = match_atoms(rename_residues(view, as_mapped, mapping.name), library).atom
    found: dict[str, str] = {}
    for row in np.flatnonzero(matched >= 0).tolist():
        found.setdefault(str(view.names[row]), mapping.atoms[int(matched[row])].name)
    return found


def _renamed(ref: AtomRef, names: dict[str, str]) -> AtomRef:
    return ref if ref.offset else AtomRef(name=names[ref.name])
