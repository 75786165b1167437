"""Concurrent questions with the same parameters share a request.

1,000 requests to Milvus cost many times as much as one request for 1,000 vectors. No question is held back so that
others can join it: only questions that arrive while all requests are under way go together, in the next request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from rag.errors import StoreUnavailable

Shared = TypeVar("Shared", bound=Hashable)
Question = TypeVar("Question")
Reply = TypeVar("Reply")


class _Queue(Generic[Question, Reply]):
    """The questions that wait for a request, and the tasks that send requests."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Question, asyncio.Future[Reply]]] = deque()
        self.senders: set[asyncio.Task[None] | None] = set()


class SharedRequests(Generic[Shared, Question, Reply]):
    """Sends questions by `send(shared, [question, …])`, which returns one answer for each question, in order.

    Questions with an equal `shared` go together. A request has at most `most(shared)` questions, and for each `shared`
    at most `at_once` requests are under way. A question that has no answer after `seconds`, counted from `ask`, raises
    TimeoutError. Use on the event loop only.
    """

    def __init__(
        self,
        send: Callable[[Shared, list[Question]], Awaitable[list[Reply]]],
        most: Callable[[Shared], int],
        at_once: int,
        seconds: float | None = None,
    ) -> None:
        self._send = send
        self._most = most
        self._at_once = at_once
        self._seconds = seconds
        self._queues: dict[Shared, _Queue[Question, Reply]] = {}

    async def ask(self, shared: Shared, question: Question) -> Reply:
        """The answer to a question. Raises what `send` raises, unless another question of the request caused it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        queue = self._queues.get(shared)
        if queue is None:
            queue = self._queues[shared] = _Queue()
        queue.waiting.append((question, future))
        # A new task runs after the tasks that are ready now, so its first request has all questions of this moment.
        if len(queue.senders) < self._at_once:
            queue.senders.add(asyncio.create_task(self._send_all(shared, queue)))
        if self._seconds is None:
            return await future
        # With a thousand searches at once, a timer is measurably cheaper than asyncio.timeout.
        timer = loop.call_later(self._seconds, _expire, future)
        try:
            return await future
        finally:
            timer.cancel()

    async def _send_all(self, shared: Shared, queue: _Queue[Question, Reply]) -> None:
        waiting, most = queue.waiting, self._most(shared)
        try:
            while waiting:
                together = [waiting.popleft() for _ in range(min(most, len(waiting)))]
                await self._send_together(shared, together)
        finally:
            queue.senders.discard(asyncio.current_task())
            if not queue.senders:
                for _, future in waiting:  # questions are left only if this sender was cancelled, the last one
                    future.cancel()
                del self._queues[shared]

    async def _send_together(self, shared: Shared, together: list[tuple[Question, asyncio.Future[Reply]]]) -> None:
        # A question that was cancelled meanwhile, or has waited too long, needs no answer.
        together = [(question, future) for question, future in together if not future.done()]
        if not together:
            return
        try:
            answers = await self._send(shared, [question for question, _ in together])
            if len(answers) != len(together):
                raise ValueError(f"{len(answers)} answers to {len(together)} questions")
        except asyncio.CancelledError:
            for _, future in together:
                future.cancel()
            raise
        except Exception as error:
            half = len(together) // 2
            # One bad question fails its whole request: so each half is sent again, down to the bad question alone.
            if half and not isinstance(error, StoreUnavailable):
                await self._send_together(shared, together[:half])
                await self._send_together(shared, together[half:])
                return
            for _, future in together:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(together, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _expire(future: asyncio.Future[Reply]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
