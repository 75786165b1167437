"""The one event loop of the process, in a separate thread.

The asynchronous clients of Milvus and OpenAI belong to the loop of their first await, and a Streamlit script has no
running loop that outlives it. So everything asynchronous runs here, and callers hand over coroutines.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

# The time between two calls of `on_wait`: short enough that a Stop button feels immediate.
POLL_SECONDS = 0.1
# `close` waits this long for tasks and threads: loading a model, for example, can't be interrupted.
CLOSE_SECONDS = 30.0

_END = object()


class EventLoopThread:
    """A daemon thread that runs one event loop until `close`."""

    def __init__(self, name: str = "rag-loop") -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Schedule `coroutine` on the loop, and return its future at once."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Coroutine[Any, Any, T], on_wait: Callable[[], object] | None = None) -> T:
        """Run `coroutine` on the loop and wait for its result.

        Meanwhile `on_wait` is called every POLL_SECONDS. An exception of `on_wait` or the coroutine is raised here; the
        coroutine is then cancelled if it still runs.
        """
        future = self.start(coroutine)
        try:
            while True:
                try:
                    return future.result(POLL_SECONDS if on_wait else None)
                except concurrent.futures.TimeoutError:
                    if future.done():  # the coroutine raised TimeoutError, or ended just after the wait
                        return future.result()
                    if on_wait:
                        on_wait()
        finally:
            future.cancel()

    def iterate(self, iterator: AsyncIterator[T], on_wait: Callable[[], object] | None = None) -> Iterator[T]:
        """Yield the items of `iterator`, which runs on the loop. Closing this generator cancels it, wherever it waits.

        `on_wait` and exceptions are as in `run`.
        """
        items: queue.SimpleQueue[Any] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                async for item in iterator:
                    items.put(item)
                items.put(_END)
            except BaseException as error:
                items.put(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                close = getattr(iterator, "aclose", None)
                if close is not None:
                    await close()

        future = self.start(pump())
        try:
            while True:
                try:
                    item = items.get(timeout=POLL_SECONDS if on_wait else None)
                except queue.Empty:
                    if on_wait:
                        on_wait()
                    continue
                if item is _END:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel the tasks that still run, stop the loop and join its thread. A second call does nothing."""
        if self.loop.is_closed():
            return

        async def cancel_all() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.loop.shutdown_asyncgens()
            # A thread that outlives the loop would still run when the interpreter shuts down.
            await self.loop.shutdown_default_executor()

        # A task that ignores its cancellation mustn't keep the process from ending.
        with contextlib.suppress(concurrent.futures.TimeoutError):
            self.start(cancel_all()).result(timeout=CLOSE_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)
        if not self._thread.is_alive():
            self.loop.close()
