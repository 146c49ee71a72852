"""Writes the package of a new plug-in into a folder."""

from __future__ import annotations

from pathlib import Path

from herobm.dsl import check, format, parse, read_file, render
from herobm.dsl.build import build_mapping
from herobm.dsl.model import Mapping
from herobm.dsl.syntax import File
from herobm.errors import DslCheckError, OutputError
from herobm.plugins.scaffold import Names, example, package


def write_package(
    name: str, folder: Path, source: Path | None, licence: str, author: str
) -> list[Path]:
    """Write the package of a new plug-in.

    Parameters
    ----------
    name : str
        Of the package.
    folder : Path
        Must not be there, or be empty.
    source : Path, optional
        A mapping file with bonds; the example if there is none.
    licence, author : str

    Returns
    -------
    list of Path
        What was written, sorted.

    Raises
    ------
    PluginContractError
        If the name cannot be that of a package.
    OutputError
        If the folder holds something, or cannot be written.
    DslError
        If the mapping file is at fault, or its molecule is incomplete.
    """
    from herobm.chem.conformers.conformer import conformer
    from herobm.io import write_structure

    names = Names.of(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: is there already", "Choose another name, or -o FOLDER.")
    file = read_file(source) if source else parse(example(), "example.map")
    mapping = _mapping(file)
    atoms = conformer(mapping)
    reference = "reference.pdb" if _fits_pdb(mapping) else "reference.cif"
    texts = package(
        names, mapping, format(file), reference=reference, licence=licence, author=author
    )
    try:
        for path, text in texts.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
    write_structure(folder / "src" / names.module / reference, atoms)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _mapping(file: File) -> Mapping:
    """Build the mapping, or raise every fault of its file."""
    errors = [d for d in check(file) if d.is_error]
    if errors:
        raise DslCheckError(render(errors, {file.path: file.text}))
    mapping = build_mapping(file)
    if mapping.at is not None:
        raise DslCheckError(
            f"{file.path}: adds to other residues (at: chain-{mapping.at})",
            "Give the mapping of a whole molecule, and add this file to the package's maps/.",
        )
    return mapping


def _fits_pdb(mapping: Mapping) -> bool:
    return len(mapping.name) <= 4 and all(len(atom.name) <= 4 for atom in mapping.atoms)
