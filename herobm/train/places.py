"""Files that a training run is given, and the folder that it writes to."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from herobm.errors import ConfigError, DatasetError, OutputError
from herobm.train.config import TrainConfig
from herobm.train.dataset import Dataset


def require_files(config: TrainConfig) -> None:
    """Stop at paths that lead nowhere, before anything is read."""
    named = [("train", config.train), ("valid", config.valid)]
    named += [("also", path) for path in config.also]
    for name, path in named:
        if not path.is_file():
            raise DatasetError(
                f"{path}: there is no such file, which '{name}' names",
                "Paths are relative to the configuration; make datasets with: herobm data build "
                "FOLDER --mapping martini3 -o NAME.safetensors",
            )
    for name, given in (("initial", config.initial), ("drift", config.drift)):
        if given is not None and not given.is_file():
            raise ConfigError(
                f"{given}: there is no such file, which '{name}' names",
                f"Paths are relative to the configuration; or leave '{name}' out.",
            )


def make_folder(path: Path, overwrite: bool) -> None:
    """Make the folder of a run, or stop where it holds the weights of another one."""
    goes_on = any((path / name).is_dir() for name in ("checkpoint", "checkpoint.old"))
    if (path / "weights.safetensors").exists() and not goes_on and not overwrite:
        raise OutputError(
            f"{path}: holds weights of another run, whose checkpoint is gone",
            "Name another 'output' in the configuration, or add --overwrite.",
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(path / "checkpoint.part", ignore_errors=True)  # of a run that was killed
        (path / "checkpoint.part").mkdir()
    except OSError as error:
        raise OutputError(
            f"{path}: the output folder cannot be made or written to ({error.strerror})",
            "Name another 'output' in the configuration.",
        ) from None
    (path / "checkpoint.part").rmdir()


def origin_of(config: TrainConfig, packs: Sequence[Dataset], held_out: Dataset) -> dict[str, str]:
    """Name by digests what a run is given: structures and what is rebuilt of them, and files."""
    files = {"drift": config.drift, "initial": config.initial}
    weighed = config.half_bfactor is not None
    names = [
        " ".join([p.digest, p.mappings.digest(), *([p.bfactor_digest] if weighed else [])])
        for p in packs
    ]
    return {
        "train": " ".join(names),
        "valid": held_out.digest,
        **{name: _digest(path) for name, path in files.items() if path is not None},
    }


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""  # what reads it says what is wrong
