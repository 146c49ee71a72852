"""Spherical harmonics of e3nn, loaded without the compiler of torch.

e3nn marks one function, for Wigner matrices, as not to be compiled. That mark alone loads the
whole compiler: a second of CPU time at every start. The network compiles nothing and uses no
Wigner matrix, so the mark is left out while e3nn is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["o3"]


@contextmanager
def _unmarked() -> Iterator[None]:
    """Let ``torch.compiler.disable`` return what it is given, unless the compiler is here."""
    if "torch._dynamo" in sys.modules:
        yield
        return
    compiler: Any = torch.compiler
    disable = compiler.disable
    compiler.disable = lambda function: function
    try:
        yield
    finally:
        compiler.disable = disable


with _unmarked():
    from e3nn import o3
