"""Amino acids and their atoms as pdbfixer and OpenMM call them."""

from __future__ import annotations

#: What OpenMM and pdbfixer call a residue, and, where its name says so, its protonation state.
STATES: dict[str, tuple[str, str]] = {
    "HID": ("HIS", "HID"), "HSD": ("HIS", "HID"), "HISD": ("HIS", "HID"), "HISA": ("HIS", "HID"),
    "HIE": ("HIS", "HIE"), "HSE": ("HIS", "HIE"), "HISE": ("HIS", "HIE"), "HISB": ("HIS", "HIE"),
    "HIP": ("HIS", "HIP"), "HSP": ("HIS", "HIP"), "HISH": ("HIS", "HIP"),
    "ASH": ("ASP", "ASH"), "ASPP": ("ASP", "ASH"), "ASPH": ("ASP", "ASH"),
    "GLH": ("GLU", "GLH"), "GLUP": ("GLU", "GLH"), "GLUH": ("GLU", "GLH"),
    "LYN": ("LYS", "LYN"), "LSN": ("LYS", "LYN"), "LYSH": ("LYS", "LYS"),
    "CYX": ("CYS", "CYX"), "CYS2": ("CYS", "CYX"), "CYM": ("CYS", "CYX"), "CYSH": ("CYS", "CYS"),
}  # fmt: skip
AMINO_ACIDS = frozenset(
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split()
)
CAPS: dict[str, str] = {"ACE": "ACE", "NME": "NME", "NMA": "NME", "CT3": "NME"}

_ATOM_NAMES: dict[str, str] = {
    "OT1": "O", "OC1": "O", "O1": "O", "OT2": "OXT", "OC2": "OXT", "O2": "OXT", "HN": "H",
}  # fmt: skip
_ATOMS_OF: dict[str, dict[str, str]] = {
    "ILE": {"CD": "CD1"},
    "NME": {"CH3": "C", "CAT": "C", "NT": "N", "HH31": "H1", "HH32": "H2", "HH33": "H3"},
    "ACE": {"CAY": "CH3", "CY": "C", "OY": "O", "HH31": "H1", "HH32": "H2", "HH33": "H3"},
}


def standard_name(residue: str) -> str:
    """Name a residue of proteins as pdbfixer does, "" for any other."""
    plain = CAPS.get(residue, STATES.get(residue, (residue, ""))[0])
    return plain if plain in AMINO_ACIDS or plain in CAPS else ""


def standard_atom(residue: str, name: str) -> str:
    """Name an atom of a residue (as `standard_name` has it) as pdbfixer does."""
    return _ATOMS_OF.get(residue, {}).get(name, name if residue in CAPS else _atom(name))


def _atom(name: str) -> str:
    return _ATOM_NAMES.get(name, name)
