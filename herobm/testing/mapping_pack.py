"""What a mapping pack has to fulfil."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from herobm.chem.checks.mapping import check_chemistry_files
from herobm.dsl import check_files, format, read_file, render
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.syntax import File
from herobm.plan import Library, compile_plan, project, reconstruct
from herobm.plugins import MappingSpec, Registry
from herobm.system.coarsen import coarsen_plan
from herobm.testing.given import given, installed, library_of, sound


class MappingPackSuite:
    """Tests of a mapping set: its files, their chemistry, and atoms that come back.

    Attributes
    ----------
    mapping : str
        Full name of the set, ``plugin/name``.
    structures : tuple of Path
        Structures with atoms to go to beads and back; residues that the set lacks are passed over.
    allowed : frozenset of str
        Codes of warnings on chemistry that are meant to be there.
    tolerance : float
        Å, how far an atom may be from where it came from.
    """

    mapping: ClassVar[str]
    structures: ClassVar[tuple[Path, ...]] = ()
    allowed: ClassVar[frozenset[str]] = frozenset()
    tolerance: ClassVar[float] = 1e-3

    def registry(self) -> Registry:
        """Return the installed plug-ins."""
        return installed()

    def spec(self) -> MappingSpec:
        """Return the record of the set."""
        return self.registry().mappings()[self.mapping]

    def files(self) -> list[File]:
        """Read the files of the set."""
        return [read_file(path) for path in self.spec().files]

    def library(self) -> Library:
        """Compile the set."""
        return library_of(self.registry(), self.mapping)

    def test_the_set_is_registered(self) -> None:
        """Its plug-in works, and has a line to describe the set."""
        registry = self.registry()
        sound(registry, self.mapping)
        assert self.mapping in registry.mappings()
        assert registry.mappings()[self.mapping].description

    def test_the_files_are_without_fault(self) -> None:
        """Each parses, and together they make sense."""
        files = self.files()
        assert files
        _none(files, [d for d in check_files(files, True) if d.is_error])

    def test_the_files_are_laid_out(self) -> None:
        """``herobm mapping fmt`` would change none."""
        ours = [f for f in self.files() if Path(f.path).suffix == ".map"]
        changed = [f.path for f in ours if format(f) != f.text]
        assert not changed, f"run: herobm mapping fmt {' '.join(changed)}"

    def test_the_chemistry_is_complete(self) -> None:
        """Bonds, valences and stereo labels are there and agree with each other."""
        files = self.files()
        found = check_chemistry_files(files)
        _none(files, [d for d in found if d.is_error or d.code not in self.allowed])

    def test_no_residue_is_claimed_twice(self) -> None:
        """No two files of the set map one residue name."""
        claimed = [m for f in self.files() if not f.is_patch for m in f.molecules]
        assert not sorted({name for name in claimed if claimed.count(name) > 1})

    def test_atoms_come_back_from_their_vectors(self) -> None:
        """Every residue kind, its atoms anywhere: to vectors, and from vectors."""
        library = self.library()
        ends = np.ones(len(library.templates), dtype=bool)
        plan = compile_plan(library, np.arange(len(library.templates)), ends, ends)
        random = np.random.default_rng(0)
        atoms, beads = random.normal(size=(plan.n_atoms, 3)), random.normal(size=(plan.n_beads, 3))
        back = reconstruct(plan, beads, project(plan, beads, atoms))
        np.testing.assert_allclose(back, atoms, atol=1e-9)

    def test_the_structures_come_back(self) -> None:
        """Atoms of the structures: to beads, to vectors, and back to the same atoms."""
        for path in self.structures:
            seen = given(path, self.registry(), self.mapping)
            assert seen.plan.n_atoms, f"{path} has no atom of {self.mapping}"
            there = seen.topology.beads.positions
            back = reconstruct(seen.plan, there, project(seen.plan, there, seen.positions))
            known = np.isfinite(seen.positions[:, 0])
            back, kept = back[known], np.isfinite(back[known, 0])
            # An atom whose anchor the structure lacks has no vector.
            np.testing.assert_allclose(
                back[kept], seen.positions[known][kept], atol=self.tolerance, err_msg=str(path)
            )
            assert kept.mean() > 0.5, f"{path} lacks most anchors"

    def test_beads_lie_among_their_atoms(self) -> None:
        """A bead of the structures lies within its atoms, if hydrogens that count are left out."""
        for path in self.structures:
            seen = given(path, self.registry(), self.mapping)
            heavy = coarsen_plan(seen.plan, np.nan_to_num(seen.positions, nan=1e6))
            off = np.linalg.norm(heavy - seen.topology.beads.positions, axis=1)
            whole = off < 1e3  # of beads that have all their atoms
            assert (off[whole] < 1.5).all(), f"{path}: beads are {off[whole].max():.2f} Å off"


def _none(files: list[File], found: list[Diagnostic]) -> None:
    assert not found, "\n" + render(found, {f.path: f.text for f in files})
