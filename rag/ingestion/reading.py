"""Reading: takes documents from the queue, and has them read and chunked in separate processes, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from rag.errors import RagError
from rag.ingestion.embedding import EmbeddingQueue, Item, LoadModel, MakeCollectionFor
from rag.ingestion.jobs import Work
from rag.ingestion.lifecycle import Lifecycle
from rag.ingestion.messages import Attached, Chunked, Progress, TextRead
from rag.ingestion.reader_process import ReaderProcess, ReadPicture
from rag.runtime.logs import job as in_job
from rag.settings import Ocr
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

READERS = 2
# A reader process that is idle for this time is stopped, since it holds some 100 MB.
IDLE_SECONDS = 60.0

# Takes a file in that is attached to a document: (the document's work, the file's name, its bytes) → a sentence for the
# user if it isn't taken in, else "". Not to be called on the event loop. Raises CatalogError.
TakeAttachment = Callable[[Work, str, bytes], str]


class Reading:
    """Takes queued documents, and puts their chunks into the embedding queue. Use on the event loop only."""

    def __init__(
        self,
        files: FileStore,
        store: VectorStore,
        lifecycle: Lifecycle,
        embedding: EmbeddingQueue,
        load_model: LoadModel,
        make_collection_for: MakeCollectionFor,
        ocr: Ocr = "auto",
        read_picture: ReadPicture | None = None,
    ) -> None:
        self._files = files
        self._store = store
        self._lifecycle = lifecycle
        self._embedding = embedding
        self._load_model = load_model
        self._make_collection_for = make_collection_for
        self.take_attachment: TakeAttachment = lambda work, name, data: ""
        # The last reader is taken first: it was used last, and is most likely to have a running process.
        self._idle_readers = [ReaderProcess(ocr, read_picture) for _ in range(READERS)]

    async def start_readers(self) -> None:
        """Start the reader processes, so that the first documents don't wait for them."""
        await asyncio.gather(*(reader.start() for reader in self._idle_readers))

    async def close(self) -> None:
        """Stop the reader processes. Call it after `run` has ended."""
        for reader in self._idle_readers:
            await reader.close()

    async def run(self) -> None:
        """Read one document after the other until cancelled. May run READERS times at once."""
        while True:
            try:
                # Not wait_for, which can lose a cancellation in Python 3.11.
                async with asyncio.timeout(IDLE_SECONDS):
                    work = await self._lifecycle.next_queued()
            except TimeoutError:
                for idle in list(self._idle_readers):
                    if idle in self._idle_readers:  # else it got a document while another reader was being closed
                        await idle.close()
                continue
            if not work.wanted:
                continue
            reader = self._idle_readers.pop()
            try:
                with in_job(work.job.job_id):
                    await self._read_document(work, reader)
            except asyncio.CancelledError:
                await reader.close()
                raise
            except Exception as error:
                await self._lifecycle.fail(work, error)
            finally:
                self._idle_readers.append(reader)

    async def _read_document(self, work: Work, reader: ReaderProcess) -> None:
        embedder, _ = await asyncio.gather(self._load_model(), reader.start())
        # A new collection is made while the document is read. It is for all documents, so a cancellation of this one
        # doesn't stop it.
        making: asyncio.Task[object] = asyncio.create_task(self._make_collection_for([work]))
        making.add_done_callback(lambda task: task.cancelled() or task.exception())
        job = work.job
        if work.tried_before:
            # New rows get the ids of earlier rows, but there may be more of the earlier rows.
            await self._store.delete([job.doc_id])
        work.update(stage="reading")
        size = await asyncio.to_thread(self._files.size, job.doc_id)
        # Chunks are held back until the next message: only then is it known whether they are the last.
        held: list[Item] = []
        async with aclosing(reader.read(self._files.folder, job.doc_id, job.file_name, size, embedder)) as messages:
            async for message in messages:
                if not work.wanted:
                    await reader.close()
                    # The reader may have written the text of a deleted document; this deletes the text.
                    await asyncio.to_thread(self._files.keep_pages, job.doc_id)
                    return
                if isinstance(message, Progress):
                    work.update(done=message.done, total=message.total)
                elif isinstance(message, TextRead):
                    await asyncio.to_thread(self._files.keep_pages, job.doc_id)
                    work.update(stage="embedding", done=0, total=0, pages=message.pages, notice=message.notice or None)
                elif isinstance(message, Attached):
                    await self._take_attachment(work, message)
                elif isinstance(message, Chunked):
                    await self._embed(held)
                    held = [
                        Item(work, number, chunk.chunk, chunk.embedded_text, chunk.lexical_text)
                        for number, chunk in enumerate(message.chunks, work.chunks)
                    ]
                    work.count_read(len(held), message.share)
        if not held:
            raise RagError(f"{job.file_name} has no text to search; add a version with text.")
        await making
        work.end_reading()
        await self._embed(held)

    async def _take_attachment(self, work: Work, attached: Attached) -> None:
        data = await asyncio.to_thread(self._files.take_attachment, work.job.doc_id, attached.number)
        if sentence := await asyncio.to_thread(self.take_attachment, work, attached.name, data):
            work.update(notice=" ".join(filter(None, [work.job.notice, sentence])))

    async def _embed(self, items: list[Item]) -> None:
        for item in items:
            await self._embedding.put(item)
