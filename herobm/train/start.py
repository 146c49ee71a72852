"""How a run begins: anew, with weights that were trained before, or from its checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch

from herobm.errors import ConfigError
from herobm.nn.model import Backmapper
from herobm.train.checkpoint import State, load_checkpoint
from herobm.train.config import TrainConfig
from herobm.train.corpus import Statistics
from herobm.weights.file import load_weights
from herobm.weights.vocabulary import Vocabulary


def start(
    config: TrainConfig,
    vocabulary: Vocabulary,
    statistics: Statistics,
    ancestry: torch.Tensor,
    device: str,
    origin: dict[str, str],
) -> State:
    """Make the network of a run, or put it back where a checkpoint left it.

    Parameters
    ----------
    config : TrainConfig
    vocabulary : Vocabulary
    statistics : Statistics
        Of the structures to learn from.
    ancestry : Tensor, shape (n_types, n_slots, n_slots)
        See `Vocabulary.ancestry`.
    device : str
    origin : dict
        What the run is given, see `State`.

    Raises
    ------
    ConfigError
        If `initial` or a checkpoint is of another network, mapping, dataset or configuration.
    """
    torch.manual_seed(config.seed)
    network = Backmapper(config.model, vocabulary.n_types, vocabulary.n_slots)
    network.typical.copy_(statistics.typical)
    network.longest.copy_(statistics.longest)
    network.strain.usual.copy_(statistics.usual)
    network.strain.spread.copy_(statistics.spread)
    if network.second is not None:
        network.second.ancestry.copy_(ancestry)
    if network.rounds is not None:
        network.rounds.ancestry.copy_(ancestry)
    if config.holds:
        network.hold_looks()
    if config.initial is not None:
        _begin_with(network, config.initial, vocabulary)
    network.to(device)
    learning = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        learning, config.learning_rate, weight_decay=config.weight_decay, fused=device == "cuda"
    )
    average = {name: t.clone() for name, t in network.state_dict().items()}
    best = {name: t.clone() for name, t in average.items()}
    state = State(network, average, optimiser, best, origin)
    for name in ("checkpoint", "checkpoint.old"):  # the latter after a kill between two renames
        if (config.output / name).is_dir():
            load_checkpoint(config.output / name, state, config)
            break
    return state


def _begin_with(network: Backmapper, path: Path, vocabulary: Vocabulary) -> None:
    """Take the parameters, but not the statistics, of weights that were trained before.

    They may be those of a network that looks once, where this one looks again.
    """
    known = load_weights(path)
    if known.others:
        raise ConfigError(
            f"{path}: is a committee of {len(known.networks)} networks, and a run goes on from one",
            "Name the weights of one of them in 'initial'.",
        )
    config, mine = known.header.model, network.config
    fewer: list[dict[str, None]] = [{}, {"rounds": None}, {"rounds": None, "second": None}]
    once = [mine.model_copy(update=update) for update in fewer]
    if config.second is not None and mine.second is not None:  # may have looked less often
        again = config.second.model_copy(update={"times": mine.second.times})
        config = config.model_copy(update={"second": again})
    if config not in once or known.header.vocabulary != vocabulary:
        raise ConfigError(
            f"{path}: is of another network or another mapping than this run",
            "Name weights with the same 'model' in 'initial', or leave it out.",
        )
    given = dict(known.network.named_parameters())
    if config != mine:
        del given["error.weight"]  # judges by what the first look saw
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in given:
                parameter.copy_(given[name])
