"""Runs that a benchmark trains once, and reads when it is called again."""

from __future__ import annotations

import sys

from herobm.errors import ConfigError
from herobm.train.config import TrainConfig
from herobm.train.loop import Progress, train
from herobm.weights.file import Weights, load_weights


def trained(config: TrainConfig) -> Weights:
    """Train, go on with what was stopped, or read what an earlier call has trained.

    Raises
    ------
    ConfigError
        If the weights in the output folder are of another configuration.
    """
    path = config.output / "weights.safetensors"
    if not path.is_file():
        train(config, report=_tell)
    weights = load_weights(path)
    asked, was = config.model_dump(mode="json"), weights.header.training["config"]
    if any(asked[key] != value for key, value in was.items()):
        raise ConfigError(f"{path} is of another configuration", "Name another --folder.")
    return weights


def _tell(now: Progress) -> None:
    """Print how far a run is, beside the table."""
    if now.step % 200 == 0:
        figures = "  ".join(f"{key} {value:.3f}" for key, value in now.figures.items())
        print(f"{now.step}/{now.n_steps} steps, {now.seconds:.0f} s  {figures}", file=sys.stderr)
