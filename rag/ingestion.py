"""The pipeline: read → chunk → embed → insert → count → mark ready, each stage working while the others do.

Runs on the event loop of the process. Reading, chunking and embedding happen in threads; queues between the stages
are bounded, so that memory follows the queues and not the upload. A document counts as *ready* only when Milvus
shows all of its rows to a search; until then its rows are left out of every search.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rag.catalog import Catalog
from rag.chunking import chunk_pages, document_title
from rag.embedding import Embedder, EmbedderThreads
from rag.errors import RagError, StoreError, StoreUnavailable
from rag.file_store import FileStore
from rag.jobs import JobBook, Work
from rag.lexical import lexical_text
from rag.readers import read
from rag.schema import Chunk, Job, Receipt
from rag.vector_store import VectorStore

logger = logging.getLogger(__name__)

READERS = 2
# Chunks that wait for the embedder, over all documents, before readers pause.
WAITING_CHUNKS = 4096
DELETED_TOGETHER = 500
# Chunks sorted by length and embedded together: long enough to pack well, short enough to show progress.
WINDOW = 256
BATCH = 32
VISIBLE_SECONDS = 30.0
STILL_THERE = "Milvus couldn't be asked to remove this document; delete it again when Milvus is back."

# What the pipeline needs once there is work: the loaded model, and the namespace of the row ids.
Prepare = Callable[[], Awaitable[tuple[Embedder, str]]]


@dataclass(slots=True)
class _Item:
    work: Work
    number: int
    chunk: Chunk
    lexical_text: str
    text: str
    vector: list[float] = field(default_factory=list)


class Ingestion:
    """Takes documents whose bytes are in the file store and brings them into Milvus. Use on the event loop only."""

    def __init__(
        self, catalog: Catalog, files: FileStore, store: VectorStore, threads: EmbedderThreads, prepare: Prepare
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._threads = threads
        self._prepare = prepare
        self.book = JobBook()
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        self._to_embed: asyncio.Queue[_Item] = asyncio.Queue(WAITING_CHUNKS)
        self._to_insert: asyncio.Queue[list[_Item]] = asyncio.Queue(2)
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self) -> None:
        workers = [self._read_documents() for _ in range(READERS)]
        workers += [self._embed_chunks(), self._insert_rows(), self._renew_claims()]
        self._tasks = [asyncio.create_task(worker) for worker in workers]

    async def close(self) -> None:
        """Stop at once; what isn't ready stays pending for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._catalog.release_claims)

    # --- jobs

    def in_flight(self) -> set[str]:
        """The documents of which Milvus may hold some rows but not all: they must not be searched."""
        return {work.job.doc_id for work in self.book.active() if work.chunks}

    def add(self, doc_id: str, file_name: str, replaces: tuple[str, ...], again: bool = False) -> Job:
        """Queue a document that is pending in the catalog, claimed by this process. `again`: it was tried before."""
        work = self.book.add(doc_id, file_name, "queued", replaces)
        work.again = again
        self._queue.put_nowait(work)
        return work.job

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
        """Remove documents from the pipeline, Milvus, the catalog and the disk.

        In this order each step can be repeated after a crash, and nothing is searchable whose bytes are gone. What
        Milvus couldn't remove stays listed as failed, so that it can be deleted again.
        """
        self.stop(doc_ids)
        try:
            removed, left = await self._store.delete(doc_ids)
        except StoreError:
            for doc_id in doc_ids:
                await asyncio.to_thread(self._catalog.mark_failed, doc_id, STILL_THERE)
            raise
        if not left:
            await self.forget(doc_ids)
        return Receipt(len(doc_ids), removed, left, tuple(doc_ids))

    async def forget(self, doc_ids: list[str]) -> None:
        """Remove documents from the catalog, and their bytes where no other collection has them."""
        for orphan in await asyncio.to_thread(self._catalog.remove, doc_ids):
            await asyncio.to_thread(self._files.remove, orphan)

    async def resume(self) -> list[Job]:
        """Queue the pending documents that nobody is at, without the rows that an earlier run has left of them."""
        claimed = await asyncio.to_thread(self._catalog.claim_pending)
        doc_ids = [doc_id for doc_id, *_ in claimed]
        try:
            # Together: on Milvus Lite each deletion looks at all rows that aren't sealed.
            for first in range(0, len(doc_ids), DELETED_TOGETHER):
                await self._store.delete(doc_ids[first : first + DELETED_TOGETHER])
        except StoreError:
            await asyncio.to_thread(self._catalog.release_claims, doc_ids)
            raise
        return [self.add(doc_id, file_name, replaces) for doc_id, file_name, replaces in claimed]

    # --- stages

    async def _read_documents(self) -> None:
        while True:
            work = await self._queue.get()
            if work.cancelled:
                continue
            try:
                await self._read_document(work)
            except Exception as error:
                await self._fail(work, error)

    async def _read_document(self, work: Work) -> None:
        embedder, _ = await self._prepare()
        job = work.job
        work.update(stage="reading")
        data = await asyncio.to_thread(self._files.read, job.doc_id)

        loop = asyncio.get_running_loop()

        def progress(done: int, total: int) -> None:  # called from the reader's thread
            loop.call_soon_threadsafe(partial(work.update, done=done, total=total))

        pages = await asyncio.to_thread(read, job.file_name, data, progress)
        del data
        if not work.cancelled:
            await asyncio.to_thread(self._files.write_pages, job.doc_id, pages)
        chunks = await asyncio.to_thread(
            lambda: list(chunk_pages(pages, job.file_name, embedder.count_tokens, embedder.max_tokens))
        )
        last_page = max((page.number or 1 for page in pages), default=0)
        if work.again:
            # Their ids would be the same, but there may have been more of them.
            await self._store.delete([job.doc_id])
        if not chunks:
            raise RagError(f"{job.file_name} has no text to search; add a version with text.")
        if work.cancelled:
            return
        work.chunks = chunks
        work.update(stage="embedding", done=0, total=len(chunks), pages=last_page, chunks=len(chunks))
        title = document_title(job.file_name)
        for first in range(0, len(chunks), WINDOW):
            part = chunks[first : first + WINDOW]
            texts = [_in_context(chunk, title) for chunk in part]
            lexical = await asyncio.to_thread(lambda texts: [lexical_text(text) for text in texts], texts)
            for number, item in enumerate(zip(part, lexical, texts, strict=True), first):
                if work.cancelled:
                    return
                await self._to_embed.put(_Item(work, number, *item))

    async def _embed_chunks(self) -> None:
        while True:
            window = [await self._to_embed.get()]
            while len(window) < WINDOW and not self._to_embed.empty():
                window.append(self._to_embed.get_nowait())
            try:
                await self._embed(window)
            except Exception:
                # One document's text may be the cause: the others go on.
                for items in _by_work(window):
                    try:
                        await self._embed([item for item in items if not item.vector])
                    except Exception as error:
                        await self._fail(items[0].work, error)
            await self._to_insert.put([item for item in window if item.vector])

    async def _embed(self, items: list[_Item]) -> None:
        embedder, _ = await self._prepare()
        # Texts of like length together: a batch is padded to its longest.
        items.sort(key=lambda item: len(item.text))
        for first in range(0, len(items), BATCH):
            batch = [item for item in items[first : first + BATCH] if not item.work.cancelled]
            if not batch:
                continue
            vectors = await asyncio.get_running_loop().run_in_executor(
                self._threads.texts, embedder.embed_texts, [item.text for item in batch]
            )
            for item, vector in zip(batch, vectors, strict=True):
                item.vector = vector
                item.work.embedded += 1
                item.work.update(done=item.work.embedded)

    async def _insert_rows(self) -> None:
        while True:
            items = await self._to_insert.get()
            try:
                await self._insert(items)
            except Exception as error:
                for part in _by_work(items):
                    await self._fail(part[0].work, error)

    async def _insert(self, items: list[_Item]) -> None:
        _, namespace = await self._prepare()
        attempt = 0

        async def insert() -> None:
            nonlocal attempt
            attempt += 1
            rows = [
                (i.work.job.doc_id, i.number, i.chunk, i.lexical_text, i.vector) for i in items if not i.work.cancelled
            ]
            # An insert that timed out may have been carried out all the same.
            await self._store.insert(rows, namespace, again=attempt > 1)

        await self._persistently(insert)
        for item in items:
            item.work.inserted += 1
        late = {item.work.job.doc_id for item in items if item.work.cancelled} - {
            work.job.doc_id for work in self.book.active()
        }
        if late:  # stopped while their rows were being written
            await self._store.delete(late)
        works = [part[0].work for part in _by_work(items) if not part[0].work.cancelled]
        for work in works:
            if work.embedded == len(work.chunks):
                work.update(stage="indexing", done=work.inserted)
        whole = [work for work in works if work.inserted == len(work.chunks)]
        if whole:
            await self._complete(whole)

    async def _complete(self, works: list[Work]) -> None:
        """Check in Milvus that all rows are visible, then mark the documents ready."""
        if len(works) == len(self.book.active()):  # a pause: the time to seal what Milvus Lite holds
            await self._persistently(self._store.flush)
        missing = await self._missing(works)
        for work in works:
            if work.job.doc_id in missing:
                await self._fail(work, RagError(f"{work.job.file_name} wasn't stored whole by Milvus; try again."))
            elif work.replaces and not work.cancelled:
                await self._replace(work)
        good = [work for work in works if not work.cancelled]
        counts = {work.job.doc_id: (work.job.pages, len(work.chunks)) for work in good}
        await asyncio.to_thread(self._catalog.mark_ready, counts)
        for work in good:
            work.finish("ready")

    async def _replace(self, work: Work) -> None:
        """Remove what a document replaces; the new one is whole by now, and pending until the old ones are gone."""
        try:
            await self.delete(list(work.replaces))
        except RagError as error:
            await self._fail(work, error)

    async def _missing(self, works: list[Work]) -> set[str]:
        """The documents of which Milvus doesn't show all rows within VISIBLE_SECONDS."""
        deadline = asyncio.get_running_loop().time() + VISIBLE_SECONDS
        pause = 0.02
        while True:
            # Those that are cancelled meanwhile lose their rows on purpose.
            expected = {work.job.doc_id: len(work.chunks) for work in works if not work.cancelled}
            if not expected:
                return set()
            if await self._persistently(partial(self._store.count, list(expected))) == sum(expected.values()):
                return set()
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        return {doc_id for doc_id, number in expected.items() if await self._store.count([doc_id], "Strong") != number}

    async def _renew_claims(self) -> None:
        while True:
            await asyncio.sleep(20)
            if self.book.active():
                try:
                    await asyncio.to_thread(self._catalog.renew_claims)
                except RagError as error:
                    logger.warning("claims not renewed: %s", error)

    async def _persistently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat a Milvus call while Milvus is away, with half a minute of pauses in between."""
        for pause in (0.5, 1, 2, 4, 8, 15):
            try:
                return await call()
            except StoreUnavailable as error:
                logger.info("waiting for Milvus: %s", error)
                await asyncio.sleep(pause)
        return await call()

    # --- outcomes

    async def _fail(self, work: Work, error: Exception) -> None:
        if work.job.finished:
            return
        work.cancelled = True
        doc_id = work.job.doc_id
        if isinstance(error, RagError):
            sentence = str(error)
        else:
            logger.error("ingesting %s failed", doc_id, exc_info=error)
            sentence = f"{work.job.file_name} can't be ingested ({type(error).__name__}); details are in the log."
        try:
            if isinstance(error, StoreUnavailable):
                # Stays pending: it is taken up again when Milvus is back.
                await asyncio.to_thread(self._catalog.release_claims, [doc_id])
            else:
                await asyncio.to_thread(self._catalog.mark_failed, doc_id, sentence)
                await self._store.delete([doc_id])
        except RagError as second:
            logger.warning("cleaning up after %s failed: %s", doc_id, second)
        work.finish("failed", error=sentence)


def _by_work(items: list[_Item]) -> list[list[_Item]]:
    """The items of each document apart."""
    parts: dict[int, list[_Item]] = {}
    for item in items:
        parts.setdefault(id(item.work), []).append(item)
    return list(parts.values())


def _in_context(chunk: Chunk, title: str) -> str:
    """What is embedded and indexed for a chunk: its title and headings, then its text."""
    context = chunk.context or title
    return f"{context}\n{chunk.text}" if context and not re.match(re.escape(context), chunk.text) else chunk.text
