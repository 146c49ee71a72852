from __future__ import annotations

import pytest
import torch
from torch import nn

from herobm.train.optimiser import Muon, orthogonal


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 32)])
def test_steps_of_matrices_have_singular_values_near_one(shape: tuple[int, int]) -> None:
    """And the directions of the matrix: what it turns, from the left and from the right."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    made = left.T @ orthogonal(matrix) @ right.T
    told = values > 0.05 * values.max()
    assert ((torch.diag(made)[told] > 0.6) & (torch.diag(made)[told] < 1.25)).all()
    assert torch.allclose(made - torch.diag(torch.diag(made)), torch.zeros(()), atol=1e-4)


def test_nothing_becomes_of_no_gradient() -> None:
    assert not orthogonal(torch.zeros(4, 9)).any()


def test_all_but_the_matrices_of_layers_is_left_to_adamw() -> None:
    torch.manual_seed(2)
    network = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3))
    other = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3))
    other.load_state_dict(network.state_dict())
    muon = Muon(network, 0.01, 0.1, 3.0)
    adamw = torch.optim.AdamW(other.parameters(), 0.01, weight_decay=0.1)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    x = torch.randn(20, 6)
    for made, optimiser in ((network, muon), (other, adamw)):
        made(x).square().mean().backward()
        optimiser.step()
    after, plain = dict(network.named_parameters()), dict(other.named_parameters())
    for name in ("0.bias", "1.weight", "1.bias", "2.bias"):
        assert torch.equal(after[name], plain[name])
    for name in ("0.weight", "2.weight"):
        step = after[name].detach() - before[name] * (1.0 - 0.01 * 0.1)
        # Root mean square of a step: 0.2 sqrt(longer side) x times x rate, over sqrt(longer side).
        assert 0.5 < float(step.square().mean().sqrt()) / (0.2 * 3.0 * 0.01) < 1.2


def test_what_is_held_stays() -> None:
    network = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 3))
    network[0].requires_grad_(False)
    held = network[0].weight.clone()
    muon = Muon(network, 0.01, 0.1, 3.0)
    network(torch.randn(20, 6)).square().mean().backward()
    muon.step()
    assert torch.equal(network[0].weight, held)
