"""Memory that a command has given back, kept for its next array."""

from __future__ import annotations

import ctypes
import os

#: Of glibc's mallopt(3).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: Bytes, the most that M_MMAP_THRESHOLD takes; larger arrays are mapped and unmapped one by one.
LARGEST = 32 * 1024**2
#: Variables by which users say the same.
SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")
#: Bytes that may lie idle at the end of the heap, the most that a C int holds.
IDLE = 2**31 - 1


def keep_freed() -> bool:
    """Let the allocator of the C library keep what is freed.

    It would return arrays of more than 128 kB to the system, which then fills fresh pages with
    zeros for the next one: a fifth of the CPU time of a network whose layers make arrays of some
    megabytes each. Only a process of our own is set up so, never one that imports herobm; nothing
    is done where the user tells the allocator what to keep (`SETTINGS`, ``GLIBC_TUNABLES``), or
    where it is not that of glibc.

    Returns
    -------
    bool
        Whether the allocator does so now.
    """
    if "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", "") or set(SETTINGS) & set(os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(M_TRIM_THRESHOLD, IDLE))
