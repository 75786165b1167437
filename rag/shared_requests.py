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


class SharedRequests(Generic[Kind, Asked, Found]):
    """Sends what is asked by `send(kind, [asked, …])`, which gives one answer for each, in order.

    At most `most(kind)` go together, and at most `at_once` requests of a kind are under way. Use on the event loop
    only.
    """

    def __init__(
        self, send: Callable[[Kind, list[Asked]], Awaitable[list[Found]]], most: Callable[[Kind], int], at_once: int
    ) -> None:
        self._send = send
        self._most = most
        self._at_once = at_once
        self._waiting: dict[Kind, deque[tuple[Asked, asyncio.Future[Found]]]] = {}
        self._senders: dict[Kind, set[asyncio.Task[None] | None]] = {}

    async def ask(self, kind: Kind, asked: Asked) -> Found:
        """The answer to one question. Raises what `send` raises, but not for what others asked in the same request."""
        future: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(kind, deque()).append((asked, future))
        senders = self._senders.setdefault(kind, set())
        # A sender begins after all that is ready to run, so those who ask at the same time are in its first request.
        if len(senders) < self._at_once:
            senders.add(asyncio.create_task(self._send_all(kind)))
        return await future

    async def _send_all(self, kind: Kind) -> None:
        waiting, most = self._waiting[kind], self._most(kind)
        try:
            while waiting:
                together = [waiting.popleft() for _ in range(min(most, len(waiting)))]
                # Whoever was cancelled meanwhile doesn't need an answer.
                together = [(asked, future) for asked, future in together if not future.done()]
                if together:
                    await self._send_together(kind, together)
        finally:
            senders = self._senders[kind]
            senders.discard(asyncio.current_task())
            if not senders:
                for _, future in waiting:  # only where this sender was cancelled: nobody else would answer them
                    future.cancel()
                del self._senders[kind], self._waiting[kind]

    async def _send_together(self, kind: Kind, together: list[tuple[Asked, asyncio.Future[Found]]]) -> None:
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
