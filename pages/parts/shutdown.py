"""What is closed when the application ends."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

_closers: list[Callable[[], object]] = []


def close_at_end(close: Callable[[], object]) -> None:
    """Call `close` when the server is told to stop, or else when the interpreter ends; it may be called twice."""
    _closers.append(close)
    # Closing needs executors, and those are shut down before atexit's callbacks: their own kind runs in time.
    getattr(threading, "_register_atexit", atexit.register)(close)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """The server's life. After it the signal that ended it ends the process, without the interpreter's callbacks."""
    yield {}
    for close in _closers:
        await asyncio.to_thread(close)
