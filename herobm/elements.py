"""Elements, masses and radii of the atoms that structure and mapping files name."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Standard atomic weights in Da (IUPAC 2021, abridged) of the elements seen in molecules that are
#: coarse-grained.
MASSES: dict[str, float] = {
    "H": 1.008, "D": 2.014, "Li": 6.94, "B": 10.81, "C": 12.011, "N": 14.007, "O": 15.999,
    "F": 18.998, "Na": 22.990, "Mg": 24.305, "Si": 28.085, "P": 30.974, "S": 32.06,
    "Cl": 35.45, "K": 39.098, "Ca": 40.078, "Mn": 54.938, "Fe": 55.845, "Co": 58.933,
    "Ni": 58.693, "Cu": 63.546, "Zn": 65.38, "Se": 78.971, "Br": 79.904, "Rb": 85.468,
    "Sr": 87.62, "Ag": 107.868, "Cd": 112.414, "I": 126.904, "Cs": 132.905, "Ba": 137.327,
    "Hg": 200.592,
}  # fmt: skip

#: Van der Waals radii in Å (Bondi 1964).
VDW_RADII: dict[str, float] = {
    "C": 1.70, "N": 1.55, "O": 1.52, "S": 1.80, "P": 1.80, "F": 1.47, "Cl": 1.75, "Br": 1.85,
    "I": 1.98, "Se": 1.90, "Si": 2.10, "B": 1.92,
}  # fmt: skip

# Two-letter elements that a name can only mean when it is written in this way: followed by
# nothing but digits or a charge. `CA`, `CD`, `HG`, `NA`, `NE` stay carbon, hydrogen, nitrogen.
_TWO_LETTERS = re.compile(r"^(CL|BR|SE|FE|ZN|MG|MN|CU|SI|LI)(?:\d*|\d?[+-])$")
_CHARGED = re.compile(r"^([A-Z]{1,2})\d?[+-]$")

#: Ions of one atom by the names that GROMACS, Amber, CHARMM and the PDB give them, charges and
#: numbers taken off.
IONS: dict[str, str] = {
    "LI": "Li", "LIT": "Li", "NA": "Na", "SOD": "Na", "K": "K", "POT": "K", "RB": "Rb",
    "RUB": "Rb", "CS": "Cs", "CES": "Cs", "MG": "Mg", "CA": "Ca", "CAL": "Ca", "SR": "Sr",
    "BA": "Ba", "BAR": "Ba", "MN": "Mn", "FE": "Fe", "CO": "Co", "NI": "Ni", "CU": "Cu",
    "ZN": "Zn", "AG": "Ag", "CD": "Cd", "CAD": "Cd", "HG": "Hg", "F": "F", "CL": "Cl",
    "CLA": "Cl", "BR": "Br", "I": "I", "IOD": "I",
}  # fmt: skip
#: What residues of ions are called that do not say which ion they are.
_ANY_ION = frozenset({"ION", "IONS"})


def element_of(name: str) -> str:
    """Guess the element from an atom name.

    Parameters
    ----------
    name : str
        Atom name as in PDB files, e.g. ``CA``, ``1HB``, ``CL1``, ``CA2+``.

    Returns
    -------
    str
        Element symbol; "" where no element can be read from the name.
    """
    bare = name.strip().lstrip("0123456789'\"*").upper()
    for pattern in (_TWO_LETTERS, _CHARGED):
        match = pattern.match(bare)
        if match and match[1].capitalize() in MASSES:
            return match[1].capitalize()
    first = bare[:1]
    return first if first in MASSES else ""


def element_among(name: str, residues: Iterable[str], n_atoms: int) -> str:
    """Guess the element of an atom of a molecule whose names are known.

    Parameters
    ----------
    name : str
    residues : iterable of str
        Names of the molecule; that of an ion decides where it has one atom.
    n_atoms : int
        Of the molecule.

    Returns
    -------
    str
        Element symbol; "" where no element can be read from the names.
    """
    ions = [ion_element(residue, name) for residue in residues] if n_atoms == 1 else []
    return next(filter(None, ions), "") or element_of(name)


def ion_element(residue: str, name: str) -> str:
    """Tell the element of an ion.

    An atom name alone may mean another thing (``CA`` is calcium or a C-alpha), so the residue
    has to be called like an ion, too.

    Parameters
    ----------
    residue : str
        Name of a residue of one atom, e.g. ``SOD``, ``Na+``, ``ZN2``, ``ION``.
    name : str
        Atom name.

    Returns
    -------
    str
        Element symbol; "" where the two do not name an ion.
    """
    of_residue, of_atom = (word.strip().upper().rstrip("0123456789+-") for word in (residue, name))
    named = of_residue in IONS or of_residue in _ANY_ION
    return IONS.get(of_atom, "") if named else ""
