"""The training loop: batches, optimiser, moving average, checkpoints and exact resume."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from herobm.errors import ConfigError, OutputError
from herobm.nn.config import ModelConfig
from herobm.nn.model import Backmapper
from herobm.plan import compile_library
from herobm.plan.context import N_OWN
from herobm.train.batch import Batch, cut_batch, enclosed, segments, whole_structures
from herobm.train.checkpoint import State, save_checkpoint
from herobm.train.config import PLACES, TrainConfig
from herobm.train.corpus import Corpus, Statistics, build_corpus
from herobm.train.dataset import Dataset, read_dataset
from herobm.train.derive import Derived
from herobm.train.drift import read_drift
from herobm.train.inherit import read_kept
from herobm.train.joint import join_corpora, join_statistics
from herobm.train.judge import Judge
from herobm.train.loss import Halves, LossTerms, loss_terms, position_loss, rotor_loss
from herobm.train.places import make_folder, origin_of, require_files
from herobm.train.shake import Shaken, Shaking, shake
from herobm.train.sight import Sight, sketches
from herobm.train.start import start
from herobm.weights.expected import ErrorFit
from herobm.weights.file import Header, Weights, save_weights
from herobm.weights.vocabulary import Vocabulary


@dataclass(frozen=True)
class Progress:
    """Where a run stands: step out of how many, seconds so far, and its latest figures."""

    step: int
    n_steps: int
    seconds: float
    figures: dict[str, float]


Report = Callable[[Progress], None]

#: Weight of the positions of a sketch, where the first look learns beside the second.
SKETCH_WEIGHT = 0.5


def train(
    config: TrainConfig,
    *,
    device: str = "cpu",
    max_minutes: float = math.inf,
    overwrite: bool = False,
    report: Report = lambda _: None,
) -> Path | None:
    """Train a network, or go on with a run that was interrupted.

    Parameters
    ----------
    config : TrainConfig
    device : str
        ``cpu`` or ``cuda``.
    max_minutes : float
        Stop with a checkpoint after this time; the same call goes on from there.
    overwrite : bool
        Whether weights may be replaced that lie in the output folder without a checkpoint, and so
        are of another run.
    report : callable
        Called with a `Progress` every few steps.

    Returns
    -------
    Path or None
        The weights file; None if the time was up before the end.

    Raises
    ------
    DatasetError, ConfigError, OutputError
    """
    torch.set_num_threads(config.threads)
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
    started = time.monotonic()
    require_files(config)
    make_folder(config.output, overwrite)
    packs = [read_dataset(path) for path in (config.train, *config.also)]
    libraries = [compile_library(pack.mappings) for pack in packs]
    vocabulary = Vocabulary.of(*libraries)
    kept = read_kept(config, vocabulary)
    longest = None if kept is None else kept.network.longest
    corpus, statistics = _gather(packs, vocabulary, config.model, config.derived, longest=longest)
    _require_rotors(config, corpus)
    _require_bfactors(config, packs)
    if kept is not None:
        statistics = _statistics_of(kept)
    held_out = read_dataset(config.valid)
    seen = [replace(held_out, mappings=pack.mappings) for pack in packs]
    valid, _ = _gather(seen, vocabulary, config.model, longest=statistics.longest)
    ancestry = torch.as_tensor(vocabulary.ancestry(*libraries), dtype=torch.float32)
    origin = origin_of(config, packs, held_out)
    state = start(config, vocabulary, statistics, ancestry, device, origin)
    drift = torch.zeros(vocabulary.n_types, N_OWN)
    if config.drift is not None:
        drift = read_drift(config.drift, libraries[0], vocabulary)
    run = _Run(config, corpus.to(device), valid.to(device), vocabulary, drift.to(device), report)
    finished = run.go(state, started, max_minutes * 60.0)
    if not finished:
        return None
    nothing_learnt = ConfigError(
        f"{config.output}: the run has come to numbers that are not finite, and learnt nothing",
        "Lower 'learning_rate', or begin with other weights.",
    )
    if not state.best_figures or not state.taken:
        raise nothing_learnt
    network = run.network(state.best)
    errors = None if kept is None else kept.header.errors
    if errors is None:
        errors = run.judge.errors(network)
    if errors is not None and not np.isfinite(errors).all():
        raise nothing_learnt
    header = _header(config, packs, vocabulary, statistics, state, errors, device)
    path = config.output / "weights.safetensors"
    save_weights(path, network.state_dict(), header)
    return path


def _statistics_of(weights: Weights) -> Statistics:
    """Return what weights say about lengths."""
    network, bonds = weights.network, weights.header.bonds
    lengths = (network.typical, network.longest, network.strain.usual, network.strain.spread)
    return Statistics(*lengths, bonds=bonds)


def _require_rotors(config: TrainConfig, corpus: Corpus) -> None:
    """Stop where shares of torsion angles are to be learnt of structures that have none."""
    if config.model.rotors is not None and not len(corpus.rotors):
        raise ConfigError(
            f"{config.train}: has no bond about which a side branch turns, and 'model.rotors' "
            "would learn nothing",
            "Leave 'model.rotors' out, or pack other structures.",
        )


def _require_bfactors(config: TrainConfig, packs: Sequence[Dataset]) -> None:
    """Stop where B-factors are to weigh atoms of structures of which none has any."""
    if config.half_bfactor is not None and all(pack.atoms.bfactors is None for pack in packs):
        raise ConfigError(
            f"{config.train}: has no B-factors, and 'half_bfactor' would weigh nothing",
            "Leave 'half_bfactor' out, or pack crystal structures anew (herobm data build).",
        )


def _gather(
    packs: Sequence[Dataset],
    vocabulary: Vocabulary,
    model: ModelConfig,
    derived: tuple[Derived, ...] = (),
    *,
    longest: torch.Tensor | None = None,
) -> tuple[Corpus, Statistics]:
    """Coarse-grain datasets, each by its mapping, and lay them out as one."""
    made = [build_corpus(pack, vocabulary, model, derived, longest=longest) for pack in packs]
    corpora, statistics = [corpus for corpus, _ in made], [told for _, told in made]
    return join_corpora(corpora, vocabulary.n_slots), join_statistics(corpora, statistics)


def _header(
    config: TrainConfig,
    packs: Sequence[Dataset],
    vocabulary: Vocabulary,
    statistics: Statistics,
    state: State,
    errors: ErrorFit | None,
    device: str,
) -> Header:
    """Tell what the weights are of, and where they come from."""
    data = packs[0]
    idle = {"drift_share"} if config.drift is None else set()
    return Header(
        model=config.model,
        mapping=data.mappings.name,
        mapping_digest=data.mappings.digest(),
        vocabulary=vocabulary,
        bonds=statistics.bonds,
        errors=errors,
        training={
            "config": json.loads(config.model_dump_json(exclude=PLACES | idle)),
            "data": {"digest": data.digest, "structures": len(data.names)},
            "origin": state.origin,
            "mappings": [pack.mappings.name for pack in packs],
            "figures": {k: round(v, 5) for k, v in state.best_figures.items()},
            "seconds": round(state.seconds),
            "device": device,
        },
    )


class _Run:
    """One run: the corpus, the schedule, and the loop over both."""

    def __init__(
        self,
        config: TrainConfig,
        corpus: Corpus,
        valid: Corpus,
        vocabulary: Vocabulary,
        drift: torch.Tensor,
        report: Report,
    ) -> None:
        self.config, self.corpus, self.report = config, corpus, report
        self.vocabulary, self.judge = vocabulary, Judge(config, valid, vocabulary.n_slots)
        self.halves = Halves(config.half_strain, config.half_bfactor)
        share = 0.0 if config.drift is None else config.drift_share
        self.shaking = Shaking(config.noise_share, config.noise, share, drift)
        if config.model.rounds is None:
            n_runs = math.ceil(corpus.n_residues / config.segment)
            self.epoch_steps = max(n_runs // config.batch, 1)
        else:
            self.epoch_steps = max(corpus.n_residues // self.judge.residues(corpus), 1)
        self.n_steps = self.epoch_steps * config.epochs

    def go(self, state: State, started: float, limit: float) -> bool:
        """Train until the end (True) or until the time is up (False)."""
        config = self.config
        before = state.seconds
        saved = time.monotonic()
        while state.step < self.n_steps:
            epoch, skip = divmod(state.step, self.epoch_steps)
            for batch, sight in self._epoch(state, epoch, skip):
                self._step(state, batch, sight)
                now = time.monotonic()
                state.seconds = before + now - started
                if state.step % 20 == 0:
                    self.report(Progress(state.step, self.n_steps, state.seconds, state.figures))
                if state.step % self.epoch_steps == 0:
                    break  # the end of an epoch saves by itself
                late = now - started > limit
                if late or now - saved > 60.0 * config.checkpoint_minutes:
                    save_checkpoint(config.output, state, config)
                    saved = now
                if late:
                    return False
            state.figures |= self.judge.figures(self.network(state.average))
            state.compare()
            save_checkpoint(config.output, state, config)
            self._log(state)  # last, so that an epoch that is done again has one line
            saved = time.monotonic()
            if saved - started > limit and state.step < self.n_steps:
                return False
        return True

    def _epoch(self, state: State, epoch: int, skip: int) -> Iterator[tuple[Batch, Sight]]:
        """Batches of an epoch, and what there is to see; the same whenever asked for again.

        Where there are several sketches batches see them in turn, as the best network so far
        makes them; if all of it stays as it was, the last one only, which is what counts.
        """
        config, corpus = self.config, self.corpus
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        if config.model.rounds is not None:
            yield from self._wholes(state, generator, skip)
            return
        first, last = segments(corpus.structure, config.segment, generator)
        shaken = shake(corpus, self.shaking, state.network.strain, generator)
        sights = sketches(self.network(state.best), corpus, shaken)
        if config.hold == "all":
            sights = sights[-1:]
        for index in range(skip, self.epoch_steps):
            part = slice(index * config.batch, (index + 1) * config.batch)
            sight = sights[index % len(sights)]
            yield self._cut(corpus, shaken, first[part], last[part]), sight

    def _wholes(
        self, state: State, generator: torch.Generator, skip: int
    ) -> Iterator[tuple[Batch, Sight]]:
        """Batches of whole structures, which see all that there is to see."""
        corpus = self.corpus
        groups = whole_structures(corpus.structure, self.judge.residues(corpus), generator)
        shaken = shake(corpus, self.shaking, state.network.strain, generator)
        for first, last in groups[skip : self.epoch_steps]:
            yield enclosed(self._cut(corpus, shaken, first, last), len(corpus.beads)), Sight()

    def network(self, tensors: dict[str, torch.Tensor]) -> Backmapper:
        """Return a network of these parameters, which learns nothing."""
        network = Backmapper(self.config.model, self.vocabulary.n_types, self.vocabulary.n_slots)
        network.load_state_dict(tensors)
        return network.to(self.corpus.beads.device).eval()

    def _cut(
        self, corpus: Corpus, shaken: Shaken, first: torch.Tensor, last: torch.Tensor
    ) -> Batch:
        return cut_batch(corpus, shaken, first, last, self.vocabulary.n_slots)

    def _step(self, state: State, batch: Batch, sight: Sight) -> None:
        config = self.config
        progress = state.step / self.n_steps
        rate = config.learning_rate * min((state.step + 1) / config.warm_up, 1.0)
        rate *= 0.5 * (1.0 + math.cos(math.pi * progress)) + 0.002
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(config.seed * 1_000_003 + state.step)  # what dropout leaves out
        terms, loss = self._loss(state.network, batch, sight, progress)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.clip)
        if torch.isfinite(norm):  # one wild batch would spoil all parameters for good
            state.optimiser.step()
            state.taken += 1
        decay = min(config.ema, (state.step + 1) / (state.step + 10))
        with torch.no_grad():
            now = state.network.state_dict()
            torch._foreach_lerp_(
                [state.average[name] for name in now], [*now.values()], 1.0 - decay
            )
        state.step += 1
        if state.step % 20 == 0:
            state.figures |= {
                "loss": float(loss.detach()),
                "position": float(terms.position.detach()),
            }

    def _loss(
        self, network: Backmapper, batch: Batch, sight: Sight, progress: float
    ) -> tuple[LossTerms, torch.Tensor]:
        """Return the terms of the loss, and the loss itself."""
        config = self.config
        rough: list[torch.Tensor] = []
        if network.rounds is not None:
            held = 1 + network.n_second if config.holds else 0
            looks = network.looks(batch.graph, held)
            prediction = network.predict(looks[-1])
            if config.hold != "all":
                rough = [look.vectors for look in looks[held:-1]]
        elif config.holds or network.second is None:
            prediction = sight.predict(network, batch)
        else:
            prediction, vectors = sight.predict_anew(network, batch)
            rough = [vectors]
        placed = batch.place(prediction.vectors)
        terms = loss_terms(batch, placed, prediction, self.halves)
        loss = terms.total(config.geometry_weight(progress), config.torsion, config.distance)
        if network.rotors is not None:
            hidden = prediction.hidden if config.shares else prediction.hidden.detach()
            told = rotor_loss(network.rotors, batch, hidden, self.halves)
            if told is not None:
                loss = loss + config.rotor_weight * told
            else:  # of all parameters, so that each is learnt for as many steps as the others
                loss = (
                    loss + 0.0 * torch.stack([p.sum() for p in network.rotors.parameters()]).sum()
                )
        for vectors in rough:
            made = batch.place(vectors)
            position = position_loss(batch, made, self.halves, config.distance)
            loss = loss + SKETCH_WEIGHT / len(rough) * position
        return terms, loss

    def _log(self, state: State) -> None:
        line = {"step": state.step, "seconds": round(state.seconds), **state.figures}
        path = self.config.output / "log.jsonl"
        try:
            with path.open("a") as log:
                log.write(json.dumps(line) + "\n")
        except OSError as error:
            raise OutputError(
                f"{path}: the figures of an epoch cannot be written ({error.strerror or error})",
                "Make room; the same command goes on from the checkpoint.",
            ) from None
