"""A topology and the models that serve it, ready for frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from herobm.assembly.confidence import Confidence
from herobm.assembly.draft import Draft, Model
from herobm.assembly.outcome import Result, contributions, find_atoms
from herobm.assembly.routing import drop_unserved, route
from herobm.assembly.sampling import Sampler
from herobm.assembly.tidy import Tidier
from herobm.chem.judging.summary import Summary, summarise
from herobm.chem.judging.verdict import Judge
from herobm.chem.naming import best_names
from herobm.chem.rotor_shares import RotorShares
from herobm.errors import ModelError
from herobm.plan import reconstruct
from herobm.plugins.records import LIGHT, PostProcessorSpec
from herobm.plugins.step_context import StepContext
from herobm.post.chain import check_options, run_chain
from herobm.system import Topology
from herobm.system.disulfides import PLACED_CUTOFF, find_disulfides
from herobm.types import Atoms, Beads, FloatArray, IntArray


class Rebuilder:
    """A topology made ready: everything that serves all of its frames.

    Which cysteines are bridged is settled by the first frame that is rebuilt.

    Parameters
    ----------
    topology : Topology
    models : sequence of Model
        The last that knows a residue rebuilds it.
    device : str
        ``cpu`` or ``cuda``; what the steps are told (OpenMM chooses its platform by itself).
    seed : int
        Of the directions that are given to beads whose surroundings have none.
    steps : sequence of PostProcessorSpec
        What is done to the atoms afterwards, in order.
    options : mapping, optional
        What the steps are asked for.

    Raises
    ------
    ModelError
        If no model knows a residue kind of the topology.
    UnknownNameError
        If no step takes one of the options.
    """

    def __init__(
        self,
        topology: Topology,
        models: Sequence[Model],
        device: str = "cpu",
        seed: int = 0,
        steps: Sequence[PostProcessorSpec] = (),
        options: Mapping[str, Any] | None = None,
    ) -> None:
        plan = topology.plan
        check_options(options or {}, steps)
        drop_unserved(topology.beads, plan.library, models)
        owner = route(plan.library, models)
        self.topology, self.models = topology, tuple(models)
        self.contributions = contributions(plan, owner, models)
        self.shares = [
            model.share(topology, owner[plan.template] == index, seed)
            for index, model in enumerate(models)
            if index in owner[plan.template]
        ]
        self.reference = {kind: stats for model in models for kind, stats in model.bonds.items()}
        self.tidier = Tidier(topology, self.reference)
        self.disulfides = find_disulfides(plan, topology.beads)
        self._bridged: tuple[tuple[int, int], ...] | None = None
        self.light = tuple(spec for spec in steps if spec.stage in LIGHT)
        self.heavy = tuple(spec for spec in steps if spec.stage not in LIGHT)
        self._context = StepContext(
            topology=topology,
            bonds=self.tidier.bonds,
            reference=self.reference,
            device=device,
            seed=seed,
            options=dict(options or {}),
        )

    def rebuild(self, beads: Beads) -> FloatArray:
        """Place the heavy atoms of one frame, shape (n_atoms, 3), Å, in the order of the plan."""
        positions, context, _ = self._place(beads)
        if not self.light + self.heavy:
            return positions
        atoms, _ = self._lightly(self.as_atoms(positions, beads), context)
        made = run_chain(self.heavy, atoms, context)[0]
        return _at(find_atoms(self.topology.plan, beads.residues, made), made)

    def result(self, beads: Beads) -> Result:
        """Rebuild one frame and judge it."""
        *_, last = self.stages(beads)
        return last

    def stages(self, beads: Beads) -> Iterator[Result]:
        """Rebuild one frame; a result with the atoms of the mapping, then one for each step more.

        A step that adds hydrogens or minimises may fail; what was there before it is not lost.
        """
        yield from self._finish(beads, *self._place(beads))

    def samples(self, beads: Beads, n: int, seed: int = 0) -> Iterator[Result]:
        """Draw different conformers of one frame, each with all steps done.

        None of them is what `result` gives. The first ones do not depend on `n`.

        Parameters
        ----------
        beads : Beads
        n : int
        seed : int
            The same seed draws the same conformers.

        Raises
        ------
        ModelError
            If no model says how far off its atoms may be, or nothing in the molecules can turn.
        """
        positions, context, confidence = self._place(beads)
        bridged = np.array(context.disulfides, dtype=np.int64).ravel()
        plan = self.topology.plan
        sampler = Sampler(plan, positions, confidence.error, bridged, context.rotors, box=beads.box)
        _check_freedom(sampler, confidence)
        context = replace(context, rotors=None)  # what is likeliest is not what was drawn
        for number in range(n):
            rng = np.random.default_rng([seed % 2**63, number])
            drawn = self.tidier.tidy(sampler.draw(rng), context.disulfides)
            own = best_names(self.tidier.naming, positions, drawn)
            expected = confidence.elsewhere(plan, own, drawn)
            *_, last = self._finish(beads, drawn, context, expected)
            yield last

    def _finish(
        self, beads: Beads, positions: FloatArray, context: StepContext, confidence: Confidence
    ) -> Iterator[Result]:
        """Run the steps on atoms that are placed."""
        atoms, told = self._lightly(self.as_atoms(positions, beads), context)
        first = result = self._judge(beads, atoms, context.disulfides, told, confidence)
        yield result
        for spec in self.heavy:
            atoms, more = run_chain([spec], atoms, context)
            told += more
            bridges = context.disulfides
            result = self._judge(beads, atoms, bridges, told, confidence, first.summary)
            yield result

    def _place(self, beads: Beads) -> tuple[FloatArray, StepContext, Confidence]:
        draft = Draft.of(self.topology)
        for share in self.shares:
            share.fill(beads, draft)
        placed = reconstruct(self.topology.plan, beads.positions, draft.vectors)
        placed = np.where(np.isfinite(draft.placed), draft.placed, placed)
        bridges = self._bridges(placed)
        positions = self.tidier.tidy(placed, bridges)
        confidence = Confidence.of(
            self.topology.plan, draft.squared_error, draft.strain, draft.farthest
        )
        context = replace(
            self._context,
            beads=beads,
            disulfides=bridges,
            torsions=draft.torsions,
            rotors=RotorShares.joined(draft.rotors),
            error=confidence.error,
        )
        return positions, context, confidence

    def _bridges(self, positions: FloatArray) -> tuple[tuple[int, int], ...]:
        """Tell which sulfur atoms are bonded: those of the first frame, for bonds stay."""
        if self._bridged is None:
            self._bridged = self.disulfides.bonded(positions, PLACED_CUTOFF)
        return self._bridged

    def _lightly(self, atoms: Atoms, context: StepContext) -> tuple[Atoms, tuple[str, ...]]:
        """Run the steps that add nothing, and name like atoms that they turned over anew."""
        after, told = run_chain(self.light, atoms, context)
        if after is not atoms and np.array_equal(after.names, self.topology.plan.atom_names):
            after = after.with_positions(self.tidier.named(after.positions))
        return after, told

    @cached_property
    def judge(self) -> Judge:
        """What judges the frames."""
        return Judge(self.topology)

    def _judge(
        self,
        beads: Beads,
        atoms: Atoms,
        bridges: tuple[tuple[int, int], ...],
        told: tuple[str, ...],
        confidence: Confidence,
        before: Summary | None = None,
    ) -> Result:
        found = find_atoms(self.topology.plan, beads.residues, atoms)
        positions = _at(found, atoms)
        n_heavy = int(atoms.heavy.sum())
        summary = replace(
            summarise(self.judge, beads, positions, self.reference, bridges),
            contributions=self.contributions,
            n_atoms=n_heavy,
            n_hydrogens=len(atoms) - n_heavy,
            steps=told,
            confidence_lines=confidence.lines(beads.residues),
            expected_error=confidence.mean,
            n_strained=confidence.n_strained,
            before=before,
        )
        if confidence.told:
            column = confidence.column(atoms, found, self.topology.plan.atom_residue)
            atoms = replace(atoms, bfactors=column)
        there = [(int(found[a]), int(found[b])) for a, b in bridges]
        bonds = tuple(p for p in there if min(p) >= 0)
        return Result(atoms, beads, bonds, summary, confidence, self._context)

    def check_fits(self, path: Path | str) -> None:
        """See to it that a file can hold the result, before the network runs.

        Raises
        ------
        OutputError
            If the format of `path` is not known, or has no room for the names, chains or numbers.
        """
        from herobm.io import check_fits

        plan, beads = self.topology.plan, self.topology.beads
        near = beads.positions[plan.bead_start[plan.atom_residue]]
        check_fits(path, self.as_atoms(near, beads))

    def as_atoms(self, positions: FloatArray, beads: Beads) -> Atoms:
        """Name atoms at positions (n_atoms, 3) in Å."""
        plan = self.topology.plan
        return Atoms(
            positions=positions,
            names=plan.atom_names,
            residue_index=plan.atom_residue,
            residues=beads.residues,
            box=beads.box,
            elements=plan.elements,
        )


def _at(found: IntArray, atoms: Atoms) -> FloatArray:
    """Positions of the atoms `found` (n,), shape (n, 3), Å; NaN for those that are gone (-1)."""
    positions: FloatArray = np.append(atoms.positions, np.full((1, 3), np.nan), axis=0)[found]
    return positions


def _check_freedom(sampler: Sampler, confidence: Confidence) -> None:
    if not confidence.told:
        raise ModelError(
            "no samples can be drawn: the models do not say how far off their atoms may be",
            "Take a network of herobm that was judged ('herobm models calibrate'), or leave "
            "--samples out.",
        )
    if len(sampler.rotors) == 0:
        raise ModelError(
            "no samples can be drawn: no side branch of these residues can turn about a bond",
            "Leave --samples out.",
        )
