"""Which steps run, in which order, and what becomes of their words and faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from herobm.errors import PluginContractError, PluginError, StructureError, UnknownNameError
from herobm.plugins import PostProcessorSpec
from herobm.plugins.registry import Plugin, PluginSource, Registry
from herobm.plugins.step_context import StepContext
from herobm.post import herobm_register_postprocessors
from herobm.post.chain import check_options, resolve, run_chain
from herobm.types import Atoms


def up(atoms: Atoms, context) -> Atoms:
    context.report("one up")
    context.report("seed " + str(context.seed))
    return replace(atoms, positions=atoms.positions + np.array([0, 0, 1.0]))


def double(atoms: Atoms, context) -> Atoms:
    return replace(atoms, positions=atoms.positions * 2)


UP = PostProcessorSpec("up", "hydrogens", up)
DOUBLE = PostProcessorSpec("double", "backbone", double)


@pytest.fixture
def registry() -> Registry:
    own = tuple(herobm_register_postprocessors())
    return Registry(
        [
            Plugin(PluginSource("herobm", "herobm.post"), postprocessors=own),
            Plugin(PluginSource("mine", "mine"), postprocessors=(UP, DOUBLE)),
        ]
    )


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (None, ["backbone", "consistency"]),
        ("none", []),
        ("minimise,backbone", ["backbone", "minimise"]),
        ("up, mine/double,up", ["double", "up"]),
        ("herobm/hydrogens,consistency", ["consistency", "hydrogens"]),
    ],
)
def test_steps_are_sorted_by_stage(registry: Registry, names, found) -> None:
    assert [spec.name for spec in resolve(names, registry)] == found


def test_an_unknown_step_is_refused_with_the_names_there_are(registry: Registry) -> None:
    with pytest.raises(UnknownNameError, match="backbon"):
        resolve("backbon", registry)


def test_no_default_chain_where_the_core_is_blocked() -> None:
    assert resolve(None, Registry([])) == ()


def test_options_that_no_step_takes_are_refused(registry: Registry) -> None:
    hydrogens = resolve("hydrogens", registry)
    check_options({"ph": 7.0, "threads": 2}, hydrogens)
    check_options({"whatever": 1}, resolve("up", registry))  # which does not say what it takes
    with pytest.raises(UnknownNameError, match="'pH' is taken by no step") as told:
        check_options({"pH": 7.0}, hydrogens)
    assert told.value.hint == "'ph' may be meant."
    with pytest.raises(UnknownNameError, match=r"steps: hydrogens") as told:
        check_options({"tolerance": 50.0}, hydrogens)
    assert told.value.hint == "They take: ph, ends."
    with pytest.raises(UnknownNameError, match=r"steps: none"):
        check_options({"ph": 7.0}, ())


def test_steps_run_in_turn_and_tell(case) -> None:
    after, lines = run_chain([DOUBLE, UP], case.atoms, case.context)
    assert after.positions == pytest.approx(case.atoms.positions * 2 + np.array([0, 0, 1.0]))
    assert [line.split("(")[0].strip() for line in lines] == [
        "double            done",
        "up                one up",
        "seed 0",
    ]
    assert case.told == []


def test_a_step_that_fails_is_named(case) -> None:
    def broken(atoms: Atoms, context) -> Atoms:
        raise ZeroDivisionError("by nothing")

    spec = PostProcessorSpec("broken", "backbone", broken)
    with pytest.raises(PluginError, match=r"'broken' fails: ZeroDivisionError: by nothing"):
        run_chain([spec], case.atoms, case.context)


def test_an_error_of_herobm_passes_as_it_is(case) -> None:
    def refuses(atoms: Atoms, context) -> Atoms:
        raise StructureError("not this one")

    with pytest.raises(StructureError, match=r"^not this one$"):
        run_chain([PostProcessorSpec("x", "backbone", refuses)], case.atoms, case.context)


def test_a_step_that_returns_no_atoms_is_at_fault(case) -> None:
    spec = PostProcessorSpec("void", "backbone", lambda atoms, context: None)
    with pytest.raises(PluginContractError, match="'void' returns a NoneType"):
        run_chain([spec], case.atoms, case.context)


def test_the_usual_steps_may_stand_among_others(registry: Registry) -> None:
    usual = [spec.name for spec in resolve(None, registry)]
    assert [spec.name for spec in resolve("default", registry)] == usual
    more = [spec.name for spec in resolve("minimise,default", registry)]
    assert more == [*usual, "minimise"]
    with pytest.raises(
        UnknownNameError, match="'none' stands for no step, and cannot stand beside"
    ):
        resolve("none,hydrogens", registry)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda atoms: atoms.with_positions(atoms.positions[:-1]), "positions of"),
        (lambda atoms: atoms.subset(np.arange(len(atoms.names)) < 3), "returns 3 atoms of"),
        (
            lambda atoms: replace(atoms, names=atoms.names[::-1].copy()),
            "changes the names of",
        ),
        (lambda atoms: atoms.with_positions(atoms.positions * np.nan), "that are no numbers"),
    ],
)
def test_a_step_that_spoils_the_atoms_is_named(
    peptide: Callable[[str], Atoms], spoil: Callable[[Atoms], Atoms], why: str
) -> None:
    spec = PostProcessorSpec("mine/spoil", "backbone", lambda atoms, _: spoil(atoms))
    with pytest.raises(PluginContractError, match=f"post-processor 'mine/spoil' .*{why}"):
        run_chain([spec], peptide("AKF"), StepContext())


def test_a_step_that_loses_heavy_atoms_or_leaves_is_named(
    peptide: Callable[[str], Atoms],
) -> None:
    def some(atoms: Atoms, _: object) -> Atoms:
        return atoms.subset(np.arange(len(atoms.names)) > 1)

    def leave(atoms: Atoms, _: object) -> Atoms:
        raise SystemExit(3)

    with pytest.raises(PluginContractError, match="loses 2 heavy atoms"):
        run_chain([PostProcessorSpec("some", "hydrogens", some)], peptide("AKF"), StepContext())
    with pytest.raises(PluginError, match="'leave' fails: SystemExit: 3"):
        run_chain([PostProcessorSpec("leave", "backbone", leave)], peptide("AKF"), StepContext())


def test_no_name_is_not_no_step(registry: Registry) -> None:
    for names in ("", " , "):
        with pytest.raises(UnknownNameError, match="no step is named"):
            resolve(names, registry)
