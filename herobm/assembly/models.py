"""Models by name: networks with their weights, and what plug-ins bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from herobm.assembly.draft import Model
from herobm.assembly.foreign import Foreign, Universal, failed
from herobm.assembly.network import Network
from herobm.errors import HerobmError, PluginContractError, WeightsNotFoundError
from herobm.plan import compile_library
from herobm.plugins.protocols import Reconstructor, UniversalReconstructor
from herobm.plugins.records import ANY_MAPPING, ModelSpec
from herobm.weights.file import load_weights

if TYPE_CHECKING:
    from herobm.plugins.registry import Registry


def open_model(name: str | Path, registry: Registry, device: str = "cpu") -> Model:
    """Load a model.

    Parameters
    ----------
    name : str or Path
        Of a model, or the path of a weights file.
    registry : Registry
    device : str
        ``cpu`` or ``cuda``.

    Raises
    ------
    UnknownNameError, AmbiguousNameError
    WeightsNotFoundError, WeightsFormatError
    PluginError
        If a plug-in's own model cannot be loaded.
    """
    return _open(registry.model(name), registry, device)


def open_models(
    names: Iterable[str | Path], registry: Registry, device: str = "cpu"
) -> list[Model]:
    """Load several models; bare files of one name are called by their paths.

    Parameters and errors are those of `open_model`.
    """
    specs = [registry.model(name) for name in names]
    count = Counter(spec.name for spec in specs)
    return [
        _open(
            replace(spec, name=str(spec.weights))
            if count[spec.name] > 1 and not spec.mapping
            else spec,
            registry,
            device,
        )
        for spec in specs
    ]


def _open(spec: ModelSpec, registry: Registry, device: str) -> Model:
    if spec.mapping == ANY_MAPPING:
        made = _reconstructor(spec, device)
        if not isinstance(made, UniversalReconstructor):
            raise PluginContractError(
                f"model '{spec.name}' is for any mapping, and has no method refuses"
            )
        return Universal(spec.name, made)
    if spec.load is not None:
        library = compile_library(registry.mapping(spec.mapping))
        return Foreign(spec.name, library.name, _reconstructor(spec, device), library)
    if spec.weights is None:
        raise WeightsNotFoundError(
            f"model '{spec.name}' comes without weights",
            "Name a weights file (--model NAME.safetensors).",
        )
    return Network(load_weights(spec.weights, device), spec.name, spec.mapping)


def _reconstructor(spec: ModelSpec, device: str) -> Reconstructor:
    try:
        made = spec.load(device) if spec.load is not None else None
    except HerobmError:
        raise
    except Exception as error:  # the code of others may raise anything
        raise failed(spec.name, error) from error
    if not isinstance(made, Reconstructor):
        raise PluginContractError(
            f"model '{spec.name}' loads a {type(made).__name__}, which has no method rebuild"
        )
    return made
