"""The processor: how many cores there are, and how questions go before an ingest."""

from __future__ import annotations

import os
import sys
import threading

# Of the 20 levels below normal: behind a search, ahead of a machine's idle work.
BACKGROUND_NICENESS = 10


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lower_priority() -> None:
    """Give this thread, and the threads it starts, a lower priority than the others; does nothing but on Linux, where
    each thread has its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)
