"""The conformance suites: they pass what is sound, and fail what is not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from herobm.io import read_atoms, write_structure
from herobm.plan.bonds import plan_bonds
from herobm.plugins import ModelSpec, PostProcessorSpec, Registry, load_registry
from herobm.plugins.registry import Plugin, PluginSource
from herobm.system import Topology
from herobm.testing import MappingPackSuite, ModelSuite, PostProcessorSuite
from herobm.testing.given import given
from herobm.types import Atoms, Beads, FloatArray

ROOT = Path(__file__).resolve().parents[2]
PEPTIDE = ROOT / "plugins/ca_only/tests/acdefghikl.pdb"
CAFFEINE = ROOT / "plugins/custom_ligand/tests/caffeine.pdb"
MAPS = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps"


def outcome(suite: Any, name: str) -> bool:
    """Run one test of a suite; tell whether it passes."""
    try:
        getattr(suite, name)()
    except pytest.skip.Exception:
        return True
    except AssertionError:
        return False
    return True


def failing(suite: Any) -> set[str]:
    names = [name for name in dir(suite) if name.startswith("test_")]
    assert len(names) > 5
    return {name.removeprefix("test_") for name in names if not outcome(suite, name)}


class Mapped(MappingPackSuite):
    mapping = "pack/ligand"
    structures = (CAFFEINE,)


def registry_of(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A plug-in `pack` with one mapping file of that text."""
    module = f"pack_{next(COUNT)}"
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "cff.map").write_text(text)
    (tmp_path / f"{module}.py").write_text(
        "from pathlib import Path\nfrom herobm.plugins import MappingSpec, hookimpl\n"
        "@hookimpl\ndef herobm_register_mappings():\n"
        "    yield MappingSpec('ligand', (Path(__file__).parent / 'cff.map',), 'caffeine')\n"
    )
    return load_registry([EntryPoint("pack", module, "herobm")])


