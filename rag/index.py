"""DocumentIndex: the face of the package, and the only place where its rooms are wired together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable

from rag.answering.answer import Answer
from rag.answering.inputs import History
from rag.answering.questions import Answering
from rag.answering.suggestions import MOST as MOST_QUESTIONS
from rag.answering.suggestions import Opening, suggest_questions
from rag.embeddings.embedder import EmbedderThreads
from rag.ingestion.inputs import display_name
from rag.ingestion.intake import FileInput, Intake, OnProgress
from rag.ingestion.pipeline import Ingestion
from rag.library.collection_model import CollectionModel
from rag.library.consistency import Inspection, Verification
from rag.library.health import Health
from rag.library.originals import Originals
from rag.library.repair import Repair
from rag.library.services import Services
from rag.library.transfer import Moved, Place, move_library
from rag.llm.service import LanguageModelService
from rag.runtime.background import quietly
from rag.runtime.event_loop import EventLoopThread
from rag.runtime.logs import request
from rag.schema import DocumentInfo, IngestResult, Job, Passage, Receipt, Status
from rag.settings import Settings
from rag.storage.conversations import Conversations
from rag.storage.database import open_database
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

OnWait = Callable[[], object] | None


class DocumentIndex:
    """A library of documents that can be searched and asked. Thread-safe and synchronous.

    The constructor returns at once: models are loaded, Milvus is reached and unfinished documents are resumed in the
    background. With `background` False, for a command that ends in a moment, models and Milvus wait for their first
    use, and no document is resumed. All errors are children of RagError.
    """

    def __init__(self, settings: Settings | None = None, *, background: bool = True) -> None:
        self.settings = settings or Settings()
        self._engine = open_database(self.settings.database_address)
        self._catalog = Catalog(self._engine, self.settings.milvus_key, self.settings.collection)
        self.conversations = Conversations(self._engine, self.settings.collection)
        self._files = FileStore(self.settings.data_dir / "files")
        language_model = LanguageModelService(self.settings)
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
            lambda rebuild: self._services.delete_collection(rebuild),
            self.settings.ocr,
            language_model.read_picture,
        )
        self._health = Health(self.settings, self._catalog, self._store, self._model, self._ingestion)
        self._services = Services(self._model, self._health, language_model)
        self._answering = Answering(
            self.settings,
            self._catalog,
            self._files,
            self._store,
            self._model,
            self._threads,
            self._ingestion.in_flight,
            language_model,
        )
        self._originals = Originals(self._catalog, self._files)
        self._closed = False
        self._loop = EventLoopThread()
        self._intake = Intake(self.settings, self._catalog, self._files, self._ingestion, self._loop)
        self._loop.run(self._start(background))

    def __enter__(self) -> DocumentIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release everything. Unfinished documents are resumed at the next start. A second call does nothing."""
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
        """Ingest a document in the background. With `replace`, the other documents of its name are deleted once it is
        ready.

        If a ready document has these bytes, the job's stage is "unchanged". Raises ReadError for a file that is too
        large or has no name, LimitReached for more than MAX_DOCUMENTS or MAX_JOBS, CatalogError.
        """
        return self._intake.submit(name, data, replace)

    def jobs(self) -> list[Job]:
        """All jobs, oldest first. A finished job stays until it is dismissed."""
        return self._ingestion.book.jobs()

    def cancel(self, job_id: str) -> None:
        """Stop a job and delete its document. Raises NotFound."""
        self._loop.run(self._ingestion.cancel(job_id))

    def dismiss(self, job_id: str | None = None) -> None:
        """Take one finished job off the list, or (None) all finished jobs."""
        self._loop.run(self._ingestion.dismiss(job_id))

    def retry(self, doc_id: str) -> Job:
        """Ingest a failed document again, from the kept bytes. If it was to replace documents, it still does. Raises
        NotFound, and the errors of `submit`."""
        return self._intake.retry(self.document(doc_id))

    def namesake(self, name: str, data: bytes) -> DocumentInfo | None:
        """Another ready document of the same name, which the user may replace or keep. None if there is none, or if the
        library has these bytes."""
        return next(iter(self._intake.namesakes(display_name(name), data)), None)

    def ingest(
        self, files: Iterable[FileInput], *, replace: bool = False, on_progress: OnProgress = None
    ) -> list[IngestResult]:
        """Ingest files (paths, or pairs of name and bytes) and wait until all are done. Returns one result a file, in
        order.

        A file that can't be read or stored gets a result with status "failed" and the reason; the other files go on.
        Files beyond MAX_JOBS wait until earlier files are ready. `on_progress` is called about ten times a second with
        the jobs. Raises CatalogError only.
        """
        return self._intake.ingest(files, replace, on_progress)

    def wait(self, jobs: Iterable[Job], *, on_progress: OnProgress = None) -> list[Job]:
        """Wait until `jobs` are finished. Returns their final snapshots in the same order."""
        return self._intake.wait(jobs, on_progress)

    def reindex(self) -> list[Job]:
        """Rebuild the collection with the settings in force, from the kept bytes."""
        with self._intake.paused():
            return self._loop.run(self._ingestion.rebuild())

    def move(self, to: str, token: str = "", *, on_progress: Callable[[int, int], object] | None = None) -> Moved:
        """Copy the collection with its vectors to another Milvus, where the app then shows the same library.

        `to` and `token` are the MILVUS_URI and MILVUS_TOKEN of the target. For a library on Milvus Lite, which needs no
        token itself, MILVUS_TOKEN is the default of `token`. Nothing is deleted. A second call copies only missing
        chunks. `on_progress` is called about ten times a second with the number of copied chunks and their total.
        Raises SettingsError, StoreUnavailable, CatalogError, and StoreError if the target holds another library or the
        counts differ.
        """
        copied = deque([(0, 0)], maxlen=1)
        here = Place(self.settings.milvus_key, self._store, self._catalog)
        target = self.settings.with_milvus(to, token)
        moving = move_library(here, target, self._engine, lambda *chunks: copied.append(chunks))
        return self._loop.run(moving, (lambda: on_progress(*copied[0])) if on_progress else None)

    # --- library

    def documents(self, first: int = 0, most: int | None = None) -> list[DocumentInfo]:
        """The documents of the collection, newest first: at most `most` (None: all), after the first `first`."""
        return self._catalog.documents(first, most)

    def size(self) -> tuple[int, int]:
        """The number of documents in the collection, and the number of chunks of its ready documents."""
        return sum(self._catalog.count_states().values()), self._catalog.count_chunks()

    def document(self, doc_id: str) -> DocumentInfo:
        """One document of the collection. Raises NotFound."""
        return self._originals.document(doc_id)

    def original(self, doc_id: str) -> bytes:
        """The document's bytes. Raises NotFound."""
        return self._originals.original(doc_id)

    def page_text(self, doc_id: str, page: int | None = None) -> str:
        """The text that spans refer to: of a page (from 1), or of the whole document if `page` is None.

        A page without text gives "". Raises NotFound for an unknown document or page, ReadError.
        """
        return self._originals.page_text(doc_id, page)

    def image_pages(self, doc_id: str) -> int:
        """How many pages `page_image` can draw: all of a PDF or a picture; 0 for other formats. Raises NotFound."""
        return self._originals.image_pages(doc_id)

    def page_image(self, doc_id: str, page: int, spans: Iterable[tuple[int, int]] = (), *, soft: bool = False) -> bytes:
        """A page of a PDF or picture (from 1) as a PNG, at most 1,200 pixels wide. `spans` of its `page_text` are
        highlighted, in a paler colour if `soft`.

        A span that isn't found on the page isn't highlighted. Raises NotFound for an unknown document or page,
        ReadError for another format and for a page that can't be drawn.
        """
        return self._originals.page_image(doc_id, page, spans, soft=soft)

    def page_marks(
        self, doc_id: str, page: int, spans: Iterable[tuple[int, int]]
    ) -> list[tuple[float, float, float, float]]:
        """The lines that `page_image` highlights: left, top, right, bottom in shares of the picture, 0 to 1; none if no
        span is found. Raises like `page_image`."""
        return self._originals.page_marks(doc_id, page, spans)

    def delete(self, doc_id: str) -> Receipt:
        """Delete a document everywhere. Raises NotFound, StoreUnavailable."""
        self.document(doc_id)
        # Before the deletion: if Milvus can't be reached, as a Lite file that the app has open, nothing is changed.
        self._loop.run(self._store.connect())
        return self._loop.run(self._ingestion.lifecycle.delete([doc_id]))

    def reset(self) -> Receipt:
        """Delete the collection and all its documents. Raises StoreUnavailable."""
        with self._intake.paused():
            return self._loop.run(self._ingestion.reset())

    def verify(self, repair: bool = False, *, on_progress: OnProgress = None) -> Verification:
        """Compare the catalog, the kept files and Milvus. With `repair`, mend the differences, and wait for documents
        that have to be ingested again.

        `on_progress` is called as by `ingest`. Raises StoreUnavailable, StoreError, CatalogError.
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
        """The `top_k` best passages for a question, best first, from the documents `doc_ids` (None: from all).

        With `history` (oldest first) the question may be a follow-up. `on_wait` is called again and again while the
        search runs; an error that it raises ends the search. Raises StoreUnavailable, IndexMismatch, EmbeddingError,
        LimitReached for a question that is too long, RagError for an empty question.
        """
        with request("search") as counts:
            passages = self._loop.run(self._answering.search(question, top_k, doc_ids, history), on_wait)
            counts["passages"] = len(passages)
            return passages

    def ask(
        self, question: str, history: History = (), doc_ids: Collection[str] | None = None, *, on_wait: OnWait = None
    ) -> Answer:
        """Retrieve the passages for a question and begin its answer. Raises like `search`."""
        with request("ask") as counts:
            draft = self._loop.run(self._answering.draft(question, history, doc_ids), on_wait)
            counts["passages"] = len(draft.passages)
            return Answer(draft, self._loop, on_wait)

    def suggestions(self) -> list[str]:
        """Up to four first questions, made from the library's documents. An empty library gives none."""
        ready = self._catalog.documents(most=MOST_QUESTIONS, state="ready")
        return suggest_questions([Opening(document.file_name, self._originals.opening(document)) for document in ready])

    def status(self) -> Status:
        """The states of the services as last seen. Never waits."""
        return self._services.status()

    def check(self) -> Status:
        """Try each service now, which may take a few seconds."""
        return self._loop.run(self._services.check())

    def timings(self) -> dict[str, float]:
        """Median milliseconds of embedding a question and of a search. A service that doesn't work is left out."""
        return self._loop.run(self._answering.timings(self._health.milvus.state == "ready"))

    # --- on the event loop

    async def _start(self, background: bool) -> None:
        self._ingestion.start(ready=background)
        if background:
            self._services.start()

    async def _stop(self) -> None:
        # Background work ends first: it uses ingestion and the store. A failure doesn't stop the next one.
        for close in (self._services.stop, self._ingestion.close, self._store.close, self._services.close):
            await quietly(close())
