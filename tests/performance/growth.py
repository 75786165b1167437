"""The costs of a collection at several sizes: searching, filling, memory, disk, opening it again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import StoreError
from rag.ingestion.embedding import INSERTED_TOGETHER
from rag.retrieval.retrieve import CANDIDATES
from rag.settings import Settings
from rag.vector_store.store import VectorStore
from tests.performance.resident import resident_mb
from tests.performance.spread import Spread, spread
from tests.performance.synthetic import DIMENSION, Corpus

# The size that the largest size is compared with.
REFERENCE = 10_000
QUESTIONS = 40
WARM_UP = 5
VISIBLE_SECONDS = 300.0
INDEXED_SECONDS = 3600.0
NAMESPACE = "scale"


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a collection of `rows` rows. `milliseconds` is by search: "dense", "lexical", "both".
    `rows_per_second` is the rate of filling from the size before. `memory_mb` is of this process; `disk_mb` is None on
    a server. A closed collection is open again after `open_seconds`, and can be searched after `ready_seconds`."""

    rows: int
    milliseconds: dict[str, Spread]
    rows_per_second: float
    memory_mb: float
    disk_mb: float | None
    open_seconds: float
    ready_seconds: float


async def measure(settings: Settings, sizes: tuple[int, ...], on_progress: Callable[[int], object]) -> list[Costs]:
    """Make the settings' collection, fill it to each of the ascending `sizes`, delete it, and return its costs.

    `on_progress` gets the number of rows so far. Raises StoreUnavailable or StoreError.
    """
    store, corpus, costs, filled = VectorStore(settings), Corpus(), [], 0
    try:
        await store.create(DIMENSION)
        for size in sizes:
            seconds = await _fill(store, corpus, filled, size, on_progress)
            # A server indexes in the background, which takes minutes for a million rows; until then a search compares
            # every row.
            if not await store.settle(INDEXED_SECONDS):
                raise StoreError(f"Milvus hasn't indexed {size} rows after {INDEXED_SECONDS:.0f} s; see its log.")
            # Opened again, as at a start of the app, so that searches use the rows as read from disk.
            await store.close()
            store = VectorStore(settings)
            began = time.perf_counter()
            await store.connect()
            opened = time.perf_counter() - began
            await store.searches.warm_up()
            first = time.perf_counter() - began
            searches = await _search(store, corpus)
            rate = (size - filled) / seconds
            costs.append(Costs(size, searches, rate, resident_mb(), _disk_mb(settings), opened, first))
            filled = size
    finally:
        try:
            if not settings.milvus_is_lite:  # on Milvus Lite the caller deletes the whole folder
                await store.delete_collection()
        finally:
            await store.close()
    return costs


async def _fill(
    store: VectorStore, corpus: Corpus, filled: int, size: int, on_progress: Callable[[int], object]
) -> float:
    """Insert as the pipeline does, until Milvus shows all rows. Returns the seconds, without those of making rows."""
    seconds = 0.0
    for rows in corpus.batches(size - filled, INSERTED_TOGETHER):
        began = time.perf_counter()
        await store.insert(rows, NAMESPACE)
        seconds += time.perf_counter() - began
        filled += len(rows)
        on_progress(filled)
    began = time.perf_counter()
    await store.flush()
    while (visible := await store.count()) != size:
        if time.perf_counter() - began > VISIBLE_SECONDS:
            raise StoreError(f"Milvus shows {visible} of {size} rows after {VISIBLE_SECONDS:.0f} s; see its log.")
        await asyncio.sleep(0.05)
    return seconds + time.perf_counter() - began


async def _search(store: VectorStore, corpus: Corpus) -> dict[str, Spread]:
    async def dense(_: str, vector: list[float]) -> object:
        return await store.searches.dense(vector, CANDIDATES, None, ())

    async def lexical(terms: str, _: list[float]) -> object:
        return await store.searches.lexical(terms, CANDIDATES, None, ())

    async def both(terms: str, vector: list[float]) -> object:
        return await asyncio.gather(dense(terms, vector), lexical(terms, vector))

    searches: dict[str, Callable[[str, list[float]], Awaitable[object]]] = {"dense": dense}
    if store.has_lexical:
        searches |= {"lexical": lexical, "both": both}
    spreads = {}
    for search_name, search in searches.items():
        times = []
        for _ in range(WARM_UP + QUESTIONS):
            question = corpus.question()
            began = time.perf_counter()
            await search(*question)
            times.append(1000 * (time.perf_counter() - began))
        spreads[search_name] = spread(times[WARM_UP:])
    return spreads


def cost_ratio(costs: list[Costs]) -> float | None:
    """The median search time at the largest size as a multiple of the time at REFERENCE. None without both sizes."""
    reference = next((cost for cost in costs if cost.rows == REFERENCE), None)
    if reference is None or costs[-1] is reference:
        return None
    search_name = list(reference.milliseconds)[-1]
    return costs[-1].milliseconds[search_name].median / reference.milliseconds[search_name].median


def _disk_mb(settings: Settings) -> float | None:
    if not settings.milvus_is_lite:
        return None
    return sum(path.stat().st_size for path in Path(settings.milvus_address).rglob("*") if path.is_file()) / 1_000_000
