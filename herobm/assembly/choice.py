"""Which mapping sets a structure is read by."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from herobm.errors import DslError, PluginError, UnmappedResidueError
from herobm.plan import Library, compile_library
from herobm.plan.merge import merge_libraries, overruled
from herobm.plugins.registry import Registry
from herobm.system import count_fitting
from herobm.system.atomistic import require_atoms
from herobm.system.matching import count_known
from herobm.types import Atoms, Beads

log = logging.getLogger(__name__)

#: The pack that is taken where the beads fit several.
PREFERRED = "martini3"


def as_names(names: str | Path | Iterable[str | Path] | None) -> tuple[str | Path, ...]:
    """Return names one by one, whether none, one or several are given."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str | Path) else tuple(names)


def open_library(
    names: Iterable[str | Path], registry: Registry, residues: Iterable[str] = ()
) -> Library:
    """Load mapping sets as one, and say in the log which residues a later one takes over.

    Parameters
    ----------
    names : iterable of str or Path
        Of mapping sets, files or folders; the last one wins for each residue name. A set that is
        named twice counts where it is named last.
    registry : Registry
    residues : iterable of str
        Residue names of the structure.
    """
    sets = [registry.mapping(name) for name in names]
    once = [one for i, one in enumerate(sets) if one not in sets[i + 1 :]]
    libraries = [compile_library(one) for one in once]
    for winner, loser, lost in overruled(libraries, residues):
        log.info(
            "%s: mapping '%s' is taken, for it is named after '%s'", ", ".join(lost), winner, loser
        )
    return merge_libraries(libraries)


def open_library_of_atoms(
    atoms: Atoms, names: Sequence[str | Path], registry: Registry, source: str = "structure"
) -> Library | None:
    """Load the mapping sets asked for; else the pack that knows most residues, if any does.

    Parameters
    ----------
    atoms : Atoms
    names : sequence of str or Path
        As `open_library` takes them; there may be none.
    registry : Registry
    source : str
        What to call the atoms in messages.

    Raises
    ------
    StructureError
        If no pack knows any residue, for the structure holds beads.
    """
    if names:
        return open_library(names, registry, atoms.residues.names.tolist())
    best, most = None, 0
    others = []
    for name in by_preference(registry):
        try:
            library = compile_library(registry.mapping(name))
        except (DslError, PluginError):
            continue  # of a pack that nobody asked for
        count = count_known(atoms, library)
        if count > most:
            best, most = library, count
        if most == len(atoms.residues):
            break
        others.append(library)
    for library in others if best is None else []:
        require_atoms(atoms, library, source)
    return best


def choose_mappings(
    beads: Beads, registry: Registry, source: str = "structure", given: Sequence[str] = ()
) -> tuple[str, ...]:
    """Find the packs whose beads are those of the residues, and say so in the log.

    The pack that fits most residues is taken, then those that fit what it lacks.

    Parameters
    ----------
    beads : Beads
    registry : Registry
    source : str
        What to call the beads in messages.
    given : sequence of str
        Mapping sets that are settled already, in place of the one that fits best.

    Returns
    -------
    tuple of str
        As `open_library` takes them: the main one is the last.

    Raises
    ------
    UnmappedResidueError
        If there is no mapping at all.
    """
    chosen = list(given) or [choose_mapping(beads, registry, source)]
    while True:
        known = [n for name in chosen for n in compile_library(registry.mapping(name)).by_residue]
        left = ~np.isin(beads.residues.names, known)
        if not left.any():
            break
        counts = _count(beads.subset(left[beads.residue_index]), registry, set(chosen))
        best = max(counts, key=lambda name: counts[name][0], default=None)
        if best is None or counts[best][0] == 0:
            break
        log.info("mapping: %s, too (its beads fit %d of the %d residues left)", best, *counts[best])
        chosen.insert(0, best)
    return tuple(chosen)


def choose_mapping(beads: Beads, registry: Registry, source: str = "structure") -> str:
    """Find the pack whose beads are those of most residues, and say so in the log.

    What a pack that does not fit all of them lacks is told by `build_topology`. Between packs
    that fit equally well, the preferred one is taken.

    Parameters
    ----------
    beads : Beads
    registry : Registry
    source : str
        What to call the beads in messages.

    Raises
    ------
    UnmappedResidueError
        If there is no mapping at all.
    """
    counts = _count(beads, registry)
    if not counts:
        packs = registry.missing_packs(set(beads.residues.names.tolist()), beads.names.tolist())
        raise UnmappedResidueError(
            f"{source}: no plug-in that is installed has a mapping",
            "\n".join(packs or ("Install one, e.g. herobm-martini3,",))
            + "\nor name a mapping file (--mapping my.map).",
        )
    best = max(counts, key=lambda name: counts[name][0] / max(counts[name][1], 1))
    missing = registry.missing_packs(set(beads.residues.names.tolist()), beads.names.tolist())
    if not counts[best][0] and missing:
        raise UnmappedResidueError(
            f"{source}: no mapping that is installed fits any of its residues",
            "\n".join(missing) + "\nOr name a mapping file (--mapping my.map).",
        )
    log.info("mapping: %s (its beads fit %d of %d residues)", best, *counts[best])
    return best


def better_mapping(beads: Beads, registry: Registry, taken: str) -> str | None:
    """Find the pack whose beads are those of most residues, where that is not the one taken.

    Parameters
    ----------
    beads : Beads
        That `taken` does not fit.
    registry : Registry
    taken : str
        Name of a mapping set.

    Returns
    -------
    str or None
        What to tell a user; None where no other one fits most residues.
    """
    counts = _count(beads, registry)
    best = max(counts, key=lambda name: counts[name][0], default=None)
    if best is None or best == taken or 2 * counts[best][0] <= counts[best][1]:
        return None
    fitting, n_residues = counts[best]
    return f"The beads of {fitting} of {n_residues} residues are those of --mapping {best}."


def by_preference(registry: Registry) -> list[str]:
    """Return the names of all mapping sets: of those that fit alike the first one is meant.

    The default set of each pack comes before the others, the preferred pack before all.
    """
    sets = registry.mappings()
    own = f"{PREFERRED}/"
    return sorted(sets, key=lambda n: (not sets[n].default, not n.startswith(own), n))


def _count(
    beads: Beads, registry: Registry, without: Collection[str] = ()
) -> dict[str, tuple[int, int]]:
    """Residues that each set fits and all there are, up to the first set that fits all."""
    counts: dict[str, tuple[int, int]] = {}
    for name in by_preference(registry):
        if name in without:
            continue
        try:
            library = compile_library(registry.mapping(name))
        except (DslError, PluginError) as error:
            log.info("mapping %s is not looked at: %s", name, error.message.splitlines()[0])
            continue
        counts[name] = count_fitting(beads, library)
        if counts[name][0] == counts[name][1]:
            break  # none fits better, so the others need not be read
    return counts
