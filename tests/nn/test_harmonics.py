"""e3nn is loaded without the compiler of torch, and is whole for all that."""

from __future__ import annotations

import subprocess
import sys

import torch

from herobm.nn.harmonics import o3

PROBE = """
import sys, torch
before = torch.compiler.disable
import herobm.nn.model
assert torch.compiler.disable is before
print("torch._dynamo" in sys.modules)
"""


def test_the_network_loads_no_compiler() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "False", done.stderr


def test_harmonics_turn_as_wigner_matrices_say() -> None:
    angles = torch.tensor([0.3, 1.1, -0.7])
    points = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    turned = points @ o3.angles_to_matrix(*angles).T
    for degree in (1, 2):
        before, after = (o3.spherical_harmonics(degree, p, True, "norm") for p in (points, turned))
        assert torch.allclose(after, before @ o3.wigner_D(degree, *angles).T, atol=1e-5)
