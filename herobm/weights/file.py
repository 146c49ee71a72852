"""Read and write weights files: safetensors and a JSON header, never pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from herobm.aside import write_bytes
from herobm.errors import WeightsFormatError, WeightsNotFoundError
from herobm.nn.config import ModelConfig
from herobm.nn.model import Backmapper
from herobm.weights.expected import ErrorFit
from herobm.weights.packing import pack, unpack
from herobm.weights.vocabulary import Vocabulary

FORMAT = "herobm-weights-3"
#: The format before, whose networks learnt what errors to expect on what they knew by heart, by a
#: readout of its own: it is left behind, and what to expect of them is not told.
BEFORE, LEFT_BEHIND = "herobm-weights-2", "error.weight"
#: What to do about a file that is no weights file.
WHENCE = (
    "Weights are written by 'herobm train' and come with plug-ins ('herobm plugins list'); copy or "
    "train them again."
)


class Header(BaseModel):
    """What a weights file says about itself.

    Attributes
    ----------
    model : shape of the network.
    others : shapes of the other networks of a committee.
    mapping : name of the mapping set, for messages.
    mapping_digest : SHA-256 over what the set rebuilds.
    bits : in how many the numbers are kept, see `herobm.weights.packing`.
    vocabulary : residue kinds and their beads; what really decides whether a mapping fits.
    bonds : kind of bond -> mean and standard deviation in Å, from the training structures.
    errors : how the squared errors to expect follow from those that the networks expect; None
        where they were never fitted.
    training : the configuration, the digest of the data and the figures of the run; of the other
        networks of a committee under ``others``; of networks that were averaged, all under
        ``mean_of``, for no run has come to the figures of a mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = FORMAT
    model: ModelConfig
    others: tuple[ModelConfig, ...] = ()
    mapping: str
    mapping_digest: str
    bits: Literal[8, 16] = 16
    vocabulary: Vocabulary
    bonds: dict[str, tuple[float, float]] = {}
    errors: ErrorFit | None = None
    training: dict[str, Any] = {}


@dataclass(frozen=True, eq=False)
class Weights:
    """A network ready to be used, and what its file says about it.

    Attributes
    ----------
    network : Backmapper
    header : Header
    path : Path
    others : tuple of Backmapper
        The other networks, where the file holds a committee, whose members are asked all and
        whose mean counts.
    """

    network: Backmapper
    header: Header
    path: Path
    others: tuple[Backmapper, ...] = ()

    @property
    def networks(self) -> tuple[Backmapper, ...]:
        """All of them."""
        return self.network, *self.others


def save_weights(path: Path, tensors: dict[str, torch.Tensor], header: Header) -> None:
    """Write a weights file, aside and then renamed.

    Numbers are kept in half precision, which changes atoms by some 0.001 Å, or as `Header.bits`
    says.

    Parameters
    ----------
    path : Path
    tensors : dict
        ``state_dict`` of a `Backmapper`; of a committee, see `join_weights`.
    header : Header

    Raises
    ------
    OutputError
    """
    metadata = {"herobm": header.model_dump_json()}
    write_bytes(path, save(pack(tensors, header.bits), metadata))


