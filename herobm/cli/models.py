"""``herobm models``: which models are installed, and what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herobm.cli.options import Threads, limit_threads, open_registry
from herobm.cli.structures import (
    Overwrite,
    check_outputs,
    check_weights_name,
    make_folder,
    read_each,
)
from herobm.cli.tables import print_table

if TYPE_CHECKING:
    from herobm.plugins.records import ModelSpec
    from herobm.plugins.registry import Registry
    from herobm.weights.file import Header, Weights

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

#: Said of weights whose errors were not fitted yet.
UNTOLD = "what errors to expect is not told until 'herobm models calibrate' has judged them"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _models() -> None:
    """See which models are installed, and what they are."""


@app.command("list")
def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models of the installed plug-ins: name, mapping, kind, description."""
    registry = open_registry(context)
    specs = [registry.model(name) for name in registry.models()]
    if as_json:
        typer.echo(json.dumps([_summary(spec) for spec in specs], indent=2))
        return
    if not specs:
        typer.echo("no plug-in that is installed gives a model", err=True)
        return
    rows = [(s.name, _mapping(s), _kind(s), s.description) for s in specs]
    print_table(("NAME", "MAPPING", "KIND", "DESCRIPTION"), rows)


@app.command("info")
def info(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a model, or a weights file.")],
    as_json: AsJson = False,
) -> None:
    """Show what a model is: its mapping, its network, and what its weights say of themselves."""
    registry = open_registry(context)
    spec = registry.model(name)
    facts = _summary(spec)
    if spec.weights is not None:
        facts |= _facts_of_weights(spec, registry)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    if "training" in facts:
        runs = _runs(facts["training"])
        if len(runs) > 1:
            facts["mean_of"] = f"{len(runs)} runs; training tells of the last one"
        facts["training"] = {k: v for k, v in runs[-1].items() if k not in ("config", "others")}
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, dict):
            shown = ", ".join(f"{k} {v}" for k, v in _flat(value))
        typer.echo(f"{key.replace('_', ' '):<18} {shown if shown not in (None, '') else '-'}")


