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
    """Have `close` called when the server stops, or else when the interpreter ends. The last closer is called first.

    `close` may be called twice. If it raises, the error is logged, and the other closers are still called.
    """

    def close_or_log() -> None:
        try:
            close()
        except Exception:
            log.exception("closing failed")

    _closers.append(close_or_log)
    # Closing needs executors. Python shuts executors down before it runs callbacks of `atexit`.
    getattr(threading, "_register_atexit", atexit.register)(close_or_log)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Closes everything when the server stops: its stop signal ends the process without the interpreter's callbacks."""
    yield {}
    for close in reversed(_closers):
        await asyncio.to_thread(close)
