"""The processor: the number of cores, and a lower priority for ingestion, so that questions go first."""

from __future__ import annotations

import os
import sys
import threading

# Niceness, where 0 is normal and 19 the lowest: below searches, above idle work.
BACKGROUND_NICENESS = 10


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lower_priority() -> None:
    """Give this thread, and the threads that it starts, a lower priority. Has no effect except on Linux, where each
    thread has a priority."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)
