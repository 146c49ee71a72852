"""``herobm post``: steps on a structure that has atoms already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herobm.cli.frames import choose_beside, require_frames, write_frames
from herobm.cli.options import Jobs, Threads, limit_algebra, open_registry, show_notes
from herobm.cli.steps import (
    OfEnds,
    OfForceField,
    OfPh,
    OfPlatform,
    OfRestraints,
    OfTolerance,
    OfUnmapped,
    step_options,
)
from herobm.cli.structures import (
    Begin,
    End,
    Overwrite,
    Rename,
    Selection,
    SkipUnmapped,
    Stride,
    check_outputs,
    choose_frames,
    parse_renames,
)
from herobm.plugins.records import STAGES

if TYPE_CHECKING:
    from herobm.io.frames import Frame
    from herobm.io.trajectory import Trajectory
    from herobm.plan import Library
    from herobm.plugins.records import PostProcessorSpec
    from herobm.plugins.step_context import StepContext
    from herobm.types import Atoms, IntArray


def post(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[,NAME...]",
            help=f"{', '.join(STAGES)} or a step of a plug-in.",
        ),
    ],
    atoms: Annotated[Path, typer.Argument(help="Structure with atoms (PDB, GRO, mmCIF).")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="PDB, GRO or mmCIF; XTC, TRR or DCD with -f."),
    ],
    trajectory: Annotated[
        Path | None,
        typer.Option(
            "-f",
            "--trajectory",
            help="Trajectory of the atoms: XTC, TRR, DCD, GRO or PDB of several frames.",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            help="Mapping set, file or folder; the pack that fits by default. Repeatable."
        ),
    ] = None,
    cg: Annotated[
        Path | None, typer.Option("--cg", help="Beads that the atoms were rebuilt from.")
    ] = None,
    ph: OfPh = None,
    forcefield: OfForceField = None,
    platform: OfPlatform = None,
    restraints: OfRestraints = None,
    tolerance: OfTolerance = None,
    unmapped: OfUnmapped = None,
    ends: OfEnds = None,
    selection: Selection = "all",
    rename: Rename = None,
    skip_unmapped: SkipUnmapped = False,
    begin: Begin = None,
    end: End = None,
    stride: Stride = None,
    threads: Threads = 1,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
) -> None:
    """Run a step, or several by stage, on a structure that has atoms, rebuilt or not.

    The beads of --cg hold the atoms in place; without them, each bead is where its atoms are.
    Residues that no mapping has go along as they are, unless --skip-unmapped leaves them out.

    With -f every frame is worked on, and the first one goes to a PDB file beside the trajectory, or
    to mmCIF where PDB has no room for its names.
    """
    import numpy as np

    from herobm.assembly.choice import open_library_of_atoms
    from herobm.assembly.likeness import likeliest_mappings
    from herobm.io import check_fits, open_trajectory, read_atoms, read_beads
    from herobm.post.alone import context_of
    from herobm.post.chain import resolve
    from herobm.system import rename_residues

    show_notes()
    renames = parse_renames(rename)
    frames = choose_frames(output, trajectory, begin, end, stride)
    require_frames(jobs, trajectory)
    if trajectory is not None and cg is not None:
        raise typer.BadParameter("--cg holds the beads of one structure, not of a trajectory (-f)")
    structure = output if trajectory is None else output.with_suffix(".pdb")
    inputs = [path for path in (atoms, trajectory, cg) if path is not None]
    check_outputs(dict.fromkeys((output, structure)), inputs, overwrite)
    limit_algebra(threads)
    registry = open_registry(context)
    specs = resolve(name, registry)
    options = step_options(
        name,
        registry,
        ph=ph,
        forcefield=forcefield,
        platform=platform,
        restraints=restraints,
        tolerance=tolerance,
        unmapped=unmapped,
        ends=ends,
    )
    given = rename_residues(read_atoms(atoms, selection), renames, str(atoms))
    beads = None if cg is None else rename_residues(read_beads(cg), renames, str(cg))
    names: Sequence[str] = mapping or ()
    if beads is not None and not names:
        names = likeliest_mappings(beads, registry, str(cg))
    library = open_library_of_atoms(given, names, registry, str(atoms))
    rows: IntArray = np.arange(len(given))
    if skip_unmapped:
        rows = _mapped_rows(given, library, str(atoms))
        given = given.subset(np.isin(np.arange(len(given)), rows))
    told = context_of(
        given,
        library,
        beads,
        source=str(atoms),
        beads_source=str(cg),
        options=options | {"threads": threads},
    )
    if trajectory is not None:
        first = choose_beside(output, lambda path: check_fits(path, given), inputs, overwrite)
        with open_trajectory(
            atoms, trajectory, selection, start=frames.start, stop=frames.stop, step=frames.step
        ) as read:
            _trajectory(
                *(read, rows, specs, given, told, output, first, overwrite),
                jobs=jobs,
                threads=threads,
            )
        return
    _structure(specs, given, told, str(atoms), output, overwrite)


def _structure(
    specs: Sequence[PostProcessorSpec],
    given: Atoms,
    told: StepContext,
    source: str,
    output: Path,
    overwrite: bool,
) -> None:
    """Run the steps on one structure; where a late one fails, what was there before it is kept."""
    from herobm.errors import HerobmError, MinimisationError
    from herobm.post.chain import run_chain
    from herobm.post.whole import whole

    done = whole(given, told)
    lines: list[str] = []
    try:
        for spec in specs:
            done, more = run_chain([spec], done, told)
            lines += more
    except HerobmError as error:
        if lines:
            _write(output, done, told, overwrite)
            typer.echo("\n".join([*lines, f"atoms without the step that failed: {output}"]))
        if isinstance(error, MinimisationError):  # of atoms, which do not know their file
            raise MinimisationError(f"{source}: {error.message}", error.hint) from error
        raise
    _write(output, done, told, overwrite)
    typer.echo("\n".join([*lines, f"atoms written to {output}"]))


def _mapped_rows(atoms: Atoms, library: Library | None, source: str) -> IntArray:
    """Atoms of residues that the mapping has."""
    import numpy as np

    from herobm.errors import UnmappedResidueError
    from herobm.system.matching import find_templates, require_mapped

    if library is None:
        raise UnmappedResidueError(
            f"{source}: no mapping has any of its residues, so nothing would be left to work on",
            "Name the mapping (--mapping), or leave --skip-unmapped out.",
        )
    require_mapped(atoms, library, skip_unmapped=True, source=source)
    mapped = find_templates(atoms.residues, library) >= 0
    return np.flatnonzero(mapped[atoms.residue_index])


def _trajectory(
    read: Trajectory,
    rows: IntArray,
    specs: Sequence[PostProcessorSpec],
    given: Atoms,
    told: StepContext,
    output: Path,
    first: Path,
    overwrite: bool,
    jobs: int,
    threads: int,
) -> None:
    """Run the steps frame by frame, and write the first one as a structure as well."""
    work = _Chain(tuple(specs), given, rows, told)
    done: list[int] = []
    failure = write_frames(
        *(read, output, work, overwrite),
        jobs=jobs,
        begin=partial(limit_algebra, threads),
        take=lambda number, _: done.append(number),
    )
    if work.opening is not None:  # last, so that a run that ends early leaves nothing behind
        _write(first, work.opening, told, overwrite)
    typer.echo(
        "\n".join(
            [
                f"{len(done)} frames; the first one:",
                *work.said,
                f"atoms written to {output}, first frame to {first}",
            ]
        )
    )
    if failure is not None:
        raise failure


@dataclass
class _Chain:
    """What is done to each frame; what became of the first one, and what the steps said of it."""

    specs: Sequence[PostProcessorSpec]
    given: Atoms
    rows: IntArray
    told: StepContext
    opening: Atoms | None = None
    said: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"opening": None}  # other processes have no use for it

    def place(self, frame: Frame) -> Atoms:
        from herobm.post.whole import whole

        moved = replace(self.given, positions=frame.positions[self.rows], box=frame.box)
        return whole(moved, self.told)

    def __call__(self, frame: Frame) -> tuple[Atoms, None]:
        from herobm.post.chain import run_chain

        done, lines = run_chain(self.specs, self.place(frame), self.told)
        if self.opening is None:
            self.opening, self.said = done, lines
        return done, None


def _write(output: Path, atoms: Atoms, context: Any, overwrite: bool) -> None:
    """Write atoms, with the bonds that residue names do not tell."""
    from herobm.io import write_structure
    from herobm.post.bonding import own_bonds, with_hetero
    from herobm.post.layout import plan_rows

    disulfides: list[tuple[int, int]] = []
    if context.disulfides:
        rows = plan_rows(atoms, context)
        pairs = ((int(rows[a]), int(rows[b])) for a, b in context.disulfides)
        disulfides = [pair for pair in pairs if min(pair) >= 0]
    write_structure(
        output,
        with_hetero(atoms, context),
        overwrite=overwrite,
        disulfides=disulfides,
        connections=own_bonds(atoms, context),
    )
