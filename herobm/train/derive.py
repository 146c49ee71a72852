"""Residue kinds that structures lack, cut from ones that they have.

Caps such as ACE and NME hardly occur in crystal structures. The end of a chain becomes one when
its first or last residue is cut down to the atoms that the cap shares with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from herobm.errors import ConfigError
from herobm.plan.template import Library
from herobm.types import Atoms


class Derived(BaseModel):
    """How one residue kind is cut from the residue at an end of a chain.

    Attributes
    ----------
    residue : name of the kind, e.g. ACE.
    at : which end of the chain.
    atoms : name in the source residue -> name in the new one; all others are left out.
    share : share of the chains that are cut.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    residue: str
    at: Literal["start", "end"]
    atoms: dict[str, str]
    share: float = Field(default=0.1, ge=0, le=1)


def check_derived(derived: tuple[Derived, ...], library: Library) -> None:
    """See to it that a mapping has the residue kinds that are to be cut, and their atoms.

    Raises
    ------
    ConfigError
        Naming the first that it lacks.
    """
    sources = {name for t in library for atom in t.mapping.atoms for name in atom.names}
    for kind in derived:
        unknown = sorted(set(kind.atoms) - sources)
        if unknown:
            raise ConfigError(
                f"derived: {kind.residue} cannot be cut from {', '.join(unknown)}: no residue of "
                f"mapping '{library.name}' has it",
                "Write 'name in the residue that is cut: name in the new one'.",
            )
        template = library.get(kind.residue)
        if template is None:
            raise ConfigError(
                f"derived: mapping '{library.name}' has no residue {kind.residue}",
                f"It has: {', '.join(sorted(library.by_residue))}.",
            )
        known = {name for atom in template.mapping.atoms for name in atom.names}
        strangers = sorted(set(kind.atoms.values()) - known)
        if strangers:
            raise ConfigError(
                f"derived: {kind.residue} of mapping '{library.name}' has no atom "
                f"{', '.join(strangers)}",
                f"It has: {', '.join(sorted(known))}.",
            )


def derive_residues(atoms: Atoms, derived: tuple[Derived, ...]) -> Atoms:
    """Cut the ends of some chains down to the residue kinds asked for.

    Parameters
    ----------
    atoms : Atoms
    derived : tuple of Derived
        The same chains are chosen whenever it is asked.
    """
    rng = np.random.default_rng(0)
    for kind in derived:
        changes = np.flatnonzero(atoms.residues.chains[1:] != atoms.residues.chains[:-1])
        last = np.append(changes, len(atoms.residues) - 1)
        ends = last if kind.at == "end" else np.append(0, changes + 1)
        chosen = ends[rng.random(len(ends)) < kind.share]
        cut = np.zeros(len(atoms.residues), bool)
        cut[chosen] = True
        in_cut = cut[atoms.residue_index]
        names = atoms.names
        kept = ~in_cut
        for old, new in kind.atoms.items():
            here = in_cut & (atoms.names == old)
            names = np.where(here, new, names)
            kept |= here
        residues = replace(
            atoms.residues,
            names=np.where(cut, kind.residue, atoms.residues.names).astype(np.str_),
        )
        atoms = replace(atoms, names=names, residues=residues).subset(kept)
    return atoms
