"""Several mapping sets used as one: each residue name is that of the last set that has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from herobm.plan.template import Library


def merge_libraries(libraries: Sequence[Library]) -> Library:
    """Make one library of several.

    Chain-end patches serve the set that they come with.

    Parameters
    ----------
    libraries : sequence of Library
        At least one. Where several have a residue name, the later one wins.

    Returns
    -------
    Library
        Its templates remember the set that they are of.
    """
    if len(libraries) == 1:
        return libraries[0]
    by_residue: dict[str, int] = {}
    n_before = 0
    for library in libraries:
        by_residue |= {name: n_before + kind for name, kind in library.by_residue.items()}
        n_before += len(library.templates)
    return Library(
        name=" + ".join(library.name for library in libraries),
        templates=tuple(template for library in libraries for template in library),
        by_residue=by_residue,
        origins=tuple(library.origin(k) for library in libraries for k, _ in enumerate(library)),
    )


def overruled(
    libraries: Sequence[Library], residues: Iterable[str]
) -> Iterator[tuple[str, str, list[str]]]:
    """Tell which sets lose residue names to later ones.

    Parameters
    ----------
    libraries : sequence of Library
    residues : iterable of str
        The residue names that matter.

    Yields
    ------
    tuple
        The set that wins, the one that loses, and for which residue names, sorted.
    """
    wanted = set(residues)
    for i, loser in enumerate(libraries):
        for j, winner in enumerate(libraries[i + 1 :], start=i + 1):
            lost = wanted & loser.by_residue.keys() & winner.by_residue.keys()
            lost -= {name for later in libraries[j + 1 :] for name in later.by_residue}
            if lost:
                yield winner.name, loser.name, sorted(lost)
