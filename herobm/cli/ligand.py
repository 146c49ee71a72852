"""``herobm train --ligand``: from a mapping file to weights for its molecule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from herobm.cli.options import limit_threads, open_registry
from herobm.cli.progress import counting, track

if TYPE_CHECKING:
    from herobm.dsl.model import MappingSet
    from herobm.plan import Library
    from herobm.plugins.registry import Registry
    from herobm.system import Topology
    from herobm.train.snapshots import Snapshots, Split

#: Options that only sampling listens to.
OF_SAMPLING = ("--conformers", "--temperature")


def train_from(
    context: typer.Context,
    ligand: Path,
    given: dict[str, Any],
    threads: int,
    overwrite: bool,
) -> None:
    """Sample or read a molecule, train a network for it, and print how good it is.

    Parameters
    ----------
    context : typer.Context
    ligand : Path
        Mapping file.
    given : dict
        Options that were given, by their names.
    threads : int
    overwrite : bool
    """
    from dataclasses import replace

    from herobm.cli.structures import check_outputs, check_weights_name
    from herobm.cli.train import training_bar
    from herobm.plan import compile_library
    from herobm.train.ligand import LigandSettings, only_mapping, train_ligand
    from herobm.train.snapshots import require_hands, split

    _check(given)
    shares = parse_split(given.get("--split", "0.8,0.1,0.1"))
    output = given.get("--output", ligand.with_suffix(".safetensors"))
    read = [ligand, *(given[k] for k in ("--structure", "--trajectory") if k in given)]
    check_weights_name(output)
    check_outputs([output], read, overwrite)
    limit_threads(threads)
    registry = open_registry(context)
    mappings = registry.mapping(ligand)
    only_mapping(mappings)
    library = compile_library(mappings)
    if "--structure" in given:
        snapshots, about = _read(given, library)
        require_hands(snapshots, library, about["source"])
        parts = split(snapshots, shares, about["source"])
        if "--snapshots" in given:
            sampled, about["sampled too"] = _sample(given, mappings)
            parts = replace(parts, train=parts.train.joined(sampled))
    else:
        snapshots, about = _sample(given, mappings)
        parts = split(snapshots, shares, about["source"])
    settings = LigandSettings(
        **{k: given[f"--{k}"] for k in ("steps", "noise", "seed") if f"--{k}" in given},
        threads=threads,
    )
    with training_bar() as report:
        train_ligand(mappings, parts, output, settings, about, report)
    typer.echo(_measured(output, parts, library, registry, threads))
    typer.echo(f"{output}: weights, ready for herobm backmap --mapping {ligand} --model {output}")


def _check(given: dict[str, Any]) -> None:
    """Refuse options that contradict each other."""
    idle = [name for name in OF_SAMPLING if name in given]
    if "--structure" in given and "--snapshots" not in given and idle:
        raise typer.BadParameter(f"{idle[0]} is for sampling; with --structure, add --snapshots")
    if "--trajectory" in given and "--structure" not in given:
        raise typer.BadParameter("--trajectory needs --structure, which names its atoms")
    if "--selection" in given and "--structure" not in given:
        raise typer.BadParameter("--selection needs --structure, whose atoms it chooses")


def parse_split(text: str) -> tuple[float, float, float]:
    """Read ``TRAIN,VALID,TEST``, shares or counts, as shares that add up to 1.

    Raises
    ------
    HerobmError
        If these are not three positive numbers.
    """
    from herobm.errors import HerobmError

    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) != 3 or not all(0 < part < math.inf for part in parts):
        raise HerobmError(f"--split {text}: write three positive numbers, e.g. --split 0.8,0.1,0.1")
    total = sum(parts)
    return parts[0] / total, parts[1] / total, parts[2] / total


def _sample(given: dict[str, Any], mappings: MappingSet) -> tuple[Snapshots, dict[str, Any]]:
    from dataclasses import asdict

    from herobm.chem.conformers.langevin import Sampling, sample_ensemble
    from herobm.train.ligand import only_mapping
    from herobm.train.snapshots import Snapshots

    names = {
        "--snapshots": "n_frames",
        "--conformers": "n_starts",
        "--temperature": "temperature",
        "--seed": "seed",
    }
    sampling = Sampling(**{names[key]: given[key] for key in names if key in given})
    with counting("sampling", sampling.n_frames) as advance:
        found = sample_ensemble(only_mapping(mappings), sampling, lambda _: advance())
    typer.echo(
        f"{len(found.positions)} snapshots from {found.n_starts} conformers, "
        f"{found.forcefield} at {sampling.temperature:g} K",
        err=True,
    )
    about = {"source": "sampling", "forcefield": found.forcefield, **asdict(sampling)}
    return Snapshots.sampled(found), about


def _read(given: dict[str, Any], library: Library) -> tuple[Snapshots, dict[str, Any]]:
    from herobm.io import open_trajectory, read_atoms
    from herobm.train.snapshots import gather

    structure, trajectory = given["--structure"], given.get("--trajectory")
    selection = given.get("--selection", "all")
    atoms = read_atoms(structure, selection)
    source = str(trajectory or structure)
    about = {"source": source}
    if trajectory is None:
        return gather(atoms, [(atoms.positions, atoms.box)], library, source), about
    with open_trajectory(structure, trajectory, selection) as opened:
        frames = ((f.positions, f.box) for f in track(opened, "reading"))
        return gather(atoms, frames, library, source), about


def _measured(
    weights: Path, parts: Split, library: Library, registry: Registry, threads: int
) -> str:
    """Rebuild the snapshots held out, and tell how well they come back."""
    from herobm.assembly.models import open_model
    from herobm.cli.evaluate import table
    from herobm.evaluation.run import evaluate
    from herobm.pipeline import Rebuilder

    model = open_model(str(weights), registry, "cpu")
    shown = track(list(parts.test.structures()), "evaluating")
    ready: list[Rebuilder] = []  # one for all, which are snapshots of one topology

    def rebuilder(topology: Topology) -> Rebuilder:
        if not ready:
            ready.append(Rebuilder(topology, [model], "cpu", steps=()))
        return ready[0]

    found = evaluate(shown, library, rebuilder, bonds=dict(model.bonds))
    for _, reason in found.set_aside:
        typer.echo(f"warning: left out: {reason}", err=True)
    figures = table(found, len(found.set_aside), "cpu", threads)
    return f"held out, not seen in training:\n{figures}"
