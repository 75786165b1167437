"""What one connection does after a failed write to Milvus Lite's file: the file is closed, and opened from its log."""

from __future__ import annotations

import asyncio

from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.lite import server as lite_server

# How long a reopening is waited for, and a write before it whose caller has given up.
SECONDS = 30.0


class Reopening:
    """The reopening of the file of the settings; on a server `file` is None, and nothing is ever waited for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.file = lite_server.file_at(settings.milvus_address) if settings.milvus_is_lite else None
        self._task: asyncio.Future[None] | None = None

    def is_due(self, number: int) -> bool:
        """Whether the file was closed since it had that number, or has to be."""
        return self.file is not None and (self.file.dirty or self.file.number != number)

    def begin(self) -> asyncio.Future[None]:
        """Close the file for all connections of this process, or join that; the next call of each opens it."""
        assert self.file is not None
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self.file.reopen(SECONDS))
            self._task.add_done_callback(retrieve)
        return self._task

    async def finish(self) -> None:
        """Wait until the file isn't dirty; the reopening goes on when the caller is cancelled.

        Raises StoreUnavailable where it takes long.
        """
        while self.file is not None and self.file.dirty:
            try:
                async with asyncio.timeout(SECONDS):
                    await asyncio.shield(self.begin())
            except Exception as error:
                raise failures.busy(self._settings) from error


def retrieve(future: asyncio.Future[None]) -> None:
    """Look at the error of a future for which nobody may wait any more; asyncio would log it."""
    if not future.cancelled():
        future.exception()
