"""Ligands from the text of SDF, MOL2 and SMILES files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from rdkit import Chem, rdBase

from herobm.chem.suggest.ligand import Ligand, check, residue_name
from herobm.errors import StructureError

_END_OF_RECORD = "$$$$"
_MOL2_RECORD = "@<TRIPOS>MOLECULE"


def read_ligand(text: str, source: str, name: str | None = None, record: int = 1) -> Ligand:
    """Read a molecule.

    Parameters
    ----------
    text : str
        What the file holds.
    source : str
        Its path; the suffix tells the format: ``.sdf``, ``.mol``, ``.mol2``, ``.smi``, ``.smiles``.
    name : str, optional
        Residue name; else the title of the molecule, or the stem of the path, if it is a name of
        at most five letters and digits; else ``LIG``.
    record : int
        Which of several molecules, from 1.

    Returns
    -------
    Ligand
        Atoms of a MOL2 file keep their names; others are called by element and number.

    Raises
    ------
    StructureError
        If there is no such molecule, or it cannot be read or mapped.
    """
    path = PurePath(source)
    split, parse = _FORMATS.get(path.suffix.lower(), (None, None))
    if split is None or parse is None:
        raise StructureError(
            f"{source}: a file of this kind is not read",
            f"Give one that ends in {', '.join(_FORMATS)}, a SMILES string, or a structure with "
            "--smiles.",
        )
    records = split(text)
    if not records:
        raise StructureError(f"{source}: there is no molecule in it", "Is the file complete?")
    if not 1 <= record <= len(records):
        raise StructureError(
            f"{source}: there is no molecule {record} in it, but {len(records)}",
            f"Give a number from 1 to {len(records)}.",
        )
    block = records[record - 1]
    mol = _accepted(lambda sanitize: parse(block, sanitize), source)
    names = [a.GetProp("_TriposAtomName") for a in mol.GetAtoms() if a.HasProp("_TriposAtomName")]
    if len(names) < mol.GetNumAtoms():
        names = []
    title = mol.GetProp("_Name") if mol.HasProp("_Name") else ""
    found = Ligand.of(mol, residue_name(name, title, path.stem), names, source)
    return _with_notes(found, source, name, len(records), record)


def read_smiles(smiles: str, name: str | None = None) -> Ligand:
    """Read a SMILES string; see `read_ligand`."""
    found = Ligand.of(mol_of_smiles(smiles), residue_name(name), None, "SMILES")
    return _with_notes(found, "SMILES", name, 1, 1)


def mol_of_smiles(smiles: str) -> Any:
    """Parse and check a SMILES string.

    Raises
    ------
    StructureError
    """
    return _accepted(lambda sanitize: _parse_smiles(smiles, sanitize), f"SMILES {smiles.strip()}")


def _with_notes(ligand: Ligand, source: str, name: str | None, total: int, record: int) -> Ligand:
    notes = list(ligand.notes)
    if total > 1:
        notes.append(f"{source}: molecule {record} of {total} is taken; --record chooses another")
    if name is None:
        notes.append(f"residue name: {ligand.residue}; --name gives it another")
    elif residue_name(name) is None:
        raise StructureError(
            f"'{name}' is no residue name", "Write one to five letters and digits, e.g. ZMA."
        )
    return replace(ligand, notes=tuple(notes))


def _accepted(parse: Callable[[bool], Any], source: str) -> Any:
    """Parse, with RDKit's own words if it refuses; check before it sanitizes."""
    with rdBase.BlockLogs():
        raw = parse(False)
    if raw is None:
        raise StructureError(
            f"{source}: RDKit cannot read the molecule{_complaint(parse)}",
            "Is the file complete, and of the format that its name tells?",
        )
    check(raw, source)
    with rdBase.BlockLogs():
        mol = parse(True)
    if mol is None:
        raise StructureError(f"{source}: RDKit does not accept the molecule{_complaint(parse)}")
    return mol


def _complaint(parse: Callable[[bool], Any]) -> str:
    with rdBase.CaptureErrorLog() as log:
        parse(False)
        lines = [line for line in log.messages.splitlines() if line.strip()]
    text = lines[0].split("] ", 1)[-1].removeprefix("ERROR: ").strip() if lines else ""
    return f": {text}" if text else ""


def _sdf_records(text: str) -> list[str]:
    records = text.split(_END_OF_RECORD)
    blocks = [records[0]] + [r.split("\n", 1)[-1] for r in records[1:] if "\n" in r]
    return [block for block in blocks if block.strip()]


def _mol2_records(text: str) -> list[str]:
    return [_MOL2_RECORD + part for part in text.split(_MOL2_RECORD)[1:]]


def _smiles_records(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _parse_sdf(block: str, sanitize: bool) -> Any:
    supplier = Chem.SDMolSupplier()
    supplier.SetData(block, sanitize=sanitize, removeHs=False)
    return next(iter(supplier), None)


def _parse_mol2(block: str, sanitize: bool) -> Any:
    return Chem.MolFromMol2Block(block, sanitize=sanitize, removeHs=False)


def _parse_smiles(line: str, sanitize: bool) -> Any:
    options: Any = Chem.SmilesParserParams()
    options.sanitize = sanitize
    options.removeHs = False
    options.parseName = True
    return Chem.MolFromSmiles(line, options)


_FORMATS: dict[str, tuple[Callable[[str], list[str]], Callable[[str, bool], Any]]] = {
    ".sdf": (_sdf_records, _parse_sdf),
    ".mol": (_sdf_records, _parse_sdf),
    ".mol2": (_mol2_records, _parse_mol2),
    ".smi": (_smiles_records, _parse_smiles),
    ".smiles": (_smiles_records, _parse_smiles),
}
#: Suffixes of the files that `read_ligand` reads.
SUFFIXES = tuple(_FORMATS)
