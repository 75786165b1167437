"""Indexing: inserts rows into Milvus; a document is *ready* once Milvus shows all of its rows to a search.

While Milvus is away, an insert is tried again for PATIENCE_SECONDS. Then `lifecycle` ends the jobs, and the documents
are pending again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from rag.embeddings.embedder import Embedder
from rag.errors import CollectionLost, StoreUnavailable
from rag.ingestion.embedding import EmbeddingQueue, Item, MakeCollectionFor, works_of
from rag.ingestion.jobs import JobBook, Work
from rag.ingestion.lifecycle import Lifecycle
from rag.runtime.retries import retrying
from rag.vector_store.rows import ChunkRow
from rag.vector_store.store import VectorStore

# Milvus has this time to show all rows of a document.
VISIBLE_SECONDS = 30.0
# After this the job is shown as failed; the document stays pending and is taken up when Milvus is back.
PATIENCE_SECONDS = 20.0


class Inserting:
    """Inserts items of the embedding queue into Milvus, and counts the rows there. Use on the event loop only."""

    def __init__(
        self,
        store: VectorStore,
        book: JobBook,
        lifecycle: Lifecycle,
        queue: EmbeddingQueue,
        make_collection_for: MakeCollectionFor,
    ) -> None:
        self._store = store
        self._book = book
        self._lifecycle = lifecycle
        self._queue = queue
        self._make_collection_for = make_collection_for

    async def run(self) -> None:
        """Insert until cancelled."""
        while True:
            items = await self._queue.take()
            try:
                if items:
                    await self._insert(items)
            except Exception as error:
                for work in works_of(items):
                    with contextlib.suppress(Exception):  # this task must go on, since no other inserts
                        await self._lifecycle.fail(work, error)

    async def _insert(self, items: list[Item]) -> None:
        prepared = await self._make_collection_for(works_of(items))
        if prepared is None:
            return
        await self._end_outdated(items, prepared.embedder)
        wanted = [item for item in items if item.work.wanted]
        attempt = 0

        async def insert() -> None:
            nonlocal attempt
            attempt += 1
            rows = [
                ChunkRow(item.work.job.doc_id, item.number, item.chunk, item.lexical_text, item.vector)
                for item in wanted
                if item.work.wanted
            ]
            # An insert that timed out may have inserted its rows all the same.
            await self._store.insert(rows, prepared.namespace, again=attempt > 1)

        try:
            await self._persistently(insert)
        except CollectionLost:
            # Another process has deleted the collection. Documents that have lost no row by this go into the next one.
            works = works_of(wanted)
            if any(work.inserted for work in works) or await self._make_collection_for(works) != prepared:
                raise
            await self._persistently(insert)
        for item in items:
            item.work.count_inserted()
        await self._delete_late_rows(works_of(wanted))
        works = [work for work in works_of(items) if work.wanted]
        for work in works:
            work.show_inserted()
        inserted = [work for work in works if work.is_inserted]
        if inserted:
            await self._complete(inserted)

    async def _end_outdated(self, items: list[Item], embedder: Embedder) -> None:
        """End the jobs of documents that another process has deleted or leased, and of documents that were embedded by
        another model than the collection has since a rebuild."""
        await self._lifecycle.cancel_lost(works_of(items))
        for item in items:
            if item.work.wanted and item.model != embedder.fingerprint:
                await self._lifecycle.fail(item.work, self._store.lost())

    async def _delete_late_rows(self, works: list[Work]) -> None:
        """Delete the rows of documents that were cancelled while their rows were being inserted."""
        cancelled = {work.job.doc_id for work in works if not work.wanted}
        late = cancelled - {work.job.doc_id for work in self._book.active()}
        if late:
            await self._store.delete(late)

    async def _complete(self, works: list[Work]) -> None:
        """Wait until Milvus shows all rows of documents, then make the documents ready."""
        if len(works) == len(self._book.active()):  # no rows are to come now: the time to seal
            await self._persistently(self._store.flush)
        missing = await self._missing(works)
        for work in works:
            if work.job.doc_id in missing:
                await self._lifecycle.fail_incomplete(work)
        await self._lifecycle.complete([work for work in works if work.wanted])

    async def _missing(self, works: list[Work]) -> set[str]:
        """The ids of the documents of which Milvus doesn't show all rows within VISIBLE_SECONDS."""
        deadline = asyncio.get_running_loop().time() + VISIBLE_SECONDS
        pause = 0.02
        while True:
            # Cancelled documents are left out: their rows are deleted on purpose.
            expected = {work.job.doc_id: work.chunks for work in works if work.wanted}
            if not expected:
                return set()
            if await self._persistently(partial(self._store.count, list(expected))) == sum(expected.values()):
                return set()
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
            await self._lifecycle.cancel_lost(works)
        return set(await self._store.miscounted(expected))

    async def _persistently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat a call while Milvus is away. The last attempt begins within PATIENCE_SECONDS of the first."""

        def may_pass(error: BaseException) -> bool:
            return isinstance(error, StoreUnavailable) and not isinstance(error, CollectionLost)

        return await retrying(may_pass, PATIENCE_SECONDS)(call)
