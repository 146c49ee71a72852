"""Plug-ins as real modules on the path: what works, what is set aside, and what names mean."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from herobm.errors import (
    AmbiguousNameError,
    DslError,
    PluginContractError,
    PluginLoadError,
    UnknownNameError,
)
from herobm.plugins import Reconstructor, Registry, load_registry

GLY = "molecule: GLY\natoms:\n  N: BB P1A\n  CA: BB P1B\n  C: BB P1C\n  O: BB P2CA\n"

HEADER = """
from pathlib import Path
from herobm.plugins import MappingSpec, ModelSpec, PostProcessorSpec, hookimpl
HERE = Path(__file__).parent
"""

MakePlugin = Callable[[str, str], EntryPoint]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePlugin]:
    """Write a plug-in module and return its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HEROBM_PLUGINS", raising=False)
    (tmp_path / "gly.map").write_text(GLY)
    count = itertools.count()
    written: list[str] = []

    def make(name: str, body: str) -> EntryPoint:
        module = f"plugin_{tmp_path.name}_{next(count)}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(HEADER + body)
        written.append(module)
        return EntryPoint(name, module, "herobm")

    yield make
    for module in written:
        sys.modules.pop(module, None)


def mappings(*names: str, default: str = "") -> str:
    """Body of a plug-in that gives mapping sets."""
    specs = ", ".join(
        f"MappingSpec({n!r}, (HERE / 'gly.map',), default={n == default})" for n in names
    )
    return f"@hookimpl\ndef herobm_register_mappings():\n    return [{specs}]\n"


def only_failure(registry: Registry) -> str:
    (failed,) = registry.failures
    assert "\n" not in failed.line()
    return failed.line()


def test_a_mapping_is_found_by_full_short_and_plugin_name(plugin: MakePlugin) -> None:
    registry = load_registry([plugin("beads", mappings("protein", "lipid"))])
    assert list(registry.mappings()) == ["beads/protein", "beads/lipid"]
    for name in ("beads/protein", "protein", "beads"):
        loaded = registry.mapping(name)
        assert loaded.name == "beads/protein"
        assert [m.name for m in loaded] == ["GLY"]


@pytest.mark.parametrize(
    ("names", "flagged", "expected"),
    [
        (("a", "b"), "b", "beads/b"),
        (("a", "default"), "", "beads/default"),
        (("a", "beads"), "", "beads/beads"),
        (("a", "beads", "default"), "", "beads/default"),
        (("z", "a"), "", "beads/z"),
    ],
)
def test_a_bare_plugin_name_means_its_default(
    plugin: MakePlugin, names: tuple[str, ...], flagged: str, expected: str
) -> None:
    registry = load_registry([plugin("beads", mappings(*names, default=flagged))])
    name = registry.mapping("beads").name
    assert name == expected


def test_the_order_of_registration_never_decides(plugin: MakePlugin) -> None:
    entries = [plugin(name, mappings("protein")) for name in ("one", "two", "three")]
    for order in itertools.permutations(entries):
        registry = load_registry(order)
        with pytest.raises(AmbiguousNameError) as caught:
            registry.mapping("protein")
        assert caught.value.message.endswith("one/protein, three/protein, two/protein")
        assert list(registry.mappings()) == ["one/protein", "three/protein", "two/protein"]


def test_a_plugin_name_that_is_also_a_short_name_is_ambiguous(plugin: MakePlugin) -> None:
    registry = load_registry(
        [plugin("beads", mappings("protein")), plugin("other", mappings("beads"))]
    )
    with pytest.raises(AmbiguousNameError, match=r"beads/protein, other/beads"):
        registry.mapping("beads")
    assert registry.mapping("other").name == "other/beads"


def test_an_unknown_name_gets_a_suggestion(plugin: MakePlugin) -> None:
    registry = load_registry([plugin("beads", mappings("protein"))])
    with pytest.raises(UnknownNameError, match="not found") as caught:
        registry.mapping("protien")
    assert caught.value.hint == "did you mean protein?"
    with pytest.raises(UnknownNameError) as caught:
        registry.mapping("quite-another")
    assert caught.value.hint == "there are: beads/protein"
    with pytest.raises(UnknownNameError) as caught:
        registry.model("protein")
    assert caught.value.hint == "no plug-in gives any model"


