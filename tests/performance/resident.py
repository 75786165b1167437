"""Measures resident memory."""

from __future__ import annotations

import contextlib

import psutil


def resident_mb() -> float:
    """Megabytes (10⁶ bytes) of resident memory of this process and its children."""
    process = psutil.Process()
    size = 0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            size += member.memory_info().rss
    return size / 1_000_000
