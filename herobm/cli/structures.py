"""Options that the verbs on structures share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from herobm.cli.progress import track
from herobm.errors import HerobmError, OutputError, StructureError
from herobm.plugins.records import STAGES

if TYPE_CHECKING:
    from herobm.types import Atoms

T = TypeVar("T")

#: Endings of trajectories.
TRAJECTORIES = (".xtc", ".trr", ".dcd")

Selection = Annotated[
    str, typer.Option("--selection", help="What to take from the file (MDAnalysis selection).")
]
Rename = Annotated[
    list[str] | None,
    typer.Option("--rename", metavar="OLD=NEW", help="Read a residue name as another; repeatable."),
]
SkipUnmapped = Annotated[
    bool, typer.Option("--skip-unmapped", help="Leave out residues that the mapping lacks.")
]
Post = Annotated[
    str | None,
    typer.Option(
        "--post",
        metavar="NAME,...|none",
        help=f"Steps after rebuilding: {', '.join(STAGES)} or those of plug-ins. [default: "
        "backbone,consistency]",
    ),
]
Begin = Annotated[int | None, typer.Option("-b", "--begin", min=0, help="First frame, from 0.")]
End = Annotated[int | None, typer.Option("-e", "--end", min=0, help="Frame to stop before.")]
Stride = Annotated[int | None, typer.Option("--stride", min=1, help="Every n-th frame.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]


def parse_renames(pairs: list[str] | None) -> dict[str, str]:
    """Read ``OLD=NEW`` pairs.

    Raises
    ------
    HerobmError
        If one has another form.
    """
    found: dict[str, str] = {}
    for pair in pairs or []:
        old, sign, new = pair.partition("=")
        if not (old and sign and new):
            raise HerobmError(f"--rename {pair}: write OLD=NEW, e.g. --rename HISD=HID")
        if found.get(old, new) != new:
            raise HerobmError(f"--rename {pair}: {old} is to be read as {found[old]} already")
        found[old] = new
    return found


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path], overwrite: bool) -> None:
    """See to it that the results can be put where they shall lie, and replace no input.

    Raises
    ------
    OutputError
    """
    from herobm.io import check_writable

    read = {path.resolve() for path in inputs}
    written: set[Path] = set()
    for output in outputs:
        if output.resolve() in written:
            raise OutputError(f"{output}: two results would go there", "Choose another name.")
        written.add(output.resolve())
        if output.resolve() in read:
            raise OutputError(
                f"{output}: the result would replace the file that is read", "Choose another name."
            )
        check_writable(output, overwrite)


def make_folder(path: Path) -> None:
    """Make a folder for results where there is none.

    Raises
    ------
    OutputError
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "this is a file" if path.is_file() else error.strerror
        raise OutputError(
            f"{path}: no folder can be made here ({reason})", "Name another folder."
        ) from None


def check_weights_name(output: Path) -> None:
    """See to it that weights will be found again by their name.

    Raises
    ------
    OutputError
    """
    if output.suffix != ".safetensors":
        raise OutputError(
            f"{output}: weights are kept in files that end in .safetensors",
            f"Write -o {output.with_suffix('.safetensors')}.",
        )


def choose_frames(
    output: Path, trajectory: Path | None, begin: int | None, end: int | None, stride: int | None
) -> slice:
    """Frames of a trajectory, where there is one and the output can take it.

    Raises
    ------
    OutputError
        If a trajectory would go to a structure file, or the other way round.
    typer.BadParameter
        If frames are chosen without a trajectory.
    """
    if (output.suffix.lower() in TRAJECTORIES) != (trajectory is not None):
        raise OutputError(
            f"{output}: a trajectory is written from a trajectory (-f), a structure from a "
            "structure",
            f"Name an output that ends in {', '.join(TRAJECTORIES)} with -f, in .pdb, .gro or "
            ".cif without.",
        )
    frames = slice(begin, end, stride)
    if trajectory is None and frames != slice(None):
        raise typer.BadParameter("--begin, --end and --stride choose frames of a trajectory (-f)")
    return frames


def pair_trajectories(paths: Iterable[Path]) -> list[tuple[Path, Path | None]]:
    """Pair each structure with the trajectory that follows it, None for none.

    Raises
    ------
    StructureError
        If a trajectory has no structure before it.
    """
    systems: list[tuple[Path, Path | None]] = []
    for path in paths:
        if path.suffix.lower() not in TRAJECTORIES:
            systems.append((path, None))
        elif systems and systems[-1][1] is None:
            systems[-1] = systems[-1][0], path
        else:
            raise StructureError(
                f"{path}: a trajectory stands behind the structure that names its particles",
                f"Name that structure first, as in: structure.gro {path.name}",
            )
    return systems


def read_each(
    files: list[Path],
    selection: str,
    faulty: list[tuple[str, str]],
    doing: str = "evaluating",
    renames: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Atoms]]:
    """Read atomistic structures one after another, under a progress bar.

    Names and reasons of those that cannot be read are appended to `faulty`.
    """
    from herobm.io import read_atoms
    from herobm.system import rename_residues

    for path in track(files, doing):
        try:
            atoms = read_atoms(path, selection)
        except StructureError as error:
            faulty.append((path.name, error.message))
        else:
            yield path.name, rename_residues(atoms, dict(renames or {}), str(path))
