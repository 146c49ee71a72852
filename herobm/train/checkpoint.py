"""Checkpoints of a run, written so that a kill at any time leaves one that is whole."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from herobm.errors import ConfigError, OutputError
from herobm.nn.model import Backmapper
from herobm.train.config import PATHS, PLACES, TrainConfig
from herobm.weights.file import LEFT_BEHIND

#: Keys of the configuration that may differ between two parts of one run.
_FREE = {*PLACES, "threads", "checkpoint_minutes"}


@dataclass
class State:
    """All that a checkpoint holds; `origin` tells what the run was given by digests.

    `step` counts batches, `taken` those of them that the optimiser made a step of. `best` is the
    average at the end of the epoch with the least loss on the validation set (what the
    run began with, before there is any), and `best_figures` what was found there.
    """

    network: Backmapper
    average: dict[str, torch.Tensor]
    optimiser: torch.optim.AdamW
    best: dict[str, torch.Tensor]
    origin: dict[str, str] = field(default_factory=dict)
    step: int = 0
    taken: int = 0
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    best_figures: dict[str, float] = field(default_factory=dict)

    def compare(self) -> None:
        """Keep the average if it is the best so far."""
        found = self.figures["valid_loss"]
        if math.isfinite(found) and found < self.best_figures.get("valid_loss", math.inf):
            self.best = {name: t.clone() for name, t in self.average.items()}
            self.best_figures = {**self.figures, "step": self.step}


def save_checkpoint(folder: Path, state: State, config: TrainConfig) -> None:
    """Write a checkpoint aside and rename it; five files, each as large as the network.

    Raises
    ------
    OutputError
        If the folder is full, or gone.
    """
    try:
        _save(folder, state, config)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{folder}: the checkpoint cannot be written ({reason})",
            "Make room; the same command goes on from the checkpoint before.",
        ) from None


def _save(folder: Path, state: State, config: TrainConfig) -> None:
    aside = folder / "checkpoint.part"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    named = dict(state.network.named_parameters())
    moments = {name: state.optimiser.state[p] for name, p in named.items()}
    parts = {
        "network": state.network.state_dict(),
        "average": state.average,
        "best": state.best,
        "first": {name: m["exp_avg"] for name, m in moments.items() if m},
        "second": {name: m["exp_avg_sq"] for name, m in moments.items() if "exp_avg_sq" in m},
    }
    for name, tensors in parts.items():
        kept = {k: t.detach().cpu().contiguous().clone() for k, t in tensors.items()}
        save_file(kept, aside / f"{name}.safetensors")
    about = {
        "step": state.step,
        "taken": state.taken,
        "seconds": state.seconds,
        "figures": state.figures,
        "best_figures": state.best_figures,
        "config": _identity(config),
        "origin": state.origin,
    }
    about["files"] = {name: _digest(aside / f"{name}.safetensors") for name in parts}
    (aside / "state.json").write_text(json.dumps(about))
    final = folder / "checkpoint"
    old = folder / "checkpoint.old"
    if final.exists():
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
    aside.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path, state: State, config: TrainConfig) -> None:
    """Put a run back where it was.

    Raises
    ------
    ConfigError
        If the checkpoint is damaged, or belongs to another configuration, other structures or
        another mapping.
    """
    about, parts = _read_checkpoint(folder)
    try:
        _put_back(folder, about, parts, state, config)
    except torch.OutOfMemoryError:
        raise  # nothing is wrong with the checkpoint
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from None


def _put_back(
    folder: Path,
    about: dict[str, Any],
    parts: dict[str, dict[str, torch.Tensor]],
    state: State,
    config: TrainConfig,
) -> None:
    if _filled(about["config"]) != json.loads(_identity(config)):
        raise ConfigError(
            f"{folder}: holds a run with another configuration",
            "Give the new run another 'output' folder, or remove this one.",
        )
    if LEFT_BEHIND in parts["network"]:
        raise ConfigError(
            f"{folder}: holds a run of an earlier version of herobm, which no later one can end",
            "End it with that version, or remove the folder to begin anew.",
        )
    given = about["origin"]
    other = [name for name in PATHS if given.get(name) != state.origin.get(name)]
    if other:
        raise ConfigError(
            f"{folder}: holds a run with another file under {', '.join(map(repr, other))}",
            "Give the new run another 'output' folder, or remove this one.",
        )
    state.network.load_state_dict(parts["network"])
    device = next(state.network.parameters()).device
    state.average = {k: t.to(device) for k, t in parts["average"].items()}
    state.best = {k: t.to(device) for k, t in parts["best"].items()}
    _restore(state, about["taken"], parts["first"], parts["second"])
    state.step, state.taken = int(about["step"]), int(about["taken"])
    state.seconds = float(about["seconds"])
    state.figures, state.best_figures = about["figures"], about["best_figures"]


def _restore(
    state: State, taken: int, first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]
) -> None:
    """Give the optimiser its moments; it knows itself on which device it wants what."""
    names = {p: name for name, p in state.network.named_parameters()}
    learning = [names[p] for group in state.optimiser.param_groups for p in group["params"]]
    held: dict[int, dict[str, torch.Tensor]] = {}
    for number, name in enumerate(learning):
        if name in first:
            held[number] = {"step": torch.tensor(float(taken)), "exp_avg": first[name]}
        if name in second:
            held[number]["exp_avg_sq"] = second[name]
    groups = state.optimiser.state_dict()["param_groups"]
    state.optimiser.load_state_dict({"state": held, "param_groups": groups})


def _read_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, torch.Tensor]]]:
    """Read state.json and the tensors of each of the five files."""
    names = ("network", "average", "best", "first", "second")
    try:
        about = json.loads((folder / "state.json").read_text())
        parts = {name: load_file(folder / f"{name}.safetensors") for name in names}
        known = about.get("files", {}) if isinstance(about, dict) else None
        if not isinstance(known, dict):
            raise _damaged(folder, "state.json is not what was written there")
        for name, digest in known.items():
            if _digest(folder / f"{name}.safetensors") != digest:
                raise _damaged(folder, f"{name}.safetensors is of another one, or changed")
    except (OSError, ValueError, SafetensorError) as error:
        raise _damaged(folder, str(error)) from None
    return about, parts


def _damaged(folder: Path, why: str) -> ConfigError:
    what = " ".join(why.split())
    return ConfigError(
        f"{folder}: the checkpoint is damaged ({what})",
        "Copy it again, or remove it to begin anew.",
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _identity(config: TrainConfig) -> str:
    """Give the configuration as text, without what may differ between two parts of one run."""
    return config.model_dump_json(exclude=_FREE)


def _filled(identity: str) -> dict[str, Any]:
    """Read a configuration; keys that it is older than are as they are by default."""
    given: dict[str, Any] = json.loads(identity)
    fields = {name: f for name, f in TrainConfig.model_fields.items() if name not in _FREE}
    return {name: f.default for name, f in fields.items() if not f.is_required()} | given
