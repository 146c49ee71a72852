"""Small structures, built in code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from herobm.types import Atoms, Beads, Residues


def pdb_line(
    name: str,
    resname: str,
    chain: str,
    resid: str | int,
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    altloc: str = " ",
    icode: str = " ",
    occupancy: float = 1.0,
    element: str = "",
    segid: str = "",
) -> str:
    """Write one ATOM record."""
    columns = "".join(f"{value:8.3f}" for value in xyz)
    residue = f"{resname:>3}".ljust(4) + f"{chain:1}{resid:>4}{icode:1}"
    return (
        f"ATOM      1  {name:<3}{altloc:1}{residue}   {columns}"
        f"{occupancy:6.2f}{0:6.2f}      {segid:<4}{element:>2}"
    )


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a file of the given name and return its path."""

    def write(name: str, lines: list[str] | str, end: str = "\n") -> Path:
        text = lines if isinstance(lines, str) else "\n".join(lines) + end
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def peptide() -> Callable[..., Any]:
    """Make Beads or Atoms of two chains: A has residues 1, 1A and 2, B has residue 7."""

    def make(kind: type[Any] = Beads, **changes: Any) -> Any:
        residues = Residues(
            np.array(["MET", "GLN", "POPE", "LYS"]),
            np.array([1, 1, 2, 7]),
            np.array(["", "A", "", ""]),
            np.array(["A", "A", "A", "B"]),
        )
        names = np.array(["BB", "SC1", "BB", "PO4", "BB", "SC1"])
        index = np.array([0, 0, 1, 2, 3, 3])
        positions = np.arange(18.0).reshape(6, 3) * 1.25 - 7.5
        if kind is Atoms:
            names = np.array(["N", "CA", "HG11", "CA", "CL1", "O1'"])
            changes.setdefault("elements", np.array(["N", "C", "H", "Ca", "Cl", "O"]))
            changes.setdefault("bfactors", np.array([0.0, 1.5, 99.99, 2.0, 3.0, 4.0]))
        fields = {
            "positions": positions,
            "names": names,
            "residue_index": index,
            "residues": residues,
            "box": np.array([50.0, 60.0, 70.0, 90.0, 90.0, 90.0]),
        }
        return kind(**(fields | changes))

    return make


@pytest.fixture
def line() -> Callable[..., str]:
    """Give `pdb_line` to tests."""
    return pdb_line
