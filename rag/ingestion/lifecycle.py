"""How a document's way through the pipeline ends where it doesn't become ready."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from rag.errors import CatalogError, EmbeddingUnavailable, RagError, StoreError, StoreUnavailable
from rag.ingestion.jobs import JobBook, Work
from rag.ingestion.removal import Removal
from rag.runtime.logs import ID_CHARACTERS
from rag.runtime.logs import job as in_job
from rag.storage.documents import Catalog
from rag.vector_store.store import VectorStore

logger = logging.getLogger(__name__)


class Outcomes:
    """Ends jobs, and has the catalog and Milvus say the same. Use on the event loop only.

    `embeddings_away`: whether the embeddings server didn't answer the last time. `once_away` are the documents that
    have met that: one that does so again, though the server has answered since, may be what it can't take, and fails.
    """

    def __init__(self, catalog: Catalog, store: VectorStore, removal: Removal, book: JobBook) -> None:
        self._catalog = catalog
        self._store = store
        self._removal = removal
        self._book = book
        self.embeddings_away = False
        self.once_away: set[str] = set()

    async def fail(self, work: Work, error: Exception) -> None:
        """End a job that `error` has befallen: the document has failed, or stays pending if that may pass."""
        if work.job.finished:
            return
        work.cancelled = True
        doc_id = work.job.doc_id
        known = isinstance(error, RagError)
        with in_job(work.job.job_id):
            logger.log(logging.INFO if known else logging.ERROR, "ingesting failed", exc_info=error)
        if known:
            sentence = str(error)
        else:
            sentence = f"{work.job.file_name} can't be ingested ({type(error).__name__}); details are in the log."
        try:
            if isinstance(error, StoreUnavailable):
                # It concerns all, and needn't be found out for each.
                await self.leave_pending([work, *self._book.active()], sentence)
            elif isinstance(error, EmbeddingUnavailable) and doc_id not in self.once_away:
                self.once_away.add(doc_id)
                self.embeddings_away = True
                waiting = [other for other in self._book.active() if not other.is_embedded]
                await self.leave_pending([work, *waiting], sentence)
            elif isinstance(error, CatalogError):
                await self.leave_pending([work], sentence)
            elif doc_id not in await asyncio.to_thread(self._catalog.leases.held, [doc_id]):
                await self.abandon(work)
            else:
                # In this order: killed in between, the document is pending, and its rows aren't forgotten.
                with contextlib.suppress(StoreError):
                    await self._store.delete([doc_id])
                await asyncio.to_thread(self._catalog.mark_failed, doc_id, sentence)
                self.once_away.discard(doc_id)
        except RagError as second:
            about = {"doc": doc_id[:ID_CHARACTERS]}
            logger.warning("cleaning up after a document failed", exc_info=second, extra=about)
            self._removal.unreleased.add(doc_id)
        finally:
            work.finish("failed", error=sentence)

    async def leave_pending(self, works: list[Work], sentence: str) -> None:
        """Give up for now: what is pending is taken up again when Milvus, the database or the embeddings server is
        back."""
        for work in works:
            work.finish("failed", error=sentence)
        await self._removal.release([work.job.doc_id for work in works])

    async def give_up_removed(self, works: list[Work]) -> None:
        """Stop with documents that another process has removed or taken over."""
        active = [work for work in works if not work.cancelled]
        held = await asyncio.to_thread(self._catalog.leases.held, [work.job.doc_id for work in active])
        for work in active:
            if work.job.doc_id not in held:
                await self.abandon(work)

    async def abandon(self, work: Work) -> None:
        """Another process has removed the document meanwhile, or has taken it over."""
        work.finish("cancelled", error=f"{work.job.file_name} was deleted, or added again, meanwhile.")
        if not await asyncio.to_thread(self._catalog.knows, work.job.doc_id):
            await self._store.delete([work.job.doc_id])
