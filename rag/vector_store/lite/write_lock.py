"""Turns to write to a file: one write at a time, in the order of asking, for tasks of any event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from concurrent.futures import Future

# A waiting task looks so often whether the write before it will still end.
LOOK_SECONDS = 1.0


class WriteLock:
    """A lock that no event loop waits for: its holder may be a task of another loop, or a thread."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held = False
        self._waiting: deque[Future[None]] = deque()
        self._given_up_at: float | None = None

    async def acquire(self, seconds: float) -> None:
        """Wait for the lock. Raises TimeoutError where the caller of the write under way gave up `seconds` ago."""
        with self._mutex:
            if not self._held:
                self._held = True
                return
            turn: Future[None] = Future()
            self._waiting.append(turn)
        wrapped = asyncio.wrap_future(turn)
        try:
            while not wrapped.done():
                await asyncio.wait([wrapped], timeout=LOOK_SECONDS)
                since = self._given_up_at
                if not wrapped.done() and since is not None and time.monotonic() - since >= seconds:
                    raise TimeoutError
        except BaseException:
            if not turn.cancel():  # the turn came in this moment
                self.release()
            raise

    def give_up(self) -> None:
        """Note that nobody waits for the write under way any more; the lock is held until the write ends."""
        self._given_up_at = time.monotonic()

    def release(self) -> None:
        """Let the next write begin. For any thread."""
        with self._mutex:
            self._given_up_at = None
            while self._waiting:
                turn = self._waiting.popleft()
                if turn.set_running_or_notify_cancel():
                    turn.set_result(None)
                    return
            self._held = False
