"""`model.Mapping` and a structure -> index groups of GROMACS, one a bead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

from herobm.dsl.model import Mapping

_PER_LINE = 15


@dataclass(frozen=True, slots=True)
class NumberedResidue:
    """A residue of a structure.

    Attributes
    ----------
    name, number, chain : as in the file.
    atoms : atom, by the first of its names in the mapping -> its number in the file, from 1.
    """

    name: str
    number: int
    chain: str
    atoms: MappingABC[str, int]


def write_ndx(mappings: Sequence[Mapping], residues: Iterable[NumberedResidue]) -> str:
    """Write an index group for each bead of each residue that a mapping is for.

    A group holds the atoms that count towards the bead's position (the one with ``CM`` where
    there is one). Groups bear the name of the bead where one residue is mapped, else
    ``RESIDUE_NUMBER_BEAD``, with the chain before them where that is not enough.

    Parameters
    ----------
    mappings : Sequence[Mapping]
        Where two are for one residue name, the later one wins. Patches are joined to those of
        their residues already.
    residues : Iterable[NumberedResidue]

    Returns
    -------
    str
        Empty if no residue is mapped.
    """
    by_name = {name: m for m in mappings if m.at is None for name in m.molecules}
    found = [r for r in residues if r.name in by_name]
    often = Counter((r.name, r.number) for r in found)
    used: Counter[str] = Counter()
    out: list[str] = []
    for residue in found:
        prefix = "" if len(found) == 1 else f"{residue.name}_{residue.number}_"
        if often[residue.name, residue.number] > 1:
            if residue.chain:
                prefix = f"{residue.chain}_{prefix}"
            used[prefix] += 1
            prefix += f"{used[prefix]}_" if used[prefix] > 1 else ""
        for bead, numbers in bead_numbers(by_name[residue.name], residue.atoms).items():
            out += [f"[ {prefix}{bead} ]", *_lines(numbers), ""]
    return "\n".join(out)


def bead_numbers(mapping: Mapping, atoms: MappingABC[str, int]) -> dict[str, list[int]]:
    """Return bead -> numbers of its atoms, rising; beads without an atom lack."""
    out: dict[str, list[int]] = {}
    beads = dict.fromkeys([*mapping.beads, *(p.bead for a in mapping.atoms for p in a.placements)])
    centered = {p.bead for a in mapping.atoms for p in a.placements if p.center}
    for atom in mapping.atoms:
        number = atoms.get(atom.name)
        for place in atom.placements:
            counts = place.center if place.bead in centered else place.counts and place.weight > 0
            if number is not None and counts:
                out.setdefault(place.bead, []).append(number)
    return {bead: sorted(out[bead]) for bead in beads if bead in out}


def _lines(numbers: list[int]) -> list[str]:
    rows = [numbers[i : i + _PER_LINE] for i in range(0, len(numbers), _PER_LINE)]
    return [" ".join(map(str, row)) for row in rows]
