"""The life of a document: every change of its state is decided here, and made in catalog, Milvus and job.

    unlisted → pending → queued, reading, embedding, indexing → ready | failed | pending again | gone

docs/architecture.md has the diagram, and says what happens when the process is killed or a server goes away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable
from typing import Literal

from rag.errors import CatalogError, EmbeddingUnavailable, RagError, StoreError, StoreUnavailable
from rag.ingestion.deletion import DeleteCollection, Deletion
from rag.ingestion.embeddings_outage import EmbeddingsOutage
from rag.ingestion.jobs import JobBook, Work, explain
from rag.runtime.logs import ID_CHARACTERS
from rag.schema import DocumentState, Job, Receipt
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

logger = logging.getLogger(__name__)

STILL_THERE = "Milvus couldn't be asked to delete this document; delete it again when Milvus is back."
ALL_STATES: tuple[DocumentState, ...] = ("pending", "ready", "failed")
READY: tuple[DocumentState, ...] = ("ready",)


class Lifecycle:
    """Changes the states of the documents of one collection. Use on the event loop only, except `enter`."""

    def __init__(
        self,
        catalog: Catalog,
        files: FileStore,
        store: VectorStore,
        book: JobBook,
        outage: EmbeddingsOutage,
        delete_collection: DeleteCollection,
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._book = book
        self._outage = outage
        self._delete_collection = delete_collection
        self._deletion = Deletion(catalog, files, store, delete_collection)
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        # Documents of which Milvus once didn't show all rows. The second time, they fail.
        self._incomplete_once: set[str] = set()
        # Documents whose leases couldn't be released, since the database failed.
        self._unreleased: set[str] = set()

    # --- into the pipeline: unlisted → pending → queued

    def enter(
        self, doc_id: str, file_name: str, data: bytes, replaces: Iterable[str]
    ) -> Literal["added", "ready", "busy"]:
        """New → unlisted → pending: record a document, keep its bytes, list it. Not to be called on the event loop.

        Returns like `Leases.add_pending`. Raises CatalogError; RagError if the bytes can't be kept.
        """
        # Recorded first, so that no bytes are kept without a row in the catalog. Listed once the bytes are kept.
        listed = self._catalog.find(doc_id) is not None
        outcome = self._catalog.leases.add_pending(doc_id, file_name, len(data), replaces, listed=listed)
        if outcome == "busy":
            return outcome
        try:
            self._files.write(doc_id, data)  # also of a listed document, whose bytes may be lost
            if outcome == "added" and not listed:
                self._catalog.leases.list_pending(doc_id)
        except RagError:
            if outcome == "added":
                self._release_now([doc_id])
            raise
        return outcome

    def queue(self, doc_id: str, file_name: str, *, tried_before: bool = False) -> Job:
        """Pending → queued: a document that this process leased. `tried_before`: it may have rows already."""
        self._unreleased.discard(doc_id)
        work = self._book.add(doc_id, file_name, "queued", tried_before=tried_before)
        self._queue.put_nowait(work)
        return work.job

    async def next_queued(self) -> Work:
        """Wait for the next document to read."""
        return await self._queue.get()

    async def queue_pending(self) -> list[Job]:
        """Pending → queued: the documents that no living process has leased. Rows of an earlier attempt are deleted.

        Raises StoreError, CatalogError, RagError; the documents then stay pending.
        """
        leased = await asyncio.to_thread(self._catalog.leases.acquire_pending)
        # Leave out documents that have a running job: their leases were released late.
        leased = [document for document in leased if self._book.running(document.doc_id) is None]
        doc_ids = [document.doc_id for document in leased]
        try:
            await self._deletion.delete_rows(doc_ids)
            for doc_id in doc_ids:
                await asyncio.to_thread(self._files.delete_temporary, doc_id)
        except RagError:
            await self.release(doc_ids)
            raise
        # Checked once more: the user may have begun a job meanwhile.
        return [
            self.queue(document.doc_id, document.file_name)
            for document in leased
            if self._book.running(document.doc_id) is None
        ]

    async def rebuild(self) -> None:
        """Any state → pending: all documents, while the collection is deleted. Raises RagError; the states are then
        unchanged."""
        cancelled = [work.job.doc_id for work in self._book.active()]
        self._book.cancel()
        try:
            await self._delete_collection(True)
            self._outage.end()
            await asyncio.to_thread(self._catalog.mark_pending, ALL_STATES)
        except RagError:
            # `resume` queues the documents again when Milvus or the database is back.
            await self.release(cancelled)
            raise

    async def ready_to_pending(self, doc_ids: Collection[str] | None) -> None:
        """Ready → pending: documents (None: all) of which Milvus has lost rows. Raises CatalogError."""
        await asyncio.to_thread(self._catalog.mark_pending, READY, doc_ids)

    # --- out of the pipeline: ready, failed, pending again, cancelled

    async def complete(self, works: Collection[Work]) -> None:
        """Indexing → ready: documents of which Milvus shows all rows; documents that they replace are deleted."""
        counts = {work.job.doc_id: (work.job.pages, work.chunks) for work in works}
        notices = {work.job.doc_id: work.job.notice for work in works if work.job.notice}
        marked = await asyncio.to_thread(self._catalog.mark_ready, counts, notices)
        ready = [work for work in works if work.job.doc_id in marked.ready]
        for work in ready:
            work.mark_ready()
        if marked.replaced:
            await self._delete_replaced(marked.replaced)
        for work in ready:
            self._incomplete_once.discard(work.job.doc_id)
            self._outage.settle(work.job.doc_id)
            work.finish("ready")
        for work in works:
            if not work.is_ready and work.wanted:
                await self._cancel_lost(work)

    async def fail(self, work: Work, error: Exception) -> None:
        """Any stage → failed; or → pending if `error` may pass, because Milvus, the database or the embeddings server
        is away. Other documents that would meet the same error then become pending, too."""
        if work.job.finished:
            return
        work.pass_over()
        doc_id = work.job.doc_id
        sentence = explain(work.job, error)
        try:
            if isinstance(error, StoreUnavailable):
                await self._return_to_pending([work, *self._book.active()], sentence)
            elif isinstance(error, EmbeddingUnavailable) and self._outage.meet(doc_id):
                waiting = [other for other in self._book.active() if not other.is_embedded]
                await self._return_to_pending([work, *waiting], sentence)
            elif isinstance(error, CatalogError):
                await self._return_to_pending([work], sentence)
            elif doc_id not in await asyncio.to_thread(self._catalog.leases.held, [doc_id]):
                await self._cancel_lost(work)
            else:
                # In this order: if the process is killed in between, the document stays pending, and `queue_pending`
                # deletes its rows.
                with contextlib.suppress(StoreError):
                    await self._store.delete([doc_id])
                await asyncio.to_thread(self._catalog.mark_failed, doc_id, sentence)
                self._outage.settle(doc_id)
        except RagError as second:
            about = {"doc": doc_id[:ID_CHARACTERS]}
            logger.warning("cleaning up after a document failed", exc_info=second, extra=about)
            self._unreleased.add(doc_id)
        finally:
            work.finish("failed", error=sentence)

    async def fail_incomplete(self, work: Work) -> None:
        """Indexing → pending, the second time → failed: Milvus doesn't show all rows. Rows can be lost or doubled if
        Milvus goes away between two inserts."""
        doc_id, sentence = work.job.doc_id, f"{work.job.file_name} wasn't stored whole by Milvus"
        if doc_id in self._incomplete_once:
            await self.fail(work, RagError(f"{sentence}; try again."))
        else:
            self._incomplete_once.add(doc_id)
            await self._return_to_pending([work], f"{sentence}; it is added again by itself.")

    async def fail_ready(self, doc_id: str, sentence: str) -> None:
        """Ready → failed: a document whose chunks and bytes are lost. Raises StoreError, CatalogError."""
        await self._store.delete([doc_id])
        await asyncio.to_thread(self._catalog.mark_failed, doc_id, sentence)

    async def cancel_lost(self, works: Iterable[Work]) -> None:
        """Any stage → cancelled: documents that another process has deleted or leased. Raises CatalogError."""
        wanted = [work for work in works if work.wanted]
        held = await asyncio.to_thread(self._catalog.leases.held, [work.job.doc_id for work in wanted])
        for work in wanted:
            if work.job.doc_id not in held:
                await self._cancel_lost(work)

    # --- out of the library: → unlisted → gone

    async def delete(self, doc_ids: list[str]) -> Receipt:
        """Any state → unlisted → gone; → failed if Milvus can't delete the rows, so that the user can delete it again.

        Raises StoreUnavailable, StoreError; CatalogError, after which nothing has changed; RagError if the files can't
        be deleted.
        """
        await asyncio.to_thread(self._catalog.deletions.unlist, doc_ids)
        self._book.cancel(doc_ids)
        try:
            deleted, left = await self._deletion.delete(doc_ids)
        except StoreError:
            await self._list_failed(doc_ids)
            raise
        except RagError:
            await self.release(doc_ids)
            raise
        if left:
            await self._list_failed(doc_ids)
        return Receipt(len(doc_ids), deleted, left, tuple(doc_ids))

    async def reset(self) -> Receipt:
        """All documents → unlisted → gone, with the collection. Raises like `delete`. If Milvus or the files fail, the
        documents stay unlisted, and `finish_deletions` deletes them later."""
        doc_ids = await asyncio.to_thread(self._catalog.deletions.unlist)
        self._book.cancel()
        try:
            deleted, left = await self._deletion.delete_with_collection(doc_ids)
        except RagError as error:
            await self.release(doc_ids)
            if isinstance(error, StoreUnavailable):
                raise StoreUnavailable(f"{str(error).rstrip('.')}; what was begun is finished then.") from error
            raise
        return Receipt(len(doc_ids), deleted, left, tuple(doc_ids))

    async def finish_deletions(self) -> None:
        """Unlisted → gone: what a killed process, or `reset`, has left of documents. Raises like `delete`."""
        # Taken out first: `_release_now` puts some back. A queued document keeps its lease.
        unreleased, self._unreleased = self._unreleased, set()
        if idle := [doc_id for doc_id in unreleased if self._book.running(doc_id) is None]:
            await self.release(idle)
        doc_ids = await asyncio.to_thread(self._catalog.leases.acquire_unlisted)
        if not doc_ids:
            return
        logger.info("finishing the deletion of %d documents", len(doc_ids))
        try:
            if await self._deletion.was_reset(doc_ids) and not self._book.active():
                await self._deletion.delete_with_collection(doc_ids)
            else:
                await self._deletion.delete(doc_ids)
        finally:
            await self.release(doc_ids)  # changes only documents that couldn't be deleted

    async def release(self, doc_ids: Collection[str]) -> None:
        """Release the leases on documents. The next process, perhaps this one, leases them again."""
        await asyncio.to_thread(self._release_now, doc_ids)

    def _release_now(self, doc_ids: Collection[str]) -> None:
        try:
            self._catalog.leases.release(doc_ids)
        except RagError as error:
            logger.warning("leases not released", exc_info=error)
            self._unreleased.update(doc_ids)

    async def _return_to_pending(self, works: Collection[Work], sentence: str) -> None:
        """Any stage → pending: `resume` queues them when Milvus, the database or the embeddings server is back."""
        for work in works:
            work.finish("failed", error=sentence)
        await self.release([work.job.doc_id for work in works])

    async def _cancel_lost(self, work: Work) -> None:
        work.finish("cancelled", error=f"{work.job.file_name} was deleted, or added again, meanwhile.")
        if not await asyncio.to_thread(self._catalog.knows, work.job.doc_id):
            await self._store.delete([work.job.doc_id])

    async def _delete_replaced(self, doc_ids: list[str]) -> None:
        """Unlisted → gone: replaced documents. If they can't be deleted now, `finish_deletions` deletes them later."""
        self._book.cancel(doc_ids)
        try:
            await self._deletion.delete(doc_ids)
        except RagError as error:
            logger.info("replaced documents are deleted later", exc_info=error)
            await self.release(doc_ids)

    async def _list_failed(self, doc_ids: list[str]) -> None:
        """Unlisted → failed: documents whose rows Milvus can't delete."""
        try:
            await asyncio.to_thread(self._catalog.deletions.list_failed, doc_ids, STILL_THERE)
        except RagError as error:
            logger.warning("documents that couldn't be deleted aren't listed", exc_info=error)
            self._unreleased.update(doc_ids)
