"""Turns to write: one write at a time, and none after a write that Milvus Lite didn't get done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.client import is_refusal
from rag.vector_store.connection import LITE_CALL_SECONDS, Connection


class Writing:
    """The writes of one connection. Concurrent ones lose acknowledged rows on Milvus Lite, where they take turns with
    those of all connections to the file; a server loses little by waiting, since rows come from one pipeline."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection
        self._file = connection.reopening.file  # on Milvus Lite
        self._lock = asyncio.Lock()  # for a server
        self._last: asyncio.Future[Any] | None = None  # on Milvus Lite
        self._number = 0  # of the file when that write began

    @contextlib.asynccontextmanager
    async def alone(self, seconds: float) -> AsyncIterator[None]:
        """Write alone. A server has so many seconds, with the wait for the turn. Raises StoreUnavailable."""
        if self._file is None:
            try:
                async with asyncio.timeout(seconds), self._lock:
                    yield
            except TimeoutError as error:
                raise failures.explain(error, self._settings) from error
            return
        await self._acquire()
        try:
            yield
        finally:
            self._leave()

    async def write(self, awaitable: Awaitable[Any], seconds: float | None = None) -> Any:
        """Await a write in a turn, like `Connection.call`. On Milvus Lite it goes on when its caller gives up."""
        if self._file is None:
            return await self._connection.call(awaitable, seconds)
        self._number = self._file.number
        self._last = asyncio.ensure_future(awaitable)
        return await self._connection.call(asyncio.shield(self._last), seconds)

    # --- on Milvus Lite

    async def _acquire(self) -> None:
        assert self._file is not None
        while True:
            try:
                await self._file.write_lock.acquire(LITE_CALL_SECONDS)
            except TimeoutError as error:
                raise failures.busy(self._settings) from error
            if not self._file.dirty:
                return
            self._file.write_lock.release()
            await self._connection.reopening.finish()

    def _leave(self) -> None:
        """Let the next write begin, at the end of this one."""
        assert self._file is not None
        last, self._last = self._last, None
        if last is None:
            self._file.write_lock.release()
        elif last.done():
            self._ended(self._number, last)
        else:
            self._file.write_lock.give_up()
            number = self._number
            last.add_done_callback(lambda write: self._ended(number, write))

    def _ended(self, number: int, write: asyncio.Future[Any]) -> None:
        assert self._file is not None
        error = None if write.cancelled() else write.exception()
        if write.cancelled() or (error is not None and not is_refusal(error)):
            self._file.mark_dirty(number)
        self._file.write_lock.release()
        if self._file.dirty:
            self._connection.reopening.begin()
