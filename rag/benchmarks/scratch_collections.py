"""Scratch collections: made, and in any case dropped."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from rag.benchmarks.plain_store import PlainStore
from rag.benchmarks.workload import DIMENSION
from rag.errors import StoreError
from rag.event_loop import POLL_SECONDS
from rag.settings import Settings
from rag.vector_store.store import VectorStore

VISIBLE_SECONDS = 60.0


@asynccontextmanager
async def docent_collection(settings: Settings) -> AsyncIterator[VectorStore]:
    """Docent's own store with a new collection of that name, which is dropped at the end.

    On Milvus Lite it looks after the server of the file: open it before other collections of the file, close it last.
    Raises StoreUnavailable or StoreError, also where the collection may still be there.
    """
    store = VectorStore(settings)
    await store.connect()  # where there is no Milvus, nothing has to be removed
    try:
        await store.create(DIMENSION)
        yield store
    finally:
        try:
            await _removed(store.drop(), settings.collection)
        finally:
            await store.close()


@asynccontextmanager
async def plain_collection(settings: Settings, name: str, stop: threading.Event) -> AsyncIterator[PlainStore]:
    """The tutorial's store with a new collection of that name, which is dropped at the end. Raises StoreError."""
    store = PlainStore(settings, name, stop)
    try:
        await store.create()
        yield store
    finally:
        await _removed(store.remove(), name)


async def _removed(removal: Awaitable[object], name: str) -> None:
    try:
        await removal
    except StoreError as error:
        raise StoreError(f"The scratch collection {name} may still be there: {error}") from error


async def until_visible(count: Callable[[], Awaitable[int]], expected: int) -> None:
    """Wait until `count` gives as many rows. Raises StoreError after VISIBLE_SECONDS."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while (seen := await count()) != expected:
        if time.monotonic() > deadline:
            raise StoreError(f"Of {expected:,} rows that Milvus acknowledged, a search sees {seen:,}.")
        await asyncio.sleep(POLL_SECONDS)
