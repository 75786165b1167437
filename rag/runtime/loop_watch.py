"""Says where the event loop was held up: in Python's debug mode of asyncio (`PYTHONASYNCIODEBUG=1`) only."""

from __future__ import annotations

import asyncio
import logging
import selectors
import sys
import threading
import time
import traceback

logger = logging.getLogger(__name__)

# Longer than this and whoever waits for a word of an answer begins to notice.
BLOCK_SECONDS = 0.05
# The innermost frame of a loop that waits for something to do.
WAITING = f"{selectors.__file__}:"
# Frames that are told, innermost last.
DEPTH = 4


class LoopWatch:
    """A thread that knocks at the loop of another thread, and logs what that is at when it doesn't answer in time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, loop_thread: int, limit: float = BLOCK_SECONDS) -> None:
        """`loop_thread` is the `ident` of the thread that runs the loop, `limit` in seconds."""
        self._loop = loop
        self._loop_thread = loop_thread
        self._limit = limit
        self._closed = threading.Event()
        self.blocks: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._run, name="loop-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching. `blocks` has (seconds, place) of each block, in the order of their ends."""
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
                if self._loop.is_closed():  # with the knock in its queue
                    return
            if WAITING in place:  # the loop has nothing to do, but isn't given the processor
                continue
            took = time.monotonic() - began
            self.blocks.append((took, place))
            logger.warning("the event loop was blocked for %.0f ms at %s", 1000 * took, place)

    def _place(self) -> str:
        """What the loop's thread is at now: file, line and function of the innermost calls."""
        frame = sys._current_frames().get(self._loop_thread)
        calls = traceback.extract_stack(frame)[-DEPTH:] if frame is not None else []
        return " > ".join(f"{call.filename}:{call.lineno} {call.name}" for call in calls)
