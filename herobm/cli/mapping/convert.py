"""``herobm mapping convert``: mapping files of other tools, in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herobm.cli.mapping.results import Result, put
from herobm.cli.structures import Overwrite

if TYPE_CHECKING:
    from herobm.dsl.convert import NumberedResidue, Reading, Reference, Sketch
    from herobm.dsl.diagnostics import Diagnostic
    from herobm.dsl.model import Mapping
    from herobm.plan.template import Library
    from herobm.types import Atoms


class Dialect(StrEnum):
    """What ``--from`` knows; see `herobm.dsl.convert.dialects.DIALECTS`."""

    cgmap = "cgmap"
    map = "map"
    mapping = "mapping"
    backward = "backward"


class Target(StrEnum):
    """What ``--to`` knows."""

    map = "map"
    yaml = "yaml"
    ndx = "ndx"


@dataclass
class _Run:
    """What one call of the command gathers."""

    context: typer.Context
    to: Target
    atoms: Atoms | None
    structure: str
    found: list[Diagnostic] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    n_refused: int = 0

    @cached_property
    def registered(self) -> list[tuple[str, Mapping]]:
        """Mappings of the plug-ins, which know the bonds of common residues."""
        from herobm.cli.options import open_registry
        from herobm.errors import DslError, PluginError

        registry = open_registry(self.context)
        found: list[tuple[str, Mapping]] = []
        for name in registry.mappings():
            try:
                found += [(name, mapping) for mapping in registry.mapping(name)]
            except (DslError, PluginError) as error:
                typer.echo(
                    f"note: mapping {name} is not looked at: {error.message.splitlines()[0]}",
                    err=True,
                )
        return found


def convert(
    context: typer.Context,
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Mapping files or folders of them.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE|FOLDER", help="Where to; default: stdout."),
    ] = None,
    dialect: Annotated[
        Dialect | None, typer.Option("--from", help="Format of the sources; else recognised.")
    ] = None,
    to: Annotated[
        Target | None, typer.Option("--to", help="Format of the result; else by the name of FILE.")
    ] = None,
    structure: Annotated[
        Path | None,
        typer.Option("--structure", help="Atomistic structure: bonds, stereo, atom numbers."),
    ] = None,
    molecule: Annotated[
        list[str] | None,
        typer.Option("--molecule", metavar="NAME", help="Residue name of the result; repeatable."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert mapping files from and to the formats of other tools.

    Read are HEroBM and CGmap YAML, Backward .map, vermouth .map and .mapping, and our own;
    written our own .map, CGmap YAML and GROMACS index files (.ndx). Where a source does not say
    how atoms are rebuilt, a hierarchy is derived from the bonds; these come from --structure, or
    from an installed mapping for the same residue. What is lost is told. The exit status is 1 if
    a source is refused; the others are written all the same.
    """
    to = to or _target_of(output)
    if to is Target.ndx and structure is None:
        raise typer.BadParameter("an index file needs --structure, for the numbers of the atoms")
    atoms = None
    if structure is not None:
        from herobm.io import read_atoms

        atoms = read_atoms(structure)
    run = _Run(context, to, atoms, structure.name if structure else "")
    roots = {path: source for source in reversed(sources) for path in _files(source)}
    paths = list(dict.fromkeys(p for source in sources for p in _files(source)))
    if not paths:
        typer.echo("no mapping file (*.map, *.mapping, *.yaml) lies there", err=True)
        raise typer.Exit(1)
    results = [r for path in paths for r in _convert(run, path, dialect, tuple(molecule or ()))]
    outputs = _outputs(run, results, roots)
    _report(run)
    put(outputs, output, overwrite, paths, several=len(paths) > 1)
    n_warnings = sum(not d.is_error for d in run.found)
    _summarize(len(paths), len(outputs), run.n_refused, n_warnings)
    if run.n_refused or not outputs:
        raise typer.Exit(1)


