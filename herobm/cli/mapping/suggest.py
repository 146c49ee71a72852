"""``herobm mapping suggest``: a mapping for a molecule that has none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herobm.cli.mapping.results import Result, put
from herobm.cli.structures import Overwrite

if TYPE_CHECKING:
    from herobm.chem.suggest.ligand import Ligand
    from herobm.chem.suggest.mapping import Beads
    from herobm.chem.suggest.structure import Placed
    from herobm.dsl.model import Mapping


@dataclass(frozen=True)
class _Model:
    """The coarse-grained model of a user."""

    beads: Path
    topology: Path | None


def suggest(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="LIGAND",
            help="SDF, MOL2 or SMILES file, a SMILES string, or a structure (PDB, GRO, mmCIF) "
            "with --smiles.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to; else stdout.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw atoms, beads and anchors.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="ZMA", help="Residue name of the ligand.")
    ] = None,
    smiles: Annotated[
        str | None,
        typer.Option("--smiles", help="Bond orders, charges and stereo of a structure."),
    ] = None,
    record: Annotated[
        int, typer.Option("--record", min=1, help="Which molecule of a file of several.")
    ] = 1,
    cg: Annotated[
        Path | None,
        typer.Option("--cg", metavar="FILE", help="Beads of your coarse-grained model (GRO, PDB)."),
    ] = None,
    atomistic: Annotated[
        Path | None,
        typer.Option("--atomistic", metavar="FILE", help="The same conformation in atoms."),
    ] = None,
    itp: Annotated[
        Path | None,
        typer.Option("--itp", metavar="FILE", help="Names and types of the beads of --cg."),
    ] = None,
    hydrogens: Annotated[
        bool, typer.Option("--hydrogens/--no-hydrogens", help="Whether to list hydrogens.")
    ] = True,
    conformers: Annotated[
        int | None,
        typer.Option(
            "--conformers",
            min=1,
            max=1000,
            help="Size of the ensemble. [default: 8, fewer beyond 40 heavy atoms]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the ensemble.")] = 7,
    overwrite: Overwrite = False,
) -> None:
    """Suggest a mapping for a molecule: beads, hierarchy, bonds, charges and stereo.

    Beads are chosen by the rules of Martini 3 for small molecules, or taken from a model of your
    own: --cg with its beads and --atomistic with the atoms they stand for, in one conformation.
    The atoms that lie nearest to the beads in an ensemble of conformers are rebuilt first. The
    result is checked as 'mapping validate --chemistry' does, and what it finds is told.
    """
    from herobm.chem.suggest.mapping import suggest as suggest_mapping
    from herobm.dsl.convert import write_map

    given = [p for p in (cg, atomistic, itp) if p is not None]
    given += [Path(source)] if _names_file(Path(source)) else []
    _check_places([p for p in (output, svg) if p is not None], given, overwrite)
    model = _model(cg, itp)
    if atomistic is not None and model is None:
        raise typer.BadParameter("--atomistic goes with --cg FILE, the beads of those atoms")
    ligand, placed = _read(source, smiles, name, record, atomistic)
    beads = None if model is None else _beads(model, placed)
    mapping = suggest_mapping(
        ligand, name, beads=beads, hydrogens=hydrogens, n_conformers=conformers, seed=seed
    )
    _tell_taken(mapping.name, context)
    for note in ligand.notes:
        typer.echo(f"note: {note}", err=True)
    title = "SMILES" if not given or Path(source) not in given else Path(source).name
    text = write_map(mapping, [f"suggested from {title} by herobm mapping suggest"])
    put([Result(f"{mapping.name.lower()}.map", text)], output, overwrite, given)
    if svg is not None:
        _draw(mapping, svg, overwrite)
    _check(text, str(output or f"{mapping.name.lower()}.map"))
    n_heavy = sum(a.rebuilt for a in mapping.atoms)
    typer.echo(f"{mapping.name}: {n_heavy} heavy atoms in {len(mapping.beads)} beads", err=True)


def _names_file(path: Path) -> bool:
    """Whether it ends as a file that can be read, which a SMILES does not."""
    from herobm.chem.suggest.read import SUFFIXES
    from herobm.io.source import format_of

    return path.suffix.lower() in SUFFIXES or format_of(path) != "other"


def _check_places(outputs: list[Path], inputs: list[Path], overwrite: bool) -> None:
    from herobm.cli.structures import check_outputs
    from herobm.errors import OutputError

    if len({p.resolve() for p in outputs}) < len(outputs):
        raise OutputError(
            f"{outputs[0]}: mapping and drawing would go into one file", "Choose two names."
        )
    check_outputs([p for p in outputs if not p.is_dir()], inputs, overwrite)


def _model(cg: Path | None, itp: Path | None) -> _Model | None:
    if cg is None and itp is not None:
        raise typer.BadParameter("--itp goes with --cg FILE, the beads that it names")
    return None if cg is None else _Model(cg, itp)


def _read(
    source: str, smiles: str | None, name: str | None, record: int, atomistic: Path | None
) -> tuple[Ligand, Placed | None]:
    """Read the ligand, and where its atoms lie if a structure is given."""
    from herobm.chem.suggest.read import mol_of_smiles, read_ligand, read_smiles
    from herobm.io.source import format_of

    path = Path(source)
    if format_of(path) != "other":
        if smiles is None:
            raise typer.BadParameter(
                f"{source} does not tell bond orders and charges: add --smiles"
            )
        placed = _place(mol_of_smiles(smiles), atomistic or path, name)
        return placed.ligand, placed
    if smiles is not None:
        raise typer.BadParameter("--smiles goes with a structure (PDB, GRO, mmCIF)")
    if _names_file(path) or _is_file(path):
        ligand = read_ligand(_text(path), source, name, record)
    else:
        ligand = read_smiles(source, name)
    if atomistic is None:
        return ligand, _as_drawn(ligand)
    placed = _place(ligand.mol, atomistic, name)
    return placed.ligand, placed


def _is_file(path: Path) -> bool:
    """Whether a file is there; a SMILES can be longer than the name of any."""
    try:
        return path.is_file()
    except OSError:
        return False


def _text(path: Path) -> str:
    from herobm.errors import StructureError

    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StructureError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StructureError(f"{path}: cannot be read as text", "Is it compressed?") from error


def _place(mol: Any, path: Path, name: str | None) -> Placed:
    from herobm.chem.suggest.structure import place
    from herobm.io import read_atoms

    return place(mol, read_atoms(path), str(path), name)


def _as_drawn(ligand: Ligand) -> Placed | None:
    """Take the positions of an SDF or MOL2 file, if they are in space."""
    from herobm.chem.suggest.structure import Placed

    mol = ligand.mol
    if mol.GetNumConformers() == 0 or not mol.GetConformer().Is3D():
        return None
    return Placed(ligand, mol.GetConformer().GetPositions())


def _beads(model: _Model, placed: Placed | None) -> Beads:
    from herobm.chem.suggest.cg import beads_of, read_itp
    from herobm.io import read_beads

    if placed is None:
        raise typer.BadParameter("--cg needs --atomistic FILE: where the atoms of its beads lie")
    topology = model.topology
    types = None if topology is None else read_itp(_text(topology), str(topology))
    found = beads_of(placed, read_beads(model.beads), str(model.beads), types)
    for line in found.report():
        typer.echo(line, err=True)
    return found.beads


def _tell_taken(name: str, context: typer.Context) -> None:
    """Say which installed sets, of those that plug-ins are known by, have a residue of this name.

    Sets that do not load say nothing: nobody asked for them.
    """
    from herobm.cli.options import open_registry
    from herobm.errors import HerobmError

    registry = open_registry(context)
    taken = []
    for full, spec in registry.mappings().items():
        try:
            known = spec.default and any(
                name in m.molecules for m in registry.mapping(full).mappings
            )
        except HerobmError:
            continue
        taken += [full] * known
    if taken:
        typer.echo(
            f"note: {name} is a residue of {', '.join(taken)}: choose another --name, unless this "
            "is to take its place (the mapping that is named last counts)",
            err=True,
        )


def _draw(mapping: Mapping, path: Path, overwrite: bool) -> None:
    from herobm.chem.drawing import draw
    from herobm.io import written_aside

    with written_aside(path, overwrite) as aside:
        aside.write_text(draw(mapping), encoding="utf-8")
    typer.echo(f"drawn: {path}", err=True)


def _check(text: str, path: str) -> None:
    """Tell what 'mapping validate --chemistry' would, such as stereo without a label."""
    from herobm.chem.checks.mapping import check_chemistry_files
    from herobm.dsl import check, parse, render

    file = parse(text, path)
    found = [*check(file), *check_chemistry_files([file])]
    if found:
        typer.echo(render(found, {path: text}), err=True)
