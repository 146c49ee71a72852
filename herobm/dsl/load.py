"""Mapping files from disk: read, check, build; every fault of all files in one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from herobm.dsl.checks import check
from herobm.dsl.diagnostics import Diagnostic, render
from herobm.dsl.parser import parse
from herobm.dsl.syntax import File, Name
from herobm.errors import DslCheckError, DslError, DslSyntaxError

if TYPE_CHECKING:
    from herobm.dsl.model import Mapping, MappingSet

_YAML = (".yaml", ".yml")
_MAX_BYTES = 1_000_000


def read_file(path: Path | str) -> File:
    """Read and parse one file.

    Returns
    -------
    File
        A file that is missing, binary or not UTF-8 has one fault, M105, and nothing else.
    """
    path = Path(path)
    try:
        text = _text(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"cannot be read: {reason}"
        return File(str(path), "", faults=(Diagnostic("M105", message, None, str(path)),))
    return parse(text, str(path))


def _text(path: Path) -> str:
    data = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b""
    if not data and path.stat().st_size:
        raise ValueError("larger than 1 MB, no mapping is")
    if b"\0" in data:
        raise ValueError("it is a binary file, not text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"it is not UTF-8 text (line {line})") from error


def mapping_files(path: Path) -> list[Path]:
    """Return the mapping files at `path`: itself, or those in a folder and its subfolders.

    In a folder these are ``*.map`` and those YAML files that speak of a molecule.
    """
    if not path.is_dir():
        return [path]
    found = [p for p in sorted(path.rglob("*")) if p.suffix in (".map", *_YAML) and p.is_file()]
    return [p for p in found if p.suffix == ".map" or _is_mapping(p)]


def _is_mapping(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(10_000)
    except OSError:
        return True  # read_file says why
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith(b"#")]
    return any(line.startswith((b"molecule", b"atoms:")) for line in lines[:3])


def check_files(files: Sequence[File], one_set: bool = True) -> list[Diagnostic]:
    """Check files, patches (``at: chain-end``) with each residue they name.

    Parameters
    ----------
    files : Sequence[File]
    one_set : bool
        True if the files are used together, as in a MappingSet; a patch then meets the last file
        for each residue. Otherwise the files of its own folder come first.

    Returns
    -------
    list[Diagnostic]
        File by file, in the order given.
    """
    out: list[Diagnostic] = []
    for file in files:
        out += _check_patch(file, _residues(files, file, one_set)) if file.is_patch else check(file)
    return out


def _residues(files: Sequence[File], patch: File, one_set: bool = True) -> dict[str, File]:
    """Return residue name -> file that `patch` is added to; the last of several."""
    whole = [f for f in files if not f.is_patch]
    if not one_set:
        folder = Path(patch.path).parent
        whole.sort(key=lambda f: Path(f.path).parent == folder)
    return {name: f for f in whole for name in f.molecules}


def _check_patch(file: File, residues: dict[str, File]) -> list[Diagnostic]:
    bases = _bases(file, residues)
    if not bases:
        return check(file)
    found: dict[tuple[str, object], Diagnostic] = {}
    for base in bases:
        for d in check(file, base):
            found.setdefault((d.code, d.span), d)
    for name in _without_base(file, residues):
        message = f"no mapping of this set is for '{name.text}', so that nothing is added to it"
        d = Diagnostic("W101", message, name.span, file.path)
        found[d.code, d.span] = d
    return sorted(found.values(), key=lambda d: not d.is_error)


def _bases(file: File, residues: dict[str, File]) -> list[File]:
    return list({id(residues[m]): residues[m] for m in file.molecules if m in residues}.values())


def _without_base(file: File, residues: dict[str, File]) -> list[Name]:
    header = file.header("molecule")
    return [v for v in header.values if v.text not in residues] if header else []


def load_mapping(path: Path | str) -> Mapping:
    """Read one mapping.

    Raises
    ------
    DslError
        With the rendered diagnostics of the whole file.
    """
    from herobm.dsl.build import build_mapping

    file = read_file(path)
    _raise_errors(check(file), [file])
    return build_mapping(file)


def load_set(paths: Iterable[Path | str], name: str, description: str = "") -> MappingSet:
    """Read the mappings that belong together.

    Parameters
    ----------
    paths : Iterable[Path | str]
        ``.map`` or YAML files; where two claim a residue the later one wins.
    name, description : str

    Raises
    ------
    DslError
        With the rendered diagnostics of all files.
    """
    from herobm.dsl.build import build_mapping
    from herobm.dsl.model import MappingSet

    files = [read_file(path) for path in paths]
    _raise_errors(check_files(files), files)
    mappings = []
    for file in files:
        bases = _bases(file, _residues(files, file)) if file.is_patch else []
        mappings.append(build_mapping(file, bases[0] if bases else None))
    return MappingSet(name=name, mappings=tuple(mappings), description=description)


def _raise_errors(diagnostics: list[Diagnostic], files: Sequence[File]) -> None:
    errors = [d for d in diagnostics if d.is_error]
    if not errors:
        return
    kind: type[DslError] = DslCheckError
    if any(d.code.startswith("M1") for d in errors):
        kind = DslSyntaxError
    raise kind(render(errors, {f.path: f.text for f in files}))
