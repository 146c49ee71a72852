"""How a run begins: anew, with weights that were trained before, or from its checkpoint."""

from __future__ import annotations

import torch

from herobm.nn.model import Backmapper
from herobm.train.checkpoint import State, load_checkpoint
from herobm.train.config import TrainConfig
from herobm.train.corpus import Statistics
from herobm.train.inherit import inherit
from herobm.train.optimiser import Muon
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
    if config.hold == "all":
        network.hold_all()
    elif config.holds:
        network.hold_looks()
    if config.initial is not None:
        inherit(network, config.initial, vocabulary, holds=config.holds)
    network.to(device)
    optimiser = _optimiser(network, config, fused=device == "cuda")
    average = {name: t.clone() for name, t in network.state_dict().items()}
    best = {name: t.clone() for name, t in average.items()}
    state = State(network, average, optimiser, best, origin)
    for name in ("checkpoint", "checkpoint.old"):  # the latter after a kill between two renames
        if (config.output / name).is_dir():
            load_checkpoint(config.output / name, state, config)
            break
    return state


def _optimiser(network: Backmapper, config: TrainConfig, *, fused: bool) -> torch.optim.AdamW:
    rate, decay = config.learning_rate, config.weight_decay
    if config.muon is not None:
        return Muon(network, rate, decay, config.muon, fused=fused)
    learning = [p for p in network.parameters() if p.requires_grad]
    return torch.optim.AdamW(learning, rate, weight_decay=decay, fused=fused)
