"""Names of like atoms."""

from __future__ import annotations

from collections.abc import Callable

from herobm.chem.naming import find_naming
from herobm.plan import Library
from herobm.system.atomistic import AtomLayout
from herobm.types import Atoms


def test_beads_tell_the_sides_of_a_ring_apart_but_no_carboxylate(
    peptide: Callable[[str], Atoms], martini3: Library
) -> None:
    plan = AtomLayout.of(peptide("AYDA"), martini3).topology.plan
    every, alike = (find_naming(plan, within_beads=within) for within in (False, True))
    names = [
        {str(n) for o in found.orders for n in plan.atom_names[o].flat} for found in (every, alike)
    ]
    assert {"OD1", "OD2"} <= names[1] <= names[0]
    assert names[0] - names[1] == {"CD1", "CD2", "CE1", "CE2"}
