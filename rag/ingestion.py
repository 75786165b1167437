"""The pipeline: read → chunk → embed → insert → count → mark ready, each stage working while the others do.

Runs on the event loop of the process. Reading and chunking happen in processes of their own, embedding in threads; the
queues between the stages are bounded, so that memory follows the queues and not the upload. A document counts as
*ready* only when Milvus shows all of its rows to a search; until then its rows are left out of every search.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any

from rag.catalog import Catalog
from rag.embedding import Embedder, EmbedderThreads
from rag.embedding_queue import EmbeddingQueue, Item, by_work
from rag.errors import CatalogError, CollectionLost, RagError, StoreError, StoreUnavailable
from rag.file_store import FileStore
from rag.jobs import JobBook, Work
from rag.logs import ID_CHARACTERS
from rag.logs import job as in_job
from rag.reader_process import ReaderProcess
from rag.removal import DropCollection, Removal
from rag.retries import retrying
from rag.schema import Chunk, Job, Receipt
from rag.vector_store import VectorStore

logger = logging.getLogger(__name__)

READERS = 2
# A reader's process that has had nothing to do for so long is stopped; it holds some 100 MB.
IDLE_SECONDS = 60.0
VISIBLE_SECONDS = 30.0
# After this a document is said to have failed for now. It stays pending, and is taken up again when Milvus is back.
PATIENCE_SECONDS = 20.0

# What the pipeline needs once there is work: the loaded model; then, for inserts, the namespace of the row ids as well,
# which comes with the collection.
LoadModel = Callable[[], Awaitable[Embedder]]
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
        self._removal = Removal(catalog, files, store, drop_collection)
        # What is pending or unlisted is taken up by one at a time.
        self._taking_up = asyncio.Lock()
        self.book = JobBook()
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        self._embedding = EmbeddingQueue(threads, load_model, self._fail)
        # The last one is taken first, since it is the most likely to be running.
        self._idle_readers = [ReaderProcess() for _ in range(READERS)]
        self._tasks: list[asyncio.Task[Any]] = []
        self._once_incomplete: set[str] = set()

    def start(self, ready: bool) -> None:
        """Begin to work. `ready`: the first documents won't wait for their readers' processes to start."""
        workers = [self._read_documents() for _ in range(READERS)]
        workers += [self._embedding.run(), self._insert_rows(), self._renew_claims()]
        workers += [reader.start() for reader in self._idle_readers] if ready else []
        self._tasks = [asyncio.create_task(worker) for worker in workers]

    async def close(self) -> None:
        """Stop at once; what isn't ready stays pending for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for reader in self._idle_readers:
            await reader.close()
        await asyncio.to_thread(self._catalog.release_claims)

    # --- jobs

    def in_flight(self) -> set[str]:
        """The documents of which Milvus may hold some rows but not all: they must not be searched."""
        return {work.job.doc_id for work in self.book.active() if work.chunks and not work.whole}

    def add(self, doc_id: str, file_name: str, replaces: tuple[str, ...], again: bool = False) -> Job:
        """Queue a document that is pending in the catalog, claimed by this process. `again`: it was tried before."""
        self._removal.unreleased.discard(doc_id)
        work = self.book.add(doc_id, file_name, "queued", replaces)
        work.again = again
        self._queue.put_nowait(work)
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

    def stop(self, doc_ids: Collection[str] | None = None) -> None:
        """Take documents (all when None) out of the pipeline; what they have written stays."""
        for work in self.book.active(doc_ids):
            work.finish("cancelled")

    async def delete(self, doc_ids: list[str]) -> Receipt:
        """Take documents out of the pipeline and the library. Raises like `Removal.delete`."""
        return await self._removal.delete(doc_ids, self.stop)

    async def delete_all(self) -> Receipt:
        """Take all documents out of the pipeline, and drop the collection. Raises like `Removal.delete_all`."""
        await self._store.ping()
        async with self._taking_up:
            return await self._removal.delete_all(self.stop)

    async def rebuild(self) -> list[Job]:
        """Drop the collection and queue all documents. Raises StoreUnavailable, after which it is as it was."""
        async with self._taking_up:
            stopped = [work.job.doc_id for work in self.book.active()]
            self.stop()
            try:
                await self._drop_collection(True)
                await asyncio.to_thread(self._catalog.mark_pending, ("pending", "ready", "failed"))
            except RagError:
                # What was stopped is taken up again when Milvus, or the database, is back.
                await self._removal.release(stopped)
                raise
            return await self._take_up_pending()

    async def resume(self) -> list[Job]:
        """Take up what nobody is at: remove what is unlisted, queue what is pending without the rows that an earlier
        run has left of it."""
        async with self._taking_up:
            try:
                await self._removal.finish(lambda: not self.book.active())
            finally:  # what can't be removed mustn't keep others from being added
                taken_up = await self._take_up_pending()
            return taken_up

    async def _take_up_pending(self) -> list[Job]:
        states = await asyncio.to_thread(self._catalog.count_states)
        if not states.get("pending"):
            return []
        # Without a model that fits they would fail, though another process, or this one with other settings, can add
        # them.
        await self._load_model()
        claimed = await asyncio.to_thread(self._catalog.claim_pending)
        # One that is being added is in the book already: its claim was released late.
        claimed = [entry for entry in claimed if self.book.running(entry[0]) is None]
        doc_ids = [doc_id for doc_id, *_ in claimed]
        try:
            await self._removal.delete_rows(doc_ids)
            for doc_id in doc_ids:
                await asyncio.to_thread(self._files.remove_temporary, doc_id)
        except RagError:
            await self._removal.release(doc_ids)
            raise
        return [self.add(doc_id, file_name, replaces) for doc_id, file_name, replaces in claimed]

    # --- stages

    async def _read_documents(self) -> None:
        while True:
            try:
                # Not wait_for, which can lose a cancellation in Python 3.11.
                async with asyncio.timeout(IDLE_SECONDS):
                    work = await self._queue.get()
            except TimeoutError:
                for idle in list(self._idle_readers):
                    if idle in self._idle_readers:  # a document may have come while another one was being closed
                        await idle.close()
                continue
            if work.cancelled:
                continue
            reader = self._idle_readers.pop()
            try:
                with in_job(work.job.job_id):
                    await self._read_document(work, reader)
            except asyncio.CancelledError:
                await reader.close()
                raise
            except Exception as error:
                await self._fail(work, error)
            finally:
                self._idle_readers.append(reader)

    async def _read_document(self, work: Work, reader: ReaderProcess) -> None:
        embedder, _ = await asyncio.gather(self._load_model(), reader.start())
        # A new collection is made while the document is read; for the others too, so it isn't cancelled with this one.
        preparing: asyncio.Task[object] = asyncio.create_task(self._prepare_for([work]))
        preparing.add_done_callback(lambda task: task.cancelled() or task.exception())
        job = work.job
        if work.again:
            # Their ids would be the same, but there may have been more of them.
            await self._store.delete([job.doc_id])
        work.update(stage="reading")
        size = await asyncio.to_thread(self._files.size, job.doc_id)
        # The last ones are held back until it is known that they are the last.
        held: list[Item] = []
        async with aclosing(reader.read(self._files.folder, job.doc_id, job.file_name, size, embedder)) as messages:
            async for kind, values in messages:
                if work.cancelled:
                    await reader.close()
                    # It may have written the text of a document that was removed before.
                    await asyncio.to_thread(self._files.keep_pages, job.doc_id)
                    return
                if kind == "progress":
                    work.update(done=values[0], total=values[1])
                elif kind == "pages":
                    await asyncio.to_thread(self._files.keep_pages, job.doc_id)
                    work.update(stage="embedding", done=0, total=0, pages=values[0])
                else:
                    await self._embed(held)
                    share, rows = values
                    held = [
                        Item(work, work.chunks + number, Chunk(*row[:5]), *row[5:]) for number, row in enumerate(rows)
                    ]
                    work.chunks += len(rows)
                    work.update(chunks=work.chunks, total=round(work.chunks / share))
        if not held:
            raise RagError(f"{job.file_name} has no text to search; add a version with text.")
        await preparing
        work.read = True
        work.update(total=work.chunks)
        await self._embed(held)

    async def _prepare_for(self, works: list[Work]) -> tuple[Embedder, str] | None:
        """Make the collection unless it exists. Returns its model and namespace; None where none of these is wanted any
        more: a reset must not be followed by a new collection."""
        await self._load_model()  # may take long; from here on `prepare` doesn't wait before it takes its lock
        if all(work.cancelled for work in works):
            return None
        return await self._prepare()

    async def _embed(self, items: list[Item]) -> None:
        for item in items:
            await self._embedding.put(item)

    async def _insert_rows(self) -> None:
        while True:
            items = await self._embedding.take()
            try:
                if items:
                    await self._insert(items)
            except Exception as error:
                for part in by_work(items):
                    with contextlib.suppress(Exception):  # the only one that inserts must go on
                        await self._fail(part[0].work, error)

    async def _insert(self, items: list[Item]) -> None:
        prepared = await self._prepare_for([item.work for item in items])
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
                (i.work.job.doc_id, i.number, i.chunk, i.lexical_text, i.vector) for i in wanted if not i.work.cancelled
            ]
            # An insert that timed out may have been carried out all the same.
            await self._store.insert(rows, namespace, again=attempt > 1)

        try:
            await self._persistently(insert)
        except CollectionLost:
            # Another process has dropped it. Documents that have lost nothing with it go into the next one.
            works = [item.work for item in wanted]
            if any(work.inserted for work in works) or await self._prepare_for(works) != prepared:
                raise
            await self._persistently(insert)
        for item in items:
            item.work.inserted += 1
        late = {item.work.job.doc_id for item in wanted if item.work.cancelled} - {
            work.job.doc_id for work in self.book.active()
        }
        if late:  # stopped while their rows were being written
            await self._store.delete(late)
        works = [part[0].work for part in by_work(items) if not part[0].work.cancelled]
        for work in works:
            if work.read and work.embedded == work.chunks:
                work.update(stage="indexing", done=work.inserted)
        whole = [work for work in works if work.stored]
        if whole:
            await self._complete(whole)

    async def _give_up_lost(self, items: list[Item], embedder: Embedder) -> None:
        """Stop with documents that another process has removed or taken over, and with those that were embedded for a
        collection that has been rebuilt with another model."""
        await self._give_up_removed([part[0].work for part in by_work(items)])
        for item in items:
            if not item.work.cancelled and item.model != embedder.fingerprint:
                await self._fail(item.work, self._store.lost())

    async def _give_up_removed(self, works: list[Work]) -> None:
        active = [work for work in works if not work.cancelled]
        held = await asyncio.to_thread(self._catalog.held, [work.job.doc_id for work in active])
        for work in active:
            if work.job.doc_id not in held:
                await self._abandon(work)

    async def _complete(self, works: list[Work]) -> None:
        """Check in Milvus that all rows are visible, then mark the documents ready."""
        if len(works) == len(self.book.active()):  # a pause: the time to seal what Milvus Lite holds
            await self._persistently(self._store.flush)
        missing = await self._missing(works)
        for work in works:
            if work.job.doc_id in missing:
                await self._incomplete(work)
        good = [work for work in works if not work.cancelled]
        counts = {work.job.doc_id: (work.job.pages, work.chunks) for work in good}
        replaces = {work.job.doc_id: work.replaces for work in good}
        marked, replaced = await asyncio.to_thread(self._catalog.mark_ready, counts, replaces)
        for work in good:
            work.whole = work.job.doc_id in marked
        await self._remove_replaced(replaced)
        for work in good:
            if work.whole:
                self._once_incomplete.discard(work.job.doc_id)
                work.finish("ready")
        for work in good:
            if not work.whole and not work.cancelled:
                await self._abandon(work)

    async def _remove_replaced(self, doc_ids: list[str]) -> None:
        """They have left the library by now; what can't be removed at once, `resume` removes."""
        if not doc_ids:
            return
        self.stop(doc_ids)
        try:
            await self._removal.remove(doc_ids)
        except RagError as error:
            logger.info("what was replaced is removed later", exc_info=error)
            await self._removal.release(doc_ids)

    async def _abandon(self, work: Work) -> None:
        """Another process has removed the document meanwhile, or has taken it over."""
        work.finish("cancelled", error=f"{work.job.file_name} was deleted, or added again, by another process.")
        if not await asyncio.to_thread(self._catalog.knows, work.job.doc_id):
            await self._store.delete([work.job.doc_id])

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
            await self._give_up_removed(works)
        return {doc_id for doc_id, number in expected.items() if await self._store.count([doc_id], "Strong") != number}

    async def _incomplete(self, work: Work) -> None:
        """Rows can be lost, or doubled, where Milvus goes away between two inserts: then it is tried once more."""
        doc_id, sentence = work.job.doc_id, f"{work.job.file_name} wasn't stored whole by Milvus"
        if doc_id in self._once_incomplete:
            await self._fail(work, RagError(f"{sentence}; try again."))
        else:
            self._once_incomplete.add(doc_id)
            await self._leave_pending([work], f"{sentence}; it is added again by itself.")

    async def _renew_claims(self) -> None:
        while True:
            await asyncio.sleep(20)
            if self.book.active():
                try:
                    await asyncio.to_thread(self._catalog.renew_claims)
                except RagError as error:
                    logger.warning("claims not renewed", exc_info=error)

    async def _persistently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat a Milvus call while Milvus is away: for PATIENCE_SECONDS, and what the last attempt takes."""

        def may_pass(error: BaseException) -> bool:
            return isinstance(error, StoreUnavailable) and not isinstance(error, CollectionLost)

        return await retrying(may_pass, PATIENCE_SECONDS)(call)

    # --- outcomes

    async def _leave_pending(self, works: list[Work], sentence: str) -> None:
        """Give up for now: what is pending is taken up again when Milvus, or the database, is back."""
        for work in works:
            work.finish("failed", error=sentence)
        await self._removal.release([work.job.doc_id for work in works])

    async def _fail(self, work: Work, error: Exception) -> None:
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
            if isinstance(error, StoreUnavailable):  # which concerns all, and needn't be found out for each
                await self._leave_pending([work, *self.book.active()], sentence)
            elif isinstance(error, CatalogError):
                await self._leave_pending([work], sentence)
            elif doc_id not in await asyncio.to_thread(self._catalog.held, [doc_id]):
                await self._abandon(work)
            else:
                # In this order: killed in between, the document is pending, and its rows aren't forgotten.
                with contextlib.suppress(StoreError):
                    await self._store.delete([doc_id])
                await asyncio.to_thread(self._catalog.mark_failed, doc_id, sentence)
        except RagError as second:
            about = {"doc": doc_id[:ID_CHARACTERS]}
            logger.warning("cleaning up after a document failed", exc_info=second, extra=about)
            self._removal.unreleased.add(doc_id)
        finally:
            work.finish("failed", error=sentence)
