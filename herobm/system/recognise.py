"""Which beads of a file are those of a mapping, and what is wrong with the others."""

from __future__ import annotations

import numpy as np

from herobm.errors import MissingBeadError, StructureError
from herobm.plan.template import Library
from herobm.system.matching import LISTED, find_templates
from herobm.system.vet import COINCIDENT
from herobm.types import Beads, BoolArray, IntArray, Residues

#: Share of the residues, with other beads than those of the mapping, from which on the file may be
#: of another one.
NEARLY_ALL = 0.9
#: Names by which dummies are known that restrain positions, or carry charges (SCP and SCN, of the
#: polarisable Martini 2.2P).
DUMMY_NAMES = frozenset({"DUM", "DUMMY", "POSRE", "PR", "VS", "MW", "SCP", "SCN"})
#: Residues that a hint takes out by a selection.
MOST_IN_HINT = 6


def count_fitting(beads: Beads, library: Library) -> tuple[int, int]:
    """Count the residues whose beads are just those that a library has for them.

    Parameters
    ----------
    beads : Beads
        As read from the file.
    library : Library

    Returns
    -------
    tuple of int
        Residues that fit, and all residues; virtual sites are not looked at.
    """
    kept = beads.subset(~virtual_sites(beads, library))
    fitting = _fitting(kept, library)
    return int(fitting.sum()), len(fitting)


def fitting_residues(beads: Beads, library: Library, most: int) -> Beads:
    """Return the first residues, `most` of them at most, whose beads are those of a library."""
    kept = beads.subset(~virtual_sites(beads, library))
    fitting = _fitting(kept, library)
    fitting &= np.cumsum(fitting) <= most
    return kept.subset(fitting[kept.residue_index])


def _fitting(beads: Beads, library: Library) -> BoolArray:
    """Residues whose beads are those that a library has for them, shape (n_residues,)."""
    template = find_templates(beads.residues, library)
    starts = np.searchsorted(beads.residue_index, np.arange(len(template) + 1))
    names = beads.names.tolist()
    wanted = [sorted(t.beads) for t in library]
    return np.array(
        [
            kind >= 0 and sorted(names[starts[i] : starts[i + 1]]) == wanted[kind]
            for i, kind in enumerate(template.tolist())
        ],
        dtype=bool,
    )


def virtual_sites(beads: Beads, library: Library) -> BoolArray:
    """Tell which beads are virtual sites or dummies rather than beads of a mapping.

    They have a name that the mapping of their residue lacks, and either lie on one of its beads
    (Gō sites) or bear a name by which dummies are known.
    """
    strangers = _strangers(beads, library)
    sites: BoolArray = strangers & _is_site(beads, strangers)
    return sites


def _strangers(beads: Beads, library: Library) -> BoolArray:
    """Beads whose name the mapping of their residue lacks."""
    template = find_templates(beads.residues, library)[beads.residue_index]
    pairs = {
        (t, name): name in library.templates[t].beads
        for t, name in set(zip(template.tolist(), beads.names.tolist(), strict=True))
        if t >= 0
    }
    return np.array(
        [
            t < 0 or not pairs[t, name]
            for t, name in zip(template.tolist(), beads.names.tolist(), strict=True)
        ],
        dtype=bool,
    )


def _is_site(beads: Beads, strangers: BoolArray) -> BoolArray:
    """Strangers that lie on a known bead of a residue with the same number and chain."""
    dummy = np.isin(beads.names, list(DUMMY_NAMES))
    if not strangers.any():
        return dummy
    index = beads.residue_index
    keys = list(
        zip(
            beads.residues.chains[index].tolist(),
            beads.residues.ids[index].tolist(),
            beads.residues.icodes[index].tolist(),
            beads.residues.names[index].tolist(),
            strict=True,
        )
    )
    known: dict[tuple[str, int, str, str], list[int]] = {}
    for row in np.flatnonzero(~strangers).tolist():
        known.setdefault(keys[row], []).append(row)
    on_bead = dummy
    for row in np.flatnonzero(strangers).tolist():
        partners = known.get(keys[row])
        if partners is not None:  # water has none, and there may be much of it
            gaps = np.linalg.norm(beads.positions[partners] - beads.positions[row], axis=1)
            on_bead[row] |= bool((gaps < COINCIDENT).any())
    return on_bead


