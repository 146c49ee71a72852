"""Which atoms may swap names."""

from __future__ import annotations

from pathlib import Path

import pytest

from herobm.chem.symmetry import interchangeable
from herobm.dsl import load_set
from herobm.plan import Library, compile_library

#: Residue -> atoms that swap, the other order, and the angle that names them.
SWAPS = {
    "ASP": ("OD1 OD2", "OD2 OD1", "CA CB CG OD1"),
    "GLU": ("OE1 OE2", "OE2 OE1", "CB CG CD OE1"),
    "ARG": ("NH1 NH2", "NH2 NH1", "CD NE CZ NH1"),
    "PHE": ("CD1 CD2 CE1 CE2", "CD2 CD1 CE2 CE1", "CA CB CG CD1"),
    "TYR": ("CD1 CD2 CE1 CE2", "CD2 CD1 CE2 CE1", "CA CB CG CD1"),
}
#: Their names carry stereochemistry, an element, or a hydrogen.
NAMED = ("VAL", "LEU", "ILE", "THR", "ASN", "GLN", "HIS", "HIP", "TRP", "PRO", "ASH", "GLH", "ALA")


def described(library: Library, residue: str) -> list[tuple[str, str, str | None]]:
    """All swaps of a residue but that of O and OXT."""
    template = library.get(residue)
    assert template is not None

    def names(atoms: tuple[int, ...]) -> str:
        return " ".join(template.atoms[a] for a in atoms)

    found = []
    for swap in interchangeable(template):
        order = sorted(range(len(swap.atoms)), key=lambda i: template.atoms[swap.atoms[i]])
        first = tuple(swap.atoms[i] for i in order)
        (other,) = swap.alternatives
        torsion = None if swap.torsion is None else names(swap.torsion)
        found.append((names(first), names(tuple(other[i] for i in order)), torsion))
    return [f for f in found if f[0] != "O OXT"]


@pytest.mark.parametrize("residue", sorted(SWAPS))
def test_atoms_that_chemistry_cannot_tell_apart_swap(residue: str, martini3: Library) -> None:
    assert described(martini3, residue) == [SWAPS[residue]]


@pytest.mark.parametrize("residue", NAMED)
def test_names_that_carry_chemistry_stay(residue: str, martini3: Library) -> None:
    assert described(martini3, residue) == []


def test_the_oxygens_of_a_chain_end_swap_without_an_angle(martini3: Library) -> None:
    for template in martini3:
        if template.name in ("ACE", "NME"):
            continue
        ends = [
            s
            for s in interchangeable(template)
            if {template.atoms[a] for a in s.atoms} == {"O", "OXT"}
        ]
        assert len(ends) == 1, template.name
        assert ends[0].torsion is None


def test_atoms_that_swap_in_too_many_ways_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Four phosphates, each of whose three oxygens may take each other's names: 6^4 ways."""
    groups = [(f"P{i}", [f"O{i}{k}" for k in "ABC"]) for i in range(4)]
    atoms = ["C0: A P1A"] + [f"C{i}: A P{i + 1}{'A' * 2}" for i in range(1, 4)]
    atoms += [f"{p}: B{i} P1A" for i, (p, _) in enumerate(groups)]
    atoms += [
        f"{o}: B{i} P2A{k}"
        for i, (_, os) in enumerate(groups)
        for k, o in zip("ABC", os, strict=True)
    ]
    bonds = ["C0-C1", "C1-C2", "C2-C3", *(f"C{i}-P{i}" for i in range(4))]
    bonds += [f"{p}-{o}" for p, oxygens in groups for o in oxygens]
    text = "\n".join(["molecule: TET", "atoms:", *atoms, "bonds:", *bonds]) + "\n"
    (tmp_path / "tet.map").write_text(text)
    (template,) = compile_library(load_set([tmp_path / "tet.map"], "tet")).templates
    interchangeable(template)
    assert "TET: its atoms can swap names in more than 512 ways" in caplog.text