def _target_of(output: Path | None) -> Target:
    suffix = output.suffix.lstrip(".") if output else ""
    return {"ndx": Target.ndx, "yaml": Target.yaml, "yml": Target.yaml}.get(suffix, Target.map)


def _files(source: Path) -> list[Path]:
    """Return a file, or those in a folder that bear a suffix of some dialect."""
    from herobm.dsl.convert import DIALECTS

    if not source.is_dir():
        return [source]
    suffixes = {suffix for d in DIALECTS for suffix in d.suffixes}
    return [p for p in sorted(source.rglob("*")) if p.suffix in suffixes and p.is_file()]


def _convert(
    run: _Run, path: Path, dialect: Dialect | None, molecules: tuple[str, ...]
) -> list[tuple[str, Mapping]]:
    """Read one source; return file stems and mappings, none if it is refused."""
    reading = _read(run, path, dialect, molecules)
    run.found += reading.diagnostics
    results: list[tuple[str, Mapping]] = []
    refused = reading.refused
    for sketch in () if refused else reading.sketches:
        mapping, found = _complete(run, sketch)
        found = list(found)
        if mapping is not None and run.to is not Target.ndx:
            found += _unwritable(mapping, path, run.to)
        run.found += found
        if mapping is None or any(d.is_error for d in found):
            refused = True
        else:
            several = len(reading.sketches) > 1
            results.append((f"{path.stem}.{sketch.title}" if several else path.stem, mapping))
    run.n_refused += refused
    return [] if refused else results


def _read(run: _Run, path: Path, dialect: Dialect | None, molecules: tuple[str, ...]) -> Reading:
    from herobm.dsl.convert import Reading, read
    from herobm.dsl.load import read_file

    file = read_file(path)
    run.texts[str(path)] = file.text
    unreadable = [d for d in file.faults if d.code == "M105"]
    if unreadable:
        return Reading((), tuple(unreadable))
    return read(file.text, str(path), dialect.value if dialect else None, molecules)


def _complete(run: _Run, sketch: Sketch) -> tuple[Mapping | None, list[Diagnostic]]:
    from herobm.dsl.convert import complete
    from herobm.dsl.diagnostics import Diagnostic
    from herobm.errors import StructureError

    if run.to is Target.ndx:  # which atoms lie in a bead is known without bonds
        return sketch.mapping, []
    try:
        reference = _reference(run, sketch)
    except StructureError as error:
        code = "W606" if sketch.tolerant else "M606"
        found = Diagnostic(code, error.message, sketch.span, sketch.path, error.hint)
        return (sketch.mapping if sketch.tolerant else None), [found]
    return complete(sketch, reference)


def _reference(run: _Run, sketch: Sketch) -> Reference | None:
    """Find the chemistry of a residue: in the structure, else in an installed mapping."""
    from herobm.dsl.convert.completion import needs_reference
    from herobm.dsl.convert.lend import find_lender, lend

    if sketch.mapping.at is not None:
        return None
    if run.atoms is not None:
        from herobm.chem.perceive import reference_from

        mapping = sketch.mapping
        names = [n for a in mapping.atoms for n in a.names[:1]]
        return reference_from(run.atoms, mapping.molecules, names, run.structure)
    if not needs_reference(sketch):
        return None
    lender = find_lender(sketch, [m for _, m in run.registered])
    if lender is None:
        return None
    title = next(name for name, m in run.registered if m is lender)
    return lend(lender, sketch.order, f"the installed mapping set {title}")


