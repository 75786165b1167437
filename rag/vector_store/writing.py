"""Turns to write: one write at a time, and none after a write that Milvus Lite didn't get done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.connection import LITE_CALL_SECONDS, Connection


class Writing:
    """The writes of one connection. Concurrent ones lose acknowledged rows on Milvus Lite; a server loses little by
    waiting, since rows come from one pipeline.

    Where Milvus Lite can't seal rows, it forgets them, also acknowledged ones, and the next sealing deletes the log
    that has them. Where it can't write its log, nothing behind that place is read. So after a write that failed the
    file is closed, and opened again from its log, before anything else is written.
    """

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._lite = settings.milvus_is_lite
        self._connection = connection
        self._lock = asyncio.Lock()
        self._last: asyncio.Future[Any] | None = None  # on Milvus Lite

    @contextlib.asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[None]:
        """Write alone. A server has so many seconds, with the wait for the turn. Raises StoreUnavailable."""
        async with self._connection.within(seconds), self._lock:
            await self.settle()
            if self._last is not None:
                raise failures.unreachable(self._settings)
            try:
                yield
            finally:
                await self._after_failure()

    async def write(self, awaitable: Awaitable[Any], seconds: float | None = None) -> Any:
        """Await a write in a turn, like `Connection.call`. On Milvus Lite it goes on when its caller gives up."""
        if not self._lite:
            return await self._connection.call(awaitable, seconds)
        self._last = asyncio.ensure_future(awaitable)
        return await self._connection.call(asyncio.shield(self._last), seconds)

    async def settle(self) -> None:
        """Wait for a write whose caller gave up, for LITE_CALL_SECONDS at most."""
        if self._last is not None:
            await asyncio.wait([self._last], timeout=LITE_CALL_SECONDS)
            await self._after_failure()

    async def _after_failure(self) -> None:
        if self._last is not None and self._last.done():
            last, self._last = self._last, None
            if last.cancelled() or last.exception() is not None:
                await self._connection.reopen()
