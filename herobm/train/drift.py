"""What real coarse-grained frames do to distances between beads, read from a statistics file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from herobm.errors import ConfigError
from herobm.plan.context import N_OWN
from herobm.plan.template import Library
from herobm.weights.vocabulary import Vocabulary

#: Distances seen fewer times than this, in frames or in training, tell nothing.
MIN_SEEN = 20
#: How such a file is made.
MADE_BY = "Write it with: herobm data statistics CG... --against train.safetensors -o FILE"


def read_drift(path: Path, library: Library, vocabulary: Vocabulary) -> torch.Tensor:
    """Read how much farther apart the beads of a residue are than their atoms put them.

    Parameters
    ----------
    path : Path
        Written by ``herobm data statistics --against``.
    library : Library
    vocabulary : Vocabulary
        Of the library.

    Returns
    -------
    Tensor, shape (n_types, N_OWN)
        Å, from each bead to the beads of its residue. Where the frames say nothing of a distance
        it is the mean of all others.

    Raises
    ------
    ConfigError
        If the file cannot be read, or compares with no training structures.
    """
    rows = _rows(path)
    first, keys = 0, {}
    beads: dict[str, tuple[str, ...]] = {}
    for entry in vocabulary.entries:
        keys[entry.key], beads[entry.key] = first, entry.beads
        first += len(entry.beads)
    kinds = {name: library.templates[i].key for name, i in library.by_residue.items()}
    table = torch.full((vocabulary.n_types, N_OWN), torch.nan)
    for row in rows:
        key = kinds.get(row["residue"].split("/")[0])
        if key not in beads or min(row["n"], row["training"]["n"]) < MIN_SEEN:
            continue
        names = beads[key]
        if row["bead"] in names and row["place"] in names[:N_OWN]:
            here, there = names.index(row["bead"]), names.index(row["place"])
            by = row["mean"] - row["training"]["mean"]
            table[keys[key] + here, there] = by
            if here < N_OWN:
                table[keys[key] + there, here] = by
    return torch.where(table.isnan(), table.nanmean().nan_to_num(), table)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["kinds"]
        if all(
            {"residue", "bead", "place", "mean", "n", "training"} <= row.keys()
            and {"mean", "n"} <= row["training"].keys()
            for row in rows
        ):
            return list(rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: cannot be read as statistics of beads ({error})", MADE_BY
        ) from None
    raise ConfigError(f"{path}: does not compare the beads with training structures", MADE_BY)
