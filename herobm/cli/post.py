"""``herobm post``: steps on a structure that has atoms already."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herobm.cli.options import open_registry, show_notes
from herobm.cli.structures import Overwrite, Rename, Selection, check_outputs, parse_renames

if TYPE_CHECKING:
    from herobm.plan import Library
    from herobm.plugins.registry import Registry
    from herobm.types import Atoms


class ForceField(StrEnum):
    """Of the minimisation."""

    amber14 = "amber14"
    amber19 = "amber19"
    charmm36 = "charmm36"


class Restraints(StrEnum):
    """What the minimisation holds in place."""

    beads = "beads"
    heavy = "heavy"
    none = "none"


class Unmapped(StrEnum):
    """What becomes of molecules that the force field lacks."""

    relax = "relax"
    leave = "leave"


class Ends(StrEnum):
    """What the two sides of a break within a chain become."""

    charged = "charged"
    capped = "capped"


def post(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[,NAME...]",
            help="backbone, consistency, hydrogens, minimise or a step of a plug-in.",
        ),
    ],
    atoms: Annotated[Path, typer.Argument(help="Structure with atoms (PDB, GRO, mmCIF).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="PDB, GRO or mmCIF file.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            help="Mapping set, file or folder; the pack that fits by default. Repeatable."
        ),
    ] = None,
    cg: Annotated[
        Path | None, typer.Option("--cg", help="Beads that the atoms were rebuilt from.")
    ] = None,
    ph: Annotated[float, typer.Option("--ph", min=0, max=14, help="For hydrogens.")] = 7.0,
    forcefield: Annotated[ForceField, typer.Option(help="For minimise.")] = ForceField.amber14,
    platform: Annotated[
        str | None, typer.Option(help="For minimise: of OpenMM; the fastest by default.")
    ] = None,
    restraints: Annotated[
        Restraints, typer.Option(help="For minimise: what is held.")
    ] = Restraints.beads,
    tolerance: Annotated[
        float, typer.Option(help="For minimise: force at which it ends, kJ/mol/nm.")
    ] = 500.0,
    unmapped: Annotated[
        Unmapped, typer.Option(help="For minimise: molecules that the force field lacks.")
    ] = Unmapped.relax,
    ends: Annotated[
        Ends, typer.Option(help="For hydrogens: what breaks within chains become.")
    ] = Ends.charged,
    selection: Selection = "all",
    rename: Rename = None,
    overwrite: Overwrite = False,
) -> None:
    """Run a step, or several by stage, on a structure that has atoms, rebuilt or not.

    The beads of --cg hold the atoms in place; without them, each bead is where its atoms are.
    """
    from herobm.io import read_atoms, read_beads
    from herobm.post.alone import context_of
    from herobm.post.chain import resolve, run_chain
    from herobm.system import rename_residues

    show_notes()
    renames = parse_renames(rename)
    check_outputs([output], [atoms] if cg is None else [atoms, cg], overwrite)
    registry = open_registry(context)
    specs = resolve(name, registry)
    given = rename_residues(read_atoms(atoms, selection), renames)
    beads = None if cg is None else rename_residues(read_beads(cg), renames)
    chosen = {"ph": ph, "platform": platform, "tolerance": tolerance}
    named = {"forcefield": forcefield, "restraints": restraints, "unmapped": unmapped, "ends": ends}
    options: dict[str, Any] = chosen | {key: choice.value for key, choice in named.items()}
    library = _library(given, mapping or (), registry)
    told = context_of(given, library, beads, source=str(atoms), options=options)
    done, lines = run_chain(specs, given, told)
    _write(output, done, told, overwrite)
    typer.echo("\n".join([*lines, f"atoms written to {output}"]))


def _library(atoms: Atoms, names: Sequence[str], registry: Registry) -> Library | None:
    """Load the mapping sets asked for; else the pack that knows most residues, if any does."""
    from herobm.assembly.choice import PREFERRED, open_library
    from herobm.errors import DslError, PluginError
    from herobm.plan import compile_library
    from herobm.post.alone import fitting

    if names:
        return open_library(names, registry, atoms.residues.names.tolist())
    best, most = None, 0
    for name in sorted(registry.mappings(), key=lambda n: (not n.startswith(PREFERRED), n)):
        try:
            library = compile_library(registry.mapping(name))
        except (DslError, PluginError):
            continue  # of a pack that nobody asked for
        count = fitting(atoms, library)
        if count > most:
            best, most = library, count
        if most == len(atoms.residues):
            break
    return best


def _write(output: Path, atoms: Atoms, context: Any, overwrite: bool) -> None:
    """Write atoms, disulfide bridges as bonds."""
    from herobm.io import write_structure
    from herobm.post.layout import lay_out

    bonds = None
    if context.disulfides and len(atoms.residues) >= context.topology.plan.n_residues:
        rows = lay_out(atoms, context, "post").rows
        bonds = [(int(rows[a]), int(rows[b])) for a, b in context.disulfides]
    write_structure(output, atoms, overwrite=overwrite, bonds=bonds)
