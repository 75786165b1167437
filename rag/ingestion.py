"""The pipeline: read → chunk → embed → insert → count → mark ready, each stage working while the others do.

Runs on the event loop of the process. Reading, chunking and embedding happen in threads; queues between the stages
are bounded, so that memory follows the queues and not the upload. A document counts as *ready* only when Milvus
shows all of its rows to a search; until then its rows are left out of every search.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rag.catalog import Catalog
from rag.chunking import chunk_pages, document_title
from rag.embedding import Embedder, EmbedderThreads
from rag.errors import NotFound, RagError, StoreUnavailable
from rag.file_store import FileStore
from rag.lexical import lexical_text
from rag.readers import read
from rag.schema import Chunk, Job, Receipt
from rag.vector_store import VectorStore

logger = logging.getLogger(__name__)

READERS = 2
# Chunks that wait for the embedder, over all documents, before readers pause.
WAITING_CHUNKS = 4096
# Chunks sorted by length and embedded together: long enough to pack well, short enough to show progress.
WINDOW = 256
BATCH = 32
# Finished jobs that are remembered.
REMEMBERED = 10_000
VISIBLE_SECONDS = 30.0

# What the pipeline needs once there is work: the loaded model, and the namespace of the row ids.
Prepare = Callable[[], Awaitable[tuple[Embedder, str]]]


@dataclass(slots=True, eq=False)
class _Work:
    """One document on its way."""

    job: Job
    replaces: bool
    chunks: list[Chunk] = field(default_factory=list)
    embedded: int = 0
    inserted: int = 0
    cancelled: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Item:
    work: _Work
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
        self._work: dict[str, _Work] = {}
        self._queue: asyncio.Queue[_Work] = asyncio.Queue()
        self._to_embed: asyncio.Queue[_Item] = asyncio.Queue(WAITING_CHUNKS)
        self._to_insert: asyncio.Queue[list[_Item]] = asyncio.Queue(2)
        self._tasks: list[asyncio.Task[Any]] = []
        self._needs_flush = False

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

    def jobs(self) -> list[Job]:
        return [work.job for work in list(self._work.values())]

    def in_flight(self) -> set[str]:
        """The documents of which Milvus may hold some rows but not all: they must not be searched."""
        return {work.job.doc_id for work in list(self._work.values()) if not work.job.finished and work.chunks}

    def add(self, doc_id: str, file_name: str, replaces: bool, stage: str = "queued", **known: Any) -> Job:
        """Queue a document that is pending in the catalog, or note one that is finished already."""
        job = Job(uuid.uuid4().hex, file_name, doc_id, stage, **known)  # type: ignore[arg-type]
        work = _Work(job, replaces)
        self._work[job.job_id] = work
        if job.finished:
            work.done.set()
        else:
            self._queue.put_nowait(work)
        self._forget_oldest()
        return job

    async def wait(self, job_ids: Iterable[str]) -> list[Job]:
        """Wait until these jobs are finished; returns them in the same order."""
        works = [self._find(job_id) for job_id in job_ids]
        for work in works:
            await work.done.wait()
        return [work.job for work in works]

    async def cancel(self, job_id: str) -> None:
        """Stop a job and remove what it has written. Does nothing to a finished one. Raises NotFound."""
        work = self._find(job_id)
        if work.job.finished:
            return
        work.cancelled = True
        await self._discard(work.job.doc_id)
        self._finish(work, "cancelled")

    def dismiss(self, job_id: str | None) -> None:
        """Forget one finished job, or all of them."""
        for key in [job_id] if job_id else list(self._work):
            if key in self._work and self._work[key].job.finished:
                del self._work[key]

    async def stop_document(self, doc_id: str) -> None:
        """Take a document that is about to be deleted out of the pipeline."""
        for work in list(self._work.values()):
            if work.job.doc_id == doc_id and not work.job.finished:
                work.cancelled = True
                self._finish(work, "cancelled")

    async def stop_all(self) -> None:
        for work in list(self._work.values()):
            if not work.job.finished:
                work.cancelled = True
                self._finish(work, "cancelled")

    async def delete(self, doc_ids: list[str]) -> Receipt:
        """Remove documents from Milvus, then from the catalog, then their bytes: in this order each step can be
        repeated after a crash, and nothing is searchable whose bytes are gone."""
        removed, left = await self._store.delete(doc_ids)
        for orphan in await asyncio.to_thread(self._catalog.remove, doc_ids):
            await asyncio.to_thread(self._files.remove, orphan)
        return Receipt(len(doc_ids), removed, left, tuple(doc_ids))

    async def resume(self) -> list[Job]:
        """Queue the pending documents that no process is at, after removing what rows they have."""
        claimed = await asyncio.to_thread(self._catalog.claim_pending)
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

    async def _read_document(self, work: _Work) -> None:
        embedder, _ = await self._prepare()
        job = work.job
        self._update(work, stage="reading")
        data = await asyncio.to_thread(self._files.read, job.doc_id)

        def progress(done: int, total: int) -> None:
            # Called from the reader's thread; the job is replaced in one assignment.
            self._update(work, done=done, total=total)

        pages = await asyncio.to_thread(read, job.file_name, data, progress)
        del data
        chunks = await asyncio.to_thread(
            lambda: list(chunk_pages(pages, job.file_name, embedder.count_tokens, embedder.max_tokens))
        )
        last_page = max((page.number or 1 for page in pages), default=0)
        # A run that was cut off may have left rows; their ids are the same, but there may have been more of them.
        await self._store.delete([job.doc_id])
        if not chunks:
            raise RagError(f"{job.file_name} has no text to search; add a version with text.")
        work.chunks = chunks
        self._update(work, stage="embedding", done=0, total=len(chunks), pages=last_page, chunks=len(chunks))
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
                embedder, _ = await self._prepare()
                # Texts of like length together: a batch is padded to its longest.
                window.sort(key=lambda item: len(item.text))
                for first in range(0, len(window), BATCH):
                    batch = [item for item in window[first : first + BATCH] if not item.work.cancelled]
                    if not batch:
                        continue
                    vectors = await asyncio.get_running_loop().run_in_executor(
                        self._threads.texts, embedder.embed_texts, [item.text for item in batch]
                    )
                    for item, vector in zip(batch, vectors, strict=True):
                        item.vector = vector
                        item.work.embedded += 1
                        self._update(item.work, done=item.work.embedded)
                await self._to_insert.put([item for item in window if item.vector])
            except Exception as error:
                await self._fail_all(window, error)

    async def _insert_rows(self) -> None:
        while True:
            items = [item for item in await self._to_insert.get() if not item.work.cancelled]
            if not items:
                continue
            try:
                _, namespace = await self._prepare()
                rows = [(i.work.job.doc_id, i.number, i.chunk, i.lexical_text, i.vector) for i in items]
                await self._persistently(partial(self._store.insert, rows, namespace))
                for item in items:
                    item.work.inserted += 1
                works = {id(item.work): item.work for item in items}.values()
                for work in works:
                    if work.embedded == len(work.chunks):
                        self._update(work, stage="indexing", done=work.inserted)
                whole = [work for work in works if work.inserted == len(work.chunks) and not work.cancelled]
                if whole:
                    await self._complete(whole)
            except Exception as error:
                await self._fail_all(items, error)

    async def _complete(self, works: list[_Work]) -> None:
        """Check in Milvus that all rows are visible, then mark the documents ready."""
        if await self._idle_after(works):
            await self._persistently(self._store.flush)
        expected = {work.job.doc_id: len(work.chunks) for work in works}
        missing = await self._missing(expected)
        for work in works:
            if work.job.doc_id in missing:
                await self._fail(work, RagError(f"{work.job.file_name} wasn't stored whole by Milvus; try again."))
        good = [work for work in works if work.job.doc_id not in missing and not work.cancelled]
        counts = {work.job.doc_id: (work.job.pages, len(work.chunks)) for work in good}
        await asyncio.to_thread(self._catalog.mark_ready, counts)
        for work in good:
            if work.cancelled:  # while the catalog was written
                await self._discard(work.job.doc_id)
                continue
            if work.replaces:
                await self._remove_namesakes(work.job)
            self._finish(work, "ready", chunks=len(work.chunks))

    async def _missing(self, expected: dict[str, int]) -> set[str]:
        """The documents of which Milvus doesn't show all rows within VISIBLE_SECONDS."""
        deadline = asyncio.get_running_loop().time() + VISIBLE_SECONDS
        pause = 0.02
        while True:
            if await self._persistently(partial(self._store.count, list(expected))) == sum(expected.values()):
                return set()
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        return {doc_id for doc_id, number in expected.items() if await self._store.count([doc_id], "Strong") != number}

    async def _idle_after(self, works: list[_Work]) -> bool:
        """Whether nothing is left to do after these: the time to seal what Milvus Lite holds."""
        mine = {work.job.job_id for work in works}
        return all(work.job.finished or work.job.job_id in mine for work in self._work.values())

    async def _remove_namesakes(self, job: Job) -> None:
        old = await asyncio.to_thread(self._catalog.namesakes, job.file_name, job.doc_id)
        if old:
            await self.delete([document.doc_id for document in old])

    async def _renew_claims(self) -> None:
        while True:
            await asyncio.sleep(20)
            if any(not work.job.finished for work in self._work.values()):
                try:
                    await asyncio.to_thread(self._catalog.renew_claims)
                except RagError as error:
                    logger.warning("claims not renewed: %s", error)

    async def _persistently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat a Milvus call while Milvus is away, for about half a minute."""
        for pause in (0.5, 1, 2, 4, 8, 15):
            try:
                return await call()
            except StoreUnavailable as error:
                logger.info("waiting for Milvus: %s", error)
                await asyncio.sleep(pause)
        return await call()

    # --- outcomes

    async def _fail_all(self, items: list[_Item], error: Exception) -> None:
        for work in {id(item.work): item.work for item in items}.values():
            await self._fail(work, error)

    async def _fail(self, work: _Work, error: Exception) -> None:
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
        self._finish(work, "failed", error=sentence)

    async def _discard(self, doc_id: str) -> None:
        await self.delete([doc_id])

    def _find(self, job_id: str) -> _Work:
        if job_id not in self._work:
            raise NotFound("There is no such job; it may have been dismissed.")
        return self._work[job_id]

    def _update(self, work: _Work, **changes: Any) -> None:
        if not work.job.finished:
            work.job = replace(work.job, **changes)

    def _finish(self, work: _Work, stage: str, **changes: Any) -> None:
        self._update(work, stage=stage, **changes)
        work.chunks = []
        work.done.set()

    def _forget_oldest(self) -> None:
        finished = [key for key, work in self._work.items() if work.job.finished]
        for key in finished[: max(0, len(finished) - REMEMBERED)]:
            del self._work[key]


def _in_context(chunk: Chunk, title: str) -> str:
    """What is embedded and indexed for a chunk: its title and headings, then its text."""
    context = chunk.context or title
    return f"{context}\n{chunk.text}" if context and not re.match(re.escape(context), chunk.text) else chunk.text
