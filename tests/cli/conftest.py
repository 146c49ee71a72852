"""The command line in this process, and small input for it."""

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


Command = Callable[..., Outcome]


@pytest.fixture
def herobm(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
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
def lines(ubiquitin: Path) -> list[str]:
    """ATOM records of ubiquitin."""
    return [line for line in ubiquitin.read_text().splitlines() if line.startswith("ATOM")]


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, list[str]], Path]:
    """Write lines to a file and return its path."""

    def write(name: str, content: list[str]) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(content) + "\n")
        return path

    return write


@pytest.fixture
def segments(lines: list[str], put: Callable[[str, list[str]], Path]) -> Path:
    """Ubiquitin with a segment name as of CHARMM, which PDB cannot hold as a chain id."""
    return put("proa.pdb", [f"{line[:21]} {line[22:72]:<50}PROA" for line in lines])
