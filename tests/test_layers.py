"""The architecture, proven on the syntax trees: who imports whom, and what is imported when."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "herobm"

#: Package or module below `herobm` -> layer. A module imports from lower numbers only, from its
#: own package, and, within layer 0, from its neighbours.
LAYERS = {
    "errors": 0,
    "types": 0,
    "aside": 0,
    "elements": 0,
    "heap": 0,
    "processes": 0,
    "dsl": 1,
    "plan": 2,
    "system": 3,
    "chem": 4,
    "plugins": 5,
    "nn": 5,
    "io": 6,
    "weights": 6,
    "post": 6,
    "assembly": 7,
    "evaluation": 7,
    "train": 8,
    "pipeline": 8,
    "cli": 9,
    "testing": 10,
    "__main__": 10,
}

#: Heavy library -> where it may be imported at module level. Elsewhere: within functions.
HEAVY = {
    "torch": {"nn", "train", "weights", "assembly"},
    "e3nn": {"nn", "train"},
    "rdkit": {"chem"},
    "openmm": {"post"},
    "MDAnalysis": {"io"},
    "gemmi": {"io"},
    "networkx": {"chem"},
    # KD-trees of neighbours; wherever e3nn is installed scipy is, since e3nn depends on it.
    "scipy": {"chem", "system", "plan", "nn", "train", "post"},
    "safetensors": {"weights", "train"},
}

#: All that the path from dataset to checkpoint may need, so that it runs on a bare GPU machine.
#: scipy and networkx come by themselves: e3nn depends on the one, torch on the other.
TRAINING = {"torch", "e3nn", "numpy", "pydantic", "safetensors", "scipy", "networkx"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Name of the package or module below `herobm`; "" for its `__init__`."""
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if part == "__init__" else part


def imported(node: ast.AST, path: Path) -> list[str]:
    """Absolute names of the modules that a node imports, down to one level below `herobm`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    if node.level:
        folder = path.relative_to(PACKAGE.parent).parts[: -node.level]
        base = ".".join([*folder, *([node.module] if node.module else [])])
    else:
        base = node.module or ""
    return [f"herobm.{a.name}" for a in node.names] if base == "herobm" else [base]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        for name in imported(node, path):
            yield getattr(node, "lineno", 0), name


def immediate(path: Path) -> Iterator[tuple[int, str]]:
    """The imports that run when the module is imported."""
    todo: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        for name in imported(node, path):
            yield getattr(node, "lineno", 0), name
        todo += ast.iter_child_nodes(node)


def may_import(importer: str, other: str) -> bool:
    if importer == other:
        return True
    below, above = LAYERS[other], LAYERS[importer]
    return below < above or below == above == 0


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_has_a_layer(path: Path) -> None:
    assert part_of(path) in {*LAYERS, ""}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_to_lower_layers(path: Path) -> None:
    part = part_of(path)
    if not part:  # the roof: it names everything and imports it lazily
        assert not [name for _, name in immediate(path) if name.startswith("herobm.")]
        return
    wrong = []
    for line, name in imports(path):
        other = name.split(".")[1] if name.startswith("herobm.") else None
        if other in LAYERS and not may_import(part, other):
            wrong.append(f"{path}:{line} imports {name} from a layer that is not below")
    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_within_their_layer(path: Path) -> None:
    part = part_of(path)
    wrong = [
        f"{path}:{line} imports {name} at module level"
        for line, name in immediate(path)
        if part not in HEAVY.get(name.split(".")[0], {part})
    ]
    assert not wrong


@pytest.mark.parametrize("part", ["nn", "train", "weights"])
def test_training_needs_few_libraries(part: str) -> None:
    """`herobm.nn` and `herobm.train` name no third party at module level but these."""
    wrong = [
        message for path in MODULES if part_of(path) == part for message in foreign_imports(path)
    ]
    assert not wrong


def test_nothing_that_training_loads_needs_more() -> None:
    """The same for every module that ``python -m herobm.train`` loads, whatever its layer."""
    todo = [PACKAGE / "train" / "__main__.py"]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        todo += [found for _, name in immediate(path) for found in files_of(name)]
    assert PACKAGE / "plan" / "plan.py" in seen
    assert not [message for path in sorted(seen) for message in foreign_imports(path)]


def foreign_imports(path: Path) -> list[str]:
    """What a module imports of third parties when it is loaded, beyond `TRAINING`."""
    allowed = {*TRAINING, *sys.stdlib_module_names, "herobm"}
    return [
        f"{path}:{line} imports {name}"
        for line, name in immediate(path)
        if name.split(".")[0] not in allowed
    ]


def files_of(name: str) -> list[Path]:
    """Files that importing a module of `herobm` loads: its own and those of the packages above."""
    parts = name.split(".")
    if parts[0] != "herobm":
        return []
    folders = [PACKAGE.joinpath(*parts[1:end]) for end in range(1, len(parts) + 1)]
    files = [f / "__init__.py" for f in folders] + [folders[-1].with_suffix(".py")]
    return [f for f in files if f.is_file()]


def test_the_walk_sees_imports_in_functions_and_relative_ones(tmp_path: Path) -> None:
    probe = PACKAGE / "dsl" / "probe.py"  # a name for resolving; the file is not written
    tree = ast.parse("from ..cli import app\nfrom . import model\nfrom herobm import cli")
    found = [name for node in tree.body for name in imported(node, probe)]
    assert found == ["herobm.cli", "herobm.dsl", "herobm.cli"]

    module = tmp_path / "late.py"
    module.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\n"
        "try:\n    import scipy\nexcept ImportError:\n    pass\n"
        "def f():\n    import rdkit\n"
    )
    assert {name for _, name in immediate(module)} == {"typing", "scipy"}
    assert not may_import("dsl", "cli")
    assert not may_import("system", "chem")
    assert may_import("types", "errors")
