"""The hooks of the entry-point group ``herobm``.

A hook takes no argument and returns records. It runs whenever herobm starts, so it should do
no more than name files: heavy imports belong into what the records call.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from herobm.plugins.records import MappingSpec, ModelSpec, PostProcessorSpec

#: Name of the pluggy project and of the entry-point group.
GROUP = "herobm"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def herobm_register_mappings() -> Iterable[MappingSpec]:
    """Offer mapping sets.

    Returns
    -------
    iterable of MappingSpec

    Examples
    --------
    >>> from pathlib import Path
    >>> from herobm.plugins import MappingSpec, hookimpl
    >>> @hookimpl
    ... def herobm_register_mappings():
    ...     yield MappingSpec("ligands", (Path("caffeine.map"),), "small molecules")
    """
    raise NotImplementedError


@hookspec
def herobm_register_models() -> Iterable[ModelSpec]:
    """Offer models: trained networks, or reconstructors of the plug-in's own.

    Returns
    -------
    iterable of ModelSpec

    Examples
    --------
    >>> from pathlib import Path
    >>> from herobm.plugins import ModelSpec, hookimpl
    >>> @hookimpl
    ... def herobm_register_models():
    ...     yield ModelSpec("protein", "ligands", Path("protein.safetensors"))
    """
    raise NotImplementedError


@hookspec
def herobm_register_postprocessors() -> Iterable[PostProcessorSpec]:
    """Offer steps that run after the atoms are rebuilt.

    Returns
    -------
    iterable of PostProcessorSpec

    Examples
    --------
    >>> from herobm.plugins import PostProcessorSpec, hookimpl
    >>> @hookimpl
    ... def herobm_register_postprocessors():
    ...     yield PostProcessorSpec("as-they-are", "consistency", lambda atoms, context: atoms)
    """
    raise NotImplementedError