def refuse_atoms(beads: Beads, library: Library, source: str) -> None:
    """Raise if the file holds atoms rather than beads."""
    if len(beads) == 0:
        raise StructureError(f"{source}: holds no bead that could be rebuilt")
    atoms = ["N", "CA", "C", "O"]
    if any("C" in t.beads for t in library):  # backbone atoms are beads; side chains are not
        atoms.append("CB")
    index = beads.residue_index
    owners = [set(index[beads.names == name].tolist()) for name in atoms]
    complete = set.intersection(*owners)
    if complete:
        raise StructureError(
            f"{source}: this is an all-atom structure ({len(complete)} residues have atoms N, CA, "
            "C and O), not a coarse-grained one",
            "Coarse-grain it first: herobm coarsen atoms.pdb --mapping martini3 -o cg.pdb",
        )


def local_beads(beads: Beads, template: IntArray, library: Library, source: str) -> IntArray:
    """Index of each bead in its template; raises where one is missing, unknown or twice there."""
    starts = np.searchsorted(beads.residue_index, np.arange(len(template) + 1))
    names = beads.names.tolist()
    local = np.zeros(len(beads), dtype=np.int64)
    seen: dict[tuple[int, tuple[str, ...]], IntArray | None] = {}
    faults: dict[str, list[int]] = {}
    for residue, kind in enumerate(template.tolist()):
        begin, end = int(starts[residue]), int(starts[residue + 1])
        key = (kind, tuple(names[begin:end]))
        if key not in seen:
            wanted = library.templates[kind].beads
            fits = sorted(key[1]) == sorted(wanted)
            seen[key] = np.array([wanted.index(n) for n in key[1]], int) if fits else None
        found = seen[key]
        if found is None:
            fault = _bead_fault(key[1], library.templates[kind].beads)
            faults.setdefault(f"{beads.residues.names[residue]} {fault}", []).append(residue)
        else:
            local[begin:end] = found
    if faults:
        raise _misfit(beads.residues, library.name, source, faults)
    return local


def _misfit(
    residues: Residues, mapping: str, source: str, faults: dict[str, list[int]]
) -> MissingBeadError:
    """Say which residues have other beads than their mapping; each fault with its first residue."""
    lines = []
    for fault, members in sorted(faults.items(), key=lambda item: -len(item[1]))[:LISTED]:
        first = residues.label(members[0])
        rest = f"{len(members)} residues, first: " if len(members) > 1 else ""
        lines.append(f"  {fault} ({rest}{first})")
    if len(faults) > LISTED:
        lines.append(f"  and {len(faults) - LISTED} other faults")
    wrong = [residue for members in faults.values() for residue in members]
    others = "other versions of a force field have other beads (Martini 2 is not Martini 3)"
    if len(wrong) >= NEARLY_ALL * len(residues):
        hint = (
            "The file may be of another mapping: choose the one that it was made with (--mapping); "
            f"{others}. Or complete the file."
        )
    else:
        hint = (
            f"Complete the file, leave the residues out (--selection '{_without(residues, wrong)}')"
            f", or choose the mapping that the file was made with (--mapping); {others}."
        )
    if _scattered(residues, wrong):
        hint = f"The beads of a residue must follow one another in the file.\n{hint}"
    n_wrong = f"{len(wrong)} residue" + ("s" if len(wrong) > 1 else "")
    return MissingBeadError(
        f"{source}: the beads of {n_wrong} are not those of mapping '{mapping}':\n"
        + "\n".join(lines),
        hint,
    )


def _without(residues: Residues, wrong: list[int]) -> str:
    """Return the selection of all but these residues; of the first few, if they are many."""
    chosen: dict[str, list[str]] = {}
    for row in sorted(wrong)[:MOST_IN_HINT]:
        number = f"{residues.ids[row]}{residues.icodes[row]}"
        chosen.setdefault(str(residues.chains[row]), []).append(number)
    parts = [
        f"resid {' '.join(dict.fromkeys(numbers))}" + (f" and chainID {chain}" if chain else "")
        for chain, numbers in chosen.items()
    ]
    inner = parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)
    return f"not ({inner})" + (" and so on" if len(wrong) > MOST_IN_HINT else "")


def _scattered(residues: Residues, wrong: list[int]) -> bool:
    """Tell whether any of these residues occurs in several pieces."""
    columns = (residues.chains, residues.ids, residues.icodes, residues.names)
    keys = [tuple(column[residue] for column in columns) for residue in wrong]
    return len(set(keys)) < len(keys)


def _bead_fault(found: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    missing = [b for b in wanted if b not in found]
    extra = sorted({b for b in found if b not in wanted})
    twice = sorted({b for b in found if found.count(b) > 1})
    parts = [
        f"lacks {', '.join(missing)}" if missing else "",
        f"has {', '.join(extra)} that the mapping does not know" if extra else "",
        f"has {', '.join(twice)} more than once" if twice else "",
    ]
    return "; ".join(part for part in parts if part)
