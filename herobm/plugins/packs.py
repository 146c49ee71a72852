"""Packs that are known to exist, so that a core without plug-ins can say which one is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_PROTEIN = frozenset(
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL "
    "HID HIE HIP HSD HSE HSP CYX ASH GLH LYN ACE NME".split()
)


@dataclass(frozen=True)
class Pack:
    """A distribution that brings a plug-in.

    Attributes
    ----------
    plugin : str
        Name of its entry point.
    distribution : str
        What pip calls it.
    gives : str
        What it supplies, in a few words.
    residues, beads : frozenset of str
        Names by which it is known that a structure is for it.
    words : frozenset of str
        Names that somebody who looks for it may write.
    """

    plugin: str
    distribution: str
    gives: str
    residues: frozenset[str]
    beads: frozenset[str]
    words: frozenset[str]

    def line(self) -> str:
        """Say what to do to have it."""
        return f"{self.distribution} gives {self.gives}: pip install {self.distribution}"


#: The packs that are developed together with the core.
PACKS = (
    Pack(
        "martini3",
        "herobm-martini3",
        "Martini 3 proteins and a network that rebuilds them",
        _PROTEIN,
        frozenset({"BB", "SC1", "SC2", "SC3", "SC4", "SC5"}),
        frozenset({"martini3", "martini"}),
    ),
    Pack(
        "ca_only",
        "herobm-ca-only",
        "proteins with a bead or a few a residue",
        _PROTEIN,
        frozenset({"CA", "CM", "SC"}),
        frozenset({"ca_only", "ca-only", "calpha"}),
    ),
    Pack(
        "custom_ligand",
        "herobm-custom-ligand",
        "examples of ligands, and a model for molecules that none was trained for",
        frozenset({"CFF", "CAF", "NEC", "ZMA"}),
        frozenset(f"B{n}" for n in range(1, 12)),
        frozenset({"custom_ligand", "custom-ligand", "caffeine", "neca", "zma"}),
    ),
)


def fitting(residues: Iterable[str], beads: Iterable[str]) -> tuple[Pack, ...]:
    """Return the packs that have residues and beads of these names, the most fitting first.

    Parameters
    ----------
    residues, beads : iterable of str
        Names as in the structure.
    """
    names, spots = set(residues), set(beads)
    found = [(len(p.beads & spots), p) for p in PACKS if p.residues & names and p.beads & spots]
    return tuple(p for _, p in sorted(found, key=lambda pair: -pair[0]))
