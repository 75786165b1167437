"""The pipeline as a whole: read → chunk → embed → insert → count → ready. All stages work at the same time.

It runs on the event loop of the process. Reading and chunking run in separate processes, embedding in threads. The
queues between the stages are bounded, so that memory depends on the queues and not on the upload. A document becomes
*ready* only when Milvus shows all of its rows to a search; until then every search leaves its rows out.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from rag.embeddings.embedder import EmbedderThreads
from rag.errors import RagError
from rag.ingestion.deletion import DeleteCollection
from rag.ingestion.embedding import EmbeddingQueue, LoadModel, MakeCollection, PreparedCollection
from rag.ingestion.embeddings_outage import EmbeddingsOutage
from rag.ingestion.inserting import Inserting
from rag.ingestion.jobs import JobBook, Work
from rag.ingestion.lifecycle import Lifecycle
from rag.ingestion.reader_process import ReadPicture
from rag.ingestion.reading import READERS, Reading, TakeAttachment
from rag.schema import Job, Receipt
from rag.settings import Ocr
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

logger = logging.getLogger(__name__)

# The time between two renewals of all leases, a third of a lease (`leases.LEASE`).
RENEW_SECONDS = 20


class Ingestion:
    """Brings documents whose bytes are in the file store into Milvus. Use on the event loop only.

    `book` has the jobs, `lifecycle` changes the documents' states.
    """

    def __init__(
        self,
        catalog: Catalog,
        files: FileStore,
        store: VectorStore,
        threads: EmbedderThreads,
        load_model: LoadModel,
        make_collection: MakeCollection,
        delete_collection: DeleteCollection,
        ocr: Ocr,
        read_picture: ReadPicture,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._load_model = load_model
        self._make_collection = make_collection
        self.book = JobBook()
        self._outage = EmbeddingsOutage(load_model)
        self.lifecycle = Lifecycle(catalog, files, store, self.book, self._outage, delete_collection)
        self._embedding = EmbeddingQueue(threads, load_model, self.lifecycle.fail)
        self._reading = Reading(
            files, store, self.lifecycle, self._embedding, load_model, self._make_collection_for, ocr, read_picture
        )
        self._inserting = Inserting(store, self.book, self.lifecycle, self._embedding, self._make_collection_for)
        # Held by calls that lease or delete many documents, so that they run one at a time.
        self._one_at_a_time = asyncio.Lock()
        self._tasks: list[asyncio.Task[Any]] = []

    def take_attachments_by(self, take: TakeAttachment) -> None:
        """Have `take` called with each file that is attached to a document, before `start`."""
        self._reading.take_attachment = take

    def start(self, ready: bool) -> None:
        """Start all stages. `ready` also starts the reader processes, so that the first documents don't wait."""
        workers = [self._reading.run() for _ in range(READERS)]
        workers += [self._embedding.run(), self._inserting.run(), self._renew_leases()]
        workers += [self._reading.start_readers()] if ready else []
        self._tasks = [asyncio.create_task(worker) for worker in workers]

    async def close(self) -> None:
        """Stop at once. Documents that aren't ready stay pending until the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self._outage.close(), *self._tasks, return_exceptions=True)
        await self._reading.close()
        await asyncio.to_thread(self._catalog.leases.release)

    def in_flight(self) -> set[str]:
        """The documents of which Milvus may hold some rows but not all. They must not be searched."""
        return {work.job.doc_id for work in self.book.active() if work.chunks and not work.is_ready}

    async def dismiss(self, job_id: str | None) -> None:
        """Take a finished job (None: all finished jobs) off the list."""
        self.book.dismiss(job_id)

    async def cancel(self, job_id: str) -> None:
        """Cancel a job, and delete the rows that it has written. Does nothing to a finished job.

        Raises NotFound; StoreUnavailable if the rows can't be deleted now, and the document is then listed as failed.
        """
        work = self.book.find(job_id)
        if not work.job.finished:
            await self.lifecycle.delete([work.job.doc_id])

    async def reset(self) -> Receipt:
        """Delete all documents, and the collection. Raises like `Lifecycle.reset`."""
        await self._store.ping()
        async with self._one_at_a_time:
            return await self.lifecycle.reset()

    async def rebuild(self) -> list[Job]:
        """Delete the collection, and queue all documents. Raises StoreUnavailable, after which nothing has changed."""
        async with self._one_at_a_time:
            await self.lifecycle.rebuild()
            return await self.lifecycle.queue_pending()

    async def resume(self) -> list[Job]:
        """Of the documents that no living process has leased, delete the unlisted and queue the pending documents.

        Raises EmbeddingError, IndexMismatch if pending documents can't be embedded; StoreError, CatalogError, RagError.
        """
        refusal: RagError | None = None
        try:
            can_embed = await self._can_embed_pending()  # may take long, and a reset mustn't wait for it
        except RagError as error:
            can_embed, refusal = False, error
        async with self._one_at_a_time:
            try:
                await self.lifecycle.finish_deletions()
            finally:  # a failed deletion mustn't keep other documents from being added
                jobs = await self.lifecycle.queue_pending() if can_embed else []
        if refusal:
            raise refusal
        return jobs

    async def _can_embed_pending(self) -> bool:
        """Whether any document is pending, and there is a model to embed it. Raises like `EmbeddingsOutage.is_over`."""
        pending = (await asyncio.to_thread(self._catalog.count_states)).get("pending")
        return bool(pending) and await self._outage.is_over()

    async def _make_collection_for(self, works: list[Work]) -> PreparedCollection | None:
        """Make the collection unless it exists. None if none of `works` is wanted any more: after a reset no new
        collection must be made."""
        await self._load_model()  # may take long; after it `make_collection` takes its lock without waiting
        await self.lifecycle.cancel_lost(works)
        if not any(work.wanted for work in works):
            return None
        return await self._make_collection()

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if self.book.active():
                try:
                    await asyncio.to_thread(self._catalog.leases.renew)
                except RagError as error:
                    logger.warning("leases not renewed", exc_info=error)
