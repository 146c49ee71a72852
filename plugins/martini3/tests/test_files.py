from __future__ import annotations

from pathlib import Path

import pytest

import herobm_martini3
from herobm.dsl import load_mapping
from herobm.dsl.model import Mapping, MappingSet
from herobm.plan import compile_library
from herobm.plugins import load_registry

AMINO_ACIDS = (
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split()
)
#: Protonation states and other names, by the residue whose heavy atoms they share.
STATES = {
    "HIS": "HID HIE HIP HSD HSE HSP HISA HISB HISD HISE HISH",
    "CYS": "CYX CYM CYS2 CYSH",
    "ASP": "ASH ASPP ASPH",
    "GLU": "GLH GLUP GLUH",
    "LYS": "LYN LSN LYSH",
}
PDB_ORDER = {
    "TRP": "N CA C O CB CG CD1 CD2 NE1 CE2 CE3 CZ2 CZ3 CH2",
    "HIS": "N CA C O CB CG ND1 CD2 CE1 NE2",
    "ILE": "N CA C O CB CG1 CG2 CD1",
    "ARG": "N CA C O CB CG CD NE CZ NH1 NH2",
    "GLY": "N CA C O",
}
FILES = sorted((Path(herobm_martini3.__file__).parent / "mappings" / "protein").glob("*.map"))


def test_the_plugin_is_found() -> None:
    registry = load_registry()
    assert "martini3" in {plugin.name for plugin in registry.plugins}
    assert registry.mapping("martini3") == registry.mapping("martini3/protein")
    assert registry.model("martini3/protein").mapping == "martini3/protein"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_valid(path: Path) -> None:
    assert load_mapping(path).molecules


def test_all_residues_are_there(by_residue: dict[str, Mapping]) -> None:
    states = " ".join(STATES.values()).split()
    caps = ["ACE", "NME", "NMA", "CT3"]
    assert set(by_residue) == {*AMINO_ACIDS, *states, *caps}


@pytest.mark.parametrize("residue", STATES)
def test_protonation_states_are_rebuilt_alike(residue: str, by_residue: dict[str, Mapping]) -> None:
    states = {by_residue[name].rebuilding() for name in STATES[residue].split()}
    assert states == {by_residue[residue].rebuilding()}


@pytest.mark.parametrize("residue", PDB_ORDER)
def test_atoms_are_written_in_the_order_of_the_pdb(
    residue: str, by_residue: dict[str, Mapping]
) -> None:
    rebuilt = [a.name for a in by_residue[residue].atoms if a.rebuilt]
    assert rebuilt == PDB_ORDER[residue].split()


def test_no_name_means_two_atoms(protein: MappingSet) -> None:
    for template in compile_library(protein):
        names = [name for atom in template.mapping.atoms for name in atom.names]
        twice = sorted({name for name in names if names.count(name) > 1})
        assert not twice, f"{template.name}: {twice}"


def test_every_heavy_atom_is_rebuilt_and_no_hydrogen(protein: MappingSet) -> None:
    for mapping in protein:
        for atom in mapping.atoms:
            assert atom.rebuilt == (atom.element != "H"), f"{atom.name} of {mapping.name}"


def test_atoms_hang_on_bonded_atoms(protein: MappingSet) -> None:
    for template in compile_library(protein):
        bonded = {frozenset(pair) for pair in template.bonds.tolist()}
        rows = template.rows
        for atom, anchor in zip(rows.atom.tolist(), rows.anchor.tolist(), strict=True):
            if anchor >= 0:
                pair = frozenset((atom, int(rows.atom[anchor])))
                assert pair in bonded, f"{template.atoms[atom]} of {template.name}"


def test_chain_ends_reach_every_amino_acid(
    by_residue: dict[str, Mapping], protein: MappingSet
) -> None:
    library = compile_library(protein)
    for name in set(by_residue) - {"ACE", "NME", "NMA", "CT3"}:
        template = library.get(name)
        assert template is not None
        assert template.atoms[-1] == "OXT"
        assert {"H2", "H3"} <= set(template.place)
