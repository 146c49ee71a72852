"""Conformance suites for authors of plug-ins: subclass one, say what it is about, run pytest.

::

    from herobm.testing import MappingPackSuite

    class TestMyBeads(MappingPackSuite):
        mapping = "my_pack/protein"
        structures = (Path(__file__).parent / "data" / "1ubq.pdb",)

A suite finds what it tests through the installed plug-ins, as a user would.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herobm.testing.mapping_pack import MappingPackSuite
    from herobm.testing.model import ModelSuite
    from herobm.testing.post_processor import PostProcessorSuite

__all__ = ["MappingPackSuite", "ModelSuite", "PostProcessorSuite"]

_HOMES = {
    "MappingPackSuite": "herobm.testing.mapping_pack",
    "ModelSuite": "herobm.testing.model",
    "PostProcessorSuite": "herobm.testing.post_processor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    pytest.register_assert_rewrite(_HOMES[name])
    return getattr(import_module(_HOMES[name]), name)
