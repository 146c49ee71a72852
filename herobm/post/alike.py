"""Whether beads and atoms are of the same residues, by whatever names these go."""

from __future__ import annotations

from itertools import zip_longest

from herobm.plan.template import Library
from herobm.system.matching import find_templates
from herobm.types import Residues


def first_other(beads: Residues, atoms: Residues, library: Library) -> str | None:
    """Find the first residue that is another one in the beads than in the atoms.

    Residues are the same if the mapping has the same beads for them and rebuilds the same atoms
    from these. So names may differ that tell protonation states apart, which are a matter of
    hydrogens: HIS, HID and HIP, ASP and ASH.

    Parameters
    ----------
    beads, atoms : Residues
        Those that are mapped, in the order of their files.
    library : Library

    Returns
    -------
    str or None
        Words for a message, with the beads there and the atoms here; None if all are the same.
    """
    kinds = (find_templates(residues, library).tolist() for residues in (beads, atoms))
    for i, (one, two) in enumerate(zip_longest(*kinds)):
        if one is None or two is None or not _alike(library, one, two):
            there, here = (r.label(i) if i < len(r) else "none" for r in (beads, atoms))
            return f"residue {i + 1} of them is {there} there and {here} here"
    return None


def _alike(library: Library, one: int, two: int) -> bool:
    """Whether two templates have the same beads and rebuild the same atoms."""
    first, second = library.templates[one], library.templates[two]
    return first.beads == second.beads and first.atoms == second.atoms
