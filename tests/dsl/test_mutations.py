"""Laws that hold for every text, tried on shipped mappings with random faults in them."""

from __future__ import annotations

import dataclasses
import importlib.util
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herobm.dsl import build_set, check, check_files, format, parse, read_file
from herobm.dsl.load import as_text
from herobm.dsl.model import MappingSet
from herobm.dsl.syntax import File, Span
from herobm.errors import DslError
from herobm.plan import compile_library, compile_plan, project, reconstruct

_spec = importlib.util.spec_from_file_location("mutants", Path(__file__).with_name("mutants.py"))
mutants = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutants)

SHIPPED = mutants.SHIPPED
SECONDS = 20  # a text that takes as long hangs


@contextmanager
def no_hang() -> Iterator[None]:
    """Break off what goes on for ever."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def bare(node: Any) -> Any:
    """What the syntax says, without positions."""
    if dataclasses.is_dataclass(node) and not isinstance(node, Span):
        fields = [f.name for f in dataclasses.fields(node)]
        kept = [n for n in fields if n not in ("path", "text", "faults", "span")]
        return type(node).__name__, *(bare(getattr(node, name)) for name in kept)
    return tuple(map(bare, node)) if isinstance(node, tuple) else node


def assert_formats(file: File) -> None:
    """`format` keeps what a file says, and changes nothing the second time."""
    laid_out = format(file)
    again = parse(laid_out)

    assert again.faults == ()
    assert bare(again) == bare(file)
    assert format(again) == laid_out
    assert comments(laid_out) == comments(file.text)


def comments(text: str) -> list[str]:
    """Lines that hold nothing but a comment, and how many lines there are above each."""
    lines = [line.strip() for line in text.split("\n")]
    return [f"{i} {line}" for i, line in enumerate(lines) if line.startswith("#")]


@cache
def neighbours(path: Path) -> tuple[tuple[File, ...], tuple[File, ...]]:
    """What is read before and behind a mapping: for a patch two residues, else the patches."""
    files = [read_file(p) for p in sorted(path.parent.glob("*.map")) if p != path]
    whole, patches = ([f for f in files if f.is_patch is flag] for flag in (False, True))
    names = set(read_file(path).molecules)
    if read_file(path).is_patch:
        return tuple(f for f in whole if names & set(f.molecules))[:2], ()
    return (), tuple(f for f in patches if names & set(f.molecules))


def assert_compiles(mappings: MappingSet) -> None:
    """A plan comes of it, along which atoms are taken apart and put together again."""
    library = compile_library(mappings)
    kinds = np.repeat(np.arange(len(library.templates)), 2)
    plan = compile_plan(library, kinds, kinds >= 0, kinds >= 0)
    rng = np.random.default_rng(0)
    beads = rng.normal(size=(plan.n_beads, 3))
    atoms = rng.normal(size=(plan.n_atoms, 3))

    assert plan.n_atoms == 2 * sum(len(t.atoms) for t in library)
    np.testing.assert_allclose(reconstruct(plan, beads, project(plan, beads, atoms)), atoms)


def assert_laws(data: bytes, path: Path) -> bool:
    """Whatever the bytes: diagnostics, or a set that can be used; whether it was the latter."""
    file = as_text(data, "mutant.map")
    before, behind = neighbours(path)
    files = [*before, file, *behind]
    diagnostics = [*check(file), *check_files(files)]
    n_lines = {f.path: f.text.count("\n") + 1 for f in files}
    for d in diagnostics:
        assert d.span is None or 1 <= d.span.line <= n_lines[d.path]
        assert d.help, d
    if not file.faults:
        assert_formats(file)
    try:
        mappings = build_set(files, "mutants")
    except DslError:
        assert any(d.is_error for d in diagnostics)
        return False
    assert_compiles(mappings)
    return True


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_what_is_shipped_obeys_the_laws(path):
    assert assert_laws(path.read_bytes(), path)


def try_mutants(n: int, seed: int) -> None:
    n_accepted = 0
    for i in range(n):
        path = SHIPPED[i % len(SHIPPED)]
        data = mutants.mutate(path.read_bytes(), random.Random(seed * 1_000_003 + i))
        try:
            with no_hang():
                n_accepted += assert_laws(data, path)
        except Exception as error:
            error.add_note(f"mutant {i} of seed {seed}, from {path.name}:\n{data!r}")
            raise
    assert n / 20 < n_accepted < n / 2


def test_mutants_of_shipped_mappings():
    try_mutants(500, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_mutants_of_shipped_mappings(seed):
    try_mutants(2000, seed)


_LINES = st.lists(
    st.sampled_from(
        ["molecule: A, \"B C\"", "weights:  equal", "at: chain-end", "atoms:", "", "# own line",
         "  # indented", "  N ,H:BB P1A  # here", "CZ: SC2 ,SC3 P2BA ,P2BA .5,.5", "X: A, B !,",
         "X2: A, B ,! # c", "\"a b\": 'c\"d' CM", "Y: A 1 P1B", "Z: A, B P1A,, 1/2,1/2", "bonds:",
         "bonds: N-CA,C#N ,", " N--C, +\"a b\"=C", "beads: A:P2,B : \"x y\"", " A:b", "charges:",
         "N : +1,C:-1 # c", "stereo: C9 =C10:Z", "angles:", "N - CA-C:1", "Q: \"A P1A\" # c", "W:",
         "V: A  ,", "'C2\\'' : A"]
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_LINES, st.sampled_from(["\n", "\r\n", " \n", "\t\r\n"]), st.booleans())
def test_format_keeps_what_odd_layouts_say(lines, newline, ended):
    file = parse(newline.join(lines) + newline * ended)
    if not file.faults:
        assert_formats(file)
