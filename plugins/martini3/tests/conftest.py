from __future__ import annotations

from pathlib import Path

import pytest
import vermouth

import herobm_martini3
from herobm.dsl import load_set
from herobm.dsl.model import Mapping, MappingSet


@pytest.fixture(scope="session")
def protein() -> MappingSet:
    spec = next(s for s in herobm_martini3.herobm_register_mappings() if s.name == "protein")
    return load_set(spec.files, spec.name)


@pytest.fixture(scope="session")
def by_residue(protein: MappingSet) -> dict[str, Mapping]:
    """Residue name -> mapping, without what chain ends add."""
    return {name: m for m in protein if m.at is None for name in m.molecules}


@pytest.fixture(scope="session")
def pairs() -> Path:
    """Folder of atomistic structures with what martinize2 made of them."""
    return Path(vermouth.__file__).parent / "tests" / "data" / "integration_tests"
