"""Arrays that follow one another take no fresh pages from the system."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc's allocator")

#: Prints what was done, and the pages that 20 arrays of 8 MB, one after another, took.
PROGRAM = """
import resource, sys
import numpy as np
from herobm.heap import keep_freed

kept = keep_freed() if sys.argv[1] == "keep" else False
np.ones(2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    a, b = np.ones(2**20), np.ones(2**20)
    del a, b
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(what: str, **variables: str) -> tuple[str, int]:
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", PROGRAM, what]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env=ours | variables
    )
    kept, count = result.stdout.split()
    return kept, int(count)


@glibc
def test_freed_memory_is_taken_again() -> None:
    kept, count = pages("keep")
    assert kept == "True"
    assert count < pages("leave")[1] / 5


@glibc
@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("MALLOC_TRIM_THRESHOLD_", "131072", "False"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072", "False"),
        ("MALLOC_ARENA_MAX", "2", "True"),
    ],
)
def test_what_the_user_tells_the_allocator_counts(name: str, value: str, kept: str) -> None:
    assert pages("keep", **{name: value})[0] == kept
