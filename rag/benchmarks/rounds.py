"""Measures several ways of doing the same in rounds. Each round measures every way, so that other work on the machine
slows them all.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rag.benchmarks.results import OPERATIONS, WAYS, Operation, Row, Timing, Way, make_row
from rag.benchmarks.tutorial_store import Work
from rag.errors import Cancelled, StoreError, StoreUnavailable
from rag.runtime.event_loop import POLL_SECONDS

TOP_K = 3
# Operations of each way that precede the measurements: the first call of a client connects.
WARM_UP = 3
STEP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Before each measurement: how many are done, of how many, and the next step."""

    done: int
    total: int
    what: str


OnProgress = Callable[[Progress], object] | None
# Prepares the work of a number of operations.
Prepare = Callable[[int], Work]


class Sampler:
    """Takes the samples, on the event loop. `stop` may be set from any thread; the next step then raises Cancelled."""

    def __init__(self, sizes: Sequence[int], rounds: int, on_progress: OnProgress) -> None:
        self.stop = threading.Event()
        self.sizes = sorted(set(sizes))
        self.rounds = rounds
        self._on_progress = on_progress
        self._total = len(OPERATIONS) * rounds * len(self.sizes) * len(WAYS)
        self._samples: dict[tuple[Operation, int, Way], list[float]] = {}

    async def measure(self, operation: Operation, ways: dict[Way, Prepare]) -> None:
        """Measure each way with each size in each round. Each round begins with another way than the round before.

        Raises Cancelled, StoreUnavailable after STEP_SECONDS, and StoreError where not all of the work was done.
        """
        for prepare in ways.values():
            await self._time(prepare(WARM_UP))
        order = list(ways)
        for number in range(self.rounds):
            for size in self.sizes:
                for way in order:
                    self.tell(f"Round {number + 1} of {self.rounds}: {size:,} × {operation}, {WAYS[way]}")
                    elapsed, results = await self._time(ways[way](size))
                    _check(operation, WAYS[way], size, results)
                    self._samples.setdefault((operation, size, way), []).append(elapsed)
            order = [*order[1:], order[0]]

    def rows(self) -> Iterator[Row]:
        """The medians of all samples."""
        for operation in OPERATIONS:
            for size in self.sizes:
                timings: dict[Way, Timing] = {}
                for way in WAYS:
                    samples = self._samples[operation, size, way]
                    timings[way] = Timing(statistics.median(samples), min(samples), max(samples))
                yield make_row(operation, size, timings)

    def end(self) -> None:
        """Set `stop`, and report that the collections are being deleted."""
        self.stop.set()
        self._report("Deleting the scratch collections")

    def tell(self, step: str) -> None:
        """Report the next step. Raises Cancelled."""
        if self.stop.is_set():
            raise Cancelled("Stopped.")
        self._report(step)

    def _report(self, step: str) -> None:
        if self._on_progress:
            self._on_progress(Progress(sum(map(len, self._samples.values())), self._total, step))

    async def _time(self, work: Work) -> tuple[float, list[Any]]:
        """The seconds that `work` takes, and its results."""

        async def timed() -> tuple[float, list[Any]]:
            began = time.perf_counter()
            results = await work()
            return time.perf_counter() - began, results

        task = asyncio.create_task(timed())
        deadline = time.monotonic() + STEP_SECONDS
        while not task.done():
            await asyncio.wait({task}, timeout=POLL_SECONDS)
            late = time.monotonic() > deadline
            if not task.done() and (late or self.stop.is_set()):
                self.stop.set()  # a loop in a thread can't be cancelled, but checks `stop`
                task.cancel()
                await asyncio.wait({task})
                if late:
                    raise StoreUnavailable(f"Milvus took longer than {STEP_SECONDS:.0f} s for one measurement.")
                raise Cancelled("Stopped.")
        return task.result()


def _check(operation: Operation, way: str, size: int, results: list[Any]) -> None:
    """Raises StoreError for work that wasn't all done: it must not count as fast."""
    if len(results) != size or (operation == "search" and any(len(hits) != TOP_K for hits in results)):
        raise StoreError(f"{way}: {size:,} × {operation} came back incomplete, so its time means nothing.")