BROKEN = {
    "import": ("import no_such_library", "No module named 'no_such_library'"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "syntax": ("def broken(:", "SyntaxError"),
    "hook": ("@hookimpl\ndef herobm_register_models():\n    return [1 / 0]\n", "ZeroDivisionError"),
    "lazily": ("@hookimpl\ndef herobm_register_models():\n    yield 1 / 0\n", "ZeroDivisionError"),
    "nothing": ("@hookimpl\ndef herobm_register_models():\n    pass\n", "TypeError"),
    "record": (
        "@hookimpl\ndef herobm_register_mappings():\n    yield ModelSpec('a', 'b', None)\n",
        "gives a ModelSpec, not a MappingSpec",
    ),
    "unknown hook": (
        "@hookimpl\ndef herobm_register_maps():\n    return []\n",
        "herobm_register_maps, which is no hook",
    ),
    "argument": (
        "@hookimpl\ndef herobm_register_mappings(registry):\n    return []\n",
        "registry",
    ),
    "unmarked": ("def herobm_register_mappings():\n    return []\n", "lacks the decorator"),
    "twice": (mappings("a", "a"), "two records called 'a'"),
    "no files": (
        "@hookimpl\ndef herobm_register_mappings():\n    yield MappingSpec('a', ())\n",
        "has no files",
    ),
    "name": (mappings("a/b"), "'a/b'"),
    "text for a path": (
        "@hookimpl\ndef herobm_register_mappings():\n    yield MappingSpec('a', ('gly.map',))\n",
        "gives 'a' with a str in 'files', not a Path",
    ),
    "text for files": (
        "@hookimpl\ndef herobm_register_mappings():\n    yield MappingSpec('a', 'gly.map')\n",
        "gives 'a' with a str for 'files'",
    ),
    "text for weights": (
        "@hookimpl\ndef herobm_register_models():\n    yield ModelSpec('a', '', 'w.safetensors')\n",
        "gives 'a' with a str in 'weights', not a Path",
    ),
    "stage": (
        "@hookimpl\ndef herobm_register_postprocessors():\n"
        "    yield PostProcessorSpec('a', 'never', print)\n",
        "stage 'never'",
    ),
}


@pytest.mark.parametrize(("body", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_bad_plugin_is_set_aside_and_the_rest_works(
    plugin: MakePlugin, body: str, reason: str
) -> None:
    registry = load_registry([plugin("bad", body), plugin("good", mappings("protein"))])
    line = only_failure(registry)
    assert line.startswith("plug-in 'bad' is set aside: ")
    assert reason in line
    assert registry.mapping("protein").name == "good/protein"
    with pytest.raises(UnknownNameError) as caught:
        registry.mapping("bad/protein")
    assert line in str(caught.value.hint)


def test_a_failure_keeps_what_was_raised(plugin: MakePlugin) -> None:
    registry = load_registry([plugin("bad", "import no_such_library")])
    (failed,) = registry.failures
    assert isinstance(failed.error, PluginLoadError)
    assert isinstance(failed.error.__cause__, ModuleNotFoundError)


def test_two_plugins_of_one_name_are_both_set_aside(plugin: MakePlugin) -> None:
    registry = load_registry(
        [plugin("beads", mappings("protein")), plugin("beads", mappings("protein"))]
    )
    assert "both claim its name" in only_failure(registry)
    assert not registry.mappings()


def test_an_entry_point_found_twice_counts_once(plugin: MakePlugin) -> None:
    entry = plugin("beads", mappings("protein"))
    registry = load_registry([entry, entry])
    assert not registry.failures
    assert list(registry.mappings()) == ["beads/protein"]


def test_plugins_can_be_allowed_and_blocked(
    plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [plugin("one", mappings("a")), plugin("two", mappings("b"))]
    assert list(load_registry(entries, blocked=["one"]).mappings()) == ["two/b"]
    monkeypatch.setenv("HEROBM_PLUGINS", "one")
    assert list(load_registry(entries).mappings()) == ["one/a"]
    monkeypatch.setenv("HEROBM_PLUGINS", "")
    assert not load_registry(entries).plugins
    monkeypatch.setenv("HEROBM_PLUGINS", "two, thre")
    registry = load_registry(entries)
    assert "'thre'" in only_failure(registry)
    assert list(registry.mappings()) == ["two/b"]


def test_a_mapping_can_be_a_file_or_a_folder(plugin: MakePlugin, tmp_path: Path) -> None:
    registry = load_registry([plugin("beads", mappings("protein"))])
    folder = tmp_path / "all" / "mine"
    folder.mkdir(parents=True)
    with pytest.raises(UnknownNameError, match="holds no mapping file"):
        registry.mapping(folder)
    path = folder / "gly.map"
    path.write_text(GLY)
    for given in (path, str(path), folder, str(folder)):
        assert [m.name for m in registry.mapping(given)] == ["GLY"]
    (folder / "train.yaml").write_text("train: runs/train.safetensors\n")
    assert [m.name for m in registry.mapping(folder)] == ["GLY"]
    with pytest.raises(UnknownNameError, match="there is no mapping file"):
        registry.mapping(str(folder / "ala.map"))
    with pytest.raises(UnknownNameError, match=r"holds no mapping file\n.*name a folder.*mine"):
        registry.mapping(tmp_path / "all")
    path.write_text("molecule: GLY\natoms:\n  N BB P1A\n")
    with pytest.raises(DslError):
        registry.mapping(path)


def test_a_registered_name_comes_before_a_folder(
    plugin: MakePlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = load_registry([plugin("beads", mappings("protein"))])
    (tmp_path / "beads").mkdir()
    monkeypatch.chdir(tmp_path)
    assert registry.mapping("beads").name == "beads/protein"


def test_a_file_that_the_plugin_lacks_is_named(plugin: MakePlugin, tmp_path: Path) -> None:
    registry = load_registry([plugin("beads", mappings("protein"))])
    (tmp_path / "gly.map").unlink()
    with pytest.raises(PluginContractError, match=r"'beads/protein' names files .*gly\.map"):
        registry.mapping("protein")


MODELS = """
@hookimpl
def herobm_register_models():
    yield ModelSpec("protein", "beads", HERE / "protein.safetensors")
    yield ModelSpec("elsewhere", "martini3", None)
"""


def test_a_model_bears_full_names(plugin: MakePlugin, tmp_path: Path) -> None:
    registry = load_registry([plugin("mine", mappings("beads") + MODELS)])
    for name in ("mine/protein", "protein", "mine"):
        spec = registry.model(name)
        assert (spec.name, spec.mapping) == ("mine/protein", "mine/beads")
        assert spec.weights == tmp_path / "protein.safetensors"
    assert registry.model("elsewhere").mapping == "martini3"


def test_a_model_can_be_a_weights_file(plugin: MakePlugin, tmp_path: Path) -> None:
    registry = load_registry([plugin("mine", mappings("beads") + MODELS)])
    path = tmp_path / "own.safetensors"
    with pytest.raises(UnknownNameError, match="there is no weights file"):
        registry.model(path)
    path.touch()
    spec = registry.model(str(path))
    assert (spec.name, spec.mapping, spec.weights) == ("own", "", path)


def test_a_postprocessor_runs_what_the_plugin_gave(plugin: MakePlugin) -> None:
    body = (
        "@hookimpl\ndef herobm_register_postprocessors():\n"
        "    yield PostProcessorSpec('as-they-are', 'consistency', lambda atoms, context: atoms)\n"
    )
    registry = load_registry([plugin("mine", body)])
    step = registry.postprocessor("as-they-are")
    assert step.stage == "consistency"
    atoms = object()
    assert step.run(atoms, None) is atoms  # type: ignore[arg-type]


def test_a_model_can_bring_a_reconstructor_of_its_own(plugin: MakePlugin) -> None:
    body = (
        "class Mine:\n    def rebuild(self, topology, beads):\n        return beads.positions\n"
        "@hookimpl\ndef herobm_register_models():\n"
        "    yield ModelSpec('own', 'beads', load=lambda device: Mine())\n"
    )
    spec = load_registry([plugin("mine", mappings("beads") + body)]).model("own")
    assert (spec.name, spec.mapping, spec.weights) == ("mine/own", "mine/beads", None)
    assert spec.load is not None
    assert isinstance(spec.load("cpu"), Reconstructor)


def test_weights_and_a_reconstructor_exclude_each_other(plugin: MakePlugin) -> None:
    body = (
        "@hookimpl\ndef herobm_register_models():\n"
        "    yield ModelSpec('own', 'beads', HERE / 'a.safetensors', load=print)\n"
    )
    assert "has both weights and load" in only_failure(load_registry([plugin("mine", body)]))


def test_the_steps_of_the_core_come_by_the_same_hooks() -> None:
    registry = load_registry(allowed=["nobody"])
    assert [plugin.name for plugin in registry.plugins] == ["herobm"]
    assert registry.postprocessor("minimise").stage == "minimise"
    assert "herobm/backbone" in registry.postprocessors()
    assert not load_registry(allowed=[], blocked=["herobm"]).postprocessors()


def test_a_plugin_left_out_is_named_where_its_names_are_missed(plugin: MakePlugin) -> None:
    entries = [plugin("one", mappings("a")), plugin("two", mappings("b"))]
    registry = load_registry(entries, blocked=["two"])
    with pytest.raises(UnknownNameError) as caught:
        registry.mapping("two")
    assert "plug-in 'two' is installed, but left out" in str(caught.value)


def test_the_package_of_a_missing_plugin_is_named() -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_registry([]).mapping("martini3/protein")
    assert "pip install herobm-martini3" in str(caught.value)