def _unwritable(mapping: Mapping, path: Path, to: Target) -> list[Diagnostic]:
    """See that the result says what it should, before it is written."""
    from herobm.dsl import build_mapping, check, parse
    from herobm.dsl.convert.map_text import as_written
    from herobm.dsl.convert.yaml_text import lost_in_yaml
    from herobm.dsl.diagnostics import Diagnostic

    lost = lost_in_yaml(mapping, str(path)) if to is Target.yaml else []
    if any(d.is_error for d in lost):
        return lost
    file = parse(_text(mapping, path, to), f"{path.stem}.{to}")
    errors = [d for d in check(file) if d.is_error]
    if errors:
        message = f"the result would not be valid: {errors[0].message}"
        lost.append(Diagnostic("M607", message, None, str(path), errors[0].help))
    elif to is Target.map and build_mapping(file) != as_written(mapping, file.path):
        message = f"a combination of rules, weights and flags in {mapping.name} cannot be written"
        help = "write the atoms concerned in another way: herobm mapping show tells what they are"
        lost.append(Diagnostic("M607", message, None, str(path), help))
    return lost


def _text(mapping: Mapping, path: Path, to: Target) -> str:
    from herobm.dsl.convert import write_map, write_yaml

    write = write_yaml if to is Target.yaml else write_map
    return write(mapping, [f"converted from {path.name}"])


def _outputs(
    run: _Run, results: list[tuple[str, Mapping]], roots: dict[Path, Path]
) -> list[Result]:
    if run.to is not Target.ndx:
        count = Counter(stem for stem, _ in results)
        return [
            Result(
                f"{stem}.{run.to}",
                _text(m, Path(m.source), run.to),
                folder=_beneath(Path(m.source), roots) if count[stem] > 1 else "",
            )
            for stem, m in results
        ]
    if not results or run.atoms is None:
        return []
    from herobm.errors import StructureError

    text = _index_groups([m for _, m in results], run.atoms)
    if not text:
        names = ", ".join(dict.fromkeys(n for _, m in results for n in m.molecules))
        raise StructureError(
            f"{run.structure}: no residue {names} with the atoms of the mapping",
            "Give the residue name of the structure with --molecule.",
        )
    return [Result(f"{results[0][0]}.ndx", text)]


def _beneath(path: Path, roots: dict[Path, Path]) -> str:
    """Folder of a source within the one that was named, or the one that it lies in."""
    root = roots.get(path, path)
    return path.parent.name if root == path else str(path.parent.relative_to(root))


def _index_groups(mappings: list[Mapping], atoms: Atoms) -> str:
    """Write the groups of a structure; patches and other names count as in coarse-graining."""
    from herobm.dsl.convert import write_ndx
    from herobm.dsl.model import MappingSet
    from herobm.plan.template import compile_library

    library = compile_library(MappingSet(name="index", mappings=tuple(mappings)))
    merged = [template.mapping for template in library]
    return write_ndx(merged, _residues(atoms, library))


def _residues(atoms: Atoms, library: Library) -> Iterator[NumberedResidue]:
    """Go over the mapped residues of a structure, their atoms numbered as in the file."""
    from herobm.dsl.convert import NumberedResidue
    from herobm.system.matching import match_atoms

    match = match_atoms(atoms, library)
    found: dict[int, dict[str, int]] = {}
    for i, (residue, index) in enumerate(
        zip(atoms.residue_index.tolist(), match.atom.tolist(), strict=True), 1
    ):
        if index >= 0:
            mapped = library.templates[int(match.template[residue])].mapping.atoms
            found.setdefault(residue, {}).setdefault(mapped[index].name, i)
    residues = atoms.residues
    for k, own in found.items():
        yield NumberedResidue(
            str(residues.names[k]), int(residues.ids[k]), str(residues.chains[k]), own
        )


def _report(run: _Run) -> None:
    from herobm.dsl.diagnostics import render

    if run.found:
        typer.echo(render(run.found, run.texts), err=True)


def _summarize(n_sources: int, n_written: int, n_refused: int, n_warnings: int) -> None:
    counts = ((n_sources, "source"), (n_written, "result"), (n_warnings, "warning"))
    text = ", ".join(f"{n} {word}" + ("" if n == 1 else "s") for n, word in counts)
    typer.echo(f"{text}, {n_refused} refused", err=True)
