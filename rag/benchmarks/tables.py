"""The two tables of the tutorial "RAG with the asynchronous APIs of LlamaIndex and Milvus", with Docent beside them.

Adds: the tutorial's single nodes, synchronously and asynchronously; `VectorStore.insert` with all rows, as Docent's
ingestion calls it; one insert of pymilvus with all rows, the limit. Each way has a collection of its own. Docent's
rows hold more than the others: the terms for BM25, which Milvus also indexes where it can, page and span.
Searches, over 1,000 rows as in the tutorial: single ones synchronously and asynchronously; `Searches.dense`
gathered, as the searches of many users come; one search of pymilvus with all vectors, the limit.

What is prepared in advance in the tutorial, nodes and queries, is so here in every way. Within a round the ways take
turns, and the next round begins with another of them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any

from rag.benchmarks.results import Tables, Way
from rag.benchmarks.rounds import TOP_K, WARM_UP, OnProgress, Rounds
from rag.benchmarks.scratch import docent_collection, plain_collection, scratch_settings, until_visible
from rag.benchmarks.tutorial_store import Work
from rag.benchmarks.workload import DIMENSION, Workload, store_rows
from rag.runtime.event_loop import POLL_SECONDS, EventLoopThread
from rag.settings import Settings

SIZES = (10, 100, 1000)
ROUNDS = 3
# More vectors than that, and many servers refuse the single request.
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
    """Measure with that Milvus, in scratch collections that are always removed. Takes minutes; blocks.

    `on_progress` is called from another thread. `on_wait` is called every POLL_SECONDS; what it raises stops the run
    and comes out here, as KeyboardInterrupt does, after the collections have been removed. Raises StoreUnavailable or
    StoreError, also where a collection could not be removed.
    """
    all_rounds = Rounds(sizes, rounds, on_progress)
    loop = EventLoopThread("rag-bench")
    try:
        with scratch_settings(settings) as scratch:
            milvus = "Milvus Lite" if settings.milvus_is_lite else settings.milvus_shown
            future = loop.start(_Run(all_rounds).measure(scratch, milvus))
            try:
                return _wait(future, on_wait)
            except BaseException:
                all_rounds.end()
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
    """Until the collections have been removed, which takes seconds and which a second Ctrl-C must not prevent."""
    while not future.done():
        try:
            concurrent.futures.wait([future])
        except KeyboardInterrupt:
            continue


class _Run:
    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds

    async def measure(self, settings: Settings, milvus: str) -> Tables:
        rounds = self._rounds
        rounds.tell("Making texts and vectors")
        work = await asyncio.to_thread(Workload, max(SEARCHED_ROWS, *rounds.sizes))
        lost = await self._adds(settings, work)
        version = await self._searches(settings, work)
        return Tables(milvus, version, DIMENSION, TOP_K, SEARCHED_ROWS, rounds.rounds, tuple(rounds.rows()), lost)

    async def _adds(self, settings: Settings, work: Workload) -> dict[Way, int]:
        """Returns how many rows were lost."""
        names = [f"{settings.collection}_{number}" for number in range(3)]
        async with (
            # The first to open and the last to close: on Milvus Lite it looks after the server of the file.
            docent_collection(settings) as docent,
            plain_collection(settings, names[0], self._rounds.stop) as one_by_one,
            plain_collection(settings, names[1], self._rounds.stop) as gathered,
            plain_collection(settings, names[2], self._rounds.stop) as at_once,
        ):

            def insert(count: int) -> Work:
                rows = store_rows(work.passages(count))

                async def added() -> list[Any]:
                    await docent.insert(rows, NAMESPACE)
                    return rows

                return added

            await self._rounds.measure(
                "add",
                {
                    "synchronous": lambda count: one_by_one.add_synchronously(work.passages(count)),
                    "asynchronous": lambda count: gathered.add_asynchronously(work.passages(count)),
                    "docent": insert,
                    "one_request": lambda count: at_once.add_in_one_request(work.passages(count)),
                },
            )
            added = WARM_UP + self._rounds.rounds * sum(self._rounds.sizes)
            return {
                "synchronous": added - await one_by_one.count("Strong"),
                "asynchronous": added - await gathered.count("Strong"),
                "docent": added - await docent.count(None, "Strong"),
                "one_request": added - await at_once.count("Strong"),
            }

    async def _searches(self, settings: Settings, work: Workload) -> str:
        """Returns the version of Milvus."""
        passages = work.passages(SEARCHED_ROWS)
        vectors = work.questions
        async with (
            docent_collection(settings) as docent,
            plain_collection(settings, f"{settings.collection}_0", self._rounds.stop) as plain,
        ):
            self._rounds.tell(f"Adding {SEARCHED_ROWS:,} rows to search")
            await docent.insert(store_rows(passages), NAMESPACE)
            await plain.add_in_one_request(passages)()
            if settings.milvus_is_lite:
                await docent.flush()
                await plain.flush()
            # Right after an insert, searches of any level but Strong can come back incomplete.
            level = settings.consistency_level
            await until_visible(lambda: docent.count(None, level), SEARCHED_ROWS)
            await until_visible(lambda: plain.count(level), SEARCHED_ROWS)

            def search(count: int) -> Work:
                async def searched() -> list[Any]:
                    return await asyncio.gather(
                        *(docent.searches.dense(vector, TOP_K, None, ()) for vector in vectors[:count])
                    )

                return searched

            await self._rounds.measure(
                "search",
                {
                    "synchronous": lambda count: plain.search_synchronously(vectors[:count], TOP_K),
                    "asynchronous": lambda count: plain.search_asynchronously(vectors[:count], TOP_K),
                    "docent": search,
                    "one_request": lambda count: plain.search_in_one_request(vectors[:count], TOP_K),
                },
            )
            return docent.version
