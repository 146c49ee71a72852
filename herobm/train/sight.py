"""What a network sees while it learns: batches, and its own sketches of the whole corpus."""

from __future__ import annotations

import torch

from herobm.nn.look import Look, Sketch, join_looks
from herobm.nn.model import Backmapper, Prediction
from herobm.train.batch import Batch, graph_of
from herobm.train.corpus import Corpus
from herobm.train.shake import Shaken

#: Beads that are looked at once.
CHUNK = 4096


class Sight:
    """What a network sees: of a batch, or a sketch of all beads if its first look is held.

    Parameters
    ----------
    first : Look, optional
        At all beads of the corpus, where they were looked at beforehand.
    sketch : Sketch, optional
        Of all beads.
    corrected : bool
        Whether the vectors of `first` are those of a later look.
    """

    def __init__(
        self, first: Look | None = None, sketch: Sketch | None = None, *, corrected: bool = False
    ) -> None:
        self.first, self.sketch, self.corrected = first, sketch, corrected

    def predict(self, network: Backmapper, batch: Batch) -> Prediction:
        """Predict what belongs to a batch."""
        if self.first is None or self.sketch is None:
            return network.predict(network.look(batch.graph))
        return self._last(network, batch, self.first.take(batch.index), self.sketch)

    def predict_anew(self, network: Backmapper, batch: Batch) -> tuple[Prediction, torch.Tensor]:
        """Predict what belongs to a batch, whose beads are looked at anew.

        Returns
        -------
        Prediction
        Tensor, shape (n_beads, n_slots, 3)
            Å, the vectors at first sight.
        """
        assert self.first is not None
        assert self.sketch is not None
        first = network.look(batch.graph)
        seen = first
        if self.corrected:
            seen = first._replace(vectors=self.first.vectors[batch.index])
        return self._last(network, batch, seen, self.sketch), first.vectors

    @staticmethod
    def _last(network: Backmapper, batch: Batch, seen: Look, sketch: Sketch) -> Prediction:
        look = network.look_again(network.n_again - 1, batch.graph, seen, sketch)
        return network.predict(look)


@torch.no_grad()
def sketches(network: Backmapper, corpus: Corpus, shaken: Shaken) -> list[Sight]:
    """Make all sketches that a second look is taken at, the first one first."""
    if network.second is None:
        return [Sight()]
    every = torch.arange(len(corpus.beads), device=corpus.beads.device).split(CHUNK)
    graphs = (graph_of(corpus, shaken, part) for part in every)
    look = join_looks([network.look(graph) for graph in graphs])
    made = [Sight(look, network.sketch(0, corpus.types, look))]
    for number in range(network.n_again - 1):
        parts = ((graph_of(corpus, shaken, part), look.take(part)) for part in every)
        sketch = made[-1].sketch
        assert sketch is not None
        look = join_looks(
            [network.look_again(number, graph, mine, sketch) for graph, mine in parts]
        )
        made.append(Sight(look, network.sketch(number + 1, corpus.types, look), corrected=True))
    return made
