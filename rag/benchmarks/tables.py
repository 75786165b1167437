"""The two tables of the tutorial "RAG with the asynchronous APIs of LlamaIndex and Milvus", with Docent beside them.

Four ways to add rows, each into its own collection: the tutorial's single nodes, synchronously and asynchronously;
`VectorStore.insert` with all rows, as Docent's ingestion calls it; and the limit, one insert of pymilvus with all rows.
Docent's rows hold more than the rows of the other ways: page, span, and the terms for BM25, which Milvus also indexes
where it can.

Four ways to search 1,000 rows, the tutorial's number: single searches, synchronously and asynchronously;
`Searches.dense` gathered, as the searches of many users arrive; and the limit, one search of pymilvus with all vectors.

The tutorial prepares nodes and queries in advance, so every way does. Each round begins with another way.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any

from rag.benchmarks.results import Tables, Way
from rag.benchmarks.rounds import TOP_K, WARM_UP, OnProgress, Sampler
from rag.benchmarks.scratch import docent_collection, plain_collection, scratch_settings, until_visible
from rag.benchmarks.tutorial_store import Work
from rag.benchmarks.workload import DIMENSION, Workload, store_rows
from rag.runtime.event_loop import POLL_SECONDS, EventLoopThread
from rag.settings import Settings

SIZES = (10, 100, 1000)
ROUNDS = 3
# Many servers refuse a single request with more vectors.
MAX_SIZE = 10_000
SEARCHED_ROWS = 1000
NAMESPACE = "bench"


def measure_tables(
    settings: Settings,
    sizes: Sequence[int] = SIZES,
    rounds: int = ROUNDS,
    on_progress: OnProgress = None,
    on_wait: Callable[[], object] | None = None,
) -> Tables:
    """Measure with the settings' Milvus, in scratch collections that are always deleted. Blocks for minutes.

    `on_progress` is called from another thread. `on_wait` is called every POLL_SECONDS. An error that `on_wait` raises
    stops the run, as KeyboardInterrupt does; it is raised again after the collections have been deleted. Raises
    StoreUnavailable or StoreError, also if a collection couldn't be deleted.
    """
    sampler = Sampler(sizes, rounds, on_progress)
    loop = EventLoopThread("rag-bench")
    try:
        with scratch_settings(settings) as scratch:
            milvus = "Milvus Lite" if settings.milvus_is_lite else settings.milvus_shown
            future = loop.start(_Run(sampler).measure(scratch, milvus))
            try:
                return _wait(future, on_wait)
            except BaseException:
                sampler.end()
                _wait_in_any_case(future)
                raise
    finally:
        loop.close()


def _wait(future: concurrent.futures.Future[Tables], on_wait: Callable[[], object] | None) -> Tables:
    while not concurrent.futures.wait([future], POLL_SECONDS).done:
        if on_wait:
            on_wait()
    return future.result()


def _wait_in_any_case(future: concurrent.futures.Future[Tables]) -> None:
    """Wait until the collections have been deleted. It takes seconds, and a second Ctrl-C must not prevent it."""
    while not future.done():
        try:
            concurrent.futures.wait([future])
        except KeyboardInterrupt:
            continue


class _Run:
    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    async def measure(self, settings: Settings, milvus: str) -> Tables:
        sampler = self._sampler
        sampler.tell("Making texts and vectors")
        work = await asyncio.to_thread(Workload, max(SEARCHED_ROWS, *sampler.sizes))
        lost = await self._adds(settings, work)
        version = await self._searches(settings, work)
        return Tables(milvus, version, DIMENSION, TOP_K, SEARCHED_ROWS, sampler.rounds, tuple(sampler.rows()), lost)

    async def _adds(self, settings: Settings, work: Workload) -> dict[Way, int]:
        """Measure the adds. Returns the number of lost rows by way."""
        names = [f"{settings.collection}_{number}" for number in range(3)]
        async with (
            # Opened first and closed last: on Milvus Lite this store owns the file's server.
            docent_collection(settings) as docent,
            plain_collection(settings, names[0], self._sampler.stop) as one_by_one,
            plain_collection(settings, names[1], self._sampler.stop) as gathered,
            plain_collection(settings, names[2], self._sampler.stop) as at_once,
        ):

            def insert(count: int) -> Work:
                rows = store_rows(work.entries(count))

                async def added() -> list[Any]:
                    await docent.insert(rows, NAMESPACE)
                    return rows

                return added

            await self._sampler.measure(
                "add",
                {
                    "synchronous": lambda count: one_by_one.add_synchronously(work.entries(count)),
                    "asynchronous": lambda count: gathered.add_asynchronously(work.entries(count)),
                    "docent": insert,
                    "one_request": lambda count: at_once.add_in_one_request(work.entries(count)),
                },
            )
            added = WARM_UP + self._sampler.rounds * sum(self._sampler.sizes)
            return {
                "synchronous": added - await one_by_one.count("Strong"),
                "asynchronous": added - await gathered.count("Strong"),
                "docent": added - await docent.count(None, "Strong"),
                "one_request": added - await at_once.count("Strong"),
            }

    async def _searches(self, settings: Settings, work: Workload) -> str:
        """Measure the searches. Returns the version of Milvus."""
        entries = work.entries(SEARCHED_ROWS)
        vectors = work.questions
        async with (
            docent_collection(settings) as docent,
            plain_collection(settings, f"{settings.collection}_0", self._sampler.stop) as plain,
        ):
            self._sampler.tell(f"Adding {SEARCHED_ROWS:,} rows to search")
            await docent.insert(store_rows(entries), NAMESPACE)
            await plain.add_in_one_request(entries)()
            if settings.milvus_is_lite:
                await docent.flush()
                await plain.flush()
            # Right after an insert, a search may miss rows at any consistency level but Strong.
            level = settings.consistency_level
            await until_visible(lambda: docent.count(None, level), SEARCHED_ROWS)
            await until_visible(lambda: plain.count(level), SEARCHED_ROWS)

            def search(count: int) -> Work:
                async def searched() -> list[Any]:
                    return await asyncio.gather(
                        *(docent.searches.dense(vector, TOP_K, None, ()) for vector in vectors[:count])
                    )

                return searched

            await self._sampler.measure(
                "search",
                {
                    "synchronous": lambda count: plain.search_synchronously(vectors[:count], TOP_K),
                    "asynchronous": lambda count: plain.search_asynchronously(vectors[:count], TOP_K),
                    "docent": search,
                    "one_request": lambda count: plain.search_in_one_request(vectors[:count], TOP_K),
                },
            )
            return docent.version
