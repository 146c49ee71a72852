"""Layers of the network."""

from __future__ import annotations

import pytest
import torch

from herobm.nn.layers import all_at_once, envelope, one_by_one, typed_product


def test_each_row_gets_the_matrix_of_its_type() -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, weight, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((9, 4), (5, 3, 4), (5, 3))
    )
    types = torch.tensor([3, 0, 3, 1, 1, 4, 0, 3, 3])
    wanted = torch.stack([weight[t] @ h + bias[t] for h, t in zip(hidden, types, strict=True)])
    for product in (typed_product, one_by_one, all_at_once):
        assert torch.allclose(product(hidden, types, weight, bias), wanted)


def test_messages_fade_out_at_the_cutoff() -> None:
    reached = envelope(torch.tensor([0.0, 4.0, 7.99, 8.0, 30.0]), 8.0)
    assert reached.tolist() == pytest.approx([1.0, 0.85546875, 0.0, 0.0, 0.0], abs=1e-5)
    assert (reached[:-1] >= reached[1:]).all()
