"""The pipeline: read → chunk → embed → insert → count → mark ready, each stage working while the others do.

Runs on the event loop of the process. Reading and chunking happen in processes of their own, embedding in threads; the
queues between the stages are bounded, so that memory follows the queues and not the upload. A document counts as
*ready* only when Milvus shows all of its rows to a search; until then its rows are left out of every search.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.errors import EmbeddingUnavailable, RagError
from rag.ingestion.embedding import EmbeddingQueue, LoadModel
from rag.ingestion.inserting import Inserting
from rag.ingestion.jobs import JobBook, Work
from rag.ingestion.lifecycle import Outcomes
from rag.ingestion.reading import READERS, Reading
from rag.ingestion.removal import DropCollection, Removal
from rag.schema import Job, Receipt
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

logger = logging.getLogger(__name__)

RENEW_SECONDS = 20

# Makes the collection unless it exists: its model, and the namespace of its row ids.
Prepare = Callable[[], Coroutine[Any, Any, tuple[Embedder, str]]]


class Ingestion:
    """Takes documents whose bytes are in the file store and brings them into Milvus. Use on the event loop only."""

    def __init__(
        self,
        catalog: Catalog,
        files: FileStore,
        store: VectorStore,
        threads: EmbedderThreads,
        load_model: LoadModel,
        prepare: Prepare,
        drop_collection: DropCollection,
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._load_model = load_model
        self._prepare = prepare
        self._drop_collection = drop_collection
        self.book = JobBook()
        self._removal = Removal(catalog, files, store, drop_collection)
        self._outcomes = Outcomes(catalog, store, self._removal, self.book)
        self._embedding = EmbeddingQueue(threads, load_model, self._outcomes.fail)
        self._reading = Reading(files, store, self._outcomes, self._embedding, load_model, self._prepare_for)
        self._inserting = Inserting(
            catalog, store, self._removal, self.book, self._outcomes, self._embedding, self._prepare_for
        )
        # What is pending or unlisted is taken up by one at a time.
        self._taking_up = asyncio.Lock()
        self._tasks: list[asyncio.Task[Any]] = []
        self._trying_embedder: asyncio.Task[None] | None = None

    def start(self, ready: bool) -> None:
        """Begin to work. `ready`: the first documents won't wait for their readers' processes to start."""
        workers = [self._reading.run() for _ in range(READERS)]
        workers += [self._embedding.run(), self._inserting.run(), self._renew_leases()]
        workers += [self._reading.start_readers()] if ready else []
        self._tasks = [asyncio.create_task(worker) for worker in workers]

    async def close(self) -> None:
        """Stop at once; what isn't ready stays pending for the next start."""
        tasks = self._tasks + ([self._trying_embedder] if self._trying_embedder else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._reading.close()
        await asyncio.to_thread(self._catalog.leases.release)

    # --- jobs

    def in_flight(self) -> set[str]:
        """The documents of which Milvus may hold some rows but not all: they must not be searched."""
        return {work.job.doc_id for work in self.book.active() if work.chunks and not work.whole}

    def add(self, doc_id: str, file_name: str, again: bool = False) -> Job:
        """Queue a document that is pending in the catalog, leased to this process. `again`: it was tried before."""
        self._removal.unreleased.discard(doc_id)
        work = self.book.add(doc_id, file_name, "queued")
        work.again = again
        self._reading.put(work)
        return work.job

    async def give_back(self, doc_id: str) -> None:
        """Leave a document that couldn't be added to whoever comes next."""
        await self._removal.release([doc_id])

    async def cancel(self, job_id: str) -> None:
        """Stop a job and remove what it has written. Does nothing to a finished one. Raises NotFound, and
        StoreUnavailable where the rows can't be removed now; the document is then listed as failed."""
        work = self.book.find(job_id)
        if not work.job.finished:
            await self.delete([work.job.doc_id])

    async def delete(self, doc_ids: list[str]) -> Receipt:
        """Take documents out of the pipeline and the library. Raises like `Removal.delete`."""
        return await self._removal.delete(doc_ids, self.book.stop)

    async def delete_all(self) -> Receipt:
        """Take all documents out of the pipeline, and drop the collection. Raises like `Removal.delete_all`."""
        await self._store.ping()
        async with self._taking_up:
            return await self._removal.delete_all(self.book.stop)

    async def rebuild(self) -> list[Job]:
        """Drop the collection and queue all documents. Raises StoreUnavailable, after which it is as it was."""
        async with self._taking_up:
            stopped = [work.job.doc_id for work in self.book.active()]
            self.book.stop()
            try:
                await self._drop_collection(True)
                self._outcomes.embeddings_away = False  # the model has just been loaded
                await asyncio.to_thread(self._catalog.mark_pending, ("pending", "ready", "failed"))
            except RagError:
                # What was stopped is taken up again when Milvus, or the database, is back.
                await self._removal.release(stopped)
                raise
            return await self._take_up_pending()

    async def resume(self) -> list[Job]:
        """Take up what nobody is at: remove what is unlisted, queue what is pending without the rows that an earlier
        run has left of it."""
        refusal: RagError | None = None
        try:
            able = await self._can_take_up()  # may take long, and a reset mustn't wait for that
        except RagError as error:
            able, refusal = False, error
        async with self._taking_up:
            try:
                await self._removal.finish(lambda: not self.book.active())
            finally:  # what can't be removed mustn't keep others from being added
                taken_up = await self._take_up_pending() if able else []
        if refusal:
            raise refusal
        return taken_up

    async def _can_take_up(self) -> bool:
        """Whether there is anything pending, and a model to embed it. Raises like the loading of the model."""
        if not (await asyncio.to_thread(self._catalog.count_states)).get("pending"):
            return False
        if self._outcomes.embeddings_away:
            if self._trying_embedder is None:
                # Not waited for: a server that is silent takes a minute and more to be given up.
                self._trying_embedder = asyncio.create_task(self._try_embedder())
            return False
        # Without a model that fits they would fail, though another process, or this one with other settings, can add
        # them.
        try:
            await self._load_model()
        except EmbeddingUnavailable:
            self._outcomes.embeddings_away = True
            raise
        return True

    async def _take_up_pending(self) -> list[Job]:
        leased = await asyncio.to_thread(self._catalog.leases.acquire_pending)
        # One that is being added is in the book already: its lease was released late.
        leased = [entry for entry in leased if self.book.running(entry[0]) is None]
        doc_ids = [doc_id for doc_id, _ in leased]
        try:
            await self._removal.delete_rows(doc_ids)
            for doc_id in doc_ids:
                await asyncio.to_thread(self._files.remove_temporary, doc_id)
        except RagError:
            await self._removal.release(doc_ids)
            raise
        # Looked at again: somebody may have tried one again meanwhile.
        return [self.add(doc_id, file_name) for doc_id, file_name in leased if self.book.running(doc_id) is None]

    # --- for the stages

    async def _try_embedder(self) -> None:
        """Ask the embeddings server whether it answers again."""
        try:
            embedder = await self._load_model()
            await asyncio.to_thread(embedder.embed_query, "Do you hear me?")
            self._outcomes.embeddings_away = False
        except RagError as error:
            # Of what else is wrong with it the documents are to tell.
            self._outcomes.embeddings_away = isinstance(error, EmbeddingUnavailable)
            logger.info("the embeddings server doesn't embed", exc_info=error)
        finally:
            self._trying_embedder = None

    async def _prepare_for(self, works: list[Work]) -> tuple[Embedder, str] | None:
        """Make the collection unless it exists. Returns its model and namespace; None where none of these is wanted any
        more: a reset must not be followed by a new collection."""
        await self._load_model()  # may take long; from here on `prepare` doesn't wait before it takes its lock
        await self._outcomes.give_up_removed(works)
        if all(work.cancelled for work in works):
            return None
        return await self._prepare()

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if self.book.active():
                try:
                    await asyncio.to_thread(self._catalog.leases.renew)
                except RagError as error:
                    logger.warning("leases not renewed", exc_info=error)
