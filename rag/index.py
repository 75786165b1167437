"""DocumentIndex: the face of the package, and the only place where its parts are wired together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rag.catalog import Catalog
from rag.chat import Answer, Draft, draft_answer
from rag.collection import CollectionModel
from rag.conversations import Conversations
from rag.database import open_database
from rag.embedding import EmbedderThreads
from rag.errors import CatalogError, CollectionLost, LimitReached, NotFound, RagError, StoreError
from rag.event_loop import EventLoopThread
from rag.file_store import FileStore, document_id
from rag.ids import checked_doc_id
from rag.ingestion import Ingestion
from rag.language_model import LanguageModel
from rag.languages import identify
from rag.logs import request
from rag.moving import Moved, Place, move_library
from rag.repair import Repair
from rag.reranking import Reranker
from rag.retrieval import Query, Retrieved, build_query, retrieve
from rag.schema import DocumentInfo, IngestResult, Job, Passage, Receipt, Status
from rag.settings import Settings
from rag.sources import History, as_messages, as_question, check_size, display_name, read_path
from rag.suggestions import MOST as MOST_QUESTIONS
from rag.suggestions import suggest_questions
from rag.vector_store import VectorStore
from rag.verification import Inspection, Verification
from rag.watch import Watch, quietly

# What is read of a document to make first questions.
OPENING_BYTES = 20_000
# So many documents are added between two counts of all.
COUNTED_AGAIN = 100
# Imports and loading keep the interpreter busy: the page that has made the index is drawn first.
HEAD_START_SECONDS = 1.0

Source = str | Path | tuple[str, bytes]
OnWait = Callable[[], object] | None
OnProgress = Callable[[list[Job]], object] | None


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
        self.conversations = Conversations(self._engine)
        self._files = FileStore(self.settings.data_dir / "files")
        self._language_model = LanguageModel(self.settings)
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
        self._reranker: Reranker | None = None
        self._loading_reranker = asyncio.Lock()
        self._watch = Watch(self.settings, self._catalog, self._store, self._model, self._ingestion)
        self._closed = False
        # One file at a time is taken in: two threads may bring the same bytes.
        self._submitting = threading.Lock()
        self._documents_room = 0  # for how many more there is, by the last count
        self._loop = EventLoopThread()
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
        file_name = display_name(name)
        if not self._ingestion.book.room(self.settings.max_jobs) and self._is_new(document_id(data)):
            raise LimitReached(
                f"{file_name} isn't added, since {self.settings.max_jobs:,} documents are on their way already; add it "
                "when some of them are ready, or raise MAX_JOBS."
            )
        replaces = tuple(other.doc_id for other in self._namesakes(file_name, data)) if replace else ()
        return self._submit(file_name, data, replaces)

    def _is_new(self, doc_id: str) -> bool:
        """Whether it would take a job of its own: it is neither ready nor on its way."""
        known = self._catalog.find(doc_id)
        return self._ingestion.book.running(doc_id) is None and (known is None or known.state != "ready")

    def _submit(self, file_name: str, data: bytes, replaces: tuple[str, ...]) -> Job:
        check_size(file_name, len(data), self.settings.max_upload_mb)
        doc_id = document_id(data)
        with self._submitting:
            running = self._ingestion.book.running(doc_id)
            if running is not None:
                return running
            again = self._catalog.knows(doc_id)
            if not again:
                self._check_number(file_name, len(replaces))
            outcome = self._keep(doc_id, file_name, data, replaces)
            return self._loop.run(self._take_in(doc_id, file_name, replaces, outcome, again))

    def _check_number(self, file_name: str, replaced: int) -> None:
        most = self.settings.max_documents
        if self._documents_room < 1:
            number = sum(self._catalog.count_states().values())
            self._documents_room = min(COUNTED_AGAIN, most - number)
        if self._documents_room + replaced < 1:
            raise LimitReached(
                f"{file_name} isn't added, since a collection takes {most:,} documents; delete some, or raise "
                "MAX_DOCUMENTS."
            )
        self._documents_room -= 1

    def _keep(self, doc_id: str, file_name: str, data: bytes, replaces: tuple[str, ...]) -> str:
        """Keep the bytes of a document and note that it is to be ingested. Returns what `Catalog.add_pending` says."""
        if self._catalog.find(doc_id) is not None:
            self._files.write(data)  # those of a ready document may be lost
            return self._catalog.add_pending(doc_id, file_name, len(data), replaces)
        # Noted first, so that no bytes are left of a document that nobody knows; listed when they are kept.
        outcome = self._catalog.add_pending(doc_id, file_name, len(data), replaces, listed=False)
        if outcome == "added":
            try:
                self._files.write(data)
                self._catalog.list_pending(doc_id)
            except RagError:
                self._loop.run(self._ingestion.give_back(doc_id))
                raise
        return outcome

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
        """Ingest a document that failed again, from the kept bytes. Raises NotFound."""
        document = self.document(doc_id)
        return self.submit(document.file_name, self._files.read(doc_id))

    def namesake(self, name: str, data: bytes) -> DocumentInfo | None:
        """Another ready document under the same name, to be replaced or kept beside this one; None for bytes that are
        in the library already."""
        others = self._namesakes(display_name(name), data)
        return others[0] if others else None

    def _namesakes(self, file_name: str, data: bytes) -> list[DocumentInfo]:
        doc_id = document_id(data)
        known = self._catalog.find(doc_id)
        return [] if known and known.state == "ready" else self._catalog.namesakes(file_name, doc_id)

    def ingest(
        self,
        sources: Iterable[Source],
        *,
        replace: bool = False,
        on_progress: OnProgress = None,
    ) -> list[IngestResult]:
        """Ingest files (paths, or pairs of name and bytes) and wait until all are done; one result each, in order.

        A file that can't be read or stored gives a result with status "failed" and the reason; the others go on. More
        files than MAX_JOBS are taken in as those before them become ready.
        `on_progress` is called about ten times a second with the jobs. Raises CatalogError only.
        """
        # Only what was there before is replaced, not other files of this call.
        replaced: dict[str, list[str]] = {}
        for document in self.documents() if replace else ():
            if document.state == "ready":
                replaced.setdefault(document.file_name, []).append(document.doc_id)
        outcomes: list[Job | IngestResult] = []
        first_seen: set[str] = set()
        repeated: list[bool] = []
        room = 0
        for source in sources:
            if room < 1:
                room = self._await_room(on_progress)
            room -= 1
            outcome = self._submit_source(source, replaced)
            outcomes.append(outcome)
            key = outcome.job_id if isinstance(outcome, Job) else ""
            repeated.append(bool(key) and key in first_seen)
            first_seen.add(key)
        jobs = [outcome for outcome in outcomes if isinstance(outcome, Job)]
        finished = iter(self.wait(jobs, on_progress=on_progress))
        return [
            _result(next(finished), again) if isinstance(outcome, Job) else outcome
            for outcome, again in zip(outcomes, repeated, strict=True)
        ]

    def _await_room(self, on_progress: OnProgress) -> int:
        """Wait until fewer than MAX_JOBS documents are on their way. Returns for how many there is room."""
        limit = self.settings.max_jobs
        while not (room := self._ingestion.book.room(limit)):
            # For a part of them, since each count looks at all jobs.
            unfinished = [job for job in self.jobs() if not job.finished]
            self.wait(unfinished[: 1 + limit // 10], on_progress=on_progress)
        return room

    def wait(self, jobs: Iterable[Job], *, on_progress: OnProgress = None) -> list[Job]:
        """Wait until these jobs are finished; returns them as they are then, in the same order."""

        def report() -> None:
            if on_progress:
                on_progress(self.jobs())

        finished = self._loop.run(self._ingestion.book.wait(list(jobs)), report if on_progress else None)
        report()
        return finished

    def reindex(self) -> list[Job]:
        """Rebuild the collection with the settings in force, from the kept bytes."""
        with self._submitting:
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
        found = self._catalog.find(checked_doc_id(doc_id))
        if found is None:
            raise NotFound("There is no such document in this collection; list the documents to see what there is.")
        return found

    def original(self, doc_id: str) -> bytes:
        """The bytes that were uploaded. Raises NotFound."""
        self.document(doc_id)
        return self._files.read(doc_id)

    def page_text(self, doc_id: str, page: int | None = None) -> str:
        """The text that passages' spans refer to: of a page, or of the whole document where `page` is None.

        Empty for a page without text. Raises NotFound for unknown documents and pages, ReadError.
        """
        document = self.document(doc_id)
        pages = self._files.read_pages(doc_id, document.file_name)
        if page is None:
            return "\n\n".join(part.text for part in pages)
        found = next((part.text for part in pages if part.number == page), None)
        if found is None and not 1 <= page <= max(document.pages, self.image_pages(doc_id)):
            raise NotFound(f"{document.file_name} has no page {page}.")
        return found or ""

    def image_pages(self, doc_id: str) -> int:
        """How many pages `page_image` can draw: all of a PDF, those without text counted; 0 of other formats.

        Raises NotFound.
        """
        from rag.page_view import count_pages

        return count_pages(self.original(doc_id))

    def page_image(self, doc_id: str, page: int, spans: Iterable[tuple[int, int]] = (), *, soft: bool = False) -> bytes:
        """A page of a PDF as a PNG at most 1,200 pixels wide, with `spans` of its text (as `page_text` gives it)
        highlighted, paler if `soft`.

        What isn't found on the page isn't highlighted. Raises NotFound for unknown documents and pages, ReadError for
        other formats and for pages that can't be drawn.
        """
        from rag.page_view import draw_page

        document = self.document(doc_id)
        marked = list(spans)
        text = self.page_text(doc_id, page) if marked else ""
        return draw_page(self._files.read(doc_id), document.file_name, page, text, marked, soft=soft)

    def page_marks(
        self, doc_id: str, page: int, spans: Iterable[tuple[int, int]]
    ) -> list[tuple[float, float, float, float]]:
        """Where `page_image` highlights: (left, top, right, bottom) of each line in shares of the picture, 0 to 1.

        Empty where nothing is found. Raises like `page_image`.
        """
        from rag.page_view import place_spans

        text, document = self.page_text(doc_id, page), self.document(doc_id)
        return place_spans(self._files.read(doc_id), document.file_name, page, text, spans)

    def delete(self, doc_id: str) -> Receipt:
        """Remove a document everywhere. Raises NotFound, StoreUnavailable."""
        self.document(doc_id)
        # A Milvus that can't be reached, such as a Lite file that the app has open, leaves it as it is.
        self._loop.run(self._store.connect())
        return self._loop.run(self._ingestion.delete([doc_id]))

    def reset(self) -> Receipt:
        """Remove the whole collection with all of its documents. Raises StoreUnavailable."""
        with self._submitting:
            return self._loop.run(self._ingestion.delete_all())

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
            passages = self._loop.run(self._search_with_history(question, top_k, doc_ids, history), on_wait)
            counts["passages"] = len(passages)
            return passages

    def ask(
        self, question: str, history: History = (), doc_ids: Collection[str] | None = None, *, on_wait: OnWait = None
    ) -> Answer:
        """Find the passages for a question and begin to answer it. Raises like `search`."""
        with request("ask") as counts:
            draft = self._loop.run(self._draft(question, history, doc_ids), on_wait)
            counts["passages"] = len(draft.passages)
            return Answer(draft, self._loop, on_wait)

    def suggestions(self) -> list[str]:
        """Up to four questions to begin with, made from what is in the library; none for an empty one."""
        ready = self._catalog.documents(most=MOST_QUESTIONS, state="ready")
        return suggest_questions([(document.file_name, self._opening(document)) for document in ready])

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
        return self._loop.run(self._timings())

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

    async def _take_in(self, doc_id: str, file_name: str, replaces: tuple[str, ...], outcome: str, again: bool) -> Job:
        book = self._ingestion.book
        if outcome == "added":
            return self._ingestion.add(doc_id, file_name, replaces, again)
        if outcome == "busy":
            error = f"{file_name} is being added or removed elsewhere right now; add it again in a moment."
            return book.add(doc_id, file_name, "failed", error=error).job
        known = await asyncio.to_thread(self._catalog.find, doc_id)
        pages, chunks = (known.pages, known.chunks) if known else (0, 0)
        return book.add(doc_id, file_name, "unchanged", pages=pages, chunks=chunks).job

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

    async def _search(self, query: Query, top_k: int, doc_ids: Collection[str] | None) -> Retrieved:
        if top_k < 1 or (doc_ids is not None and not doc_ids):
            return Retrieved()
        for _ in range(2):  # another process may drop the collection meanwhile, and make it again
            if not await self._store.connect():
                break
            with suppress(CollectionLost):
                return await retrieve(
                    query,
                    store=self._store,
                    embedder=await self._model.fitting(),
                    threads=self._threads,
                    catalog=self._catalog,
                    page_text=self._files.page_text,
                    top_k=top_k,
                    doc_ids=doc_ids,
                    without=self._ingestion.in_flight(),
                    reranker=await self._loaded_reranker(),
                )
        if (await asyncio.to_thread(self._catalog.count_states)).get("ready"):
            raise self._store.lost()
        return Retrieved()

    async def _loaded_reranker(self) -> Reranker | None:
        async with self._loading_reranker:
            if self.settings.rerank_model and self._reranker is None:
                self._reranker = await asyncio.to_thread(Reranker, self.settings.rerank_model)
        return self._reranker

    async def _search_with_history(
        self, question: str, top_k: int, doc_ids: Collection[str] | None, history: History
    ) -> list[Passage]:
        self.settings.check_question(question)
        query = await asyncio.to_thread(build_query, as_question(question), as_messages(history))
        found = await self._search(query, top_k, doc_ids)
        return found.passages

    async def _draft(self, question: str, history: History, doc_ids: Collection[str] | None) -> Draft:
        self.settings.check_question(question)
        asked = as_question(question)
        # Counted before the search: what becomes ready meanwhile may be missed by it.
        states = await asyncio.to_thread(self._catalog.count_states, doc_ids)
        return await draft_answer(
            asked,
            as_messages(history),
            doc_ids,
            search=self._search,
            llm=await self._language_model.load(),
            timeout=self.settings.llm_timeout,
            embedder=self._model.fitting,
            threads=self._threads,
            ready=states.get("ready", 0),
            pending=states.get("pending", 0),
        )

    async def _check(self) -> Status:
        await quietly(self._model.load())
        await quietly(self._watch.look())
        await self._language_model.check()
        return self.status()

    async def _timings(self) -> dict[str, float]:
        async def median(call: Callable[[], Awaitable[object]]) -> float:
            times = []
            for _ in range(5):
                began = time.perf_counter()
                await call()
                times.append(1000 * (time.perf_counter() - began))
            return sorted(times)[2]

        question = "How fast is this?"
        timings: dict[str, float] = {}
        if self._model.embedder is not None:
            embed = self._model.embedder.embed_query
            timings["embed a question"] = await median(lambda: asyncio.to_thread(embed, question))
            if self._watch.milvus.state == "ready" and not self._model.mismatch:
                timings["search"] = await median(lambda: self._search(build_query(question), 10, None))
        return timings

    # --- small matters

    def _submit_source(self, source: Source, replaced: Mapping[str, list[str]]) -> Job | IngestResult:
        name = display_name(source[0] if isinstance(source, tuple) else str(source))
        try:
            limit = self.settings.max_upload_mb
            data = source[1] if isinstance(source, tuple) else read_path(Path(source), limit)
            own = document_id(data)
            return self._submit(name, data, tuple(other for other in replaced.get(name, ()) if other != own))
        except CatalogError:
            raise
        except RagError as error:
            return IngestResult(name, "failed", None, error=str(error))

    def _opening(self, document: DocumentInfo) -> str:
        """The first words of a document that is plain text, for suggestions."""
        if not document.file_name.lower().endswith((".md", ".txt")):
            return ""
        try:
            return self._files.read(document.doc_id, OPENING_BYTES).decode("utf-8", "ignore")
        except RagError:
            return ""


def _result(job: Job, again: bool) -> IngestResult:
    if job.stage == "ready":
        status = "unchanged" if again else "ready"
        return IngestResult(job.file_name, status, job.doc_id, job.pages, job.chunks)  # type: ignore[arg-type]
    if job.stage == "unchanged":
        return IngestResult(job.file_name, "unchanged", job.doc_id, job.pages, job.chunks)
    return IngestResult(job.file_name, "failed", job.doc_id, error=job.error or "It was cancelled.")


async def _in_loop(call: Callable[[], object]) -> None:
    call()
