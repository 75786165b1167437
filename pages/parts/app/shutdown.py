"""What is closed when the application ends."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

log = logging.getLogger(__name__)

_closers: list[Callable[[], object]] = []


def close_at_end(close: Callable[[], object]) -> None:
    """Call `close` when the server is told to stop, or else when the interpreter ends, what came last first. It may be
    called twice; what it raises is logged, and keeps no other from being closed."""

    def close_or_log() -> None:
        try:
            close()
        except Exception:
            log.exception("closing failed")

    _closers.append(close_or_log)
    # Closing needs executors, and those are shut down before atexit's callbacks: their own kind runs in time.
    getattr(threading, "_register_atexit", atexit.register)(close_or_log)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """The server's life. After it the signal that ended it ends the process, without the interpreter's callbacks."""
    yield {}
    for close in reversed(_closers):
        await asyncio.to_thread(close)
