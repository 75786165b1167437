"""Concurrent questions of one kind share a request.

Asking Milvus 1,000 times costs many times what asking once for 1,000 vectors does. Nobody waits for company: what is
asked while all requests are under way goes along with the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from rag.errors import StoreUnavailable

Kind = TypeVar("Kind", bound=Hashable)
Asked = TypeVar("Asked")
Found = TypeVar("Found")


class _Queue(Generic[Asked, Found]):
    """What waits for a request of one kind, and the tasks that send them."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Asked, asyncio.Future[Found]]] = deque()
        self.senders: set[asyncio.Task[None] | None] = set()


class SharedRequests(Generic[Kind, Asked, Found]):
    """Sends what is asked by `send(kind, [asked, …])`, which gives one answer for each, in order.

    At most `most(kind)` go together, and at most `at_once` requests of a kind are under way. Who has no answer after
    `seconds`, the wait for a request included, gets TimeoutError. Use on the event loop only.
    """

    def __init__(
        self,
        send: Callable[[Kind, list[Asked]], Awaitable[list[Found]]],
        most: Callable[[Kind], int],
        at_once: int,
        seconds: float | None = None,
    ) -> None:
        self._send = send
        self._most = most
        self._at_once = at_once
        self._seconds = seconds
        self._queues: dict[Kind, _Queue[Asked, Found]] = {}

    async def ask(self, kind: Kind, asked: Asked) -> Found:
        """The answer to one question. Raises what `send` raises, but not for what others asked in the same request."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Found] = loop.create_future()
        queue = self._queues.get(kind)
        if queue is None:
            queue = self._queues[kind] = _Queue()
        queue.waiting.append((asked, future))
        # A sender begins after all that is ready to run, so those who ask at the same time are in its first request.
        if len(queue.senders) < self._at_once:
            queue.senders.add(asyncio.create_task(self._send_all(kind, queue)))
        if self._seconds is None:
            return await future
        # Cheaper than asyncio.timeout, of which a thousand searches feel the difference.
        timer = loop.call_later(self._seconds, _expire, future)
        try:
            return await future
        finally:
            timer.cancel()

    async def _send_all(self, kind: Kind, queue: _Queue[Asked, Found]) -> None:
        waiting, most = queue.waiting, self._most(kind)
        try:
            while waiting:
                together = [waiting.popleft() for _ in range(min(most, len(waiting)))]
                await self._send_together(kind, together)
        finally:
            queue.senders.discard(asyncio.current_task())
            if not queue.senders:
                for _, future in waiting:  # only where this sender was cancelled: nobody else would answer them
                    future.cancel()
                del self._queues[kind]

    async def _send_together(self, kind: Kind, together: list[tuple[Asked, asyncio.Future[Found]]]) -> None:
        # Whoever was cancelled meanwhile, or has waited too long, doesn't need an answer.
        together = [(asked, future) for asked, future in together if not future.done()]
        if not together:
            return
        try:
            answers = await self._send(kind, [asked for asked, _ in together])
            if len(answers) != len(together):
                raise ValueError(f"{len(answers)} answers to {len(together)} questions")
        except asyncio.CancelledError:
            for _, future in together:
                future.cancel()
            raise
        except Exception as error:
            half = len(together) // 2
            # One bad question fails its request: the halves are asked apart, down to that one.
            if half and not isinstance(error, StoreUnavailable):
                await self._send_together(kind, together[:half])
                await self._send_together(kind, together[half:])
                return
            for _, future in together:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(together, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _expire(future: asyncio.Future[Found]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
