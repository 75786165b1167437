"""DocumentIndex: the face of the package, and the only place where its parts are wired together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from types import TracebackType
from typing import Any

from rag.answering.answer import Answer
from rag.answering.inputs import History
from rag.answering.service import Answering
from rag.answering.suggestions import MOST as MOST_QUESTIONS
from rag.answering.suggestions import Opening, suggest_questions
from rag.embeddings.embedder import EmbedderThreads
from rag.errors import StoreError
from rag.ingestion.inputs import display_name
from rag.ingestion.intake import FileInput, Intake, OnProgress
from rag.ingestion.pipeline import Ingestion
from rag.library.collection_model import CollectionModel
from rag.library.consistency import Inspection, Verification
from rag.library.health import Watch, quietly
from rag.library.originals import Originals
from rag.library.repair import Repair
from rag.library.transfer import Moved, Place, move_library
from rag.llm.service import LanguageModelService
from rag.runtime.event_loop import EventLoopThread
from rag.runtime.logs import request
from rag.schema import DocumentInfo, IngestResult, Job, Passage, Receipt, Status
from rag.settings import Settings
from rag.storage.conversations import Conversations
from rag.storage.database import open_database
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.text.languages import identify
from rag.vector_store.store import VectorStore

# Imports and loading keep the interpreter busy: the page that has made the index is drawn first.
HEAD_START_SECONDS = 1.0

OnWait = Callable[[], object] | None


class DocumentIndex:
    """A library of documents that can be searched and asked. Thread-safe and synchronous.

    Being made takes no time: the model loads and Milvus is reached in the background, and unfinished documents of an
    earlier run are taken up again. With `background` False that waits until it is needed, and nothing is taken up:
    for a command that is gone in a moment. All errors are children of RagError.
    """

    def __init__(self, settings: Settings | None = None, *, background: bool = True) -> None:
        self.settings = settings or Settings()
        self._engine = open_database(self.settings.database_address)
        self._catalog = Catalog(self._engine, self.settings.milvus_key, self.settings.collection)
        self.conversations = Conversations(self._engine, self.settings.collection)
        self._files = FileStore(self.settings.data_dir / "files")
        self._language_model = LanguageModelService(self.settings)
        self._threads = EmbedderThreads()
        self._store = VectorStore(self.settings)
        self._model = CollectionModel(self.settings, self._catalog, self._store)
        self._ingestion = Ingestion(
            self._catalog,
            self._files,
            self._store,
            self._threads,
            self._model.fitting,
            self._model.prepare,
            self._drop_collection,
        )
        self._watch = Watch(self.settings, self._catalog, self._store, self._model, self._ingestion)
        self._answering = Answering(
            self.settings,
            self._catalog,
            self._files,
            self._store,
            self._model,
            self._threads,
            self._ingestion.in_flight,
            self._language_model,
        )
        self._originals = Originals(self._catalog, self._files)
        self._closed = False
        self._loop = EventLoopThread()
        self._intake = Intake(self.settings, self._catalog, self._files, self._ingestion, self._loop)
        self._tasks: set[asyncio.Task[None]] = set()
        self._background = background
        self._loop.run(self._start())

    def __enter__(self) -> DocumentIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything; documents that aren't ready go on at the next start. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self._loop.run(self._stop())
        finally:
            self._loop.close()
            self._threads.close()
            self._engine.dispose()

    # --- ingestion

    def submit(self, name: str, data: bytes, *, replace: bool = False) -> Job:
        """Take a document in; it is ingested in the background. `replace` removes others of that name afterwards.

        The same bytes as a ready document give a job in stage "unchanged". Raises ReadError for a file that is too
        large or has no name, LimitReached for more than MAX_DOCUMENTS or MAX_JOBS, CatalogError.
        """
        return self._intake.submit(name, data, replace)

    def jobs(self) -> list[Job]:
        """All jobs, oldest first; finished ones stay until they are dismissed."""
        return self._ingestion.book.jobs()

    def cancel(self, job_id: str) -> None:
        """Stop a job and remove what it has written. Raises NotFound."""
        self._loop.run(self._ingestion.cancel(job_id))

    def dismiss(self, job_id: str | None = None) -> None:
        """Forget one finished job, or all of them."""
        self._loop.run(_in_loop(lambda: self._ingestion.book.dismiss(job_id)))

    def retry(self, doc_id: str) -> Job:
        """Ingest a document that failed again, from the kept bytes; what it was to replace, it still replaces. Raises
        like `submit`, and NotFound."""
        return self._intake.retry(self.document(doc_id))

    def namesake(self, name: str, data: bytes) -> DocumentInfo | None:
        """Another ready document under the same name, to be replaced or kept beside this one; None for bytes that are
        in the library already."""
        others = self._intake.namesakes(display_name(name), data)
        return others[0] if others else None

    def ingest(
        self,
        files: Iterable[FileInput],
        *,
        replace: bool = False,
        on_progress: OnProgress = None,
    ) -> list[IngestResult]:
        """Ingest files (paths, or pairs of name and bytes) and wait until all are done; one result each, in order.

        A file that can't be read or stored gives a result with status "failed" and the reason; the others go on. More
        files than MAX_JOBS are taken in as those before them become ready.
        `on_progress` is called about ten times a second with the jobs. Raises CatalogError only.
        """
        return self._intake.ingest(files, replace, on_progress)

    def wait(self, jobs: Iterable[Job], *, on_progress: OnProgress = None) -> list[Job]:
        """Wait until these jobs are finished; returns them as they are then, in the same order."""
        return self._intake.wait(jobs, on_progress)

    def reindex(self) -> list[Job]:
        """Rebuild the collection with the settings in force, from the kept bytes."""
        with self._intake.paused():
            return self._loop.run(self._ingestion.rebuild())

    def move(self, to: str, token: str = "", *, on_progress: Callable[[int, int], object] | None = None) -> Moved:
        """Copy the collection with its vectors to another Milvus, so that opening the app there shows the same library.

        `to` and `token` are what MILVUS_URI and MILVUS_TOKEN will be; from a Lite file, which needs none, the token is
        MILVUS_TOKEN unless it is given. Everything stays where it is, too; doing it again brings over what is missing.
        `on_progress` is called about ten times a second with the chunks that are there and how many there will be.
        Raises SettingsError, StoreError where the target holds another library or the counts differ, StoreUnavailable,
        CatalogError.
        """
        chunks = (0, 0)

        def note(done: int, total: int) -> None:
            nonlocal chunks
            chunks = (done, total)

        if self.settings.milvus_is_lite:
            token = token or self.settings.milvus_token.get_secret_value()
        moving = self._move(self.settings.with_milvus(to, token), note)
        return self._loop.run(moving, (lambda: on_progress(*chunks)) if on_progress else None)

    # --- library

    def documents(self, first: int = 0, most: int | None = None) -> list[DocumentInfo]:
        """The documents of the collection, newest first: all, or at most `most` after the first `first`."""
        return self._catalog.documents(first, most)

    def size(self) -> tuple[int, int]:
        """How many documents the collection has, and how many chunks those of them that are ready."""
        return sum(self._catalog.count_states().values()), self._catalog.count_chunks()

    def document(self, doc_id: str) -> DocumentInfo:
        """Raises NotFound."""
        return self._originals.document(doc_id)

    def original(self, doc_id: str) -> bytes:
        """The bytes that were uploaded. Raises NotFound."""
        return self._originals.original(doc_id)

    def page_text(self, doc_id: str, page: int | None = None) -> str:
        """The text that passages' spans refer to: of a page, or of the whole document where `page` is None.

        Empty for a page without text. Raises NotFound for unknown documents and pages, ReadError.
        """
        return self._originals.page_text(doc_id, page)

    def image_pages(self, doc_id: str) -> int:
        """How many pages `page_image` can draw: all of a PDF, those without text counted; 0 of other formats.

        Raises NotFound.
        """
        return self._originals.image_pages(doc_id)

    def page_image(self, doc_id: str, page: int, spans: Iterable[tuple[int, int]] = (), *, soft: bool = False) -> bytes:
        """A page of a PDF as a PNG at most 1,200 pixels wide, with `spans` of its text (as `page_text` gives it)
        highlighted, paler if `soft`.

        What isn't found on the page isn't highlighted. Raises NotFound for unknown documents and pages, ReadError for
        other formats and for pages that can't be drawn.
        """
        return self._originals.page_image(doc_id, page, spans, soft=soft)

    def page_marks(
        self, doc_id: str, page: int, spans: Iterable[tuple[int, int]]
    ) -> list[tuple[float, float, float, float]]:
        """Where `page_image` highlights: (left, top, right, bottom) of each line in shares of the picture, 0 to 1.

        Empty where nothing is found. Raises like `page_image`.
        """
        return self._originals.page_marks(doc_id, page, spans)

    def delete(self, doc_id: str) -> Receipt:
        """Remove a document everywhere. Raises NotFound, StoreUnavailable."""
        self.document(doc_id)
        # A Milvus that can't be reached, such as a Lite file that the app has open, leaves it as it is.
        self._loop.run(self._store.connect())
        return self._loop.run(self._ingestion.lifecycle.delete([doc_id]))

    def reset(self) -> Receipt:
        """Remove the whole collection with all of its documents. Raises StoreUnavailable."""
        with self._intake.paused():
            return self._loop.run(self._ingestion.reset())

    def verify(self, repair: bool = False, *, on_progress: OnProgress = None) -> Verification:
        """Whether the catalog, the file store and Milvus agree; `repair` mends what can be mended, and waits for
        documents that have to be ingested again. `on_progress` is called like that of `ingest`.

        Raises StoreUnavailable, StoreError, CatalogError.
        """
        inspection = Inspection(self._catalog, self._files, self._store)
        mending = Repair(self._catalog, self._files, self._store, self._ingestion, self._model.fitting)
        report = (lambda: on_progress(self.jobs())) if on_progress else None
        return self._loop.run(mending.run() if repair else inspection.inspect(), report)

    # --- questions

    def search(
        self,
        question: str,
        top_k: int = 10,
        doc_ids: Collection[str] | None = None,
        history: History = (),
        *,
        on_wait: OnWait = None,
    ) -> list[Passage]:
        """The `top_k` best passages for a question, best first, in these documents (all when None).

        With `history` (oldest first) the question may be a follow-up. `on_wait` is called while waiting; what it
        raises stops the search. Raises StoreUnavailable, IndexMismatch, EmbeddingError, RagError for no question and
        LimitReached for one that is too long.
        """
        with request("search") as counts:
            passages = self._loop.run(self._answering.search(question, top_k, doc_ids, history), on_wait)
            counts["passages"] = len(passages)
            return passages

    def ask(
        self, question: str, history: History = (), doc_ids: Collection[str] | None = None, *, on_wait: OnWait = None
    ) -> Answer:
        """Find the passages for a question and begin to answer it. Raises like `search`."""
        with request("ask") as counts:
            draft = self._loop.run(self._answering.draft(question, history, doc_ids), on_wait)
            counts["passages"] = len(draft.passages)
            return Answer(draft, self._loop, on_wait)

    def suggestions(self) -> list[str]:
        """Up to four questions to begin with, made from what is in the library; none for an empty one."""
        ready = self._catalog.documents(most=MOST_QUESTIONS, state="ready")
        openings = [Opening(document.file_name, self._originals.opening(document)) for document in ready]
        return suggest_questions(openings)

    def status(self) -> Status:
        """How the parts are doing; never waits."""
        model = self._model
        watch = self._watch
        llm = self._language_model.status
        return Status(model.status, watch.milvus, llm, model.notice, model.mismatch, watch.outgrown)

    def check(self) -> Status:
        """Try each part now, which may take a few seconds."""
        return self._loop.run(self._check())

    def timings(self) -> dict[str, float]:
        """Milliseconds of embedding a question and of a search, the median of a few; of the parts that work."""
        return self._loop.run(self._answering.timings(self._watch.milvus.state == "ready"))

    # --- on the event loop

    async def _start(self) -> None:
        self._ingestion.start(ready=self._background)
        if self._background:
            self._spawn(self._begin_background())

    async def _begin_background(self) -> None:
        # What is needed earlier is loaded at once, by whoever needs it.
        await asyncio.sleep(HEAD_START_SECONDS)
        self._spawn(self._model.load())
        self._spawn(self._watch.run())
        self._spawn(self._language_model.load())
        # What tells languages apart takes half a second to load.
        self._spawn(asyncio.to_thread(identify, "Guten Morgen"))

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(quietly(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Each part is closed whatever becomes of the others.
        for part in (self._ingestion.close(), self._store.close(), self._language_model.close()):
            await quietly(part)

    async def _drop_collection(self, renew: bool) -> tuple[int, int]:
        try:
            removed, left = await self._model.drop(renew)
        finally:
            self._watch.doubt()
        if self._background:
            self._spawn(self._model.load())
        return removed, left

    async def _move(self, target: Settings, note: Callable[[int, int], object]) -> Moved:
        if target.milvus_key == self.settings.milvus_key:
            raise StoreError(f"The library is at {target.milvus_shown} already; name another Milvus.")
        name = self.settings.collection
        store = VectorStore(target)
        here = Place(self.settings.milvus_key, self._store, self._catalog)
        there = Place(target.milvus_key, store, Catalog(self._engine, target.milvus_key, name))
        try:
            return await move_library(here, there, name, note)
        finally:
            await quietly(store.close())

    async def _check(self) -> Status:
        await quietly(self._model.load())
        await quietly(self._watch.look())
        await self._language_model.check()
        return self.status()


async def _in_loop(call: Callable[[], object]) -> None:
    call()
