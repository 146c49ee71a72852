"""Commands that should start at once import no heavy library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: Imported by a command that only reads text, any of these is a mistake.
HEAVY = ("torch", "e3nn", "MDAnalysis", "rdkit", "openmm", "scipy", "networkx", "gemmi")

MAPPING = """\
molecule: GLY
atoms:
  N:   BB   P1A
  CA:  BB   P1B
  C:   BB   P1C
  O:   BB   P2CA
bonds:
  N-CA, CA-C, C=O, C-+N
"""

PROBE = """
import sys
sys.argv = ["herobm", *sys.argv[1:]]
try:
    from herobm.cli import main
    main()
finally:
    print("imported:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def imported_by(*arguments: str) -> tuple[int, str, set[str]]:
    """Run a command; return its exit code, its output and the libraries that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False
    )
    output, _, names = done.stdout.rpartition("imported:")
    return done.returncode, output + done.stderr, set(names.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["mapping", "--help"],
        ["mapping", "list"],
        ["models", "list"],
        ["plugins", "list"],
    ],
    ids=" ".join,
)
def test_help_and_listings_import_nothing_heavy(arguments: list[str]) -> None:
    code, output, names = imported_by(*arguments)
    assert code == 0, output
    assert names.isdisjoint(HEAVY)


@pytest.mark.parametrize("verb", ["backmap", "coarsen", "evaluate", "train"])
def test_help_of_a_verb_imports_nothing_heavy(verb: str) -> None:
    code, output, names = imported_by(verb, "--help")
    assert code == 0, output
    assert names.isdisjoint(HEAVY)


def test_validate_imports_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "gly.map"
    path.write_text(MAPPING)
    code, output, names = imported_by("mapping", "validate", str(path))
    assert code == 0, output
    assert "lark" in names
    assert names.isdisjoint(HEAVY)


def test_help_does_not_even_need_numpy() -> None:
    assert "numpy" not in imported_by("--help")[2]