COUNT = itertools.count()
SOUND = (MAPS / "cff.map").read_text()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text, set()),
        (lambda text: text.replace("molecule: ", "molecule:    "), {"the_files_are_laid_out"}),
        (
            lambda text: text.partition("bonds:")[0].rstrip() + "\n",
            {"the_chemistry_is_complete"},
        ),
        (lambda text: text.replace(", C8=N9", ", C8-N9"), {"the_chemistry_is_complete"}),
    ],
    ids=["sound", "layout", "no bonds", "valence"],
)
def test_a_mapping_pack_is_judged(
    change: Callable[[str], str],
    expected: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = registry_of(tmp_path, change(SOUND), monkeypatch)
    suite = Mapped()
    suite.registry = lambda: registry  # type: ignore[method-assign]
    assert failing(suite) == expected


def test_structures_cut_by_their_box_are_seen_whole(tmp_path: Path) -> None:
    atoms = read_atoms(PEPTIDE)
    box = np.array([60.0, 60.0, 60.0, 90.0, 90.0, 90.0])
    middle = atoms.positions.mean(axis=0)
    cut = replace(atoms, positions=(atoms.positions - middle) % 60.0, box=box)
    assert np.ptp(cut.positions, axis=0).max() > 50.0
    path = tmp_path / "cut.pdb"
    write_structure(path, cut)
    seen = given(path, load_registry(), "ca_only/ca")
    bonds = plan_bonds(seen.plan, seen.topology.links.previous)
    lengths = np.linalg.norm(np.subtract(*seen.positions[bonds.T]), axis=1)
    assert lengths.max() < 2.0


class Toy:
    """Every atom on its bead, moved by a rule that a test chooses."""

    def __init__(self, rule: Callable[[FloatArray, Topology, Beads], FloatArray]) -> None:
        self.rule = rule

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        plan = topology.plan
        if not plan.n_beads:
            return np.zeros((0, 3))
        bead = np.zeros(plan.n_atoms, dtype=np.int64)
        bead[plan.row_atom] = plan.bead
        return self.rule(beads.positions[bead], topology, beads)


def own_plugins(**records: Any) -> Registry:
    found = {plugin.name: plugin for plugin in load_registry().plugins}
    ligand = found["custom_ligand"]
    extra = Plugin(PluginSource("pack", "pack"), **records)
    return Registry([replace(ligand), extra])


class Modelled(ModelSuite):
    model = "pack/toy"
    structure = CAFFEINE
    reach = 5.0


RULES: dict[str, tuple[Callable[..., FloatArray], set[str]]] = {
    "sound": (lambda near, topology, beads: near, set()),
    "fixed direction": (
        lambda near, topology, beads: near + np.array([1.0, 0.0, 0.0]),
        {"atoms_turn_and_move_with_the_beads"},
    ),
    "sees everything": (
        lambda near, topology, beads: near + 0.1 * (beads.positions.mean(axis=0) - near),
        {"what_is_far_changes_nothing"},
    ),
    "random": (
        lambda near, topology, beads: near + np.random.default_rng().normal(size=near.shape),
        {
            "atoms_turn_and_move_with_the_beads",
            "the_order_of_beads_in_the_file_is_nothing_to_it",
            "the_order_of_molecules_is_nothing_to_it",
            "the_same_beads_give_the_same_atoms",
            "what_is_far_changes_nothing",
        },
    ),
    "nowhere": (
        lambda near, topology, beads: near * np.nan,
        {"every_atom_is_placed", "a_residue_alone_is_rebuilt"},
    ),
    "too few": (
        lambda near, topology, beads: near[1:],
        {"every_atom_is_placed", "a_residue_alone_is_rebuilt"},
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_model_is_judged(name: str) -> None:
    rule, expected = RULES[name]
    spec = ModelSpec(
        "toy", "custom_ligand/caffeine", description="a toy", load=lambda device: Toy(rule)
    )
    registry = own_plugins(models=(spec,))
    suite = Modelled()
    suite.registry = lambda: registry  # type: ignore[method-assign]
    assert failing(suite) >= expected
    assert expected or not failing(suite)


class Stepped(PostProcessorSuite):
    step = "pack/step"
    structure = CAFFEINE
    mapping = "custom_ligand/caffeine"
    idempotent = True

    def held(self, atoms: Atoms) -> Any:
        return atoms.elements == "N"


def shifted(atoms: Atoms, context: Any) -> Atoms:
    return atoms.with_positions(atoms.positions + 0.5)


def reversed_atoms(atoms: Atoms, context: Any) -> Atoms:
    return replace(atoms, positions=atoms.positions[::-1], names=atoms.names[::-1])


def in_place(atoms: Atoms, context: Any) -> Atoms:
    atoms.positions[atoms.elements != "N"] = 0.0
    return atoms


def lost(atoms: Atoms, context: Any) -> Atoms:
    return atoms.subset(np.arange(len(atoms)) > 0)


STEPS: dict[str, tuple[Callable[..., Atoms], str]] = {
    "sound": (lambda atoms, context: atoms, ""),
    "moves what it holds": (shifted, "what_it_does_not_move_is_not_moved"),
    "is not idempotent": (shifted, "twice_is_once_where_it_says_so"),
    "changes the order": (reversed_atoms, "names_and_order_are_kept"),
    "works in place": (in_place, "what_it_is_given_stays_as_it_is"),
    "loses an atom": (lost, "names_and_order_are_kept"),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_judged(name: str) -> None:
    run, expected = STEPS[name]
    spec = PostProcessorSpec("step", "consistency", run, "a toy")
    registry = own_plugins(postprocessors=(spec,))
    suite = Stepped()
    suite.registry = lambda: registry  # type: ignore[method-assign]
    found = failing(suite)
    assert found == set() if not expected else expected in found


class TestConsistency(PostProcessorSuite):
    """The step of the core, on a molecule whose beads its atoms make already."""

    step = "herobm/consistency"
    structure = CAFFEINE
    mapping = "custom_ligand/caffeine"


class TestBackbone(PostProcessorSuite):
    """The step of the core leaves alone what is no protein."""

    step = "herobm/backbone"
    structure = CAFFEINE
    mapping = "custom_ligand/caffeine"
    idempotent = True

    def held(self, atoms: Atoms) -> Any:
        return np.ones(len(atoms), dtype=bool)


class TestHydrogens(PostProcessorSuite):
    """The step of the core adds to a protein and moves none of its atoms."""

    step = "herobm/hydrogens"
    structure = PEPTIDE
    mapping = "martini3/protein"
    adds = True
    idempotent = True

    def held(self, atoms: Atoms) -> Any:
        return np.ones(len(atoms), dtype=bool)


class TestHydrogensOfALigand(PostProcessorSuite):
    step = "herobm/hydrogens"
    structure = CAFFEINE
    mapping = "custom_ligand/caffeine"
    adds = True
    idempotent = True

    def held(self, atoms: Atoms) -> Any:
        return np.ones(len(atoms), dtype=bool)


class TestMinimise(PostProcessorSuite):
    step = "herobm/minimise"
    structure = PEPTIDE
    mapping = "martini3/protein"
    options: ClassVar[Mapping[str, Any]] = {"platform": "CPU"}
    adds = True


class TestMinimiseALigand(PostProcessorSuite):
    """By MMFF94."""

    step = "herobm/minimise"
    structure = CAFFEINE
    mapping = "custom_ligand/caffeine"
    options: ClassVar[Mapping[str, Any]] = {"platform": "CPU"}
    adds = True
