"""What a run takes over from weights that were trained before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import torch

from herobm.errors import ConfigError
from herobm.nn.config import ModelConfig
from herobm.nn.model import Backmapper
from herobm.nn.slots import SLOTS, Parts, slotted
from herobm.train.config import TrainConfig
from herobm.weights.file import Weights, load_weights
from herobm.weights.vocabulary import Source, Vocabulary

Parameters = dict[str, torch.Tensor]


def read_kept(config: TrainConfig, vocabulary: Vocabulary) -> Weights | None:
    """Read the weights that a run keeps all of (`hold: all`); None where it keeps less.

    Parameters
    ----------
    config : TrainConfig
    vocabulary : Vocabulary
        Of the run.

    Raises
    ------
    ConfigError
        If they are a committee, or of another network or mapping than the run.
    """
    path = config.initial
    if config.hold != "all" or path is None:
        return None
    known = _one_network(path)
    if known.header.model.model_copy(update={"rotors": config.model.rotors}) != config.model:
        raise ConfigError(
            f"{path}: is of another network than this run, which keeps all of it ('hold: all')",
            "Write 'model' as these weights have it ('herobm models info'), and 'rotors' besides.",
        )
    if known.header.vocabulary != vocabulary:
        raise ConfigError(
            f"{path}: is of another mapping than this run, which keeps all of it ('hold: all')",
            "Name weights of this mapping in 'initial'.",
        )
    return known


def _one_network(path: Path) -> Weights:
    known = load_weights(path)
    if known.others:
        raise ConfigError(
            f"{path}: is a committee of {len(known.networks)} networks, and a run goes on from one",
            "Name the weights of one of them in 'initial'; 'herobm models split' takes it apart.",
        )
    return known


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
    known = _one_network(path)
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

    That one may see more or fewer neighbours, and tell shares of torsion angles or not; it may have
    no rounds of messages, and no second look; its second look may look more or less often, and is
    left behind where this one has none; and it may pass fewer rounds, with fewer of them that see
    contacts: those beyond begin as its last one, which sees what they see.
    """
    free = {"n_neighbours": mine.n_neighbours, "n_single": mine.n_single, "rotors": mine.rotors}
    known = theirs.model_copy(update=free)
    if known.rounds is None and mine.second is None:
        known = known.model_copy(update={"second": None})
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
    elsewhere = (theirs.second, theirs.rounds is None) != (mine.second, mine.rounds is None)
    if elsewhere:
        given = {name: t for name, t in given.items() if not name.startswith("errors.")}
    if elsewhere or theirs.rotors != mine.rotors:
        given = {name: t for name, t in given.items() if not name.startswith("rotors.")}
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
    vectors as those of the same atoms (what all types have in common, as that of most types); what
    is not there begins anew.

    Raises
    ------
    ConfigError
        If the two mappings share no bead.
    """
    shared = mine.sources(theirs)
    if not shared:
        raise ConfigError(
            f"{path}: is of another mapping than this run, and no bead of it has the name of one "
            "here, in a residue of the same name",
            "Name other weights in 'initial', or leave it out.",
        )
    overall = _commonest(shared, mine.n_slots)
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
        for (one, along), (other, _) in blocks:
            if not per_type:
                _take(one, other, along, overall)
                continue
            for here, there, slots, _ in shared:
                _take(one[here : here + 1], other[there : there + 1], along, slots)
            _take(one[mine.n_types :], other[theirs.n_types :], along, overall)  # of no bead at all
    return found


def _commonest(shared: Iterable[Source], n_slots: int) -> list[int]:
    """Return for each slot the one that most types take it from, -1 if there is none."""
    counts: list[Counter[int]] = [Counter() for _ in range(n_slots)]
    for source in shared:
        for slot, there in enumerate(source.slots[: source.n_used]):
            counts[slot].update([there] if there >= 0 else [])
    return [count.most_common(1)[0][0] if count else -1 for count in counts]


def _take(
    one: torch.Tensor, other: torch.Tensor, along: Collection[int], slots: Sequence[int]
) -> None:
    """Copy from another tensor what it has of the slots.

    Parameters
    ----------
    one, other : Tensor
        The same but for the length of dimensions; `one` is changed in place.
    along : collection of int
        Dimensions along which slots lie.
    slots : sequence of int
        Slot there for each slot here, -1 for none.
    """
    if not one.numel():
        return
    known = [(slot, source) for slot, source in enumerate(slots) if source >= 0]
    pairs = [
        known if dim in along else [(n, n) for n in range(min(sizes))]
        for dim, sizes in enumerate(zip(one.shape, other.shape, strict=True))
    ]
    here, there = (
        [torch.tensor([p[k] for p in line], dtype=torch.int64) for line in pairs] for k in (0, 1)
    )
    one[torch.meshgrid(*here, indexing="ij")] = other[torch.meshgrid(*there, indexing="ij")]


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
) -> list[tuple[torch.Tensor, tuple[int, ...]]]:
    """Return views of the parts of a parameter, and the dimensions along which slots lie."""
    if per_type == 2:
        return [(tensor.unflatten(0, (-1, n_slots)), (1,))]
    if parts is None:
        return [(tensor, ())]
    shapes = [tuple(n_slots if n == SLOTS else n for n in part) for part in parts]
    dim = min(1, tensor.dim() - 1)
    blocks = tensor.split([math.prod(shape) for shape in shapes], dim)
    return [
        (block.unflatten(dim, shape), tuple(dim + k for k, n in enumerate(part) if n == SLOTS))
        for block, shape, part in zip(blocks, shapes, parts, strict=True)
    ]
