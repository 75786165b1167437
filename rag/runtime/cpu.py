"""How the cores of the machine are shared between those who ask and those who are being ingested."""

from __future__ import annotations

import os
import sys
import threading

# Of 20 levels: behind a search, but ahead of what a machine does when it is idle.
BACKGROUND_NICENESS = 10


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lower_priority() -> None:
    """Let others go before this thread and those that it starts. Only Linux gives threads a priority of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)
