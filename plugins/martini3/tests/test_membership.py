"""Which atom lies in which bead, held against the mapping objects of vermouth itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import vermouth
from vermouth.forcefield import get_native_force_field
from vermouth.map_input import read_mapping_directory

from herobm.dsl.model import MappedAtom, Mapping

Shares = dict[str, float]

NAMES_OF_CHARMM = "ALA ARG ASN ASP ASPP CYS GLN GLU GLUP GLY HIS HSD HSE HSP ILE LEU LSN LYS MET \
PHE PRO SER THR TRP TYR VAL".split()
NAMES_OF_AMBER = "ALA ARG ASH ASN ASP CYS GLH GLN GLU GLY HID HIE HIP HIS ILE LEU LYN LYS MET \
PHE PRO SER THR TRP TYR VAL".split()
#: What martinize2 adds to a block for the protonation state that our file describes.
MODIFICATIONS = {("charmm", "LYS"): "LYS-HZ3"}

#: (naming, residue) -> atom -> (shares in vermouth, shares here). The README explains each.
DIFFERENCES: dict[tuple[str, str], dict[str, tuple[Shares, Shares]]] = {
    # the blocks of Amber call the amide hydrogen H, their mapping HN: it goes uncounted there
    **{
        ("amber", name): {"H": ({}, {"BB": 1.0})}
        for name in NAMES_OF_AMBER
        if name not in {"PRO", "HID"}
    },
    # the same with the hydroxyl: HG in the block, HG1 in the mapping
    ("amber", "SER"): {"H": ({}, {"BB": 1.0}), "HG": ({}, {"SC1": 1.0})},
    # counted in the charmm mapping of LYS, not in that of Amber
    ("amber", "LYS"): {
        "H": ({}, {"BB": 1.0}),
        "HE2": ({}, {"SC2": 1.0}),
        "HE3": ({}, {"SC2": 1.0}),
    },
    # the block has no hydrogens on CE1 and NE2
    ("amber", "HIS"): {
        "H": ({}, {"BB": 1.0}),
        "HE1": ({}, {"SC3": 1.0}),
        "HE2": ({}, {"SC2": 1.0}),
    },
    # a slip there: its beads disagree with those of all other histidines
    ("amber", "HID"): {
        "CG": ({"SC2": 1.0}, {"SC1": 1.0}),
        "ND1": ({"SC2": 1.0}, {"SC3": 1.0}),
        "CD2": ({"SC3": 1.0}, {"SC2": 1.0}),
        "CE1": ({"SC2": 1.0}, {"SC3": 1.0}),
        "NE2": ({"SC3": 1.0}, {"SC2": 1.0}),
        "HD1": ({"SC1": 1.0}, {"SC3": 1.0}),
        "HD2": ({"SC3": 1.0}, {"SC2": 1.0}),
        "HE1": ({"SC2": 1.0}, {"SC3": 1.0}),
    },
}


@pytest.fixture(scope="module")
def martini() -> dict[str, dict[tuple[str, ...], vermouth.map_parser.Mapping]]:
    """Naming -> (names of block or modifications) -> mapping to martini3001."""
    force_fields = {n: get_native_force_field(n) for n in ("charmm", "amber", "martini3001")}
    folder = Path(vermouth.DATA_PATH) / "mappings" / "martini3001"
    found = read_mapping_directory(folder, force_fields)
    return {
        naming: {mapping.names: mapping for mapping in found[naming]["martini3001"].values()}
        for naming in ("charmm", "amber")
    }


def their_shares(mapping: vermouth.map_parser.Mapping) -> dict[str, Shares]:
    """Atom -> bead -> weight, for what counts."""
    return {
        mapping.block_from.nodes[atom]["atomname"]: {
            mapping.block_to.nodes[bead]["atomname"]: round(float(weight), 3)
            for bead, weight in beads.items()
            if weight
        }
        for atom, beads in mapping.mapping.items()
    }


def our_shares(atom: MappedAtom) -> Shares:
    return {p.bead: round(float(p.weight), 3) for p in atom.placements if p.counts}


def differences(mapping: Mapping, theirs: dict[str, Shares]) -> dict[str, tuple[Shares, Shares]]:
    known = {name: atom.name for atom in mapping.atoms for name in atom.names}
    assert set(theirs) <= set(known), "an atom of vermouth that no file here names"
    named = {known[name]: shares for name, shares in theirs.items()}
    both = {atom.name: (named.get(atom.name, {}), our_shares(atom)) for atom in mapping.atoms}
    return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


@pytest.mark.parametrize(
    ("naming", "residue"),
    [("charmm", name) for name in NAMES_OF_CHARMM] + [("amber", name) for name in NAMES_OF_AMBER],
)
def test_beads_hold_the_atoms_that_martinize2_puts_there(
    naming: str,
    residue: str,
    martini: dict[str, dict[tuple[str, ...], vermouth.map_parser.Mapping]],
    by_residue: dict[str, Mapping],
) -> None:
    theirs = their_shares(martini[naming][residue,])
    if modification := MODIFICATIONS.get((naming, residue)):
        theirs |= their_shares(martini[naming][modification,])
    found = differences(by_residue[residue], theirs)
    assert found == DIFFERENCES.get((naming, residue), {})


@pytest.mark.parametrize("naming", ["charmm", "amber"])
def test_beads_have_the_order_and_the_types_of_martinize2(
    naming: str,
    martini: dict[str, dict[tuple[str, ...], vermouth.map_parser.Mapping]],
    by_residue: dict[str, Mapping],
) -> None:
    for residue in NAMES_OF_CHARMM if naming == "charmm" else NAMES_OF_AMBER:
        beads = martini[naming][residue,].block_to.nodes.values()
        theirs = [(bead["atomname"], bead["atype"]) for bead in beads]
        assert list(by_residue[residue].beads.items()) == theirs, residue


def test_no_residue_of_vermouth_is_forgotten(
    martini: dict[str, dict[tuple[str, ...], vermouth.map_parser.Mapping]],
    by_residue: dict[str, Mapping],
) -> None:
    lipidated = {"CYSF", "CYSG", "CYSP", "GLYM"}
    residues = {
        mapping.names[0]
        for found in martini.values()
        for mapping in found.values()
        if mapping.type == "block"
        and "BB" in {n["atomname"] for n in mapping.block_to.nodes.values()}
    }
    assert residues - set(by_residue) == lipidated


@pytest.mark.parametrize("naming", ["charmm", "amber"])
def test_atoms_of_chain_ends_count_in_bb(
    naming: str, martini: dict[str, dict[tuple[str, ...], vermouth.map_parser.Mapping]]
) -> None:
    start = their_shares(martini[naming]["N-ter",])
    end = their_shares(martini[naming]["C-ter",])
    assert {start[name]["BB"] for name in ("HN2", "HN3")} == {1.0}
    assert end["OXT"] == {"BB": 1.0}
