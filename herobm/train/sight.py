"""What a network sees while it learns: batches, and its own sketches of the whole corpus."""

from __future__ import annotations

import torch

from herobm.nn.model import Backmapper, Prediction
from herobm.nn.second import FirstLook
from herobm.train.batch import Batch, graph_of
from herobm.train.corpus import Corpus
from herobm.train.shake import Shaken

#: Beads that are looked at once.
CHUNK = 4096


class Sight:
    """What a network sees: of a batch, or a sketch of all beads if its first look is held.

    Parameters
    ----------
    first : FirstLook, optional
        At all beads of the corpus, where they were looked at beforehand.
    atoms : Tensor, shape (n_beads, n_slots, 3), optional
        Å, the sketch, relative to the beads.
    corrected : bool
        Whether the vectors of `first` are those of a later look.
    """

    def __init__(
        self,
        first: FirstLook | None = None,
        atoms: torch.Tensor | None = None,
        *,
        corrected: bool = False,
    ) -> None:
        self.first, self.atoms, self.corrected = first, atoms, corrected

    def predict(self, network: Backmapper, batch: Batch) -> Prediction:
        """Predict what belongs to a batch."""
        if self.first is None:
            return network.finish(batch.graph, network.look(batch.graph), None)
        return network.finish(batch.graph, self.first.take(batch.index), self.atoms)

    def predict_anew(self, network: Backmapper, batch: Batch) -> tuple[Prediction, torch.Tensor]:
        """Predict what belongs to a batch, whose beads are looked at anew.

        Returns
        -------
        Prediction
        Tensor, shape (n_beads, n_slots, 3)
            Å, the vectors at first sight.
        """
        first = network.look(batch.graph)
        seen = first
        if self.first is not None and self.corrected:
            seen = first._replace(vectors=self.first.vectors[batch.index])
        return network.finish(batch.graph, seen, self.atoms), first.vectors


@torch.no_grad()
def sketches(network: Backmapper, corpus: Corpus, shaken: Shaken) -> list[Sight]:
    """Make all sketches that a network looks at, the first one first."""
    if network.second is None:
        return [Sight()]
    every = torch.arange(len(corpus.beads), device=corpus.beads.device).split(CHUNK)
    cutoff = network.config.cutoff
    looks = [network.look(graph_of(corpus, shaken, part, cutoff)) for part in every]
    first = FirstLook(*(torch.cat(parts) for parts in zip(*looks, strict=True)))
    made = [Sight(first, network.atoms(corpus.types, first))]
    for _ in range(network.n_sketches - 1):
        last = made[-1].atoms
        graphs = ((graph_of(corpus, shaken, part, cutoff), first.take(part)) for part in every)
        looks = [network.look_again(graph, part, last) for graph, part in graphs]
        first = FirstLook(*(torch.cat(parts) for parts in zip(*looks, strict=True)))
        made.append(Sight(first, network.atoms(corpus.types, first), corrected=True))
    return made
