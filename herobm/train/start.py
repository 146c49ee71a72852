"""How a run begins: anew, with weights that were trained before, or from its checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch

from herobm.errors import ConfigError
from herobm.nn.config import ModelConfig
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

    They may be those of a network that looks less often, see `_can_begin`.
    """
    known = load_weights(path)
    if known.others:
        raise ConfigError(
            f"{path}: is a committee of {len(known.networks)} networks, and a run goes on from one",
            "Name the weights of one of them in 'initial'.",
        )
    theirs, mine = known.header.model, network.config
    if not _can_begin(mine, theirs) or known.header.vocabulary != vocabulary:
        raise ConfigError(
            f"{path}: is of another network or another mapping than this run",
            "Name weights with the same 'model' in 'initial', or leave it out.",
        )
    given = dict(known.network.named_parameters())
    if (theirs.second, theirs.rounds is None) != (mine.second, mine.rounds is None):
        del given["error.weight"]  # judges by what the last look saw
    if theirs.rounds is not None and mine.rounds is not None:
        last = f"rounds.rounds.{theirs.rounds.count - 1}."
        beyond = {name: t for name, t in given.items() if name.startswith(last)}
        for number in range(theirs.rounds.count, mine.rounds.count):
            this = f"rounds.rounds.{number}."
            given |= {this + name.removeprefix(last): t for name, t in beyond.items()}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in given:
                parameter.copy_(given[name])


def _can_begin(mine: ModelConfig, theirs: ModelConfig) -> bool:
    """Whether a network can begin with the weights of another.

    That one may have no rounds of messages, and no second look; its second look may look less
    often; and it may pass fewer rounds, with fewer of them that see contacts: those beyond begin as
    its last one, which sees what they see.
    """
    known = theirs
    if known.second is not None and mine.second is not None:
        again = known.second.model_copy(update={"times": mine.second.times})
        known = known.model_copy(update={"second": again})
    if known.rounds is not None and mine.rounds is not None:
        more = mine.rounds.count - known.rounds.count
        if more > 0 and known.rounds.contacts:
            grown = {"count": mine.rounds.count, "contacts": known.rounds.contacts + more}
            rounds = known.rounds.model_copy(update=grown)
            known = known.model_copy(update={"rounds": rounds})
    fewer: list[dict[str, None]] = [{}, {"rounds": None}, {"rounds": None, "second": None}]
    return known in [mine.model_copy(update=update) for update in fewer]
