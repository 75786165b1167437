"""One write at a time, and none after a failed write until Milvus Lite's file was opened again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.connection import LITE_CALL_SECONDS, Connection


class Writing:
    """The writes of one connection. Concurrent writes lose acknowledged rows on Milvus Lite. On a server, one at a time
    costs little, since rows come from one pipeline.

    Where Milvus Lite can't seal rows, it loses them, acknowledged rows too, and the next sealing deletes the log that
    has them. Where it can't write its log, it reads nothing behind the gap. So after a failed write the file is closed,
    and opened again from its log, before the next write.
    """

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._lite = settings.milvus_is_lite
        self._connection = connection
        self._lock = asyncio.Lock()
        self._last_write: asyncio.Future[Any] | None = None  # on Milvus Lite only

    @contextlib.asynccontextmanager
    async def alone(self, seconds: float) -> AsyncIterator[None]:
        """Wait until no other write is under way, then write. On a server, `seconds` limits waiting and writing
        together. Raises StoreUnavailable."""
        async with self._connection.within(seconds), self._lock:
            await self.settle()
            if self._last_write is not None:
                raise failures.unreachable(self._settings)
            try:
                yield
            finally:
                await self._after_failure()

    async def write(self, awaitable: Awaitable[Any], seconds: float | None = None) -> Any:
        """Await a write, within `alone`, like `Connection.call`. On Milvus Lite it goes on when its caller gives up."""
        if not self._lite:
            return await self._connection.call(awaitable, seconds)
        self._last_write = asyncio.ensure_future(awaitable)
        return await self._connection.call(asyncio.shield(self._last_write), seconds)

    async def settle(self) -> None:
        """Wait for a write whose caller gave up, for LITE_CALL_SECONDS at most."""
        if self._last_write is not None:
            await asyncio.wait([self._last_write], timeout=LITE_CALL_SECONDS)
            await self._after_failure()

    async def _after_failure(self) -> None:
        if self._last_write is not None and self._last_write.done():
            write, self._last_write = self._last_write, None
            if write.cancelled() or write.exception() is not None:
                await self._connection.reopen()
