"""What a run takes over from weights that were trained before."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from herobm.errors import ConfigError
from herobm.nn.config import ModelConfig
from herobm.nn.model import Backmapper
from herobm.nn.slots import SLOTS, Parts, slotted
from herobm.weights.file import load_weights
from herobm.weights.vocabulary import Vocabulary

Parameters = dict[str, torch.Tensor]


def inherit(network: Backmapper, path: Path, vocabulary: Vocabulary, *, holds: bool) -> None:
    """Put the parameters of other weights, but not their statistics, into a network.

    These may be of a network that looks less often (see `_can_begin`), and of another mapping.

    Parameters
    ----------
    network : Backmapper
        Changed in place.
    path : Path
        The weights.
    vocabulary : Vocabulary
        Of the network.
    holds : bool
        Whether looks that the weights bring are going to stay as they are.

    Raises
    ------
    ConfigError
        If the weights are a committee, or of a network or mapping that says nothing to this one.
    """
    if not path.is_file():
        raise ConfigError(
            f"{path}: there is no such file, which 'initial' names",
            "Paths are relative to the configuration; or leave 'initial' out.",
        )
    known = load_weights(path)
    if known.others:
        raise ConfigError(
            f"{path}: is a committee of {len(known.networks)} networks, and a run goes on from one",
            "Name the weights of one of them in 'initial'.",
        )
    if not _can_begin(network.config, known.header.model):
        raise ConfigError(
            f"{path}: is of another network than this run",
            "Name weights with the same 'model' in 'initial', or leave it out.",
        )
    given = _as_many_rounds(network, known.network)
    theirs = known.header.vocabulary
    if theirs != vocabulary:
        if holds and not vocabulary.within(theirs):
            raise ConfigError(
                f"{path}: is of another mapping than this run, whose beads it has never seen",
                "Let what it brings learn on: 'hold: false'.",
            )
        given = _for_other_beads(network, given, vocabulary, theirs, path)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in given:
                parameter.copy_(given[name])


def _can_begin(mine: ModelConfig, theirs: ModelConfig) -> bool:
    """Whether a network can begin with the weights of another.

    That one may see more or fewer neighbours; it may have no rounds of messages, and no second
    look; its second look may look more or less often; and it may pass fewer rounds, with fewer of
    them that see contacts: those beyond begin as its last one, which sees what they see.
    """
    sight = {"n_neighbours": mine.n_neighbours, "n_single": mine.n_single}
    known = theirs.model_copy(update=sight)
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


def _as_many_rounds(network: Backmapper, known: Backmapper) -> Parameters:
    """Return the parameters of a network for one that may look more often."""
    mine, theirs = network.config, known.config
    given: Parameters = dict(known.named_parameters())
    if (theirs.second, theirs.rounds is None) != (mine.second, mine.rounds is None):
        del given["error.weight"]  # judges by what the last look saw
    if theirs.rounds is not None and mine.rounds is not None:
        last = f"rounds.rounds.{theirs.rounds.count - 1}."
        beyond = {name: t for name, t in given.items() if name.startswith(last)}
        for number in range(theirs.rounds.count, mine.rounds.count):
            this = f"rounds.rounds.{number}."
            given |= {this + name.removeprefix(last): t for name, t in beyond.items()}
    return given


def _for_other_beads(
    network: Backmapper, given: Parameters, mine: Vocabulary, theirs: Vocabulary, path: Path
) -> Parameters:
    """Return what was learnt with one mapping for the beads of another.

    A bead begins as the one of its residue kind, or of its name in the residue of its name, and its
    vectors as those in the same slots; what is not there begins anew.

    Raises
    ------
    ConfigError
        If the two mappings share no bead.
    """
    shared = mine.shared(theirs)
    if not shared:
        raise ConfigError(
            f"{path}: is of another mapping than this run, and no bead of it has the name of one "
            "here, in a residue of the same name",
            "Name other weights in 'initial', or leave it out.",
        )
    here, there = torch.tensor(shared).T
    found = {}
    for name, (per_type, parts) in _layout(network).items():
        if name not in given:
            continue
        found[name] = network.get_parameter(name).detach().clone()
        blocks = zip(
            _blocks(found[name], mine.n_slots, per_type, parts),
            _blocks(given[name].detach(), theirs.n_slots, per_type, parts),
            strict=True,
        )
        for one, other in blocks:
            sizes = zip(one.shape[1:], other.shape[1:], strict=True)
            both = tuple(slice(min(size)) for size in sizes)
            one, other = one[:, *both], other[:, *both]
            if per_type:
                one[here] = other[there]
                one[mine.n_types :] = other[theirs.n_types :]  # of no bead at all
            else:
                one[: len(other)] = other[: len(one)]
    return found


def _layout(network: Backmapper) -> dict[str, tuple[int, Parts | None]]:
    """Tell of each parameter how its rows belong to types of beads, and its columns to slots.

    Returns
    -------
    dict
        Name -> 0 if it is the same for all types, 1 if each has a row, 2 if it has a row for each
        slot; and the parts of the columns (see `herobm.nn.slots`), None where they have no slots.
    """
    with torch.device("meta"):  # what grows with the number of types?
        few, more = (dict(Backmapper(network.config, n, 2).named_parameters()) for n in (1, 2))
    parts = slotted(network.config)
    return {name: (len(more[name]) - len(t), parts.get(name)) for name, t in few.items()}


def _blocks(
    tensor: torch.Tensor, n_slots: int, per_type: int, parts: Parts | None
) -> list[torch.Tensor]:
    """Return views of the parts of a parameter, slots along dimensions of their own."""
    if per_type == 2:
        return [tensor.unflatten(0, (-1, n_slots))]
    if parts is None:
        return [tensor]
    shapes = [tuple(n_slots if n == SLOTS else n for n in part) for part in parts]
    dim = min(1, tensor.dim() - 1)
    blocks = tensor.split([math.prod(shape) for shape in shapes], dim)
    return [t.unflatten(dim, shape) for t, shape in zip(blocks, shapes, strict=True)]
