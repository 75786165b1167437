"""Background work on the event loop: tasks that are cancelled together, and whose errors are logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

from rag.errors import RagError

logger = logging.getLogger(__name__)


class BackgroundTasks:
    """The running tasks of one owner. Use on the event loop only."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` until it ends or `cancel` is called. Its errors are logged."""
        task = asyncio.create_task(quietly(work))
        # The loop has only weak references to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> None:
        """Cancel all tasks, and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def quietly(work: Awaitable[Any]) -> None:
    """Await `work`, and log its error. The user sees it by the status of the service that failed."""
    try:
        await work
    except RagError as error:
        logger.info("background work failed", exc_info=error)
    except Exception:
        logger.exception("background work failed")
