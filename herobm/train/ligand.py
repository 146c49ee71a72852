"""A network for one small molecule, from snapshots of it.

The snapshots are packed as datasets, one structure each, and go through the same training as any
other structures; the settings are those of a small network that sees few structures often.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from herobm.aside import write_bytes
from herobm.assembly.calibration import calibrate
from herobm.dsl.model import Mapping, MappingSet
from herobm.errors import DslCheckError, StructureError
from herobm.io.find import spread
from herobm.nn.config import ModelConfig
from herobm.plan import compile_library
from herobm.plan.context import SAME
from herobm.train.config import TrainConfig
from herobm.train.dataset import write_dataset
from herobm.train.loop import Progress, Report, train
from herobm.train.snapshots import Snapshots, Split
from herobm.types import Atoms
from herobm.weights.file import Weights, join_weights, load_weights

#: Steps between two validations.
EPOCH_STEPS = 100
#: Snapshots of the validation part that expected errors are fitted to.
MOST_JUDGED = 100
#: Residues in a run, the fewest that a configuration allows; a molecule is a run of its own.
SEGMENT = 2
NETWORK = ModelConfig(n_neighbours=16, hidden=128, readout=64, n_channels=16, type_width=4)


@dataclass(frozen=True)
class LigandSettings:
    """What may be chosen about the training of a molecule.

    Attributes
    ----------
    steps : int
        Of the optimiser, for each network; with the schedule of the learning rate they fix the run.
    networks : int
        That are trained apart, each with the next seed, and make a committee.
    batch : int
        Snapshots in a step.
    learning_rate : float
    geometry : tuple of float
        Weights of bonds and angles at the start and at the end.
    noise : float
        Å; half of the snapshots get bead noise of a width up to this, none if 0.
    seed : int
    threads : int
        Of torch.
    """

    steps: int = 4000
    networks: int = 2
    batch: int = 32
    learning_rate: float = 5e-3
    geometry: tuple[float, float] = (0.1, 1.0)
    noise: float = 0.0
    seed: int = 0
    threads: int = 1


def only_mapping(mappings: MappingSet) -> Mapping:
    """Return the mapping of a set that holds one molecule.

    Raises
    ------
    DslCheckError
        If it holds several.
    """
    if len(mappings.mappings) != 1:
        names = ", ".join(m.name for m in mappings.mappings)
        raise DslCheckError(
            f"'{mappings.name}' maps {len(mappings.mappings)} molecules ({names}), and a network "
            "for a ligand is trained on one",
            "Name the mapping file of the ligand alone.",
        )
    return mappings.mappings[0]


def train_ligand(
    mappings: MappingSet,
    parts: Split,
    output: Path,
    settings: LigandSettings,
    about: dict[str, Any],
    report: Report = lambda _: None,
) -> None:
    """Train a network for one molecule on the CPU and write its weights.

    The errors to be expected are fitted to what all its networks together make of the validation
    part.

    Parameters
    ----------
    mappings : MappingSet
        With the mapping of the molecule.
    parts : Split
        Snapshots to train and to validate with; those to test with are not touched.
    output : Path
        Weights file; written aside and renamed.
    settings : LigandSettings
    about : dict
        What the header of the weights tells about the snapshots.
    report : callable
        See `herobm.train.loop.train`.
    """
    with TemporaryDirectory(prefix="herobm-") as name:
        folder = Path(name)
        config = _config(folder, len(parts.train), settings)
        copies = _copies(len(parts.train), settings)
        write_dataset(config.train, _repeated(parts.train, copies), mappings)
        write_dataset(config.valid, parts.valid.structures(), mappings)
        trained = []
        for number in range(settings.networks):
            changes = {"seed": settings.seed + number, "output": folder / f"run{number}"}
            one = config.model_copy(update=changes)
            path = train(one, report=_among(report, number, settings.networks))
            assert path is not None  # the run has no time limit
            told = {**about, "settings": asdict(settings), "train": len(parts.train)}
            trained.append(_alone(load_weights(path), told))
        whole = folder / "whole.safetensors"
        join_weights(trained, whole)
        with suppress(StructureError):  # all beads are one atom each: nothing is asked of them
            judged = spread(list(parts.valid.structures()), MOST_JUDGED)
            calibrate(whole, compile_library(mappings), judged)
        write_bytes(output, whole.read_bytes())


def _among(report: Report, number: int, count: int) -> Report:
    """Report the progress of one run as that of several in turn."""

    def told(now: Progress) -> None:
        done = number * now.n_steps + now.step
        report(Progress(done, count * now.n_steps, now.seconds, now.figures))

    return told


def _repeated(snapshots: Snapshots, copies: int) -> Iterator[tuple[str, Atoms]]:
    """Let an epoch have many steps though the snapshots are few."""
    for copy in range(copies):
        for name, atoms in snapshots.structures():
            yield f"{name} {copy}", atoms


def _copies(n_frames: int, settings: LigandSettings) -> int:
    """How often snapshots are passed in an epoch."""
    steps = min(EPOCH_STEPS, settings.steps)
    return math.ceil(steps * settings.batch * SEGMENT / n_frames)


def _config(folder: Path, n_frames: int, settings: LigandSettings) -> TrainConfig:
    residues = n_frames * _copies(n_frames, settings)
    epoch = max(residues // (SEGMENT * settings.batch), 1)
    return TrainConfig(
        train=folder / "train.safetensors",
        valid=folder / "valid.safetensors",
        output=folder / "run",
        model=NETWORK,
        epochs=max(round(settings.steps / epoch), 1),
        segment=SEGMENT,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        geometry=settings.geometry,
        torsion=0.0,
        noise_share=0.5 if settings.noise else 0.0,
        noise=settings.noise,
        seed=settings.seed,
        checkpoint_minutes=60.0,
        threads=settings.threads,
    )


def _alone(weights: Weights, ligand: dict[str, Any]) -> Weights:
    """Make a network blind to other molecules.

    The molecule was alone in training. What a neighbour of another relation than the same
    residue would add to the density was never trained, and is set to nothing.
    """
    with torch.no_grad():
        relation = weights.network.density.relation.weight
        relation[torch.arange(len(relation)) != SAME] = 0.0
    training = {**weights.header.training, "ligand": ligand}
    return replace(weights, header=weights.header.model_copy(update={"training": training}))
