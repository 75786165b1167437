"""How much memory is held."""

from __future__ import annotations

import contextlib

import psutil


def resident_mb() -> float:
    """Megabytes of memory that this process and its children hold now."""
    process = psutil.Process()
    size = 0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            size += each.memory_info().rss
    return size / 1_000_000
