"""What makes steps of gradients: AdamW, and Muon for the matrices of layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

#: Coefficients and number of the Newton-Schulz iterations of Muon (Jordan et al.,
#: https://kellerjordan.github.io/posts/muon/).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
#: Of the moving average of the gradients.
MOMENTUM = 0.95
#: Root mean square of the numbers in a step of AdamW, at a learning rate of 1 (Liu et al.,
#: arXiv:2502.16982, equation 4).
USUAL_STEP = 0.2


class Muon(torch.optim.AdamW):
    """AdamW, but for the matrices of linear layers, which it turns as Muon does.

    Muon makes all singular values of a step alike, so that a layer learns in all directions and
    not only in those in which gradients are large. `torch.optim.Muon` does that in bfloat16, which
    takes sixteen times as long as float32 on a CPU that multiplies none.

    Parameters
    ----------
    network : nn.Module
    learning_rate, weight_decay : float
    times : float
        How many times as large the steps of matrices are as those of AdamW.
    fused : bool
        Of the part that is AdamW.
    """

    def __init__(
        self,
        network: nn.Module,
        learning_rate: float,
        weight_decay: float,
        times: float,
        *,
        fused: bool = False,
    ) -> None:
        layers = (m for m in network.modules() if isinstance(m, nn.Linear))
        self.matrices = [m.weight for m in layers if m.weight.requires_grad]
        self.times = times
        ours = {id(p) for p in self.matrices}
        learning = [p for p in network.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in learning if id(p) not in ours]},
            {"params": self.matrices},
        ]
        super().__init__(groups, learning_rate, weight_decay=weight_decay, fused=fused)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Make a step; matrices have no gradients afterwards."""
        group = self.param_groups[1]
        rate, decay = group["lr"], group["weight_decay"]
        for matrix in self.matrices:
            if matrix.grad is None:
                continue
            state = self.state[matrix]
            if not state:
                state["step"] = torch.tensor(0.0)  # AdamW asks for it when it goes on
                state["exp_avg"] = torch.zeros_like(matrix)
            state["step"] += 1.0
            state["exp_avg"].lerp_(matrix.grad, 1.0 - MOMENTUM)
            direction = orthogonal(matrix.grad.lerp(state["exp_avg"], MOMENTUM))
            size = USUAL_STEP * math.sqrt(max(matrix.shape)) * self.times
            matrix.mul_(1.0 - rate * decay).add_(direction, alpha=-rate * size)
            matrix.grad = None  # so that AdamW, which comes next, leaves it alone
        return super().step(cast(Any, closure))


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Bring all singular values of a matrix near to 1, by Newton-Schulz iterations.

    Parameters
    ----------
    matrix : Tensor, shape (n, m)

    Returns
    -------
    Tensor, shape (n, m)
        With singular values of 0.7 to 1.2; those that are 0 stay so.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    turned = matrix.T if tall else matrix
    turned = turned / (torch.linalg.matrix_norm(turned) + 1e-7)
    for _ in range(ITERATIONS):
        gram = turned @ turned.T
        turned = a * turned + (b * gram + c * gram @ gram) @ turned
    return turned.T if tall else turned
