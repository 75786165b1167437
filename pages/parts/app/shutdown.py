"""The end of the application: the index and the measurement are closed."""

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
    """Call `close` when the server stops, or else when the interpreter ends; the latest is called first.

    It may be called twice. Its errors are logged, and the others are closed all the same.
    """

    def close_or_log() -> None:
        try:
            close()
        except Exception:
            log.exception("closing failed")

    _closers.append(close_or_log)
    # Not by atexit: its callbacks run after the executors are shut down, and closing needs executors.
    getattr(threading, "_register_atexit", atexit.register)(close_or_log)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """The server's life. Closing happens here, since the signal that stops the server ends the process without the
    interpreter's callbacks."""
    yield {}
    for close in reversed(_closers):
        await asyncio.to_thread(close)
