"""What a training run is told."""

from __future__ import annotations

import filecmp
import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    ValidationError,
    model_validator,
)

from herobm.errors import ConfigError
from herobm.nn.config import ModelConfig, RotorsConfig, RoundsConfig, SecondConfig
from herobm.train.derive import Derived

#: What of a configuration is a path.
PATHS = ("train", "valid", "output", "drift", "initial")
#: What of a configuration is left out where its identity is told.
PLACES = {*PATHS, "also"}
#: Weight of the shares of torsion angles where nothing but their own readout feels it.
ROTOR_WEIGHT = 0.1


class TrainConfig(BaseModel):
    """A training run.

    Attributes
    ----------
    train, valid : dataset files (see ``herobm data build``), relative to the config file.
    also : datasets of other mappings, for one network that serves them all; relative to the config
        file. The validation set is mapped by each.
    output : folder for checkpoint, log and weights, relative to the config file.
    epochs : passes over the training set; with the learning rate's schedule they fix the run.
    segment, batch : residues in a run and runs in a batch.
    residues : of the whole structures that make a batch, for a network with rounds of messages,
        which `segment` and `batch` say nothing about.
    learning_rate, warm_up, clip, weight_decay, ema : of the optimiser (AdamW, cosine schedule);
        warm-up in steps.
    muon : how many times as large as those of AdamW the steps are that Muon makes of the matrices
        of layers instead (see `herobm.train.optimiser`); all is left to AdamW where it is None.
    geometry : weights of bonds and angles at the start and at the end; ramped over `ramp` of the
        run, quadratically.
    torsion : weight of phi and psi.
    distance : weight, Å, of the distances of atoms from where they should be, beside their squares.
        Of an atom that is half of it off both pull alike; the distance pulls harder on those that
        are nearer, and leaves the others where they are likeliest rather than in the mean.
    shares : weight of the shares of torsion angles (`model.rotors`) in what all of the network
        learns, Å^2; with 0 their readout looks on, and nothing but itself learns from them.
    noise_share, noise : share of the structures with bead noise, and its largest width, Å a
        coordinate.
    drift, drift_share : statistics of real frames (``herobm data statistics --against``), and the
        share of the structures whose beads drift apart as those do; relative to the config file.
    half_strain : strain, Å, at which the error of an atom counts half; errors of noisy beads are
        large whatever is learnt and would drown the others. All count alike where it is None.
    half_bfactor : B-factor, Å^2, at which the error of an atom counts half, for the structure
        itself hardly knows where it is. All count alike where it is None.
    initial : weights to begin with, of the same network, or of its first look alone; relative to
        the config file. A second look needs them; one that this network does not take is left
        behind. Rounds of messages may be fewer there, with the last one seeing contacts: those
        beyond begin as it. Those of another mapping bring what beads of the same name have learnt
        (see `herobm.train.inherit`).
    hold : whether looks that `initial` brings stay as they were while what comes after them, a
        second look or rounds of messages, learns. If a first look does not stay, what it sketches
        is a part of the loss, and a second one sees neighbours as they were sketched at the
        beginning of the epoch. With ``all`` everything stays and only the shares of torsion angles
        (`model.rotors`) learn.
    derived : residue kinds cut from others.
    seed : of everything random, but for the chains that `derived` cuts.
    checkpoint_minutes : time between checkpoints.
    threads : of torch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    train: Path
    valid: Path
    also: tuple[Path, ...] = ()
    output: Path
    model: ModelConfig = ModelConfig()
    epochs: int = Field(default=20, ge=1)
    segment: int = Field(default=24, ge=2)
    batch: int = Field(default=40, ge=1)
    residues: int = Field(default=3000, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    warm_up: int = Field(default=100, ge=1)
    clip: float = Field(default=5.0, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    ema: float = Field(default=0.999, ge=0, lt=1)
    muon: float | None = Field(default=None, gt=0)
    geometry: tuple[NonNegativeFloat, NonNegativeFloat] = (0.1, 5.0)
    ramp: float = Field(default=0.8, gt=0, le=1)
    torsion: float = Field(default=0.05, ge=0)
    distance: float = Field(default=0.0, ge=0)
    shares: float = Field(default=0.0, ge=0)
    noise_share: float = Field(default=0.5, ge=0, le=1)
    noise: float = Field(default=0.45, ge=0)
    drift: Path | None = None
    drift_share: float = Field(default=0.15, ge=0, le=1)
    half_strain: float | None = Field(default=None, gt=0)
    half_bfactor: float | None = Field(default=None, gt=0)
    initial: Path | None = None
    hold: bool | Literal["all"] = True
    derived: tuple[Derived, ...] = ()
    seed: int = Field(default=0, ge=0, lt=2**32)
    checkpoint_minutes: float = Field(default=3.0, gt=0)
    threads: int = Field(default=1, ge=1, le=1024)

    @model_validator(mode="after")
    def _second_needs_first(self) -> Self:
        if self.model.second is not None and self.initial is None:
            raise ValueError("model.second needs 'initial', the weights of the first look")
        if self.hold == "all" and (self.model.rotors is None or self.initial is None):
            raise ValueError(
                "hold: all needs 'model.rotors', which alone learns, and 'initial', the weights of "
                "all that stays"
            )
        if self.shares and (self.model.rotors is None or self.hold == "all"):
            raise ValueError(
                "shares is what the network learns from the shares of torsion angles: it needs "
                "'model.rotors', and not hold: all, with which it learns nothing"
            )
        return self

    @property
    def rotor_weight(self) -> float:
        """Weight of the shares of torsion angles in the loss."""
        return self.shares or ROTOR_WEIGHT

    @property
    def holds(self) -> bool:
        """Whether there are looks that stay as they were."""
        again = self.model.second is not None or self.model.rounds is not None
        return bool(self.hold) and again and self.initial is not None

    def geometry_weight(self, progress: float) -> float:
        """Weight of bonds and angles at a share `progress` of the run."""
        low, high = self.geometry
        return low + (high - low) * min(progress / self.ramp, 1.0) ** 2


def read_config(path: Path) -> TrainConfig:
    """Read a configuration from a YAML or JSON file.

    Raises
    ------
    ConfigError
        If the file cannot be read, or naming each key at fault, with the nearest known one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"{path}: cannot be read as a configuration ({why})",
            "Name a YAML or JSON file; the documentation has examples.",
        ) from None
    if path.suffix == ".json":
        try:
            data = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, str(path)))
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}:{error.lineno}: is no JSON ({error.msg})") from None
        except RecursionError:
            raise ConfigError(f"{path}: is nested too deeply for a configuration") from None
        return parse_config(data, path)
    import yaml

    class Loader(yaml.SafeLoader):
        """As yaml.safe_load, but a key that is given twice is an error, as YAML 1.2 has it."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: list[tuple[str, Any]] = []
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    seen.append((key.value, key))
                _once(seen, f"{path}:{key.start_mark.line + 1}")
            return super().construct_mapping(node, deep)

    def as_text(loader: Loader, node: yaml.ScalarNode) -> str:
        return str(loader.construct_scalar(node))

    Loader.add_constructor("tag:yaml.org,2002:timestamp", as_text)  # a folder called as a day is
    try:
        data = yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError) as error:  # which a tag may raise of what it marks
        raise ConfigError(f"{path}: is no YAML ({error})") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply for a configuration") from None
    return parse_config(data, path)


def _once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    """Make a dict of pairs, none of whose keys may be given twice."""
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ConfigError(f"{where}: '{twice}' is given twice", "Keep one of the two.")
    return dict(pairs)


def parse_config(data: Any, path: Path) -> TrainConfig:
    """Check a configuration that was read from a file.

    Raises
    ------
    ConfigError
        Naming each key at fault, with the nearest known one.
    """
    if not isinstance(data, dict):
        raise ConfigError(
            f"{path}: a configuration is made of 'key: value' lines",
            "It needs 'train', 'valid' and 'output' at least; the documentation has examples.",
        )
    try:
        config = TrainConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path}:\n" + "\n".join(_explain(e) for e in error.errors())) from None
    folder = path.parent
    paths = {name: getattr(config, name) for name in PATHS}
    update: dict[str, Any] = {n: folder / path for n, path in paths.items() if path is not None}
    update["also"] = tuple(folder / p for p in config.also)
    _require_held_out(update, path)
    return config.model_copy(update=update)


def _require_held_out(paths: dict[str, Any], path: Path) -> None:
    """Stop at a validation set that is learnt from.

    Which epoch is best, and what errors are to be expected, would be judged by what is known.
    """
    learnt = (paths["train"], *paths["also"])
    if any(_same(paths["valid"], given) for given in learnt):
        raise ConfigError(
            f"{path}: 'valid' names a dataset that 'train' or 'also' does, and errors are to be "
            "expected by structures that were not learnt",
            "Pack some structures apart for it: herobm data build FOLDER -o valid.safetensors",
        )
    for number, given in enumerate(learnt):
        if any(_same(given, other) for other in learnt[:number]):
            raise ConfigError(
                f"{path}: 'also' names {given}, which is learnt already, and would count twice",
                "Leave it out.",
            )


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are of one file, or of files with the same bytes."""
    if one.resolve() == other.resolve():
        return True
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _explain(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        message = error["msg"].removeprefix("Value error, ")
        return f"  {key}: {message}" if key else f"  {message}"
    models: dict[str, type[BaseModel]] = {
        "": TrainConfig,
        "model.": ModelConfig,
        "model.second.": SecondConfig,
        "model.rounds.": RoundsConfig,
        "model.rotors.": RotorsConfig,
    }
    known = [prefix + name for prefix, model in models.items() for name in model.model_fields]
    near = get_close_matches(key, known, n=1)
    return f"  {key}: no such key" + (f"; did you mean {near[0]}?" if near else "")
