"""Tells where an event loop was blocked, and for how long."""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
import time
import traceback
from dataclasses import dataclass

# A longer block is noticed by a user who waits for the next word of an answer.
BLOCK_SECONDS = 0.05
# The innermost frame of an idle loop.
IDLE = f"{selectors.__file__}:"
# Innermost frames of a place.
FRAMES = 4


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its seconds, and the innermost calls of the loop's thread, the innermost last."""

    seconds: float
    place: str


class LoopWatch:
    """A thread that calls back on the loop again and again, and notes where the loop is when the call comes late.

    `blocks` has them in the order of their ends.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, loop_thread: int, limit: float = BLOCK_SECONDS) -> None:
        """`loop_thread` is the `ident` of the loop's thread; `limit` is in seconds."""
        self._loop = loop
        self._loop_thread = loop_thread
        self._limit = limit
        self._closed = threading.Event()
        self.blocks: list[Block] = []
        self._thread = threading.Thread(target=self._run, name="loop-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closed.wait(self._limit / 5):
            answered = threading.Event()
            began = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # the loop is closed
                return
            if answered.wait(self._limit):
                continue
            place = self._place()
            while not answered.wait(self._limit) and not self._closed.is_set():
                if self._loop.is_closed():  # with the call in its queue
                    return
            if IDLE in place:  # the loop has nothing to do, but isn't given the processor
                continue
            self.blocks.append(Block(time.monotonic() - began, place))

    def _place(self) -> str:
        """File, line and function of the innermost calls of the loop's thread."""
        frame = sys._current_frames().get(self._loop_thread)
        calls = traceback.extract_stack(frame)[-FRAMES:] if frame is not None else []
        return " > ".join(f"{call.filename}:{call.lineno} {call.name}" for call in calls)
