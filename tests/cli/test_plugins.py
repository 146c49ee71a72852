"""``herobm plugins check``: what an author's CI relies on."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from herobm.plugins import load_registry

GLY = "molecule: GLY\natoms:\n  N: BB P1A\n  CA: BB P1B\n  C: BB P1C\n  O: BB P2CA\n"
BODY = """
from pathlib import Path
from herobm.plugins import MappingSpec, ModelSpec, hookimpl

@hookimpl
def herobm_register_mappings():
    yield MappingSpec("gly", (Path(__file__).with_name("gly.map"),))

@hookimpl
def herobm_register_models():
    yield ModelSpec("net", "gly", {made})

def broken(device):
    raise OSError("no such device")
"""


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Check = Callable[[Path | str], Outcome]


@pytest.fixture
def check(
    herobm: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Check]:
    """Install a plug-in whose model has these weights, or is made so, and check it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HEROBM_PLUGINS", raising=False)
    (tmp_path / "gly.map").write_text(GLY)
    numbers = itertools.count()
    written: list[str] = []

    def install(model: Path | str) -> Outcome:
        made = f"Path({str(model)!r})" if isinstance(model, Path) else model
        module = f"checked_{next(numbers)}_{tmp_path.name}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(BODY.format(made=made))
        written.append(module)
        package = tmp_path / f"{module}-1.0.dist-info"
        package.mkdir()
        (package / "METADATA").write_text(f"Name: {module}\nVersion: 1.0\n")
        (package / "entry_points.txt").write_text(f"[herobm]\n{module} = {module}\n")
        return herobm("plugins", "check", module)

    yield install
    for module in written:
        sys.modules.pop(module, None)


def test_damaged_weights_are_a_fault(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"cut short")
    outcome = check(tmp_path / "cut.safetensors")
    assert outcome.code == 1
    assert "cut.safetensors: cannot be read as weights" in outcome.err


def test_missing_weights_are_a_fault(check: Check, tmp_path: Path) -> None:
    outcome = check(tmp_path / "none.safetensors")
    assert outcome.code == 1
    assert "none.safetensors" in outcome.err


def test_weights_of_another_mapping_are_a_fault(check: Check) -> None:
    weights = load_registry().model("martini3/protein").weights
    assert weights is not None
    outcome = check(weights)
    assert outcome.code == 1
    assert "what they rebuild for GLY is not what mapping" in outcome.err


def test_a_model_that_cannot_be_loaded_is_a_fault(check: Check) -> None:
    outcome = check("load=broken")
    assert outcome.code == 1
    assert "no such device" in outcome.err


def test_a_sound_plugin_passes(herobm: Callable[..., Outcome]) -> None:
    outcome = herobm("plugins", "check", "martini3")
    assert outcome.code == 0, outcome.err
    assert "model martini3/protein, " in outcome.out
    assert outcome.out.endswith(": ok\n")


def test_the_name_of_an_installed_plugin_is_taken(
    herobm: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = herobm("plugins", "new", "herobm-martini3", "-o", str(tmp_path / "new"))
    assert outcome.code != 0
    assert "a plug-in 'martini3' is installed" in outcome.err
    assert not (tmp_path / "new").exists()
