from __future__ import annotations

from collections.abc import Callable

import numpy as np

from herobm.system.noise import shaken
from herobm.types import Beads


def test_noise_is_of_a_width_and_other_for_each_structure_and_seed(
    make_beads: Callable[..., Beads],
) -> None:
    beads = make_beads(["ARG"] * 400)

    def shift(seed: int, name: str) -> np.ndarray:
        return shaken(beads, 0.3, seed, name).positions - beads.positions

    one = shift(0, "1ubq")
    assert abs(one.std() - 0.3) < 0.02
    assert abs(one.mean()) < 0.02
    assert np.array_equal(one, shift(0, "1ubq"))
    for other in (shift(1, "1ubq"), shift(0, "2ci2")):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1
