"""``herobm coarsen``: atoms to beads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herobm.cli.options import open_registry, show_notes
from herobm.cli.structures import (
    Overwrite,
    Rename,
    Selection,
    SkipUnmapped,
    check_outputs,
    parse_renames,
)


def coarsen(
    context: typer.Context,
    atoms: Annotated[Path, typer.Argument(help="All-atom structure (PDB, GRO, mmCIF, also .gz).")],
    mapping: Annotated[
        list[str],
        typer.Option(
            help="Mapping set, mapping file or folder of them. Repeatable: the last one that has "
            "a residue is taken for it."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="PDB, GRO or mmCIF file.")],
    selection: Selection = "all",
    rename: Rename = None,
    skip_unmapped: SkipUnmapped = False,
    overwrite: Overwrite = False,
) -> None:
    """Put the beads of a mapping where their atoms are.

    A bead sits at the mean of those of its atoms that the file has; hydrogens that are not there
    are not guessed.
    """
    from herobm.assembly.choice import open_library
    from herobm.io import read_atoms, write_structure
    from herobm.system import coarsen as to_beads
    from herobm.system import rename_residues
    from herobm.system.coarsen import partial_residues

    show_notes()
    renames = parse_renames(rename)
    check_outputs([output], [atoms], overwrite)
    registry = open_registry(context)
    structure = rename_residues(read_atoms(atoms, selection), renames, str(atoms))
    library = open_library(mapping, registry, structure.residues.names.tolist())
    beads = to_beads(structure, library, skip_unmapped=skip_unmapped, source=str(atoms))
    partial = partial_residues(structure, library)
    if len(partial):
        typer.echo(
            f"note: {len(partial)} residue(s) lack some heavy atoms of a bead, which lies where "
            f"the others are (first: {structure.residues.label(int(partial[0]))})",
            err=True,
        )
    write_structure(output, beads, overwrite=overwrite, title=f"{atoms.name} as {library.name}")
    typer.echo(f"{output}: {len(beads)} beads of {len(beads.residues)} residues")
