"""What a step of post-processing has to fulfil."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from herobm.plan.bonds import plan_bonds
from herobm.plugins import STAGES, PostProcessorSpec, Registry
from herobm.plugins.step_context import StepContext
from herobm.testing.given import Given, given, installed, sound
from herobm.types import Atoms, BoolArray


class PostProcessorSuite:
    """Tests of a step: what it may change is what it says it changes.

    Attributes
    ----------
    step : str
        Full name of the step, ``plugin/name``.
    structure : Path
        With atoms for it to work on.
    mapping : str
        Mapping set by which the structure is turned into beads for the context.
    options : mapping of str to object
        What the command line asks of the step.
    adds : bool
        Whether it adds atoms (hydrogens).
    idempotent : bool
        Whether it leaves alone what it has worked on.
    tolerance : float
        Å, within which positions count as the same.
    """

    step: ClassVar[str]
    structure: ClassVar[Path]
    mapping: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    adds: ClassVar[bool] = False
    idempotent: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-3

    def held(self, atoms: Atoms) -> BoolArray:
        """Tell which atoms (n_atoms,) the step says it does not move; none by default."""
        return np.zeros(len(atoms), dtype=bool)

    def registry(self) -> Registry:
        """Return the installed plug-ins."""
        return installed()

    def spec(self) -> PostProcessorSpec:
        """Return the record of the step."""
        return self.registry().postprocessors()[self.step]

    def given(self) -> Given:
        """Return the structure as the mapping set sees it."""
        return given(self.structure, self.registry(), self.mapping)

    def context(self, seen: Given, lines: list[str] | None = None) -> StepContext:
        """Return the context of a structure; `lines` takes what the step reports."""
        heard = [] if lines is None else lines
        return StepContext(
            beads=seen.topology.beads,
            topology=seen.topology,
            bonds=plan_bonds(seen.plan, seen.topology.links.previous),
            options=self.options,
            report=heard.append,
        )

    def run(self) -> tuple[Atoms, Atoms]:
        """Return atoms before and after the step."""
        seen = self.given()
        before = seen.atoms()
        assert np.isfinite(before.positions).all(), f"{self.structure} lacks atoms of the mapping"
        return before, self.spec().run(before, self.context(seen))

    def test_the_step_is_registered(self) -> None:
        """Its plug-in works, its stage is one, and it has a line that describes it."""
        sound(self.registry(), self.step)
        assert self.spec().stage in STAGES
        assert self.spec().description

    def test_names_and_order_are_kept(self) -> None:
        """The atoms are the same, in the same order; added ones come in between."""
        before, after = self.run()
        kept = _kept(before, after)
        assert self.adds or len(after) == len(before)
        assert after.names[kept].tolist() == before.names.tolist()
        assert after.residue_index[kept].tolist() == before.residue_index.tolist()
        for field in ("names", "ids", "icodes", "chains"):
            assert getattr(after.residues, field).tolist() == (
                getattr(before.residues, field).tolist()
            )

    def test_positions_are_finite(self) -> None:
        """One position for each atom, none of them NaN or infinite."""
        _, after = self.run()
        assert after.positions.shape == (len(after), 3)
        assert np.isfinite(after.positions).all()

    def test_what_it_is_given_stays_as_it_is(self) -> None:
        """The atoms are not changed in place."""
        seen = self.given()
        before = seen.atoms()
        positions, names = before.positions.copy(), before.names.copy()
        beads = seen.topology.beads.positions.copy()
        self.spec().run(before, self.context(seen))
        np.testing.assert_array_equal(before.positions, positions)
        np.testing.assert_array_equal(before.names, names)
        np.testing.assert_array_equal(seen.topology.beads.positions, beads)

    def test_what_it_does_not_move_is_not_moved(self) -> None:
        """Atoms that `held` names are where they were."""
        before, after = self.run()
        held = self.held(before)
        moved = np.linalg.norm(after.positions[_kept(before, after)] - before.positions, axis=1)
        assert not (moved[held] > self.tolerance).any(), f"moved by {moved[held].max():.3f} Å"

    def test_the_same_atoms_give_the_same_result(self) -> None:
        """Twice with the same seed."""
        (_, one), (_, two) = self.run(), self.run()
        np.testing.assert_allclose(two.positions, one.positions, atol=self.tolerance)

    def test_twice_is_once_where_it_says_so(self) -> None:
        """A second run changes nothing, if the step is declared `idempotent`."""
        if not self.idempotent:
            return
        _, once = self.run()
        twice = self.spec().run(once, self.context(self.given()))
        assert twice.names.tolist() == once.names.tolist()
        np.testing.assert_allclose(twice.positions, once.positions, atol=self.tolerance)


def _kept(before: Atoms, after: Atoms) -> np.ndarray:
    """Rows of `after` that hold the atoms of `before`, in order."""
    rows: list[int] = []
    where = {
        key: row
        for row, key in enumerate(
            zip(after.residue_index.tolist(), after.names.tolist(), strict=True)
        )
    }
    for key in zip(before.residue_index.tolist(), before.names.tolist(), strict=True):
        assert key in where, f"atom {key[1]} of {before.residues.label(key[0])} is lost"
        rows.append(where[key])
    assert rows == sorted(rows), "the order of the atoms is changed"
    return np.array(rows, dtype=np.int64)
