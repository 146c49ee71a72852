"""``herobm backmap --samples``: different conformers for the same beads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from herobm.cli.frames import check_alike, choose_beside
from herobm.cli.progress import counting
from herobm.cli.structures import TRAJECTORIES
from herobm.errors import HerobmError, OutputError

if TYPE_CHECKING:
    from herobm.chem.judging.diversity import Ensemble
    from herobm.pipeline import Rebuilder, Result


def check_samples(output: Path, trajectory: Path | None, frames: slice) -> slice:
    """See to it that the output can hold samples; no frames are chosen for them.

    Raises
    ------
    OutputError
    typer.BadParameter
        If frames are chosen all the same.
    """
    from herobm.io import check_holds_models

    if trajectory is not None:
        raise OutputError(
            "--samples draws conformers of one structure, not of a trajectory (-f)",
            "Write the frames as structures, and draw samples of each.",
        )
    if frames != slice(None):
        raise typer.BadParameter("--begin, --end and --stride choose frames of a trajectory (-f)")
    if output.suffix.lower() not in TRAJECTORIES:
        check_holds_models(output)
    return slice(None)


def write_samples(
    prepared: Rebuilder, n: int, seed: int, output: Path, inputs: Iterable[Path], overwrite: bool
) -> None:
    """Draw samples and write them as models, or as frames with the first one beside them.

    Where a step fails on one of them, those drawn before it are written.

    Raises
    ------
    HerobmError
        If the files cannot hold them, or a step fails.
    """
    from herobm.chem.judging.diversity import Ensemble

    ensemble = Ensemble()
    failures: list[HerobmError] = []
    drawn = _draw(prepared, n, seed, ensemble, failures)
    where = f"atoms written to {output}"
    if output.suffix.lower() in TRAJECTORIES:
        beside = choose_beside(output, prepared.check_fits, inputs, overwrite, "sample")
        _as_frames(drawn, output, beside, overwrite)
        where += f", first sample to {beside}"
    else:
        _check_models_fit(prepared, output)
        _as_models(drawn, output, overwrite)
    typer.echo(f"{ensemble}\n{where}")
    for error in failures:
        number = len(ensemble.conformers) + 1
        raise HerobmError(f"sample {number} of {n}: {error.message}", error.hint) from error


def _check_models_fit(prepared: Rebuilder, output: Path) -> None:
    """See to it that a PDB file can hold the models; mmCIF, which could, takes only one here."""
    try:
        prepared.check_fits(output)
    except OutputError as error:
        raise OutputError(
            error.message,
            f"PDB has no column for that. Name the output {', '.join(TRAJECTORIES)}: the first "
            "sample then goes to an mmCIF file beside it.",
        ) from None


def _draw(
    prepared: Rebuilder, n: int, seed: int, ensemble: Ensemble, failures: list[HerobmError]
) -> Iterator[Result]:
    """Draw samples, count them, and see to it that all have the same atoms.

    After the first one an error ends them, and is put with the failures.
    """
    opening: Result | None = None
    with counting("samples", n) as advance:
        drawn = prepared.samples(prepared.topology.beads, n, seed)
        while True:
            try:
                result = next(drawn, None)
                if result is None:
                    return
                opening = opening or result
                check_alike(opening.atoms, result.atoms, "sample")
            except HerobmError as error:
                if opening is None:
                    raise
                failures.append(error)
                return
            ensemble.add(result.atoms, result.summary)
            yield result
            advance()


def _as_models(drawn: Iterator[Result], output: Path, overwrite: bool) -> None:
    from herobm.io import write_models

    results = list(drawn)
    models = [result.atoms for result in results]
    first = results[0]
    write_models(
        output,
        models,
        overwrite=overwrite,
        disulfides=first.disulfides,
        connections=first.connections,
    )


def _as_frames(drawn: Iterator[Result], output: Path, beside: Path, overwrite: bool) -> None:
    from herobm.io import TrajectoryWriter

    first = next(drawn)
    with TrajectoryWriter(output, len(first.atoms), overwrite) as written:
        written.write(first.atoms.positions, first.atoms.box)
        for number, result in enumerate(drawn, 1):
            written.write(result.atoms.positions, result.atoms.box, time=float(number))
    first.write(beside, overwrite=overwrite)
