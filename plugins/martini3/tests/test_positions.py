"""Beads of atomistic structures, held against those that martinize2 made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from herobm.dsl.model import MappingSet
from herobm.io import read_atoms, read_beads
from herobm.system import coarsen
from herobm.types import Atoms, Beads


@dataclass(frozen=True)
class Pair:
    """Atoms and the beads that ``martinize2 -ff martini3001`` wrote for them."""

    folder: str
    atoms: str = "aa.pdb"
    # Å by which a bead may be off in residues of this name, "*" for all; the README says why
    excused: tuple[tuple[str, str, float], ...] = ()


#: Made with `-from amber`; the other pairs with martinize2's default, charmm.
AMBER = (
    ("*", "BB", 0.055),
    ("LYS", "SC2", 0.1),
    ("HID", "SC1", 0.7),
    ("HID", "SC2", 1.9),
    ("HID", "SC3", 1.9),
)
PAIRS = [
    Pair("tier-0/dipro-termini"),
    Pair("tier-1/1UBQ"),
    Pair("tier-1/1mj5", excused=AMBER),
    Pair("tier-1/1mj5-charmm"),
    Pair("tier-1/3i40", "3i40.pdb"),
    Pair("tier-1/6LFO_gap", "6LFO_gap.pdb"),
    Pair("tier-1/EN_chain"),
    Pair("tier-1/EN_region"),
    Pair("tier-1/hst5"),
    Pair("tier-1/lysozyme_ENbias"),
    Pair("tier-1/lysozyme_GO"),
    Pair("tier-1/lysozyme_GO_internal"),
    Pair("tier-1/lysozyme_GObias"),
    Pair("tier-1/lysozyme_prot"),
    Pair("tier-1/prot_modf_charmm", "input.pdb"),
]
WITH_HYDROGENS = {"dipro-termini", "1mj5", "1mj5-charmm", "hst5", "prot_modf_charmm"}


@pytest.fixture(params=PAIRS, ids=lambda pair: Path(pair.folder).name)
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    return found


def structures(pair: Pair, folder: Path) -> tuple[Atoms, Beads]:
    atoms = read_atoms(folder / pair.folder / pair.atoms, "not resname HOH")
    beads = read_beads(folder / pair.folder / "martinize2" / "cg.pdb", "name BB or name SC*")
    return atoms, beads


def too_far(found: Beads, expected: Beads, pair: Pair, tolerance: float) -> list[str]:
    assert found.names.tolist() == expected.names.tolist()
    off = np.linalg.norm(found.positions - expected.positions, axis=1)
    residues = found.residues.names[found.residue_index]
    allowed = np.full(len(off), tolerance)
    for residue, bead, more in pair.excused:
        here = (found.names == bead) & ((residues == residue) | (residue == "*"))
        allowed[here] = np.maximum(allowed[here], more)
    return [f"{found.label(int(i))}: {off[i]:.3f} Å" for i in np.flatnonzero(off > allowed)]


def test_beads_sit_where_martinize2_puts_them(pair: Pair, pairs: Path, protein: MappingSet) -> None:
    atoms, expected = structures(pair, pairs)
    assert too_far(coarsen(atoms, protein), expected, pair, tolerance=0.05) == []


def test_without_hydrogens_beads_hardly_move(pair: Pair, pairs: Path, protein: MappingSet) -> None:
    atoms, expected = structures(pair, pairs)
    assert atoms.elements is not None
    hydrogen = atoms.elements == "H"
    assert hydrogen.any() == (Path(pair.folder).name in WITH_HYDROGENS)
    if not hydrogen.any():
        return
    bare = coarsen(atoms.subset(~hydrogen), protein)
    assert too_far(bare, expected, pair, tolerance=0.15) == []


def test_names_of_charmm_and_pdb_give_the_same_beads(pairs: Path, protein: MappingSet) -> None:
    atoms, _ = structures(Pair("tier-1/1mj5-charmm"), pairs)
    names = atoms.names.tolist()
    where = atoms.residues.names[atoms.residue_index].tolist()
    charmm = {("ILE", "CD1"): "CD", ("*", "H"): "HN", ("CYS", "HG"): "HG1", ("SER", "HG"): "HG1"}
    charmm |= {("LYS", "HE2"): "HE1", ("LYS", "HE3"): "HE2"}
    charmm |= {("PHE", "HB2"): "HB1", ("PHE", "HB3"): "HB2"}
    renamed = [
        charmm.get((residue, name), charmm.get(("*", name), name))
        for residue, name in zip(where, names, strict=True)
    ]
    assert renamed != names
    again = coarsen(replace(atoms, names=np.array(renamed)), protein)
    np.testing.assert_allclose(again.positions, coarsen(atoms, protein).positions, atol=1e-4)