@app.command("join")
def join(
    weights: Annotated[list[Path], typer.Argument(help="Weights files of one mapping.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Weights file to write.")],
    small: Annotated[
        bool,
        typer.Option("--small", help="Keep numbers in 8 bits, which halves the file."),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Join networks to a committee, whose mean is used.

    Networks that were trained apart, with other seeds or settings, err in other places; their mean
    is nearer to the truth than each of them.
    """
    from herobm.weights.file import join_weights

    members = _several(weights, output, overwrite)
    _require_distinct(weights)
    join_weights(members, output, 8 if small else 16)
    n_networks = sum(len(member.networks) for member in members)
    untold = any(member.header.errors is None for member in members)
    told = f"{output}: a committee of {n_networks} networks"
    typer.echo(f"{told}; {UNTOLD}" if untold else told)


@app.command("split")
def split(
    weights: Annotated[Path, typer.Argument(help="Weights file that holds a committee.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Folder for NAME_1.safetensors and so on; made if need be."
        ),
    ],
    overwrite: Overwrite = False,
) -> None:
    """Take a committee apart, to go on training its networks, which join puts together again."""
    from herobm.errors import ModelError
    from herobm.weights.file import load_weights, split_weights

    committee = load_weights(weights)
    n_networks = len(committee.networks)
    if n_networks == 1:
        raise ModelError(f"{weights}: holds one network, and is no committee")
    make_folder(output)
    paths = [output / f"{weights.stem}_{n + 1}.safetensors" for n in range(n_networks)]
    check_outputs(paths, [weights], overwrite)
    split_weights(committee, paths)
    typer.echo(f"{', '.join(map(str, paths))}: the networks of {weights}; {UNTOLD}")


@app.command("shrink")
def shrink(
    weights: Annotated[Path, typer.Argument(help="Weights file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Weights file to write.")],
    overwrite: Overwrite = False,
) -> None:
    """Keep the numbers of weights in 8 bits, which halves the file.

    Atoms move by a few thousandths of an Å; what errors to expect is what it was.
    """
    from herobm.weights.file import load_weights, shrink_weights

    check_weights_name(output)
    check_outputs([output], [weights], overwrite)
    shrink_weights(load_weights(weights), output)
    before, after = (path.stat().st_size / 1e6 for path in (weights, output))
    typer.echo(f"{output}: {after:.1f} MB, {weights} has {before:.1f} MB")


@app.command("average")
def average(
    weights: Annotated[list[Path], typer.Argument(help="Weights files of one run.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Weights file to write.")],
    overwrite: Overwrite = False,
) -> None:
    """Average the parameters of networks that went on from each other, to one network.

    Ends of several cycles of training lie around what they are all near to; their mean costs no
    more than one of them. What errors to expect of it 'herobm models calibrate' says.
    """
    from herobm.weights.file import average_weights

    members = _several(weights, output, overwrite)
    _require_distinct(weights)
    average_weights(members, output)
    typer.echo(f"{output}: the mean of {len(members)} networks; {UNTOLD}")


@app.command("calibrate")
def calibrate(
    context: typer.Context,
    weights: Annotated[Path, typer.Argument(help="Weights file; it is written anew.")],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Atomistic structures that it did not learn from, or folders of them.",
        ),
    ],
    mapping: Annotated[
        str | None,
        typer.Option(help="Mapping set, file or folder; that of the weights by default."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Take this many files, spread over all of them."),
    ] = None,
    threads: Threads = 1,
) -> None:
    """Fit the errors that are expected of a network's atoms to those that it makes.

    It is judged with noise on the beads and without. Training does so on its validation set; means,
    and networks of a committee that was taken apart, tell nothing until it is done, and a new
    committee tells what its networks would by themselves, which is too much.
    """
    from herobm.assembly.calibration import calibrate as run
    from herobm.io import check_writable
    from herobm.io.find import spread, structure_files
    from herobm.plan import compile_library
    from herobm.weights.expected import NOISES
    from herobm.weights.file import load_weights

    limit_threads(threads)
    trained_with = load_weights(weights).header.mapping
    check_writable(weights, overwrite=True)
    library = compile_library(open_registry(context).mapping(mapping or trained_with))
    faulty: list[tuple[str, str]] = []
    files = spread(structure_files(paths), limit)
    read = read_each(files, "all", faulty, "calibrating")
    try:
        expected, found = run(weights, library, read, faulty)
    finally:
        for _, reason in faulty:
            typer.echo(f"warning: left out: {reason}", err=True)
    typer.echo(
        f"{weights}: with bead noise of 0 to {max(NOISES)} Å errors of {found:.3f} Å were found, "
        f"and {expected:.3f} Å is expected there now"
    )


def _several(paths: list[Path], output: Path, overwrite: bool) -> list[Weights]:
    """Read weights files, two or more, of which another is to be made."""
    from herobm.weights.file import load_weights

    check_weights_name(output)
    check_outputs([output], paths, overwrite)
    if len(paths) < 2:
        raise typer.BadParameter("name two weights files or more", param_hint="WEIGHTS")
    return [load_weights(path) for path in paths]


def _require_distinct(paths: list[Path]) -> None:
    """Stop at weights that are named twice: their error would count as that of two.

    Raises
    ------
    ModelError
    """
    from herobm.errors import ModelError

    known: dict[bytes, Path] = {}
    for path in paths:
        data = path.read_bytes()
        if data in known:
            same = known[data] == path
            what = "is named twice" if same else f"holds the same as {known[data]}"
            raise ModelError(
                f"{path}: {what}, and a network errs no less beside itself",
                "Name weights that were trained apart, each once.",
            )
        known[data] = path


def _mapping(spec: ModelSpec) -> str:
    from herobm.plugins.records import ANY_MAPPING

    return "any with bonds" if spec.mapping == ANY_MAPPING else spec.mapping or "-"


def _kind(spec: ModelSpec) -> str:
    if spec.load is not None:
        return "of the plug-in's own"
    return "network" if spec.weights is not None else "without weights"


def _summary(spec: ModelSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "mapping": spec.mapping,
        "kind": _kind(spec),
        "weights": None if spec.weights is None else str(spec.weights),
        "description": spec.description,
        "default": spec.default,
    }


def _facts_of_weights(spec: ModelSpec, registry: Registry) -> dict[str, Any]:
    from herobm.weights.file import load_weights

    path = spec.weights
    assert path is not None
    weights = load_weights(path)
    header = weights.header
    return {
        "size": f"{path.stat().st_size / 1e6:.1f} MB",
        "networks": len(weights.networks),
        "parameters": sum(p.numel() for n in weights.networks for p in n.parameters()),
        "trained_with": header.mapping or None,
        "mapping_digest": header.mapping_digest,
        "expected_errors": "not told" if header.errors is None else "told",
        "residues": _residues(header, registry),
        "network": header.model.model_dump(),
        "training": header.training,
    }


def _residues(header: Header, registry: Registry) -> list[str]:
    """Names of the residues that weights know; where the mapping is not here, one for each kind.

    Residues that are rebuilt alike (ASP and ASH) are one kind.
    """
    from herobm.errors import HerobmError
    from herobm.plan import compile_library

    kinds = header.vocabulary
    try:
        library = compile_library(registry.mapping(header.mapping))
    except HerobmError:
        return sorted({entry.residue for entry in kinds.entries})
    return sorted({template.name for template in library if kinds.knows(template)})


def _runs(training: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is told of each run that weights are the mean of, the first one first."""
    members = training.get("mean_of")
    return [training] if members is None else [run for m in members for run in _runs(m)]


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return nested values in one level, names joined by dots."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        here = f"{prefix}{key}"
        found += _flat(value, f"{here}.") if isinstance(value, dict) else [(here, value)]
    return found
