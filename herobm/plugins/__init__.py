"""Plug-ins: what they hand over (`records`), when (`hookspecs`), and who gathers it (`manager`).

A plug-in is a module that an entry point of the group ``herobm`` names::

    # pyproject.toml of the plug-in
    [project.entry-points.herobm]
    my_beads = "my_beads"

    # my_beads/__init__.py
    from herobm.plugins import MappingSpec, hookimpl

    @hookimpl
    def herobm_register_mappings():
        yield MappingSpec("protein", tuple(sorted(FOLDER.glob("*.map"))))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herobm.plugins.hookspecs import hookimpl
from herobm.plugins.records import (
    ANY_MAPPING,
    STAGES,
    MappingSpec,
    ModelSpec,
    PostProcessorSpec,
    Stage,
)

if TYPE_CHECKING:
    from herobm.plugins.manager import load_registry
    from herobm.plugins.protocols import PostProcessor, Reconstructor, UniversalReconstructor
    from herobm.plugins.registry import Registry
    from herobm.plugins.step_context import StepContext

__all__ = [
    "ANY_MAPPING",
    "STAGES",
    "MappingSpec",
    "ModelSpec",
    "PostProcessor",
    "PostProcessorSpec",
    "Reconstructor",
    "Registry",
    "Stage",
    "StepContext",
    "UniversalReconstructor",
    "hookimpl",
    "load_registry",
]


def __getattr__(name: str) -> Any:
    # A plug-in needs the records only; the registry brings importlib.metadata along.
    if name == "load_registry":
        from herobm.plugins.manager import load_registry

        return load_registry
    if name == "Registry":
        from herobm.plugins.registry import Registry

        return Registry
    if name == "StepContext":
        from herobm.plugins.step_context import StepContext

        return StepContext
    if name in ("PostProcessor", "Reconstructor", "UniversalReconstructor"):
        from herobm.plugins import protocols

        return getattr(protocols, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
