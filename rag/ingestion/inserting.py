"""The pipeline's end: rows into Milvus; a document is *ready* once Milvus shows all of its rows to a search."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from rag.embeddings.embedder import Embedder
from rag.errors import CollectionLost, RagError, StoreUnavailable
from rag.ingestion.embedding import EmbeddingQueue, Item, PrepareFor, by_work
from rag.ingestion.jobs import JobBook, Work
from rag.ingestion.lifecycle import Outcomes
from rag.ingestion.removal import Removal
from rag.runtime.retries import retrying
from rag.storage.documents import Catalog
from rag.vector_store.rows import ChunkRow
from rag.vector_store.store import VectorStore

logger = logging.getLogger(__name__)

VISIBLE_SECONDS = 30.0
# After this a document is said to have failed for now. It stays pending, and is taken up again when Milvus is back.
PATIENCE_SECONDS = 20.0


class Inserting:
    """Takes items from the embedding queue to Milvus, and completes documents. Use on the event loop only."""

    def __init__(
        self,
        catalog: Catalog,
        store: VectorStore,
        removal: Removal,
        book: JobBook,
        outcomes: Outcomes,
        queue: EmbeddingQueue,
        prepare_for: PrepareFor,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._removal = removal
        self._book = book
        self._outcomes = outcomes
        self._queue = queue
        self._prepare_for = prepare_for
        self._once_incomplete: set[str] = set()

    async def run(self) -> None:
        """Insert until cancelled."""
        while True:
            items = await self._queue.take()
            try:
                if items:
                    await self._insert(items)
            except Exception as error:
                for part in by_work(items):
                    with contextlib.suppress(Exception):  # the only one that inserts must go on
                        await self._outcomes.fail(part[0].work, error)

    async def _insert(self, items: list[Item]) -> None:
        prepared = await self._prepare_for([part[0].work for part in by_work(items)])
        if prepared is None:
            return
        embedder, namespace = prepared
        await self._give_up_lost(items, embedder)
        wanted = [item for item in items if not item.work.cancelled]
        attempt = 0

        async def insert() -> None:
            nonlocal attempt
            attempt += 1
            rows = [
                ChunkRow(item.work.job.doc_id, item.number, item.chunk, item.lexical_text, item.vector)
                for item in wanted
                if not item.work.cancelled
            ]
            # An insert that timed out may have been carried out all the same.
            await self._store.insert(rows, namespace, again=attempt > 1)

        try:
            await self._persistently(insert)
        except CollectionLost:
            # Another process has dropped it. Documents that have lost nothing with it go into the next one.
            works = [part[0].work for part in by_work(wanted)]
            if any(work.inserted for work in works) or await self._prepare_for(works) != prepared:
                raise
            await self._persistently(insert)
        for item in items:
            item.work.inserted += 1
        late = {item.work.job.doc_id for item in wanted if item.work.cancelled} - {
            work.job.doc_id for work in self._book.active()
        }
        if late:  # stopped while their rows were being written
            await self._store.delete(late)
        works = [part[0].work for part in by_work(items) if not part[0].work.cancelled]
        for work in works:
            if work.is_embedded:
                work.update(stage="indexing", done=work.inserted)
        whole = [work for work in works if work.stored]
        if whole:
            await self._complete(whole)

    async def _give_up_lost(self, items: list[Item], embedder: Embedder) -> None:
        """Stop with documents that another process has removed or taken over, and with those that were embedded for a
        collection that has been rebuilt with another model."""
        await self._outcomes.give_up_removed([part[0].work for part in by_work(items)])
        for item in items:
            if not item.work.cancelled and item.model != embedder.fingerprint:
                await self._outcomes.fail(item.work, self._store.lost())

    async def _complete(self, works: list[Work]) -> None:
        """Check in Milvus that all rows are visible, then mark the documents ready."""
        if len(works) == len(self._book.active()):  # a pause: the time to seal what Milvus Lite holds
            await self._persistently(self._store.flush)
        missing = await self._missing(works)
        for work in works:
            if work.job.doc_id in missing:
                await self._incomplete(work)
        good = [work for work in works if not work.cancelled]
        counts = {work.job.doc_id: (work.job.pages, work.chunks) for work in good}
        marked, replaced = await asyncio.to_thread(self._catalog.mark_ready, counts)
        for work in good:
            work.whole = work.job.doc_id in marked
        await self._remove_replaced(replaced)
        for work in good:
            if work.whole:
                self._once_incomplete.discard(work.job.doc_id)
                self._outcomes.once_away.discard(work.job.doc_id)
                work.finish("ready")
        for work in good:
            if not work.whole and not work.cancelled:
                await self._outcomes.abandon(work)

    async def _remove_replaced(self, doc_ids: list[str]) -> None:
        """They have left the library by now; what can't be removed at once, `resume` removes."""
        if not doc_ids:
            return
        self._book.stop(doc_ids)
        try:
            await self._removal.remove(doc_ids)
        except RagError as error:
            logger.info("what was replaced is removed later", exc_info=error)
            await self._removal.release(doc_ids)

    async def _missing(self, works: list[Work]) -> set[str]:
        """The documents of which Milvus doesn't show all rows within VISIBLE_SECONDS."""
        deadline = asyncio.get_running_loop().time() + VISIBLE_SECONDS
        pause = 0.02
        while True:
            # Those that are cancelled meanwhile lose their rows on purpose.
            expected = {work.job.doc_id: work.chunks for work in works if not work.cancelled}
            if not expected:
                return set()
            if await self._persistently(partial(self._store.count, list(expected))) == sum(expected.values()):
                return set()
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
            await self._outcomes.give_up_removed(works)
        return set(await self._store.miscounted(expected))

    async def _incomplete(self, work: Work) -> None:
        """Rows can be lost, or doubled, where Milvus goes away between two inserts: then it is tried once more."""
        doc_id, sentence = work.job.doc_id, f"{work.job.file_name} wasn't stored whole by Milvus"
        if doc_id in self._once_incomplete:
            await self._outcomes.fail(work, RagError(f"{sentence}; try again."))
        else:
            self._once_incomplete.add(doc_id)
            await self._outcomes.leave_pending([work], f"{sentence}; it is added again by itself.")

    async def _persistently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat a Milvus call while Milvus is away: for PATIENCE_SECONDS, and what the last attempt takes."""

        def may_pass(error: BaseException) -> bool:
            return isinstance(error, StoreUnavailable) and not isinstance(error, CollectionLost)

        return await retrying(may_pass, PATIENCE_SECONDS)(call)