def load_weights(path: Path, device: str | torch.device = "cpu") -> Weights:
    """Read a weights file.

    Raises
    ------
    WeightsNotFoundError
        If there is no such file.
    WeightsFormatError
        If it is no weights file of herobm, of a later format, or damaged.
    """
    if not path.is_file():
        raise WeightsNotFoundError(
            f"{path}: no such weights file",
            "'herobm plugins list' shows the models that are installed.",
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = unpack({key: file.get_tensor(key) for key in file.keys()})
    except (OSError, SafetensorError) as error:
        raise WeightsFormatError(
            f"{path}: cannot be read as weights: no safetensors file, or cut short ({error})",
            WHENCE,
        ) from None
    except ValueError as error:
        raise WeightsFormatError(f"{path}: is damaged: {error}", WHENCE) from None
    ruined = sorted(name for name, t in tensors.items() if not torch.isfinite(t).all())
    if ruined:
        raise WeightsFormatError(
            f"{path}: holds numbers that are not finite ({', '.join(ruined[:3])}), so the file is "
            "damaged or its training went astray",
            WHENCE,
        )
    header = _header(path, metadata)
    network, *others = (
        _network(path, config, header, _part(tensors, number)).to(device)
        for number, config in enumerate((header.model, *header.others))
    )
    return Weights(network, header, path, tuple(others))


def join_weights(members: Sequence[Weights], path: Path, bits: Literal[8, 16] = 16) -> None:
    """Write a committee: one file with all networks of several.

    Parameters
    ----------
    members : sequence of Weights
        Of one mapping.
    path : Path
    bits : int
        In which the numbers are kept, see `herobm.weights.packing`.

    Raises
    ------
    WeightsFormatError
        If they are of different mappings.
    """
    first = members[0].header
    for member in members[1:]:
        if member.header.vocabulary != first.vocabulary:
            raise WeightsFormatError(
                f"{member.path}: was trained with another mapping ({member.header.mapping}) than "
                f"{members[0].path} ({first.mapping})",
                "A committee is of one mapping.",
            )
    networks = [network for member in members for network in member.networks]
    told = [training for member in members for training in _told(member)]
    header = first.model_copy(
        update={
            "others": tuple(network.config for network in networks[1:]),
            "bits": bits,
            "errors": _together(members),
            "training": {**told[0], "others": told[1:]},
        }
    )
    save_weights(path, _tensors(networks), header)


def shrink_weights(weights: Weights, path: Path) -> None:
    """Write the same networks with their numbers in 8 bits, see `herobm.weights.packing`."""
    save_weights(path, _tensors(weights.networks), weights.header.model_copy(update={"bits": 8}))


def split_weights(committee: Weights, paths: Sequence[Path]) -> None:
    """Write the networks of a committee to files of their own; the reverse of `join_weights`.

    What errors to expect of them was judged for all together, and has to be judged anew.

    Parameters
    ----------
    committee : Weights
    paths : sequence of Path
        One for each of its networks.
    """
    header = committee.header
    for network, training, path in zip(committee.networks, _told(committee), paths, strict=True):
        alone = {"model": network.config, "others": (), "bits": 16, "errors": None}
        update = {**alone, "training": training}
        save_weights(path, _tensors([network]), header.model_copy(update=update))


def _told(weights: Weights) -> list[dict[str, Any]]:
    """Return what is told of the training of each network of a file."""
    training = weights.header.training
    every = [training, *training.get("others", [])]
    told = [{key: value for key, value in one.items() if key != "others"} for one in every]
    n_networks = len(weights.networks)
    return [*told, *[{}] * n_networks][:n_networks]


def average_weights(members: Sequence[Weights], path: Path) -> None:
    """Write the network whose parameters are the means of those of several.

    They should be of one run, ends of cycles that went on from each other: their mean lies in the
    middle of what all of them are on the edge of (Izmailov et al., arXiv:1803.05407). Networks that
    began apart have nothing in common that could be averaged.

    Parameters
    ----------
    members : sequence of Weights
        Of one mapping, and one shape.
    path : Path

    Raises
    ------
    WeightsFormatError
        If they are of different mappings or shapes, or one is a committee.
    """
    first = members[0]
    for member in members:
        if member.others:
            raise WeightsFormatError(
                f"{member.path}: is a committee of {len(member.networks)} networks",
                "Average single networks, before they are joined.",
            )
        same = member.header.model == first.header.model
        if not same or member.header.vocabulary != first.header.vocabulary:
            raise WeightsFormatError(
                f"{member.path}: is of another mapping or another network than {first.path}",
                "Average networks of one run; 'herobm models join' takes others.",
            )
    states = [member.network.state_dict() for member in members]
    mean = {name: torch.stack([s[name] for s in states]).mean(dim=0) for name in states[0]}
    training = {"mean_of": [member.header.training for member in members]}
    update = {"training": training, "bits": 16, "errors": None}
    save_weights(path, mean, first.header.model_copy(update=update))


def rewrite_errors(path: Path, weights: Weights, errors: ErrorFit) -> None:
    """Write weights anew, whose networks were told what errors to expect."""
    header = weights.header.model_copy(update={"errors": errors})
    save_weights(path, _tensors(weights.networks), header)


def _tensors(networks: Sequence[Backmapper]) -> dict[str, torch.Tensor]:
    """Gather the tensors of all networks of a committee, by the names that they have in a file."""
    return {
        _prefix(number) + name: tensor
        for number, network in enumerate(networks)
        for name, tensor in network.state_dict().items()
    }


def _together(members: Sequence[Weights]) -> ErrorFit | None:
    """Return what to expect of a committee before it was judged: what its members make."""
    fits = [m.header.errors for m in members for _ in m.networks if m.header.errors is not None]
    if len(fits) < sum(len(member.networks) for member in members):
        return None
    offset = sum(fit.offset for fit in fits) / len(fits)
    return ErrorFit(offset, max(fit.most for fit in fits))


def _prefix(number: int) -> str:
    """Return what stands before the names of a network's tensors; nothing for the first."""
    return f"{number}." if number else ""


def _part(tensors: dict[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    """Tensors of one network of a committee, by their names in it."""
    prefix = _prefix(number)
    names = [n for n in tensors if (n.startswith(prefix) if number else not n[0].isdigit())]
    return {name.removeprefix(prefix): tensors[name] for name in names}


def _network(
    path: Path, config: ModelConfig, header: Header, tensors: dict[str, torch.Tensor]
) -> Backmapper:
    network = Backmapper(config, header.vocabulary.n_types, header.vocabulary.n_slots)
    if header.errors is None:  # the readout says nothing, and may be missing
        silent = {n: t for n, t in network.state_dict().items() if n.startswith("errors.")}
        tensors = silent | {n: t for n, t in tensors.items() if n != LEFT_BEHIND}
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise WeightsFormatError(
            f"{path}: is damaged: its tensors do not fit the network of its header",
            WHENCE,
        ) from None
    return network.eval()


def _header(path: Path, metadata: dict[str, str]) -> Header:
    if "herobm" not in metadata:
        raise WeightsFormatError(
            f"{path}: is a safetensors file, but not weights of herobm", WHENCE
        )
    try:
        data = json.loads(metadata["herobm"])
    except json.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise WeightsFormatError(f"{path}: has a damaged header", WHENCE)
    if data.get("format") == BEFORE:
        data |= {"format": FORMAT, "errors": None}
    if data.get("format") != FORMAT:
        raise WeightsFormatError(
            f"{path}: has format {data.get('format')}, this version of herobm reads {FORMAT}",
            "Update herobm, or train the weights again.",
        )
    try:
        return Header.model_validate(data)
    except ValidationError as error:
        fields = ", ".join(sorted({str(e["loc"][0]) for e in error.errors() if e["loc"]}))
        raise WeightsFormatError(f"{path}: has a damaged header (at: {fields})", WHENCE) from None
