"""The command line in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from herobm.cli.app import run as run_command

ROOT = Path(__file__).resolve().parents[2]


class Outcome(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def herobm(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Outcome]]:
    """Run a command and return its exit code and what it printed."""
    logger = logging.getLogger("herobm")
    before = logger.handlers[:], logger.level, logger.propagate

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    yield run
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.fixture(scope="session")
def ubiquitin() -> Path:
    """Martini 3 beads of ubiquitin: 76 residues, 166 beads, chain A."""
    return ROOT / "examples/1ubq/cg.pdb"


@pytest.fixture(scope="session")
def weights() -> Path:
    """Return the weights that are shipped."""
    return ROOT / "plugins/martini3/src/herobm_martini3/weights/protein.safetensors"
